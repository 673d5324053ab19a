package dev.cais.image;

import dev.cais.CopyOptions;
import dev.cais.CorruptContentException;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.InvalidSpecException;
import dev.cais.image.oci.ConfigDocument;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.Index;
import dev.cais.image.oci.Manifest;
import dev.cais.image.registry.Registries;
import dev.cais.image.registry.Repository;
import dev.cais.image.registry.Task;
import dev.cais.image.signature.Signatures;
import dev.cais.image.signature.TrustPolicy;

/** One copy: from a reference to another. For one thread. */
final class RegistryCopy {
    private static final int DEEPEST = 8;

    private final Registries registries;
    private final ImageLimits limits;
    private final ImageReference from;
    private final ImageReference to;
    private final CopyOptions options;
    private final Progress progress;
    private final Task task;
    private final TrustPolicy trust;

    RegistryCopy(
            Registries registries,
            ImageLimits limits,
            ImageReference from,
            ImageReference to,
            CopyOptions options,
            Progress progress,
            Task task) {
        this.registries = registries;
        this.limits = limits;
        this.from = from;
        this.to = to;
        this.options = options;
        this.progress = progress;
        this.task = task;
        this.trust = TrustPolicy.of(from, registries.options());
    }

    Digest run() {
        trust.requireAllowed(task.cannot());
        var target = registries.repository(to, options.to(), task);
        return registries.fromAny(from, options.from(), source -> {
            var named = named(source, target);
            var root = options.platform().isEmpty() ? named : chosen(source, target, named);
            if (to.digest().filter(digest -> !digest.equals(root.digest())).isPresent()) {
                throw new InvalidSpecException(
                        task.cannot() + ": what is copied has another digest than it is to have",
                        "leave out @" + to.digest().get() + ", or copy by that digest");
            }
            var reference = to.tag().orElseGet(() -> root.digest().toString());
            new Copy(
                            source,
                            target,
                            limits,
                            options.referrers(),
                            registries.options().parallel(),
                            progress,
                            task)
                    .run(
                            root,
                            reference,
                            images -> trust.requireSigned(
                                    named.digest(), images, new Signatures(source, task)::of, task.cannot()));
            return root.digest();
        });
    }

    private Repository.Document named(Repository source, Repository target) {
        var wanted = from.digest().or(() -> source.head(from.tag().orElseThrow(), task));
        return wanted.isPresent()
                ? document(source, target, wanted.get())
                : source.manifest(from.tag().orElseThrow(), limits.manifestSize(), task);
    }

    /** From the target if it has it: a registry may count how often its manifests are read. */
    private Repository.Document document(Repository source, Repository target, Digest digest) {
        var nearest = target.hasManifest(digest, task) ? target : source;
        return nearest.manifest(digest.toString(), limits.manifestSize(), task);
    }

    /** Of an index that there is to choose from, the image for the platform. */
    private Repository.Document chosen(Repository source, Repository target, Repository.Document root) {
        var platform = options.platform().orElseThrow();
        var at = root;
        for (var depth = 0; depth < DEEPEST; depth++) {
            var what = "manifest " + at.digest() + " of " + source;
            if (!Index.is(at.bytes(), what)) {
                if (depth == 0) {
                    requirePlatform(source, at, what);
                }
                return at;
            }
            var entry = Index.parse(at.bytes(), what).choose(platform, what);
            at = document(source, target, entry.digest());
        }
        throw new CorruptContentException(task.cannot() + ": its indexes are nested deeper than " + DEEPEST);
    }

    private void requirePlatform(Repository source, Repository.Document document, String what) {
        var manifest = Manifest.parse(document.bytes(), what, limits);
        var config = ConfigDocument.parse(
                source.smallBlob(manifest.config(), limits.manifestSize(), task), "configuration of " + what, limits);
        var platform = options.platform().orElseThrow();
        if (!Index.fits(platform, config.platform())) {
            throw new CorruptContentException(
                    task.cannot() + ": " + source + " has it for " + config.platform() + " only, not for " + platform);
        }
    }
}
