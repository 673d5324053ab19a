package dev.cais;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a manifest in a registry says.
 *
 * @param descriptor points to it, with its type if it is an artifact, and its annotations
 * @param json the document, as the registry gave it; its UTF-8 bytes are what the digest is of
 * @param config the configuration; empty for an index
 * @param blobs layers of an image, oldest first, or an artifact's content
 * @param manifests of an index
 * @param subject what this refers to
 */
public record RemoteManifest(
        Descriptor descriptor,
        String json,
        Optional<Descriptor> config,
        List<Descriptor> blobs,
        List<Descriptor> manifests,
        Optional<Descriptor> subject) {
    public RemoteManifest {
        blobs = List.copyOf(blobs);
        manifests = List.copyOf(manifests);
    }

    public Digest digest() {
        return descriptor.digest();
    }

    /** What an artifact is; empty for images and indexes. */
    public String artifactType() {
        return descriptor.artifactType();
    }

    public Map<String, String> annotations() {
        return descriptor.annotations();
    }

    /** The document. */
    @Override
    public String toString() {
        return json;
    }
}
