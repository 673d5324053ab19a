package dev.cais.runtime.log;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;

/**
 * What of MessagePack the forward protocol needs.
 *
 * @see <a href="https://github.com/msgpack/msgpack/blob/master/spec.md">MessagePack specification</a>
 */
final class MessagePack {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    MessagePack array(int size) {
        return size < 16 ? put(0x90 | size) : put(0xdd).number(size);
    }

    MessagePack map(int size) {
        return size < 16 ? put(0x80 | size) : put(0xdf).number(size);
    }

    MessagePack text(String text) {
        return text(text.getBytes(StandardCharsets.UTF_8));
    }

    MessagePack text(byte[] utf8) {
        if (utf8.length < 32) {
            put(0xa0 | utf8.length);
        } else if (utf8.length < 1 << 16) {
            put(0xda).put(utf8.length >> 8).put(utf8.length);
        } else {
            put(0xdb).number(utf8.length);
        }
        bytes.writeBytes(utf8);
        return this;
    }

    MessagePack integer(int value) {
        return put(0xce).number(value);
    }

    /** Fluentd's EventTime: extension type 0, seconds and nanoseconds. */
    MessagePack eventTime(Instant time) {
        return put(0xd7).put(0).number((int) time.getEpochSecond()).number(time.getNano());
    }

    private MessagePack number(int value) {
        bytes.writeBytes(ByteBuffer.allocate(4).putInt(value).array());
        return this;
    }

    private MessagePack put(int value) {
        bytes.write(value);
        return this;
    }

    byte[] toByteArray() {
        return bytes.toByteArray();
    }

    /**
     * Reads a map of one text to another.
     *
     * @return the second text
     * @throws IOException if there is something else
     */
    static String readSingle(DataInputStream input, String key) throws IOException {
        if (input.readUnsignedByte() != 0x81 || !readText(input).equals(key)) {
            throw new IOException("the answer is not {\"" + key + "\": …}");
        }
        return readText(input);
    }

    private static String readText(DataInputStream input) throws IOException {
        var head = input.readUnsignedByte();
        var length = (head & 0xe0) == 0xa0 ? head & 0x1f : head == 0xd9 ? input.readUnsignedByte() : -1;
        if (length < 0) {
            throw new IOException("the answer has no short text");
        }
        return new String(input.readNBytes(length), StandardCharsets.UTF_8);
    }
}
