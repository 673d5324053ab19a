package dev.cais.image.registry;

import dev.cais.ByteSize;
import dev.cais.CorruptContentException;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.EngineException;
import dev.cais.InvalidSpecException;
import dev.cais.NotFoundException;
import dev.cais.RegistryException;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.MediaType;
import dev.cais.image.oci.Shown;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpConnectTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongConsumer;
import java.util.stream.Collectors;
import javax.net.ssl.SSLException;

/**
 * A repository of a registry: the one class that speaks the distribution protocol.
 *
 * <p>A request that fails for a reason that may pass (a broken connection, 429, 5xx) is repeated, with growing pauses or after the
 * time that the registry names. One that asks for content follows redirects, without credentials as soon as they lead to
 * another server.
 *
 * @see <a href="https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md">OCI distribution spec 1.1.1</a>
 */
public final class Repository {
    private static final int MOST_REDIRECTS = 5;
    private static final String ACCEPTED = Arrays.stream(MediaType.values())
                    .filter(type -> type.kind() == MediaType.Kind.MANIFEST || type.kind() == MediaType.Kind.INDEX)
                    .map(MediaType::toString)
                    .collect(Collectors.joining(", "))
            + ", application/vnd.docker.distribution.manifest.v1+prettyjws";

    private final Location location;
    private final Transport transport;
    private final Authentication authentication;
    private final Map<String, String> schemes;

    /** @param schemes what registries were found to speak, by name */
    Repository(Location location, Transport transport, Authentication authentication, Map<String, String> schemes) {
        this.location = location;
        this.transport = transport;
        this.authentication = authentication;
        this.schemes = schemes;
    }

    /**
     * A manifest or an index.
     *
     * @param mediaType as the registry says
     * @param digest of the bytes
     */
    public record Document(String mediaType, Digest digest, byte[] bytes) {}

    /**
     * The digest of what a tag stands for now, in one small request.
     *
     * @return empty if the registry does not tell it so
     * @throws NotFoundException if there is no such tag
     */
    public Optional<Digest> head(String tag, Task task) {
        var request = Request.of("HEAD", url("manifests", tag)).header("Accept", ACCEPTED);
        return asking(task, () -> {
            try (var response = exchange(request, pullScope(), task)) {
                if (response.status() == 405 || response.status() == 400) {
                    return Optional.empty();
                }
                requireSuccess(response, "manifest " + tag, task);
                return response.header("Docker-Content-Digest").map(text -> parseDigest(text, task));
            }
        });
    }

    /**
     * A manifest or an index, checked against its digest.
     *
     * @param reference a tag or a digest
     * @param limit bytes
     * @throws NotFoundException if there is none
     * @throws CorruptContentException if it is too large, or is not what its digest says
     */
    public Document manifest(String reference, ByteSize limit, Task task) {
        var request = Request.of("GET", url("manifests", reference)).header("Accept", ACCEPTED);
        var what = "manifest " + reference;
        return asking(task, () -> {
            try (var response = exchange(request, pullScope(), task)) {
                requireSuccess(response, what, task);
                var bytes = response.bytes(limit.bytes(), what + " of " + location);
                var promised = reference.indexOf(':') >= 0
                        ? Optional.of(Digest.parse(reference))
                        : response.header("Docker-Content-Digest").map(text -> parseDigest(text, task));
                promised.ifPresent(digest -> Hash.require(digest, bytes, what + " of " + location));
                var mediaType = response.header("Content-Type")
                        .orElse("")
                        .split(";", 2)[0]
                        .strip();
                return new Document(mediaType, promised.orElseGet(() -> Hash.sha256(bytes)), bytes);
            }
        });
    }

    /** Whether the registry has a blob. */
    public boolean hasBlob(Digest digest, Task task) {
        var what = "blob " + digest;
        return asking(task, () -> {
            var request = Request.of("HEAD", url("blobs", digest.toString()));
            try (var response = exchange(request, pullScope(), task)) {
                if (response.status() == 404) {
                    return false;
                }
                requireSuccess(response, what, task);
                return true;
            }
        });
    }

    /** A small blob, checked against its digest. */
    public byte[] smallBlob(Descriptor blob, ByteSize limit, Task task) {
        var what = "blob " + blob.digest() + " of " + location;
        if (blob.size().bytes() > limit.bytes()) {
            throw new CorruptContentException(
                    "cannot read " + what + ": its " + blob.size().bytes() + " bytes are more than the limit of "
                            + limit,
                    "raise ImageLimits.manifestSize");
        }
        try (var content = blob(blob, 0, () -> {}, task)) {
            var bytes = content.readNBytes((int) blob.size().bytes());
            content.requireEnd();
            Hash.require(blob.digest(), bytes, what);
            return bytes;
        } catch (IOException e) {
            throw failed(e, task);
        }
    }

