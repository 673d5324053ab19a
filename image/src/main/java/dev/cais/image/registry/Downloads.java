package dev.cais.image.registry;

import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.EngineException;
import java.io.IOException;
import java.net.URI;
import java.util.Optional;
import java.util.Set;

/**
 * The requests for blobs of a repository.
 *
 * @see <a href="https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-blobs">OCI distribution spec 1.1.1, Pulling
 *     blobs</a>
 */
final class Downloads implements BlobSource {
    private final Conversation conversation;
    private final Location location;

    Downloads(Conversation conversation) {
        this.conversation = conversation;
        this.location = conversation.location();
    }

    /** Whether the registry has a blob. */
    boolean has(Digest digest, Task task) {
        var what = "blob " + digest;
        return conversation.asking(task, () -> {
            var request = Request.of("HEAD", location.url("blobs", digest.toString()));
            try (var response = conversation.exchange(request, pullScope(), task)) {
                if (response.status() == 404) {
                    return false;
                }
                conversation.requireSuccess(response, what, task);
                return true;
            }
        });
    }

    @Override
    public Response open(Descriptor blob, long offset, Task task) throws IOException {
        var what = "blob " + blob.digest();
        var request = Request.of("GET", location.url("blobs", blob.digest().toString()))
                .from(offset);
        var response = conversation.authenticated(request, pullScope(), count -> {}, task);
        if (response.isSuccess() || response.status() == 416) {
            return response;
        }
        var refusal = Refusal.read(response);
        if (refusal.status() == 404) {
            for (var url : blob.urls()) {
                var foreign = openForeign(url, offset, task);
                if (foreign.isPresent()) {
                    return foreign.get();
                }
            }
        }
        if (refusal.isPassing()) {
            throw new Conversation.PassingException(
                    refusal.exception(location, what, conversation.known(), task), refusal.pause());
        }
        throw refusal.exception(location, what, conversation.known(), task);
    }

    /** Content that a manifest says is somewhere else: asked for as nobody, over HTTPS. */
    private Optional<Response> openForeign(String text, long offset, Task task) throws IOException {
        URI url;
        try {
            url = URI.create(text);
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
        if (url.getHost() == null || !conversation.isAllowed(location.endpoint(), url)) {
            return Optional.empty();
        }
        var response = conversation.follow(Request.of("GET", url).from(offset), Optional.empty(), task);
        if (response.isSuccess() || response.status() == 416) {
            return Optional.of(response);
        }
        response.close();
        return Optional.empty();
    }

    private Set<Scope> pullScope() {
        return Set.of(Scope.pull(location.repository()));
    }

    @Override
    public int retries() {
        return conversation.retries();
    }

    @Override
    public EngineException failed(IOException failure, Task task) {
        return conversation.failed(failure, task);
    }

    @Override
    public String toString() {
        return location.toString();
    }
}
