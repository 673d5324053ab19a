package dev.cais.image;

import dev.cais.ArtifactSpec;
import dev.cais.ByteSize;
import dev.cais.CorruptContentException;
import dev.cais.Credentials;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.ImageRepository;
import dev.cais.IndexSpec;
import dev.cais.InvalidSpecException;
import dev.cais.ProgressEvent;
import dev.cais.RemoteManifest;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.Manifest;
import dev.cais.image.oci.MediaType;
import dev.cais.image.oci.Shown;
import dev.cais.image.registry.Registries;
import dev.cais.image.registry.Repository;
import dev.cais.image.registry.Task;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** A repository by its name: asks the registry anew each time. */
final class NamedRepository implements ImageRepository {
    private static final String PLACEHOLDER = "application/vnd.dev.cais.deleted";

    private final RemoteImages images;
    private final Registries registries;
    private final ImageLimits limits;
    private final ImageReference reference;
    private final Optional<Credentials> credentials;

    NamedRepository(
            RemoteImages images,
            Registries registries,
            ImageLimits limits,
            ImageReference reference,
            Optional<Credentials> credentials) {
        this.images = images;
        this.registries = registries;
        this.limits = limits;
        this.reference = reference;
        this.credentials = credentials;
    }

    @Override
    public String name() {
        return reference.familiarRepository();
    }

    @Override
    public ImageRepository credentials(Credentials changed) {
        return new NamedRepository(images, registries, limits, reference, Optional.of(changed));
    }

    private Task task(String what) {
        return new Task(what, registries.options().timeout());
    }

    private Repository repository(Task task) {
        return registries.repository(reference, credentials, task);
    }

    private String at(String tagOrDigest) {
        return name() + (isDigest(tagOrDigest) ? "@" : ":") + tagOrDigest;
    }

    private static boolean isDigest(String tagOrDigest) {
        return tagOrDigest.indexOf(':') >= 0;
    }

    private static void requireReference(String tagOrDigest) {
        if (isDigest(tagOrDigest)) {
            Digest.parse(tagOrDigest);
        } else {
            requireTag(tagOrDigest);
        }
    }

    private static void requireTag(String tag) {
        if (!ImageReference.isTag(tag)) {
            throw new InvalidSpecException(
                    "cannot use tag " + Shown.text(tag) + ": it is none",
                    "write 1 to 128 letters, digits, _, . or hyphens, not beginning with . or a hyphen");
        }
    }

    @Override
    public Stream<String> tags() {
        var task = task("list the tags of " + name());
        return repository(task).tags(limits.manifestSize(), task);
    }

    @Override
    public RemoteManifest manifest(String tagOrDigest) {
        requireReference(tagOrDigest);
        var task = task("read manifest " + at(tagOrDigest));
        return manifest(repository(task), tagOrDigest, task);
    }

    private RemoteManifest manifest(Repository repository, String tagOrDigest, Task task) {
        var document = repository.manifest(tagOrDigest, limits.manifestSize(), task);
        var what = "manifest " + tagOrDigest + " of " + repository;
        var json = JsonObject.parse(document.bytes(), what);
        Manifest.contents(document.bytes(), what); // refuses other versions
        if (json.has("manifests") && (json.has("config") || json.has("layers"))) {
            throw new CorruptContentException("cannot read " + what + ": it could be an index or a manifest");
        }
        var mediaType = json.findText("mediaType").orElse(document.mediaType());
        var config = json.findDescriptor("config");
        var artifactType = json.findText("artifactType")
                .filter(type -> !type.isEmpty())
                .or(() ->
                        config.filter(found -> !MediaType.Kind.CONFIG.is(found)).map(Descriptor::mediaType))
                .orElse("");
        return new RemoteManifest(
                new Descriptor(
                        mediaType,
                        document.digest(),
                        ByteSize.bytes(document.bytes().length),
                        Optional.empty(),
                        artifactType,
                        json.textMap("annotations"),
                        List.of()),
                new String(document.bytes(), StandardCharsets.UTF_8),
                config,
                json.descriptors("layers"),
                json.descriptors("manifests"),
                json.findDescriptor("subject"));
    }

    @Override
    public byte[] read(Descriptor blob) {
        var task = task("read blob " + blob.digest() + " of " + name());
        return repository(task).smallBlob(blob, limits.manifestSize(), task);
    }

    @Override
    public List<Path> download(String tagOrDigest, Path directory) {
        requireReference(tagOrDigest);
        var task = task("download " + at(tagOrDigest) + " to " + directory);
        var repository = repository(task);
        var manifest = manifest(repository, tagOrDigest, task);
        return new ArtifactDownload(
                        repository,
                        manifest,
                        directory,
                        limits,
                        registries.options().parallel(),
                        task)
                .run();
    }

    @Override
    public Digest push(ArtifactSpec artifact) {
        return push(Optional.empty(), artifact, task("push an artifact to " + name()));
    }

    @Override
    public Digest push(String tag, ArtifactSpec artifact) {
        requireTag(tag);
        return push(Optional.of(tag), artifact, task("push artifact " + at(tag)));
    }

    private Digest push(Optional<String> tag, ArtifactSpec artifact, Task task) {
        return new ArtifactPush(
                        repository(task), artifact, limits, registries.options().parallel(), task)
                .run(tag);
    }

    @Override
    public Digest push(String tag, IndexSpec index, Consumer<ProgressEvent> progress) {
        requireTag(tag);
        var task = task("push index " + at(tag));
        return images.push(repository(task), reference, tag, index, progress, task);
    }

    @Override
    public List<Descriptor> referrers(Digest subject) {
        var task = task("list what refers to " + name() + "@" + subject);
        return repository(task).referrers(subject, limits.manifestSize(), task);
    }

    @Override
    public void delete(String tagOrDigest) {
        requireReference(tagOrDigest);
        var task = task("delete " + at(tagOrDigest));
        var repository = repository(task);
        if (isDigest(tagOrDigest)) {
            repository.delete(Digest.parse(tagOrDigest), limits.manifestSize(), task);
        } else if (!repository.delete(tagOrDigest, task)) {
            deleteWithAnother(repository, tagOrDigest, task);
        }
    }

    /** Moves the tag to a manifest of its own, which then takes it along. */
    private void deleteWithAnother(Repository repository, String tag, Task task) {
        var original = repository.manifest(tag, limits.manifestSize(), task);
        var random = HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
        var another = push(Optional.of(tag), ArtifactSpec.of(PLACEHOLDER).annotation("dev.cais.deleted", random), task);
        try {
            repository.delete(another, limits.manifestSize(), task);
        } catch (RuntimeException e) {
            repository.putManifest(tag, original, task);
            throw e;
        }
    }

    /** As in {@code ImageRepository[localhost:5000/app]}. */
    @Override
    public String toString() {
        return "ImageRepository[" + name() + "]";
    }
}
