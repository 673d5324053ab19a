package dev.cais.runtime;

import dev.cais.AttachOptions;
import dev.cais.Attachment;
import dev.cais.ConflictException;
import dev.cais.LogStream;
import dev.cais.runtime.log.LogReader;
import dev.cais.runtime.log.OutputLog;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** One of those who are attached to the streams of a process. */
final class LocalAttachment implements Attachment {
    private final ProcessStreams streams;
    private final AttachOptions options;
    private final UnreadOutput unreadOut;
    private final UnreadOutput unreadErr;
    private final Output stdout;
    private final Output stderr;
    private final Input stdin;
    private volatile boolean detached;

    /**
     * @param directory for what is not read yet
     * @param log what the streams begin with, as far as it goes now; or nothing
     */
    LocalAttachment(ProcessStreams streams, AttachOptions options, Path directory, @Nullable OutputLog log) {
        this.streams = streams;
        this.options = options;
        unreadOut = new UnreadOutput("stdout of " + streams.what(), directory);
        unreadErr = new UnreadOutput("stderr of " + streams.what(), directory);
        stdout = new Output(unreadOut, LogStream.STDOUT, log);
        stderr = new Output(unreadErr, LogStream.STDERR, log);
        stdin = new Input();
        if (streams.terminal()) {
            unreadErr.end();
        }
    }

    AttachOptions options() {
        return options;
    }

    UnreadOutput unread(LogStream stream) {
        return stream == LogStream.STDOUT ? unreadOut : unreadErr;
    }

    /** Whether its own end of stdin has not been closed yet. */
    boolean holdsStdin() {
        return options.stdin() && !stdin.closed;
    }

    /** The process has ended: nothing more will come. */
    void end() {
        unreadOut.end();
        unreadErr.end();
    }

    @Override
    public OutputStream stdin() {
        if (!options.stdin()) {
            throw new ConflictException(
                    "cannot write to the stdin of " + streams.what() + ": this is attached without it");
        }
        streams.requireInput();
        return stdin;
    }

    @Override
    public InputStream stdout() {
        return stdout;
    }

    @Override
    public InputStream stderr() {
        return stderr;
    }

    @Override
    public void resize(int columns, int rows) {
        streams.resize(columns, rows);
    }

    @Override
    public void detach() {
        detached = true;
        unreadOut.close();
        unreadErr.close();
        streams.detach(this);
    }

    /** {@code Attachment[container web]}. */
    @Override
    public String toString() {
        return "Attachment[" + streams.what() + (detached ? ", detached]" : "]");
    }

    /** What the process writes to one of its streams: the log's part first, if it is wanted. */
    private final class Output extends InputStream {
        private final UnreadOutput unread;
        private final LogStream stream;
        private @Nullable LogReader log;
        private byte[] content = {};
        private int position;

        Output(UnreadOutput unread, LogStream stream, @Nullable OutputLog log) {
            this.unread = unread;
            this.stream = stream;
            if (log != null) {
                this.log = log.read(false);
            }
        }

        @Override
        public int read() throws IOException {
            var one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            Objects.checkFromIndexSize(offset, length, target.length);
            if (length == 0) {
                return 0;
            }
            var count = readLog(target, offset, length);
            return count > 0 ? count : unread.read(target, offset, length);
        }

        private synchronized int readLog(byte[] target, int offset, int length) {
            while (position == content.length) {
                var reader = log;
                if (reader == null || detached) {
                    log = null;
                    return 0;
                }
                var chunk = reader.next();
                if (chunk.isEmpty()) {
                    log = null;
                } else if (chunk.get().stream() == stream) {
                    content = chunk.get().content();
                    position = 0;
                }
            }
            var count = Math.min(length, content.length - position);
            System.arraycopy(content, position, target, offset, count);
            position += count;
            return count;
        }

        @Override
        public int available() {
            return unread.available();
        }

        /** This stream alone: what it has not given goes. */
        @Override
        public void close() {
            unread.close();
        }
    }

    /** What the process reads, past the keys that end the attachment. */
    private final class Input extends OutputStream {
        private final byte[] keys = options.detachSequence();
        /** Guards what is held back; never held by {@link #close}. */
        private final Object order = new Object();
        /** How many of the keys have been written, which are held back. */
        private int matched;

        private volatile boolean closed;

        @Override
        public void write(int one) throws IOException {
            write(new byte[] {(byte) one}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            Objects.checkFromIndexSize(offset, length, bytes.length);
            if (keys.length == 0) {
                pass(bytes, offset, length);
                return;
            }
            synchronized (order) {
                var passed = new ByteArrayOutputStream(length + keys.length);
                var found = false;
                for (var at = offset; at < offset + length && !found; at++) {
                    found = next(bytes[at], passed);
                }
                pass(passed.toByteArray(), 0, passed.size());
                if (found) {
                    detach();
                }
            }
        }

        /** @return whether all keys have been written */
        private boolean next(byte written, ByteArrayOutputStream passed) {
            while (matched > 0 && keys[matched] != written) {
                var rest = matched - 1;
                while (!Arrays.equals(keys, 0, rest, keys, matched - rest, matched)) {
                    rest--;
                }
                passed.write(keys, 0, matched - rest);
                matched = rest;
            }
            if (keys[matched] != written) {
                passed.write(written);
                return false;
            }
            matched = (matched + 1) % keys.length;
            return matched == 0;
        }

        private void pass(byte[] bytes, int offset, int length) throws IOException {
            streams.input().write(bytes, offset, length, () -> closed || detached);
        }

        @Override
        public void close() {
            if (!closed && !detached) {
                closed = true;
                streams.input().end();
                streams.input().wake();
            }
        }
    }
}
