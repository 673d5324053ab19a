package dev.cais.runtime;

import dev.cais.CancelledException;
import dev.cais.ConflictException;
import dev.cais.ContainerInfo;
import dev.cais.ContainerState;
import dev.cais.EngineException;
import dev.cais.EventAction;
import dev.cais.ExitStatus;
import dev.cais.RestartPolicy;
import dev.cais.TimedOutException;
import dev.cais.WaitCondition;
import dev.cais.linux.EventLoop;
import dev.cais.linux.Fd;
import dev.cais.linux.Signal;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where a container stands, what leads it from one state to another, and who waits for that.
 *
 * <p>Two locks. {@link #transition} is held by whoever leads the container from one state to another, however long that takes; the
 * event loop never takes it. {@link #moment} guards the fields, is held for moments, and whoever waits for a state waits on it.
 */
final class Lifecycle {
    private static final Logger LOG = LoggerFactory.getLogger(Lifecycle.class);
    private static final ExitStatus NEVER_RAN = new ExitStatus(0, Optional.empty(), false);
    /** How long the event loop may take to learn of a process that has ended. */
    private static final Duration MOMENT = Duration.ofSeconds(1);
    /** It does not run, and may be started. */
    private static final Set<ContainerState> AT_REST = EnumSet.of(ContainerState.CREATED, ContainerState.EXITED);

    /** States in which there is a process. */
    private static final Set<ContainerState> ALIVE = EnumSet.of(ContainerState.RUNNING, ContainerState.PAUSED);

    private final LocalContainer container;
    private final LocalContainers owner;
    private final Signal stopSignal;
    private final boolean autoRemove;
    private final Restarts restarts;

    private final ReentrantLock transition = new ReentrantLock();
    private final Object moment = new Object();
    private volatile ContainerState state = ContainerState.CREATED;
    private volatile @Nullable Run run;
    /** Of the run that is going on or was the last one; before the first, of that. */
    private volatile CompletableFuture<ExitStatus> end = new CompletableFuture<>();

    private EventLoop.@Nullable Timer nextStart;
    private int ends;
    private Optional<Ended> lastEnded = Optional.empty();
    private String startError = "";

    /** How and when a run has ended. */
    private record Ended(ExitStatus status, Instant time) {}

    Lifecycle(
            LocalContainer container,
            LocalContainers owner,
            Signal stopSignal,
            RestartPolicy policy,
            boolean autoRemove) {
        this.container = container;
        this.owner = owner;
        this.stopSignal = stopSignal;
        this.autoRemove = autoRemove;
        this.restarts = new Restarts(policy);
    }

    ContainerState state() {
        return state;
    }

    boolean isAlive() {
        return ALIVE.contains(state);
    }

    ContainerInfo.State view() {
        synchronized (moment) {
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
    }

    int restartCount() {
        synchronized (moment) {
            return restarts.count();
        }
    }

    /** The code of the last run, if none goes on. */
    OptionalInt exitCode() {
        synchronized (moment) {
            return isRunning() || lastEnded.isEmpty()
                    ? OptionalInt.empty()
                    : OptionalInt.of(lastEnded.get().status().exitCode());
        }
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
        synchronized (moment) {
            try {
                while (isAlive() && run.equals(this.run) && System.nanoTime() - deadline < 0) {
                    moment.wait(10);
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

    /** Somebody's turn to change the state; closing it ends it. */
    interface Turn extends AutoCloseable {
        @Override
        void close();
    }

    /** Takes the turn to change the state. */
    Turn begin(String cannot) {
        lock(transition, cannot);
        return transition::unlock;
    }

    /** The same for what is not to be interrupted. */
    private Turn begin() {
        transition.lock();
        return transition::unlock;
    }

    void lock(Lock lock, String cannot) {
        try {
            lock.lockInterruptibly();
        } catch (InterruptedException e) {
            throw interrupted(cannot, e);
        }
    }

    void start() {
        try (var turn = begin("cannot start")) {
            requireAtRest("cannot start");
            synchronized (moment) {
                restarts.reset();
            }
            startRun();
        }
    }

    /** Holding the transition. After a failure, the container is as it was before. */
    private void startRun() {
        owner.requireUsable("cannot start container " + container.name());
        try {
            afterStart(container.runs().launch(latest()));
        } catch (EngineException e) {
            synchronized (moment) {
                startError = String.valueOf(e.getMessage());
            }
            throw e;
        }
    }

    /** The program has been executed, and may have ended meanwhile. What begins with each run begins here; it must not throw. */
    private void afterStart(Run started) {
        synchronized (moment) {
            if (end.isDone()) {
                end = new CompletableFuture<>();
            }
            run = started;
            startError = "";
            state = ContainerState.RUNNING;
            container.runs().begun();
        }
        started.follow(status -> afterExit(started, status));
    }

    /** On the event loop's thread, so it must not block. What ends with each run ends here. */
    private void afterExit(Run ended, ExitStatus status) {
        synchronized (moment) {
            container.runs().endNetworks(ended);
            container.runs().ended(status);
            if (isAlive()) {
                var delay =
                        restarts.next(status, Duration.between(ended.process().startedAt(), Instant.now()));
                state = delay.isPresent() ? ContainerState.RESTARTING : ContainerState.EXITED;
                delay.ifPresent(time -> nextStart = owner.schedule(time, this::startByPolicy));
                if (autoRemove) {
                    owner.doSoon(this::removeAtEnd);
                }
            }
            ends++;
            lastEnded = Optional.of(new Ended(status, Instant.now()));
            end.complete(status);
            moment.notifyAll();
        }
    }

    /** On a worker. */
    private void startByPolicy() {
        try (var turn = begin()) {
            if (state == ContainerState.RESTARTING && !owner.isClosed()) {
                restartRun();
            }
        }
    }

    /** Holding the transition. */
    private void restartRun() {
        try {
            startRun();
        } catch (EngineException e) {
            LOG.warn("the restart policy of container {} gives up: {}", container.name(), e.getMessage());
            changeTo(ContainerState.EXITED);
        }
    }

    /** On a worker. A caller may have started or closed it meanwhile. */
    private void removeAtEnd() {
        try (var turn = begin()) {
            if (state == ContainerState.EXITED) {
                removeNow();
            }
        } catch (EngineException e) {
            LOG.warn("container {} has ended and cannot be removed: {}", container.name(), e.getMessage());
        }
    }

    private void changeTo(ContainerState changed) {
        synchronized (moment) {
            state = changed;
            moment.notifyAll();
        }
    }

    /** Completed by another thread than the event loop's: what a caller hangs on it may block, even until the engine is closed. */
    CompletableFuture<ExitStatus> onExit() {
        return end.thenApplyAsync(status -> status);
    }

    /** @param timeout empty to wait for ever */
    ExitStatus await(WaitCondition condition, Optional<Duration> timeout) {
        var deadline =
                System.nanoTime() + timeout.map(TimeUnit.NANOSECONDS::convert).orElse(0L);
        synchronized (moment) {
            var before = ends;
            while (!isMet(condition, before)) {
                try {
                    if (timeout.isEmpty()) {
                        moment.wait();
                    } else {
                        var left = deadline - System.nanoTime();
                        if (left <= 0) {
                            throw new TimedOutException("cannot wait longer for container " + container.name() + ": "
                                    + (isRunning() ? "it still runs" : "it is " + state.word()) + " after "
                                    + timeout.get());
                        }
                        moment.wait(left / 1_000_000, (int) (left % 1_000_000));
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

    private CancelledException interrupted(String cannot, InterruptedException cause) {
        Thread.currentThread().interrupt();
        return new CancelledException(
                cannot + " container " + container.name() + ": the thread was interrupted", Map.of(), "", cause);
    }

    void kill(String signal) {
        var parsed = Signal.parse(signal);
        try (var turn = begin("cannot send " + parsed + " to")) {
            var running = requireAlive("cannot send " + parsed + " to");
            var isToEnd = parsed.equals(Signal.KILL) || parsed.equals(stopSignal);
            synchronized (moment) {
                if (isToEnd) {
                    restarts.stop();
                }
                tellOf(parsed);
            }
            running.process().signal(parsed);
            if (isToEnd) {
                resume(running);
            }
        }
    }

    private void tellOf(Signal signal) {
        container.tell(EventAction.KILL, "signal", String.valueOf(signal.number()));
    }

    void pause() {
        try (var turn = begin("cannot pause")) {
            if (state != ContainerState.RUNNING) {
                throw refusal("cannot pause");
            }
            var running = requireAlive("cannot pause");
            try (var undo = new Undo()) {
                undo.addStep(running::thaw);
                running.freeze();
                synchronized (moment) {
                    requireAlive("cannot pause"); // it may have ended before it was frozen
                    state = ContainerState.PAUSED;
                    container.tell(EventAction.PAUSE);
                }
                undo.keepAll();
            }
        }
    }

    void unpause() {
        try (var turn = begin("cannot unpause")) {
            if (state != ContainerState.PAUSED) {
                throw refusal("cannot unpause");
            }
            resume(requireAlive("cannot unpause"));
        }
    }

    /** Lets a paused container go on. */
    private void resume(Run running) {
        synchronized (moment) {
            if (state == ContainerState.PAUSED) {
                state = ContainerState.RUNNING;
                container.tell(EventAction.UNPAUSE);
            }
        }
        running.thaw();
    }

    ExitStatus stop(Duration timeout) {
        Run running;
        try (var turn = begin("cannot stop")) {
            synchronized (moment) {
                restarts.stop();
                if (state == ContainerState.RESTARTING) {
                    giveUpRestart();
                    changeTo(ContainerState.EXITED);
                }
                if (!isAlive()) {
                    return lastExit();
                }
                running = requireAlive("cannot stop");
                tellOf(stopSignal);
            }
            running.process().signal(stopSignal);
            resume(running);
        }
        var status = end(running, timeout);
        synchronized (moment) {
            if (state == ContainerState.EXITED) {
                container.tell(EventAction.STOP);
            }
        }
        return status;
    }

    /** Under the moment's lock. */
    private void giveUpRestart() {
        if (nextStart != null) {
            nextStart.cancel();
            nextStart = null;
        }
    }

    /** Waits for the end of a run that was asked to end, and kills what does not. */
    private ExitStatus end(Run running, Duration timeout) {
        if (!running.process().ignores(stopSignal) || running.processes().size() > 1) {
            try {
                return running.exit().get(TimeUnit.NANOSECONDS.convert(timeout), TimeUnit.NANOSECONDS);
            } catch (TimeoutException e) {
                // killed below
            } catch (InterruptedException e) {
                tellOf(Signal.KILL);
                running.kill();
                throw interrupted("cannot go on waiting for", e);
            } catch (ExecutionException e) {
                throw new IllegalStateException(e);
            }
        }
        tellOf(Signal.KILL);
        running.kill();
        return running.exit().join();
    }

    void rename(String newName) {
        try (var turn = begin("cannot rename")) {
            requireNotRemoved("cannot rename");
            container.renameTo(newName);
        }
    }

    void remove() {
        try (var turn = begin("cannot remove")) {
            switch (state) {
                case CREATED, EXITED, DEAD -> removeNow();
                case REMOVED -> throw refusal("cannot remove");
                default -> throw refusal("cannot remove", state, "stop it first, or close it");
            }
        }
    }

    void close() {
        try (var turn = begin()) {
            if (state != ContainerState.REMOVED) {
                removeNow();
            }
        }
    }

    /** Holding the transition. */
    private void removeNow() {
        synchronized (moment) {
            giveUpRestart();
            changeTo(ContainerState.REMOVING);
        }
        try {
            container.giveBack();
        } catch (RuntimeException e) {
            changeTo(ContainerState.DEAD);
            throw e;
        }
        owner.forget(container);
        synchronized (moment) {
            container.tell(EventAction.DESTROY);
            changeTo(ContainerState.REMOVED);
        }
        end.completeExceptionally(refusal("cannot wait for the end of"));
    }

    /** Sends SIGKILL to whatever runs, and starts nothing more. */
    void killNow() {
        synchronized (moment) {
            restarts.stop();
            giveUpRestart();
        }
        latest().ifPresent(Run::kill);
    }
}
