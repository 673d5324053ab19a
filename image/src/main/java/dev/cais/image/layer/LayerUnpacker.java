package dev.cais.image.layer;

import dev.cais.CancelledException;
import dev.cais.CorruptContentException;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.storage.FileOperations;
import dev.cais.storage.LayerCheck;
import dev.cais.storage.Layers;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;

/** Turns layers into directories of the store. For many threads. */
public final class LayerUnpacker {
    private final Layers layers;
    private final ImageLimits limits;

    public LayerUnpacker(Layers layers, ImageLimits limits) {
        this.layers = layers;
        this.limits = limits;
    }

    /**
     * The layer's root directory; unpacks it unless the store has it.
     *
     * @throws CorruptContentException if the stream is broken, is not what its diff ID says, leads out of its root or exceeds
     *     the limits
     * @throws dev.cais.StorageException if the store cannot be written or the source cannot be read
     * @throws CancelledException if the thread is interrupted
     */
    public Path unpack(LayerSource layer) {
        return layers.add(layer.diffId(), files -> write(layer, files));
    }

    /** Unpacks a layer that the store has once more, to compare. */
    public LayerCheck check(LayerSource layer) {
        return layers.check(layer.diffId(), files -> write(layer, files));
    }

    private long write(LayerSource layer, FileOperations files) {
        var what = "layer " + layer.diffId();
        try (var chunks = inflated(layer.content().open(), what, layer.diffId().algorithm(), limits)) {
            var size = new LayerWriter(files, what, limits).write(new TarReader(chunks, what, limits));
            var digest = chunks.digest();
            if (!digest.equals(layer.diffId())) {
                throw new CorruptContentException(
                        "cannot unpack " + what + ": its content is another",
                        Map.of("digest", digest),
                        "fetch or save it again");
            }
            layer.verified().run();
            return size;
        } catch (IOException e) {
            throw StreamChunks.unreadable(what, e);
        }
    }

    /** Unpacks several layers, as many at once as there are processors; in the order given. The first failure ends all. */
    public List<Path> unpack(List<LayerSource> sources) {
        if (sources.size() == 1) {
            return List.of(unpack(sources.get(0)));
        }
        var tasks = new ArrayList<Callable<Path>>();
        sources.forEach(source -> tasks.add(() -> unpack(source)));
        return Workers.run(
                "cais-unpack",
                Runtime.getRuntime().availableProcessors(),
                tasks,
                "cannot unpack " + sources.size() + " layers");
    }

    /** The sha256 digest of the uncompressed stream, for a tar that has no configuration yet; closes the stream. */
    public static Digest diffId(InputStream content, String what, ImageLimits limits) {
        try (var chunks = inflated(content, what, "sha256", limits)) {
            return chunks.digest();
        }
    }

    private static InflatedChunks inflated(InputStream content, String what, String algorithm, ImageLimits limits) {
        return new InflatedChunks(content, what, algorithm, limits);
    }
}
