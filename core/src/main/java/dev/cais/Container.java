package dev.cais;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

/**
 * A container, from its creation until it is closed. It may run several times: each start makes a new process on the same files,
 * and its output goes behind that of the runs before.
 *
 * <p>What its state does not allow is refused with a {@link ConflictException} that names both: <i>cannot start container web: it
 * is running</i>.
 */
public interface Container extends AutoCloseable {
    /** 64 hexadecimal digits. */
    String id();

    String name();

    Image image();

    ContainerSpec spec();

    ContainerState state();

    Instant created();

    /**
     * Starts it, for the first time or again: when this returns, its program has been executed.
     *
     * @throws ConflictException if it runs
     */
    void start();

    /** {@link #restart(Duration)} with the spec's time. */
    void restart();

    /** Stops it as {@link #stop(Duration)} does, if it runs, and starts it. */
    void restart(Duration timeout);

    /**
     * Process id of its first process on the host.
     *
     * @throws ConflictException if it does not run
     */
    int pid();

    /**
     * Of the latest run.
     *
     * @throws ConflictException if it has never run
     */
    Instant startedAt();

    /**
     * Completes when the first process of the run that is going on, or was the last one, has ended and its output is complete; before
     * the first run, it is that run's. Exceptionally only if the container is removed without having run. What is hung on it may
     * call this container and its engine, and block.
     */
    CompletableFuture<ExitStatus> onExit();

    /**
     * Waits until it does not run.
     *
     * @return the end of its last run; exit 0 if it has never run
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

    /**
     * Starts a program beside the container's own: when this returns, it has been executed. It ends with the container, if not
     * before; what it writes is for the returned streams alone, and not in the container's log.
     *
     * @throws ConflictException if the container does not run
     */
    Exec startExec(ExecSpec spec);

    /** {@link #attach(AttachOptions)} with stdin, to what is written from now on. */
    default Attachment attach() {
        return attach(AttachOptions.defaults());
    }

    /**
     * Takes part in the streams of its first process, beside others who do: of the run that is going on, or of the first one if it
     * has not begun. Then nothing is missed. An attachment ends with the run at the latest.
     *
     * @throws ConflictException if the container has ended or is removed
     */
    Attachment attach(AttachOptions options);

    /**
     * Changes its limits, all of them: those of before that are not named are lifted. The processes that run are moved along; half-made
     * changes are undone. A container that is started again keeps them.
     *
     * @throws ConflictException if it neither runs nor is new; if it uses more memory than it would be allowed
     * @throws InvalidSpecException if the machine has no such processors or memory nodes
     */
    void update(Resources resources);

    /** What was asked for and this host cannot do, of the latest run: see {@link EngineOptions#strictLimits}. */
    List<Warning> warnings();

    /**
     * Its processes, oldest first.
     *
     * @throws ConflictException if it does not run
     */
    List<ContainerProcess> top();

    /** What it has written to stdout and stderr. Stays readable until the container is closed. */
    Logs logs();

    /**
     * One measurement.
     *
     * @throws ConflictException if it does not run
     */
    Stats stats();

    /**
     * A measurement now, and one each time the interval is over, until the container ends. Nothing is measured that is not asked
     * for: the reading thread waits, and measures itself.
     *
     * @throws InvalidSpecException if the interval is not positive
     * @throws ConflictException if it does not run
     * @throws CancelledException from the stream, if the thread that reads it is interrupted
     */
    default Stream<Stats> stats(Duration interval) {
        return StatsStream.of(this, interval);
    }

    /**
     * Waits until it is ready, looking time and again.
     *
     * <pre>{@code
     * cache.awaitReady(listening(6379), Duration.ofSeconds(20));
     * }</pre>
     *
     * @throws TimedOutException after that time, with what was missing and the last lines of the log
     * @throws ContainerExitedException as soon as it ends, or at once if it has ended, with exit code and last lines
     * @throws ConflictException if there is what {@link Ready#not} excludes, or its state does not allow to look
     * @throws CancelledException if the calling thread is interrupted
     */
    default void awaitReady(Ready ready, Duration timeout) {
        ReadyWait.await(this, ready, timeout);
    }

    /**
     * The ports that processes in its network namespace wait on, by number: those of the host with the host's network.
     *
     * @throws ConflictException if it does not run
     */
    List<ListeningPort> listeningPorts();

    /**
     * Connects to a TCP port inside its network namespace, on whatever address of its somebody listens.
     *
     * @param timeout for connecting, and then for each read and write
     * @throws ConflictException if it does not run, or nobody listens on the port
     * @throws TimedOutException if nobody accepts the connection in time
     */
    Connection connect(int port, Duration timeout);

    /**
     * Whether a file of any kind exists in it, followed by links inside its root alone.
     *
     * @param path absolute, as the container sees it
     * @throws ConflictException if it does not run
     */
    boolean hasFile(String path);

    /**
     * Sends a signal to its first process.
     *
     * @param signal as {@code TERM}, {@code SIGTERM} or {@code 15}
     * @throws ConflictException if it does not run
     */
    void kill(String signal);

    /** {@link #stop(Duration)} with the spec's time. */
    ExitStatus stop();

    /** Sends the stop signal, waits, kills what is left, and waits for the end. Does nothing to a container that does not run. */
    ExitStatus stop(Duration timeout);

    /** Kills and removes at once: processes, mounts, cgroup and files are gone when this returns. Idempotent. */
    @Override
    void close();
}
