package dev.cais.runtime;

import dev.cais.CancelledException;
import dev.cais.ConflictException;
import dev.cais.CorruptContentException;
import dev.cais.LogStream;
import dev.cais.StorageException;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What one process wrote to its two streams, as a file of chunks in the order in which they were read.
 *
 * <p>A chunk is a header of 16 bytes and its content. The header, little endian: time of reading in nanoseconds since the
 * epoch (8 bytes), length of the content (4), stream (1; 0 stdout, 1 stderr), zeros (3). A chunk is written in one call, so
 * that only the last one can be cut by a crash; a reader stops before it. The file is made with the first chunk: a
 * process that writes nothing costs nothing.
 *
 * <p>Appending belongs to one thread; reading to any, as often as they like, while it grows.
 */
final class LogFile {
    /** Bytes that are read at a time. */
    private static final int BLOCK = 1 << 20;

    /** Bytes of a chunk's header. */
    static final int HEADER = 16;

    private static final int O_WRONLY = 01;
    private static final int O_CREAT = 0100;
    private static final int O_APPEND = 02000;
    private static final int O_CLOEXEC = 02000000;

    private final Path path;
    private final Object growth = new Object();
    private @Nullable Fd file;
    private @Nullable StorageException failure;
    private long size;
    private boolean complete;
    private final long[] totals = new long[LogStream.values().length];

    LogFile(Path path) {
        this.path = path;
    }

    /**
     * Appends a chunk.
     *
     * @param buffer {@link #HEADER} free bytes, then the content
     * @param length of the content
     */
    void append(LogStream stream, NativeMemory buffer, int length) {
        var now = Instant.now();
        buffer.bytes()
                .putLong(0, now.getEpochSecond() * 1_000_000_000L + now.getNano())
                .putInt(8, length)
                .putInt(12, stream.ordinal());
        var written = failure == null ? write(buffer.address(), HEADER + length) : 0;
        synchronized (growth) {
            size += written;
            totals[stream.ordinal()] += length;
            growth.notifyAll();
        }
    }

    private int write(long address, int length) {
        var done = 0;
        while (done < length) {
            var result =
                    file == null ? open() : Syscalls.call(Syscall.WRITE, file.number(), address + done, length - done);
            if (Errno.EINTR.is(result)) {
                continue;
            }
            if (result < 0) {
                failure = new StorageException(
                        "cannot keep the output of a process in " + path + ": " + Errno.of(result),
                        Map.of("kept", size),
                        "what it wrote after that is lost; make room in the store");
                return 0;
            }
            done += (int) result;
        }
        return length;
    }

    /** @return zero, or the negated error number */
    private long open() {
        try (var scratch = Scratch.frame()) {
            var result = Syscalls.call(
                    Syscall.OPENAT,
                    -100,
                    scratch.path(path.toString()),
                    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                    0600);
            if (result >= 0) {
                file = Fd.of(result);
                return 0;
            }
            return result;
        }
    }

    /** Nothing more will come. */
    void complete() {
        synchronized (growth) {
            if (file != null) {
                file.close();
            }
            complete = true;
            growth.notifyAll();
        }
    }

    /** More will come behind what is there. */
    void reopen() {
        synchronized (growth) {
            file = null;
            complete = false;
        }
    }

    /** Removes the file, if there is one. */
    void delete() {
        try {
            java.nio.file.Files.deleteIfExists(path);
        } catch (IOException e) {
            throw new StorageException("cannot remove " + path + ": " + e.getMessage(), Map.of(), "", e);
        }
    }

    /** Bytes that one stream has had so far. */
    long total(LogStream stream) {
        synchronized (growth) {
            return totals[stream.ordinal()];
        }
    }

    /** One chunk, as read. */
    record Chunk(Instant time, LogStream stream, byte[] content) {}

    /**
     * Reads from the start.
     *
     * @param follow whether {@link Reader#next} waits for more until the log is complete
     */
    Reader read(boolean follow) {
        return new Reader(follow);
    }

    /**
     * A place in the log. Belongs to one thread at a time. It holds no descriptor between calls, so that one who stops reading
     * has nothing to close.
     */
    final class Reader {
        private final boolean follow;
        private ByteBuffer block = ByteBuffer.allocate(0);
        /** Of the first byte in the file that is not in the block. */
        private long position;

        private Reader(boolean follow) {
            this.follow = follow;
        }

        /**
         * The next chunk, or nothing at the end.
         *
         * @throws StorageException at the end, if output was lost for want of space
         * @throws ConflictException if the container was removed meanwhile
         * @throws CancelledException if the thread is interrupted while it waits
         */
        Optional<Chunk> next() {
            if (!block.hasRemaining()) {
                var available = awaitMore();
                if (available == 0) {
                    return Optional.empty();
                }
                read((int) Math.min(available, BLOCK));
            }
            if (block.remaining() < HEADER) {
                read(HEADER);
            }
            var nanos = block.getLong();
            var length = block.getInt();
            var stream = block.getInt();
            if (length < 0 || stream < 0 || stream >= LogStream.values().length) {
                throw new CorruptContentException(
                        "cannot read the log " + path + ": it has no chunk before byte " + position);
            }
            if (block.remaining() < length) {
                read(length);
            }
            var content = new byte[length];
            block.get(content);
            return Optional.of(new Chunk(
                    Instant.ofEpochSecond(nanos / 1_000_000_000L, nanos % 1_000_000_000L),
                    LogStream.values()[stream],
                    content));
        }

        /** @return bytes that can be read; 0 at the end */
        private long awaitMore() {
            synchronized (growth) {
                while (position >= size) {
                    if (complete || !follow) {
                        if (failure != null) {
                            throw failure;
                        }
                        return 0;
                    }
                    try {
                        growth.wait();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                        throw new CancelledException(
                                "cannot go on reading the log " + path + ": the thread was interrupted",
                                Map.of(),
                                "",
                                e);
                    }
                }
                return size - position;
            }
        }

        /** Reads on until the block has that many bytes left, and more if it is there already. */
        private void read(int least) {
            var larger = ByteBuffer.allocate(Math.max(least, block.remaining())).order(ByteOrder.LITTLE_ENDIAN);
            larger.put(block);
            try (var channel = FileChannel.open(path, StandardOpenOption.READ)) {
                while (larger.hasRemaining()) {
                    var count = channel.read(larger, position);
                    if (count < 0) {
                        throw new CorruptContentException("cannot read the log " + path + ": it ends within a chunk");
                    }
                    position += count;
                }
            } catch (NoSuchFileException e) {
                throw new ConflictException(
                        "cannot read the log " + path + ": its container is removed", Map.of(), "", e);
            } catch (ClosedByInterruptException e) {
                throw new CancelledException(
                        "cannot go on reading the log " + path + ": the thread was interrupted", Map.of(), "", e);
            } catch (IOException e) {
                throw new StorageException("cannot read the log " + path + ": " + e.getMessage(), Map.of(), "", e);
            }
            block = larger.flip();
        }
    }
}
