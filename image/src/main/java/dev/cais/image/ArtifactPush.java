package dev.cais.image;

import dev.cais.ArtifactSpec;
import dev.cais.ByteSize;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.NotFoundException;
import dev.cais.image.archive.Copying;
import dev.cais.image.archive.HashedContent;
import dev.cais.image.archive.IoFailure;
import dev.cais.image.layer.Workers;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.MediaType;
import dev.cais.image.registry.Repository;
import dev.cais.image.registry.Task;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;

/**
 * One push of an artifact: blobs first, then the manifest.
 *
 * @see <a href="https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidelines-for-artifact-usage">OCI image
 *     spec 1.1.1, Guidelines for Artifact Usage</a>
 */
final class ArtifactPush {
    static final String EMPTY_TYPE = "application/vnd.oci.empty.v1+json";
    private static final ArtifactSpec.Blob EMPTY =
            new ArtifactSpec.Blob(new ArtifactSpec.Bytes("{}".getBytes(StandardCharsets.UTF_8)), EMPTY_TYPE, Map.of());

    private final Repository repository;
    private final ArtifactSpec artifact;
    private final ImageLimits limits;
    private final int parallel;
    private final Task task;

    ArtifactPush(Repository repository, ArtifactSpec artifact, ImageLimits limits, int parallel, Task task) {
        this.repository = repository;
        this.artifact = artifact;
        this.limits = limits;
        this.parallel = parallel;
        this.task = task;
    }

    /** Content, and what points to it. */
    private record Part(ArtifactSpec.Blob blob, Descriptor descriptor) {}

    /** @param tag empty to put it under its digest */
    Digest run(Optional<String> tag) {
        var subject = artifact.subject().map(this::subject);
        var config = part(artifact.config().orElse(EMPTY));
        var layers = (artifact.blobs().isEmpty() ? List.of(EMPTY) : artifact.blobs())
                .stream().map(this::part).toList();
        var parts = new LinkedHashSet<>(layers);
        parts.add(config);
        send(parts);
        var bytes = manifest(config, layers, subject);
        var digest = Hash.sha256(bytes);
        repository.putManifest(
                tag.orElse(digest.toString()),
                new Repository.Document(MediaType.OCI_MANIFEST.toString(), digest, bytes),
                task);
        return digest;
    }

    private Descriptor subject(Digest digest) {
        var document = repository.manifest(digest.toString(), limits.manifestSize(), task);
        return Descriptor.of(document.mediaType(), digest, ByteSize.bytes(document.bytes().length));
    }

    private Part part(ArtifactSpec.Blob blob) {
        if (blob.source() instanceof ArtifactSpec.HostFile file) {
            return new Part(blob, described(blob, file.path()));
        }
        var content = ((ArtifactSpec.Bytes) blob.source()).content();
        return new Part(blob, described(blob, Hash.sha256(content), content.length));
    }

    private Descriptor described(ArtifactSpec.Blob blob, Path file) {
        try (var content = new HashedContent(Files.newInputStream(file), "sha256")) {
            var size = Copying.copy(content, OutputStream.nullOutputStream(), Long.MAX_VALUE, task.cannot());
            return described(blob, content.digest(), size);
        } catch (NoSuchFileException e) {
            throw new NotFoundException(task.cannot() + ": there is no file " + file);
        } catch (IOException e) {
            throw IoFailure.of(task.cannot(), e);
        }
    }

    private static Descriptor described(ArtifactSpec.Blob blob, Digest digest, long size) {
        return new Descriptor(
                blob.mediaType(), digest, ByteSize.bytes(size), Optional.empty(), "", blob.annotations(), List.of());
    }

    private void send(Set<Part> parts) {
        var missing = new LinkedHashMap<Digest, Part>();
        parts.forEach(part -> missing.putIfAbsent(part.descriptor.digest(), part));
        var sending = new ArrayList<Callable<Boolean>>();
        missing.values()
                .forEach(part -> sending.add(() -> {
                    if (!repository.hasBlob(part.descriptor.digest(), task)) {
                        repository.upload(
                                new Repository.Upload(part.descriptor, offset -> open(part.blob, offset)),
                                Set.of(),
                                ByteSize.UNLIMITED,
                                new Repository.Untold(),
                                task);
                    }
                    return true;
                }));
        Workers.run("cais-push", parallel, sending, task.cannot());
    }

    private static InputStream open(ArtifactSpec.Blob blob, long offset) throws IOException {
        var content = blob.source() instanceof ArtifactSpec.HostFile file
                ? Files.newInputStream(file.path())
                : new ByteArrayInputStream(((ArtifactSpec.Bytes) blob.source()).content());
        try {
            content.skipNBytes(offset);
            return content;
        } catch (IOException e) {
            content.close();
            throw e;
        }
    }

    private byte[] manifest(Part config, List<Part> layers, Optional<Descriptor> subject) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("schemaVersion", 2);
        fields.put("mediaType", MediaType.OCI_MANIFEST);
        fields.put("artifactType", artifact.type());
        fields.put("config", config.descriptor);
        fields.put("layers", layers.stream().map(Part::descriptor).toList());
        subject.ifPresent(descriptor -> fields.put("subject", descriptor));
        if (!artifact.annotations().isEmpty()) {
            fields.put("annotations", artifact.annotations());
        }
        return JsonObject.write(fields);
    }
}
