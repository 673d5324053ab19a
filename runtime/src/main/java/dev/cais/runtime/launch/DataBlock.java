package dev.cais.runtime.launch;

import dev.cais.InvalidSpecException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.LongStream;

/** What a launch program's calls point to, as it will lie in its memory: texts and tables once each, and room for the kernel to write to. */
final class DataBlock {
    private final Map<Object, Arg.Pointer> shared = new HashMap<>();
    private ByteBuffer block = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);

    private Arg.Pointer put(byte[] bytes, int size, int alignment, String shown) {
        var start = (block.position() + alignment - 1) & -alignment;
        if (start + size > block.capacity()) {
            var larger = ByteBuffer.allocate(2 * (start + size)).order(ByteOrder.LITTLE_ENDIAN);
            block = larger.put(block.flip());
        }
        block.position(start).put(bytes).position(start + size);
        return new Arg.Pointer(LaunchProgram.DATA_ADDRESS + start, shown);
    }

    /** A text, with a NUL behind it. */
    Arg.Pointer text(String text) {
        return shared.computeIfAbsent(text, key -> {
            if (text.indexOf('\0') >= 0) {
                throw new InvalidSpecException(
                        "cannot write a launch program: a text holds a NUL character",
                        Map.of("text", quoted(text)),
                        "");
            }
            var bytes = text.getBytes(StandardCharsets.UTF_8);
            return put(bytes, bytes.length + 1, 1, quoted(text));
        });
    }

    /** The bytes as they are, aligned to eight. */
    Arg.Pointer bytes(byte[] bytes, String shown) {
        return put(bytes, bytes.length, 8, shown);
    }

    /** Zeroed memory, aligned to eight bytes. */
    Arg.Pointer reserve(int size) {
        var pointer = put(new byte[0], (size + 7) & ~7, 8, "");
        return new Arg.Pointer(pointer.address(), Arg.Pointer.MEMORY + offset(pointer));
    }

    /** 64-bit words, one behind the other. */
    Arg.Pointer words(String shown, long... words) {
        var bytes = ByteBuffer.allocate(words.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        Arrays.stream(words).forEach(bytes::putLong);
        return put(bytes.array(), bytes.capacity(), 8, shown);
    }

    /** Writes words to where there is room. */
    void fill(Arg.Pointer place, long... words) {
        for (var i = 0; i < words.length; i++) {
            block.putLong(offset(place) + i * Long.BYTES, words[i]);
        }
    }

    /** Pointers to texts with a null pointer at the end, as execve(2) wants them. */
    Arg.Pointer texts(List<String> texts, String shown) {
        var pointers = LongStream.concat(
                        texts.stream().mapToLong(text -> text(text).address()), LongStream.of(0))
                .toArray();
        return shared.computeIfAbsent(List.of(texts, shown), key -> words(shown, pointers));
    }

    /** What is there under a key, or made now: two calls may point to the same. */
    Arg.Pointer shared(Object key, Supplier<Arg.Pointer> made) {
        return shared.computeIfAbsent(key, absent -> made.get());
    }

    /** Where in the block a pointer points. */
    static int offset(Arg.Pointer pointer) {
        return (int) (pointer.address() - LaunchProgram.DATA_ADDRESS);
    }

    byte[] content() {
        return Arrays.copyOf(block.array(), block.position());
    }

    /** As listings show a text. */
    static String quoted(String text) {
        var shortened = text.length() > 200 ? text.substring(0, 200) + "…" : text;
        return "\""
                + shortened
                        .replace("\\", "\\\\")
                        .replace("\"", "\\\"")
                        .replace("\n", "\\n")
                        .replace("\0", "\\0") + "\"";
    }
}
