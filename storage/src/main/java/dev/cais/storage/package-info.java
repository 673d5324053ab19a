/**
 * The store: blobs by digest, layers unpacked once, volumes, and the files of containers.
 *
 * <p>A store is a directory that any number of engines share, in one JVM (class loaders included) or in many. Blobs,
 * layers and volumes belong to the store; containers belong to the engine that made them. Whatever is being written lives in the
 * writing engine's own directory and becomes visible by one rename, so a crash leaves nothing half done in sight; what it
 * leaves is found by the engine's lock, which the kernel drops with the process, and swept when the store is next opened.
 *
 * <pre>
 * format                      version of this layout, form of whiteouts
 * lock                        flock: shared while something is being referred to, exclusive while unreferenced things go
 * engines.lock                flock: held for moments, while an engine comes or the dead are swept
 * blobs/sha256/HEX            content as it came, by digest
 * partial/ALGORITHM-HEX       a blob that is being fetched, or was: the next fetch goes on behind it; kept for a week
 * partial/ALGORITHM-HEX.lock  flock: held while it is being fetched
 * layers/HEX24                a layer's root directory, named by the first 24 digits of its diff ID, so that the names of
 *                             127 layers and more fit into the 4096 bytes that mount(2) takes
 * layers/HEX64                its record: what makes it visible
 * layers/HEX24.lock           flock: held while it is being unpacked or deleted
 * images.*                    the image database: see dev.cais.image
 * volumes/NAME/data           a volume's files
 * volumes/NAME/record         when it was made, its labels
 * volumes/NAME/content        what it is to begin with, complete, on its way into data
 * volumes/NAME/lock           flock: held while it is being filled
 * volumes.lock                flock: shared while a container's use of volumes is written, exclusive while one is removed
 * builds.lock                 flock: held for moments, while a build takes a directory, or it is looked at or taken away
 * builds/steps/HEX            what a build's step has made: diff ID, blob, time, instruction; by the digest of its key
 * builds/steps/HEX.lock       flock: held while the step is carried out
 * builds/notes/HEX            what helps the next build: hashes of files, aspects of keys
 * builds/directories/HEX/id   what the Dockerfile calls it
 * builds/directories/HEX/data a directory of RUN --mount=type=cache
 * builds/directories/HEX/lock flock: shared or exclusive while a step uses it
 * engines/ID/lock             flock: held as long as the engine or its will lives
 * engines/ID/tmp              what is being written
 * engines/ID/containers/NAME  upper, work, root, uses (image, layers, names of volumes), volumes (anonymous ones)
 * </pre>
 *
 * <p>Files of strangers are written and removed only through {@link dev.cais.storage.FileOperations}, which no name, link or
 * mount point leads out of. Not here: what a layer's stream looks like ({@code dev.cais.image.layer}), mounting ({@code
 * dev.cais.runtime}). All types are for many threads, except where they say otherwise.
 */
@NullMarked
package dev.cais.storage;

import org.jspecify.annotations.NullMarked;
