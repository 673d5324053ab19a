package dev.cais.runtime;

import dev.cais.CancelledException;
import dev.cais.ExitStatus;
import dev.cais.TimedOutException;
import dev.cais.linux.Signal;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import dev.cais.runtime.cgroup.CgroupBranch;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;

/**
 * A process beside a container's first one, in a part of the container's group that is its own: whatever it began, however far from
 * it by now, is killed with it. What it leaves running when it ends by itself stays, as with Docker.
 */
final class ExecProcess implements AutoCloseable {
    private static final int MOST_ROUNDS = 1000;

    private final ContainedProcess process;
    private final CgroupBranch branch;
    private volatile CompletableFuture<ExitStatus> exit;

    ExecProcess(ContainedProcess process, CgroupBranch branch) {
        this.process = process;
        this.branch = branch;
        // on the event loop's thread: one call that does not wait
        exit = process.onExit().thenApply(status -> {
            branch.removeIfEmpty();
            return status;
        });
    }

    ContainedProcess process() {
        return process;
    }

    /** @param notice told of its end before others are; must not block, since it may be on the event loop's thread */
    void follow(Consumer<ExitStatus> notice) {
        exit = exit.thenApply(status -> {
            notice.accept(status);
            return status;
        });
    }

    CompletableFuture<ExitStatus> onExit() {
        return exit;
    }

    /**
     * Waits for its end. If that takes longer, or the thread is interrupted, it is killed with all that it began.
     *
     * @param what as in {@code sh in container web}
     * @throws TimedOutException if it was killed for its time
     * @throws CancelledException if it was killed for an interruption
     */
    ExitStatus await(String what, Optional<Duration> timeout) {
        try {
            return timeout.isEmpty()
                    ? exit.get()
                    : exit.get(TimeUnit.NANOSECONDS.convert(timeout.get()), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            killAll();
            Thread.currentThread().interrupt();
            throw new CancelledException("cannot finish " + what + ": the thread was interrupted", Map.of(), "", e);
        } catch (TimeoutException e) {
            killAll();
            throw new TimedOutException(
                    "cannot finish " + what + ": it still ran after " + timeout.orElseThrow() + " and was killed",
                    Map.of(),
                    "give it more time",
                    e);
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Kills it and all that it began, and waits until they are gone. */
    void killAll() {
        if (branch.isThere()) {
            branch.kill();
        } else {
            killDescendants();
        }
        process.close();
        branch.killAndRemove();
    }

    /**
     * Without a group of their own: those who have lost their parent are its children then, as long as it is there (see {@link
     * ExecProgram}). Again and again, since one may fork while others are killed.
     */
    private void killDescendants() {
        process.signal(Signal.parse("STOP"));
        for (var round = 0; round < MOST_ROUNDS; round++) {
            var left = ProcessTable.descendants(process.hostPid());
            if (left.isEmpty() || !process.isRunning()) {
                return;
            }
            left.forEach(pid -> Syscalls.call(Syscall.KILL, pid, Signal.KILL.number()));
        }
    }

    /** Does so if it runs. Idempotent. */
    @Override
    public void close() {
        if (process.isRunning()) {
            killAll();
        }
        exit.join();
    }
}
