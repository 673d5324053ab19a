package dev.cais;

import java.time.Duration;
import java.util.List;

/**
 * How to tell whether a container is healthy, as Docker's {@code HEALTHCHECK}: a command in it, run time and again.
 *
 * @param command empty for {@link Form#NONE}; one text for {@link Form#SHELL}
 * @param interval between the end of one check and the start of the next
 * @param timeout after which a check is killed and counts as failed
 * @param startPeriod after the start, in which failures do not count
 * @param startInterval in place of the interval during the start period, until the first success
 * @param retries that many failures in a row make it unhealthy
 */
public record HealthCheck(
        Form form,
        List<String> command,
        Duration interval,
        Duration timeout,
        Duration startPeriod,
        Duration startInterval,
        int retries) {
    private static final Duration LEAST = Duration.ofMillis(1);

    /** No check, though the image may have one. */
    public static final HealthCheck NONE = defaults(Form.NONE, List.of());

    /** What stands before the command in an image's configuration. */
    public enum Form {
        NONE,
        /** A program and its arguments: {@code CMD}. */
        EXEC,
        /** A line for the image's shell: {@code CMD-SHELL}. */
        SHELL
    }

    public HealthCheck {
        command = List.copyOf(command);
        if ((form == Form.NONE) != command.isEmpty() || (form == Form.SHELL && command.size() != 1)) {
            throw new InvalidSpecException("cannot check health with " + form + " " + command
                    + ": a shell form is one line, an exec form a program and arguments");
        }
        for (var time : List.of(interval, timeout, startInterval)) {
            if (time.compareTo(LEAST) < 0) {
                throw new InvalidSpecException("cannot check health with a time of " + time + ": the least is 1 ms");
            }
        }
        if (startPeriod.isNegative() || retries < 1) {
            throw new InvalidSpecException("cannot check health with a start period of " + startPeriod + " and "
                    + retries + " retries: the first is not negative, the second at least 1");
        }
    }

    /** A program and its arguments, with Docker's times: every 30 s, each at most 30 s, 3 retries, no start period. */
    public static HealthCheck exec(String... command) {
        return defaults(Form.EXEC, List.of(command));
    }

    /** A line for the image's shell ({@code /bin/sh -c} unless it says otherwise), with Docker's times. */
    public static HealthCheck shell(String line) {
        return defaults(Form.SHELL, List.of(line));
    }

    private static HealthCheck defaults(Form form, List<String> command) {
        return new HealthCheck(
                form, command, Duration.ofSeconds(30), Duration.ofSeconds(30), Duration.ZERO, Duration.ofSeconds(5), 3);
    }

    public HealthCheck interval(Duration changed) {
        return new HealthCheck(form, command, changed, timeout, startPeriod, startInterval, retries);
    }

    public HealthCheck timeout(Duration changed) {
        return new HealthCheck(form, command, interval, changed, startPeriod, startInterval, retries);
    }

    public HealthCheck startPeriod(Duration changed) {
        return new HealthCheck(form, command, interval, timeout, changed, startInterval, retries);
    }

    public HealthCheck startInterval(Duration changed) {
        return new HealthCheck(form, command, interval, timeout, startPeriod, changed, retries);
    }

    public HealthCheck retries(int changed) {
        return new HealthCheck(form, command, interval, timeout, startPeriod, startInterval, changed);
    }
}
