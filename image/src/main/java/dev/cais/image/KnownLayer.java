package dev.cais.image;

import dev.cais.Digest;

/** Which blob is which layer. */
record KnownLayer(Digest blob, Digest diffId) {}
