package dev.cais;

import java.time.Duration;
import java.util.Optional;

/** Lines on their way to a consumer, see {@link Logs#forward}. It ends with its container, or when it is closed. */
public interface LogForwarding extends AutoCloseable {
    /** Lines that the consumer has taken. */
    long delivered();

    /** Lines that it got and threw. */
    long failed();

    /** Bytes of output that it can no longer get: rotated away, or removed with the container, before it was that far. */
    long missed();

    /** What it threw last. */
    Optional<Throwable> lastFailure();

    /**
     * Waits until it has got all that the container has written by now, but for a line without an end.
     *
     * @throws TimedOutException if it has not by then
     * @throws CancelledException if the thread is interrupted
     */
    void awaitDelivered(Duration timeout);

    /** Ends it, without waiting for a call of the consumer that is under way. Idempotent. */
    @Override
    void close();
}
