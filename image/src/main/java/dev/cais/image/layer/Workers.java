package dev.cais.image.layer;

import dev.cais.CancelledException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** Several things at once, by threads that are gone when it is over. */
public final class Workers {
    private Workers() {}

    /**
     * Runs all, some at a time. The first failure ends all, and is thrown when the others have ended.
     *
     * @param name of the threads
     * @param cannot for the message if this thread is interrupted: {@code cannot unpack 3 layers}
     * @return in the order given
     * @throws CancelledException if the thread is interrupted
     */
    public static <T> List<T> run(String name, int atOnce, List<Callable<T>> tasks, String cannot) {
        if (tasks.isEmpty()) {
            return List.of();
        }
        var threads = start(name, Math.min(atOnce, tasks.size()));
        try {
            var done = new ExecutorCompletionService<T>(threads);
            var futures = new ArrayList<Future<T>>();
            for (var task : tasks) {
                futures.add(done.submit(task));
            }
            for (var ignored : tasks) {
                done.take().get(); // in the order in which they end, so that a failure shows at once
            }
            var results = new ArrayList<T>();
            for (var future : futures) {
                results.add(future.get());
            }
            return results;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancelledException(cannot + ": the thread was interrupted");
        } catch (ExecutionException e) {
            throw failure(e);
        } finally {
            end(threads);
        }
    }

    /** Threads that come with the work, and do not keep the JVM from ending. They are to be ended by {@link #end}. */
    public static ExecutorService start(String name, int count) {
        return Executors.newFixedThreadPool(count, task -> {
            var thread = new Thread(task, name);
            thread.setDaemon(true);
            return thread;
        });
    }

    /** What a thread's work has failed with; an error is thrown. */
    public static RuntimeException failure(ExecutionException e) {
        if (e.getCause() instanceof RuntimeException exception) {
            return exception;
        }
        if (e.getCause() instanceof Error error) {
            throw error;
        }
        return new IllegalStateException(e.getCause());
    }

    /** Nothing is done any more when this returns; what had not begun is not done at all. */
    public static void end(ExecutorService threads) {
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
