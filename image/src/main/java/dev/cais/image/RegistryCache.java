package dev.cais.image;

import dev.cais.BuildCache;
import dev.cais.ByteSize;
import dev.cais.Descriptor;
import dev.cais.ImageLimits;
import dev.cais.Layer;
import dev.cais.ProgressEvent;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.MediaType;
import dev.cais.image.registry.Registries;
import dev.cais.image.registry.Repository;
import dev.cais.image.registry.Task;
import dev.cais.storage.Store;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;

/** A build cache that is a tag of a registry. */
final class RegistryCache implements CacheDocuments {
    private final Registries registries;
    private final Store store;
    private final ImageLimits limits;
    private final ImageReference reference;
    private final BuildCache.Registry cache;
    private final Consumer<ProgressEvent> listener;
    private final Task task;

    RegistryCache(
            Registries registries,
            Store store,
            ImageLimits limits,
            BuildCache.Registry cache,
            Consumer<ProgressEvent> listener) {
        this.registries = registries;
        this.store = store;
        this.limits = limits;
        this.cache = cache;
        this.listener = listener;
        this.reference = ImageReference.parse(cache.name());
        this.task = new Task(
                "use the build cache " + reference, registries.options().timeout());
    }

    private <T> T ask(Function<Repository, T> question) {
        return registries.fromAny(reference, cache.credentials(), question);
    }

    @Override
    public Repository.Document root() {
        var wanted = reference.digest().map(Object::toString).or(reference::tag).orElseThrow();
        return ask(repository -> repository.manifest(wanted, limits.manifestSize(), task));
    }

    @Override
    public byte[] document(Descriptor descriptor) {
        var isManifest = MediaType.Kind.MANIFEST.is(descriptor) || MediaType.Kind.INDEX.is(descriptor);
        return ask(repository -> isManifest
                ? repository
                        .manifest(descriptor.digest().toString(), limits.manifestSize(), task)
                        .bytes()
                : repository.smallBlob(descriptor, limits.manifestSize(), task));
    }

    @Override
    public void fetch(Layer layer) {
        var blob = Descriptor.of(layer.mediaType(), layer.blob(), layer.size());
        try (var progress = new Progress(listener)) {
            progress.expect(List.of(blob));
            var unused = ask(repository -> {
                new LayerFetch(store, limits, repository::blob, blob, layer.diffId(), false, progress.layer(blob), task)
                        .run();
                return blob;
            });
        }
    }

    private <T> T tell(Function<Repository, T> question) {
        return registries.toAny(reference, cache.credentials(), question);
    }

    @Override
    public boolean has(Layer layer) {
        return tell(repository -> repository.hasBlob(layer.blob(), task));
    }

    @Override
    public void put(Descriptor blob, CachePlace.Content content) {
        var unused = tell(repository -> repository.hasBlob(blob.digest(), task)
                || repository.upload(
                        new Repository.Upload(blob, offset -> {
                            var in = content.open();
                            in.skipNBytes(offset);
                            return in;
                        }),
                        Set.of(),
                        ByteSize.UNLIMITED,
                        new Repository.Untold(),
                        task));
    }

    @Override
    public void publish(Repository.Document manifest) {
        var tag = reference.tag().orElse("latest");
        var unused = tell(repository -> {
            repository.putManifest(tag, manifest, task);
            return tag;
        });
    }

    @Override
    public String toString() {
        return cache.toString();
    }
}
