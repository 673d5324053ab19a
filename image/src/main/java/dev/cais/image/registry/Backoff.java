package dev.cais.image.registry;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** Waits longer after each failure, and never as long as others do. For one thread. */
final class Backoff {
    private static final Duration FIRST = Duration.ofMillis(100);
    private static final Duration LONGEST = Duration.ofSeconds(10);

    private final int retries;
    private int failures;

    Backoff(int retries) {
        this.retries = retries;
    }

    /** Whether to try once more after this failure. */
    boolean allowsAnother() {
        return failures < retries;
    }

    /**
     * Waits before the next try: twice as long as the last time, give or take a half.
     *
     * @param atLeast what the server asked for
     */
    void await(Duration atLeast, Task task) {
        var usual = Math.min(LONGEST.toMillis(), FIRST.toMillis() << Math.min(failures, 10));
        failures++;
        var spread = usual / 2 + ThreadLocalRandom.current().nextLong(usual + 1);
        task.sleep(Duration.ofMillis(Math.max(spread, atLeast.toMillis())));
    }

    /** After something has worked. */
    void reset() {
        failures = 0;
    }
}
