package dev.cais.image.layer;

import dev.cais.Digest;
import java.io.IOException;
import java.io.InputStream;

/**
 * A layer to unpack.
 *
 * @param diffId digest of the uncompressed tar, as the image's configuration has it
 * @param content opens the stream, compressed or not; asked only if the store does not have the layer
 * @param verified called when all of it was read and is what the diff ID says, before anyone can see the layer
 */
public record LayerSource(Digest diffId, Opener content, Runnable verified) {
    public LayerSource(Digest diffId, Opener content) {
        this(diffId, content, () -> {});
    }

    /** Opens a stream. */
    @FunctionalInterface
    public interface Opener {
        InputStream open() throws IOException;
    }
}
