package dev.cais;

import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;

/** A started container, running or exited, until it is closed. */
public interface Container extends AutoCloseable {
    /** 64 hexadecimal digits. */
    String id();

    String name();

    Image image();

    ContainerSpec spec();

    ContainerState state();

    /**
     * Process id of its first process on the host.
     *
     * @throws ConflictException if it does not run
     */
    int pid();

    Instant startedAt();

    /**
     * Completes when its first process has ended and its output is complete; never exceptionally. What is hung on it may call
     * this container and its engine, and block.
     */
    CompletableFuture<ExitStatus> onExit();

    /**
     * Waits for the end.
     *
     * @throws CancelledException if the calling thread is interrupted
     */
    ExitStatus await();

    /** @throws TimedOutException if it still runs after that time */
    ExitStatus await(Duration timeout);

    /**
     * Runs a program beside the container's own, to completion.
     *
     * @throws ConflictException if the container does not run
     */
    default ProcessResult exec(String... command) {
        return exec(ExecSpec.of(command));
    }

    ProcessResult exec(ExecSpec spec);

    /** What it has written to stdout and stderr. Stays readable until the container is closed. */
    Logs logs();

    /**
     * One measurement.
     *
     * @throws ConflictException if it does not run
     */
    Stats stats();

    /**
     * Sends a signal to its first process.
     *
     * @param signal as {@code TERM}, {@code SIGTERM} or {@code 15}
     * @throws ConflictException if it does not run
     */
    void kill(String signal);

    /** {@link #stop(Duration)} with the spec's time. */
    ExitStatus stop();

    /** Sends the stop signal, waits, kills what is left, and waits for the end. Does nothing to an exited container. */
    ExitStatus stop(Duration timeout);

    /** Kills and removes at once: processes, mounts, cgroup and files are gone when this returns. Idempotent. */
    @Override
    void close();
}
