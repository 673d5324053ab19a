package dev.cais.image.registry;

import dev.cais.BuildCache;
import dev.cais.ByteSize;
import dev.cais.CorruptContentException;
import dev.cais.Descriptor;
import dev.cais.EngineException;
import dev.cais.NotFoundException;
import dev.cais.RateLimitedException;
import dev.cais.RegistryException;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.Shown;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The cache service of GitHub Actions, by version 2 of its protocol: entries that have a key, and are written once. What they hold is on
 * another server, where the service's signed URLs lead to; these are secrets like the token, which that server does not get. Redirects
 * are not followed. For many threads.
 *
 * @see <a href="https://github.com/actions/toolkit/blob/main/packages/cache/src/generated/results/api/v1/cache.ts">The messages, as
 *     GitHub's own client has them</a>
 * @see <a href="https://twitchtv.github.io/twirp/docs/spec_v7.html">Twirp wire protocol, version 7</a>
 */
public final class ActionsCache {
    private static final String METHODS = "twirp/github.actions.results.api.v1.CacheService/";
    private static final int LARGEST_ANSWER = 64 * 1024;
    private static final int CONFLICT = 409;

    /** Of BuildKit's entries: those of others are not seen. */
    private static final String VERSION = Hash.sha256("|go-actionscache-1.0".getBytes(StandardCharsets.US_ASCII))
            .hex();

    private final URI service;
    private final String token;
    private final Transport transport;
    private final Conversation conversation;

    ActionsCache(BuildCache.GitHubActions cache, Transport transport) {
        var url = cache.url().toString();
        this.service = URI.create(url.endsWith("/") ? url : url + "/");
        this.token = cache.token();
        this.transport = transport;
        this.conversation = conversation(Endpoint.of(service), transport);
    }

    /** With a server, as nobody. */
    private static Conversation conversation(Endpoint server, Transport transport) {
        return new Conversation(
                new Location(server.authority(), server, ""),
                transport,
                new Authentication(transport, task -> Optional.empty()),
                new ConcurrentHashMap<>());
    }

    /**
     * An entry.
     *
     * @param url signed, to fetch it
     */
    public record Entry(String key, URI url) {
        /** Without the URL. */
        @Override
        public String toString() {
            return Shown.text(key);
        }
    }

    /** @throws RegistryException if the token cannot be used, see {@link ActionsToken} */
    public ActionsToken token(Task task) {
        return ActionsToken.parse(token, task);
    }

    /** The entry with this key, in the scopes of the token. */
    public Optional<Entry> find(String key, Task task) {
        return find(key, List.of(), task).filter(entry -> entry.key().equals(key));
    }

    /** The newest entry whose key begins so. */
    public Optional<Entry> newest(String prefix, Task task) {
        return find(prefix, List.of(prefix), task).filter(entry -> entry.key().startsWith(prefix));
    }

    private Optional<Entry> find(String key, List<String> prefixes, Task task) {
        var asked = asked(key);
        asked.put("restore_keys", prefixes);
        return call("GetCacheEntryDownloadURL", asked, task)
                .filter(answer -> answer.flag("ok"))
                .map(answer -> new Entry(answer.text("matched_key"), signed(answer, "signed_download_url", task)));
    }

