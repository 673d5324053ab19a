package dev.cais.runtime.log;

import dev.cais.LogLine;
import dev.cais.LogStream;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The lines of a log that somebody asked for.
 *
 * <p>Reading starts at the last mark that surely lies before them. A line that began before that mark is either too old, or, when the
 * last lines are counted, among those that are skipped; where it is not, counting starts further back.
 */
final class Selection implements AutoCloseable {
    /**
     * What was asked for.
     *
     * @param since nanoseconds since the epoch; the time itself included, as with {@code until}
     * @param tail how many of the last lines; -1 for all
     */
    record Query(LogFile.Extent extent, long since, long until, long tail, Optional<LogStream> stream) {
        static final Query ALL = new Query(LogFile.Extent.NOW, Long.MIN_VALUE, Long.MAX_VALUE, -1, Optional.empty());

        boolean wants(Lines.Line line) {
            return line.nanos() >= since
                    && line.nanos() <= until
                    && (stream.isEmpty() || stream.get() == line.stream());
        }

        /** Whether bytes can be passed on as they come, without knowing their lines. */
        boolean wantsAll() {
            return since == Long.MIN_VALUE && until == Long.MAX_VALUE && tail < 0;
        }

        /** When waiting ends, in milliseconds since the epoch. */
        long deadline() {
            return until == Long.MAX_VALUE ? Long.MAX_VALUE : until / 1_000_000 + 1;
        }
    }

    private final Query query;
    private final LogReader reader;
    private final Lines lines;
    /** Whether lines that began before the start are surely too old, rather than among those to skip. */
    private final boolean dropsTruncated;

    private long skip;

    Selection(LogFile log, Query query) {
        this.query = query;
        var marks = log.marks();
        var oldest = 0;
        while (oldest + 1 < marks.size() && marks.get(oldest + 1).latest() < query.since) {
            oldest++;
        }
        var start = oldest;
        if (query.tail >= 0) {
            var end = log.size();
            for (var back = 1; ; back *= 2) {
                start = Math.max(oldest, marks.size() - back);
                var from = LogReader.upTo(log, marks.get(start), end);
                var count = Count.of(query, new Lines(from, truncated(marks, start)), start == oldest);
                if (start == oldest || count.fits(query.tail)) {
                    skip = Math.max(0, count.lines - query.tail);
                    break;
                }
            }
        }
        dropsTruncated = start == oldest;
        var mark = marks.get(start);
        reader = LogReader.of(log, mark, query.extent, query.deadline());
        lines = new Lines(reader, truncated(marks, start));
    }

    /** What is left of a line whose beginning was rotated away counts as a line. */
    private static int truncated(List<LogFile.Mark> marks, int start) {
        return start == 0 ? 0 : marks.get(start).unfinished();
    }

    /**
     * Lines from a mark to the end.
     *
     * @param lastTruncated which of them is the last that began before the mark, counted from 1; 0 if none is
     */
    private record Count(long lines, long lastTruncated) {
        static Count of(Query query, Lines lines, boolean dropsTruncated) {
            var count = 0L;
            var lastTruncated = 0L;
            var more = true;
            while (more) {
                more = lines.advance() && !lines.isPast(query.until);
                for (var line = lines.poll(); line != null; line = lines.poll()) {
                    if (line.truncated() ? !dropsTruncated : query.wants(line)) {
                        count++;
                        lastTruncated = line.truncated() ? count : lastTruncated;
                    }
                }
            }
            return new Count(count, lastTruncated);
        }

        boolean fits(long tail) {
            return lines >= tail && lines - tail >= lastTruncated;
        }
    }

    /** The next of the lines that were read so far. */
    Lines.@Nullable Line poll() {
        for (var line = lines.poll(); line != null; line = lines.poll()) {
            var counts = line.truncated() ? !dropsTruncated : query.wants(line);
            if (counts && skip-- <= 0 && query.wants(line)) {
                return line;
            }
        }
        return null;
    }

    /** Reads on, waiting if this follows the log. Returns whether there may be more. */
    boolean advance() {
        return !lines.isPast(query.until) && lines.advance();
    }

    /** The next line, waiting if this follows the log; null at the end. */
    Lines.@Nullable Line next() {
        var more = true;
        var line = poll();
        while (line == null && more) {
            more = advance();
            line = poll();
        }
        return line;
    }

    /** Whether {@link #advance} returns at once. */
    boolean isReady() {
        return reader.isReady();
    }

    /** Bytes of output that were rotated away before they were read. */
    long lost() {
        return lines.lost();
    }

    /** Bytes of output that lie behind it. */
    long output() {
        return reader.output();
    }

    /** From any thread. */
    @Override
    public void close() {
        reader.close();
    }

    static LogLine line(Lines.Line line) {
        return new LogLine(
                Instant.ofEpochSecond(line.nanos() / 1_000_000_000L, line.nanos() % 1_000_000_000L),
                line.stream(),
                line.bytes());
    }
}
