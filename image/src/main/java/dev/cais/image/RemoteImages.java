package dev.cais.image;

import dev.cais.CopyOptions;
import dev.cais.Digest;
import dev.cais.EventAction;
import dev.cais.Image;
import dev.cais.ImageRegistry;
import dev.cais.ImageRepository;
import dev.cais.ImageSignature;
import dev.cais.IndexSpec;
import dev.cais.InvalidSpecException;
import dev.cais.ProgressEvent;
import dev.cais.PullOptions;
import dev.cais.PushOptions;
import dev.cais.SignOptions;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.Shown;
import dev.cais.image.registry.Registries;
import dev.cais.image.registry.Repository;
import dev.cais.image.registry.Task;
import dev.cais.image.registry.WebFiles;
import dev.cais.image.signature.Signatures;
import java.security.PrivateKey;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** What a catalog does with registries: images come from them, and go there. */
final class RemoteImages implements AutoCloseable {
    private final Registries registries;
    private final ImageStore images;
    private final HostImageUpkeep hostImage;
    private final ImageChanges changes;
    private final ImageViews views;

    RemoteImages(
            Registries registries,
            ImageStore images,
            HostImageUpkeep hostImage,
            ImageChanges changes,
            ImageViews views) {
        this.registries = registries;
        this.images = images;
        this.hostImage = hostImage;
        this.changes = changes;
        this.views = views;
    }

    /**
     * See {@link ImageCatalog#pull(String, PullOptions, Consumer)}.
     *
     * @param beside whether a name that stands for another image of the same index goes on doing so
     */
    Image pull(String name, PullOptions options, boolean beside, Consumer<ProgressEvent> listener) {
        var reference = ImageReference.parse(name);
        try (var progress = new Progress(listener)) {
            while (true) {
                var pulled = new Pull(registries, images, reference, options, beside, progress).run();
                var seen = ifThere(pulled);
                if (seen.isPresent()) { // else somebody has removed it again at once
                    changes.tell(EventAction.PULL, pulled.id(), reference.toString());
                    return seen.get();
                }
            }
        }
    }

    /** See {@link ImageCatalog#base}. */
    BaseImage base(String name, PullOptions options, boolean beside, Consumer<ProgressEvent> listener) {
        var reference = ImageReference.parse(name);
        while (true) {
            Pull.Found found;
            try (var progress = new Progress(listener)) {
                found = new Pull(registries, images, reference, options, beside, progress).look();
            }
            if (found.there().isPresent()) {
                var resolved = found.there().get();
                var image = views.of(resolved, reference);
                return new BaseImage(image, Optional.of(() -> bring(resolved, reference, options, beside, listener)));
            }
            var seen = ifThere(found.here().orElseThrow());
            if (seen.isPresent()) {
                return new BaseImage(seen.get(), Optional.empty());
            }
        }
    }

    private void bring(
            Pull.Resolved resolved,
            ImageReference reference,
            PullOptions options,
            boolean beside,
            Consumer<ProgressEvent> listener) {
        try (var progress = new Progress(listener)) {
            NamedImage pulled;
            do {
                pulled = new Pull(registries, images, reference, options, beside, progress).bring(resolved);
            } while (ifThere(pulled).isEmpty()); // somebody has removed it again at once
            changes.tell(EventAction.PULL, pulled.id(), reference.toString());
        }
    }

    private Optional<Image> ifThere(NamedImage image) {
        var hold = images.store().lockShared();
        try (hold) {
            var table = images.database().read();
            return table.edition(image.id(), image.manifest()).map(edition -> views.of(table, image));
        }
    }

