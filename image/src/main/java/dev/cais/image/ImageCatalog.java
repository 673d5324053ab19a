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
import dev.cais.Descriptor;
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
import dev.cais.image.archive.SavedRoot;
import dev.cais.image.dockerfile.ConfigChanges;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.Index;
import dev.cais.image.oci.MediaType;
import dev.cais.image.oci.Shown;
import dev.cais.image.registry.Registries;
import dev.cais.image.registry.WebFiles;
import dev.cais.storage.Store;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * The images of a store, as {@link Images} shows them. Any number of catalogs, in any number of processes, may share a store.
 *
 * <p>A name stands for an image and the manifest it came with. {@code cais/host} is made when somebody first asks for it by
 * that name, and made anew by the first who asks in another engine if the host's programs have changed since; it is not
 * in {@link #list()} before.
 */
public final class ImageCatalog implements Images, AutoCloseable {
    private final ImageStore images;
    private final ImageChanges changes;
    private final ImageViews views;
    private final HostImageUpkeep hostImage;
    private final RemoteImages remote;
    private final BuiltImages built;
    private final Intake intake;
    private final Housekeeping housekeeping;
    private final BuildHousekeeping buildHousekeeping;
    private final Builds builds;

    /** With the default way to speak to registries. */
    public ImageCatalog(Store store, ImageLimits limits) {
        this(store, limits, RegistryOptions.defaults());
    }

    /** With nobody who listens, and nobody who builds. */
    public ImageCatalog(Store store, ImageLimits limits, RegistryOptions options) {
        this(store, limits, options, (action, id, attributes) -> {}, new Nobody());
    }

    /** Carries out builds, and adds their images here. */
    public interface Builds {
        Image build(BuildSpec spec, Consumer<BuildEvent> progress);

        List<BuildEvent.Warned> check(BuildSpec spec);
    }

    private static final class Nobody implements Builds {
        @Override
        public Image build(BuildSpec spec, Consumer<BuildEvent> progress) {
            throw refusal("build", spec);
        }

        @Override
        public List<BuildEvent.Warned> check(BuildSpec spec) {
            throw refusal("check", spec);
        }

        private static UnsupportedHostException refusal(String verb, BuildSpec spec) {
            return new UnsupportedHostException(
                    "cannot " + verb + " " + spec.context() + ": it needs an engine to run programs");
        }
    }

    /** Deletes what a process that was killed had half loaded, unless somebody else holds the store just now. */
    public ImageCatalog(
            Store store, ImageLimits limits, RegistryOptions options, ImageListener listener, Builds builds) {
        var registries = new Registries(options);
        this.builds = builds;
        this.images = ImageStore.of(store, limits);
        this.changes = new ImageChanges(images, listener);
        this.views = new ImageViews(this, images);
        this.intake = new Intake(images);
        this.hostImage = new HostImageUpkeep(images, intake, changes);
        this.remote = new RemoteImages(registries, images, hostImage, changes, views);
        this.built = new BuiltImages(registries, images, intake, changes, views, remote);
        this.housekeeping = new Housekeeping(images);
        this.buildHousekeeping = new BuildHousekeeping(images);
        images.sweep().runIfIdle();
    }

    @Override
    public Image pull(String name, PullOptions options, Consumer<ProgressEvent> listener) {
        return remote.pull(name, options, false, listener);
    }

    /**
     * What a build begins with: of the store or from its registry, as the policy says; in the second case without its layers at first. An image
     * for another platform than this host's does not take the name from the host's of the same index.
     *
     * @param name or an id of the store
     * @param listener hears of the layers when they are brought
     */
    public BaseImage base(String name, Platform platform, PullPolicy policy, Consumer<ProgressEvent> listener) {
        if (policy == PullPolicy.MISSING || policy == PullPolicy.NEVER) {
            var known = find(name).filter(image -> Index.fits(platform, image.platform()));
            if (known.isPresent()) {
                return new BaseImage(known.get(), Optional.empty());
            }
        }
        var options = PullOptions.defaults().platform(platform).policy(policy);
        return remote.base(name, options, !platform.equals(Platform.host()), listener);
    }

    @Override
    public Digest push(String name, PushOptions options, Consumer<ProgressEvent> listener) {
        return remote.push(name, options, listener);
    }

    @Override
    public Digest copy(String from, String to, CopyOptions options, Consumer<ProgressEvent> listener) {
        return remote.copy(from, to, options, listener);
    }

    /** Files of the web, by the proxies and certificates that registries are reached by. */
    public WebFiles webFiles() {
        return remote.webFiles();
    }

    @Override
    public ImageRegistry registry(String host) {
        return remote.registry(host);
    }

    @Override
    public ImageRepository repository(String name) {
        return remote.repository(name);
    }

    @Override
    public ImageSignature sign(String name, PrivateKey key, SignOptions options) {
        return remote.sign(name, key, options);
    }

    @Override
    public List<ImageSignature> signatures(String name) {
        return remote.signatures(name);
    }

    @Override
    public List<Attestation> attestations(String name) {
        try (var hold = images.store().lockShared()) {
            return views.reading(table -> ImageNames.require("read attestations of", table, name)
                    .index()
                    .map(index -> Attestations.read(images.documents(), images.store(), index))
                    .orElse(List.of()));
        }
    }

    @Override
    public List<Image> load(Path archive) {
        try (var opened =
                ImageArchive.open(archive, images.store().temporaryDirectory(), Platform.host(), images.limits())) {
            var loaded = add(opened.images());
            loaded.forEach(image -> changes.tell(EventAction.LOAD, image));
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
        try (var opened = ImageArchive.openLayout(
                layout, reference, images.store().temporaryDirectory(), Platform.host(), images.limits())) {
            var loaded = add(opened.images()).get(0);
            changes.tell(EventAction.LOAD, loaded);
            return loaded;
        }
    }

    @Override
    public Image importRootfs(Path tar, String name, Platform platform, CommitOptions changes) {
        var config = new ConfigChanges(changes).apply(ImageConfig.EMPTY);
        var image = add(List.of(RootfsArchive.read(
                        tar, ImageNames.toGive(name), platform, config, changes.message(), images.limits())))
                .get(0);
        this.changes.tell(EventAction.IMPORT, image);
        return image;
    }

    /**
     * Makes an image of one of this store and what a container has written.
     *
     * @throws NotFoundException if the store has lost the older image
     */
    public Image commit(Image base, Commit commit) {
        var names = commit.names().stream().map(ImageNames::toGive).toList();
        Supplier<List<ArchivedImage>> write = () -> {
            var edition = images.database()
                    .read()
                    .edition(base.id())
                    .orElseThrow(() -> new NotFoundException(
                            "cannot commit a container of image " + base.id() + ": the image has been removed"));
            return List.of(commit.write(
                    images.store().blobs(),
                    images.documents().bytes(base.id()),
                    images.documents().manifest(edition.manifest()),
                    images.documents().configuration(base.id()).diffIds(),
                    names));
        };
        return intake.add(write, (table, added) -> views.of(table, added.get(0)));
    }

    /**
     * Takes an image that was built, unless it is there already. Hold {@link Store#lockShared()} since its layers were found.
     *
     * @param names to give it
     */
    public Image add(BuiltImage image, List<String> names) {
        return built.add(image, names);
    }

    /**
     * What a build has come to. Hold {@link Store#lockShared()} since the layers of the images were found, until it is published.
     *
     * @param images one for each platform
     * @param indexed whether there is an index of one image, too
     * @param said of each
     * @param cannot for messages: {@code cannot build app}
     */
    public BuildResult result(
            List<BuiltImage> images,
            boolean indexed,
            BuildResult.Annotations annotations,
            List<BuildResult.Said> said,
            String cannot) {
        return built.result(images, indexed, annotations, said, cannot);
    }

    @Override
    public Image build(BuildSpec spec, Consumer<BuildEvent> progress) {
        try {
            return builds.build(spec, progress);
        } finally {
            images.sweep().runIfIdle(); // what was packed for an output alone
        }
    }

    @Override
    public List<BuildEvent.Warned> check(BuildSpec spec) {
        return builds.check(spec);
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
        return built.cache(cache, progress);
    }

    /** Checks names before anything is made for them. */
    public static void requireNames(List<String> names) {
        names.forEach(ImageNames::toGive);
    }

    private List<Image> add(List<ArchivedImage> archived) {
        return intake.add(
                () -> archived,
                (table, added) -> added.stream()
                        .map(named -> views.of(table, named))
                        .distinct()
                        .toList());
    }

    @Override
    public void save(Path target, String... names) {
        if (names.length == 0) {
            throw new InvalidSpecException("cannot save to " + target + ": no image was named");
        }
        for (var name : names) {
            hostImage.ensureIfMeant(name);
        }
        var hold = images.store().lockShared();
        try (hold) {
            var wanted = new LinkedHashMap<NamedImage, List<ImageReference>>();
            var whole = new LinkedHashMap<NamedImage, List<ImageReference>>();
            var table = images.database().read();
            for (var name : names) {
                var found = ImageNames.require("save", table, name);
                add(found.by(), wanted.computeIfAbsent(found.edited(), key -> new ArrayList<>()));
                add(found.by(), whole.computeIfAbsent(withIndex(found), key -> new ArrayList<>()));
            }
            var saved = wanted.entrySet().stream()
                    .map(image -> saved(image.getKey(), image.getValue()))
                    .toList();
            var roots = whole.entrySet().stream()
                    .map(image -> root(image.getKey(), image.getValue()))
                    .toList();
            new ArchiveWriter(images.store().blobs(), images.store().temporaryDirectory()).write(target, saved, roots);
            wanted.forEach((image, by) -> changes.tell(
                    EventAction.SAVE,
                    image.id(),
                    by.stream().map(ImageReference::toString).findFirst().orElse("")));
        }
    }

    private static void add(List<ImageReference> more, List<ImageReference> known) {
        more.stream().filter(by -> !known.contains(by)).forEach(known::add);
    }

    /** With the index of its name, if the store has all of it: other platforms, attestations. */
    private NamedImage withIndex(ImageNames.Found found) {
        var index = found.index().filter(images.documents()::isComplete);
        return new NamedImage(found.id(), found.edition().manifest(), index);
    }

    private SavedRoot root(NamedImage image, List<ImageReference> names) {
        if (image.index().isEmpty()) {
            return SavedRoot.of(saved(image, names));
        }
        var index = image.index().get();
        var type = images.documents().mediaTypeOf(index, MediaType.OCI_INDEX);
        var size = ByteSize.bytes(images.documents().bytes(index).length);
        return new SavedRoot(
                Descriptor.of(type, index, size), images.documents().below(index), names);
    }

    private SavedImage saved(NamedImage image, List<ImageReference> names) {
        return new SavedImage(
                image.manifest(),
                images.documents().bytes(image.manifest()),
                images.documents().manifest(image.manifest()),
                images.documents().bytes(image.id()),
                images.documents().configuration(image.id()),
                names);
    }

    @Override
    public List<Image> list() {
        return views.reading(views::all);
    }

    @Override
    public Image get(String name) {
        return find(name)
                .orElseThrow(() -> ImageNames.missing("find", images.database().read(), name));
    }

    @Override
    public Optional<Image> find(String name) {
        hostImage.ensureIfMeant(name);
        return views.reading(table -> ImageNames.find(table, name).map(found -> views.of(table, found)));
    }

    @Override
    public Image tag(String name, String newName) {
        var image = (StoredImage) get(name);
        return image.tag(newName);
    }

    Image tag(NamedImage image, String newName) {
        var reference = ImageNames.toGive(newName);
        var table = changes.make(before -> {
            var edition = before.standing(image.id(), image.manifest())
                    .orElseThrow(() -> new NotFoundException(
                            "cannot name image " + image.id() + " " + reference + ": it has been removed"));
            return before.named(reference, image.in(edition));
        });
        changes.tell(EventAction.TAG, image.id(), reference.toString());
        return views.of(table, Objects.requireNonNull(table.names().get(reference)));
    }

    @Override
    public void untag(String name) {
        var reference = ImageNames.toGive(name);
        changes.make(table -> {
            if (!table.names().containsKey(reference)) {
                throw ImageNames.missing("untag", table, name);
            }
            return table.withoutName(reference);
        });
        images.sweep().run();
    }

    @Override
    public void remove(String name) {
        changes.make(table -> {
            var found = ImageNames.require("remove", table, name);
            var others = new ArrayList<>(table.namesOf(found.id()));
            others.removeAll(found.by());
            if (!found.by().isEmpty() && !others.isEmpty()) {
                var renamed = table;
                for (var by : found.by()) {
                    renamed = renamed.withoutName(by);
                }
                return withoutOrphans(table, renamed);
            }
            refuseIfUsed(found.id(), name);
            return withoutOrphans(table, table.without(found.id()));
        });
        images.sweep().run();
    }

    /** See {@link Image#changes}. */
    List<FileChange> changes(List<Layer> layers, Layer layer) {
        var hold = images.store().lockShared();
        try (hold) {
            return images.store().layers().changes(layers, layer);
        }
    }

    /** Without the other platforms' images of an index that has lost its last name, unless they are used. */
    private ImageTable withoutOrphans(ImageTable before, ImageTable after) {
        var once = images.documents().belowNames(before);
        var still = images.documents().belowNames(after);
        var changed = after;
        for (var id : after.images().keySet()) {
            var isOrphan = after.namesOf(id).isEmpty()
                    && images.documents().isBelow(once, before, id)
                    && !images.documents().isBelow(still, after, id);
            if (isOrphan && images.store().uses().stream().noneMatch(use -> use.needs(id))) {
                changed = changed.without(id);
            }
        }
        return changed;
    }

    private void refuseIfUsed(Digest id, String name) {
        images.store().uses().stream().filter(use -> use.needs(id)).findFirst().ifPresent(use -> {
            throw new ConflictException(
                    "cannot remove image " + Shown.text(name) + ": container " + use.container() + " uses it",
                    Map.of("engine", use.engine()),
                    "remove the container first");
        });
    }

    @Override
    public List<ImageUse> diskUse() {
        return views.reading(table -> {
            var uses = housekeeping.diskUse(table);
            return views.all(table).stream()
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
            image.tags().forEach(name -> changes.tell(EventAction.UNTAG, image.id(), name));
            changes.tell(EventAction.DELETE, image);
        }
        changes.tellOfPruning(pruned.bytes());
        return new Pruned(gone, ByteSize.bytes(pruned.bytes()));
    }

    @Override
    public List<Damage> verify() {
        return new Verification(images, Optional.empty()).run();
    }

    @Override
    public List<Damage> repair() {
        return new Verification(images, Optional.of(remote.origin())).run();
    }

    /** Closes all connections to registries. Repeating is harmless. */
    @Override
    public void close() {
        remote.close();
    }

    /** As in {@code Images[3 images, /var/lib/cais]}. */
    @Override
    public String toString() {
        var count = images.database().read().images().size();
        return "Images[" + count + (count == 1 ? " image, " : " images, ")
                + images.store().root() + "]";
    }
}
