package dev.cais;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A pointer to content: what it is, its digest and its size.
 *
 * @param mediaType as written, known or not
 * @param platform of an image, and only in an index
 * @param artifactType empty for images
 * @param annotations by key, in order
 * @param urls where else the content is to be had, in order
 * @see <a href="https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md">OCI image spec 1.1.1, Content
 *     Descriptors</a>
 */
public record Descriptor(
        String mediaType,
        Digest digest,
        ByteSize size,
        Optional<Platform> platform,
        String artifactType,
        Map<String, String> annotations,
        List<String> urls) {
    public Descriptor {
        annotations = Collections.unmodifiableMap(new LinkedHashMap<>(annotations));
        urls = List.copyOf(urls);
    }

    /** A descriptor with nothing optional. */
    public static Descriptor of(String mediaType, Digest digest, ByteSize size) {
        return new Descriptor(mediaType, digest, size, Optional.empty(), "", Map.of(), List.of());
    }
}
