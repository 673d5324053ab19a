package dev.cais.runtime.ssh;

import java.math.BigInteger;
import java.nio.ByteBuffer;

/**
 * What keys need of the Distinguished Encoding Rules.
 *
 * @see <a href="https://www.itu.int/rec/T-REC-X.690">X.690</a>
 */
final class Der {
    static final int BITS = 0x03;
    static final int OCTETS = 0x04;
    static final int OBJECT = 0x06;
    /** RFC 5915, 3: the curve. */
    static final int PARAMETERS = 0xa0;

    static final int PUBLIC_KEY = 0xa1;

    private static final int INTEGER = 0x02;
    private static final int SEQUENCE = 0x30;

    private Der() {}

    static boolean isNext(ByteBuffer from, int tag) {
        return from.hasRemaining() && (from.get(from.position()) & 0xff) == tag;
    }

    /**
     * The next value.
     *
     * @throws IllegalArgumentException if it is another, or cut off
     */
    static byte[] read(ByteBuffer from, int tag) {
        if (from.remaining() < 2 || (from.get() & 0xff) != tag) {
            throw new IllegalArgumentException("no value of tag " + tag);
        }
        var length = from.get() & 0xff;
        if (length > 0x80) {
            var bytes = length - 0x80;
            if (bytes > 3 || bytes > from.remaining()) {
                throw new IllegalArgumentException("a length of " + bytes + " bytes");
            }
            length = 0;
            for (var i = 0; i < bytes; i++) {
                length = length << 8 | from.get() & 0xff;
            }
        }
        if (length > from.remaining()) {
            throw new IllegalArgumentException("a value of " + length + " bytes");
        }
        var value = new byte[length];
        from.get(value);
        return value;
    }

    static ByteBuffer sequence(ByteBuffer from) {
        return ByteBuffer.wrap(read(from, SEQUENCE));
    }

    static BigInteger integer(ByteBuffer from) {
        var value = read(from, INTEGER);
        if (value.length == 0) {
            throw new IllegalArgumentException("a number without digits");
        }
        return new BigInteger(value);
    }
}
