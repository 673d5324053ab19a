package dev.cais.runtime.log;

import dev.cais.CancelledException;
import dev.cais.InvalidSpecException;
import dev.cais.LogForwarding;
import dev.cais.LogLine;
import dev.cais.LogStatus;
import dev.cais.LogStream;
import dev.cais.Logs;
import java.io.InputStream;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Optional;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/** The log of a container as callers read it. */
record LogView(OutputLog log, Selection.Query query) implements Logs {
    @Override
    public Logs follow() {
        return new LogView(
                log,
                new Selection.Query(LogFile.Extent.RUN, query.since(), query.until(), query.tail(), query.stream()));
    }

    @Override
    public Logs since(Instant time) {
        return new LogView(
                log, new Selection.Query(query.extent(), nanos(time), query.until(), query.tail(), query.stream()));
    }

    @Override
    public Logs until(Instant time) {
        return new LogView(
                log, new Selection.Query(query.extent(), query.since(), nanos(time), query.tail(), query.stream()));
    }

    @Override
    public Logs tail(long lines) {
        if (lines < 0) {
            throw new InvalidSpecException("cannot read the last " + lines + " lines of a log: it is negative");
        }
        return new LogView(
                log, new Selection.Query(query.extent(), query.since(), query.until(), lines, query.stream()));
    }

    @Override
    public Logs only(LogStream stream) {
        return new LogView(
                log,
                new Selection.Query(query.extent(), query.since(), query.until(), query.tail(), Optional.of(stream)));
    }

    private static long nanos(Instant time) {
        try {
            return Math.addExact(Math.multiplyExact(time.getEpochSecond(), 1_000_000_000L), time.getNano());
        } catch (ArithmeticException | DateTimeException e) {
            return time.getEpochSecond() < 0 ? Long.MIN_VALUE : Long.MAX_VALUE;
        }
    }

    @Override
    public Stream<LogLine> lines() {
        var selection = new Selection(log.readable(), query);
        return StreamSupport.stream(
                        Spliterators.spliteratorUnknownSize(
                                new Each(selection), Spliterator.ORDERED | Spliterator.NONNULL),
                        false)
                .onClose(selection::close);
    }

    @Override
    public InputStream stdout() {
        return bytes(LogStream.STDOUT);
    }

    @Override
    public InputStream stderr() {
        return bytes(LogStream.STDERR);
    }

    private InputStream bytes(LogStream stream) {
        var file = log.readable();
        if (query.wantsAll()) {
            return new Bytes(
                    new OfChunks(LogReader.of(file, file.marks().get(0), query.extent(), Long.MAX_VALUE), stream));
        }
        return new Bytes(new OfLines(new Selection(file, query), stream));
    }

    @Override
    public LogForwarding forward(Consumer<? super LogLine> consumer) {
        return log.forward(query, consumer);
    }

    @Override
    public LogStatus status() {
        return log.status();
    }

    private static final class Each implements Iterator<LogLine> {
        private final Selection selection;
        private @Nullable LogLine ready;

        Each(Selection selection) {
            this.selection = selection;
        }

        @Override
        public boolean hasNext() {
            if (ready == null) {
                var line = selection.next();
                ready = line == null ? null : Selection.line(line);
            }
            return ready != null;
        }

        @Override
        public LogLine next() {
            var line = hasNext() ? ready : null;
            if (line == null) {
                throw new NoSuchElementException();
            }
            ready = null;
            return line;
        }
    }

    /** Where the bytes of one stream come from. */
    private interface Source extends AutoCloseable {
        /** More bytes, or null at the end. */
        byte @Nullable [] next();

        @Override
        void close();
    }

    private record OfChunks(LogReader reader, LogStream stream) implements Source {
        @Override
        public byte @Nullable [] next() {
            for (var chunk = reader.next(); chunk.isPresent(); chunk = reader.next()) {
                if (chunk.get().stream() == stream) {
                    return chunk.get().content();
                }
            }
            return null;
        }

        @Override
        public void close() {
            reader.close();
        }
    }

    /** With their line ends. */
    private record OfLines(Selection selection, LogStream stream) implements Source {
        @Override
        public byte @Nullable [] next() {
            for (var line = selection.next(); line != null; line = selection.next()) {
                if (line.stream() == stream && (line.ended() || line.bytes().length > 0)) {
                    return withEnd(line);
                }
            }
            return null;
        }

        private static byte[] withEnd(Lines.Line line) {
            if (!line.ended()) {
                return line.bytes();
            }
            var bytes = java.util.Arrays.copyOf(line.bytes(), line.bytes().length + 1);
            bytes[bytes.length - 1] = '\n';
            return bytes;
        }

        @Override
        public void close() {
            selection.close();
        }
    }

    /** One stream's content; closed from any thread, it is at its end. */
    private static final class Bytes extends InputStream {
        private final Source source;
        private byte[] content = new byte[0];
        private int position;

        Bytes(Source source) {
            this.source = source;
        }

        @Override
        public int read() {
            return available() > 0 || fill() ? content[position++] & 0xff : -1;
        }

        @Override
        public int read(byte[] target, int offset, int length) {
            Objects.checkFromIndexSize(offset, length, target.length);
            if (length == 0) {
                return 0;
            }
            if (available() == 0 && !fill()) {
                return -1;
            }
            var count = Math.min(length, available());
            System.arraycopy(content, position, target, offset, count);
            position += count;
            return count;
        }

        @Override
        public int available() {
            return content.length - position;
        }

        /** @throws CancelledException if the thread is interrupted */
        private boolean fill() {
            var next = source.next();
            if (next == null) {
                return false;
            }
            content = next;
            position = 0;
            return true;
        }

        @Override
        public void close() {
            source.close();
        }
    }
}
