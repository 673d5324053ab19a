package dev.cais.image.registry;

import dev.cais.CancelledException;
import dev.cais.TimedOutException;
import java.time.Duration;

/** What is being done, and until when at the latest. */
public final class Task {
    private final String what;
    private final Duration limit;
    private final String raise;
    private final long end;

    /**
     * @param what as in {@code pull busybox:latest}
     * @param limit for all of it, from now
     */
    public Task(String what, Duration limit) {
        this(what, limit, "raise RegistryOptions.timeout");
    }

    /** @param raise what helps who has more time */
    public Task(String what, Duration limit, String raise) {
        this.what = what;
        this.limit = limit;
        this.raise = raise;
        this.end = System.nanoTime() + Math.min(limit.toNanos(), Long.MAX_VALUE / 4);
    }

    /** As a sentence begins: {@code cannot pull busybox:latest}. */
    public String cannot() {
        return "cannot " + what;
    }

    /**
     * The lesser of a time and what is left.
     *
     * @return nanoseconds, more than 0
     * @throws TimedOutException if nothing is left
     */
    long nanos(Duration atMost) {
        var left = end - System.nanoTime();
        if (left <= 0) {
            throw new TimedOutException(cannot() + ": it takes longer than " + shown(limit), raise);
        }
        return Math.min(left, atMost.toNanos());
    }

    /**
     * Waits.
     *
     * @throws TimedOutException if it would take longer than there is time
     * @throws CancelledException if the thread is interrupted
     */
    public void sleep(Duration time) {
        var nanos = nanos(time);
        try {
            Thread.sleep(nanos / 1_000_000, (int) (nanos % 1_000_000));
        } catch (InterruptedException e) {
            throw interrupted();
        }
        nanos(time);
    }

    /** Sets the thread's flag again. */
    CancelledException interrupted() {
        Thread.currentThread().interrupt();
        return new CancelledException(cannot() + ": the thread was interrupted");
    }

    static String shown(Duration duration) {
        var seconds = duration.toSeconds();
        return duration.toMillis() % 1000 == 0 ? seconds + " s" : duration.toMillis() + " ms";
    }
}
