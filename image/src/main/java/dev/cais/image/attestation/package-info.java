/**
 * What is said of an image beside it: a bill of its materials, and how it was made.
 *
 * <p>A {@link PackageScan} finds the packages that the files of an image tell of: Debian's, Alpine's and Java's. An {@link SpdxDocument} lists
 * them. {@link Provenance} says what a build was given and what it was made of. Each is a {@link Predicate}; a {@link Statement} says it
 * of one manifest.
 *
 * <p>The files are a stranger's: they are looked up below the image's root, read to a limit, and what is not as it should be is passed over:
 * a bill of materials says what was found, never that there is no more.
 *
 * <p>Implements SPDX 2.3 as JSON, in-toto Statement v0.1, SLSA Provenance v1. Not here: who signs it, and manifests ({@code image}).
 */
@NullMarked
package dev.cais.image.attestation;

import org.jspecify.annotations.NullMarked;
