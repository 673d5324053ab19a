package dev.cais;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * What happens in an engine: the life of its containers, and what its callers do with images and volumes. Other engines on the same
 * store tell of what is done through them.
 *
 * <p>Whoever listens never holds up the engine: {@value #QUEUE} events wait for each; of what comes on top, the oldest are dropped,
 * and counted.
 */
public interface Events {
    /** How many of the past are remembered. */
    int MEMORY = 1024;

    /** How many wait for a slow listener. */
    int QUEUE = 4096;

    /** Those of the last {@value #MEMORY} that fit, oldest first. */
    List<Event> past(EventFilter filter);

    /**
     * Follows what happens from now on; with {@link EventFilter#since}, also what is remembered since then, with none lost and
     * none twice in between. The caller closes it.
     */
    Stream follow(EventFilter filter);

    /** The same for a callback, which is called on threads of the engine's, until the listening or the engine is closed. */
    Listening listen(EventFilter filter, EventListener listener);

    /** Somebody's interest in events; closing ends it. */
    interface Listening extends AutoCloseable {
        /** How many events were dropped so far because this listener was slow. */
        long missed();

        /** Idempotent. Events that wait are dropped. */
        @Override
        void close();
    }

    /** Events as they come, for one thread at a time. */
    interface Stream extends Listening {
        /**
         * Waits for the next one.
         *
         * @return empty once the stream or the engine is closed, or {@link EventFilter#until} has come
         * @throws CancelledException if the calling thread is interrupted
         */
        Optional<Event> next();

        /**
         * Waits for the next one at most that long.
         *
         * @return empty also if there was none in time
         * @throws CancelledException if the calling thread is interrupted
         */
        Optional<Event> next(Duration timeout);

        /** All that come, until there are no more as {@link #next()} says. */
        java.util.stream.Stream<Event> stream();
    }
}
