package dev.cais.runtime;

import dev.cais.CancelledException;
import dev.cais.ConflictException;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What containers leave behind on networks when they go: it is taken away in the background, and whoever wants its place waits for that.
 */
final class Departures implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Departures.class);

    private final Executor workers;
    /** Done when all that containers left has gone. */
    private CompletableFuture<Void> leaving = CompletableFuture.completedFuture(null);

    private boolean closed;

    /** @param workers drop what comes after their end, and nothing before that */
    Departures(Executor workers) {
        this.workers = workers;
    }

    /** Does what nobody waits for, in the background; after the end, at once. */
    void later(Runnable task) {
        synchronized (this) {
            if (!closed) {
                leaving = CompletableFuture.allOf(leaving, CompletableFuture.runAsync(() -> logged(task), workers));
                return;
            }
        }
        logged(task);
    }

    private static void logged(Runnable task) {
        try {
            task.run();
        } catch (RuntimeException e) {
            LOG.warn("something of a container's network could not be removed", e);
        }
    }

    private synchronized CompletableFuture<Void> leaving() {
        return leaving;
    }

    /**
     * Waits until what containers left has gone.
     *
     * @throws CancelledException that begins with {@code cannot} if the thread is interrupted
     */
    void await(String cannot) {
        try {
            leaving().get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancelledException(cannot + ": the thread was interrupted", Map.of(), "", e);
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The same for what is not to be interrupted. */
    void await() {
        leaving().join();
    }

    /** Tries once more what others stood in the way of, when those are gone that are about to go. */
    <T> T patiently(String cannot, Supplier<T> attempt) {
        try {
            return attempt.get();
        } catch (ConflictException e) {
            await(cannot);
            return attempt.get();
        }
    }

    /** Waits for all of it. */
    @Override
    public void close() {
        for (var pending = leaving(); !isLast(pending); pending = leaving()) {
            pending.join();
        }
    }

    private synchronized boolean isLast(CompletableFuture<Void> pending) {
        closed = pending == leaving && pending.isDone();
        return closed;
    }
}
