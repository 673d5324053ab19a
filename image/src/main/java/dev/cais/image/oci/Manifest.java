package dev.cais.image.oci;

import dev.cais.CorruptContentException;
import dev.cais.Descriptor;
import dev.cais.ImageLimits;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What an image is made of: its configuration and its layers.
 *
 * @param mediaType OCI's or Docker's; OCI's if the document does not say
 * @param layers oldest first
 * @see <a href="https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md">OCI image spec 1.1.1, Image
 *     Manifest</a>
 */
public record Manifest(MediaType mediaType, Descriptor config, List<Descriptor> layers) {
    public Manifest {
        layers = List.copyOf(layers);
    }

    /**
     * Reads a manifest of OCI or Docker.
     *
     * @param document as messages call it: {@code manifest sha256:4f5a1c…}
     * @throws CorruptContentException if it is broken, of another version, describes no image, or could be read as an index
     */
    public static Manifest parse(byte[] content, String document, ImageLimits limits) {
        var json = JsonObject.parse(content, document);
        requireVersion(json);
        var mediaType = json.findText("mediaType")
                .map(type -> requireKind(json, "mediaType", type, MediaType.Kind.MANIFEST))
                .orElse(MediaType.OCI_MANIFEST);
        if (json.has("manifests")) {
            throw json.wrong("manifests", "belongs to an index, not to a manifest");
        }
        var config = json.descriptor("config");
        requireKind(json, "config.mediaType", config.mediaType(), MediaType.Kind.CONFIG);
        if (config.size().bytes() > limits.manifestSize().bytes()) {
            throw json.wrong(
                    "config.size", "is " + config.size().bytes() + ", beyond the limit of " + limits.manifestSize());
        }
        var layers = json.descriptors("layers");
        if (layers.size() > limits.layers()) {
            throw json.wrong("layers", "has " + layers.size() + " elements, beyond the limit of " + limits.layers());
        }
        for (var i = 0; i < layers.size(); i++) {
            requireKind(json, "layers[" + i + "].mediaType", layers.get(i).mediaType(), MediaType.Kind.LAYER);
        }
        return new Manifest(mediaType, config, layers);
    }

    /**
     * What a manifest refers to, whatever it is of: its configuration and its layers, of known and unknown media types.
     *
     * @throws CorruptContentException if it is broken or of another version
     */
    public static List<Descriptor> contents(byte[] content, String document) {
        var json = JsonObject.parse(content, document);
        requireVersion(json);
        var contents = new ArrayList<Descriptor>();
        json.findDescriptor("config").ifPresent(contents::add);
        contents.addAll(json.descriptors("layers"));
        return contents;
    }

    static void requireVersion(JsonObject json) {
        var version = json.number("schemaVersion");
        if (version == 1) {
            throw new CorruptContentException(
                    "cannot read " + json.document() + ": it is of Docker's schema 1",
                    "copy the image with skopeo copy --format v2s2");
        }
        if (version != 2) {
            throw json.wrong("schemaVersion", "is " + version + ", not 2");
        }
    }

    static MediaType requireKind(JsonObject json, String field, String mediaType, MediaType.Kind kind) {
        var known = MediaType.find(mediaType);
        return known.filter(type -> type.kind() == kind)
                .orElseThrow(() -> json.wrong(
                        field,
                        (known.isEmpty() ? "is the unknown media type " : "is the media type ") + Shown.text(mediaType)
                                + ", not that of " + kind));
    }

    /** A document of these parts: always the same bytes for the same parts. */
    public byte[] toBytes() {
        return toBytes(Map.of());
    }

    /** @param annotations by key, in order */
    public byte[] toBytes(Map<String, String> annotations) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("schemaVersion", 2);
        fields.put("mediaType", mediaType.toString());
        fields.put("config", config);
        fields.put("layers", layers);
        if (!annotations.isEmpty()) {
            fields.put("annotations", annotations);
        }
        return JsonObject.write(fields);
    }
}