    private static Map<String, Object> asked(String key) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("key", key);
        fields.put("version", VERSION);
        return fields;
    }

    /** The whole of a small entry. */
    public byte[] read(Entry entry, ByteSize limit, Task task) {
        var server = conversation(Endpoint.of(entry.url()), transport);
        return server.asking(task, () -> {
            try (var response = transport.send("", Request.of("GET", entry.url()), task)) {
                requireSuccess(response, server, "cache entry " + entry, task);
                return response.bytes(limit.bytes(), "cache entry " + entry);
            }
        });
    }

    /**
     * A blob that an entry holds, while it arrives. Broken connections are mended.
     *
     * @param retrying is run before each pause
     */
    public BlobStream blob(String key, Descriptor blob, long offset, Runnable retrying, Task task) {
        return new BlobStream(new Download(key), blob, offset, retrying, task);
    }

    private final class Download implements BlobSource {
        private final String key;

        Download(String key) {
            this.key = key;
        }

        /** Asks for the URL each time: the one before may have expired. */
        @Override
        public Response open(Descriptor blob, long offset, Task task) throws IOException {
            var entry = find(key, task)
                    .orElseThrow(() ->
                            new NotFoundException(task.cannot() + ": " + this + " has no entry " + key, Map.of(), ""));
            var response = transport.send("", Request.of("GET", entry.url()).from(offset), task);
            if (response.status() != 416) {
                requireSuccess(response, conversation(Endpoint.of(entry.url()), transport), "blob of " + entry, task);
            }
            return response;
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
            return conversation.location().registry();
        }
    }

    /**
     * Writes an entry, in the scope that the token is for. If that breaks off, the entry is never seen; nothing can take it back.
     *
     * @return false if there is one with this key already, or somebody is about to write it
     */
    public boolean add(String key, Repository.Upload upload, Task task) {
        var made = call("CreateCacheEntry", asked(key), task);
        if (made.isEmpty()) {
            return false;
        }
        requireOk(made.get(), key, task);
        var url = signed(made.get(), "signed_upload_url", task);
        new BlockBlob(url, conversation(Endpoint.of(url), transport), transport).put(upload, task);
        var written = asked(key);
        written.put("size_bytes", Long.toString(upload.blob().size().bytes())); // so protobuf writes 64 bits
        var finished = call("FinalizeCacheEntryUpload", written, task);
        if (finished.isPresent()) { // else it was, and the answer was lost
            requireOk(finished.get(), key, task);
        }
        return true;
    }

    private void requireOk(JsonObject answer, String key, Task task) {
        if (!answer.flag("ok")) {
            throw new RegistryException(
                    task.cannot() + ": " + conversation.location().registry() + " does not take cache entry " + key);
        }
    }

    /** Where the service says that something is. */
    private URI signed(JsonObject answer, String field, Task task) {
        try {
            var url = URI.create(answer.text(field));
            if (url.getHost() != null && conversation.isAllowed(Endpoint.of(service), url)) {
                return url;
            }
        } catch (IllegalArgumentException e) {
            // the same as one that is not allowed
        }
        throw new RegistryException(
                task.cannot() + ": " + conversation.location().registry() + " names a place where it must not lead to");
    }

    /** Empty if there is such an entry already. */
    private Optional<JsonObject> call(String method, Map<String, Object> asked, Task task) {
        var unused = token(task);
        var content = JsonObject.write(asked);
        var request = Request.of("POST", service.resolve(METHODS + method))
                .content(
                        "application/json",
                        new Request.Content(content.length, () -> new ByteArrayInputStream(content)))
                .header("Authorization", "Bearer " + token);
        return conversation.asking(task, () -> {
            try (var response = transport.send("", request, task)) {
                if (response.status() == CONFLICT) {
                    response.drain();
                    return Optional.empty();
                }
                requireSuccess(response, conversation, method, task);
                return Optional.of(parse(response.body().readNBytes(LARGEST_ANSWER), task));
            }
        });
    }

    /** What is longer than an answer may be has no end here. */
    private JsonObject parse(byte[] said, Task task) {
        try {
            return JsonObject.parse(said, "the answer");
        } catch (CorruptContentException e) { // whose cause may show a part, and so a signed URL
            throw new RegistryException(task.cannot() + ": "
                    + conversation.location().registry() + " answered with something else than JSON");
        }
    }

    /** Otherwise throws what the refusal means, and nothing that was said of it but a code. */
    static void requireSuccess(Response response, Conversation server, String what, Task task) throws IOException {
        if (response.isSuccess()) {
            return;
        }
        var refusal = Refusal.read(response);
        var exception = exception(refusal, server.location().registry(), what, task);
        if (refusal.isPassing()) {
            throw new Conversation.PassingException(exception, refusal.pause());
        }
        throw exception;
    }

    private static EngineException exception(Refusal refusal, String server, String what, Task task) {
        var facts = Map.of("status", refusal.status());
        return switch (refusal.status()) {
            case 401, 403 ->
                new RegistryException(
                        task.cannot() + ": " + server + " refused " + what, facts, "see what the token is for");
            case 404 -> new NotFoundException(task.cannot() + ": " + server + " has no " + what, Map.of(), "");
            case 429 ->
                new RateLimitedException(
                        task.cannot() + ": " + server + " has had too many requests",
                        facts,
                        "wait",
                        refusal.retryAfter());
            default -> new RegistryException(task.cannot() + ": " + server + " refused " + what, facts, "");
        };
    }
}
