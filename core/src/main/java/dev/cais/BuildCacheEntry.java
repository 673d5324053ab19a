package dev.cais;

import java.time.Instant;

/**
 * Something that builds have kept for later ones.
 *
 * @param id unique in the store
 * @param size bytes that it takes of the disk; {@code shared} ones would not be freed
 * @param lastUsed when a build made it or found it last
 * @param inUse whether a build that runs, or a container, needs it now; then it is not pruned
 * @param shared whether an image needs what it takes, too
 * @param description the instruction of a step, or the id of a cache directory; one line
 */
public record BuildCacheEntry(
        String id,
        Kind kind,
        ByteSize size,
        Instant created,
        Instant lastUsed,
        boolean inUse,
        boolean shared,
        String description) {
    /** What is kept. */
    public enum Kind {
        /** The layer of an instruction. */
        STEP,
        /** A directory of {@code RUN --mount=type=cache}. */
        CACHE_MOUNT
    }
}
