package dev.cais.runtime.build;

import dev.cais.CancelledException;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** Work of other threads whose outcomes are taken in the order in which it was given to them. For one thread. */
final class InOrder<T> implements AutoCloseable {
    private final String cannot;
    private final ExecutorService threads;
    private final Queue<Future<T>> ahead = new ArrayDeque<>();

    /**
     * Threads come with the work.
     *
     * @param cannot for the message of an interrupt: {@code cannot copy files}
     */
    InOrder(String name, int count, String cannot) {
        this.cannot = cannot;
        this.threads = Executors.newFixedThreadPool(count, task -> {
            var thread = new Thread(task, name);
            thread.setDaemon(true);
            return thread;
        });
    }

    void submit(Callable<T> work) {
        ahead.add(threads.submit(work));
    }

    /** How much was given and not taken. */
    int size() {
        return ahead.size();
    }

    /**
     * Waits for the oldest.
     *
     * @throws CancelledException if this thread is interrupted
     */
    T take() {
        try {
            return ahead.remove().get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancelledException(cannot + ": the thread was interrupted");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException failure) {
                throw failure;
            }
            throw new IllegalStateException(e.getCause());
        }
    }

    /** Nothing is done any more when this returns; what was not taken may not have been done at all. */
    @Override
    public void close() {
        threads.shutdownNow();
        var interrupted = false;
        while (!threads.isTerminated()) {
            try {
                interrupted |= !threads.awaitTermination(1, TimeUnit.DAYS);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
