package dev.cais.image.layer;

import dev.cais.InvalidSpecException;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes a tar stream: ustar, with PAX headers for what ustar cannot hold (long names, large numbers, parts of seconds,
 * extended attributes). The same entries give the same bytes. Times of access are left out.
 */
public final class TarWriter implements AutoCloseable {
    private static final int BLOCK = TarHeader.BLOCK;
    private static final int BUFFER = 64 * 1024;
    private static final long OCTAL_7 = 07777777;
    private static final long OCTAL_11 = 077777777777L;

    private static final byte[] ZEROS = new byte[BLOCK];

    private final OutputStream target;
    private final ByteArrayOutputStream extended = new ByteArrayOutputStream();
    private byte[] buffer = {};
    private boolean closed;

    /**
     * Writes to a stream.
     *
     * @param target best buffered; closed with this
     */
    public TarWriter(OutputStream target) {
        this.target = target;
    }

    /** An entry without content. */
    public void write(TarEntry entry) throws IOException {
        write(entry, InputStream.nullInputStream());
    }

    /**
     * An entry with its content.
     *
     * @param content of which {@code entry.size()} bytes are read; not closed
     * @throws EOFException if it has fewer; the archive is then broken
     */
    public void write(TarEntry entry, InputStream content) throws IOException {
        writeHeader(entry);
        if (buffer.length == 0 && entry.size() > 0) {
            buffer = new byte[BUFFER];
        }
        for (var left = entry.size(); left > 0; ) {
            var count = content.read(buffer, 0, (int) Math.min(buffer.length, left));
            if (count < 0) {
                throw new EOFException("the content of " + entry.path() + " ends " + left + " bytes early");
            }
            target.write(buffer, 0, count);
            left -= count;
        }
        writePadding(entry);
    }

    /** An entry without its content, for who writes that into the stream alone; {@link #writePadding} must follow it. */
    public void writeHeader(TarEntry entry) throws IOException {
        var records = new TreeMap<String, byte[]>();
        var header = header(entry, records);
        if (!records.isEmpty()) {
            writePax(entry, records);
        }
        target.write(header);
    }

    /** What stands between the content of an entry and the next header. */
    public void writePadding(TarEntry entry) throws IOException {
        writePadding(entry.size());
    }

    /** The same behind a content of so many bytes. */
    public void writePadding(long size) throws IOException {
        target.write(ZEROS, 0, (int) (-size & (BLOCK - 1)));
    }

    private static byte[] header(TarEntry entry, Map<String, byte[]> records) {
        var header = new byte[BLOCK];
        var attributes = entry.attributes();
        var name = entry.name();
        if (entry.type() == TarType.DIRECTORY && (name.length == 0 || name[name.length - 1] != '/')) {
            name = Arrays.copyOf(name, name.length + 1);
            name[name.length - 1] = '/';
        }
        putName(header, name, records);
        putText(header, 157, 100, entry.link(), "linkpath", records);
        octal(header, 100, 8, attributes.mode() & 07777);
        putNumber(header, 108, 8, attributes.uid(), OCTAL_7, "uid", records);
        putNumber(header, 116, 8, attributes.gid(), OCTAL_7, "gid", records);
        putNumber(header, 124, 12, entry.size(), OCTAL_11, "size", records);
        putTime(header, attributes.modified(), records);
        header[156] = (byte) typeFlag(entry.type());
        putAscii(header, 257, "ustar\00000");
        if (entry.type() == TarType.CHARACTER_DEVICE || entry.type() == TarType.BLOCK_DEVICE) {
            octal(header, 329, 8, entry.major());
            octal(header, 337, 8, entry.minor());
        }
        for (var xattr : attributes.xattrs()) {
            if (xattr.name().indexOf('=') >= 0) {
                throw new InvalidSpecException("cannot write " + entry.path()
                        + " to a tar: an extended attribute has '=' in its name [name=" + xattr.name() + "]");
            }
            records.put("SCHILY.xattr." + xattr.name(), xattr.value());
        }
        return summed(header);
    }

    /** Whole if it fits, else split at a slash, else in a record. */
    private static void putName(byte[] header, byte[] name, Map<String, byte[]> records) {
        if (name.length > 100) {
            for (var i = Math.min(155, name.length - 2); i >= name.length - 101 && i > 0; i--) {
                if (name[i] == '/') {
                    System.arraycopy(name, 0, header, 345, i);
                    System.arraycopy(name, i + 1, header, 0, name.length - i - 1);
                    return;
                }
            }
        }
        putText(header, 0, 100, name, "path", records);
    }

    private static void putText(
            byte[] header, int at, int length, byte[] text, String key, Map<String, byte[]> records) {
        System.arraycopy(text, 0, header, at, Math.min(length, text.length));
        if (text.length > length) {
            records.put(key, text);
            if (!isUtf8(text)) {
                records.put("hdrcharset", "BINARY".getBytes(StandardCharsets.US_ASCII));
            }
        }
    }

