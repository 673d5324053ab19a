package dev.cais.image;

import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.image.archive.ArchivedImage;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.registry.Registries;
import dev.cais.image.registry.Task;
import dev.cais.storage.Store;
import java.util.List;
import java.util.Optional;

/**
 * The registry an image came from, which may have its parts still: what the store has lost is fetched again. Anything that comes is
 * what its digest says.
 *
 * <p>All methods throw {@link dev.cais.RegistryException}, {@link dev.cais.NotFoundException}, {@link
 * dev.cais.CorruptContentException} or {@link dev.cais.TimedOutException} if neither the registry nor a mirror gives it.
 */
final class Origin {
    private final Registries registries;
    private final Store store;
    private final ImageLimits limits;
    private final StoredDocuments documents;
    private final Sweep sweep;

    Origin(Registries registries, ImageStore images) {
        this.registries = registries;
        this.store = images.store();
        this.limits = images.limits();
        this.documents = images.documents();
        this.sweep = images.sweep();
    }

    Task task(String image) {
        return new Task("repair " + image, registries.options().timeout());
    }

    void manifest(Digest manifest, ImageReference source, Task task) {
        var document = registries.fromAny(
                source,
                Optional.empty(),
                repository -> repository.manifest(manifest.toString(), limits.manifestSize(), task));
        replace(new ArchivedImage.Content(manifest, document.bytes()));
    }

    void configuration(Descriptor configuration, ImageReference source, Task task) {
        var bytes = registries.fromAny(
                source,
                Optional.empty(),
                repository -> repository.smallBlob(configuration, limits.manifestSize(), task));
        replace(new ArchivedImage.Content(configuration.digest(), bytes));
    }

    private void replace(ArchivedImage.Content document) {
        var hold = store.lockExclusive();
        try (hold) {
            sweep.expect();
            store.blobs().delete(document.digest());
            documents.put(document);
        }
    }

    /** Fetches a layer, and unpacks it if the store does not have its files. What the store has of the blob goes first. */
    void layer(Descriptor blob, Digest diffId, ImageReference source, Task task) {
        var alone = store.lockExclusive();
        try (alone) {
            sweep.expect();
            store.blobs().delete(blob.digest());
        }
        var hold = store.lockShared();
        try (hold;
                var progress = new Progress(event -> {})) {
            sweep.expect();
            progress.expect(List.of(blob));
            var unused = registries.fromAny(source, Optional.empty(), repository -> {
                new LayerFetch(store, limits, repository::blob, blob, diffId, false, progress.layer(blob), task).run();
                return blob;
            });
        }
    }
}
