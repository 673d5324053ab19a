package dev.cais.image.archive;

import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.Platform;
import dev.cais.image.oci.ConfigDocument;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.JsonObject;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * An image of an archive: its documents are checked, its layers are not yet.
 *
 * @param manifest empty for a docker-archive, which has none
 * @param config likewise the bytes as they are
 * @param document what the configuration says
 * @param layers oldest first, as many as {@code document} has
 * @param names perhaps none
 * @param index that the names stand for, if it is in the archive with all its images; the image is one of them
 */
public record ArchivedImage(
        Optional<Content> manifest,
        Content config,
        ConfigDocument document,
        List<Layer> layers,
        List<ImageReference> names,
        Optional<ArchivedIndex> index) {
    public ArchivedImage {
        layers = List.copyOf(layers);
        names = List.copyOf(names);
    }

    /** Without an index. */
    public ArchivedImage(
            Optional<Content> manifest,
            Content config,
            ConfigDocument document,
            List<Layer> layers,
            List<ImageReference> names) {
        this(manifest, config, document, layers, names, Optional.empty());
    }

    ArchivedImage with(List<ImageReference> otherNames, Optional<ArchivedIndex> of) {
        return new ArchivedImage(manifest, config, document, layers, otherNames, of);
    }

    /**
     * An image of one layer that came without a configuration; the same parts give the same bytes.
     *
     * @param author or empty
     * @param config Docker's and OCI's {@code config} object: {@code Env}, {@code Cmd} …
     * @param origin where the layer comes from, for the history
     */
    public static ArchivedImage ofOneLayer(
            Layer layer,
            Platform platform,
            Instant created,
            String author,
            Map<String, Object> config,
            String origin,
            ImageReference name) {
        var step = new LinkedHashMap<String, Object>();
        step.put("created", created);
        step.put("comment", origin);
        var rootfs = new LinkedHashMap<String, Object>();
        rootfs.put("type", "layers");
        rootfs.put("diff_ids", List.of(layer.diffId()));
        var document = new LinkedHashMap<String, Object>();
        document.put("created", created);
        if (!author.isEmpty()) {
            document.put("author", author);
        }
        document.put("architecture", platform.architecture());
        document.put("os", platform.os());
        if (!platform.variant().isEmpty()) {
            document.put("variant", platform.variant());
        }
        document.put("config", config);
        document.put("rootfs", rootfs);
        document.put("history", List.of(step));
        var content = Content.of(JsonObject.write(document));
        return new ArchivedImage(
                Optional.empty(),
                content,
                ConfigDocument.parse(content.bytes(), "configuration " + content.digest(), ImageLimits.DEFAULT),
                List.of(layer),
                List.of(name));
    }

    /**
     * A document.
     *
     * @param digest of the bytes
     * @param bytes as they are, not copied
     */
    public record Content(Digest digest, byte[] bytes) {
        static Content of(byte[] bytes) {
            return new Content(Hash.sha256(bytes), bytes);
        }
    }

    /**
     * A layer as the archive has it.
     *
     * @param descriptor from the manifest; empty if there is none: then the content's digest has yet to be found
     * @param content compressed or not, not checked against anything but its size
     */
    public record Layer(Digest diffId, Optional<Descriptor> descriptor, ArchiveFile content) {}
}
