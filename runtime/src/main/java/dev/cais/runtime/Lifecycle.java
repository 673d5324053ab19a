package dev.cais.runtime;

import dev.cais.ContainerState;
import dev.cais.EngineException;
import dev.cais.EventAction;
import dev.cais.ExitStatus;
import dev.cais.RestartPolicy;
import dev.cais.linux.EventLoop;
import dev.cais.linux.Signal;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What leads a container from one state to another.
 *
 * <p>Two locks. {@link #transition} is held by whoever leads the container from one state to another, however long that takes; the
 * event loop never takes it. That of its {@link Standing} guards the fields and is held for moments.
 */
final class Lifecycle {
    private static final Logger LOG = LoggerFactory.getLogger(Lifecycle.class);
    private final LocalContainer container;
    private final LocalContainers owner;
    private final Signal stopSignal;
    private final boolean autoRemove;
    private final Restarts restarts;

    private final ReentrantLock transition = new ReentrantLock();
    private final Standing standing;
    private EventLoop.@Nullable Timer nextStart;
    /** How many are about to start it again that stop it now. */
    private int restartsAsked;

    Lifecycle(
            LocalContainer container,
            Standing standing,
            LocalContainers owner,
            Signal stopSignal,
            RestartPolicy policy,
            boolean autoRemove) {
        this.container = container;
        this.standing = standing;
        this.owner = owner;
        this.stopSignal = stopSignal;
        this.autoRemove = autoRemove;
        this.restarts = new Restarts(policy);
    }

    Standing standing() {
        return standing;
    }

    int restartCount() {
        synchronized (standing) {
            return restarts.count();
        }
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
            throw standing.interrupted(cannot, e);
        }
    }

    void start() {
        try (var turn = begin("cannot start")) {
            standing.requireAtRest("cannot start");
            synchronized (standing) {
                restarts.reset();
            }
            startRun();
        }
    }

    /** Holding the transition. After a failure, the container is as it was before. */
    private void startRun() {
        owner.requireUsable("cannot start container " + container.name());
        try {
            afterStart(container.runs().launch(standing.latest()));
        } catch (EngineException e) {
            standing.noteFailure(String.valueOf(e.getMessage()));
            throw e;
        }
    }

    /** The program has been executed, and may have ended meanwhile. What begins with each run begins here; it must not throw. */
    private void afterStart(Run started) {
        synchronized (standing) {
            standing.begin(started);
            container.runs().begun();
        }
        started.follow(status -> afterExit(started, status));
    }

    /** On the event loop's thread, so it must not block. What ends with each run ends here. */
    private void afterExit(Run ended, ExitStatus status) {
        synchronized (standing) {
            container.runs().endNetworks(ended);
            container.runs().ended(status);
            if (standing.isAlive()) {
                var delay =
                        restarts.next(status, Duration.between(ended.process().startedAt(), Instant.now()));
                standing.changeTo(delay.isPresent() ? ContainerState.RESTARTING : ContainerState.EXITED);
                delay.ifPresent(time -> nextStart = owner.schedule(time, this::startByPolicy));
                if (autoRemove && restartsAsked == 0) {
                    owner.doSoon(this::removeAtEnd);
                }
            }
            standing.end(status);
        }
    }

    /** On a worker. */
    private void startByPolicy() {
        try (var turn = begin()) {
            if (standing.state() == ContainerState.RESTARTING && !owner.isClosed()) {
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
            standing.changeTo(ContainerState.EXITED);
        }
    }

    /** On a worker. A caller may have started or closed it meanwhile. */
    private void removeAtEnd() {
        try (var turn = begin()) {
            if (standing.state() == ContainerState.EXITED) {
                removeNow();
            }
        } catch (EngineException e) {
            LOG.warn("container {} has ended and cannot be removed: {}", container.name(), e.getMessage());
        }
    }

    void kill(String signal) {
        var parsed = Signal.parse(signal);
        try (var turn = begin("cannot send " + parsed + " to")) {
            var running = standing.requireAlive("cannot send " + parsed + " to");
            var isToEnd = parsed.equals(Signal.KILL) || parsed.equals(stopSignal);
            synchronized (standing) {
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
            if (standing.state() != ContainerState.RUNNING) {
                throw standing.refusal("cannot pause");
            }
            var running = standing.requireAlive("cannot pause");
            try (var undo = new Undo()) {
                undo.addStep(running::thaw);
                running.freeze();
                synchronized (standing) {
                    standing.requireAlive("cannot pause"); // it may have ended before it was frozen
                    standing.changeTo(ContainerState.PAUSED);
                    container.tell(EventAction.PAUSE);
                }
                undo.keepAll();
            }
        }
    }

    void unpause() {
        try (var turn = begin("cannot unpause")) {
            if (standing.state() != ContainerState.PAUSED) {
                throw standing.refusal("cannot unpause");
            }
            resume(standing.requireAlive("cannot unpause"));
        }
    }

    /** Lets a paused container go on. */
    private void resume(Run running) {
        synchronized (standing) {
            if (standing.state() == ContainerState.PAUSED) {
                standing.changeTo(ContainerState.RUNNING);
                container.tell(EventAction.UNPAUSE);
            }
        }
        running.thaw();
    }

    ExitStatus stop(Duration timeout) {
        Run running;
        try (var turn = begin("cannot stop")) {
            synchronized (standing) {
                restarts.stop();
                if (standing.state() == ContainerState.RESTARTING) {
                    giveUpRestart();
                    standing.changeTo(ContainerState.EXITED);
                }
                if (!standing.isAlive()) {
                    return standing.lastExit();
                }
                running = standing.requireAlive("cannot stop");
                tellOf(stopSignal);
            }
            running.process().signal(stopSignal);
            resume(running);
        }
        var status = awaitEnd(running, timeout);
        synchronized (standing) {
            if (standing.state() == ContainerState.EXITED) {
                container.tell(EventAction.STOP);
            }
        }
        return status;
    }

    /** It stays, although it may be one that goes with its end. */
    void restart(Duration timeout) {
        synchronized (standing) {
            restartsAsked++;
        }
        try {
            stop(timeout);
            start();
        } finally {
            synchronized (standing) {
                restartsAsked--;
                if (autoRemove && standing.state() == ContainerState.EXITED) {
                    owner.doSoon(this::removeAtEnd);
                }
            }
        }
        container.tell(EventAction.RESTART);
    }

    /** Under the standing's lock. */
    private void giveUpRestart() {
        if (nextStart != null) {
            nextStart.cancel();
            nextStart = null;
        }
    }

    /** Waits for the end of a run that was asked to end, and kills what does not. */
    private ExitStatus awaitEnd(Run running, Duration timeout) {
        if (!running.process().ignores(stopSignal) || running.processes().size() > 1) {
            try {
                return running.exit().get(TimeUnit.NANOSECONDS.convert(timeout), TimeUnit.NANOSECONDS);
            } catch (TimeoutException e) {
                // killed below
            } catch (InterruptedException e) {
                tellOf(Signal.KILL);
                running.kill();
                throw standing.interrupted("cannot go on waiting for", e);
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
            standing.requireNotRemoved("cannot rename");
            container.renameTo(newName);
        }
    }

    void remove() {
        try (var turn = begin("cannot remove")) {
            switch (standing.state()) {
                case CREATED, EXITED, DEAD -> removeNow();
                case REMOVED -> throw standing.refusal("cannot remove");
                default -> throw standing.refusal("cannot remove", standing.state(), "stop it first, or close it");
            }
        }
    }

    void close() {
        try (var turn = begin()) {
            if (standing.state() != ContainerState.REMOVED) {
                removeNow();
            }
        }
    }

    /** Holding the transition. */
    private void removeNow() {
        synchronized (standing) {
            giveUpRestart();
            standing.changeTo(ContainerState.REMOVING);
        }
        try {
            container.giveBack();
        } catch (RuntimeException e) {
            standing.changeTo(ContainerState.DEAD);
            throw e;
        }
        owner.forget(container);
        synchronized (standing) {
            container.tell(EventAction.DESTROY);
            standing.changeTo(ContainerState.REMOVED);
        }
        standing.endForEver();
    }

    /** Sends SIGKILL to whatever runs, and starts nothing more. */
    void killNow() {
        synchronized (standing) {
            restarts.stop();
            giveUpRestart();
        }
        standing.latest().ifPresent(Run::kill);
    }
}
