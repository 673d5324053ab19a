package dev.cais;

import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;

/**
 * A process beside a container's first one, with its streams, from {@link Container#startExec}. The streams have all that it
 * writes from its start on. It may be detached from and left to itself; closing ends it.
 */
public interface Exec extends Attachment {
    ExecSpec spec();

    /**
     * Process id on the host.
     *
     * @throws ConflictException if it has ended
     */
    int pid();

    Instant startedAt();

    /** Completes when it has ended; never exceptionally. What is hung on it may call the container and its engine, and block. */
    CompletableFuture<ExitStatus> onExit();

    /**
     * Waits for the end.
     *
     * @throws CancelledException if the calling thread is interrupted; the process runs on
     */
    ExitStatus await();

    /** @throws TimedOutException if it still runs after that time */
    ExitStatus await(Duration timeout);

    /**
     * Sends it a signal. SIGKILL ends all that it began, too, and is waited for.
     *
     * @param signal as {@code TERM}, {@code SIGTERM} or {@code 15}
     * @throws ConflictException if it has ended
     */
    void kill(String signal);

    /** Kills it with all that it began, if it runs, waits for the end, and detaches. Idempotent. */
    @Override
    void close();
}
