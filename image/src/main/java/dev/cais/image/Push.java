package dev.cais.image;

import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.NotFoundException;
import dev.cais.ProgressEvent.Phase;
import dev.cais.PushOptions;
import dev.cais.RegistryException;
import dev.cais.image.layer.Workers;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.Index;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.MediaType;
import dev.cais.image.registry.Registries;
import dev.cais.image.registry.Repository;
import dev.cais.image.registry.Task;
import dev.cais.storage.Store;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;

/** One push: from an image of the store to a tag of a registry. For one thread, which holds the store's shared lock. */
final class Push {
    private static final int MOST_MOUNT_SOURCES = 2;

    private final Registries registries;
    private final Store store;
    private final ImageDatabase database;
    private final StoredDocuments documents;
    private final ImageReference reference;
    private final PushOptions options;
    private final ImageLimits limits;
    private final Progress progress;
    private final Task task;

    /** @param reference a name of the store */
    Push(
            Registries registries,
            ImageStore images,
            ImageReference reference,
            PushOptions options,
            Progress progress,
            Task task) {
        this.registries = registries;
        this.store = images.store();
        this.database = images.database();
        this.documents = images.documents();
        this.limits = images.limits();
        this.reference = reference;
        this.options = options;
        this.progress = progress;
        this.task = task;
    }

    /**
     * A manifest or an index to put, behind what it refers to.
     *
     * @param reference a tag or a digest
     */
    private record Put(String reference, Repository.Document document) {}

    /** @param blobs all that the manifests refer to, by digest */
    private record Plan(Map<Digest, Descriptor> blobs, List<Put> puts) {}

    Digest run(NamedImage image) {
        var index = image.index().filter(documents::isComplete);
        return run(index.orElseGet(() -> compressed(image)), index.isPresent());
    }

    /**
     * Sends a manifest or an index as it is.
     *
     * @param root whose parts the store has
     */
    Digest run(Digest root, boolean isIndex) {
        var tag = reference.tag().orElseThrow();
        var plan = new Plan(new LinkedHashMap<>(), new ArrayList<>());
        if (isIndex) {
            planIndex(root, tag, plan);
        } else {
            planManifest(root, tag, plan);
        }
        progress.expect(plan.blobs.values().stream().filter(Push::isLayer).toList());
        RegistryException failure = null;
        for (var repository : registries.pushTo(reference, options.credentials())) {
            if (repository.isRuledOut()) {
                continue;
            }
            try {
                send(plan, repository);
                return plan.puts.get(plan.puts.size() - 1).document().digest();
            } catch (RegistryException e) {
                failure = e;
            }
        }
        throw failure == null ? new IllegalStateException("a registry has no location") : failure;
    }

    /**
     * Sends an image to a repository under its digest; of a name that stands for an index all that is in it.
     *
     * @return what an index says of them
     */
    List<Map<String, Object>> parts(NamedImage image, Repository repository) {
        var plan = new Plan(new LinkedHashMap<>(), new ArrayList<>());
        var parts = new ArrayList<Map<String, Object>>();
        var index = image.index().filter(documents::isComplete);
        if (index.isPresent()) {
            planEntries(index.get(), plan);
            JsonObject.parse(documents.bytes(index.get()), "index " + index.get() + " of the store")
                    .objects("manifests")
                    .forEach(entry -> parts.add(entry.copy()));
        } else {
            var manifest = compressed(image);
            planManifest(manifest, manifest.toString(), plan);
            var content = documents.bytes(manifest);
            parts.add(Index.entry(
                    documents.manifest(manifest).mediaType().descriptor(manifest, content.length),
                    JsonObject.parse(documents.bytes(image.id()), "configuration " + image.id() + " of the store")));
        }
        progress.expect(plan.blobs.values().stream().filter(Push::isLayer).toList());
        send(plan, repository);
        return parts;
    }

    /** Innermost first, since a registry wants to know what an index refers to. */
    private void planIndex(Digest index, String reference, Plan plan) {
        planEntries(index, plan);
        plan.puts.add(new Put(
                reference,
                new Repository.Document(
                        documents.mediaTypeOf(index, MediaType.OCI_INDEX), index, documents.bytes(index))));
    }

    private void planEntries(Digest index, Plan plan) {
        for (var entry : documents.index(index).manifests()) {
            var digest = entry.digest().toString();
            if (MediaType.Kind.INDEX.is(entry)) {
                planIndex(entry.digest(), digest, plan);
            } else {
                documents.contents(entry.digest()).forEach(blob -> plan.blobs.putIfAbsent(blob.digest(), blob));
                plan.puts.add(new Put(
                        digest,
                        new Repository.Document(entry.mediaType(), entry.digest(), documents.bytes(entry.digest()))));
            }
        }
    }

