package dev.cais.image.layer;

import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.storage.Layers;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;

/** Turns layers into directories of the store. For many threads. */
public final class LayerUnpacker {
    public LayerUnpacker(Layers layers, ImageLimits limits) {}

    /**
     * The layer's root directory; unpacks it unless the store has it.
     *
     * @throws dev.cais.CorruptContentException if the stream is broken, is not what its diff ID says, leads out of its root
     *     or exceeds the limits
     * @throws dev.cais.StorageException if the store cannot be written or the source cannot be read
     * @throws dev.cais.CancelledException if the thread is interrupted
     */
    public Path unpack(LayerSource layer) {
        throw new UnsupportedOperationException();
    }

    /** Unpacks several layers, as many at once as there are processors; in the order given. The first failure ends all. */
    public List<Path> unpack(List<LayerSource> sources) {
        throw new UnsupportedOperationException();
    }

    /** The digest of the uncompressed stream, for a tar that has no configuration yet; closes the stream. */
    public static Digest diffId(InputStream content, String what, ImageLimits limits) throws IOException {
        throw new UnsupportedOperationException();
    }
}
