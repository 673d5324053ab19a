package dev.cais.image.oci;

import dev.cais.CorruptContentException;
import dev.cais.Digest;
import dev.cais.Platform;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A pointer to content: what it is, its digest and its size.
 *
 * @param mediaType as written, known or not
 * @param size in bytes, not negative
 * @param platform only in an index
 * @param artifactType empty for images
 * @param annotations by key
 * @param urls where else the content is to be had, in order
 * @see <a href="https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md">OCI image spec 1.1.1, Content
 *     Descriptors</a>
 */
public record Descriptor(
        String mediaType,
        Digest digest,
        long size,
        Optional<Platform> platform,
        String artifactType,
        Map<String, String> annotations,
        List<String> urls) {
    public Descriptor {
        urls = List.copyOf(urls);
        annotations = Map.copyOf(annotations);
    }

    /** A descriptor with nothing optional. */
    public static Descriptor of(MediaType mediaType, Digest digest, long size) {
        return new Descriptor(mediaType.toString(), digest, size, Optional.empty(), "", Map.of(), List.of());
    }

    /** @throws CorruptContentException if a field is missing or wrong */
    static Descriptor read(JsonObject json) {
        var size = json.number("size");
        if (size < 0) {
            throw json.wrong("size", "is negative");
        }
        return new Descriptor(
                json.text("mediaType"),
                json.digest("digest"),
                size,
                json.findObject("platform").map(Descriptor::readPlatform),
                json.findText("artifactType").orElse(""),
                json.textMap("annotations"),
                json.texts("urls"));
    }

    private static Platform readPlatform(JsonObject json) {
        return new Platform(
                json.text("os"),
                json.text("architecture"),
                json.findText("variant").orElse(""));
    }

    public boolean is(MediaType.Kind kind) {
        return MediaType.is(kind, mediaType);
    }

    /** For {@link JsonObject#write}: the three fields that are always there. */
    public Map<String, Object> toJson() {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("mediaType", mediaType);
        fields.put("digest", digest.toString());
        fields.put("size", size);
        return fields;
    }
}
