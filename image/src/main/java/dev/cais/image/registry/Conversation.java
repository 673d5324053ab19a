package dev.cais.image.registry;

import dev.cais.EngineException;
import dev.cais.RegistryException;
import dev.cais.image.oci.Shown;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpConnectTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongConsumer;
import java.util.function.Predicate;
import javax.net.ssl.SSLException;

/**
 * Requests to one registry, as somebody, and what becomes of them.
 *
 * <p>A request that fails for a reason that may pass (a broken connection, 429, 5xx) is repeated, with growing pauses or after the
 * time that the registry names. One that asks for content follows redirects, without credentials as soon as they lead to
 * another server.
 */
final class Conversation {
    private static final int MOST_REDIRECTS = 5;

    private final Location location;
    private final Transport transport;
    private final Authentication authentication;
    private final Map<String, String> schemes;

    /** @param schemes what registries were found to speak, by name */
    Conversation(Location location, Transport transport, Authentication authentication, Map<String, String> schemes) {
        this.location = location;
        this.transport = transport;
        this.authentication = authentication;
        this.schemes = schemes;
    }

    Location location() {
        return location;
    }

    int retries() {
        return transport.options().retries();
    }

    /** A failure that may pass. */
    static final class PassingException extends IOException {
        private static final long serialVersionUID = 1L;

        private final EngineException exception;
        private final Duration pause;

        PassingException(EngineException exception, Duration pause) {
            super(exception.getMessage(), exception);
            this.exception = exception;
            this.pause = pause;
        }

        Duration pause() {
            return pause;
        }
    }

    /** What a failure means to the user, when nothing is tried any more. */
    EngineException failed(IOException failure, Task task) {
        if (failure instanceof PassingException passing) {
            return passing.exception;
        }
        var why = failure.getMessage() == null ? failure.getClass().getSimpleName() : failure.getMessage();
        if (failure instanceof StalledException) {
            return new RegistryException(
                    task.cannot() + ": " + location.registry() + " stalls: " + why,
                    Map.of(),
                    "raise RegistryOptions.stallTimeout",
                    failure);
        }
        if (failure instanceof SSLException) {
            return new RegistryException(
                    task.cannot() + ": no TLS with " + location.registry() + ": " + Shown.text(why),
                    Map.of(),
                    "name its authority with RegistryOptions.authority, or allow plain HTTP with insecureRegistry",
                    failure);
        }
        if (isUnreachable(failure)) {
            var reason = failure instanceof HttpConnectTimeoutException
                    ? "no connection within " + Task.shown(transport.options().connectTimeout())
                    : isUnknownHost(failure) ? "there is no such host" : "the connection was refused";
            return new RegistryException(
                    task.cannot() + ": cannot reach " + location.registry() + ": " + reason, Map.of(), "", failure);
        }
        return new RegistryException(
                task.cannot() + ": the connection to " + location.registry() + " broke: " + Shown.text(why),
                Map.of(),
                "",
                failure);
    }

    private static boolean isUnreachable(IOException failure) {
        return failure instanceof ConnectException
                || isUnknownHost(failure)
                || failure instanceof HttpConnectTimeoutException;
    }

