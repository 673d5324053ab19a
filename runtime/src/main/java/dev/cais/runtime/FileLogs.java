package dev.cais.runtime;

import dev.cais.LogLine;
import dev.cais.LogStream;
import dev.cais.Logs;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumMap;
import java.util.Iterator;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** The log of a container as callers read it. */
record FileLogs(LogFile file) implements Logs {
    @Override
    public Stream<LogLine> lines() {
        return StreamSupport.stream(
                Spliterators.spliteratorUnknownSize(
                        new Lines(file.read(false)), Spliterator.ORDERED | Spliterator.NONNULL),
                false);
    }

    @Override
    public InputStream stdout() {
        return new Bytes(file.read(false), LogStream.STDOUT);
    }

    @Override
    public InputStream stderr() {
        return new Bytes(file.read(false), LogStream.STDERR);
    }

    /** Cuts chunks into lines, each stream for itself; a line has the time of the chunk in which it began. */
    private static final class Lines implements Iterator<LogLine> {
        private final LogFile.Reader reader;
        private final Map<LogStream, Unfinished> unfinished = new EnumMap<>(LogStream.class);
        private final Deque<LogLine> ready = new ArrayDeque<>();
        private boolean atEnd;

        private static final class Unfinished {
            Instant start = Instant.EPOCH;
            final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        }

        Lines(LogFile.Reader reader) {
            this.reader = reader;
        }

        @Override
        public boolean hasNext() {
            while (ready.isEmpty() && !atEnd) {
                reader.next().ifPresentOrElse(this::cut, this::finish);
            }
            return !ready.isEmpty();
        }

        @Override
        public LogLine next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            return ready.remove();
        }

        private void cut(LogFile.Chunk chunk) {
            var line = unfinished.computeIfAbsent(chunk.stream(), stream -> new Unfinished());
            var content = chunk.content();
            var from = 0;
            for (var i = 0; i < content.length; i++) {
                if (content[i] == '\n') {
                    append(line, chunk, from, i);
                    ready.add(new LogLine(line.start, chunk.stream(), line.bytes.toByteArray()));
                    line.bytes.reset();
                    from = i + 1;
                }
            }
            append(line, chunk, from, content.length);
        }

        private static void append(Unfinished line, LogFile.Chunk chunk, int from, int to) {
            if (line.bytes.size() == 0) {
                line.start = chunk.time();
            }
            line.bytes.write(chunk.content(), from, to - from);
        }

        private void finish() {
            atEnd = true;
            unfinished.forEach((stream, line) -> {
                if (line.bytes.size() > 0) {
                    ready.add(new LogLine(line.start, stream, line.bytes.toByteArray()));
                }
            });
        }
    }

    /** One stream's content. */
    private static final class Bytes extends InputStream {
        private final LogFile.Reader reader;
        private final LogStream stream;
        private byte[] content = new byte[0];
        private int position;

        Bytes(LogFile.Reader reader, LogStream stream) {
            this.reader = reader;
            this.stream = stream;
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

        private boolean fill() {
            for (var chunk = reader.next(); chunk.isPresent(); chunk = reader.next()) {
                if (chunk.get().stream() == stream) {
                    content = chunk.get().content();
                    position = 0;
                    return true;
                }
            }
            return false;
        }
    }
}
