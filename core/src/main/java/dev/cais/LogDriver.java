package dev.cais;

import java.util.Map;

/**
 * A place of one's own for what containers write, chosen by name in {@link ContainerSpec#logging}: handed to the engine by
 * {@link EngineOptions#logDriver}, or found by {@link java.util.ServiceLoader}.
 *
 * <p>The engine keeps a log of its own beside it, as with {@code local}, that {@link Container#logs} reads and lines are taken from
 * ({@code cache-max-size} and {@code cache-max-file} bound it). So a place that cannot be reached for a while misses nothing until
 * that is full, and never holds up a container.
 */
public interface LogDriver {
    /** As {@link LogConfig#driver} names it. */
    String name();

    /**
     * Makes the way for one container's lines, when that is made; should not connect yet.
     *
     * @param options of its {@link LogConfig}, without the cache's
     * @throws InvalidSpecException if they are wrong
     */
    LogSink open(LogOrigin origin, Map<String, String> options);
}
