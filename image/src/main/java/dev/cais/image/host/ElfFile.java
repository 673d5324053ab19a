package dev.cais.image.host;

import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a program or library asks of the dynamic loader.
 *
 * @param abi class, byte order and machine: only files that agree in it go together
 * @param interpreter absolute path; empty for libraries and static programs
 * @param needed names of libraries, in order
 * @param rpath directories to search first; not if there is a runpath
 * @param runpath directories to search
 * @see <a href="https://www.sco.com/developers/gabi/latest/ch5.dynamic.html">System V ABI, chapter 5, Dynamic Linking</a>
 */
record ElfFile(
        String abi, Optional<String> interpreter, List<String> needed, List<String> rpath, List<String> runpath) {
    private static final int LARGEST_TABLE = 1 << 20;
    private static final int LOAD = 1;
    private static final int DYNAMIC = 2;
    private static final int INTERPRETER = 3;
    private static final long NEEDED = 1;
    private static final long STRING_TABLE = 5;
    private static final long STRING_TABLE_SIZE = 10;
    private static final long RPATH = 15;
    private static final long RUNPATH = 29;

    ElfFile {
        needed = List.copyOf(needed);
        rpath = List.copyOf(rpath);
        runpath = List.copyOf(runpath);
    }

    /** Empty if the file is no ELF file, or a broken one. */
    static Optional<ElfFile> read(Path file) throws IOException {
        try (var channel = Files.newByteChannel(file)) {
            return new Reading(channel).file();
        } catch (BufferUnderflowException | IllegalArgumentException | IndexOutOfBoundsException e) {
            return Optional.empty(); // an offset led out of the file
        }
    }

    private record Segment(int type, long offset, long address, long size) {}

    private record Dynamic(long tag, long value) {}

    private static final class Reading {
        private final SeekableByteChannel file;
        private ByteOrder order = ByteOrder.LITTLE_ENDIAN;
        private boolean wide;

        Reading(SeekableByteChannel file) {
            this.file = file;
        }

        Optional<ElfFile> file() throws IOException {
            if (file.size() < 64) {
                return Optional.empty();
            }
            var header = at(0, 64);
            if (header.getInt(0) != 0x464c457f) {
                return Optional.empty();
            }
            wide = header.get(4) == 2;
            order = header.get(5) == 2 ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
            header.order(order);
            var abi = (wide ? "64" : "32") + order + header.getShort(18);
            var segments = segments(
                    wide ? header.getLong(32) : header.getInt(28),
                    header.getShort(wide ? 54 : 42),
                    Short.toUnsignedInt(header.getShort(wide ? 56 : 44)));
            var interpreter = find(segments, INTERPRETER);
            var dynamic = find(segments, DYNAMIC);
            if (dynamic.isEmpty()) {
                return Optional.of(new ElfFile(abi, text(interpreter), List.of(), List.of(), List.of()));
            }
            var entries = entries(dynamic.get());
            var strings = strings(segments, entries);
            return Optional.of(new ElfFile(
                    abi,
                    text(interpreter),
                    texts(entries, NEEDED, strings),
                    directories(texts(entries, RPATH, strings)),
                    directories(texts(entries, RUNPATH, strings))));
        }

        private ByteBuffer at(long offset, long size) throws IOException {
            if (offset < 0 || size < 0 || size > LARGEST_TABLE || offset > file.size() - size) {
                throw new IndexOutOfBoundsException("table of " + size + " bytes at " + offset);
            }
            var bytes = ByteBuffer.allocate((int) size).order(order);
            file.position(offset);
            while (bytes.hasRemaining() && file.read(bytes) >= 0) {
                // to the end
            }
            return bytes.flip();
        }

        private List<Segment> segments(long offset, int entrySize, int count) throws IOException {
            var table = at(offset, (long) entrySize * count);
            var segments = new ArrayList<Segment>();
            for (var i = 0; i < count; i++) {
                var entry = table.slice(i * entrySize, entrySize).order(order);
                segments.add(
                        wide
                                ? new Segment(entry.getInt(0), entry.getLong(8), entry.getLong(16), entry.getLong(32))
                                : new Segment(entry.getInt(0), word(entry, 4), word(entry, 8), word(entry, 16)));
            }
            return segments;
        }

        private static long word(ByteBuffer entry, int index) {
            return Integer.toUnsignedLong(entry.getInt(index));
        }

        private static Optional<Segment> find(List<Segment> segments, int type) {
            return segments.stream().filter(segment -> segment.type == type).findFirst();
        }

        private List<Dynamic> entries(Segment dynamic) throws IOException {
            var table = at(dynamic.offset, dynamic.size);
            var entries = new ArrayList<Dynamic>();
            while (table.remaining() >= (wide ? 16 : 8)) {
                var tag = wide ? table.getLong() : table.getInt();
                var value = wide ? table.getLong() : Integer.toUnsignedLong(table.getInt());
                if (tag == 0) {
                    break;
                }
                entries.add(new Dynamic(tag, value));
            }
            return entries;
        }

        /** The string table: the file has its address in memory, so the segment that is loaded there has its offset. */
        private ByteBuffer strings(List<Segment> segments, List<Dynamic> entries) throws IOException {
            var address = value(entries, STRING_TABLE);
            for (var segment : segments) {
                if (segment.type == LOAD && address >= segment.address && address - segment.address < segment.size) {
                    return at(segment.offset + address - segment.address, value(entries, STRING_TABLE_SIZE));
                }
            }
            return ByteBuffer.allocate(0);
        }

        private static long value(List<Dynamic> entries, long tag) {
            return entries.stream()
                    .filter(entry -> entry.tag == tag)
                    .mapToLong(Dynamic::value)
                    .findFirst()
                    .orElse(0);
        }

        private Optional<String> text(Optional<Segment> segment) throws IOException {
            return segment.isEmpty()
                    ? Optional.empty()
                    : Optional.of(text(at(segment.get().offset, segment.get().size), 0));
        }

        private static List<String> texts(List<Dynamic> entries, long tag, ByteBuffer strings) {
            return entries.stream()
                    .filter(entry -> entry.tag == tag)
                    .map(entry -> text(strings, (int) entry.value))
                    .toList();
        }

        /** Up to the NUL, or to the end. */
        private static String text(ByteBuffer strings, int offset) {
            var end = offset;
            while (end < strings.limit() && strings.get(end) != 0) {
                end++;
            }
            return StandardCharsets.UTF_8
                    .decode(strings.slice(offset, end - offset))
                    .toString();
        }

        private static List<String> directories(List<String> lists) {
            return lists.stream()
                    .flatMap(list -> List.of(list.split(":")).stream())
                    .filter(directory -> !directory.isEmpty())
                    .toList();
        }
    }
}
