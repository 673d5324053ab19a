package dev.cais;

import java.util.List;

/**
 * Something in the store that is not what its digest says.
 *
 * @param digest of the document or blob, or the layer's diff ID
 * @param problem as in {@code its content has another digest} or {@code bin/sh differs}
 * @param images names, or ids, of those that need it
 */
public record Damage(Kind kind, Digest digest, String problem, List<String> images, Outcome outcome) {
    public Damage {
        images = List.copyOf(images);
    }

    /** What is damaged. */
    public enum Kind {
        CONFIGURATION,
        MANIFEST,
        /** A layer as it came. */
        BLOB,
        /** A layer's files. */
        LAYER,
        /** The index that a name stands for, or what is in it beside images: other indexes, attestations. */
        INDEX
    }

    /** What was done about it. */
    public enum Outcome {
        /** Nothing: nobody asked for it. */
        FOUND,
        /** It is whole again. */
        REPAIRED,
        /**
         * It was taken away, so that loading or pulling the image again brings it. Configurations and manifests took their images
         * along; of an index that is gone, a name has the one image that there was.
         */
        REMOVED,
        /** Nothing: a container uses it. */
        IN_USE
    }
}
