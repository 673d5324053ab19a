package dev.cais.image.attestation;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * The directory of a zip file that somebody else made, and parts of the file: nothing is read but what is asked for, and none of it beyond a
 * limit. What is broken is not there.
 *
 * @see <a href="https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT">APPNOTE.TXT 4.3.6, Overall .ZIP file format</a>
 */
final class ZipDirectory {
    private static final int END = 0x06054b50;
    private static final int ENTRY = 0x02014b50;
    private static final int LOCAL = 0x04034b50;
    private static final int END_LENGTH = 22;
    private static final int ENTRY_LENGTH = 46;
    private static final int LOCAL_LENGTH = 30;
    private static final int LONGEST_COMMENT = 0xffff;
    private static final int LARGEST_DIRECTORY = 32 << 20;

    private final SeekableByteChannel file;
    private final long start;
    private final long size;

    /** @param start where the zip file begins within another */
    ZipDirectory(SeekableByteChannel file, long start, long size) {
        this.file = file;
        this.start = start;
        this.size = size;
    }

    /**
     * @param method 0 for stored, 8 for deflated
     * @param local where its own header is
     */
    record Entry(String name, int method, long compressed, long size, long local) {}

    /** Those of some names; none if this is no zip file, or its directory is larger than 32 MiB. */
    List<Entry> entries(Predicate<String> names, int most) throws IOException {
        var found = new ArrayList<Entry>();
        var end = end();
        if (end.isEmpty()) {
            return found;
        }
        var length = Integer.toUnsignedLong(end.get().getInt(12));
        var offset = Integer.toUnsignedLong(end.get().getInt(16));
        if (length > LARGEST_DIRECTORY || offset + length > size) {
            return found;
        }
        var bytes = bytes(offset, (int) length);
        var directory = little(bytes);
        while (directory.remaining() >= ENTRY_LENGTH && found.size() < most) {
            var at = directory.position();
            if (directory.getInt(at) != ENTRY) {
                break;
            }
            var nameLength = Short.toUnsignedInt(directory.getShort(at + 28));
            var next = at
                    + ENTRY_LENGTH
                    + nameLength
                    + Short.toUnsignedInt(directory.getShort(at + 30))
                    + Short.toUnsignedInt(directory.getShort(at + 32));
            if (next > directory.limit()) {
                break;
            }
            var name = new String(bytes, at + ENTRY_LENGTH, nameLength, StandardCharsets.UTF_8);
            if (names.test(name)) {
                found.add(new Entry(
                        name,
                        Short.toUnsignedInt(directory.getShort(at + 10)),
                        Integer.toUnsignedLong(directory.getInt(at + 20)),
                        Integer.toUnsignedLong(directory.getInt(at + 24)),
                        Integer.toUnsignedLong(directory.getInt(at + 42))));
            }
            directory.position(next);
        }
        return found;
    }

    /** The record at the end, behind which is nothing but a comment. */
    private Optional<ByteBuffer> end() throws IOException {
        var length = (int) Math.min(size, END_LENGTH + LONGEST_COMMENT);
        var tail = little(bytes(size - length, length));
        for (var at = tail.limit() - END_LENGTH; at >= 0; at--) {
            if (tail.getInt(at) == END) {
                return Optional.of(tail.slice(at, END_LENGTH).order(ByteOrder.LITTLE_ENDIAN));
            }
        }
        return Optional.empty();
    }

    /** Where an entry's bytes begin in the whole file; empty if its header is broken. */
    Optional<Long> content(Entry entry) throws IOException {
        if (entry.local + LOCAL_LENGTH > size) {
            return Optional.empty();
        }
        var header = little(bytes(entry.local, LOCAL_LENGTH));
        if (header.limit() < LOCAL_LENGTH || header.getInt(0) != LOCAL) {
            return Optional.empty();
        }
        var at = entry.local
                + LOCAL_LENGTH
                + Short.toUnsignedInt(header.getShort(26))
                + Short.toUnsignedInt(header.getShort(28));
        return at + entry.compressed > size ? Optional.empty() : Optional.of(start + at);
    }

    /** An entry's content; empty if it is broken, or larger than it may be. */
    Optional<byte[]> read(Entry entry, int largest) throws IOException {
        var at = content(entry);
        if (at.isEmpty() || entry.compressed > largest) {
            return Optional.empty();
        }
        var packed = bytes(at.get() - start, (int) entry.compressed);
        if (entry.method == 0) {
            return Optional.of(packed);
        }
        return entry.method == 8 ? inflated(packed, largest) : Optional.empty();
    }

    private static Optional<byte[]> inflated(byte[] packed, int largest) {
        var inflater = new Inflater(true);
        try {
            inflater.setInput(packed);
            var content = new ByteArrayOutputStream();
            var buffer = new byte[8192];
            while (!inflater.finished()) {
                var count = inflater.inflate(buffer);
                if (count == 0 || content.size() + count > largest) {
                    return inflater.finished() ? Optional.of(content.toByteArray()) : Optional.empty();
                }
                content.write(buffer, 0, count);
            }
            return Optional.of(content.toByteArray());
        } catch (DataFormatException e) {
            return Optional.empty();
        } finally {
            inflater.end();
        }
    }

    private static ByteBuffer little(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** As many as there are. */
    private byte[] bytes(long offset, int length) throws IOException {
        var bytes = new byte[length];
        var buffer = ByteBuffer.wrap(bytes);
        file.position(start + offset);
        while (buffer.hasRemaining() && file.read(buffer) >= 0) {
            // goes on until all is there
        }
        return buffer.hasRemaining() ? Arrays.copyOf(bytes, buffer.position()) : bytes;
    }
}
