package dev.cais.image;

import dev.cais.CorruptContentException;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.NotFoundException;
import dev.cais.Platform;
import dev.cais.PullOptions;
import dev.cais.PullPolicy;
import dev.cais.RegistryException;
import dev.cais.image.archive.ArchivedImage;
import dev.cais.image.layer.Workers;
import dev.cais.image.oci.ConfigDocument;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.Index;
import dev.cais.image.oci.Manifest;
import dev.cais.image.oci.MediaType;
import dev.cais.image.registry.Registries;
import dev.cais.image.registry.Repository;
import dev.cais.image.registry.Task;
import dev.cais.image.signature.Signatures;
import dev.cais.image.signature.TrustPolicy;
import dev.cais.storage.Store;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;

/** One pull: from a reference to an image of the store. For one thread. */
final class Pull {
    private static final int DEEPEST_INDEX = 8;

    private final Registries registries;
    private final Store store;
    private final ImageLimits limits;
    private final ImageDatabase database;
    private final StoredDocuments documents;
    private final Sweep sweep;
    private final ImageReference reference;
    private final PullOptions options;
    private final boolean beside;
    private final Progress progress;
    private final Task task;
    private final TrustPolicy trust;

    /** @param beside whether a name that stands for another image of the same index goes on doing so */
    Pull(
            Registries registries,
            ImageStore images,
            ImageReference reference,
            PullOptions options,
            boolean beside,
            Progress progress) {
        this.registries = registries;
        this.store = images.store();
        this.limits = images.limits();
        this.database = images.database();
        this.documents = images.documents();
        this.sweep = images.sweep();
        // with a digest the tag does not count
        this.reference = reference.digest().isPresent() ? reference.withoutTag() : reference;
        this.options = options;
        this.beside = beside;
        this.progress = progress;
        this.task = new Task("pull " + reference, registries.options().timeout());
        this.trust = TrustPolicy.of(this.reference, registries.options());
    }

    /** An image whose documents are here and checked, and whose layers are not yet. */
    record Fetched(
            ArchivedImage.Content manifestContent,
            Manifest manifest,
            ArchivedImage.Content config,
            ConfigDocument document) {}

    /**
     * What a registry has of the name: all that its layers' files are not.
     *
     * @param indexes that led to it
     * @param index that has the name, if it is not the image's own manifest
     * @param images by manifest, the wanted one among them
     */
    record Resolved(
            Digest wanted, Optional<Digest> index, List<ArchivedImage.Content> indexes, Map<Digest, Fetched> images) {
        private Fetched chosen() {
            var chosen = images.get(wanted);
            if (chosen == null) {
                throw new IllegalStateException("the image that was chosen is not among those that were fetched");
            }
            return chosen;
        }

        NamedImage named() {
            return new NamedImage(chosen().config.digest(), wanted, index);
        }

        Manifest manifest() {
            return chosen().manifest;
        }

        ConfigDocument document() {
            return chosen().document;
        }
    }

    /** What the store has, or what a registry has: one of both. */
    record Found(Optional<NamedImage> here, Optional<Resolved> there) {
        static Found here(NamedImage image) {
            return new Found(Optional.of(image), Optional.empty());
        }
    }

    NamedImage run() {
        return find(image -> image, this::fetch);
    }

    /**
     * The same, without layers that are not here; {@link #bring} brings them. An image that there is for one platform only is taken though it
     * be another's: who builds with it is warned.
     */
    Found look() {
        return find(
                Found::here,
                (repository, remote) -> new Found(Optional.empty(), Optional.of(resolve(repository, remote))));
    }

    /** Brings what {@link #look} has found, from whichever of the registries has it. */
    NamedImage bring(Resolved resolved) {
        return registries.fromAny(
                reference,
                options.credentials(),
                repository -> sweeping(() -> {
                    var hold = store.lockShared();
                    try (hold) {
                        sweep.expect();
                        return complete(repository, resolved);
                    }
                }));
    }

