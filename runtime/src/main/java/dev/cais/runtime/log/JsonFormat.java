package dev.cais.runtime.log;

import dev.cais.LogStream;
import dev.cais.linux.NativeMemory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * Docker's {@code json-file}: an object a line, with {@code log}, {@code stream}, {@code attrs} if there are any, and {@code time}.
 *
 * <p>As in Docker, a line of more than 16 KiB is written in pieces of that size, of which only the last one's {@code log} ends with a
 * line end; what is no UTF-8 becomes U+FFFD, byte by byte; {@code <}, {@code >}, {@code &}, U+2028 and U+2029 are escaped. A line is
 * written when it is whole, with the time of its first byte (Docker's: of its last).
 *
 * <p>Written without an object per line: bytes go from the buffer that was read to one that is written, both the thread's.
 */
final class JsonFormat implements LogFormat {
    /** Bytes of the longest piece of a line. */
    static final int PIECE = 16 * 1024;

    private static final int FLUSH = 1 << 18;
    private static final int LONGEST_ESCAPE = 6;
    private static final byte[] NOTHING = {};
    static final byte[] START = ascii("{\"log\":\"");
    private static final byte[] LINE_ENDED = ascii("\\n");
    private static final byte[] REPLACEMENT = ascii("\\ufffd");
    private static final byte[] HEX = ascii("0123456789abcdef");
    static final byte[][] STREAM_FIELDS = {ascii("\",\"stream\":\"stdout\""), ascii("\",\"stream\":\"stderr\"")};
    private static final LogStream[] STREAMS = LogStream.values();

    private static final byte PLAIN = 0;
    private static final byte ESCAPED = 1;
    private static final byte LINE_END = 2;
    private static final byte LONG = 3;

    /** What each byte is. */
    private static final byte[] KINDS = new byte[256];

    static {
        Arrays.fill(KINDS, 0, 0x20, ESCAPED);
        for (var special : new char[] {'"', '\\', '<', '>', '&'}) {
            KINDS[special] = ESCAPED;
        }
        KINDS['\n'] = LINE_END;
        Arrays.fill(KINDS, 0x80, 0x100, LONG);
    }

    /** Memory of the writing thread, for all its logs. */
    private static final class Buffers {
        byte[] in = NOTHING;
        byte[] out = NOTHING;
        NativeMemory written = NativeMemory.allocate(0);

        void reserve(int input, int output) {
            if (in.length < input) {
                in = new byte[input];
            }
            if (out.length < output) {
                out = new byte[output];
                written = NativeMemory.allocate(output);
            }
        }
    }

    private static final ThreadLocal<Buffers> BUFFERS = ThreadLocal.withInitial(Buffers::new);

    /** The beginning of a line of one stream whose end has not come yet. */
    private static final class Held {
        long nanos;
        byte[] bytes = NOTHING;
        int size;
        /** Whether a piece of the line was written already. */
        boolean continued;

        boolean isLineStart() {
            return size == 0 && !continued;
        }

        void add(byte[] more, int from, int to) {
            if (bytes.length < size + to - from) {
                bytes = Arrays.copyOf(bytes, Math.min(PIECE, Math.max(2 * bytes.length, size + to - from)));
            }
            System.arraycopy(more, from, bytes, size, to - from);
            size += to - from;
        }

        /** An idle container keeps no memory for its next long line. */
        void clear() {
            size = 0;
            if (bytes.length > 1024) {
                bytes = NOTHING;
            }
        }
    }

    private final byte[] attributes;
    private final Held[] held = {new Held(), new Held()};
    private final byte[][] endings = {NOTHING, NOTHING};
    private final long[] endingTimes = {Long.MIN_VALUE, Long.MIN_VALUE};
    private Buffers buffers = BUFFERS.get();
    /** Bytes of records that were not written yet, what output they hold, and the time of the last. */
    private int filled;

    private long content;
    private long latest;

    private final JsonDecoder decoder = new JsonDecoder();

    /** @param attributes from labels and the environment; empty for none */
    JsonFormat(Map<String, String> attributes) {
        this.attributes = attributes.isEmpty() ? NOTHING : attributes(attributes);
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    private static byte[] attributes(Map<String, String> attributes) {
        var text = new StringBuilder();
        for (var each : new TreeMap<>(attributes).entrySet()) {
            text.append(text.isEmpty() ? ",\"attrs\":{" : ",");
            quote(text, each.getKey());
            text.append(':');
            quote(text, each.getValue());
        }
        return text.append('}').toString().getBytes(StandardCharsets.UTF_8);
    }

    private static void quote(StringBuilder target, String text) {
        target.append('"');
        for (var i = 0; i < text.length(); i++) {
            var c = text.charAt(i);
            switch (c) {
                case '"', '\\' -> target.append('\\').append(c);
                case '\n' -> target.append("\\n");
                case '\r' -> target.append("\\r");
                case '\t' -> target.append("\\t");
                case '<', '>', '&', '\u2028', '\u2029' -> target.append(String.format("\\u%04x", (int) c));
                default -> target.append(c < 0x20 ? String.format("\\u%04x", (int) c) : String.valueOf(c));
            }
        }
        target.append('"');
    }

    @Override
    public void append(LogFile file, long nanos, LogStream stream, NativeMemory buffer, int length) {
        prepare(length);
        var in = buffers.in;
        buffer.bytes().get(OutputLog.HEADER, in, 0, length);
        var line = held[stream.ordinal()];
        var from = 0;
        while (from < length) {
            from = line.isLineStart()
                    ? write(file, nanos, stream, line, from, length)
                    : hold(file, stream, line, from, length);
        }
        flush(file);
    }

    private void prepare(int length) {
        buffers = BUFFERS.get();
        buffers.reserve(length, FLUSH + PIECE * LONGEST_ESCAPE + attributes.length + 256);
    }

    /** Writes a line that begins here, or its first piece, or holds it if it does not end here. Returns where to go on. */
    private int write(LogFile file, long nanos, LogStream stream, Held line, int from, int length) {
        flushIfFull(file);
        var before = filled;
        var contentBefore = content;
        put(START);
        var limit = Math.min(length, from + PIECE);
        var stop = encode(buffers.in, from, limit);
        if (stop == limit && stop - from < PIECE) {
            filled = before;
            content = contentBefore;
            line.nanos = nanos;
            line.add(buffers.in, from, stop);
            return stop;
        }
        var ended = stop < limit;
        finish(stream, nanos, ended);
        line.continued = !ended;
        line.nanos = nanos;
        return ended ? stop + 1 : stop;
    }

    /** Adds to a line that began before, and writes it or a piece of it once that is whole. Returns where to go on. */
    private int hold(LogFile file, LogStream stream, Held line, int from, int length) {
        var limit = Math.min(length, from + PIECE - line.size);
        var stop = from;
        while (stop < limit && buffers.in[stop] != '\n') {
            stop++;
        }
        line.add(buffers.in, from, stop);
        var ended = stop < limit;
        if (ended || line.size == PIECE) {
            writeHeld(file, stream, line, ended);
        }
        return ended ? stop + 1 : stop;
    }

    private void writeHeld(LogFile file, LogStream stream, Held line, boolean ended) {
        flushIfFull(file);
        put(START);
        encode(line.bytes, 0, line.size);
        finish(stream, line.nanos, ended);
        line.clear();
        line.continued = !ended;
    }

    @Override
    public void finish(LogFile file) {
        prepare(0);
        for (var stream : STREAMS) {
            var line = held[stream.ordinal()];
            if (line.size > 0) {
                writeHeld(file, stream, line, false);
            }
            line.continued = false;
        }
        flush(file);
    }

    /** The end of a record. */
    private void finish(LogStream stream, long nanos, boolean ended) {
        if (ended) {
            put(LINE_ENDED);
            content++;
        }
        var index = stream.ordinal();
        if (endingTimes[index] != nanos) {
            endings[index] = ending(index, nanos);
            endingTimes[index] = nanos;
        }
        put(endings[index]);
        latest = Math.max(latest, nanos);
    }

    private byte[] ending(int stream, long nanos) {
        var name = STREAM_FIELDS[stream];
        var time = ascii(",\"time\":\"" + time(nanos) + "\"}\n");
        return ByteBuffer.allocate(name.length + attributes.length + time.length)
                .put(name)
                .put(attributes)
                .put(time)
                .array();
    }

    /** As Go's RFC3339Nano: no zeros at the end of the fraction. */
    static String time(long nanos) {
        var seconds =
                Instant.ofEpochSecond(Math.floorDiv(nanos, 1_000_000_000L)).toString();
        var fraction = Math.floorMod(nanos, 1_000_000_000L);
        if (fraction == 0) {
            return seconds;
        }
        var digits = String.format("%09d", fraction).replaceAll("0+$", "");
        return seconds.substring(0, seconds.length() - 1) + "." + digits + "Z";
    }

    private void put(byte[] text) {
        System.arraycopy(text, 0, buffers.out, filled, text.length);
        filled += text.length;
    }

    private void flushIfFull(LogFile file) {
        if (filled >= FLUSH || filled > 0 && file.isFull(filled)) {
            flush(file);
        }
    }

    private void flush(LogFile file) {
        if (filled > 0) {
            buffers.written.bytes().put(0, buffers.out, 0, filled);
            var unfinished = 0;
            for (var stream = 0; stream < held.length; stream++) {
                unfinished |= held[stream].continued ? 1 << stream : 0;
            }
            file.write(buffers.written.address(), filled, content, latest, unfinished);
            filled = 0;
            content = 0;
        }
    }

    /** Escapes up to a line end. Returns where that is, or the limit. */
    private int encode(byte[] in, int from, int limit) {
        var out = buffers.out;
        var at = filled;
        var copied = from;
        var i = from;
        while (i < limit) {
            var kind = KINDS[in[i] & 0xff];
            if (kind == PLAIN) {
                i++;
                continue;
            }
            if (kind == LINE_END) {
                break;
            }
            var size = kind == LONG ? characterSize(in, i, limit) : 0;
            if (size > 0 && !isSeparator(in, i)) {
                i += size;
                continue;
            }
            System.arraycopy(in, copied, out, at, i - copied);
            at += i - copied;
            content += i - copied;
            at = escape(in, i, size, out, at);
            content += kind == LONG ? 3 : 1;
            i += Math.max(1, size);
            copied = i;
        }
        System.arraycopy(in, copied, out, at, i - copied);
        content += i - copied;
        filled = at + i - copied;
        return i;
    }

    /** @param size of the character, if it is one of several bytes; 0 if it is none */
    private static int escape(byte[] in, int i, int size, byte[] out, int to) {
        var at = to;
        var code = in[i];
        if (code < 0) {
            System.arraycopy(REPLACEMENT, 0, out, at, REPLACEMENT.length);
            if (size > 0) {
                out[at + 2] = '2';
                out[at + 3] = '0';
                out[at + 4] = '2';
                out[at + 5] = HEX[in[i + 2] & 0xf];
            }
            return at + REPLACEMENT.length;
        }
        out[at++] = '\\';
        if (code == '"' || code == '\\') {
            out[at++] = code;
        } else if (code == '\n' || code == '\r') {
            out[at++] = (byte) (code == '\n' ? 'n' : 'r');
        } else {
            out[at++] = 'u';
            out[at++] = '0';
            out[at++] = '0';
            out[at++] = HEX[code >> 4];
            out[at++] = HEX[code & 0xf];
        }
        return at;
    }

    /** U+2028 or U+2029, which end lines in JavaScript. */
    private static boolean isSeparator(byte[] in, int i) {
        return in[i] == (byte) 0xe2 && in[i + 1] == (byte) 0x80 && (in[i + 2] & 0xfe) == 0xa8;
    }

    /** Bytes of the character of UTF-8 that begins here; 0 if there is none. See Unicode, table 3-7. */
    private static int characterSize(byte[] in, int i, int limit) {
        var first = in[i] & 0xff;
        var size = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
        if (size == 0 || i + size > limit) {
            return 0;
        }
        var second = in[i + 1] & 0xff;
        var least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
        var most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
        if (second < least || second > most) {
            return 0;
        }
        for (var k = 2; k < size; k++) {
            if ((in[i + k] & 0xc0) != 0x80) {
                return 0;
            }
        }
        return size;
    }

    @Override
    public boolean isOrdered() {
        return false;
    }

    @Override
    public int length(ByteBuffer block) {
        for (var i = block.position(); i < block.limit(); i++) {
            if (block.get(i) == '\n') {
                return i + 1 - block.position();
            }
        }
        return block.remaining() + 1;
    }

    @Override
    public Chunk decode(ByteBuffer block, int length) {
        var record = new byte[length];
        block.get(record);
        return decoder.decode(record);
    }
}
