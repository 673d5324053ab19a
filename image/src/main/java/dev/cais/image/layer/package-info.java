/**
 * Layers: tar streams of changes, and the directories they become.
 *
 * <p>A layer is read once, front to back, by two threads: one inflates and hashes, one writes. Entries are written through
 * {@link dev.cais.storage.FileOperations}, below a root that no link leads out of; a whiteout hides what older layers have.
 * The digest of the uncompressed stream, its <i>diff ID</i>, is compared at the end, before anyone can see the directory.
 *
 * <p>Implements OCI image spec 1.1.1, layer.md, Applying Changesets and Whiteouts; POSIX.1-2017, pax, ustar and pax formats;
 * GNU tar's long names, sparse files and base-256 numbers. Not here: fetching ({@code image.registry}), archives of whole
 * images ({@code image.archive}). Readers, writers and unpackings belong to one thread each.
 */
@NullMarked
package dev.cais.image.layer;

import org.jspecify.annotations.NullMarked;
