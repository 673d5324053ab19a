package dev.cais.image.registry;

import static java.util.stream.Collectors.joining;
import static java.util.stream.Collectors.toUnmodifiableSet;

import dev.cais.CorruptContentException;
import dev.cais.EngineException;
import dev.cais.NotFoundException;
import dev.cais.RateLimitedException;
import dev.cais.RegistryException;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.Shown;
import java.io.IOException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * An answer that is not what was asked for, read and closed.
 *
 * @param errors what the registry wrote about it, perhaps nothing
 * @param codes of the errors
 * @param retryAfter how long the registry said to wait
 * @param limits what the registry said about how often one may ask, by header
 * @see <a href="https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes">OCI distribution spec
 *     1.1.1, Error Codes</a>
 */
record Refusal(
        int status, String errors, Set<String> codes, Optional<Duration> retryAfter, Map<String, String> limits) {
    private static final int LARGEST = 64 * 1024;
    private static final int MOST_SHOWN = 3;
    private static final Set<String> OF_PARTS = Set.of("MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "DIGEST_INVALID");
    private static final Duration LONGEST_WAIT = Duration.ofSeconds(60);

    static Refusal read(Response response) {
        try (response) {
            var errors = errors(response);
            return new Refusal(
                    response.status(),
                    errors.stream()
                            .limit(MOST_SHOWN)
                            .map(error -> (Shown.text(code(error)) + " "
                                            + Shown.text(
                                                    error.findText("message").orElse("")))
                                    .strip())
                            .collect(joining(", ")),
                    errors.stream().map(Refusal::code).collect(toUnmodifiableSet()),
                    retryAfter(response),
                    limits(response));
        }
    }

    private static List<JsonObject> errors(Response response) {
        try {
            return JsonObject.parse(response.body().readNBytes(LARGEST), "the error")
                    .objects("errors");
        } catch (IOException | CorruptContentException e) {
            return List.of(); // the status has to do
        }
    }

    private static String code(JsonObject error) {
        return error.findText("code").orElse("");
    }

    private static Optional<Duration> retryAfter(Response response) {
        return response.header("Retry-After").flatMap(text -> {
            try {
                return Optional.of(Duration.ofSeconds(Long.parseLong(text.strip())));
            } catch (NumberFormatException e) {
                return untilDate(text.strip());
            }
        });
    }

    private static Optional<Duration> untilDate(String text) {
        try {
            var date = ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME);
            return Optional.of(Duration.between(Instant.now(), date.toInstant()));
        } catch (DateTimeException e) {
            return Optional.empty();
        }
    }

    /** Docker Hub's names for them, and those of the IETF's draft that it follows. */
    private static Map<String, String> limits(Response response) {
        var limits = new LinkedHashMap<String, String>();
        for (var header : new String[] {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}) {
            response.header(header).ifPresent(value -> limits.put(header, Shown.text(value)));
        }
        return limits;
    }

    /** Whether the same request may have another answer soon. */
    boolean isPassing() {
        return (status == 429 || status == 408 || status >= 500 && status != 501)
                && retryAfter.filter(wait -> wait.compareTo(LONGEST_WAIT) > 0).isEmpty();
    }

    /** Whether a manifest was refused for its parts. */
    boolean isOfParts() {
        return codes.stream().anyMatch(OF_PARTS::contains);
    }

    /** How long to wait at least; zero if the registry does not say. */
    Duration pause() {
        return retryAfter.filter(wait -> !wait.isNegative()).orElse(Duration.ZERO);
    }

    /**
     * @param what was asked for: {@code manifest 1.0}
     * @param known whether the caller has shown credentials
     */
    EngineException exception(Location location, String what, boolean known, Task task) {
        var facts = new LinkedHashMap<String, Object>();
        facts.put("status", status);
        if (!errors.isEmpty()) {
            facts.put("errors", errors);
        }
        var registry = location.registry();
        if (status == 404) {
            return new NotFoundException(task.cannot() + ": " + location + " has no " + what, Map.of(), "");
        }
        if (status == 429) {
            facts.putAll(limits);
            retryAfter.ifPresent(wait -> facts.put("retryAfter", Task.shown(wait)));
            return new RateLimitedException(
                    task.cannot() + ": " + registry + " has had too many requests",
                    facts,
                    known ? "wait, or use a mirror" : "wait, pass credentials, or use a mirror",
                    retryAfter);
        }
        if (status == 401 || status == 403) {
            return new RegistryException(
                    task.cannot() + ": " + registry + " refused "
                            + (known ? "the credentials" : "a caller without credentials"),
                    facts,
                    known ? "pass others" : "pass credentials, or log in with docker login");
        }
        return new RegistryException(task.cannot() + ": " + registry + " refused " + what, facts, "");
    }
}
