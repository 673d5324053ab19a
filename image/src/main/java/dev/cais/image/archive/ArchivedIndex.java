package dev.cais.image.archive;

import dev.cais.Descriptor;
import dev.cais.Digest;
import java.util.List;

/**
 * An index of an archive that has all that is below it.
 *
 * @param digest of the index
 * @param documents it, other indexes below it, and manifests of what is no image, as attestations are
 * @param blobs what those manifests refer to
 * @param others its images, but the one that it was found by
 */
public record ArchivedIndex(
        Digest digest, List<ArchivedImage.Content> documents, List<Blob> blobs, List<ArchivedImage> others) {
    public ArchivedIndex {
        documents = List.copyOf(documents);
        blobs = List.copyOf(blobs);
        others = List.copyOf(others);
    }

    /** @param content not checked against anything but its size */
    public record Blob(Descriptor descriptor, ArchiveFile content) {}
}
