package dev.cais.image;

import dev.cais.Attestation;
import dev.cais.BuildCache;
import dev.cais.BuildCacheEntry;
import dev.cais.BuildEvent;
import dev.cais.BuildPruneOptions;
import dev.cais.BuildSpec;
import dev.cais.ByteSize;
import dev.cais.CommitOptions;
import dev.cais.ConflictException;
import dev.cais.CopyOptions;
import dev.cais.Damage;
import dev.cais.Digest;
import dev.cais.EventAction;
import dev.cais.FileChange;
import dev.cais.Image;
import dev.cais.ImageConfig;
import dev.cais.ImageLimits;
import dev.cais.ImageRegistry;
import dev.cais.ImageRepository;
import dev.cais.ImageSignature;
import dev.cais.ImageUse;
import dev.cais.Images;
import dev.cais.IndexSpec;
import dev.cais.InvalidSpecException;
import dev.cais.Layer;
import dev.cais.NotFoundException;
import dev.cais.Platform;
import dev.cais.ProgressEvent;
import dev.cais.PruneOptions;
import dev.cais.Pruned;
import dev.cais.PullOptions;
import dev.cais.PullPolicy;
import dev.cais.PushOptions;
import dev.cais.RegistryOptions;
import dev.cais.SignOptions;
import dev.cais.UnsupportedHostException;
import dev.cais.image.archive.ArchiveWriter;
import dev.cais.image.archive.ArchivedImage;
import dev.cais.image.archive.ImageArchive;
import dev.cais.image.archive.RootfsArchive;
import dev.cais.image.archive.SavedImage;
import dev.cais.image.dockerfile.ConfigChanges;
import dev.cais.image.host.HostImage;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.Index;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.Shown;
import dev.cais.image.registry.Registries;
import dev.cais.image.registry.Repository;
import dev.cais.image.registry.Task;
import dev.cais.image.registry.WebFiles;
import dev.cais.image.signature.Signatures;
import dev.cais.storage.Store;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The images of a store, as {@link Images} shows them. Any number of catalogs, in any number of processes, may share a store.
 *
 * <p>A name stands for an image and the manifest it came with. {@code cais/host} is made when somebody first asks for it by
 * that name, and made anew by the first who asks in another engine if the host's programs have changed since; it is not
 * in {@link #list()} before.
 */
public final class ImageCatalog implements Images, AutoCloseable {
    private static final Pattern ID = Pattern.compile("(?:sha256:)?([0-9a-f]{64})|sha512:[0-9a-f]{128}");
    private static final Pattern ID_PREFIX = Pattern.compile("(?:sha256:)?([0-9a-f]{4,63})");
    private static final ImageReference HOST_IMAGE = ImageReference.parse(HostImage.NAME);

    private final Store store;
    private final ImageLimits limits;
    private final ImageDatabase database;
    private final StoredDocuments documents;
    private final Sweep sweep;
    private final Intake intake;
    private final Housekeeping housekeeping;
    private final BuildHousekeeping buildHousekeeping;
    private final Registries registries;
    private final ImageListener listener;
    private final Builds builds;
    private final Path hostStamp;
    private boolean hostImageIsCurrent;

    /** With the default way to speak to registries. */
    public ImageCatalog(Store store, ImageLimits limits) {
        this(store, limits, RegistryOptions.defaults());
    }

    /** With nobody who listens, and nobody who builds. */
    public ImageCatalog(Store store, ImageLimits limits, RegistryOptions options) {
        this(store, limits, options, (action, id, attributes) -> {}, (spec, progress) -> {
            throw new UnsupportedHostException(
                    "cannot build " + spec.context() + ": it needs an engine to run programs");
        });
    }

    /** Carries out builds, and adds their images here. */
    @FunctionalInterface
    public interface Builds {
        Image build(BuildSpec spec, Consumer<BuildEvent> progress);
    }

    /** Deletes what a process that was killed had half loaded, unless somebody else holds the store just now. */
    public ImageCatalog(
            Store store, ImageLimits limits, RegistryOptions options, ImageListener listener, Builds builds) {
        this.builds = builds;
        this.registries = new Registries(options);
        this.listener = listener;
        this.store = store;
        this.limits = limits;
        this.database = new ImageDatabase(store);
        this.documents = new StoredDocuments(store.blobs());
        this.sweep = new Sweep(store, database, documents);
        this.intake = new Intake(store, limits, database, documents, sweep);
        this.housekeeping = new Housekeeping(store, database, documents, sweep);
        this.buildHousekeeping = new BuildHousekeeping(store, database, documents, sweep);
        this.hostStamp = store.root().resolve("images.host");
        sweep.runIfIdle();
    }

    /**
     * An image that was asked for.
     *
     * @param index that the name stands for in its registry
     * @param by the names that it was asked for by; none if by an id
     */
    private record Found(Digest id, Edition edition, Optional<Digest> index, List<ImageReference> by) {
        NamedImage named() {
            return new NamedImage(id, edition.manifest());
        }
    }

    @Override
    public Image pull(String name, PullOptions options, Consumer<ProgressEvent> listener) {
        return pull(name, options, false, listener);
    }

    /**
     * What a build begins with: of the store or from its registry, as the policy says. An image for another platform than this host's does
     * not take the name from the host's of the same index.
     *
     * @param name or an id of the store
     */
    public Image pull(String name, Platform platform, PullPolicy policy, Consumer<ProgressEvent> listener) {
        if (policy == PullPolicy.MISSING || policy == PullPolicy.NEVER) {
            var known = find(name).filter(image -> Index.fits(platform, image.platform()));
            if (known.isPresent()) {
                return known.get();
            }
        }
        var options = PullOptions.defaults().platform(platform).policy(policy);
        return pull(name, options, !platform.equals(Platform.host()), listener);
    }

    private Image pull(String name, PullOptions options, boolean beside, Consumer<ProgressEvent> listener) {
        var reference = ImageReference.parse(name);
        try (var progress = new Progress(listener)) {
            while (true) {
                var pulled = new Pull(
                                registries,
                                store,
                                limits,
                                database,
                                documents,
                                sweep,
                                reference,
                                options,
                                beside,
                                progress)
                        .run();
                var seen = ifThere(pulled);
                if (seen.isPresent()) { // else somebody has removed it again at once
                    tell(EventAction.PULL, pulled.id(), reference.toString());
                    return seen.get();
                }
            }
        }
    }

    private Optional<Image> ifThere(NamedImage image) {
        var hold = store.lockShared();
        try (hold) {
            var table = database.read();
            return table.edition(image.id(), image.manifest()).map(edition -> view(table, image));
        }
    }

    @Override
    public Digest push(String name, PushOptions options, Consumer<ProgressEvent> listener) {
        if (isHostImage(name)) {
            ensureHostImage();
        }
        var hold = store.lockShared();
        try (hold;
                var progress = new Progress(listener)) {
            sweep.expect(); // layers may be compressed for it
            var found = require("push", database.read(), name);
            var reference = found.by.stream()
                    .filter(by -> by.tag().isPresent())
                    .findFirst()
                    .orElseThrow(() -> new InvalidSpecException(
                            "cannot push " + Shown.text(name) + ": it is no name with a tag",
                            "give the image a tag of the registry, and push that"));
            var image = new NamedImage(found.id, found.edition.manifest(), found.index);
            var task = new Task("push " + reference, registries.options().timeout());
            var pushed = new Push(registries, store, database, documents, reference, options, limits, progress, task)
                    .run(image);
            tell(EventAction.PUSH, found.id, reference.toString());
            return pushed;
        } finally {
            hold.close();
            sweep.runIfIdle();
        }
    }

    /** Pushes an index; see {@link dev.cais.ImageRepository#push(String, IndexSpec, Consumer)}. */
    Digest push(
            Repository target,
            ImageReference repository,
            String tag,
            IndexSpec index,
            Consumer<ProgressEvent> listener,
            Task task) {
        if (index.entries().stream().anyMatch(entry -> isHostImage(entry.image()))) {
            ensureHostImage();
        }
        var hold = store.lockShared();
        try (hold;
                var progress = new Progress(listener)) {
            sweep.expect(); // layers may be compressed for it
            var table = database.read();
            var push = new Push(
                    registries, store, database, documents, repository, PushOptions.defaults(), limits, progress, task);
            return new IndexPush(
                            registries,
                            limits,
                            target,
                            name -> resolve(table, name)
                                    .map(found -> new NamedImage(found.id, found.edition.manifest(), found.index)),
                            push,
                            progress,
                            task)
                    .run(index, tag);
        } finally {
            hold.close();
            sweep.runIfIdle();
        }
    }

    @Override
    public Digest copy(String from, String to, CopyOptions options, Consumer<ProgressEvent> listener) {
        var source = ImageReference.parse(from);
        var target = ImageReference.parse(to);
        var task = new Task(
                "copy " + source + " to " + target, registries.options().timeout());
        try (var progress = new Progress(listener)) {
            return new RegistryCopy(registries, limits, source, target, options, progress, task).run();
        }
    }

    /** Files of the web, by the proxies and certificates that registries are reached by. */
    public WebFiles webFiles() {
        return registries.webFiles();
    }

    @Override
    public ImageRegistry registry(String host) {
        if (host.indexOf('/') >= 0
                || !ImageReference.parse(host + "/x").registry().equals(host)) {
            throw new InvalidSpecException(
                    "cannot use registry " + Shown.text(host) + ": it is no host[:port] as names have it",
                    "write localhost:5000 or docker.io, without https://");
        }
        return new NamedRegistry(registries, limits, host, Optional.empty());
    }

    @Override
    public ImageRepository repository(String name) {
        return new NamedRepository(this, registries, limits, ImageReference.parseRepository(name), Optional.empty());
    }

    @Override
    public ImageSignature sign(String name, PrivateKey key, SignOptions options) {
        var reference = ImageReference.parse(name);
        var task = new Task("sign " + reference, registries.options().timeout());
        var bare = reference.registry() + "/" + reference.repository();
        return registries.toAny(reference, options.credentials(), repository -> {
            var wanted = options.reference().isEmpty() ? options.reference(bare) : options;
            return new Signatures(repository, task).sign(resolve(reference, repository, task), wanted, key);
        });
    }

    @Override
    public List<ImageSignature> signatures(String name) {
        var reference = ImageReference.parse(name);
        var task =
                new Task("read signatures of " + reference, registries.options().timeout());
        return registries.fromAny(
                reference,
                Optional.empty(),
                repository -> new Signatures(repository, task).of(resolve(reference, repository, task)));
    }

    @Override
    public List<Attestation> attestations(String name) {
        try (var hold = store.lockShared()) {
            return reading(table -> resolve(table, name)
                    .orElseThrow(() -> missing("read attestations of", table, name))
                    .index
                    .map(index -> Attestations.read(documents, store, index))
                    .orElse(List.of()));
        }
    }

    /** What a name stands for in a repository. */
    private Digest resolve(ImageReference reference, Repository repository, Task task) {
        var wanted = reference.digest().map(Digest::toString).or(reference::tag).orElseThrow();
        return repository
                .head(wanted, task)
                .orElseGet(() ->
                        repository.manifest(wanted, limits.manifestSize(), task).digest());
    }

    @Override
    public List<Image> load(Path archive) {
        try (var opened = ImageArchive.open(archive, store.temporaryDirectory(), Platform.host(), limits)) {
            var loaded = add(opened.images());
            loaded.forEach(image -> tell(EventAction.LOAD, image));
            return loaded;
        }
    }

    /**
     * Loads one image of an OCI layout, which gets no name by that.
     *
     * @param reference a digest or a name of its {@code index.json}; empty if the layout has but one image
     * @throws NotFoundException if there is no such image, or no layout
     */
    public Image load(Path layout, String reference) {
        try (var opened =
                ImageArchive.openLayout(layout, reference, store.temporaryDirectory(), Platform.host(), limits)) {
            var loaded = add(opened.images()).get(0);
            tell(EventAction.LOAD, loaded);
            return loaded;
        }
    }

    @Override
    public Image importRootfs(Path tar, String name, Platform platform, CommitOptions changes) {
        var config = new ConfigChanges(changes).apply(ImageConfig.EMPTY);
        var image = add(List.of(RootfsArchive.read(tar, nameToGive(name), platform, config, changes.message(), limits)))
                .get(0);
        tell(EventAction.IMPORT, image);
        return image;
    }

    /**
     * Makes an image of one of this store and what a container has written.
     *
     * @throws NotFoundException if the store has lost the older image
     */
    public Image commit(Image base, Commit commit) {
        var names = commit.names().stream().map(ImageCatalog::nameToGive).toList();
        Supplier<List<ArchivedImage>> write = () -> {
            var edition = database.read()
                    .edition(base.id())
                    .orElseThrow(() -> new NotFoundException(
                            "cannot commit a container of image " + base.id() + ": the image has been removed"));
            return List.of(commit.write(
                    store.blobs(),
                    documents.bytes(base.id()),
                    documents.manifest(edition.manifest()),
                    documents.configuration(base.id()).diffIds(),
                    names));
        };
        return intake.add(write, (table, added) -> view(table, added.get(0)));
    }

    /**
     * Takes an image that was built, unless it is there already. Hold {@link Store#lockShared()} since its layers were found.
     *
     * @param names to give it
     */
    public Image add(BuiltImage built, List<String> names) {
        var given = names.stream().map(ImageCatalog::nameToGive).toList();
        var below = built.below(
                built.base().map(base -> JsonObject.parse(documents.bytes(base.id()), "configuration " + base.id())));
        var table = database.read();
        var id = Hash.sha256(built.configuration(below));
        var isThere = table.edition(id).isPresent()
                && given.stream()
                        .allMatch(name -> Optional.ofNullable(table.names().get(name))
                                .filter(named -> named.id().equals(id))
                                .isPresent());
        if (isThere) {
            var named = given.stream().findFirst().map(name -> table.names().get(name));
            return named.map(image -> view(table, image))
                    .orElseGet(() -> view(table, id, table.edition(id).orElseThrow(), Optional.empty()));
        }
        var image = intake.add(
                () -> List.of(built.image(below, store.blobs(), given)), (seen, added) -> view(seen, added.get(0)));
        given.forEach(name -> tell(EventAction.TAG, id, name.toString()));
        return image;
    }

    /**
     * What a build has come to. Hold {@link Store#lockShared()} since the layers of the images were found, until it is published.
     *
     * @param images one for each platform
     * @param said of each
     * @param cannot for messages: {@code cannot build app}
     */
    public BuildResult result(
            List<BuiltImage> images, BuildResult.Annotations annotations, List<BuildResult.Said> said, String cannot) {
        return new BuildResult(
                this,
                store,
                documents,
                sweep,
                new Packing(store, documents, limits, cannot),
                images,
                annotations,
                said);
    }

    /**
     * Pushes a manifest or an index of a build, whose parts are in the store though nobody sees them there.
     *
     * @param id of the image, for the event
     */
    Digest push(
            Digest root,
            boolean isIndex,
            Digest id,
            ImageReference reference,
            PushOptions options,
            Consumer<ProgressEvent> listener) {
        try (var progress = new Progress(listener)) {
            var task = new Task("push " + reference, registries.options().timeout());
            var push = new Push(registries, store, database, documents, reference, options, limits, progress, task);
            var pushed = push.run(root, isIndex);
            tell(EventAction.PUSH, id, reference.toString());
            return pushed;
        }
    }

    /** Shows images of a build whose parts are in the store, and names one of them. */
    Image publish(List<NamedImage> images, NamedImage named, List<ImageReference> names) {
        var table = change(before -> {
            var changed = before;
            for (var image : images) {
                changed = changed.with(image.id(), new Edition(image.manifest(), false));
            }
            for (var name : names) {
                changed = changed.named(name, named);
            }
            return changed;
        });
        names.forEach(name -> tell(EventAction.TAG, named.id(), name.toString()));
        return view(table, named);
    }

    @Override
    public Image build(BuildSpec spec, Consumer<BuildEvent> progress) {
        try {
            return builds.build(spec, progress);
        } finally {
            sweep.runIfIdle(); // what was packed for an output alone
        }
    }

    @Override
    public List<BuildCacheEntry> buildCache() {
        return buildHousekeeping.entries();
    }

    @Override
    public ByteSize pruneBuildCache(BuildPruneOptions options) {
        return ByteSize.bytes(buildHousekeeping.prune(options));
    }

    /**
     * A cache that builds share with others.
     *
     * @param cache in a registry or a directory
     * @param progress of layers that are fetched
     */
    public SharedCache cache(BuildCache cache, Consumer<ProgressEvent> progress) {
        if (cache instanceof BuildCache.Registry registry) {
            return new SharedCache(
                    new RegistryCache(registries, store, limits, registry, progress), store, limits, sweep);
        } else if (cache instanceof BuildCache.Directory directory) {
            return new SharedCache(new DirectoryCache(store, limits, directory), store, limits, sweep);
        }
        throw new IllegalStateException("an inline cache lies in its image");
    }

    /** Checks names before anything is made for them. */
    public static void requireNames(List<String> names) {
        names.forEach(ImageCatalog::nameToGive);
    }

    private List<Image> add(List<ArchivedImage> images) {
        return intake.add(
                () -> images,
                (table, added) ->
                        added.stream().map(named -> view(table, named)).toList());
    }

    @Override
    public void save(Path target, String... names) {
        if (names.length == 0) {
            throw new InvalidSpecException("cannot save to " + target + ": no image was named");
        }
        if (Stream.of(names).anyMatch(ImageCatalog::isHostImage)) {
            ensureHostImage();
        }
        var hold = store.lockShared();
        try (hold) {
            var images = new LinkedHashMap<NamedImage, List<ImageReference>>();
            var table = database.read();
            for (var name : names) {
                var found = require("save", table, name);
                var known = images.computeIfAbsent(found.named(), key -> new ArrayList<>());
                found.by.stream().filter(by -> !known.contains(by)).forEach(known::add);
            }
            var saved = images.entrySet().stream()
                    .map(image -> saved(image.getKey(), image.getValue()))
                    .toList();
            new ArchiveWriter(store.blobs(), store.temporaryDirectory()).write(target, saved);
            images.forEach((image, by) -> tell(
                    EventAction.SAVE,
                    image.id(),
                    by.stream().map(ImageReference::toString).findFirst().orElse("")));
        }
    }

    private SavedImage saved(NamedImage image, List<ImageReference> names) {
        return new SavedImage(
                image.manifest(),
                documents.bytes(image.manifest()),
                documents.manifest(image.manifest()),
                documents.bytes(image.id()),
                documents.configuration(image.id()),
                names);
    }

    @Override
    public List<Image> list() {
        return reading(this::list);
    }

    private List<Image> list(ImageTable table) {
        return table.images().keySet().stream()
                .map(id -> view(table, id, table.edition(id).orElseThrow(), Optional.empty()))
                .sorted(Comparator.comparing(ImageCatalog::created)
                        .reversed()
                        .thenComparing(image -> image.id().toString()))
                .toList();
    }

    private static Instant created(Image image) {
        return image.config().created().orElse(Instant.MIN);
    }

    @Override
    public Image get(String name) {
        return find(name).orElseThrow(() -> missing("find", database.read(), name));
    }

    @Override
    public Optional<Image> find(String name) {
        if (isHostImage(name)) {
            ensureHostImage();
        }
        return reading(table -> resolve(table, name).map(found -> view(table, found.id, found.edition, found.index)));
    }

    @Override
    public Image tag(String name, String newName) {
        var image = (StoredImage) get(name);
        return image.tag(newName);
    }

    Image tag(NamedImage image, String newName) {
        var reference = nameToGive(newName);
        var table = change(before -> {
            if (before.edition(image.id(), image.manifest()).isEmpty()) {
                throw new NotFoundException(
                        "cannot name image " + image.id() + " " + reference + ": it has been removed");
            }
            return before.named(reference, image);
        });
        tell(EventAction.TAG, image.id(), reference.toString());
        return view(table, image);
    }

    private static ImageReference nameToGive(String text) {
        var reference = ImageReference.parse(text);
        if (reference.digest().isPresent()) {
            throw new InvalidSpecException(
                    "cannot give an image the name " + reference + ": a digest is not for choosing",
                    "leave out @" + reference.digest().get());
        }
        return reference;
    }

    @Override
    public void untag(String name) {
        var reference = nameToGive(name);
        change(table -> {
            if (!table.names().containsKey(reference)) {
                throw missing("untag", table, name);
            }
            return table.withoutName(reference);
        });
        sweep.run();
    }

    @Override
    public void remove(String name) {
        change(table -> {
            var found = require("remove", table, name);
            var others = new ArrayList<>(table.namesOf(found.id));
            others.removeAll(found.by);
            if (!found.by.isEmpty() && !others.isEmpty()) {
                var renamed = table;
                for (var by : found.by) {
                    renamed = renamed.withoutName(by);
                }
                return withoutOrphans(table, renamed);
            }
            refuseIfUsed(found.id, name);
            return withoutOrphans(table, table.without(found.id));
        });
        sweep.run();
    }

    /** See {@link Image#changes}. */
    List<FileChange> changes(List<Layer> layers, Layer layer) {
        var hold = store.lockShared();
        try (hold) {
            return store.layers().changes(layers, layer);
        }
    }

    /** Without the other platforms' images of an index that has lost its last name, unless they are used. */
    private ImageTable withoutOrphans(ImageTable before, ImageTable after) {
        var once = documents.belowNames(before);
        var still = documents.belowNames(after);
        var changed = after;
        for (var id : after.images().keySet()) {
            var isOrphan = after.namesOf(id).isEmpty()
                    && documents.isBelow(once, before, id)
                    && !documents.isBelow(still, after, id);
            if (isOrphan && store.uses().stream().noneMatch(use -> use.needs(id))) {
                changed = changed.without(id);
            }
        }
        return changed;
    }

    private void refuseIfUsed(Digest id, String name) {
        store.uses().stream().filter(use -> use.needs(id)).findFirst().ifPresent(use -> {
            throw new ConflictException(
                    "cannot remove image " + Shown.text(name) + ": container " + use.container() + " uses it",
                    Map.of("engine", use.engine()),
                    "remove the container first");
        });
    }

    /** Changes the database, and says that there may be something to sweep if an image or an edition goes. */
    private ImageTable change(UnaryOperator<ImageTable> change) {
        var known = new AtomicReference<>(ImageTable.EMPTY);
        var hold = store.lockShared();
        try (hold) {
            var changed = database.change(before -> {
                known.set(before);
                var after = change.apply(before);
                if (!after.images().equals(before.images())) {
                    sweep.expect();
                }
                return after;
            });
            tellWhatIsGone(Objects.requireNonNull(known.get()), changed);
            return changed;
        }
    }

    private void tellWhatIsGone(ImageTable before, ImageTable after) {
        before.names().forEach((name, image) -> {
            if (!after.names().containsKey(name)) {
                tell(EventAction.UNTAG, image.id(), name.toString());
            }
        });
        before.images().keySet().forEach(id -> {
            if (!after.images().containsKey(id)) {
                tell(
                        EventAction.DELETE,
                        id,
                        before.namesOf(id).stream()
                                .map(ImageReference::toString)
                                .findFirst()
                                .orElse(""));
            }
        });
    }

    private void tell(EventAction action, Image image) {
        tell(action, image.id(), image.tags().stream().findFirst().orElse(""));
    }

    /** @param name empty for none */
    private void tell(EventAction action, Digest id, String name) {
        listener.happened(action, id.toString(), name.isEmpty() ? Map.of() : Map.of("name", name));
    }

    private Found require(String what, ImageTable table, String name) {
        return resolve(table, name).orElseThrow(() -> missing(what, table, name));
    }

    private Optional<Found> resolve(ImageTable table, String text) {
        var id = ID.matcher(text);
        if (id.matches()) {
            return byDigest(table, Digest.parse(id.group(1) == null ? text : "sha256:" + id.group(1)));
        }
        var reference = ImageReference.parse(text);
        return (reference.digest().isPresent() ? byNameAndDigest(table, reference) : byName(table, reference))
                .or(() -> byPrefix(table, text));
    }

    /** An image by its id, or else by the digest of its manifest. */
    private static Optional<Found> byDigest(ImageTable table, Digest digest) {
        return table.edition(digest)
                .map(edition -> new Found(digest, edition, Optional.empty(), List.of()))
                .or(() -> table.images().keySet().stream()
                        .flatMap(id -> table.edition(id, digest).stream()
                                .map(edition -> new Found(id, edition, Optional.empty(), List.of())))
                        .findFirst());
    }

    private static Optional<Found> byName(ImageTable table, ImageReference name) {
        return Optional.ofNullable(table.names().get(name)).map(image -> found(table, image, List.of(name)));
    }

    /** The digest decides; of the name only the repository counts, as in Docker. */
    private static Optional<Found> byNameAndDigest(ImageTable table, ImageReference wanted) {
        var digest = wanted.digest().orElseThrow();
        var names = table.names().entrySet().stream()
                .filter(entry -> entry.getKey().isSameRepository(wanted)
                        && (entry.getValue().manifest().equals(digest)
                                || entry.getValue().remote().equals(digest)))
                .toList();
        return names.stream()
                .findFirst()
                .map(entry -> found(
                        table,
                        entry.getValue(),
                        names.stream().map(Map.Entry::getKey).toList()));
    }

    private static Found found(ImageTable table, NamedImage image, List<ImageReference> by) {
        var edition = table.edition(image.id(), image.manifest()).orElseThrow();
        return new Found(image.id(), edition, image.index(), by);
    }

    private static Optional<Found> byPrefix(ImageTable table, String text) {
        var prefix = ID_PREFIX.matcher(text);
        if (!prefix.matches()) {
            return Optional.empty();
        }
        var ids = table.images().keySet().stream()
                .filter(id -> id.hex().startsWith(prefix.group(1)))
                .toList();
        if (ids.size() > 1) {
            throw new InvalidSpecException(
                    "cannot use image id " + text + ": " + ids.size() + " images begin with it", "write more of it");
        }
        return ids.stream().findFirst().flatMap(id -> byDigest(table, id));
    }

    private static NotFoundException missing(String what, ImageTable table, String name) {
        var problem = "cannot " + what + " image " + Shown.text(name) + ": the store has no image of that name or id";
        if (ID.matcher(name).matches()) {
            return new NotFoundException(problem);
        }
        var similar =
                NameSuggestions.of(ImageReference.parse(name), table.names().keySet());
        return new NotFoundException(
                problem,
                similar.isEmpty()
                        ? "pull it, load an archive, or take " + HostImage.NAME
                                + ", which is made of this host's programs"
                        : "did you mean " + String.join(" or ", similar) + "?");
    }

    private Image view(ImageTable table, NamedImage image) {
        var edition = table.edition(image.id(), image.manifest()).orElse(new Edition(image.manifest(), false));
        return view(table, image.id(), edition, image.index());
    }

    private Image view(ImageTable table, Digest id, Edition edition, Optional<Digest> index) {
        return new StoredImage(
                this,
                id,
                edition,
                index,
                documents.manifest(edition.manifest()),
                documents.configuration(id),
                table.namesOf(id));
    }

    /** Reads again if an image went away meanwhile. */
    private <T> T reading(Function<ImageTable, T> read) {
        while (true) {
            var table = database.read();
            try {
                return read.apply(table);
            } catch (NotFoundException e) {
                if (table.equals(database.read())) {
                    throw e;
                }
            }
        }
    }

    private static boolean isHostImage(String name) {
        return name.equals(HostImage.NAME) || name.equals(HOST_IMAGE.toString()) || name.equals(HOST_IMAGE.canonical());
    }

    /**
     * Makes {@code cais/host} if it is not there, or was made of programs that have changed; then the old one goes, unless
     * it has another name or a container. A user's own of that name stays.
     */
    private synchronized void ensureHostImage() {
        var present = Optional.ofNullable(database.read().names().get(HOST_IMAGE));
        if (present.isPresent() && hostImageIsCurrent) {
            return;
        }
        var key = present.map(this::hostKey).orElse("");
        var isForeign = present.isPresent() && key.isEmpty();
        if (!isForeign && !(present.isPresent() && HostImage.isCurrent(key, readHostStamp()))) {
            var host = HostImage.ofThisHost();
            if (!host.key().equals(key)) {
                var unused = intake.add(() -> write(host), (table, added) -> added);
                present.ifPresent(old -> removeIfUnused(old.id()));
            }
            store.write(hostStamp, host.stamp().getBytes(StandardCharsets.UTF_8));
        }
        hostImageIsCurrent = true;
    }

    private String readHostStamp() {
        try {
            return Files.readString(hostStamp);
        } catch (IOException e) {
            return ""; // then it has to be looked at
        }
    }

    /** Empty for an image that was not made here. */
    private String hostKey(NamedImage image) {
        return documents.configuration(image.id()).config().labels().getOrDefault(HostImage.KEY_LABEL, "");
    }

    private void removeIfUnused(Digest id) {
        var isUsed = store.uses().stream().anyMatch(use -> use.needs(id));
        change(table -> isUsed || !table.namesOf(id).isEmpty() ? table : table.without(id));
        sweep.runIfIdle();
    }

    private List<ArchivedImage> write(HostImage host) {
        try (var layer = store.blobs().writer()) {
            host.writeLayer(layer);
            var diffId = layer.commit();
            return List.of(host.image(diffId, store.blobs().find(diffId).orElseThrow(), HOST_IMAGE));
        }
    }

    @Override
    public List<ImageUse> diskUse() {
        return reading(table -> {
            var uses = housekeeping.diskUse(table);
            return list(table).stream()
                    .map(image -> Objects.requireNonNull(uses.get(image.id())).of(image))
                    .toList();
        });
    }

    @Override
    public Pruned prune(PruneOptions options) {
        var before = list();
        var pruned = housekeeping.prune(options);
        var gone = before.stream()
                .filter(image -> pruned.images().contains(image.id()))
                .toList();
        for (var image : gone) {
            image.tags().forEach(name -> tell(EventAction.UNTAG, image.id(), name));
            tell(EventAction.DELETE, image);
        }
        listener.happened(EventAction.PRUNE, "", Map.of("reclaimed", String.valueOf(pruned.bytes())));
        return new Pruned(gone, ByteSize.bytes(pruned.bytes()));
    }

    @Override
    public List<Damage> verify() {
        return new Verification(store, limits, database, documents, sweep, Optional.empty()).run();
    }

    @Override
    public List<Damage> repair() {
        var origin = new Origin(registries, store, limits, documents, sweep);
        return new Verification(store, limits, database, documents, sweep, Optional.of(origin)).run();
    }

    /** Closes all connections to registries. Repeating is harmless. */
    @Override
    public void close() {
        registries.close();
    }

    /** As in {@code Images[3 images, /var/lib/cais]}. */
    @Override
    public String toString() {
        var count = database.read().images().size();
        return "Images[" + count + (count == 1 ? " image, " : " images, ") + store.root() + "]";
    }
}
