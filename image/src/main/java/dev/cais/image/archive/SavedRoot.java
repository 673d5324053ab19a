package dev.cais.image.archive;

import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.image.oci.ImageReference;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * What a layout is to have an entry for: an image, or an index of some.
 *
 * @param descriptor of its manifest or index
 * @param blobs of the store that belong to it: that document, and all below it
 * @param names to write beside it, perhaps none; each with a tag
 */
public record SavedRoot(Descriptor descriptor, Set<Digest> blobs, List<ImageReference> names) {
    public SavedRoot {
        blobs = Set.copyOf(blobs);
        names = List.copyOf(names);
    }

    /** Of an image alone. */
    public static SavedRoot of(SavedImage image) {
        var blobs = new LinkedHashSet<Digest>();
        blobs.add(image.digest());
        blobs.add(image.manifest().config().digest());
        image.manifest().layers().forEach(layer -> blobs.add(layer.digest()));
        return new SavedRoot(
                image.manifest().mediaType().descriptor(image.digest(), image.manifestBytes().length),
                blobs,
                image.names());
    }
}
