package dev.cais.image.registry;

import dev.cais.Digest;
import dev.cais.EngineException;
import dev.cais.RegistryException;
import java.io.IOException;
import java.net.URI;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongConsumer;

/**
 * The requests by which blobs come to a repository.
 *
 * @see <a href="https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs">OCI distribution spec 1.1.1, Pushing
 *     blobs</a>
 */
final class Uploads {
    private final Conversation conversation;
    private final Location location;

    Uploads(Conversation conversation) {
        this.conversation = conversation;
        this.location = conversation.location();
    }

    /** Whether the registry took a blob over from another of its repositories. */
    boolean mount(Digest digest, String repository, Task task) {
        var query = new LinkedHashMap<String, String>();
        query.put("mount", digest.toString());
        query.put("from", repository);
        var url = Endpoint.withQuery(location.url("blobs", "uploads/"), query);
        var scopes = Set.of(Scope.push(location.repository()), Scope.pull(repository));
        try {
            return conversation.asking(task, () -> {
                try (var response = conversation.exchange(empty("POST", url), scopes, task)) {
                    response.drain();
                    if (response.status() == 202) { // it would rather have it sent
                        cancel(response, task);
                    }
                    return response.status() == 201;
                }
            });
        } catch (RegistryException e) {
            return false; // perhaps only that repository is refused; sending it will tell
        }
    }

    private void cancel(Response begun, Task task) throws IOException {
        var target = begun.header("Location");
        if (target.isPresent()) {
            var url = conversation.resolve(location.endpoint(), begun.url(), target.get(), task);
            try (var response = conversation.exchange(Request.of("DELETE", url), pushScope(), task)) {
                response.drain();
            }
        }
    }

    /** Begins an upload; gives where to send it. */
    URI begin(String what, Task task) throws IOException {
        try (var response =
                conversation.exchange(empty("POST", location.url("blobs", "uploads/")), pushScope(), task)) {
            conversation.requireSuccess(response, what, task);
            response.drain();
            return uploadLocation(response, task);
        }
    }

    /** How many bytes of an upload have come; empty if the registry has given it up. */
    Optional<State> state(URI upload, Task task) throws IOException {
        try (var response = conversation.exchange(Request.of("GET", upload), pushScope(), task)) {
            response.drain();
            return response.isSuccess()
                    ? Optional.of(new State(uploadLocation(response, task), received(response)))
                    : Optional.empty();
        }
    }

    /**
     * How far an upload has come.
     *
     * @param url where to go on
     * @param received bytes
     */
    record State(URI url, long received) {}

    /** Sends a part of an upload, of which the registry may keep the beginning alone. */
    State patch(URI upload, long offset, Request.Content part, LongConsumer sent, String what, Task task)
            throws IOException {
        var request = Request.of("PATCH", upload)
                .content("application/octet-stream", part)
                .header("Content-Range", offset + "-" + (offset + part.length() - 1));
        try (var response = conversation.authenticated(request, pushScope(), sent, task)) {
            conversation.requireSuccess(response, what, task);
            response.drain();
            var sentUpTo = offset + part.length();
            var received = response.header("Range").isPresent() ? received(response) : sentUpTo;
            if (received <= offset || received > sentUpTo) {
                throw new IOException("it says that it has " + received + " bytes after " + offset + " to " + sentUpTo
                        + " were sent");
            }
            return new State(uploadLocation(response, task), received);
        }
    }

    /** Ends an upload, perhaps with its content. */
    void put(URI upload, Digest digest, Request.Content content, LongConsumer sent, String what, Task task)
            throws IOException {
        var url = Endpoint.withQuery(upload, Map.of("digest", digest.toString()));
        var request = Request.of("PUT", url).content("application/octet-stream", content);
        try (var response = conversation.authenticated(request, pushScope(), sent, task)) {
            conversation.requireSuccess(response, what, task);
            response.drain();
        }
    }

    private URI uploadLocation(Response response, Task task) {
        var target = response.header("Location")
                .orElseThrow(() -> new RegistryException(
                        task.cannot() + ": " + location.registry() + " does not say where to send a blob"));
        return conversation.resolve(location.endpoint(), response.url(), target, task);
    }

    /** By a header as in {@code 0-1023}. */
    private static long received(Response response) {
        var range = response.header("Range").orElse("");
        var last = range.substring(range.lastIndexOf('-') + 1);
        try {
            var end = last.isEmpty() ? -1 : Long.parseLong(last);
            return end <= 0 ? 0 : end + 1; // an empty upload says 0-0
        } catch (NumberFormatException e) {
            return 0;
        }
    }

    private static Request empty(String method, URI url) {
        return Request.of(method, url).content("application/octet-stream", Request.Content.NONE);
    }

    private Set<Scope> pushScope() {
        return Set.of(Scope.push(location.repository()));
    }

    int retries() {
        return conversation.retries();
    }

    EngineException failed(IOException failure, Task task) {
        return conversation.failed(failure, task);
    }
}
