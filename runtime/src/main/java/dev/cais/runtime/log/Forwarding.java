package dev.cais.runtime.log;

import dev.cais.CancelledException;
import dev.cais.EngineException;
import dev.cais.LogForwarding;
import dev.cais.LogLine;
import dev.cais.TimedOutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A thread that reads a log and gives its lines to somebody. */
final class Forwarding implements LogForwarding {
    private static final Logger LOG = LoggerFactory.getLogger(Forwarding.class);

    private static final int MOST_LINES = 256;
    private static final int MOST_BYTES = 1 << 18;

    /** Who gets lines. Does not throw, but for interruption. */
    interface Receiver {
        void take(List<LogLine> lines, Forwarding forwarding) throws InterruptedException;

        /** What stands in its way now; empty if nothing does. */
        String problem();

        /** Called on the forwarding's thread, at its end. */
        void end();

        /** Whether its thread is ours alone, so that it may be interrupted. */
        boolean isInterruptible();
    }

    private final String name;
    private final LogFile log;
    private final Selection lines;
    private final Receiver receiver;
    private final Thread thread;
    private final Object progress = new Object();

    private long delivered;
    private long failed;
    private long rotatedAway;
    private long givenUp;
    private long caughtUp;
    private boolean ended;
    private @Nullable Throwable lastFailure;
    /** When the receiver got what it still has, as {@link System#nanoTime}. */
    private long busySince;

    private boolean busy;
    private volatile boolean closing;
    /** Nothing more will be waited for. */
    private volatile boolean finishing;

    /** @param name of the container */
    Forwarding(String name, LogFile log, Selection.Query query, Receiver receiver) {
        this.name = name;
        this.log = log;
        this.lines = new Selection(log, query);
        this.receiver = receiver;
        this.thread = new Thread(this::run, "cais-log-" + name);
        thread.setDaemon(true);
    }

    Forwarding start() {
        thread.start();
        return this;
    }

    private void run() {
        try {
            forward();
        } catch (InterruptedException | CancelledException e) {
            if (!closing) {
                LOG.warn("forwarding the log of {} was interrupted, and has ended", name);
            }
        } catch (EngineException e) {
            if (!closing) {
                LOG.warn("forwarding the log of {} has ended: {}", name, e.getMessage());
            }
        } finally {
            receiver.end();
            synchronized (progress) {
                ended = true;
                progress.notifyAll();
            }
        }
    }

    private void forward() throws InterruptedException {
        var batch = new ArrayList<LogLine>();
        var bytes = 0;
        var more = true;
        while (!closing) {
            var line = lines.poll();
            if (line != null) {
                batch.add(Selection.line(line));
                bytes += line.bytes().length;
            } else if (more && (batch.isEmpty() || lines.isReady())) {
                noteProgress(batch.isEmpty() && !lines.isReady());
                more = lines.advance();
                continue;
            } else if (batch.isEmpty()) {
                noteProgress(true);
                return;
            }
            if (line == null || batch.size() >= MOST_LINES || bytes >= MOST_BYTES) {
                deliver(List.copyOf(batch));
                batch.clear();
                bytes = 0;
            }
        }
    }

    private void deliver(List<LogLine> batch) throws InterruptedException {
        synchronized (progress) {
            busy = true;
            busySince = System.nanoTime();
        }
        try {
            receiver.take(batch, this);
        } finally {
            synchronized (progress) {
                busy = false;
            }
        }
    }

    private void noteProgress(boolean all) {
        synchronized (progress) {
            rotatedAway = lines.lost();
            if (all) {
                caughtUp = lines.output();
                progress.notifyAll();
            }
        }
    }

    /** The receiver has taken lines. */
    void noteDelivered(long count) {
        synchronized (progress) {
            delivered += count;
        }
    }

    /** The receiver has thrown; returns whether that is the first time. */
    boolean noteFailed(long count, Throwable why) {
        synchronized (progress) {
            var first = failed == 0;
            failed += count;
            lastFailure = why;
            return first;
        }
    }

    /** Waits before another try. Returns whether there should be one. */
    boolean pause(long milliseconds) throws InterruptedException {
        synchronized (progress) {
            var deadline = System.nanoTime() + milliseconds * 1_000_000;
            while (!closing && !finishing) {
                var left = deadline - System.nanoTime();
                if (left <= 0) {
                    return true;
                }
                progress.wait(left / 1_000_000 + 1);
            }
            return false;
        }
    }

    /** What is not delivered by now never will be: the lines that the receiver has, and what was not read. */
    void giveUp(long bytes) {
        synchronized (progress) {
            if (givenUp == 0) {
                givenUp = bytes + Math.max(0, log.output() - lines.output());
            }
            closing = true;
        }
    }

    boolean isClosing() {
        return closing;
    }

    /**
     * The log has ended: waits for what is on its way, and gives up if that makes no progress.
     *
     * @param patience how long to wait, and how long one call of the receiver may take
     */
    void finish(Duration patience) {
        var interrupted = false;
        synchronized (progress) {
            finishing = true;
            progress.notifyAll();
            var deadline = System.nanoTime() + patience.toNanos();
            while (!ended && Thread.currentThread() != thread) {
                var now = System.nanoTime();
                var left = (busy ? Math.min(deadline, busySince + patience.toNanos()) : deadline) - now;
                if (left <= 0 || interrupted) {
                    break;
                }
                try {
                    progress.wait(left / 1_000_000 + 1);
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            if (!ended) {
                giveUp(0);
            }
        }
        close();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public long delivered() {
        synchronized (progress) {
            return delivered;
        }
    }

    @Override
    public long failed() {
        synchronized (progress) {
            return failed;
        }
    }

    @Override
    public long missed() {
        synchronized (progress) {
            return rotatedAway + givenUp;
        }
    }

    @Override
    public Optional<Throwable> lastFailure() {
        synchronized (progress) {
            return Optional.ofNullable(lastFailure);
        }
    }

    String problem() {
        return receiver.problem();
    }

    boolean hasEnded() {
        synchronized (progress) {
            return ended;
        }
    }

    @Override
    public void awaitDelivered(Duration timeout) {
        var wanted = log.output();
        var deadline = System.nanoTime() + timeout.toNanos();
        synchronized (progress) {
            while (caughtUp < wanted && !ended) {
                var left = deadline - System.nanoTime();
                if (left <= 0) {
                    throw new TimedOutException("cannot wait longer for the log of " + name
                            + " to be forwarded: it was not after " + timeout);
                }
                try {
                    progress.wait(left / 1_000_000 + 1);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    throw new CancelledException(
                            "cannot wait for the log of " + name + " to be forwarded: the thread was interrupted",
                            Map.of(),
                            "",
                            e);
                }
            }
        }
    }

    @Override
    public void close() {
        closing = true;
        lines.close();
        synchronized (progress) {
            progress.notifyAll();
            if (!ended && receiver.isInterruptible()) {
                thread.interrupt();
            }
        }
    }

    /** {@code LogForwarding[web, 12 lines]}. */
    @Override
    public String toString() {
        return "LogForwarding[" + name + ", " + delivered() + " lines]";
    }
}
