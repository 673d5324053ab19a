package dev.cais;

import java.io.InputStream;
import java.io.OutputStream;

/**
 * A TCP connection to a process in a container, made inside the container's network namespace: so it needs no published port, and no
 * network but loopback. See {@link Container#connect}.
 *
 * <p>Each read and each write waits at most for the time given when it was opened, then it throws {@link TimedOutException}; an
 * interruption of its thread is a {@link CancelledException}. When the other side or the container is gone, reading comes to an end
 * or throws an {@link java.io.IOException}. Reading and writing belong to one thread each.
 */
public interface Connection extends AutoCloseable {
    InputStream input();

    OutputStream output();

    /** Idempotent. */
    @Override
    void close();
}
