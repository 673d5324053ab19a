package dev.cais.runtime.log;

import dev.cais.LogStream;
import java.io.ByteArrayOutputStream;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * Cuts chunks into lines, each stream for itself; a line has the time of the chunk in which it began. One that is longer than a
 * mebibyte comes in pieces, since a container decides how long its lines are.
 */
final class Lines {
    /** Bytes of the longest line. */
    static final int LONGEST = 1 << 20;

    private static final LogStream[] STREAMS = LogStream.values();

    /**
     * @param bytes without the line end
     * @param ended whether there was a line end
     * @param truncated whether its beginning stands before the place where reading started
     */
    record Line(long nanos, LogStream stream, byte[] bytes, boolean ended, boolean truncated) {}

    private static final class Unfinished {
        long start = Long.MAX_VALUE;
        boolean truncated;
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    }

    private final LogReader reader;
    private final Unfinished[] unfinished = {new Unfinished(), new Unfinished()};
    private final Deque<Line> ready = new ArrayDeque<>();
    private long lost;
    /** Of the last chunk of each stream. */
    private final long[] times = {Long.MIN_VALUE, Long.MIN_VALUE};

    private final boolean ordered;

    /** @param truncated a bit for each stream whose first line begins before the reader's place */
    Lines(LogReader reader, int truncated) {
        this.reader = reader;
        this.ordered = reader.isOrdered();
        for (var i = 0; i < STREAMS.length; i++) {
            if ((truncated & 1 << i) != 0) {
                unfinished[i].truncated = true;
                unfinished[i].start = Long.MIN_VALUE; // some time before
            }
        }
    }

    /** The next of the lines that were read so far. */
    @Nullable
    Line poll() {
        return ready.poll();
    }

    /** Reads one chunk, waiting for it if the reader follows. Returns whether there was one. */
    boolean advance() {
        var chunk = reader.next();
        if (chunk.isEmpty() || chunk.get().equals(Chunk.END_OF_RUN)) {
            finish();
            return chunk.isPresent();
        }
        if (chunk.get().lost() > 0) {
            lost += chunk.get().lost();
            finish();
        }
        cut(chunk.get());
        return true;
    }

    /** Bytes of output that were rotated away before they were read. */
    long lost() {
        return lost;
    }

    /** Whether no line that comes can have begun by that time. */
    boolean isPast(long nanos) {
        for (var i = 0; i < STREAMS.length; i++) {
            if (times[i] <= nanos || unfinished[i].start <= nanos) {
                return false;
            }
        }
        return true;
    }

    private void cut(Chunk chunk) {
        var stream = chunk.stream().ordinal();
        times[stream] = chunk.nanos();
        if (ordered) {
            Arrays.fill(times, chunk.nanos());
        }
        var line = unfinished[stream];
        var content = chunk.content();
        var from = 0;
        for (var i = 0; i < content.length; i++) {
            if (content[i] == '\n') {
                append(line, chunk, from, i);
                emit(line, chunk.stream(), true);
                from = i + 1;
            }
        }
        if (from < content.length) {
            append(line, chunk, from, content.length);
        }
    }

    private void append(Unfinished line, Chunk chunk, int from, int to) {
        if (line.start == Long.MAX_VALUE) {
            line.start = chunk.nanos();
        }
        var next = from;
        while (to - next > LONGEST - line.bytes.size()) {
            var fits = LONGEST - line.bytes.size();
            line.bytes.write(chunk.content(), next, fits);
            next += fits;
            ready.add(new Line(line.start, chunk.stream(), line.bytes.toByteArray(), false, line.truncated));
            line.bytes.reset();
        }
        line.bytes.write(chunk.content(), next, to - next);
    }

    private void emit(Unfinished line, LogStream stream, boolean ended) {
        ready.add(new Line(line.start, stream, line.bytes.toByteArray(), ended, line.truncated));
        line.bytes.reset();
        line.start = Long.MAX_VALUE;
        line.truncated = false;
    }

    /** What has no line end yet gets none any more. */
    private void finish() {
        for (var stream : STREAMS) {
            var line = unfinished[stream.ordinal()];
            if (line.bytes.size() > 0 || line.truncated) {
                emit(line, stream, false);
            }
        }
    }
}
