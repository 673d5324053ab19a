package dev.cais;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/** The conditions behind {@link Ready}'s factories that need no type of their own. */
final class ReadyConditions {
    private static final Duration LONGEST_COMMAND = Duration.ofSeconds(10);

    private ReadyConditions() {}

    /** A condition whose look may take long: it is told how much time is left. */
    interface Timed {
        Optional<String> missing(Container container, Duration left);
    }

    record LogLines(Pattern pattern, int times) implements Ready {
        @Override
        public Optional<String> missing(Container container) {
            // a matcher for one wait at a time would save reading again, but reading is cheap beside a service's start
            var matching = container
                    .logs()
                    .lines()
                    .filter(line -> pattern.matcher(line.text()).find())
                    .limit(times)
                    .count();
            if (matching >= times) {
                return Optional.empty();
            }
            return Optional.of(
                    times == 1
                            ? "no line of the log matches " + pattern
                            : matching + " of " + times + " lines of the log match " + pattern);
        }

        @Override
        public String toString() {
            return (times == 1 ? "a line" : times + " lines") + " of the log that match" + (times == 1 ? "es " : " ")
                    + pattern;
        }
    }

    record Healthy() implements Ready {
        @Override
        public Optional<String> missing(Container container) {
            var health = container.health();
            return switch (health.status()) {
                case HEALTHY -> Optional.empty();
                case NONE ->
                    throw new ConflictException(
                            "cannot wait for container " + container.name() + " to be healthy: it has no health check",
                            "add health(HealthCheck…) to its spec");
                default -> Optional.of("its health is " + health.status().word());
            };
        }

        @Override
        public String toString() {
            return "health";
        }
    }

    record Command(ExecSpec spec) implements Ready, Timed {
        @Override
        public Optional<String> missing(Container container) {
            return missing(container, LONGEST_COMMAND);
        }

        @Override
        public Optional<String> missing(Container container, Duration left) {
            var limit = left.compareTo(LONGEST_COMMAND) < 0 ? left : LONGEST_COMMAND;
            try (var exec = container.startExec(spec)) {
                var status = exec.await(limit);
                return status.success() ? Optional.empty() : Optional.of(this + " ends with " + status);
            } catch (TimedOutException e) {
                return Optional.of(this + " does not end within " + limit);
            }
        }

        @Override
        public String toString() {
            return "the command '" + String.join(" ", spec.command()) + "'";
        }
    }

    record FileExists(String path) implements Ready {
        @Override
        public Optional<String> missing(Container container) {
            return container.hasFile(path) ? Optional.empty() : Optional.of("there is no file " + path);
        }

        @Override
        public String toString() {
            return "the file " + path;
        }
    }

    record All(List<Ready> conditions) implements Ready {
        @Override
        public Optional<String> missing(Container container) {
            return ReadyWait.look(this, container);
        }

        @Override
        public String toString() {
            return "all of " + conditions;
        }
    }

    record Any(List<Ready> conditions) implements Ready {
        @Override
        public Optional<String> missing(Container container) {
            return ReadyWait.look(this, container);
        }

        @Override
        public String toString() {
            return "any of " + conditions;
        }
    }

    record Not(Ready condition) implements Ready {
        @Override
        public Optional<String> missing(Container container) {
            return ReadyWait.look(this, container);
        }

        @Override
        public String toString() {
            return "no " + condition;
        }
    }

    record Within(Ready condition, Duration limit) implements Ready {
        Within {
            requirePositive(limit);
        }

        @Override
        public Optional<String> missing(Container container) {
            return condition.missing(container);
        }

        @Override
        public String toString() {
            return condition + " within " + limit;
        }
    }

    record Every(Ready condition, Duration interval) implements Ready {
        Every {
            requirePositive(interval);
        }

        @Override
        public Optional<String> missing(Container container) {
            return condition.missing(container);
        }

        @Override
        public String toString() {
            return condition.toString();
        }
    }

    static void requirePositive(Duration time) {
        if (time.isNegative() || time.isZero()) {
            throw new InvalidSpecException("cannot wait with a time of " + time + ": it is not positive");
        }
    }
}
