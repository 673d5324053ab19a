package dev.cais.image;

import dev.cais.Digest;

/**
 * A manifest of an image. The same configuration may have come with several: with layers compressed in different ways, say.
 *
 * @param manifest the digest of the manifest
 * @param made whether it was made here, since the image came without one
 */
record Edition(Digest manifest, boolean made) {}
