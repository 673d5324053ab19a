package dev.cais.image.archive;

import dev.cais.Digest;
import dev.cais.image.oci.ConfigDocument;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.Manifest;
import java.util.List;

/**
 * An image that is to be written into an archive; its layers' blobs are in the store.
 *
 * @param digest of {@code manifestBytes}
 * @param config the bytes, whose digest and size are in the manifest
 * @param names to write beside it, perhaps none; each with a tag
 */
public record SavedImage(
        Digest digest,
        byte[] manifestBytes,
        Manifest manifest,
        byte[] config,
        ConfigDocument document,
        List<ImageReference> names) {
    public SavedImage {
        names = List.copyOf(names);
    }
}
