package dev.cais.runtime;

import dev.cais.ContainerSpec;
import dev.cais.ExitStatus;
import dev.cais.KernelException;
import dev.cais.Stats;
import dev.cais.linux.Signal;
import dev.cais.runtime.cgroup.Cgroup;
import java.util.Collection;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** One run of a container: what begins with a start and ends with its first process, in a control group of its own. */
final class Run implements AutoCloseable {
    private final int number;
    private final Cgroup cgroup;
    private final ContainedProcess process;
    private final boolean ownPid;
    private CompletableFuture<ExitStatus> exit = new CompletableFuture<>();
    private boolean frozen;

    /**
     * @param number 1 for the first run of a container
     * @param ownPid whether all its processes end with the first one, as those of its own PID namespace
     */
    Run(int number, Cgroup cgroup, ContainedProcess process, boolean ownPid) {
        this.number = number;
        this.cgroup = cgroup;
        this.process = process;
        this.ownPid = ownPid;
    }

    /** @param notice gets the status once; must not block, since it may be on the event loop's thread */
    void follow(Consumer<ExitStatus> notice) {
        // killing may take a while where v1 freezes first
        var ended = ownPid
                ? process.onExit()
                : process.onExit().thenApplyAsync(status -> {
                    cgroup.killAll();
                    return status;
                });
        exit = ended.thenApply(status -> {
            var whole = withOom(status);
            notice.accept(whole);
            return whole;
        });
    }

    private ExitStatus withOom(ExitStatus status) {
        return !status.success() && cgroup.oomKilled()
                ? new ExitStatus(status.exitCode(), status.signal(), true)
                : status;
    }

    int number() {
        return number;
    }

    /** Stays until {@link #close()}, since it tells of memory's end. */
    Cgroup cgroup() {
        return cgroup;
    }

    ContainedProcess process() {
        return process;
    }

    /** Ids, as this process sees them, of all its processes: those in its group, or, where it has none, in its PID namespace. */
    Collection<Integer> processes() {
        return cgroup.isThere() ? cgroup.processes() : ProcessTable.inNamespaceOf(process.hostPid());
    }

    /** Empty if it has ended. */
    Optional<Stats> measure(Measuring measuring, ContainerSpec spec) {
        if (!process.isRunning()) {
            return Optional.empty();
        }
        try {
            var stats = measuring.measure(
                    cgroup, process.hostPid(), !spec.namespaces().network().isHost());
            // its process's number may have become another's meanwhile
            return process.isRunning() ? Optional.of(stats) : Optional.empty();
        } catch (KernelException e) {
            if (process.isRunning()) {
                throw e;
            }
            return Optional.empty();
        }
    }

    /** Completed when the container has taken notice of its end. */
    CompletableFuture<ExitStatus> exit() {
        return exit;
    }

    /** Stops all processes where they are, and returns when they stand still. */
    synchronized void freeze() {
        frozen = true;
        cgroup.freeze();
    }

    /** Lets them go on. Where nobody is frozen, nothing happens. */
    synchronized void thaw() {
        if (frozen) {
            frozen = false;
            cgroup.thaw();
        }
    }

    /** Kills its first process, and so all; frozen ones, too. */
    void kill() {
        process.signal(Signal.KILL);
        thaw(); // on v1, a frozen process does not even die
    }

    /** Kills what runs, waits until the container knows, and removes the group. */
    @Override
    public void close() {
        try (var undo = new Undo()) {
            undo.addStep(cgroup::remove);
            undo.addStep(() -> exit.join());
            undo.add(process);
            undo.addStep(this::kill);
        }
    }
}