    private <T> T find(Function<NamedImage, T> here, BiFunction<Repository, String, T> there) {
        var present = inStore();
        if (options.policy() == PullPolicy.NEVER) {
            return here.apply(present.orElseThrow(() -> new NotFoundException(
                    task.cannot() + ": the store does not have it, and the policy is never to ask a registry")));
        }
        if (options.policy() == PullPolicy.MISSING && present.isPresent()) {
            return here.apply(named(present.get()));
        }
        trust.requireAllowed(task.cannot());
        try {
            return registries.fromAny(
                    reference, options.credentials(), repository -> from(repository, present, here, there));
        } catch (RegistryException e) {
            if (options.policy() == PullPolicy.NEWER && present.isPresent()) {
                return here.apply(named(present.get()));
            }
            throw e;
        }
    }

    /** What the store has of this name and fits the platform, if it is complete. */
    private Optional<NamedImage> inStore() {
        var table = database.read();
        return table.names().entrySet().stream()
                .filter(entry -> isMeant(entry.getKey(), entry.getValue()))
                .findFirst()
                .flatMap(entry -> fitting(table, entry.getValue()));
    }

    private boolean isMeant(ImageReference name, NamedImage image) {
        return reference.digest().isEmpty()
                ? name.equals(reference)
                : name.isSameRepository(reference)
                        && (image.remote().equals(reference.digest().get())
                                || image.manifest().equals(reference.digest().get()));
    }

    private Optional<NamedImage> fitting(ImageTable table, NamedImage image) {
        try {
            if (image.index().isEmpty() || reference.digest().equals(Optional.of(image.manifest()))) {
                return Optional.of(image).filter(found -> isForPlatform(documents.configuration(found.id())));
            }
            var index = image.index().get();
            if (options.allPlatforms() && !isComplete(table, index)) {
                return Optional.empty();
            }
            var manifest = chosen(index);
            return table.idOf(manifest).map(id -> new NamedImage(id, manifest, Optional.of(index)));
        } catch (NotFoundException | CorruptContentException e) {
            return Optional.empty();
        }
    }

    private boolean isForPlatform(ConfigDocument document) {
        return options.platform().isEmpty() || Index.fits(options.platform().get(), document.platform());
    }

    private Platform platform() {
        return options.platform().orElseGet(Platform::host);
    }

    /** The manifest that the platform gets of an index of the store. */
    private Digest chosen(Digest index) {
        var at = index;
        for (var depth = 0; depth < DEEPEST_INDEX; depth++) {
            var entry = documents.index(at).choose(platform(), "index " + at);
            if (!MediaType.Kind.INDEX.is(entry)) {
                return entry.digest();
            }
            at = entry.digest();
        }
        throw tooDeep();
    }

    private boolean isComplete(ImageTable table, Digest index) {
        return documents.isComplete(index)
                && documents.index(index).images().stream()
                        .filter(entry -> MediaType.Kind.MANIFEST.is(entry))
                        .allMatch(entry -> table.idOf(entry.digest()).isPresent());
    }

    private void requireTrusted(Repository repository, Digest root, Collection<Digest> images) {
        trust.requireSigned(root, images, new Signatures(repository, task)::of, task.cannot());
    }

    private <T> T from(
            Repository repository,
            Optional<NamedImage> present,
            Function<NamedImage, T> here,
            BiFunction<Repository, String, T> there) {
        var wanted = reference.digest().map(Digest::toString).orElseGet(this::tag);
        var current = reference.digest();
        if (current.isEmpty()) {
            current = repository.head(wanted, task);
        }
        if (current.isPresent() && present.isPresent() && isCurrent(present.get(), current.get())) {
            requireTrusted(repository, current.get(), Set.of(present.get().manifest()));
            return here.apply(named(present.get()));
        }
        var remote = current.map(Digest::toString).orElse(wanted);
        return sweeping(() -> there.apply(repository, remote));
    }

