package dev.cais.runtime.log;

import dev.cais.CancelledException;
import dev.cais.ConflictException;
import dev.cais.CorruptContentException;
import dev.cais.StorageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A place in a log, moving forward. Belongs to one thread at a time, but for {@link #close}. It holds no descriptor between
 * calls, so that one who stops reading has nothing to close.
 */
public final class LogReader implements AutoCloseable {
    /** Bytes that are read at a time. */
    private static final int BLOCK = 1 << 20;

    private final LogFile log;
    /** Where it ends in any case. */
    private final long end;
    /** With the end of which run it ends. */
    private final int run;
    /** When it ends, in milliseconds since the epoch. */
    private final long deadline;

    private ByteBuffer block = ByteBuffer.allocate(0);
    /** Of the first byte in the log that is not in the block. */
    private long position;

    private final AtomicLong output;
    /** How many ends of runs it has told of, if it goes on over them. */
    private int runsTold;

    private long lost;
    private volatile boolean closed;

    private LogReader(LogFile log, LogFile.Mark start, long end, int run, long deadline) {
        this.log = log;
        this.position = start.position();
        this.output = new AtomicLong(start.output());
        this.end = end;
        this.run = run;
        this.deadline = deadline;
    }

    /** @param deadline when it stops waiting, in milliseconds since the epoch */
    static LogReader of(LogFile log, LogFile.Mark start, LogFile.Extent extent, long deadline) {
        return switch (extent) {
            case NOW -> upTo(log, start, log.size());
            case RUN -> new LogReader(log, start, Long.MAX_VALUE, log.currentRun(), deadline);
            case ALL -> new LogReader(log, start, Long.MAX_VALUE, Integer.MAX_VALUE, deadline);
        };
    }

    static LogReader upTo(LogFile log, LogFile.Mark start, long end) {
        return new LogReader(log, start, end, 0, Long.MAX_VALUE);
    }

    /**
     * The next chunk, waiting for it if this follows the log, or nothing at the end.
     *
     * @throws ConflictException if the container was removed meanwhile
     * @throws CancelledException if the thread is interrupted
     */
    public Optional<Chunk> next() {
        var length = 0;
        while (length == 0) {
            if (closed) {
                return Optional.empty();
            }
            if (!block.hasRemaining() && !fill()) {
                if (!goesOn() || log.hasEnded() || new Waiting().isOver()) {
                    return Optional.empty();
                }
                var last = log.endOfRun();
                runsTold = last.number();
                if (position == last.size()) {
                    return Optional.of(Chunk.END_OF_RUN);
                }
                continue; // another run has begun, and its output has been read already
            }
            length = log.format().length(block);
            if (length > block.remaining()) {
                extend(length);
                length = 0; // what was read may tell more
            }
        }
        Chunk chunk;
        try {
            chunk = log.format().decode(block, length);
        } catch (IllegalArgumentException e) {
            throw new CorruptContentException(
                    "cannot read the log " + log.path() + ": it has no record before byte " + position,
                    Map.of(),
                    "",
                    e);
        }
        output.addAndGet(chunk.content().length);
        if (lost == 0) {
            return Optional.of(chunk);
        }
        var missing = lost;
        lost = 0;
        return Optional.of(new Chunk(chunk.nanos(), chunk.stream(), chunk.content(), missing));
    }

    /** Whether it waits for further runs when one has ended. */
    private boolean goesOn() {
        return run == Integer.MAX_VALUE;
    }

    /** Whether {@link #next} returns at once. */
    boolean isReady() {
        return closed || block.hasRemaining() || position < Math.min(end, log.size());
    }

    /** Whether chunks come in the order of their times, whatever their stream; else each stream's do. */
    boolean isOrdered() {
        return log.format().isOrdered();
    }

    /** Bytes of output that lie behind it. */
    long output() {
        return output.get();
    }

    /** Ends it: a waiting {@link #next} returns nothing, and so does each later one. From any thread; idempotent. */
    @Override
    public void close() {
        closed = true;
        log.wakeUp();
    }

    private final class Waiting implements LogFile.Patience {
        @Override
        public boolean isOver() {
            return closed || System.currentTimeMillis() >= deadline;
        }

        @Override
        public long milliseconds() {
            return deadline == Long.MAX_VALUE ? 0 : Math.max(1, deadline - System.currentTimeMillis());
        }
    }

    /** @return whether the block has something now */
    private boolean fill() {
        try {
            if (position >= end || !log.awaitMore(position, goesOn() ? runsTold + 1 : run, new Waiting())) {
                return false;
            }
            var skipped = log.skipFrom(position);
            if (skipped.isPresent()) {
                lost += skipped.get().output() - output.get();
                output.set(skipped.get().output());
                position = skipped.get().position();
                return fill();
            }
            block = read(BLOCK);
            return block.hasRemaining() || fill();
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    /** Adds at least that many bytes to the block's; or empties it, if the rest of its record was rotated away. */
    private void extend(int least) {
        try {
            var more = read(Math.max(least - block.remaining(), BLOCK));
            if (!more.hasRemaining() && log.skipFrom(position).isPresent()) {
                block = more;
                return;
            }
            if (!more.hasRemaining()) {
                throw new CorruptContentException("cannot read the log " + log.path() + ": it ends within a record");
            }
            block = ByteBuffer.allocate(block.remaining() + more.remaining())
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .put(block)
                    .put(more)
                    .flip();
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    /** Reads at most that much of one file; nothing if it was rotated away in this moment. */
    private ByteBuffer read(int most) throws InterruptedException {
        while (true) {
            var place = log.place(position);
            var length = (int) Math.min(Math.min(place.available(), end - position), most);
            var bytes = ByteBuffer.allocate(Math.max(0, length)).order(ByteOrder.LITTLE_ENDIAN);
            if (length <= 0) {
                return bytes;
            }
            try (var channel = FileChannel.open(place.path(), StandardOpenOption.READ)) {
                if (!log.holds(place)) {
                    continue;
                }
                while (bytes.hasRemaining()) {
                    if (channel.read(bytes, place.offset() + bytes.position()) < 0) {
                        throw new CorruptContentException(
                                "cannot read the log " + place.path() + ": it is shorter than it was");
                    }
                }
                position += length;
                return bytes.flip();
            } catch (NoSuchFileException e) {
                if (log.holds(place)) {
                    throw new ConflictException(
                            "cannot read the log " + log.path() + ": its container is removed", Map.of(), "", e);
                }
            } catch (ClosedByInterruptException e) {
                throw interrupted(e);
            } catch (IOException e) {
                throw new StorageException(
                        "cannot read the log " + log.path() + ": " + e.getMessage(), Map.of(), "", e);
            }
        }
    }

    private CancelledException interrupted(Exception cause) {
        Thread.currentThread().interrupt();
        return new CancelledException(
                "cannot go on reading the log " + log.path() + ": the thread was interrupted", Map.of(), "", cause);
    }
}
