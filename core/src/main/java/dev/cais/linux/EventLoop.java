package dev.cais.linux;

import java.time.Duration;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One thread that waits for all descriptors of an engine: the streams of its containers, the ends of their processes, the
 * sockets of its networks.
 *
 * <p>Handlers run on that thread, one at a time, and must not block. When nothing happens the thread sleeps.
 */
public final class EventLoop implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(EventLoop.class);
    private static final long WAKE_UP = 0;

    private final Epoll epoll = Epoll.create();
    private final Pipe wakeUp = Pipe.create().nonBlockingReads().nonBlockingWrites();
    private final AtomicBoolean awake = new AtomicBoolean();
    private final Map<Long, Watch> watches = new ConcurrentHashMap<>();
    private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private final AtomicLong keys = new AtomicLong(WAKE_UP);
    /** Touched on the loop's thread only. */
    private final PriorityQueue<Timer> timers = new PriorityQueue<>();

    private final Thread thread;
    private volatile boolean closed;
    /** Set before the last tasks run. */
    private volatile boolean ended;

    /** @param name of the thread, a daemon */
    public EventLoop(String name) {
        epoll.add(wakeUp.readEnd(), Epoll.EPOLLIN, WAKE_UP);
        thread = new Thread(this::run, name);
        thread.setDaemon(true);
        thread.start();
    }

    /** A descriptor under watch. */
    public final class Watch {
        private final Fd fd;
        private final int interest;
        private final long key;
        private final Consumer<Watch> handler;

        private Watch(Fd fd, int interest, long key, Consumer<Watch> handler) {
            this.fd = fd;
            this.interest = interest;
            this.key = key;
            this.handler = handler;
        }

        /**
         * Stops watching and closes the descriptor. On the loop's thread, or where the handler does not use the descriptor; the
         * handler may run once more.
         */
        public void close() {
            if (watches.remove(key) != null && !ended) {
                epoll.remove(fd);
            }
            fd.close();
        }

        /** Looks again, where not every state is reported. */
        public void resume() {
            epoll.modify(fd, interest, key);
        }
    }

    /**
     * Calls the handler each time the descriptor can be read or its other end is gone, which may be before this returns.
     *
     * @param handler gets the watch itself
     */
    public Watch watch(Fd fd, Consumer<Watch> handler) {
        return watch(fd, Epoll.EPOLLIN, handler);
    }

    /** Calls the handler once when the descriptor can be written or its other end is gone, and again after {@link Watch#resume}. */
    public Watch watchWritable(Fd fd, Consumer<Watch> handler) {
        return watch(fd, Epoll.EPOLLOUT | Epoll.EPOLLONESHOT, handler);
    }

    /**
     * Calls the handler when there is something to read or the other end is gone, and then not before something changes there, or
     * {@link Watch#resume} is called.
     */
    public Watch watchChanges(Fd fd, Consumer<Watch> handler) {
        return watch(fd, Epoll.EPOLLIN | Epoll.EPOLLET, handler);
    }

    /**
     * Calls the handler when there is something to read, when there is room to write again, and when the other end is gone: once for
     * each such change, and once more after {@link Watch#resume} if one of them is so.
     */
    public Watch watchBoth(Fd fd, Consumer<Watch> handler) {
        return watch(fd, Epoll.EPOLLIN | Epoll.EPOLLOUT | Epoll.EPOLLET, handler);
    }

    private Watch watch(Fd fd, int interest, Consumer<Watch> handler) {
        var watch = new Watch(fd, interest, keys.incrementAndGet(), handler);
        watches.put(watch.key, watch);
        try {
            epoll.add(fd, interest, watch.key);
        } catch (RuntimeException e) {
            watches.remove(watch.key);
            throw e;
        }
        return watch;
    }

    /** Something to be done later. */
    public final class Timer implements Comparable<Timer> {
        private final long due;
        private final Runnable task;

        private Timer(long due, Runnable task) {
            this.due = due;
            this.task = task;
        }

        /** It is not done, if it is not being done already. From any thread; repeating is harmless. */
        public void cancel() {
            execute(() -> timers.remove(this));
        }

        @Override
        public int compareTo(Timer other) {
            return Long.signum(due - other.due);
        }
    }

    /** Runs something on the loop's thread after a while, never earlier, and not at all if the loop is closed before. */
    public Timer schedule(Duration delay, Runnable task) {
        var timer = new Timer(System.nanoTime() + TimeUnit.NANOSECONDS.convert(delay), task);
        execute(() -> timers.add(timer));
        return timer;
    }

    /** @return milliseconds until the next timer is due, rounded up; -1 if there is none */
    private int untilNextTimer() {
        var next = timers.peek();
        if (next == null) {
            return -1;
        }
        var nanos = next.due - System.nanoTime();
        return nanos <= 0 ? 0 : (int) Math.min(Integer.MAX_VALUE, (nanos + 999_999) / 1_000_000);
    }

    private void runTimers() {
        for (var next = timers.peek(); next != null && next.due - System.nanoTime() <= 0; next = timers.peek()) {
            timers.remove();
            try {
                next.task.run();
            } catch (RuntimeException e) {
                LOG.error("a timer of the event loop failed", e);
            }
        }
    }

    /** Runs something on the loop's thread, soon; at once if that is the calling thread. */
    public void execute(Runnable task) {
        if (Thread.currentThread() == thread) {
            task.run();
            return;
        }
        tasks.add(task);
        if (awake.compareAndSet(false, true)) {
            synchronized (wakeUp) { // which may be closed at any time
                if (wakeUp.writeEnd().isOpen()) {
                    wakeUp.writeByte();
                }
            }
        }
    }

    /**
     * Runs something on the loop's thread and waits until it is done; runs it here if the loop has ended. For what must not happen while
     * a handler runs, such as closing a descriptor that one uses. Does not notice an interruption.
     *
     * @throws RuntimeException what the task throws
     */
    public void perform(Runnable task) {
        if (Thread.currentThread() == thread) {
            task.run();
            return;
        }
        var performed = new FutureTask<@Nullable Void>(task, null);
        execute(performed);
        if (ended) {
            performed.run(); // does nothing if it ran already
        }
        var interrupted = false;
        try {
            while (true) {
                try {
                    performed.get();
                    return;
                } catch (InterruptedException e) {
                    interrupted = true;
                } catch (ExecutionException e) {
                    if (e.getCause() instanceof RuntimeException failure) {
                        throw failure;
                    }
                    throw new IllegalStateException(e.getCause());
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void run() {
        while (!closed) {
            try {
                epoll.await(untilNextTimer(), this::handle);
                runTimers();
            } catch (RuntimeException | Error e) {
                LOG.error("an event handler failed", e);
            }
        }
        ended = true;
        runTasks();
        epoll.close();
        synchronized (wakeUp) {
            wakeUp.close();
        }
    }

    private void handle(long key, int events) {
        if (key == WAKE_UP) {
            try (var scratch = Scratch.frame()) {
                Syscalls.call(Syscall.READ, wakeUp.readEnd().number(), scratch.reserve(8), 8);
            }
            awake.set(false);
            runTasks();
            return;
        }
        var watch = watches.get(key);
        if (watch != null) {
            watch.handler.accept(watch);
        }
    }

    private void runTasks() {
        for (var task = tasks.poll(); task != null; task = tasks.poll()) {
            try {
                task.run();
            } catch (RuntimeException e) {
                LOG.error("a task of the event loop failed", e);
            }
        }
    }

    /** Ends the thread once its current handlers are done, and waits for it. Idempotent. */
    @Override
    public void close() {
        if (Thread.currentThread() == thread) {
            closed = true;
            return;
        }
        execute(() -> closed = true);
        var interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
