package dev.cais.network.netlink;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;

/** The body of a message as it is written: fixed fields first, then attributes, each aligned to four bytes. */
final class MessageWriter {
    private static final int NESTED = 0x8000;
    private static final int LARGEST_ATTRIBUTE = 0xffff;
    private static final int FIRST_SIZE = 256;

    private ByteBuffer bytes = ByteBuffer.allocate(FIRST_SIZE).order(ByteOrder.LITTLE_ENDIAN);

    static int aligned(int length) {
        return length + 3 & ~3;
    }

    byte[] toBytes() {
        return Arrays.copyOf(bytes.array(), bytes.position());
    }

    private ByteBuffer room(int size) {
        if (size > bytes.remaining()) {
            var larger = ByteBuffer.allocate(Math.max(2 * bytes.capacity(), bytes.position() + size))
                    .order(ByteOrder.LITTLE_ENDIAN);
            larger.put(bytes.flip());
            bytes = larger;
        }
        return bytes;
    }

    MessageWriter u8(int value) {
        room(1).put((byte) value);
        return this;
    }

    MessageWriter u16(int value) {
        room(2).putShort((short) value);
        return this;
    }

    MessageWriter u32(int value) {
        room(4).putInt(value);
        return this;
    }

    /** In network byte order. */
    MessageWriter be32(int value) {
        return u32(Integer.reverseBytes(value));
    }

    MessageWriter bytes(byte[] value) {
        room(value.length).put(value);
        return this;
    }

    MessageWriter zeros(int count) {
        return bytes(new byte[count]);
    }

    MessageWriter put(int type, byte[] value) {
        var length = Attributes.HEADER + value.length;
        if (length > LARGEST_ATTRIBUTE) {
            throw new IllegalArgumentException("attribute " + type + " has " + value.length + " bytes");
        }
        room(aligned(length))
                .putShort((short) length)
                .putShort((short) type)
                .put(value)
                .put(new byte[aligned(length) - length]);
        return this;
    }

    /** A text in a field of its own, with zeros behind it. */
    MessageWriter text(String value, int size) {
        return bytes(Arrays.copyOf(value.getBytes(StandardCharsets.UTF_8), size));
    }

    /** Without a NUL. */
    MessageWriter putText(int type, String value) {
        return put(type, value.getBytes(StandardCharsets.UTF_8));
    }

    /** With a NUL. */
    MessageWriter putString(int type, String value) {
        return putText(type, value + "\0");
    }

    MessageWriter putU8(int type, int value) {
        return put(type, new byte[] {(byte) value});
    }

    MessageWriter putU16(int type, int value) {
        return put(type, new byte[] {(byte) value, (byte) (value >> 8)});
    }

    /** In network byte order. */
    MessageWriter putBe16(int type, int value) {
        return put(type, new byte[] {(byte) (value >> 8), (byte) value});
    }

    MessageWriter putU32(int type, int value) {
        return putBe32(type, Integer.reverseBytes(value));
    }

    /** In network byte order. */
    MessageWriter putBe32(int type, int value) {
        return put(type, new byte[] {(byte) (value >> 24), (byte) (value >> 16), (byte) (value >> 8), (byte) value});
    }

    /** Attributes inside an attribute, marked as such. */
    MessageWriter nest(int type, Consumer<MessageWriter> content) {
        return nestUnmarked(type | NESTED, content);
    }

    /** The older form, which parts of rtnetlink and their programs keep to. */
    MessageWriter nestUnmarked(int type, Consumer<MessageWriter> content) {
        var start = bytes.position();
        room(Attributes.HEADER).putInt(0);
        content.accept(this);
        var length = bytes.position() - start;
        if (length > LARGEST_ATTRIBUTE) {
            throw new IllegalArgumentException("attribute " + (type & ~NESTED) + " has " + length + " bytes");
        }
        bytes.putShort(start, (short) length).putShort(start + 2, (short) type);
        return this;
    }
}
