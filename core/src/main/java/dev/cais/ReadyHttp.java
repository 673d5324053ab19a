package dev.cais;

import java.time.Duration;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * An HTTP server answers as wanted.
 *
 * <p>Each look is one {@code GET} request of HTTP/1.1 on a connection of its own, without TLS, and redirections are not followed. Of the
 * answer at most 64 KiB of headers and 1 MiB of body are read, the body only if there is a condition on it.
 *
 * @param path with its query, as it stands in the request
 * @param lowestStatus inclusive, as {@code highestStatus}
 * @param body a condition on the answer's text, read as UTF-8
 * @param timeout of one request, from connecting to the last byte
 */
public record ReadyHttp(
        int port, String path, int lowestStatus, int highestStatus, Optional<Predicate<String>> body, Duration timeout)
        implements Ready, ReadyConditions.Timed {
    /** Ten seconds. */
    public static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(10);

    public ReadyHttp {
        ReadyListening.requirePort(port);
        if (!path.startsWith("/") || path.chars().anyMatch(c -> c <= ' ' || c > '~')) {
            throw new InvalidSpecException("cannot request '" + path
                    + "': a path begins with a slash and has printable ASCII only; encode the rest with percent signs");
        }
        if (timeout.isNegative() || timeout.isZero()) {
            throw new InvalidSpecException("cannot request " + path + " within " + timeout + ": it is not positive");
        }
    }

    public ReadyHttp path(String changed) {
        return new ReadyHttp(port, changed, lowestStatus, highestStatus, body, timeout);
    }

    /** This status, and no other. */
    public ReadyHttp status(int code) {
        return status(code, code);
    }

    /** A status in that range, both ends included. */
    public ReadyHttp status(int lowest, int highest) {
        return new ReadyHttp(port, path, lowest, highest, body, timeout);
    }

    /** A condition on the answer's body. */
    public ReadyHttp body(Predicate<String> condition) {
        return new ReadyHttp(port, path, lowestStatus, highestStatus, Optional.of(condition), timeout);
    }

    /** For one request. */
    public ReadyHttp timeout(Duration changed) {
        return new ReadyHttp(port, path, lowestStatus, highestStatus, body, changed);
    }

    @Override
    public Optional<String> missing(Container container) {
        return missing(container, timeout);
    }

    @Override
    public Optional<String> missing(Container container, Duration left) {
        var listens = new ReadyListening(Protocol.TCP, port, false).missing(container);
        if (listens.isPresent()) {
            return listens;
        }
        var request = "GET " + path + " on port " + port;
        HttpAnswer answer;
        try {
            answer = HttpAnswer.get(
                    container, port, path, body.isPresent(), left.compareTo(timeout) < 0 ? left : timeout);
        } catch (HttpAnswer.FailedException e) {
            return Optional.of(request + " failed: " + e.getMessage());
        }
        if (answer.status() < lowestStatus || answer.status() > highestStatus) {
            return Optional.of(request + " gives status " + answer.status());
        }
        return body.isEmpty() || body.get().test(answer.body())
                ? Optional.empty()
                : Optional.of(request + " gives a body that is not as wanted");
    }

    /** {@code an answer to GET /health on port 80}. */
    @Override
    public String toString() {
        return "an answer to GET " + path + " on port " + port;
    }
}
