/**
 * Archives: images in files and directories, as other tools write and read them.
 *
 * <p>An archive lies on disk, so it is not read front to back: its files are found by name, each is opened when it is
 * needed, and the layers are read by several threads at once. A compressed archive is unpacked into the store's temporary
 * directory first. Reading happens in two steps. {@link dev.cais.image.archive.ImageArchive} reads and checks every document,
 * and knows then what each image is made of; nothing has been written so far. The layers' contents are checked when they
 * are copied, by whoever copies them.
 *
 * <p>Reads: OCI image layout 1.0.0 (image-layout.md of OCI image spec 1.1.1) as a directory or tar, with Docker's and
 * containerd's annotations; docker-archive, as Docker 1.10 and later, podman, skopeo, buildah and Jib write it; skopeo's
 * {@code dir:}. Writes: OCI layouts and docker-archives, the same bytes each time, under a temporary name until they are
 * whole. Not here: layers' contents ({@code image.layer}), the image database ({@code image}). Objects belong to one thread;
 * the files of an open archive may be read by many.
 */
@NullMarked
package dev.cais.image.archive;

import org.jspecify.annotations.NullMarked;
