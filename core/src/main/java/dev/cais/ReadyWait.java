package dev.cais;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * One wait of one thread for a condition: a tree of checks with the condition's form, each leaf with its own pace. Between looks the
 * thread waits for the container's end, so that this ends the wait at once.
 */
final class ReadyWait {
    private static final Duration FIRST_PAUSE = Duration.ofMillis(10);
    private static final Duration LONGEST_PAUSE = Duration.ofMillis(200);
    private static final Duration LEAST_LOOK = Duration.ofMillis(10);
    /** A check may take a third of the time. */
    private static final int REST = 2;

    private static final int LAST_LINES = 10;
    private static final int LONGEST_LINE = 200;
    /** On a machine that stands still in it. */
    private static final Duration MOMENT = Duration.ofSeconds(30);

    private final Container container;
    private final Duration timeout;
    private final long begun = System.nanoTime();
    private final CompletableFuture<ExitStatus> end;
    /** When the first check is due. */
    private long due;

    private ReadyWait(Container container, Duration timeout) {
        this.container = container;
        this.timeout = timeout;
        this.end = container.onExit();
    }

    static void await(Container container, Ready ready, Duration timeout) {
        ReadyConditions.requirePositive(timeout);
        new ReadyWait(container, timeout).await(ready);
    }

    /** One look at a composed condition by itself. */
    static Optional<String> look(Ready ready, Container container) {
        var outcome = new ReadyWait(container, Duration.ofDays(1))
                .check(ready, Optional.empty())
                .look();
        if (outcome.failure().isPresent()) {
            throw outcome.failure().get();
        }
        return outcome.isMet() ? Optional.empty() : Optional.of(outcome.missing());
    }

    private void await(Ready ready) {
        var check = check(ready, Optional.empty());
        while (true) {
            requireNotInterrupted();
            due = begun + TimeUnit.NANOSECONDS.convert(timeout);
            var outcome = check.look();
            if (hasEnded()) {
                throw exited(outcome);
            }
            if (outcome.isMet()) {
                return;
            }
            if (outcome.failure().isPresent()) {
                throw outcome.failure().get();
            }
            if (left() <= 0) {
                throw timedOut(timeout, outcome.missing());
            }
            pause();
        }
    }

    /** What a look has found. A met one misses nothing and has not failed. */
    private record Outcome(String missing, Optional<RuntimeException> failure) {
        static final Outcome MET = new Outcome("", Optional.empty());

        static Outcome missing(String what) {
            return new Outcome(what, Optional.empty());
        }

        static Outcome failed(RuntimeException failure) {
            return new Outcome("", Optional.of(failure));
        }

        boolean isMet() {
            return missing.isEmpty() && failure.isEmpty();
        }
    }

    /** A condition, during this wait. */
    private interface Check {
        Outcome look();
    }

    private Check check(Ready ready, Optional<Duration> interval) {
        if (ready instanceof ReadyConditions.All all) {
            var checks = checks(all.conditions(), interval);
            return () -> all(checks);
        }
        if (ready instanceof ReadyConditions.Any any) {
            var checks = checks(any.conditions(), interval);
            return () -> any(checks);
        }
        if (ready instanceof ReadyConditions.Not not) {
            var check = check(not.condition(), interval);
            return () -> not(check, not.condition());
        }
        if (ready instanceof ReadyConditions.Within within) {
            return new WithinCheck(check(within.condition(), interval), within.limit());
        }
        if (ready instanceof ReadyConditions.Every every) {
            return check(every.condition(), Optional.of(every.interval()));
        }
        return new Leaf(ready, interval);
    }

    private List<Check> checks(List<Ready> conditions, Optional<Duration> interval) {
        return conditions.stream().map(each -> check(each, interval)).toList();
    }

    private static Outcome all(List<Check> checks) {
        var missing = new ArrayList<String>();
        for (var check : checks) {
            var outcome = check.look();
            if (outcome.failure().isPresent()) {
                return outcome;
            }
            if (!outcome.isMet()) {
                missing.add(outcome.missing());
            }
        }
        return missing.isEmpty() ? Outcome.MET : Outcome.missing(String.join(", and ", missing));
    }

    private static Outcome any(List<Check> checks) {
        var missing = new ArrayList<String>();
        var failures = new ArrayList<RuntimeException>();
        for (var check : checks) {
            var outcome = check.look();
            if (outcome.isMet()) {
                return outcome;
            }
            outcome.failure().ifPresentOrElse(failures::add, () -> missing.add(outcome.missing()));
        }
        return missing.isEmpty() ? Outcome.failed(failures.get(0)) : Outcome.missing(String.join(", and ", missing));
    }

    private Outcome not(Check check, Ready condition) {
        var outcome = check.look();
        return outcome.isMet()
                ? Outcome.failed(new ConflictException(
                        cannot() + ": there is what must not be: " + condition, Map.of("log", lastLines()), ""))
                : outcome.failure()
                                .filter(failure -> !(failure instanceof TimedOutException))
                                .isPresent()
                        ? outcome
                        : Outcome.MET;
    }