    private void planManifest(Digest manifest, String reference, Plan plan) {
        documents.contents(manifest).forEach(blob -> plan.blobs.putIfAbsent(blob.digest(), blob));
        plan.puts.add(new Put(
                reference,
                new Repository.Document(
                        documents.manifest(manifest).mediaType().toString(), manifest, documents.bytes(manifest))));
    }

    /**
     * The manifest to push: the image's own, or, if it came without one and has plain layers, one with compressed layers. That
     * takes the other's place in the store, so that nothing is compressed twice.
     */
    private Digest compressed(NamedImage image) {
        var edition = database.read()
                .standing(image.id(), image.manifest())
                .orElseThrow(() -> new NotFoundException(task.cannot() + ": the image has been removed"));
        var manifest = documents.manifest(edition.manifest());
        if (!edition.made()
                || manifest.layers().stream()
                        .noneMatch(layer -> layer.mediaType().equals(MediaType.OCI_LAYER.toString()))) {
            return edition.manifest();
        }
        var packed = new Packing(store, documents, limits, task.cannot())
                .pack(image.id(), manifest.layers(), Packing.Form.of(false, options), Map.of());
        if (packed.config().equals(image.id())) {
            database.change(table -> table.edition(image.id()).isEmpty()
                    ? table
                    : table.with(image.id(), new Edition(packed.manifest(), false)));
        }
        return packed.manifest();
    }

    private void send(Plan plan, Repository repository) {
        var sources = mountSources(plan.blobs.keySet());
        var sending = new ArrayList<Callable<Boolean>>();
        plan.blobs.values().stream()
                .filter(blob -> !isElsewhere(blob))
                .forEach(blob -> sending.add(() -> {
                    send(blob, sources.getOrDefault(blob.digest(), Set.of()), repository);
                    return true;
                }));
        Workers.run("cais-push", registries.options().parallel(), sending, task.cannot());
        plan.puts.forEach(put -> repository.putManifest(put.reference, put.document, task));
    }

    /** Whether others give it to whoever asks, and a registry need not have it. */
    static boolean isElsewhere(Descriptor blob) {
        return MediaType.isForeign(blob.mediaType()) && !blob.urls().isEmpty();
    }

    private static boolean isLayer(Descriptor blob) {
        return !MediaType.Kind.CONFIG.is(blob) && !isElsewhere(blob);
    }

    /** Other repositories of the registry that have these blobs, as far as the store's names tell. */
    private Map<Digest, Set<String>> mountSources(Set<Digest> blobs) {
        var sources = new LinkedHashMap<Digest, Set<String>>();
        database.read().names().forEach((name, image) -> {
            if (name.registry().equals(reference.registry()) && !name.isSameRepository(reference)) {
                documents.manifest(image.manifest()).layers().stream()
                        .filter(layer -> blobs.contains(layer.digest()))
                        .map(layer -> sources.computeIfAbsent(layer.digest(), key -> new LinkedHashSet<>()))
                        .filter(known -> known.size() < MOST_MOUNT_SOURCES)
                        .forEach(known -> known.add(name.repository()));
            }
        });
        return sources;
    }

    private void send(Descriptor blob, Set<String> from, Repository repository) {
        if (!isLayer(blob)) {
            if (!repository.hasBlob(blob.digest(), task)) {
                upload(blob, from, repository, new Repository.Untold());
            }
            return;
        }
        var told = progress.layer(blob);
        told.phase(Phase.WAITING);
        if (repository.hasBlob(blob.digest(), task)) {
            told.phase(Phase.EXISTS);
            return;
        }
        told.phase(Phase.UPLOADING);
        var isMounted = upload(blob, from, repository, new Repository.UploadProgress() {
            @Override
            public void sent(long bytes) {
                told.done(Phase.UPLOADING, bytes);
            }

            @Override
            public void retrying() {
                told.phase(Phase.RETRYING);
            }
        });
        told.phase(isMounted ? Phase.EXISTS : Phase.DONE);
    }

    private boolean upload(Descriptor blob, Set<String> from, Repository repository, Repository.UploadProgress told) {
        return repository.upload(
                new Repository.Upload(blob, offset -> open(blob, offset)), from, options.chunkSize(), told, task);
    }

    private InputStream open(Descriptor blob, long offset) throws IOException {
        var content = store.blobs().open(blob.digest());
        try {
            content.skipNBytes(offset);
            return content;
        } catch (IOException e) {
            content.close();
            throw e;
        }
    }
}
