package dev.cais.image;

import dev.cais.Digest;
import dev.cais.image.oci.ImageReference;
import java.util.Optional;

/**
 * A manifest of an image. The same configuration may have come with several: with layers compressed in different ways, say.
 *
 * @param manifest the digest of the manifest
 * @param made whether it was made here, since the image came without one
 * @param source the name by which it last came from a registry; only the repository counts
 */
record Edition(Digest manifest, boolean made, Optional<ImageReference> source) {
    Edition(Digest manifest, boolean made) {
        this(manifest, made, Optional.empty());
    }

    boolean isSame(Edition other) {
        return manifest.equals(other.manifest);
    }

    /** With the source of another one of the same manifest, if this one has none. */
    Edition or(Edition other) {
        return source.isPresent() ? this : new Edition(manifest, made, other.source);
    }
}
