package dev.cais.image.archive;

import dev.cais.ConflictException;
import dev.cais.EngineException;
import dev.cais.image.layer.Compression;
import dev.cais.image.layer.TarWriter;
import dev.cais.storage.Blobs;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/** Writes images where other tools read them. The same images and names give the same bytes. */
public final class ArchiveWriter {
    private static final int BUFFER = 1 << 17;

    private static final Pattern OCI_TAR = Pattern.compile(".*\\.oci\\.(?:tar|tgz|tar\\.gz)");

    private final Blobs blobs;
    private final Path temporary;

    /**
     * @param blobs of the store, whose shared lock is held
     * @param temporary directory for layers while they are being unpacked
     */
    public ArchiveWriter(Blobs blobs, Path temporary) {
        this.blobs = blobs;
        this.temporary = temporary;
    }

    /**
     * Writes an OCI layout if the target is a directory, or does not exist and has no ending of a tar; a tar of an OCI layout if
     * it ends in {@code .oci.tar}, {@code .oci.tgz} or {@code .oci.tar.gz}; else a docker-archive. An ending in {@code gz}
     * asks for gzip. A file is replaced; in a directory that holds an OCI layout the images are added, and take
     * their names from those that had them.
     *
     * @param images for a docker-archive
     * @param roots the same for a layout, which may have indexes
     * @throws ConflictException if the target is a directory with something else in it, or a device
     * @throws dev.cais.CorruptContentException if the store's content is damaged
     * @throws dev.cais.StorageException if it cannot be written
     * @throws dev.cais.CancelledException if the thread is interrupted; what was written is gone, as with any other failure
     */
    public void write(Path target, List<SavedImage> images, List<SavedRoot> roots) {
        var name = String.valueOf(target.getFileName()).toLowerCase(Locale.ROOT);
        var isTar = isZipped(name) || name.endsWith(".tar");
        var isLayout = OCI_TAR.matcher(name).matches();
        try (var pending = Files.isDirectory(target) || (!isTar && !Files.exists(target))
                ? layout(target, roots)
                : isLayout ? layoutArchive(target, roots) : dockerArchive(target, images)) {
            pending.publish();
        } catch (IOException e) {
            throw unwritable(target, e);
        }
    }

    private static boolean isZipped(String name) {
        return name.endsWith(".tgz") || name.endsWith(".tar.gz");
    }

    private static EngineException unwritable(Path target, IOException cause) {
        return IoFailure.of("cannot save to " + target, cause);
    }

    /** Writes a layout, or adds to the one that is there. */
    public Pending layout(Path directory, List<SavedRoot> roots) {
        try {
            return new LayoutWriter(roots, blobs).begin(directory);
        } catch (IOException e) {
            throw unwritable(directory, e);
        }
    }

    /** Writes the tar of a layout. */
    public Pending layoutArchive(Path target, List<SavedRoot> roots) {
        return file(target, tar -> new LayoutWriter(roots, blobs).write(tar));
    }

    public Pending dockerArchive(Path target, List<SavedImage> images) {
        return file(target, tar -> new DockerArchiveWriter(tar, blobs, temporary).write(images));
    }

    /** What is in a tar. */
    private interface Content {
        void write(TarWriter tar) throws IOException;
    }

    private static Pending file(Path target, Content content) {
        return Replacement.file(target, plain -> {
            var name = String.valueOf(target.getFileName()).toLowerCase(Locale.ROOT);
            try (var packed = (isZipped(name) ? Compression.GZIP : Compression.NONE).compress(plain);
                    var tar = new TarWriter(new BufferedOutputStream(packed, BUFFER))) {
                content.write(tar);
            }
        });
    }
}
