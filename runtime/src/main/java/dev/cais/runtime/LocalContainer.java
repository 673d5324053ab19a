package dev.cais.runtime;

import dev.cais.CancelledException;
import dev.cais.ConflictException;
import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.ContainerState;
import dev.cais.ExecSpec;
import dev.cais.ExitStatus;
import dev.cais.Image;
import dev.cais.Logs;
import dev.cais.ProcessResult;
import dev.cais.Stats;
import dev.cais.TimedOutException;
import dev.cais.runtime.cgroup.Cgroup;
import dev.cais.storage.ContainerFiles;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/** A container of this engine: its first process, its files and its control group. */
final class LocalContainer implements Container {
    private final LocalContainers owner;
    private final String id;
    private final String name;
    private final Image image;
    private final ContainerSpec spec;
    private final Blueprint blueprint;
    private final ContainerFiles files;
    private final Cgroup cgroup;
    private final ContainedProcess process;
    private final CompletableFuture<ExitStatus> exit;
    private final Signal stopSignal;
    private final AtomicLong execs = new AtomicLong();
    private final AtomicBoolean closing = new AtomicBoolean();
    private final CompletableFuture<Void> removed = new CompletableFuture<>();

    LocalContainer(
            LocalContainers owner,
            String id,
            String name,
            Image image,
            ContainerSpec spec,
            Blueprint blueprint,
            ContainerFiles files,
            Cgroup cgroup,
            ContainedProcess process,
            Signal stopSignal) {
        this.owner = owner;
        this.id = id;
        this.name = name;
        this.image = image;
        this.spec = spec;
        this.blueprint = blueprint;
        this.files = files;
        this.cgroup = cgroup;
        this.process = process;
        this.stopSignal = stopSignal;
        this.exit = process.onExit().thenApply(this::withOom);
    }

    private ExitStatus withOom(ExitStatus status) {
        return !status.success() && cgroup.oomKilled()
                ? new ExitStatus(status.exitCode(), status.signal(), true)
                : status;
    }

    @Override
    public String id() {
        return id;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Image image() {
        return image;
    }

    @Override
    public ContainerSpec spec() {
        return spec;
    }

    @Override
    public ContainerState state() {
        if (closing.get()) {
            return ContainerState.REMOVED;
        }
        return exit.isDone() ? ContainerState.EXITED : ContainerState.RUNNING;
    }

    @Override
    public int pid() {
        requireRunning("cannot tell the process id of");
        return process.hostPid();
    }

    @Override
    public Instant startedAt() {
        return process.startedAt();
    }

    /** Completed by another thread than the event loop's: what a caller hangs on it may block, even until the engine is closed. */
    @Override
    public CompletableFuture<ExitStatus> onExit() {
        return exit.thenApplyAsync(status -> status);
    }

    @Override
    public ExitStatus await() {
        try {
            return exit.get();
        } catch (InterruptedException e) {
            throw interrupted(e);
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public ExitStatus await(Duration timeout) {
        try {
            return exit.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            throw interrupted(e);
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        } catch (TimeoutException e) {
            throw new TimedOutException(
                    "cannot wait longer for container " + name + ": it still runs after " + timeout);
        }
    }

    private CancelledException interrupted(InterruptedException cause) {
        Thread.currentThread().interrupt();
        return new CancelledException(
                "cannot go on waiting for container " + name + ": the thread was interrupted", Map.of(), "", cause);
    }

    @Override
    public ProcessResult exec(ExecSpec execSpec) {
        requireRunning("cannot exec " + execSpec.command().get(0) + " in");
        return owner.exec(this, execSpec);
    }

    @Override
    public Logs logs() {
        return new FileLogs(process.log());
    }

    @Override
    public Stats stats() {
        requireRunning("cannot measure");
        return new Stats(cgroup.memory(), new Stats.Cpu(cgroup.cpuTotal()), cgroup.pids());
    }

    @Override
    public void kill(String signal) {
        var parsed = Signal.parse(signal);
        requireRunning("cannot send " + parsed + " to");
        process.signal(parsed);
    }

    @Override
    public ExitStatus stop() {
        return stop(spec.stopTimeout());
    }

    @Override
    public ExitStatus stop(Duration timeout) {
        if (exit.isDone()) {
            return exit.join();
        }
        process.signal(stopSignal);
        if (!process.ignores(stopSignal) || cgroup.processes().size() > 1) {
            try {
                return await(timeout);
            } catch (TimedOutException e) {
                // killed below
            } catch (CancelledException e) {
                process.signal(Signal.KILL);
                throw e;
            }
        }
        process.signal(Signal.KILL);
        return await();
    }

    private void requireRunning(String cannot) {
        if (closing.get() || exit.isDone()) {
            throw new ConflictException(
                    cannot + " container " + name + ": it is not running",
                    Map.of("state", state()),
                    "start another one with the same spec");
        }
    }

    @Override
    public void close() {
        if (closing.compareAndSet(false, true)) {
            try {
                remove();
            } finally {
                owner.forget(this);
                removed.complete(null);
            }
        }
        removed.join();
    }

    private void remove() {
        try (var undo = new Undo()) {
            undo.add(files);
            undo.addStep(cgroup::remove);
            undo.addStep(process::close);
            undo.addStep(exit::join);
            undo.addStep(() -> process.signal(Signal.KILL));
        }
    }

    Blueprint blueprint() {
        return blueprint;
    }

    Cgroup cgroup() {
        return cgroup;
    }

    ContainerFiles files() {
        return files;
    }

    ContainedProcess process() {
        return process;
    }

    /** A number for the next process beside the first one. */
    long nextExec() {
        return execs.incrementAndGet();
    }

    /** {@code Container[web, running, pid 4182]}. */
    @Override
    public String toString() {
        return switch (state()) {
            case RUNNING -> "Container[" + name + ", running, pid " + process.hostPid() + "]";
            case EXITED -> "Container[" + name + ", exited, " + exit.join() + "]";
            default -> "Container[" + name + ", removed]";
        };
    }
}
