package dev.cais.runtime.build;

import dev.cais.CancelledException;
import dev.cais.image.layer.Workers;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;

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
        this.threads = Workers.start(name, count);
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
            throw Workers.failure(e);
        }
    }

    /** Nothing is done any more when this returns; what was not taken may not have been done at all. */
    @Override
    public void close() {
        Workers.end(threads);
    }
}