    /** What has come in vain goes again. */
    private <T> T sweeping(Supplier<T> work) {
        try {
            var done = work.get();
            sweep.runIfIdle();
            return done;
        } catch (RuntimeException | Error e) {
            sweep.run();
            throw e;
        }
    }

    private String tag() {
        return reference.tag().orElseThrow();
    }

    private static boolean isCurrent(NamedImage image, Digest remote) {
        return image.remote().equals(remote) || image.manifest().equals(remote);
    }

    /** Moves the name to an image that the store has. */
    private NamedImage named(NamedImage image) {
        if (!image.equals(database.read().names().get(reference))) {
            database.change(
                    table -> table.edition(image.id(), image.manifest()).isEmpty() ? table : named(table, image));
        }
        return image;
    }

    private ImageTable named(ImageTable table, NamedImage image) {
        var old = Optional.ofNullable(table.names().get(reference)).flatMap(NamedImage::index);
        return beside && old.isPresent() && old.equals(image.index()) ? table : table.named(reference, image);
    }

    private NamedImage fetch(Repository repository, String remote) {
        var hold = store.lockShared();
        try (hold) {
            sweep.expect();
            var resolved = resolve(repository, remote);
            requirePlatform(resolved.document(), repository);
            return complete(repository, resolved);
        }
    }

    private Resolved resolve(Repository repository, String remote) {
        var root = content(repository, remote);
        var images = new LinkedHashMap<Digest, Fetched>();
        var indexes = new ArrayList<ArchivedImage.Content>();
        var isIndex = Index.is(root.bytes(), "manifest " + remote + " of " + repository);
        Digest wanted;
        if (isIndex) {
            wanted = fetchChosen(repository, root, indexes, images);
            if (options.allPlatforms()) {
                fetchOthers(repository, root, images);
            }
        } else {
            wanted = root.digest();
            images.put(wanted, fetchImage(repository, root));
        }
        requireTrusted(repository, root.digest(), images.keySet());
        return new Resolved(wanted, isIndex ? Optional.of(root.digest()) : Optional.empty(), indexes, images);
    }

    private NamedImage complete(Repository repository, Resolved resolved) {
        resolved.indexes.forEach(documents::put);
        fetchLayers(repository, List.copyOf(resolved.images.values()));
        return publish(resolved);
    }

    private void requirePlatform(ConfigDocument document, Repository repository) {
        if (!isForPlatform(document)) {
            throw new CorruptContentException(task.cannot() + ": " + repository + " has it for " + document.platform()
                    + " only, not for " + platform());
        }
    }

    /** A manifest or an index, from the store if it is there. */
    private ArchivedImage.Content content(Repository repository, String remote) {
        if (remote.indexOf(':') >= 0) {
            var digest = Digest.parse(remote);
            if (documents.has(digest)) {
                return new ArchivedImage.Content(digest, documents.bytes(digest));
            }
        }
        var fetched = repository.manifest(remote, limits.manifestSize(), task);
        return new ArchivedImage.Content(fetched.digest(), fetched.bytes());
    }

    private Digest fetchChosen(
            Repository repository,
            ArchivedImage.Content root,
            List<ArchivedImage.Content> indexes,
            Map<Digest, Fetched> images) {
        var at = root;
        for (var depth = 0; depth < DEEPEST_INDEX; depth++) {
            var document = "index " + at.digest() + " of " + repository;
            var index = Index.parse(at.bytes(), document);
            var entry = index.choose(platform(), document);
            indexes.add(at);
            at = content(repository, entry.digest().toString());
            if (!MediaType.Kind.INDEX.is(entry)) {
                images.put(at.digest(), fetchImage(repository, at));
                return at.digest();
            }
        }
        throw tooDeep();
    }

    private CorruptContentException tooDeep() {
        return new CorruptContentException(task.cannot() + ": its indexes are nested deeper than " + DEEPEST_INDEX);
    }

