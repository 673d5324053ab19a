package dev.cais.runtime;

import dev.cais.CancelledException;
import dev.cais.ConflictException;
import dev.cais.ContainerInfo;
import dev.cais.ContainerState;
import dev.cais.ExitStatus;
import dev.cais.TimedOutException;
import dev.cais.WaitCondition;
import dev.cais.linux.Fd;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Where a container stands, and who waits for that. Its own lock guards what it knows, is held for moments, and whoever waits for a state
 * waits on it: a {@link Lifecycle} that changes more than one thing at once takes it, too.
 */
final class Standing {
    private static final ExitStatus NEVER_RAN = new ExitStatus(0, Optional.empty(), false);
    /** How long the event loop may take to learn of a process that has ended. */
    private static final Duration MOMENT = Duration.ofSeconds(1);
    /** It does not run, and may be started. */
    private static final Set<ContainerState> AT_REST = EnumSet.of(ContainerState.CREATED, ContainerState.EXITED);

    /** States in which there is a process. */
    private static final Set<ContainerState> ALIVE = EnumSet.of(ContainerState.RUNNING, ContainerState.PAUSED);

    private final LocalContainer container;
    private volatile ContainerState state = ContainerState.CREATED;
    private volatile @Nullable Run run;
    /** Of the run that is going on or was the last one; before the first, of that. */
    private volatile CompletableFuture<ExitStatus> end = new CompletableFuture<>();

    private int ends;
    private Optional<Ended> lastEnded = Optional.empty();
    private String startError = "";

    /** How and when a run has ended. */
    private record Ended(ExitStatus status, Instant time) {}

    Standing(LocalContainer container) {
        this.container = container;
    }

    ContainerState state() {
        return state;
    }

    boolean isAlive() {
        return ALIVE.contains(state);
    }

    synchronized ContainerInfo.State view() {
        return new ContainerInfo.State(
                state,
                isAlive()
                        ? OptionalInt.of(
                                requireAlive("cannot inspect").process().hostPid())
                        : OptionalInt.empty(),
                lastEnded.map(Ended::status),
                startError,
                latest().map(each -> each.process().startedAt()),
                lastEnded.map(Ended::time));
    }

    /** The code of the last run, if none goes on. */
    synchronized OptionalInt exitCode() {
        return isRunning() || lastEnded.isEmpty()
                ? OptionalInt.empty()
                : OptionalInt.of(lastEnded.get().status().exitCode());
    }

    /** The run that is going on, or was the last one. */
    Optional<Run> latest() {
        return Optional.ofNullable(run);
    }

    /** The run that is going on. */
    Run requireAlive(String cannot) {
        var latest = run;
        if (!isAlive() || latest == null) {
            throw notRunning(cannot);
        }
        return latest;
    }

    /**
     * What cannot be done since the process of a run has just ended. The event loop learns of that a moment later, and the refusal is to
     * tell of it.
     */
    ConflictException ended(Run run, String cannot) {
        var deadline = System.nanoTime() + MOMENT.toNanos();
        synchronized (this) {
            try {
                while (isAlive() && run.equals(this.run) && System.nanoTime() - deadline < 0) {
                    wait(10);
                }
            } catch (InterruptedException e) {
                throw interrupted(cannot, e);
            }
        }
        return notRunning(cannot);
    }

    /** For setns(2), the caller's to close; empty if it does not run. */
    Optional<Fd> firstProcess() {
        var latest = run;
        return isAlive() && latest != null ? latest.process().duplicate() : Optional.empty();
    }

    void requireNotRemoved(String cannot) {
        switch (state) {
            case REMOVING, REMOVED, DEAD -> throw refusal(cannot);
            default -> {}
        }
    }

    void requireAtRest(String cannot) {
        if (!AT_REST.contains(state)) {
            throw refusal(cannot);
        }
    }

    /** It has files that stay. */
    void requireAliveOrAtRest(String cannot) {
        if (!isAlive()) {
            requireAtRest(cannot);
        }
    }

    /** {@code cannot pause container web: it is exited}. */
    ConflictException refusal(String cannot) {
        return refusal(cannot, state, "");
    }

    /** What only a running container can do: {@code cannot measure container web: it is exited; start it first}. */
    ConflictException notRunning(String cannot) {
        var now = state;
        return refusal(cannot, now, AT_REST.contains(now) ? "start it first" : "");
    }

    ConflictException refusal(String cannot, ContainerState now, String help) {
        return new ConflictException(cannot + " container " + container.name() + ": it is " + now.word(), help);
    }

    /** Another run begins. */
    synchronized void begin(Run started) {
        if (end.isDone()) {
            end = new CompletableFuture<>();
        }
        run = started;
        startError = "";
        state = ContainerState.RUNNING;
    }

    /** A run could not begin; all else stays. */
    synchronized void noteFailure(String error) {
        startError = error;
    }

    /** The run is over, with the state that it has come to. */
    synchronized void end(ExitStatus status) {
        ends++;
        lastEnded = Optional.of(new Ended(status, Instant.now()));
        end.complete(status);
        notifyAll();
    }

    /** Nothing comes after this. */
    void endForEver() {
        end.completeExceptionally(refusal("cannot wait for the end of"));
    }

    synchronized void changeTo(ContainerState changed) {
        state = changed;
        notifyAll();
    }

    /** Completed by another thread than the event loop's: what a caller hangs on it may block, even until the engine is closed. */
    CompletableFuture<ExitStatus> onExit() {
        return end.thenApplyAsync(status -> status);
    }

    /** @param timeout empty to wait for ever */
    ExitStatus await(WaitCondition condition, Optional<Duration> timeout) {
        var deadline =
                System.nanoTime() + timeout.map(TimeUnit.NANOSECONDS::convert).orElse(0L);
        synchronized (this) {
            var before = ends;
            while (!isMet(condition, before)) {
                try {
                    if (timeout.isEmpty()) {
                        wait();
                    } else {
                        var left = deadline - System.nanoTime();
                        if (left <= 0) {
                            throw new TimedOutException("cannot wait longer for container " + container.name() + ": "
                                    + (isRunning() ? "it still runs" : "it is " + state.word()) + " after "
                                    + timeout.get());
                        }
                        wait(left / 1_000_000, (int) (left % 1_000_000));
                    }
                } catch (InterruptedException e) {
                    throw interrupted("cannot go on waiting for", e);
                }
            }
            return lastExit();
        }
    }

    private boolean isMet(WaitCondition condition, int endsBefore) {
        return switch (condition) {
            case NOT_RUNNING -> !isRunning() && state != ContainerState.RESTARTING;
            case NEXT_EXIT -> {
                if (ends == endsBefore && state == ContainerState.REMOVED) {
                    throw refusal("cannot wait for the next exit of");
                }
                yield ends != endsBefore;
            }
            case REMOVED -> state == ContainerState.REMOVED;
        };
    }

    /** Whether there is a run whose end is not known yet. */
    private boolean isRunning() {
        return run != null && !end.isDone();
    }

    /** Of the last run that has ended. */
    ExitStatus lastExit() {
        return end.isCompletedExceptionally() ? NEVER_RAN : end.getNow(NEVER_RAN);
    }

    CancelledException interrupted(String cannot, InterruptedException cause) {
        Thread.currentThread().interrupt();
        return new CancelledException(
                cannot + " container " + container.name() + ": the thread was interrupted", Map.of(), "", cause);
    }
}
