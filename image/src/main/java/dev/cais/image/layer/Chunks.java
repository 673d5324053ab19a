package dev.cais.image.layer;

import org.jspecify.annotations.Nullable;

/** Bytes in pieces, each valid until the next is asked for. */
interface Chunks {
    /** Some bytes. */
    final class Chunk {
        final byte[] bytes;
        int length;

        Chunk(int capacity) {
            bytes = new byte[capacity];
        }
    }

    /** The next piece, which is not empty; null at the end. */
    @Nullable
    Chunk next();

    /** Passes over at most this many of the bytes that follow; returns how many, which may be none. */
    default long skip(long count) {
        return 0;
    }
}
