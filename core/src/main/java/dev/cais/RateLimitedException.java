package dev.cais;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/** A registry answered 429 Too Many Requests for longer than it was worth waiting. The facts have the limits it told. */
public final class RateLimitedException extends RegistryException {
    private static final long serialVersionUID = 1L;

    private final transient Optional<Duration> retryAfter;

    /** @param retryAfter when the registry said to come back, if it did */
    public RateLimitedException(String problem, Map<String, ?> facts, String help, Optional<Duration> retryAfter) {
        super(problem, facts, help);
        this.retryAfter = retryAfter;
    }

    /** When the registry said to come back, if it did. */
    public Optional<Duration> retryAfter() {
        return retryAfter;
    }
}
