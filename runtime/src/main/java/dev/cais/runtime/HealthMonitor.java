package dev.cais.runtime;

import dev.cais.ConflictException;
import dev.cais.ContainerState;
import dev.cais.EngineException;
import dev.cais.Exec;
import dev.cais.ExecSpec;
import dev.cais.Health;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Checks the health of one run of a container, time and again, as Docker does: the first check comes after the interval; a success makes
 * it healthy; so many failures in a row make it unhealthy; failures in the start period do not count until the first success.
 *
 * <p>Between checks there is a timer and nothing else, and no thread of ours; a check is a process beside the container's first
 * one, and nobody waits for it. A paused container is not checked, and a check that meets a pause does not count.
 */
final class HealthMonitor {
    private final LocalContainer container;
    private final HealthPlan plan;
    private final Consumer<Health.Status> listener;
    private final Instant begun = Instant.now();
    private volatile Health health = new Health(Health.Status.STARTING, 0, List.of());
    private boolean ended;

    /** @param listener told of each change of the status; must not block */
    HealthMonitor(LocalContainer container, HealthPlan plan, Consumer<Health.Status> listener) {
        this.container = container;
        this.plan = plan;
        this.listener = listener;
    }

    /** Plans the next check. */
    synchronized void begin() {
        if (!ended) {
            after(interval(), this::check);
        }
    }

    /** By the JDK's own timer thread, which is there only if somebody has used it, and a worker of the common pool. */
    private static void after(Duration time, Runnable task) {
        CompletableFuture.delayedExecutor(time.toNanos(), TimeUnit.NANOSECONDS).execute(task);
    }

    private synchronized boolean isOver() {
        return ended;
    }

    /** The run is over: no check any more. As in Docker, what does not run is not healthy. May be called by the event loop. */
    synchronized void end() {
        ended = true;
        health = new Health(Health.Status.UNHEALTHY, health.failingStreak(), health.log());
    }

    Health health() {
        return health;
    }

    private Duration interval() {
        var check = plan.check();
        return health.status() == Health.Status.STARTING && isStartPeriod(Instant.now())
                ? check.startInterval()
                : check.interval();
    }

    private boolean isStartPeriod(Instant time) {
        return Duration.between(begun, time).compareTo(plan.check().startPeriod()) < 0;
    }

    private void check() {
        if (isOver()) {
            return;
        }
        if (container.state() != ContainerState.RUNNING) {
            begin();
            return;
        }
        var start = Instant.now();
        Exec exec;
        try {
            exec = container.startCheck(ExecSpec.of(plan.command().toArray(String[]::new)));
        } catch (EngineException e) {
            if (container.state() != ContainerState.RUNNING) {
                begin();
            } else {
                take(new Health.Result(start, Instant.now(), Health.NOT_DONE, String.valueOf(e.getMessage())));
            }
            return;
        }
        var late = new CompletableFuture<ContainerState>();
        after(plan.check().timeout(), () -> {
            late.complete(container.state());
            try {
                exec.kill("KILL");
            } catch (ConflictException e) {
                // it has ended long ago, or at this very moment
            }
        });
        var unused = exec.onExit().thenAccept(status -> {
            try (exec) {
                if (late.isDone()) {
                    if (late.join() != ContainerState.RUNNING) {
                        begin();
                    } else {
                        take(new Health.Result(
                                start,
                                Instant.now(),
                                Health.NOT_DONE,
                                "the check took longer than " + plan.check().timeout() + " and was killed"));
                    }
                } else {
                    take(new Health.Result(start, Instant.now(), status.exitCode(), output(exec)));
                }
            }
        });
    }

    private static String output(Exec exec) {
        try {
            var out = exec.stdout().readNBytes(Health.KEPT_OUTPUT);
            var err = exec.stderr().readNBytes(Health.KEPT_OUTPUT - out.length);
            return new String(out, StandardCharsets.UTF_8) + new String(err, StandardCharsets.UTF_8);
        } catch (IOException e) {
            return String.valueOf(e.getMessage());
        }
    }

    private synchronized void take(Health.Result result) {
        if (ended) {
            return; // it was the end of the container that ended the check
        }
        var before = health;
        var log = new ArrayList<>(before.log());
        if (log.size() == Health.KEPT) {
            log.remove(0);
        }
        log.add(result);
        health = new Health(status(before, result), streak(before, result), log);
        if (health.status() != before.status()) {
            listener.accept(health.status());
        }
        begin();
    }

    private int streak(Health before, Health.Result result) {
        if (result.success()) {
            return 0;
        }
        var counts = before.status() != Health.Status.STARTING || !isStartPeriod(result.start());
        return before.failingStreak() + (counts ? 1 : 0);
    }

    private Health.Status status(Health before, Health.Result result) {
        if (result.success()) {
            return Health.Status.HEALTHY;
        }
        return streak(before, result) >= plan.check().retries() ? Health.Status.UNHEALTHY : before.status();
    }
}
