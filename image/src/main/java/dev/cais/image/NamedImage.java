package dev.cais.image;

import dev.cais.Digest;

/**
 * What a name stands for.
 *
 * @param id of the image
 * @param manifest which of its editions
 */
record NamedImage(Digest id, Digest manifest) {}
