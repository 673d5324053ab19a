package dev.cais.image.archive;

import dev.cais.CorruptContentException;
import dev.cais.ImageLimits;
import dev.cais.NotFoundException;
import dev.cais.Platform;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;

/** An archive of images that was opened for reading; see the package for the kinds. */
public final class ImageArchive implements AutoCloseable {
    private final ArchiveFiles files;
    private final List<ArchivedImage> images;

    private ImageArchive(ArchiveFiles files, List<ArchivedImage> images) {
        this.files = files;
        this.images = images;
    }

    /**
     * Reads and checks all documents of an archive.
     *
     * @param path a file, plain or compressed, or a directory
     * @param temporary directory for what a compressed archive unpacks to
     * @param host the platform to choose where an index offers several
     * @throws NotFoundException if there is no such file
     * @throws CorruptContentException if the documents are broken, hostile or of an unknown kind
     * @throws dev.cais.StorageException if the file cannot be read, or the temporary directory cannot be written
     * @throws dev.cais.CancelledException if the thread is interrupted
     */
    public static ImageArchive open(Path path, Path temporary, Platform host, ImageLimits limits) {
        return read(openFiles(path, temporary, limits), files -> readImages(files, host, limits));
    }

    /**
     * The same for one image of an OCI layout, without its names.
     *
     * @param reference the digest of an entry of {@code index.json}, or its name there; empty if the layout has but one
     * @throws NotFoundException if there is no such entry, or no layout at all
     */
    public static ImageArchive openLayout(
            Path path, String reference, Path temporary, Platform host, ImageLimits limits) {
        return read(openFiles(path, temporary, limits), files -> {
            if (!files.has("oci-layout")) {
                throw new NotFoundException("cannot load " + files.name() + ": it is no OCI layout");
            }
            return List.of(new LayoutReader(files, host, limits).image(reference));
        });
    }

    private static ImageArchive read(ArchiveFiles files, Function<ArchiveFiles, List<ArchivedImage>> images) {
        try {
            return new ImageArchive(files, images.apply(files));
        } catch (RuntimeException | Error e) {
            try {
                files.close();
            } catch (RuntimeException inner) {
                e.addSuppressed(inner);
            }
            throw e;
        }
    }

    private static ArchiveFiles openFiles(Path path, Path temporary, ImageLimits limits) {
        if (!Files.exists(path)) {
            throw new NotFoundException("cannot load " + path + ": there is no such file");
        }
        if (Files.isDirectory(path)) {
            return new DirectoryFiles(path);
        }
        if (!Files.isRegularFile(path)) {
            throw new CorruptContentException("cannot load " + path + ": it is neither a file nor a directory");
        }
        return TarFiles.open(PlainFile.of(path, temporary, limits), path.toString(), limits);
    }

    private static List<ArchivedImage> readImages(ArchiveFiles files, Platform host, ImageLimits limits) {
        if (files.has("oci-layout")) {
            return new LayoutReader(files, host, limits).images();
        }
        if (files.has("manifest.json")) {
            return files.has("version")
                    ? new LayoutReader(files, host, limits).directoryTransport()
                    : new DockerArchiveReader(files, limits).images();
        }
        if (files.has("repositories")) {
            throw new CorruptContentException(
                    "cannot load " + files.name() + ": it is of a Docker before 1.10, without manifest.json",
                    "load it into a newer Docker and save it again");
        }
        throw new CorruptContentException(
                "cannot load " + files.name()
                        + ": it has neither oci-layout nor manifest.json, so it is no image archive",
                "take importRootfs for the tar of a root file system");
    }

    /** In the archive's order. */
    public List<ArchivedImage> images() {
        return images;
    }

    @Override
    public void close() {
        files.close();
    }
}
