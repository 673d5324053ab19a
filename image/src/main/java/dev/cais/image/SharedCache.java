package dev.cais.image;

import dev.cais.ByteSize;
import dev.cais.CorruptContentException;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.Layer;
import dev.cais.Platform;
import dev.cais.image.archive.Copying;
import dev.cais.image.archive.IoFailure;
import dev.cais.image.layer.Compression;
import dev.cais.image.layer.Workers;
import dev.cais.image.oci.CacheConfig;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.Index;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.MediaType;
import dev.cais.image.registry.Repository;
import dev.cais.storage.Store;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.apache.commons.io.output.CloseShieldOutputStream;

/**
 * A build cache that others use, too, in a registry or a directory. It is written as an image manifest whose configuration is a {@link
 * CacheConfig}; an index of layers, as older BuildKits write, and an image with an inline cache are read, too.
 */
public final class SharedCache {
    private static final int MOST_AT_ONCE = 4;

    private final CachePlace place;
    private final Store store;
    private final ImageLimits limits;
    private final Sweep sweep;

    SharedCache(CachePlace place, Store store, ImageLimits limits, Sweep sweep) {
        this.place = place;
        this.store = store;
        this.limits = limits;
        this.sweep = sweep;
    }

    /**
     * What it knows.
     *
     * @throws dev.cais.NotFoundException if it is not there
     * @throws dev.cais.RegistryException if its registry could not be reached, or refused
     * @throws CorruptContentException if it is broken
     */
    public KnownSteps read() {
        var root = place.root();
        var what = "the build cache in " + place;
        var json = JsonObject.parse(root.bytes(), what);
        if (!json.has("manifests")) {
            return readManifest(json, what);
        }
        var entries = json.descriptors("manifests");
        var config = entries.stream()
                .filter(entry -> entry.mediaType().equals(CacheConfig.MEDIA_TYPE))
                .findFirst();
        if (config.isPresent()) {
            return readConfig(config.get(), entries, what);
        }
        var image = new Index(entries).choose(Platform.host(), what);
        return readManifest(JsonObject.parse(place.document(image), what), what);
    }

    private KnownSteps readManifest(JsonObject manifest, String what) {
        var config = manifest.descriptor("config");
        var layers = manifest.descriptors("layers");
        return config.mediaType().equals(CacheConfig.MEDIA_TYPE)
                ? readConfig(config, layers, what)
                : readInline(config, layers, what);
    }

    private KnownSteps readConfig(Descriptor config, List<Descriptor> layers, String what) {
        return KnownSteps.read(CacheConfig.parse(place.document(config), what), layers, limits);
    }

    private KnownSteps readInline(Descriptor config, List<Descriptor> layers, String what) {
        var json = JsonObject.parse(place.document(config), what);
        var inline = json.findText(CacheConfig.INLINE);
        var diffIds = json.objectOrEmpty("rootfs").digests("diff_ids");
        if (inline.isEmpty() || diffIds.size() != layers.size()) {
            return new KnownSteps(Map.of(), Map.of());
        }
        byte[] records;
        try {
            records = Base64.getDecoder().decode(inline.get().getBytes(StandardCharsets.US_ASCII));
        } catch (IllegalArgumentException e) {
            throw json.wrong(CacheConfig.INLINE, "is not in base64");
        }
        var described = new ArrayList<Descriptor>();
        for (var i = 0; i < layers.size(); i++) {
            described.add(withDiffId(layers.get(i), diffIds.get(i)));
        }
        return KnownSteps.read(
                KnownSteps.ofImage(CacheConfig.parseRecords(records, what), described), described, limits);
    }

    private static Descriptor withDiffId(Descriptor layer, Digest diffId) {
        return new Descriptor(
                layer.mediaType(),
                layer.digest(),
                layer.size(),
                Optional.empty(),
                "",
                Map.of(CacheConfig.UNCOMPRESSED, diffId.toString()),
                List.of());
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

        var written = steps.write(packed);
        var config = written.config().toBytes();
        var descriptor = Descriptor.of(CacheConfig.MEDIA_TYPE, Hash.sha256(config), ByteSize.bytes(config.length));
        place.put(descriptor, () -> new ByteArrayInputStream(config));
        var fields = new LinkedHashMap<String, Object>();
        fields.put("schemaVersion", 2);
        fields.put("mediaType", MediaType.OCI_MANIFEST);
        fields.put("config", descriptor);
        fields.put("layers", written.layers());
        var manifest = JsonObject.write(fields);
        place.publish(new Repository.Document(MediaType.OCI_MANIFEST.toString(), Hash.sha256(manifest), manifest));
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