    /** A condition with a time of its own; one that was too late stays so. */
    private final class WithinCheck implements Check {
        private final Check check;
        private final Duration limit;
        private Outcome late = Outcome.MET;

        WithinCheck(Check check, Duration limit) {
            this.check = check;
            this.limit = limit;
        }

        @Override
        public Outcome look() {
            if (!late.isMet()) {
                return late;
            }
            var outcome = check.look();
            if (outcome.isMet() || outcome.failure().isPresent()) {
                return outcome;
            }
            var over = begun + TimeUnit.NANOSECONDS.convert(limit);
            if (System.nanoTime() - over >= 0) {
                late = Outcome.failed(timedOut(limit, outcome.missing()));
                return late;
            }
            dueAt(over);
            return outcome;
        }
    }

    /** A condition that is looked at when it is due, and keeps what it has found until then. */
    private final class Leaf implements Check {
        private final Ready ready;
        private final Optional<Duration> interval;
        private long pause = FIRST_PAUSE.toNanos();
        private long next = begun;
        private long took;
        private Outcome outcome = Outcome.missing("nobody has looked yet");

        Leaf(Ready ready, Optional<Duration> interval) {
            this.ready = ready;
            this.interval = interval;
        }

        @Override
        public Outcome look() {
            var before = System.nanoTime();
            if (before - next >= 0 && !isTooLate()) {
                outcome = lookNow();
                var after = System.nanoTime();
                took = after - before;
                next = interval.isPresent()
                        ? after + TimeUnit.NANOSECONDS.convert(interval.get())
                        : after + Math.max(pause, REST * took);
                pause = Math.min(2 * pause, LONGEST_PAUSE.toNanos());
            }
            dueAt(next);
            return outcome;
        }

        /** A look that would be cut short by the end of the wait would hide what the one before it has found. */
        private boolean isTooLate() {
            return took > 0 && ready instanceof ReadyConditions.Timed && left() < REST * took + LEAST_LOOK.toNanos();
        }

        private Outcome lookNow() {
            try {
                var missing = ready instanceof ReadyConditions.Timed timed
                        ? timed.missing(container, Duration.ofNanos(Math.max(LEAST_LOOK.toNanos(), left())))
                        : ready.missing(container);
                return missing.map(Outcome::missing).orElse(Outcome.MET);
            } catch (CancelledException e) {
                throw e;
            } catch (RuntimeException e) {
                return Outcome.failed(e);
            }
        }
    }

    private void dueAt(long time) {
        if (time - due < 0) {
            due = time;
        }
    }

    private long left() {
        return begun + TimeUnit.NANOSECONDS.convert(timeout) - System.nanoTime();
    }

    private void pause() {
        try {
            end.get(Math.max(0, due - System.nanoTime()), TimeUnit.NANOSECONDS);
        } catch (TimeoutException | ExecutionException e) {
            // the next look tells
        } catch (InterruptedException e) {
            throw interrupted();
        }
    }

    private void requireNotInterrupted() {
        if (Thread.currentThread().isInterrupted()) {
            throw interrupted();
        }
    }

    private CancelledException interrupted() {
        Thread.currentThread().interrupt();
        return new CancelledException(cannot() + ": the thread was interrupted");
    }

    /** The state tells of the end a moment before the future does. */
    private boolean hasEnded() {
        if (container.state() == ContainerState.EXITED) {
            try {
                end.get(MOMENT.toNanos(), TimeUnit.NANOSECONDS);
            } catch (TimeoutException | ExecutionException e) {
                return false;
            } catch (InterruptedException e) {
                throw interrupted();
            }
        }
        return end.isDone();
    }

    private RuntimeException exited(Outcome outcome) {
        var cause = outcome.failure().orElse(null);
        if (end.isCompletedExceptionally()) {
            return new ConflictException(cannot() + ": it was removed", Map.of(), "", cause);
        }
        return new ContainerExitedException(
                cannot() + ": it has ended" + (outcome.missing().isEmpty() ? "" : ", and " + outcome.missing()),
                end.join(),
                lastLines(),
                cause);
    }

    private TimedOutException timedOut(Duration limit, String missing) {
        return new TimedOutException(
                cannot() + ": after " + limit + ", " + missing,
                Map.of("log", lastLines()),
                "see its log, or wait longer");
    }

    private String cannot() {
        return "cannot wait for container " + container.name() + " to be ready";
    }

    private List<String> lastLines() {
        try {
            var last = new ArrayDeque<String>();
            container.logs().lines().forEach(line -> {
                if (last.size() == LAST_LINES) {
                    last.remove();
                }
                last.add(cut(line.text()));
            });
            return List.copyOf(last);
        } catch (EngineException e) {
            return List.of(); // its log keeps nothing, or is gone
        }
    }

    /** For a message: short, and without what could paint over others on a terminal. */
    private static String cut(String text) {
        var line = text.replaceAll("\\p{Cntrl}", "?");
        return line.length() > LONGEST_LINE ? line.substring(0, LONGEST_LINE) + "…" : line;
    }
}
