package dev.cais.image.archive;

import dev.cais.ImageConfig;
import dev.cais.ImageLimits;
import dev.cais.NotFoundException;
import dev.cais.Platform;
import dev.cais.image.layer.Compression;
import dev.cais.image.layer.TarReader;
import dev.cais.image.oci.ConfigDocument;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.JsonObject;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;

/**
 * The tar of a root file system, as an image of one layer.
 *
 * <p>The image is the same whenever and wherever it is made from this tar: it was <i>created</i> at the newest modification
 * time in it.
 */
public final class RootfsArchive {
    private static final String ORIGIN = "imported from the tar of a root file system";

    private RootfsArchive() {}

    /**
     * Reads the tar once, to find its digest and its newest file.
     *
     * @param config what the image says; its time does not count
     * @param comment for the history; empty for one that says where the layer comes from
     * @throws NotFoundException if there is no such file
     * @throws dev.cais.CorruptContentException if it is no tar, or packed in an unknown way, or goes beyond the limits
     * @throws dev.cais.StorageException if it cannot be read
     */
    public static ArchivedImage read(
            Path tar, ImageReference name, Platform platform, ImageConfig config, String comment, ImageLimits limits) {
        if (!Files.isRegularFile(tar)) {
            throw new NotFoundException("cannot import " + tar + ": there is no such file");
        }
        var what = "root file system " + tar;
        try {
            PlainFile.compression(tar);
            var plain = Compression.decompress(Files.newInputStream(tar), what);
            try (var content = new HashedContent(plain, "sha256");
                    var reader = new TarReader(content, what, limits)) {
                var newest = Instant.EPOCH;
                for (var entry = reader.next(); entry != null; entry = reader.next()) {
                    var modified = entry.attributes().modified();
                    newest = modified.isAfter(newest) ? modified : newest;
                }
                Copying.copy(
                        content,
                        OutputStream.nullOutputStream(),
                        limits.layerSize().bytes(),
                        "cannot read " + what);
                var diffId = content.digest();
                var layer = new ArchivedImage.Layer(diffId, Optional.empty(), ArchiveFile.of(tar));
                return ArchivedImage.ofOneLayer(
                        layer,
                        platform,
                        newest,
                        config.author(),
                        ConfigDocument.object(JsonObject.empty(), config),
                        comment.isEmpty() ? ORIGIN : comment,
                        name);
            }
        } catch (IOException e) {
            throw IoFailure.of("cannot import " + tar, e);
        }
    }
}
