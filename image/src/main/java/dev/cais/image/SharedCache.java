package dev.cais.image;

import dev.cais.ByteSize;
import dev.cais.CorruptContentException;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.Layer;
import dev.cais.image.archive.Copying;
import dev.cais.image.archive.IoFailure;
import dev.cais.image.layer.Compression;
import dev.cais.image.layer.Workers;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.MediaType;
import dev.cais.storage.Store;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.apache.commons.io.output.CloseShieldOutputStream;

/** A build cache that others use, too. */
public final class SharedCache {
    private static final int MOST_AT_ONCE = 4;

    private final CachePlace place;
    private final Store store;
    private final Sweep sweep;

    SharedCache(CachePlace place, Store store, Sweep sweep) {
        this.place = place;
        this.store = store;
        this.sweep = sweep;
    }

    /**
     * What it knows.
     *
     * @throws dev.cais.NotFoundException if it is not there
     * @throws dev.cais.RegistryException if its server could not be reached, or refused
     * @throws CorruptContentException if it is broken
     */
    public KnownSteps read() {
        return place.read();
    }

    /**
     * Takes a layer into the store. Hold {@link Store#lockShared()}.
     *
     * @throws CorruptContentException if it is not what was promised; then the store has nothing of it
     */
    public void fetch(Layer layer) {
        sweep.expect(); // it may come and be of no use
        place.fetch(layer);
    }

    /**
     * Leaves what a build has come to for others.
     *
     * @param steps of which those with a layer give it away
     * @param layers of the steps and below them, as the store has them or is to get them
     * @param missing brings one into the store that is not there; the store's shared lock is not held
     */
    public void write(KnownSteps steps, Set<Layer> layers, Consumer<Layer> missing) {
        try {
            send(steps, layers, missing);
        } finally {
            sweep.runIfIdle();
        }
    }

    private void send(KnownSteps steps, Set<Layer> layers, Consumer<Layer> missing) {
        var needed = new HashSet<Digest>();
        steps.steps()
                .values()
                .forEach(step -> step.layer().ifPresent(layer -> {
                    needed.add(step.diffId());
                    needed.addAll(step.below());
                }));
        var byDiffId = new LinkedHashMap<Digest, Layer>();
        layers.stream()
                .filter(layer -> needed.contains(layer.diffId()))
                .forEach(layer -> byDiffId.put(layer.diffId(), layer));
        var sending = new ArrayList<Callable<Layer>>();
        byDiffId.values().forEach(layer -> sending.add(() -> send(layer, missing)));
        var packed = new HashMap<Digest, Layer>();
        Workers.run("cais-cache", MOST_AT_ONCE, sending, cannot()).forEach(layer -> packed.put(layer.diffId(), layer));

        place.publish(steps.write(packed));
    }

    private String cannot() {
        return "cannot write the build cache in " + place;
    }

    /** Gives the layer as it is there. */
    private Layer send(Layer layer, Consumer<Layer> missing) {
        var known = isPlain(layer) ? packedBefore(layer) : Optional.of(layer);
        if (known.isPresent() && place.has(known.get())) {
            return known.get();
        }
        missing.accept(layer);
        var hold = store.lockShared();
        try (hold) {
            if (!isPlain(layer)) {
                place.put(described(layer), () -> store.blobs().open(layer.blob()));
                return layer;
            }
            sweep.expect(); // packed layers are nobody's
            try (var packed = store.blobs().writer()) {
                try (var plain = store.blobs().open(layer.blob());
                        var out = Compression.GZIP.compress(CloseShieldOutputStream.wrap(packed), 0)) {
                    Copying.copy(plain, out, layer.size().bytes(), cannot());
                }
                var size = packed.size();
                var blob = packed.commit();
                var result = new Layer(layer.diffId(), blob, ByteSize.bytes(size), MediaType.OCI_LAYER_GZIP.toString());
                store.builds().putNote(noteOf(layer), (blob + " " + size).getBytes(StandardCharsets.US_ASCII));
                place.put(described(result), () -> store.blobs().open(blob));
                return result;
            } catch (IOException e) {
                throw IoFailure.of(cannot(), e);
            }
        }
    }

    private static Descriptor described(Layer layer) {
        return Descriptor.of(layer.mediaType(), layer.blob(), layer.size());
    }

    private static boolean isPlain(Layer layer) {
        return layer.mediaType().equals(MediaType.OCI_LAYER.toString());
    }

    private static Digest noteOf(Layer layer) {
        return Hash.sha256(("packed with gzip\n" + layer.diffId()).getBytes(StandardCharsets.US_ASCII));
    }

    /** What a plain layer becomes, if it was packed before: the same each time. */
    private Optional<Layer> packedBefore(Layer layer) {
        return store.builds()
                .note(noteOf(layer))
                .map(note -> new String(note, StandardCharsets.US_ASCII).split(" "))
                .filter(fields -> fields.length == 2)
                .map(fields -> new Layer(
                        layer.diffId(),
                        Digest.parse(fields[0]),
                        ByteSize.bytes(Long.parseLong(fields[1])),
                        MediaType.OCI_LAYER_GZIP.toString()));
    }
}
