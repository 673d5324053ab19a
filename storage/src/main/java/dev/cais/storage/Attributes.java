package dev.cais.storage;

import java.time.Instant;
import java.util.List;

/**
 * What a file has beside its name and content.
 *
 * @param uid owner, 0 to 2³²−2
 * @param gid group, 0 to 2³²−2
 * @param mode the twelve permission bits of chmod(2); others are ignored
 * @param modified to the nanosecond; what the file system cannot hold it clamps
 * @param accessed likewise
 * @param xattrs extended attributes, in the order to set them
 */
public record Attributes(long uid, long gid, int mode, Instant modified, Instant accessed, List<Xattr> xattrs) {
    public Attributes {
        xattrs = List.copyOf(xattrs);
    }

    /** Owned by root, 1970, nothing extended. */
    public static Attributes ofMode(int mode) {
        return new Attributes(0, 0, mode, Instant.EPOCH, Instant.EPOCH, List.of());
    }
}