    private static boolean isUtf8(byte[] text) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(text));
            return true;
        } catch (CharacterCodingException e) {
            return false;
        }
    }

    private static void putNumber(
            byte[] header, int at, int length, long value, long largest, String key, Map<String, byte[]> records) {
        octal(header, at, length, Math.min(value, largest));
        if (value > largest) {
            records.put(key, Long.toString(value).getBytes(StandardCharsets.US_ASCII));
        }
    }

    private static void putTime(byte[] header, java.time.Instant time, Map<String, byte[]> records) {
        var seconds = time.getEpochSecond();
        var nanos = time.getNano();
        octal(header, 136, 12, Math.max(0, Math.min(seconds, OCTAL_11)));
        if (seconds < 0 || seconds > OCTAL_11 || nanos != 0) {
            // POSIX counts the fraction away from zero: a quarter before 1970 is -0.25
            var isBefore = seconds < 0 && nanos != 0;
            var whole = isBefore ? seconds + 1 : seconds;
            var fraction = isBefore ? 1_000_000_000 - nanos : nanos;
            var text = new StringBuilder().append(isBefore && whole == 0 ? "-0" : Long.toString(whole));
            putFraction(text, fraction);
            records.put("mtime", text.toString().getBytes(StandardCharsets.US_ASCII));
        }
    }

    /** Without zeros at the end. By hand, as are names below: nearly every file of a build has one, and a formatter costs more than its hash. */
    private static void putFraction(StringBuilder text, int nanos) {
        if (nanos == 0) {
            return;
        }
        text.append('.');
        for (int left = nanos, digit = 100_000_000; left > 0; left %= digit, digit /= 10) {
            text.append((char) ('0' + left / digit));
        }
    }

    private void writePax(TarEntry entry, Map<String, byte[]> records) throws IOException {
        extended.reset();
        var charset = records.remove("hdrcharset");
        if (charset != null) { // it must come before what it speaks of
            record(extended, "hdrcharset", charset);
        }
        for (var each : records.entrySet()) {
            record(extended, each.getKey(), each.getValue());
        }
        var header = new byte[BLOCK];
        putAscii(header, 0, paxName(entry.path()));
        octal(header, 100, 8, 0644);
        octal(header, 108, 8, 0);
        octal(header, 116, 8, 0);
        octal(header, 124, 12, extended.size());
        octal(header, 136, 12, 0);
        header[156] = 'x';
        putAscii(header, 257, "ustar\00000");
        target.write(summed(header));
        extended.writeTo(target);
        writePadding(extended.size());
    }

    /** For programs that take records for files: of printable characters, and no directory. */
    private static String paxName(String path) {
        var name = new StringBuilder("PaxHeaders/");
        for (var i = 0; i < path.length() && name.length() < 100; i += Character.charCount(path.codePointAt(i))) {
            var letter = path.codePointAt(i);
            name.append(letter > ' ' && letter <= '~' ? (char) letter : '_');
        }
        while (name.charAt(name.length() - 1) == '/') {
            name.setLength(name.length() - 1);
        }
        return name.toString();
    }

    /** The length counts its own digits. */
    private static void record(ByteArrayOutputStream content, String key, byte[] value) {
        var keyBytes = key.getBytes(StandardCharsets.UTF_8);
        var rest = keyBytes.length + value.length + 3;
        var length = rest + Integer.toString(rest).length();
        length = rest + Integer.toString(length).length();
        content.writeBytes((length + " ").getBytes(StandardCharsets.US_ASCII));
        content.writeBytes(keyBytes);
        content.write('=');
        content.writeBytes(value);
        content.write('\n');
    }

    private static char typeFlag(TarType type) {
        return switch (type) {
            case FILE -> '0';
            case HARD_LINK -> '1';
            case SYMLINK -> '2';
            case CHARACTER_DEVICE -> '3';
            case BLOCK_DEVICE -> '4';
            case DIRECTORY -> '5';
            case FIFO -> '6';
        };
    }

    private static byte[] summed(byte[] header) {
        Arrays.fill(header, 148, 156, (byte) ' ');
        var sum = 0;
        for (var each : header) {
            sum += each & 0xff;
        }
        octal(header, 148, 7, sum);
        header[154] = 0;
        return header;
    }

    /** Digits to the field's end, with a NUL as its last byte; what does not fit is written in base 256. */
    private static void octal(byte[] header, int at, int length, long value) {
        if (value >>> (3 * (length - 1)) != 0) {
            for (var i = length - 1; i >= 0; i--) {
                header[at + i] = length - 1 - i < Long.BYTES ? (byte) (value >>> (8 * (length - 1 - i))) : 0;
            }
            header[at] |= (byte) 0x80;
            return;
        }
        for (var i = length - 2; i >= 0; i--) {
            header[at + i] = (byte) ('0' + (value >>> (3 * (length - 2 - i)) & 7));
        }
    }

    private static void putAscii(byte[] header, int at, String text) {
        for (var i = 0; i < text.length(); i++) {
            header[at + i] = (byte) text.charAt(i);
        }
    }

    /** The end of an archive, for who writes it in parts. */
    public static byte[] end() {
        return new byte[2 * BLOCK];
    }

    /** Writes the end of the archive, two blocks of zeros, and closes the stream. */
    @Override
    public void close() throws IOException {
        if (!closed) {
            closed = true;
            try (target) {
                target.write(end());
            }
        }
    }
}
