package dev.cais.image.archive;

import dev.cais.ConflictException;
import dev.cais.image.layer.Compression;
import dev.cais.image.layer.TarWriter;
import dev.cais.storage.Blobs;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
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
     * @throws ConflictException if the target is a directory with something else in it, or a device
     * @throws dev.cais.CorruptContentException if the store's content is damaged
     * @throws dev.cais.StorageException if it cannot be written
     * @throws dev.cais.CancelledException if the thread is interrupted; what was written is gone, as with any other failure
     */
    public void write(Path target, List<SavedImage> images) {
        var name = String.valueOf(target.getFileName()).toLowerCase(Locale.ROOT);
        var isZipped = name.endsWith(".tgz") || name.endsWith(".tar.gz");
        var isTar = isZipped || name.endsWith(".tar");
        try {
            if (Files.isDirectory(target) || (!isTar && !Files.exists(target))) {
                new LayoutWriter(images, blobs).write(target);
                return;
            }
            if (Files.exists(target) && !Files.isRegularFile(target)) { // never in the place of a device
                throw new ConflictException("cannot save to " + target + ": it is no regular file");
            }
            try (var file = Replacement.of(Files.exists(target) ? target.toRealPath() : target)) {
                writeTar(file.path(), images, isZipped, OCI_TAR.matcher(name).matches());
                file.publish();
            }
        } catch (IOException e) {
            throw IoFailure.of("cannot save to " + target, e);
        }
    }

    private void writeTar(Path file, List<SavedImage> images, boolean isZipped, boolean isLayout) throws IOException {
        var plain = Files.newOutputStream(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        try (plain;
                var packed = (isZipped ? Compression.GZIP : Compression.NONE).compress(plain);
                var tar = new TarWriter(new BufferedOutputStream(packed, BUFFER))) {
            if (isLayout) {
                new LayoutWriter(images, blobs).write(tar);
            } else {
                new DockerArchiveWriter(tar, blobs, temporary).write(images);
            }
        }
    }
}