    private static boolean isUnknownHost(Throwable failure) {
        for (var cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof UnknownHostException || cause instanceof UnresolvedAddressException) {
                return true;
            }
        }
        return false;
    }

    /** What is asked of the registry, and may be asked again. */
    @FunctionalInterface
    interface Asking<T> {
        T ask() throws IOException;
    }

    /** Asks until the answer is one, or it is not worth it any more. */
    <T> T asking(Task task, Asking<T> asking) {
        var backoff = new Backoff(retries());
        while (true) {
            try {
                return asking.ask();
            } catch (IOException e) {
                if (isUnreachable(e) || e instanceof SSLException || !backoff.allowsAnother()) {
                    throw failed(e, task);
                }
                backoff.await(e instanceof PassingException passing ? passing.pause() : Duration.ZERO, task);
            }
        }
    }

    /** Otherwise throws what the refusal means; a {@link PassingException} if it may pass. */
    void requireSuccess(Response response, String what, Task task) throws IOException {
        requireSuccess(response, what, Refusal::isPassing, task);
    }

    /** @param isPassing which refusals may be another answer soon */
    void requireSuccess(Response response, String what, Predicate<Refusal> isPassing, Task task) throws IOException {
        if (response.isSuccess()) {
            return;
        }
        var refusal = Refusal.read(response);
        var exception = refusal.exception(location, what, known(), task);
        if (isPassing.test(refusal)) {
            throw new PassingException(exception, refusal.pause());
        }
        throw exception;
    }

    /** Refuses what is meant for people: a page to log in, say. */
    void requireJson(Response response, String what, Task task) {
        var type = response.header("Content-Type").orElse("application/json");
        if (!type.toLowerCase(Locale.ROOT).contains("json")) {
            throw new RegistryException(
                    task.cannot() + ": " + location.registry() + " answered with something else than a " + what,
                    Map.of("contentType", Shown.text(type)),
                    "see whether it is a registry");
        }
    }

    /**
     * Asks the least that can be asked, whatever the answer.
     *
     * @throws RegistryException if there is nobody to answer
     */
    void begin(Task task) {
        asking(task, () -> {
            try (var response = follow(Request.of("GET", location.endpoint().url("/v2/")), Optional.empty(), task)) {
                response.drain();
                return response.status();
            }
        });
    }

    boolean known() {
        return authentication.hasCredentials();
    }

    /** Sends a request, and again if the registry asks who it comes from. */
    Response exchange(Request request, Set<Scope> scopes, Task task) throws IOException {
        return authenticated(request, scopes, count -> {}, task);
    }

    /** @param sent is told how many more bytes of the content were read */
    Response authenticated(Request request, Set<Scope> scopes, LongConsumer sent, Task task) throws IOException {
        var said = authentication.authorization(location.endpoint(), location.registry(), scopes, task);
        var response = follow(request, said, sent, task);
        if (response.status() != 401) {
            return response;
        }
        var again = authentication.authorizationAfter(
                response, location.endpoint(), location.registry(), scopes, said, task);
        if (again.isEmpty()) {
            return response;
        }
        response.drain();
        response.close();
        return follow(request, again, sent, task);
    }

    Response follow(Request request, Optional<String> authorization, Task task) throws IOException {
        return follow(request, authorization, count -> {}, task);
    }

    /** Sends a request; where it asks for content, also to where the answer points. */
    private Response follow(Request request, Optional<String> authorization, LongConsumer sent, Task task)
            throws IOException {
        var current = request;
        for (var redirects = 0; ; redirects++) {
            var server = Endpoint.of(current.url());
            var isRegistry = server.equals(location.endpoint());
            var shown = isRegistry && authorization.isPresent()
                    ? current.header("Authorization", authorization.get())
                    : current;
            var response = transport.send(isRegistry ? location.registry() : "", shown, sent, task);
            if (isRegistry) {
                schemes.put(location.registry(), server.scheme());
            }
            var target = response.isRedirect() && request.content().isEmpty()
                    ? response.header("Location")
                    : Optional.<String>empty();
            if (target.isEmpty()) {
                return response;
            }
            response.drain();
            response.close();
            if (redirects == MOST_REDIRECTS) {
                throw new RegistryException(task.cannot() + ": " + location.registry() + " redirects more than "
                        + MOST_REDIRECTS + " times");
            }
            current = current.to(resolve(server, current.url(), target.get(), task));
        }
    }

    /** Where an answer points to. */
    URI resolve(Endpoint server, URI base, String target, Task task) {
        try {
            var url = base.resolve(target);
            if (url.getHost() != null && isAllowed(server, url)) {
                return url;
            }
        } catch (IllegalArgumentException e) {
            // the same as one that is not allowed
        }
        throw new RegistryException(
                task.cannot() + ": " + location.registry() + " redirects to where it must not",
                Map.of("target", Shown.text(target)),
                "");
    }

    /** Never from TLS to plain HTTP, nor from another host to this one. */
    boolean isAllowed(Endpoint from, URI url) {
        var scheme = url.getScheme();
        if (!"https".equals(scheme) && !"http".equals(scheme) || url.getUserInfo() != null) {
            return false;
        }
        var to = Endpoint.of(url);
        var isInsecure = to.scheme().equals("http")
                && from.scheme().equals("https")
                && !transport.options().insecure().contains(to.authority());
        return !isInsecure && (!to.isLoopback() || location.endpoint().isLoopback());
    }

    /** Whether the registry turned out to speak another scheme than is spoken here. */
    boolean isRuledOut() {
        var scheme = location.endpoint().scheme();
        return !schemes.getOrDefault(location.registry(), scheme).equals(scheme);
    }
}
