package dev.cais;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * When a container is ready for its users: a condition that {@link Container#awaitReady} looks at time and again.
 *
 * <pre>{@code
 * database.awaitReady(all(listening(5432), logLine("ready to accept connections", 2), not(logLine("FATAL"))), ofSeconds(30));
 * }</pre>
 *
 * <p>One of your own is a function: {@code container -> container.stats().pids().current() > 3 ? Optional.empty() : Optional.of("it has
 * too few processes")}. What it throws ends the wait.
 *
 * <p>A condition is looked at after 10 ms, then after twice that, up to each 200 ms, but never for more than a third of the time;
 * {@link #every} sets another pace.
 */
@FunctionalInterface
public interface Ready {
    /**
     * Looks once.
     *
     * @return empty if the container is ready; else half a sentence on what is missing, as {@code nothing listens on 80/tcp}
     */
    Optional<String> missing(Container container);

    /** The same condition with a time of its own, counted from the begin of the wait: if it is not met by then, the wait ends. */
    default Ready within(Duration limit) {
        return new ReadyConditions.Within(this, limit);
    }

    /** The same condition, looked at in steady intervals. */
    default Ready every(Duration interval) {
        return new ReadyConditions.Every(this, interval);
    }

    /**
     * A process in the container's network namespace listens on that TCP port, on whatever address. Nothing is executed in the
     * container, and nobody connects.
     */
    static ReadyListening listening(int port) {
        return new ReadyListening(Protocol.TCP, port, false);
    }

    /**
     * An HTTP server answers on that port, whose address may be loopback: by default {@code GET /} with a status from 200 to 399. The
     * connection is made inside the container's network namespace, so the port need not be published.
     */
    static ReadyHttp http(int port) {
        return new ReadyHttp(port, "/", 200, 399, Optional.empty(), ReadyHttp.DEFAULT_TIMEOUT);
    }

    /** {@link #logLine(String, int)} once. */
    static Ready logLine(String regex) {
        return logLine(regex, 1);
    }

    /**
     * That many lines of the log have a match of the regular expression somewhere in them.
     *
     * @param regex as {@link Pattern} has it
     */
    static Ready logLine(String regex, int times) {
        if (times < 1) {
            throw new InvalidSpecException(
                    "cannot wait for " + times + " lines that match " + regex + ": the least is 1");
        }
        try {
            return new ReadyConditions.LogLines(Pattern.compile(regex), times);
        } catch (PatternSyntaxException e) {
            throw new InvalidSpecException(
                    "cannot wait for a line that matches " + regex + ": " + e.getDescription() + " at " + e.getIndex());
        }
    }

    /**
     * Its health check says healthy.
     *
     * @see Container#health
     */
    static Ready healthy() {
        return new ReadyConditions.Healthy();
    }

    /** A program, executed in the container, exits with 0. A look that takes longer than 10 s is killed. */
    static Ready command(String... command) {
        return new ReadyConditions.Command(ExecSpec.of(command));
    }

    /**
     * A file of any kind exists.
     *
     * @param path absolute, as the container sees it; links are followed inside the container's root alone
     */
    static Ready file(String path) {
        if (!path.startsWith("/")) {
            throw new InvalidSpecException("cannot wait for file " + path + ": it is not absolute");
        }
        return new ReadyConditions.FileExists(path);
    }

    /** All at the same time. */
    static Ready all(Ready... conditions) {
        return new ReadyConditions.All(List.of(conditions));
    }

    /** At least one. The wait ends early only if all have failed. */
    static Ready any(Ready... conditions) {
        if (conditions.length == 0) {
            throw new InvalidSpecException("cannot wait for any of no conditions: name at least one");
        }
        return new ReadyConditions.Any(List.of(conditions));
    }

    /** Met as long as the condition is not; once that is met, the wait fails with a {@link ConflictException}. */
    static Ready not(Ready condition) {
        return new ReadyConditions.Not(condition);
    }
}
