package dev.cais;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;

/**
 * How healthy a container is, by its health check, in Docker's words.
 *
 * @param failingStreak failures in a row that count
 * @param log the last {@value #KEPT} results, oldest first
 */
public record Health(Status status, int failingStreak, List<Result> log) {
    /** How many results are kept. */
    public static final int KEPT = 5;

    /** How much of the output of one check is kept, in bytes of both streams together. */
    public static final int KEPT_OUTPUT = 4096;

    /** The exit code of a check that did not end by itself: it could not be started, or took too long. */
    public static final int NOT_DONE = -1;

    /** Of a container without a health check. */
    public static final Health NONE = new Health(Status.NONE, 0, List.of());

    public Health {
        log = List.copyOf(log);
    }

    /** What is known of the health. */
    public enum Status {
        /** There is no check. */
        NONE,
        /** No check has succeeded yet, and not too many have failed. */
        STARTING,
        HEALTHY,
        /** As many checks in a row have failed as {@link HealthCheck#retries} says. */
        UNHEALTHY;

        /** As Docker writes it: {@code healthy}. */
        public String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * One check.
     *
     * @param exitCode 0 is success; {@link #NOT_DONE} if it did not end by itself
     * @param output of both streams, at most the first {@value #KEPT_OUTPUT} bytes; or why it could not be started
     */
    public record Result(Instant start, Instant end, int exitCode, String output) {
        public boolean success() {
            return exitCode == 0;
        }

        public Duration duration() {
            return Duration.between(start, end);
        }
    }
}
