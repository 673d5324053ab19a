package dev.cais.image;

import dev.cais.BuildCache;
import dev.cais.ByteSize;
import dev.cais.CorruptContentException;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.Layer;
import dev.cais.NotFoundException;
import dev.cais.ProgressEvent;
import dev.cais.RegistryException;
import dev.cais.image.oci.CacheConfig;
import dev.cais.image.oci.DescribedCacheConfig;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.Shown;
import dev.cais.image.registry.ActionsCache;
import dev.cais.image.registry.ActionsToken;
import dev.cais.image.registry.Repository;
import dev.cais.image.registry.Task;
import dev.cais.storage.Store;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * A build cache in GitHub Actions, as BuildKit lays it out: an entry for each blob, and for each scope of the token an index, which is a
 * {@link DescribedCacheConfig}. Entries are written once, so an index has a number, and the newest one counts.
 */
final class GitHubActionsCache implements CachePlace {
    private static final String FORM = "1";
    private static final int SHORT_HASH = 8;
    private static final Pattern NUMBER = Pattern.compile("[0-9]{1,15}");
    private static final Duration PAUSE = Duration.ofMillis(500);
    /** How often one waits for somebody else who is about to write; then he has died doing so. */
    private static final int MOST_PAUSES = 30;

    private static final int MOST_TRIES = MOST_PAUSES + 30;

    private final ActionsCache service;
    private final Store store;
    private final ImageLimits limits;
    private final BuildCache.GitHubActions cache;
    private final Consumer<ProgressEvent> listener;
    /** Blobs that it did not have when it was asked: it need not be asked again. */
    private final Set<Digest> missing = ConcurrentHashMap.newKeySet();

    GitHubActionsCache(
            ActionsCache service,
            Store store,
            ImageLimits limits,
            BuildCache.GitHubActions cache,
            Consumer<ProgressEvent> listener) {
        this.service = service;
        this.store = store;
        this.limits = limits;
        this.cache = cache;
        this.listener = listener;
    }

    private Task task() {
        return new Task("use the build cache in " + cache, cache.timeout(), "raise BuildCache.GitHubActions.timeout");
    }

    /** The keys of a scope's indexes, but for their number. */
    private String indexes(ActionsToken.Scope scope) {
        var hash = Hash.sha256(scope.name().getBytes(StandardCharsets.UTF_8)).hex();
        return "index-" + cache.scope() + "-" + FORM + "-" + hash.substring(0, SHORT_HASH) + "#";
    }

    private static String key(Digest blob) {
        return "buildkit-blob-" + FORM + "-" + blob;
    }

    @Override
    public KnownSteps read() {
        var task = task();
        var known = new ArrayList<KnownSteps>();
        for (var scope : service.token(task).scopes()) {
            if (scope.isReadable()) {
                service.newest(indexes(scope), task).ifPresent(index -> known.add(read(index, task)));
            }
        }
        if (known.isEmpty()) {
            throw new NotFoundException(task.cannot() + ": nobody has left one there", Map.of(), "");
        }
        return KnownSteps.of(known);
    }

    private KnownSteps read(ActionsCache.Entry index, Task task) {
        var content = service.read(index, limits.manifestSize(), task);
        var described = DescribedCacheConfig.parse(content, "the build cache in " + cache);
        return KnownSteps.read(described.config(), described.layers(), limits);
    }

    @Override
    public void fetch(Layer layer) {
        var blob = Descriptor.of(layer.mediaType(), layer.blob(), layer.size());
        LayerFetch.Remote remote =
                (wanted, offset, retrying, task) -> service.blob(key(wanted.digest()), wanted, offset, retrying, task);
        try (var progress = new Progress(listener)) {
            progress.expect(List.of(blob));
            new LayerFetch(store, limits, remote, blob, layer.diffId(), false, progress.layer(blob), task()).run();
        }
    }

    /** Only who may write asks this. */
    @Override
    public boolean has(Layer layer) {
        var task = task();
        var unused = writable(task);
        var isThere = service.find(key(layer.blob()), task).isPresent();
        if (!isThere) {
            missing.add(layer.blob());
        }
        return isThere;
    }

    /** If somebody else is sending it, that is as good. */
    @Override
    public void put(Descriptor blob, Content content) {
        var task = task();
        var key = key(blob.digest());
        var unusedScope = writable(task);
        var unused = !missing.contains(blob.digest()) && service.find(key, task).isPresent()
                || service.add(
                        key,
                        new Repository.Upload(blob, offset -> {
                            var in = content.open();
                            in.skipNBytes(offset);
                            return in;
                        }),
                        task);
    }

    private ActionsToken.Scope writable(Task task) {
        return service.token(task)
                .writable()
                .orElseThrow(() -> new RegistryException(
                        task.cannot() + ": the token may write nowhere", "leave out BuildSpec.cacheTo in such jobs"));
    }

    /** Of several who do this at once the last one counts. */
    @Override
    public void publish(KnownSteps.Written written) {
        var task = task();
        var indexes = indexes(writable(task));
        var content = new DescribedCacheConfig(written.config(), written.layers()).toBytes();
        var upload = new Repository.Upload(
                Descriptor.of(CacheConfig.MEDIA_TYPE, Hash.sha256(content), ByteSize.bytes(content.length)),
                offset -> new ByteArrayInputStream(content, (int) offset, content.length));
        var number = newest(indexes, task) + 1;
        for (var tries = 1; !service.add(indexes + number, upload, task); tries++) {
            if (tries == MOST_TRIES) {
                throw new RegistryException(task.cannot() + ": others write it all the time");
            }
            var newest = newest(indexes, task);
            if (newest >= number) {
                number = newest + 1;
            } else if (tries <= MOST_PAUSES) {
                task.sleep(PAUSE);
            } else {
                number++;
            }
        }
    }

    /** 0 if there is none. */
    private long newest(String indexes, Task task) {
        return service.newest(indexes, task)
                .map(index -> {
                    var number = index.key().substring(indexes.length());
                    if (!NUMBER.matcher(number).matches()) {
                        throw new CorruptContentException(
                                task.cannot() + ": its newest index has no number",
                                Map.of("key", Shown.text(index.key())),
                                "");
                    }
                    return Long.parseLong(number);
                })
                .orElse(0L);
    }

    @Override
    public String toString() {
        return cache.toString();
    }
}
