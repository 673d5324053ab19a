package dev.cais.runtime;

import dev.cais.ExitStatus;
import dev.cais.RestartPolicy;
import java.time.Duration;
import java.util.Optional;

/**
 * When a container starts again by itself. The first time it waits 100 ms, then each time twice as long up to a minute; ten seconds of
 * running make it 100 ms again. Guarded by its container.
 */
final class Restarts {
    private static final Duration SHORTEST = Duration.ofMillis(100);
    private static final Duration LONGEST = Duration.ofMinutes(1);
    private static final Duration HEALTHY = Duration.ofSeconds(10);

    private final RestartPolicy policy;
    private Duration delay = SHORTEST;
    private int count;
    private boolean stopped;

    Restarts(RestartPolicy policy) {
        this.policy = policy;
    }

    /** A caller starts it. */
    void reset() {
        delay = SHORTEST;
        count = 0;
        stopped = false;
    }

    /** A caller wants it to end: it stays so until a caller starts it. */
    void stop() {
        stopped = true;
    }

    /** How often it was started by itself since a caller did. */
    int count() {
        return count;
    }

    /**
     * After the end of a run.
     *
     * @param ran how long
     * @return how long to wait before the next, which is counted then; empty if there is to be none
     */
    Optional<Duration> next(ExitStatus status, Duration ran) {
        var again = !stopped
                && switch (policy.kind()) {
                    case NO -> false;
                    case ALWAYS, UNLESS_STOPPED -> true;
                    case ON_FAILURE ->
                        !status.success() && (policy.maximumRetries() == 0 || count < policy.maximumRetries());
                };
        if (!again) {
            return Optional.empty();
        }
        count++;
        if (ran.compareTo(HEALTHY) >= 0) {
            delay = SHORTEST;
        }
        var now = delay;
        delay = delay.multipliedBy(2).compareTo(LONGEST) > 0 ? LONGEST : delay.multipliedBy(2);
        return Optional.of(now);
    }
}
