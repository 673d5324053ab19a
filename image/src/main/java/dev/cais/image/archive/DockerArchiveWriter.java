package dev.cais.image.archive;

import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.image.layer.Compression;
import dev.cais.image.layer.TarEntry;
import dev.cais.image.layer.TarWriter;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.JsonObject;
import dev.cais.storage.Attributes;
import dev.cais.storage.Blobs;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Writes docker-archives: configurations as they came, layers uncompressed, each once and named by its diff ID. Names are
 * written in full, as podman does: Docker reads both, but podman takes a short name for one of {@code localhost}.
 *
 * @see <a href="https://github.com/moby/docker-image-spec/blob/v1.3.1/spec.md#combined-image-json--filesystem-changeset-format">
 *     Docker image specification 1.3, Combined Image JSON + Filesystem Changeset Format</a>
 */
final class DockerArchiveWriter {
    private final TarWriter tar;
    private final Blobs blobs;
    private final Path temporary;
    private final Set<String> written = new HashSet<>();

    DockerArchiveWriter(TarWriter tar, Blobs blobs, Path temporary) {
        this.tar = tar;
        this.blobs = blobs;
        this.temporary = temporary;
    }

    void write(List<SavedImage> images) throws IOException {
        for (var image : images) {
            for (var i = 0; i < image.document().diffIds().size(); i++) {
                writeLayer(
                        image.document().diffIds().get(i),
                        image.manifest().layers().get(i));
            }
            write(configPath(image), image.config());
        }
        write(
                "manifest.json",
                JsonObject.write(images.stream().map(DockerArchiveWriter::item).toList()));
        write("repositories", JsonObject.write(repositories(images)));
    }

    private void write(String name, byte[] content) throws IOException {
        if (written.add(name)) {
            tar.write(file(name, content.length), new ByteArrayInputStream(content));
        }
    }

    private void writeLayer(Digest diffId, Descriptor layer) throws IOException {
        if (!written.add(layerPath(diffId))) {
            return;
        }
        var what = "layer " + layer.digest() + " of the store";
        try (var content =
                new HashedContent(Compression.decompress(blobs.open(layer.digest()), what), diffId.algorithm())) {
            if (layer.digest().equals(diffId)) {
                tar.write(file(layerPath(diffId), layer.size().bytes()), content);
                content.verify(diffId, "layer " + diffId + " of the store");
            } else {
                writeUnpacked(diffId, content);
            }
        }
    }

    /** By way of a file, since a tar has the size before the content. */
    private void writeUnpacked(Digest diffId, HashedContent content) throws IOException {
        var unpacked = Files.createTempFile(temporary, "layer", ".tar");
        try {
            try (var target = Files.newOutputStream(unpacked)) {
                Copying.copy(content, target, Long.MAX_VALUE, "cannot save layer " + diffId);
            }
            content.verify(diffId, "layer " + diffId + " of the store");
            try (var plain = Files.newInputStream(unpacked)) {
                tar.write(file(layerPath(diffId), Files.size(unpacked)), plain);
            }
        } finally {
            Files.delete(unpacked);
        }
    }

    private static TarEntry file(String name, long size) {
        return TarEntry.file(name, size, Attributes.ofMode(0644));
    }

    private static String layerPath(Digest diffId) {
        return diffId.hex() + ".tar";
    }

    private static String configPath(SavedImage image) {
        return image.manifest().config().digest().hex() + ".json";
    }

    private static Map<String, Object> item(SavedImage image) {
        var item = new LinkedHashMap<String, Object>();
        item.put("Config", configPath(image));
        item.put(
                "RepoTags",
                image.names().stream().map(ImageReference::canonical).toList());
        item.put(
                "Layers",
                image.document().diffIds().stream()
                        .map(DockerArchiveWriter::layerPath)
                        .toList());
        return item;
    }

    /** For readers from before {@code manifest.json}: which layer each name ends in. */
    private static Map<String, Object> repositories(List<SavedImage> images) {
        var repositories = new TreeMap<String, Map<String, String>>();
        for (var image : images) {
            var diffIds = image.document().diffIds();
            for (var name : diffIds.isEmpty() ? List.<ImageReference>of() : image.names()) {
                repositories
                        .computeIfAbsent(name.registry() + "/" + name.repository(), repository -> new TreeMap<>())
                        .put(
                                name.tag().orElseThrow(),
                                diffIds.get(diffIds.size() - 1).hex());
            }
        }
        return new LinkedHashMap<>(repositories);
    }
}
