package dev.cais.linux;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Native memory for the arguments of a few system calls: a stack per thread, given back when the frame closes.
 *
 * <pre>{@code
 * try (var scratch = Scratch.frame()) {
 *     var path = scratch.path("/proc");
 *     Syscalls.call(Syscall.CHDIR, path);
 * }
 * }</pre>
 *
 * A frame belongs to the thread that opened it. Frames nest.
 */
public final class Scratch implements AutoCloseable {
    private static final int SIZE = 1 << 16;
    private static final byte[] ZEROS = new byte[SIZE];
    private static final ThreadLocal<Stack> STACKS = ThreadLocal.withInitial(Stack::new);

    private static final class Stack {
        final NativeMemory memory = NativeMemory.allocate(SIZE);
        int used;
    }

    private final Stack stack;
    private final int start;
    private final List<NativeMemory> large = new ArrayList<>(0);

    private Scratch(Stack stack) {
        this.stack = stack;
        this.start = stack.used;
    }

    public static Scratch frame() {
        return new Scratch(STACKS.get());
    }

    /** Reserves zeroed memory, aligned to eight bytes, and returns its address. */
    public long reserve(int size) {
        return address(take(size));
    }

    /** The bytes with a NUL behind them. */
    public long path(byte[] text) {
        var buffer = take(text.length + 1);
        var address = address(buffer);
        buffer.put(text).put((byte) 0);
        return address;
    }

    /** The text in UTF-8 with a NUL behind it. */
    public long path(String text) {
        return path(text.getBytes(StandardCharsets.UTF_8));
    }

    /** The bytes as they are. */
    public long bytes(byte[] content) {
        var buffer = take(content.length);
        var address = address(buffer);
        buffer.put(content);
        return address;
    }

    /** 64-bit words, one behind the other. */
    public long words(long... words) {
        var buffer = take(words.length * Long.BYTES);
        var address = address(buffer);
        for (var word : words) {
            buffer.putLong(word);
        }
        return address;
    }

    /** A view of reserved memory, little endian; {@link #address} gives its address back. */
    public ByteBuffer take(int size) {
        var aligned = (stack.used + 7) & ~7;
        if (size > SIZE - aligned) {
            var memory = NativeMemory.allocate(size);
            large.add(memory);
            return memory.bytes();
        }
        stack.used = aligned + size;
        var view = stack.memory.bytes().slice(aligned, size).order(ByteOrder.LITTLE_ENDIAN);
        view.put(0, ZEROS, 0, size);
        return view;
    }

    /** The address of the first byte of a buffer from {@link #take}. */
    public static long address(ByteBuffer taken) {
        return Pointer.nativeValue(Native.getDirectBufferPointer(taken.slice(0, taken.capacity())));
    }

    @Override
    public void close() {
        stack.used = start;
        large.clear();
    }
}
