package dev.cais.network.netlink;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The attributes of a message, or of another attribute, by type; of several with one type the last counts.
 *
 * <p>Whatever the bytes are, reading them never fails: an attribute that does not fit in its frame ends the list, and a value of
 * the wrong size counts as missing.
 */
final class Attributes {
    static final int HEADER = 4;

    /** Without the bits that say "nested" and "in network byte order". */
    private static final int TYPE_MASK = 0x3fff;

    private final Map<Integer, ByteBuffer> values;

    private Attributes(Map<Integer, ByteBuffer> values) {
        this.values = values;
    }

    static Attributes parse(ByteBuffer bytes) {
        var values = new HashMap<Integer, ByteBuffer>();
        each(bytes, (type, value) -> values.put(type, value));
        return new Attributes(values);
    }

    /** The values of a list whose elements all have one type, as nf_tables has them. */
    static List<ByteBuffer> list(ByteBuffer bytes) {
        var values = new ArrayList<ByteBuffer>();
        each(bytes, (type, value) -> values.add(value));
        return values;
    }

    @FunctionalInterface
    private interface Visitor {
        void accept(int type, ByteBuffer value);
    }

    private static void each(ByteBuffer bytes, Visitor visitor) {
        var rest = bytes.slice().order(ByteOrder.LITTLE_ENDIAN);
        while (rest.remaining() >= HEADER) {
            var start = rest.position();
            var length = Short.toUnsignedInt(rest.getShort(start));
            if (length < HEADER || length > rest.remaining()) {
                return;
            }
            visitor.accept(
                    rest.getShort(start + 2) & TYPE_MASK,
                    rest.slice(start + HEADER, length - HEADER).order(ByteOrder.LITTLE_ENDIAN));
            rest.position(Math.min(rest.limit(), start + MessageWriter.aligned(length)));
        }
    }

    private @Nullable ByteBuffer value(int type, int size) {
        var value = values.get(type);
        return value != null && value.remaining() == size ? value : null;
    }

    boolean has(int type) {
        return values.containsKey(type);
    }

    int u32(int type, int otherwise) {
        var value = value(type, Integer.BYTES);
        return value == null ? otherwise : value.getInt(0);
    }

    /** In network byte order, as nf_tables writes it. */
    int be32(int type, int otherwise) {
        var value = value(type, Integer.BYTES);
        return value == null ? otherwise : Integer.reverseBytes(value.getInt(0));
    }

    long be64(int type, long otherwise) {
        var value = value(type, Long.BYTES);
        return value == null ? otherwise : Long.reverseBytes(value.getLong(0));
    }

    Optional<byte[]> bytes(int type) {
        return Optional.ofNullable(values.get(type)).map(value -> {
            var copy = new byte[value.remaining()];
            value.get(value.position(), copy);
            return copy;
        });
    }

    /** Up to the first NUL; empty if it is missing. */
    String text(int type) {
        var value = bytes(type).orElse(new byte[0]);
        var length = 0;
        while (length < value.length && value[length] != 0) {
            length++;
        }
        return new String(value, 0, length, StandardCharsets.UTF_8);
    }

    /** No attributes if it is missing. */
    Attributes nested(int type) {
        var value = values.get(type);
        return value == null ? new Attributes(Map.of()) : parse(value);
    }

    Optional<ByteBuffer> raw(int type) {
        return Optional.ofNullable(values.get(type));
    }
}
