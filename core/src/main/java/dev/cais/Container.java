package dev.cais;

import java.io.OutputStream;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
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

    /** What is mounted in it: volumes, files of the host, memory; those above before those below. */
    List<MountPoint> mounts();

    ContainerState state();

    /** All that is known of it, as at one moment. */
    ContainerInfo inspect();

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

    /** End of the last run that has ended. */
    default Optional<Instant> finishedAt() {
        return inspect().state().finishedAt();
    }

    /** How often its restart policy has started it, or is about to, since a caller did. */
    default int restartCount() {
        return inspect().restartCount();
    }

    /**
     * Completes when the first process of the run that is going on, or was the last one, has ended and its output is complete; before
     * the first run, it is that run's. Exceptionally only if the container is removed without having run. What is hung on it may
     * call this container and its engine, and block.
     */
    CompletableFuture<ExitStatus> onExit();

    /**
     * Waits for {@link WaitCondition#NOT_RUNNING}.
     *
     * @return the end of its last run; exit 0 if it has never run
     * @throws CancelledException if the calling thread is interrupted
     */
    ExitStatus await();

    /** @throws TimedOutException if it still runs after that time */
    ExitStatus await(Duration timeout);

    /**
     * @return the end of its last run; exit 0 if it has never run
     * @throws ConflictException if the container is removed before an exit that is waited for
     * @throws CancelledException if the calling thread is interrupted
     */
    ExitStatus await(WaitCondition condition);

    /** @throws TimedOutException if the condition is not met after that time */
    ExitStatus await(WaitCondition condition, Duration timeout);

    /**
     * Runs a program beside the container's own, to completion.
     *
     * @throws ConflictException if the container does not run
     */
    default ProcessResult exec(String... command) {
        return exec(ExecSpec.of(command));
    }

    /**
     * Runs a program beside the container's own, to completion. If the thread is interrupted or the spec's time is up, it is killed
     * with all that it began; what it leaves running when it ends by itself stays.
     *
     * @throws ConflictException if the container does not run
     * @throws TimedOutException if it was killed for its time
     * @throws CancelledException if the calling thread is interrupted
     */
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
     * changes are undone. One that does not run begins with them when it is started.
     *
     * @throws ConflictException if it is removed, or uses more memory than it would be allowed
     * @throws InvalidSpecException if it runs and the machine has no such processors or memory nodes
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

    /** {@link #copyIn(CopySource, String)} of a file or directory of the host. */
    default void copyIn(Path source, String destination) {
        copyIn(CopySource.of(source), destination);
    }

    /**
     * Copies something into it, running or not (also before its first start), as {@code docker cp} does:
     *
     * <ul>
     *   <li>into a directory that is there, under its own name; a source that ends in {@code /.} stands for what is in it
     *   <li>else to the name itself, whose parent must be there; a destination that ends in {@code /} must be a directory
     *   <li>an archive is unpacked in a directory that is there; bytes are written to a file
     * </ul>
     *
     * <p>Files are replaced, directories merged; neither gives way to the other. Links of the container are followed inside its root
     * only. Volumes and files of the host that are mounted there are written to at any time, and read; {@code tmpfs}, {@code
     * /proc}, {@code /sys} and {@code /dev} only if it runs, else its own directories there.
     *
     * @param destination relative to the root; what climbs above it stays there
     * @throws NotFoundException if the source or the directory that it goes to is not there
     * @throws ConflictException if something of another kind stands there, or it is removed
     * @throws StorageException if it cannot be read or written
     * @throws CancelledException if the thread is interrupted; the file that was being written is gone, those before stay
     */
    void copyIn(CopySource source, String destination);

    /**
     * Copies a file or directory out of it, running or not, by the same rules. A link is copied as a link, unless the source ends in
     * {@code /}. What is made belongs to the JVM's user, without set-user-id bits and extended attributes; devices and sockets are
     * left out.
     */
    void copyOut(String source, Path destination);

    /**
     * Writes a file or directory as a tar, with owners, all modes, extended attributes, devices and fifos. Entries begin with the last
     * component of the path, or {@code ./} if that ends in {@code /.}.
     *
     * @param tar flushed, not closed
     */
    void copyOut(String source, OutputStream tar);

    /**
     * What is at a path, as copies see it at that moment. A link at its end is not followed, unless the path ends in {@code /}, which
     * only directories are found by.
     *
     * @return empty if there is nothing
     * @throws ConflictException if it is removed
     */
    Optional<FileStat> stat(String path);

    /**
     * What it has changed of its image, in order of paths; directories that changes are in are changed, what is below a deleted one is
     * not told.
     */
    List<FileChange> diff();

    /**
     * Writes its whole root file system as a tar, without what is mounted in it.
     *
     * @param tar flushed, not closed
     */
    void export(OutputStream tar);

    /** The same to a file, which is replaced; half a file is removed. */
    void export(Path tar);

    /** {@link #commit(String, CommitOptions)} as it is. */
    default Image commit(String image) {
        return commit(image, CommitOptions.DEFAULT);
    }

    /**
     * Makes an image of it, running or not: its image with a layer of what it has written, or none if that is nothing. What is
     * mounted in it is left out.
     *
     * @param image its name, taken from the image that had it; empty for none
     * @throws InvalidSpecException if one of the changes is none
     * @throws NotFoundException if the store has lost its image
     * @throws ConflictException if it is removed
     */
    Image commit(String image, CommitOptions options);

    /**
     * Keeps what its root file system is now, for other containers to begin with.
     *
     * <p>If it does not run, that takes moments whatever its size: what it has written becomes a layer of all of them, and it goes on
     * on top of that layer itself if it is started again. If it runs, its processes stand still while what it has written is
     * copied (sharing blocks where the file system can); to its programs a clone looks as if the power had failed then.
     *
     * @throws ConflictException if it is removed
     */
    Snapshot snapshot();

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
     * What the health check of its spec or image has found in the run that is going on or was the last; {@link Health#NONE} if it has
     * none. One that has ended is unhealthy, as in Docker.
     */
    Health health();

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

    /** Its places on networks, in the order in which it joined them; its ports are published through the first. */
    List<Endpoint> endpoints();

    /**
     * Its address on a network: that of IPv4, if it has one.
     *
     * @throws NotFoundException if it is not connected to it
     */
    InetAddress address(Network network);

    /** Its ports that are published now, in the order of its spec; none if it does not run. */
    List<PortBinding> ports();

    /**
     * The host's port that leads to a TCP port of its.
     *
     * @throws ConflictException if it does not run
     * @throws NotFoundException if the port is not published
     */
    default int hostPort(int containerPort) {
        return hostPort(containerPort, Protocol.TCP);
    }

    /** The same for another protocol. */
    int hostPort(int containerPort, Protocol protocol);

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
     * Sends a signal to its first process. SIGKILL and the stop signal also end a pause, and the restart policy's work until the
     * next start; other signals reach a paused container when it goes on.
     *
     * @param signal as {@code TERM}, {@code SIGTERM}, {@code RTMIN+3} or {@code 15}
     * @throws ConflictException if it does not run
     */
    void kill(String signal);

    /**
     * Stops all its processes where they are; when this returns, they stand still.
     *
     * @throws ConflictException if it is not running
     */
    void pause();

    /** @throws ConflictException if it is not paused */
    void unpause();

    /**
     * Gives it another name; its host name stays.
     *
     * @throws InvalidSpecException if it is no name for a container
     * @throws ConflictException if another container of the engine has it
     */
    void rename(String newName);

    /** {@link #stop(Duration)} with the spec's time. */
    ExitStatus stop();

    /** Sends the stop signal, waits, kills what is left, and waits for the end. Does nothing to a container that does not run. */
    ExitStatus stop(Duration timeout);

    /**
     * Removes a container that does not run, with its files.
     *
     * @throws ConflictException if it runs, or is about to be restarted
     */
    void remove();

    /** Kills and removes at once: processes, mounts, cgroup and files are gone when this returns. Idempotent. */
    @Override
    void close();
}
