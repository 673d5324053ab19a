package dev.cais;

/** Is told of events, one at a time and in order. */
@FunctionalInterface
public interface EventListener {
    /** May call the engine, and block: then later events wait, and if there are too many, some are {@link #missed}. */
    void event(Event event);

    /**
     * Told before the next event, if this listener was so slow that events before that were dropped.
     *
     * @param count how many
     */
    default void missed(long count) {}
}
