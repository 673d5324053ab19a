package dev.cais.image.layer;

import java.util.Arrays;

/**
 * The fields of a header block, where POSIX.1-2017 (pax, ustar Interchange Format) and GNU tar put them.
 *
 * @see <a href="https://www.gnu.org/software/tar/manual/html_node/Standard.html">GNU tar, Basic Tar Format</a>
 */
final class TarHeader {
    static final int BLOCK = 512;

    enum Format {
        V7,
        USTAR,
        STAR,
        GNU
    }

    /** A field that is not what it should be. */
    static final class BadField extends Exception {
        private static final long serialVersionUID = 1L;

        private final String problem;

        BadField(String problem) {
            super(problem, null, false, false);
            this.problem = problem;
        }

        String problem() {
            return problem;
        }
    }

    final byte[] block = new byte[BLOCK];

    boolean isZero() {
        for (var each : block) {
            if (each != 0) {
                return false;
            }
        }
        return true;
    }

    /** The sum of all bytes, its own field read as blanks; some old programs added signed bytes. */
    boolean checksumIsRight() throws BadField {
        var stored = number(148, 8, "checksum");
        var unsigned = 0L;
        var signed = 0L;
        for (var i = 0; i < BLOCK; i++) {
            var each = i >= 148 && i < 156 ? (byte) ' ' : block[i];
            unsigned += each & 0xff;
            signed += each;
        }
        return stored == unsigned || stored == signed;
    }

    Format format() {
        if (!startsWith(257, "ustar")) {
            return Format.V7;
        }
        if (startsWith(257, "ustar  \0")) {
            return Format.GNU;
        }
        return startsWith(508, "tar\0") ? Format.STAR : Format.USTAR;
    }

    private boolean startsWith(int at, String text) {
        for (var i = 0; i < text.length(); i++) {
            if (block[at + i] != text.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    char type() {
        return (char) (block[156] & 0xff);
    }

    byte[] name(Format format) {
        var name = text(0, 100);
        var prefixLength = switch (format) {
            case USTAR -> 155;
            case STAR -> 131;
            default -> 0;
        };
        var prefix = text(345, prefixLength);
        if (prefix.length == 0) {
            return name;
        }
        var whole = Arrays.copyOf(prefix, prefix.length + 1 + name.length);
        whole[prefix.length] = '/';
        System.arraycopy(name, 0, whole, prefix.length + 1, name.length);
        return whole;
    }

    byte[] link() {
        return text(157, 100);
    }

    private byte[] text(int at, int length) {
        var end = at;
        while (end < at + length && block[end] != 0) {
            end++;
        }
        return Arrays.copyOfRange(block, at, end);
    }

    /** Octal digits between blanks and NULs, or, with the first bit set, a big-endian two's complement. Empty is zero. */
    long number(int at, int length, String field) throws BadField {
        return (block[at] & 0x80) != 0 ? binary(at, length, field) : octal(at, length, field);
    }

    private long octal(int at, int length, String field) throws BadField {
        var from = at;
        var to = at + length;
        while (from < to && (block[from] == ' ' || block[from] == 0)) {
            from++;
        }
        while (to > from && (block[to - 1] == ' ' || block[to - 1] == 0)) {
            to--;
        }
        var value = 0L;
        for (var i = from; i < to; i++) {
            var digit = block[i] - '0';
            if (digit < 0 || digit > 7) {
                throw new BadField("its " + field + " is no octal number");
            }
            value = value << 3 | digit;
        }
        return value;
    }

    private long binary(int at, int length, String field) throws BadField {
        var negative = (block[at] & 0x40) != 0;
        var value = negative ? -1L : 0;
        for (var i = 0; i < length; i++) {
            var each = block[at + i] & 0xff;
            if (i == 0) {
                each = negative ? each : each & 0x7f;
            }
            var next = value << 8 | each;
            if (next >> 8 != value) {
                throw new BadField("its " + field + " is beyond 64 bits");
            }
            value = next;
        }
        return value;
    }
}
