package dev.cais;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The images of a store. Names are as Docker's: {@code busybox}, {@code ghcr.io/a/b:1}, an id, or a unique prefix of one. */
public interface Images {
    /**
     * Loads every image of an archive: what {@code docker save}, {@code podman save}, {@code skopeo copy}, buildah or Jib
     * wrote (docker-archive, OCI layout as a tar or a directory; the file may be gzip or zstd compressed). Tags move to the
     * loaded images.
     *
     * @return in the archive's order
     * @throws CorruptContentException if anything in it is broken, hostile or of an unknown kind; then nothing is loaded
     */
    List<Image> load(Path archive);

    /**
     * Saves images: as an OCI layout if the target is a directory or its name ends in {@code /} (or does not end in {@code
     * .tar}, {@code .tgz}, {@code .tar.gz} and does not exist), else as a docker-archive that {@code docker load} reads.
     *
     * @throws NotFoundException if there is no such image; then nothing is written
     */
    void save(Path target, String... names);

    /**
     * Makes an image of one layer from a root file system's tar (plain, gzip, zstd), as {@code docker import} does.
     *
     * @param name for the image, as in {@code imported:latest}
     */
    Image importRootfs(Path tar, String name);

    /** All images of the store, newest first, then by id. */
    List<Image> list();

    /** @throws NotFoundException with names like it */
    Image get(String name);

    Optional<Image> find(String name);

    /** Gives an image another name, taking it from the image that had it. */
    Image tag(String name, String newName);

    /**
     * Takes a name away; the image stays, even without any.
     *
     * @throws NotFoundException if nothing has the name
     */
    void untag(String name);

    /**
     * Removes a name, and with the last one the image and what no other image or container needs. An id removes the image
     * with all its names.
     *
     * @throws ConflictException if a container uses the image
     */
    void remove(String name);
}
