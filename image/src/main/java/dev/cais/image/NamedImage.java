package dev.cais.image;

import dev.cais.Digest;
import java.util.Optional;

/**
 * What a name stands for.
 *
 * @param id of the image
 * @param manifest which of its editions
 * @param index that the name has in its registry, and the image is of; empty if the manifest itself has the name there
 */
record NamedImage(Digest id, Digest manifest, Optional<Digest> index) {
    NamedImage(Digest id, Digest manifest) {
        this(id, manifest, Optional.empty());
    }

    /** The same image in an edition, which another index may be of, or none. */
    NamedImage in(Edition edition) {
        return edition.manifest().equals(manifest) ? this : new NamedImage(id, edition.manifest());
    }

    /** What the registry calls by the name. */
    Digest remote() {
        return index.orElse(manifest);
    }
}