    /** See {@link ImageCatalog#push(String, PushOptions, Consumer)}. */
    Digest push(String name, PushOptions options, Consumer<ProgressEvent> listener) {
        hostImage.ensureIfMeant(name);
        var hold = images.store().lockShared();
        try (hold;
                var progress = new Progress(listener)) {
            images.sweep().expect(); // layers may be compressed for it
            var found = ImageNames.require("push", images.database().read(), name);
            var reference = found.by().stream()
                    .filter(by -> by.tag().isPresent())
                    .findFirst()
                    .orElseThrow(() -> new InvalidSpecException(
                            "cannot push " + Shown.text(name) + ": it is no name with a tag",
                            "give the image a tag of the registry, and push that"));
            var image = found.named();
            var task = new Task("push " + reference, registries.options().timeout());
            var pushed = new Push(registries, images, reference, options, progress, task).run(image);
            changes.tell(EventAction.PUSH, found.id(), reference.toString());
            return pushed;
        } finally {
            hold.close();
            images.sweep().runIfIdle();
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
        index.entries().forEach(entry -> hostImage.ensureIfMeant(entry.image()));
        var hold = images.store().lockShared();
        try (hold;
                var progress = new Progress(listener)) {
            images.sweep().expect(); // layers may be compressed for it
            var table = images.database().read();
            var push = new Push(registries, images, repository, PushOptions.defaults(), progress, task);
            return new IndexPush(
                            registries,
                            images.limits(),
                            target,
                            name -> ImageNames.find(table, name).map(ImageNames.Found::named),
                            push,
                            progress,
                            task)
                    .run(index, tag);
        } finally {
            hold.close();
            images.sweep().runIfIdle();
        }
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
            var push = new Push(registries, images, reference, options, progress, task);
            var pushed = push.run(root, isIndex);
            changes.tell(EventAction.PUSH, id, reference.toString());
            return pushed;
        }
    }

    /** See {@link ImageCatalog#copy(String, String, CopyOptions, Consumer)}. */
    Digest copy(String from, String to, CopyOptions options, Consumer<ProgressEvent> listener) {
        var source = ImageReference.parse(from);
        var target = ImageReference.parse(to);
        var task = new Task(
                "copy " + source + " to " + target, registries.options().timeout());
        try (var progress = new Progress(listener)) {
            return new RegistryCopy(registries, images.limits(), source, target, options, progress, task).run();
        }
    }

    /** Files of the web, by the proxies and certificates that registries are reached by. */
    WebFiles webFiles() {
        return registries.webFiles();
    }

    /** See {@link ImageCatalog#registry(String)}. */
    ImageRegistry registry(String host) {
        if (host.indexOf('/') >= 0
                || !ImageReference.parse(host + "/x").registry().equals(host)) {
            throw new InvalidSpecException(
                    "cannot use registry " + Shown.text(host) + ": it is no host[:port] as names have it",
                    "write localhost:5000 or docker.io, without https://");
        }
        return new NamedRegistry(registries, images.limits(), host, Optional.empty());
    }

    /** See {@link ImageCatalog#repository(String)}. */
    ImageRepository repository(String name) {
        return new NamedRepository(
                this, registries, images.limits(), ImageReference.parseRepository(name), Optional.empty());
    }

    /** See {@link ImageCatalog#sign(String, PrivateKey, SignOptions)}. */
    ImageSignature sign(String name, PrivateKey key, SignOptions options) {
        var reference = ImageReference.parse(name);
        var task = new Task("sign " + reference, registries.options().timeout());
        var bare = reference.registry() + "/" + reference.repository();
        return registries.toAny(reference, options.credentials(), repository -> {
            var wanted = options.reference().isEmpty() ? options.reference(bare) : options;
            return new Signatures(repository, task).sign(resolve(reference, repository, task), wanted, key);
        });
    }

    /** See {@link ImageCatalog#signatures(String)}. */
    List<ImageSignature> signatures(String name) {
        var reference = ImageReference.parse(name);
        var task =
                new Task("read signatures of " + reference, registries.options().timeout());
        return registries.fromAny(
                reference,
                Optional.empty(),
                repository -> new Signatures(repository, task).of(resolve(reference, repository, task)));
    }

    /** What a name stands for in a repository. */
    private Digest resolve(ImageReference reference, Repository repository, Task task) {
        var wanted = reference.digest().map(Digest::toString).or(reference::tag).orElseThrow();
        return repository
                .head(wanted, task)
                .orElseGet(() -> repository
                        .manifest(wanted, images.limits().manifestSize(), task)
                        .digest());
    }

    /** With this, what is broken is fetched again. */
    Origin origin() {
        return new Origin(registries, images);
    }

    /** Closes all connections. Repeating is harmless. */
    @Override
    public void close() {
        registries.close();
    }
}