    /**
     * A blob while it arrives, from some byte on. Broken connections are mended.
     *
     * @param retrying is run before each pause
     */
    public BlobStream blob(Descriptor blob, long offset, Runnable retrying, Task task) {
        return new BlobStream(this, blob, offset, retrying, task);
    }

    int retries() {
        return transport.options().retries();
    }

    /** One try to get a blob's bytes from some byte on; the answer is a success. */
    Response openBlob(Descriptor blob, long offset, Task task) throws IOException {
        var what = "blob " + blob.digest();
        var request = ranged(Request.of("GET", url("blobs", blob.digest().toString())), offset);
        var response = authenticated(request, pullScope(), count -> {}, task);
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
            throw new PassingException(refusal.exception(location, what, known(), task), refusal.pause());
        }
        throw refusal.exception(location, what, known(), task);
    }

    /** Content that a manifest says is somewhere else: asked for as nobody, over HTTPS. */
    private Optional<Response> openForeign(String text, long offset, Task task) throws IOException {
        URI url;
        try {
            url = URI.create(text);
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
        if (url.getHost() == null || !isAllowed(location.endpoint(), url)) {
            return Optional.empty();
        }
        var response = follow(ranged(Request.of("GET", url), offset), Optional.empty(), task);
        if (response.isSuccess() || response.status() == 416) {
            return Optional.of(response);
        }
        response.close();
        return Optional.empty();
    }

    private static Request ranged(Request request, long offset) {
        return offset == 0 ? request : request.header("Range", "bytes=" + offset + "-");
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
    private interface Asking<T> {
        T ask() throws IOException;
    }

    private <T> T asking(Task task, Asking<T> asking) {
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

    private void requireSuccess(Response response, String what, Task task) throws IOException {
        if (response.isSuccess()) {
            return;
        }
        var refusal = Refusal.read(response);
        var exception = refusal.exception(location, what, known(), task);
        if (refusal.isPassing()) {
            throw new PassingException(exception, refusal.pause());
        }
        throw exception;
    }

    private boolean known() {
        return authentication.hasCredentials();
    }

    private Response exchange(Request request, Set<Scope> scopes, Task task) throws IOException {
        return authenticated(request, scopes, count -> {}, task);
    }

    private Response authenticated(Request request, Set<Scope> scopes, LongConsumer sent, Task task)
            throws IOException {
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

    private Response follow(Request request, Optional<String> authorization, Task task) throws IOException {
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

    private URI resolve(Endpoint server, URI base, String target, Task task) {
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
    private boolean isAllowed(Endpoint from, URI url) {
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

    /**
     * A blob to send.
     *
     * @param source a new stream of it from some byte on; closed when it was read
     */
    public record Upload(Descriptor blob, Source source) {
        /** Opens content at some byte. */
        @FunctionalInterface
        public interface Source {
            InputStream open(long offset) throws IOException;
        }
    }

    /** Is told how far an upload has come. */
    public interface UploadProgress {
        /** @param bytes that were sent and not yet refused; less than before after a failure */
        void sent(long bytes);

        /** Something failed; it is tried again after a pause. */
        void retrying();
    }

    /**
     * Sends a blob that the registry does not have; best by mounting it from another of its repositories.
     *
     * @param from repositories of this registry that may have it
     * @param chunk the most bytes in one request
     * @return whether it was mounted, and nothing sent
     * @see <a href="https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs">OCI distribution
     *     spec 1.1.1, Pushing blobs</a>
     */
    public boolean upload(Upload upload, Set<String> from, ByteSize chunk, UploadProgress progress, Task task) {
        for (var repository : from) {
            if (mount(upload.blob().digest(), repository, task)) {
                return true;
            }
        }
        new BlobUpload(this, upload, chunk, progress, task).run();
        return false;
    }

    private boolean mount(Digest digest, String repository, Task task) {
        var query = new LinkedHashMap<String, String>();
        query.put("mount", digest.toString());
        query.put("from", repository);
        var url = Endpoint.withQuery(url("blobs", "uploads/"), query);
        var scopes = Set.of(Scope.push(location.repository()), Scope.pull(repository));
        try {
            return asking(task, () -> {
                try (var response = exchange(empty("POST", url), scopes, task)) {
                    response.drain();
                    if (response.status() == 202) { // it would rather have it sent
                        cancelUpload(response, task);
                    }
                    return response.status() == 201;
                }
            });
        } catch (RegistryException e) {
            return false; // perhaps only that repository is refused; sending it will tell
        }
    }

    private void cancelUpload(Response begun, Task task) throws IOException {
        var target = begun.header("Location");
        if (target.isPresent()) {
            var url = resolve(location.endpoint(), begun.url(), target.get(), task);
            try (var response = exchange(Request.of("DELETE", url), pushScope(), task)) {
                response.drain();
            }
        }
    }

    /** Begins an upload; gives where to send it. */
    URI beginUpload(String what, Task task) throws IOException {
        try (var response = exchange(empty("POST", url("blobs", "uploads/")), pushScope(), task)) {
            requireSuccess(response, what, task);
            response.drain();
            return uploadLocation(response, task);
        }
    }

    /** How many bytes of an upload have come; empty if the registry has given it up. */
    Optional<UploadState> uploadState(URI upload, Task task) throws IOException {
        try (var response = exchange(Request.of("GET", upload), pushScope(), task)) {
            response.drain();
            return response.isSuccess()
                    ? Optional.of(new UploadState(uploadLocation(response, task), received(response)))
                    : Optional.empty();
        }
    }

    /**
     * How far an upload has come.
     *
     * @param url where to go on
     * @param received bytes
     */
    record UploadState(URI url, long received) {}

    /** Sends a part of an upload. */
    UploadState patch(URI upload, long offset, Request.Content part, LongConsumer sent, String what, Task task)
            throws IOException {
        var request = Request.of("PATCH", upload)
                .content("application/octet-stream", part)
                .header("Content-Range", offset + "-" + (offset + part.length() - 1));
        try (var response = authenticated(request, pushScope(), sent, task)) {
            requireSuccess(response, what, task);
            response.drain();
            return new UploadState(uploadLocation(response, task), offset + part.length());
        }
    }

    /** Ends an upload, perhaps with its content. */
    void put(URI upload, Digest digest, Request.Content content, LongConsumer sent, String what, Task task)
            throws IOException {
        var url = Endpoint.withQuery(upload, Map.of("digest", digest.toString()));
        var request = Request.of("PUT", url).content("application/octet-stream", content);
        try (var response = authenticated(request, pushScope(), sent, task)) {
            requireSuccess(response, what, task);
            response.drain();
        }
    }

    private URI uploadLocation(Response response, Task task) {
        var target = response.header("Location")
                .orElseThrow(() -> new RegistryException(
                        task.cannot() + ": " + location.registry() + " does not say where to send a blob"));
        return resolve(location.endpoint(), response.url(), target, task);
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

    /**
     * Puts a manifest or an index whose parts are there.
     *
     * @param reference a tag or a digest
     */
    public void putManifest(String reference, Document document, Task task) {
        var bytes = document.bytes();
        var request = Request.of("PUT", url("manifests", reference))
                .content(
                        document.mediaType(), new Request.Content(bytes.length, () -> new ByteArrayInputStream(bytes)));
        var what = "manifest " + reference;
        asking(task, () -> {
            try (var response = exchange(request, pushScope(), task)) {
                requireSuccess(response, what, task);
                response.drain();
                var stored = response.header("Docker-Content-Digest")
                        .map(text -> parseDigest(text, task))
                        .orElse(document.digest());
                if (!stored.equals(document.digest())) {
                    throw new RegistryException(
                            task.cannot() + ": " + location.registry() + " has stored another manifest than was sent",
                            Map.of("sent", document.digest(), "stored", stored),
                            "");
                }
                return stored;
            }
        });
    }

    private Digest parseDigest(String text, Task task) {
        try {
            return Digest.parse(text);
        } catch (InvalidSpecException e) {
            throw new RegistryException(
                    task.cannot() + ": " + location.registry() + " answered with something that is no digest",
                    Map.of("digest", Shown.text(text)),
                    "");
        }
    }

    private Set<Scope> pullScope() {
        return Set.of(Scope.pull(location.repository()));
    }

    private Set<Scope> pushScope() {
        return Set.of(Scope.push(location.repository()));
    }

    private URI url(String kind, String last) {
        return location.endpoint().url("/v2/" + location.repository() + "/" + kind + "/" + last);
    }

    /** Whether the registry turned out to speak another scheme than is spoken here. */
    public boolean isRuledOut() {
        var scheme = location.endpoint().scheme();
        return !schemes.getOrDefault(location.registry(), scheme).equals(scheme);
    }

    /** As in {@code localhost:5000/library/busybox}. */
    @Override
    public String toString() {
        return location.toString();
    }
}
