package dev.cais.runtime.log;

import dev.cais.LogStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Arrays;

/** Reads the records that {@link JsonFormat} writes, and no other JSON. For any number of threads. */
final class JsonDecoder {
    private static final LogStream[] STREAMS = LogStream.values();
    private static final int END = "\"}\n".length();

    /** The last time that was met: most records have the same as the one before. */
    private ReadTime readTime = new ReadTime(new byte[0], 0);

    private record ReadTime(byte[] text, long nanos) {}

    /**
     * @param record with its line end
     * @throws IllegalArgumentException if it is none
     */
    Chunk decode(byte[] record) {
        var start = JsonFormat.START.length;
        require(record.length > start && Arrays.equals(record, 0, start, JsonFormat.START, 0, start));
        var quote = start;
        var escapes = false;
        while (quote < record.length && record[quote] != '"') {
            escapes |= record[quote] == '\\';
            quote += record[quote] == '\\' ? 2 : 1;
        }
        var behind = quote + JsonFormat.STREAM_FIELDS[0].length;
        require(behind + END < record.length);
        var text = escapes ? unescape(record, start, quote) : Arrays.copyOfRange(record, start, quote);
        for (var stream : STREAMS) {
            var field = JsonFormat.STREAM_FIELDS[stream.ordinal()];
            if (Arrays.equals(record, quote, behind, field, 0, field.length)) {
                return new Chunk(time(record, behind), stream, text, 0);
            }
        }
        throw new IllegalArgumentException("no stream");
    }

    private static void require(boolean holds) {
        if (!holds) {
            throw new IllegalArgumentException("no record");
        }
    }

    /** The time, which stands at the end. */
    private long time(byte[] record, int from) {
        var last = record.length - END;
        var first = last;
        while (first > from && record[first - 1] != '"') {
            first--;
        }
        require(first > from);
        var known = readTime;
        if (Arrays.equals(record, first, last, known.text, 0, known.text.length)) {
            return known.nanos;
        }
        var text = Arrays.copyOfRange(record, first, last);
        try {
            var time = Instant.parse(new String(text, StandardCharsets.US_ASCII));
            var read = new ReadTime(text, time.getEpochSecond() * 1_000_000_000L + time.getNano());
            readTime = read;
            return read.nanos;
        } catch (DateTimeException e) {
            throw new IllegalArgumentException("no time", e);
        }
    }

    private static byte[] unescape(byte[] record, int from, int to) {
        var text = new ByteArrayOutputStream(to - from);
        var copied = from;
        var i = from;
        while (i < to) {
            if (record[i] != '\\') {
                i++;
                continue;
            }
            text.write(record, copied, i - copied);
            require(i + 1 < to);
            switch (record[i + 1]) {
                case 'n' -> text.write('\n');
                case 'r' -> text.write('\r');
                case 'u' -> {
                    require(i + 6 <= to);
                    var code = Integer.parseInt(new String(record, i + 2, 4, StandardCharsets.US_ASCII), 16);
                    text.writeBytes(Character.toString(code).getBytes(StandardCharsets.UTF_8));
                    i += 4;
                }
                default -> text.write(record[i + 1]);
            }
            i += 2;
            copied = i;
        }
        text.write(record, copied, to - copied);
        return text.toByteArray();
    }
}