    /** All else that an index refers to: other platforms' images, and what is no image as it is. */
    private void fetchOthers(Repository repository, ArchivedImage.Content root, Map<Digest, Fetched> images) {
        var open = new ArrayList<>(List.of(root));
        for (var at = 0; at < open.size(); at++) {
            if (open.size() > limits.layers()) {
                throw tooDeep();
            }
            var content = open.get(at);
            documents.put(content);
            var index = Index.parse(content.bytes(), "index " + content.digest() + " of " + repository);
            if (index.manifests().size() > limits.layers()) {
                throw new CorruptContentException(
                        task.cannot() + ": its index has more than " + limits.layers() + " entries, the limit");
            }
            var known = new LinkedHashSet<>(index.images());
            for (var entry : index.manifests()) {
                if (images.containsKey(entry.digest())) {
                    continue;
                }
                var child = content(repository, entry.digest().toString());
                if (MediaType.Kind.INDEX.is(entry)) {
                    open.add(child);
                } else if (known.contains(entry)) {
                    images.put(child.digest(), fetchImage(repository, child));
                } else {
                    fetchOpaque(repository, child);
                }
            }
        }
    }

    private Fetched fetchImage(Repository repository, ArchivedImage.Content content) {
        var manifest = Manifest.parse(content.bytes(), "manifest " + content.digest() + " of " + repository, limits);
        var digest = manifest.config().digest();
        var bytes = documents.has(digest)
                ? documents.bytes(digest)
                : repository.smallBlob(manifest.config(), limits.manifestSize(), task);
        var document = ConfigDocument.parse(bytes, "configuration " + digest + " of " + repository, limits);
        if (manifest.layers().size() != document.diffIds().size()) {
            throw new CorruptContentException(task.cannot() + ": its manifest has "
                    + manifest.layers().size() + " layers, its configuration "
                    + document.diffIds().size());
        }
        return new Fetched(content, manifest, new ArchivedImage.Content(digest, bytes), document);
    }

    /** A manifest of something that is no image, as build attestations are, with all its blobs. */
    private void fetchOpaque(Repository repository, ArchivedImage.Content content) {
        for (var blob : Manifest.contents(content.bytes(), "manifest " + content.digest() + " of " + repository)) {
            if (!documents.has(blob.digest())) {
                var bytes = repository.smallBlob(blob, limits.manifestSize(), task);
                documents.put(new ArchivedImage.Content(blob.digest(), bytes));
            }
        }
        documents.put(content);
    }

    private void fetchLayers(Repository repository, List<Fetched> images) {
        var layers = new LinkedHashMap<KnownLayer, Descriptor>();
        for (var image : images) {
            for (var i = 0; i < image.manifest.layers().size(); i++) {
                var blob = image.manifest.layers().get(i);
                layers.put(
                        new KnownLayer(blob.digest(), image.document.diffIds().get(i)), blob);
            }
        }
        progress.expect(layers.values());
        var known = documents.knownLayers(database.read());
        var fetches = new ArrayList<Callable<Boolean>>();
        layers.forEach((layer, blob) -> fetches.add(() -> {
            new LayerFetch(
                            store,
                            limits,
                            repository::blob,
                            blob,
                            layer.diffId(),
                            known.contains(layer),
                            progress.layer(blob),
                            task)
                    .run();
            return true;
        }));
        Workers.run("cais-pull", registries.options().parallel(), fetches, task.cannot());
    }

    private NamedImage publish(Resolved resolved) {
        for (var image : resolved.images.values()) {
            documents.put(image.config);
            documents.put(image.manifestContent);
        }
        var named = resolved.named();
        database.change(table -> {
            var changed = table;
            for (var image : resolved.images.values()) {
                changed = changed.with(
                        image.config.digest(),
                        new Edition(image.manifestContent.digest(), false, Optional.of(reference)));
            }
            return named(changed, named);
        });
        return named;
    }
}
