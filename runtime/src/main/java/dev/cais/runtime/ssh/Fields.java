package dev.cais.runtime.ssh;

import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Fields of messages and keys, one behind the other.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc4251#section-5">RFC 4251, 5, data type representations</a>
 */
final class Fields {
    private final ByteArrayOutputStream written = new ByteArrayOutputStream();

    Fields put(byte[] string) {
        number(string.length);
        written.writeBytes(string);
        return this;
    }

    Fields put(String string) {
        return put(string.getBytes(StandardCharsets.UTF_8));
    }

    Fields put(BigInteger number) {
        return put(number.signum() == 0 ? new byte[0] : number.toByteArray());
    }

    Fields number(int number) {
        written.writeBytes(ByteBuffer.allocate(Integer.BYTES).putInt(number).array());
        return this;
    }

    Fields kind(int kind) {
        written.write(kind);
        return this;
    }

    byte[] bytes() {
        return written.toByteArray();
    }

    /** @throws IllegalArgumentException if there is no such field */
    static byte[] string(ByteBuffer fields) {
        var length = number(fields);
        if (length < 0 || length > fields.remaining()) {
            throw new IllegalArgumentException("a field of " + length + " bytes");
        }
        var string = new byte[length];
        fields.get(string);
        return string;
    }

    static String text(ByteBuffer fields) {
        return new String(string(fields), StandardCharsets.UTF_8);
    }

    static BigInteger integer(ByteBuffer fields) {
        var bytes = string(fields);
        return bytes.length == 0 ? BigInteger.ZERO : new BigInteger(bytes);
    }

    static int number(ByteBuffer fields) {
        if (fields.remaining() < Integer.BYTES) {
            throw new IllegalArgumentException("a field that is cut off");
        }
        return fields.getInt();
    }
}
