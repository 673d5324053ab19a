package dev.cais.image;

import static java.util.stream.Collectors.toSet;

import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.IndexSpec;
import dev.cais.InvalidSpecException;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.Index;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.Manifest;
import dev.cais.image.oci.MediaType;
import dev.cais.image.registry.Registries;
import dev.cais.image.registry.Repository;
import dev.cais.image.registry.Task;
import dev.cais.image.signature.Signatures;
import dev.cais.image.signature.TrustPolicy;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/** One push of an index that is made of images from here and from elsewhere: they first, then the index. For one thread. */
final class IndexPush {
    private final Registries registries;
    private final ImageLimits limits;
    private final Repository target;
    private final Function<String, Optional<NamedImage>> store;
    private final Push push;
    private final Progress progress;
    private final Task task;

    /**
     * @param store what it has of a name or an id
     * @param push sends what the store has to the target
     */
    IndexPush(
            Registries registries,
            ImageLimits limits,
            Repository target,
            Function<String, Optional<NamedImage>> store,
            Push push,
            Progress progress,
            Task task) {
        this.registries = registries;
        this.limits = limits;
        this.target = target;
        this.store = store;
        this.push = push;
        this.progress = progress;
        this.task = task;
    }

    Digest run(IndexSpec spec, String tag) {
        if (spec.entries().isEmpty()) {
            throw new InvalidSpecException(task.cannot() + ": it has no images", "add some");
        }
        var entries = new LinkedHashMap<String, Map<String, Object>>();
        for (var entry : spec.entries()) {
            for (var part : parts(entry)) {
                entries.put(String.valueOf(part.get("digest")), part);
            }
        }
        var bytes = Index.document(MediaType.OCI_INDEX, List.copyOf(entries.values()), spec.annotations());
        var digest = Hash.sha256(bytes);
        target.putManifest(tag, new Repository.Document(MediaType.OCI_INDEX.toString(), digest, bytes), task);
        return digest;
    }

    /** What an image becomes in the index; it is in the target then. */
    private List<Map<String, Object>> parts(IndexSpec.Entry entry) {
        var parts = store.apply(entry.image())
                .map(image -> push.parts(image, target))
                .orElseGet(() -> copied(ImageReference.parse(entry.image())));
        if (parts.size() > 1 && entry.platform().isPresent()) {
            throw new InvalidSpecException(
                    task.cannot() + ": " + entry.image() + " is for several platforms",
                    "say a platform only of what is for one");
        }
        for (var part : parts) {
            entry.platform().ifPresent(platform -> part.put("platform", JsonObject.map(platform)));
            if (!entry.annotations().isEmpty()) {
                var annotations = new LinkedHashMap<String, Object>();
                if (part.get("annotations") instanceof Map<?, ?> own) {
                    own.forEach((key, value) -> annotations.put(key.toString(), String.valueOf(value)));
                }
                annotations.putAll(entry.annotations());
                part.put("annotations", annotations);
            }
        }
        return parts;
    }

    private List<Map<String, Object>> copied(ImageReference reference) {
        var trust = TrustPolicy.of(reference, registries.options());
        trust.requireAllowed(task.cannot());
        return registries.fromAny(reference, Optional.empty(), source -> {
            var wanted = reference
                    .digest()
                    .map(Digest::toString)
                    .orElseGet(() -> reference.tag().orElseThrow());
            var root = source.manifest(wanted, limits.manifestSize(), task);
            var what = "manifest " + wanted + " of " + source;
            var parts = new ArrayList<Map<String, Object>>();
            var documents = new ArrayList<Repository.Document>();
            var images = Set.of(root.digest());
            if (Index.is(root.bytes(), what)) {
                images = Index.parse(root.bytes(), what).images().stream()
                        .map(Descriptor::digest)
                        .collect(toSet());
                for (var part : JsonObject.parse(root.bytes(), what).objects("manifests")) {
                    parts.add(part.copy());
                    documents.add(source.manifest(part.digest("digest").toString(), limits.manifestSize(), task));
                }
            } else {
                parts.add(part(source, root, what));
                documents.add(root);
            }
            trust.requireSigned(root.digest(), images, new Signatures(source, task)::of, task.cannot());
            new Copy(source, target, limits, false, registries.options().parallel(), progress, task).run(documents);
            return parts;
        });
    }

    private Map<String, Object> part(Repository source, Repository.Document document, String what) {
        var manifest = Manifest.parse(document.bytes(), what, limits);
        var config = JsonObject.parse(
                source.smallBlob(manifest.config(), limits.manifestSize(), task),
                "configuration " + manifest.config().digest() + " of " + source);
        return Index.entry(manifest.mediaType().descriptor(document.digest(), document.bytes().length), config);
    }
}
