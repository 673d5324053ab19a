package dev.cais.image;

import dev.cais.ByteSize;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.InvalidSpecException;
import dev.cais.Layer;
import dev.cais.image.oci.CacheConfig;
import dev.cais.image.oci.MediaType;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What steps have come to, by the digests of their keys: the one place that knows how that is written in a {@link CacheConfig}.
 *
 * <p>A record whose digest is a step's key has the step's layer for a result. A key's outcome is also a record that has the key's for an
 * input, with a selector that says so: it is there for steps without a layer, since a step's diff ID is in the keys of those above.
 *
 * @param steps by key
 * @param notes what was found out of files, by what was asked
 */
public record KnownSteps(Map<Digest, Step> steps, Map<Digest, Digest> notes) {
    private static final String LAYER = "dev.cais.layer";
    private static final String FILES = "dev.cais.files";

    public KnownSteps {
        steps = Map.copyOf(steps);
        notes = Map.copyOf(notes);
    }

    /**
     * A step's outcome.
     *
     * @param below diff IDs of the layers that the step was carried out on; of a cache that was read, none
     * @param layer empty if only the outcome is known
     */
    public record Step(List<Digest> below, Digest diffId, Optional<Layer> layer, Instant created) {
        public Step {
            below = List.copyOf(below);
        }

        Step withoutLayer() {
            return new Step(below, diffId, Optional.empty(), created);
        }
    }

    /** @param layers what the config's blobs are; those that it has no use for are left out */
    static KnownSteps read(CacheConfig config, List<Descriptor> layers, ImageLimits limits) {
        var known = new HashMap<Digest, Layer>();
        layers.forEach(blob -> layer(blob, limits).ifPresent(layer -> known.put(blob.digest(), layer)));
        var steps = new HashMap<Digest, Step>();
        var notes = new HashMap<Digest, Digest>();
        for (var entry : config.records()) {
            for (var links : entry.inputs()) {
                for (var input : links) {
                    if (input.link() >= 0 && input.link() < config.records().size()) {
                        var key = config.records().get(input.link()).digest();
                        if (input.selector().equals(LAYER)) {
                            steps.putIfAbsent(
                                    key, new Step(List.of(), entry.digest(), Optional.empty(), Instant.EPOCH));
                        } else if (input.selector().equals(FILES)) {
                            notes.putIfAbsent(key, entry.digest());
                        }
                    }
                }
            }
        }
        for (var entry : config.records()) {
            for (var result : entry.results()) {
                if (result.layer() >= 0 && result.layer() < config.layers().size()) {
                    var layer = known.get(config.layers().get(result.layer()).blob());
                    if (layer != null) {
                        steps.put(
                                entry.digest(),
                                new Step(List.of(), layer.diffId(), Optional.of(layer), result.created()));
                    }
                }
            }
        }
        return new KnownSteps(steps, notes);
    }

    /** What several caches know: of a step that several have, the first one's outcome that comes with a layer. */
    static KnownSteps of(List<KnownSteps> all) {
        var steps = new HashMap<Digest, Step>();
        var notes = new HashMap<Digest, Digest>();
        for (var known : all) {
            known.steps.forEach((key, step) -> steps.merge(
                    key, step, (first, other) -> first.layer.isPresent() || other.layer.isEmpty() ? first : other));
            known.notes.forEach(notes::putIfAbsent);
        }
        return new KnownSteps(steps, notes);
    }

    private static Optional<Layer> layer(Descriptor blob, ImageLimits limits) {
        var diffId = blob.annotations().getOrDefault(CacheConfig.UNCOMPRESSED, "");
        try {
            return MediaType.Kind.LAYER.is(blob)
                            && !MediaType.isForeign(blob.mediaType())
                            && blob.size().compareTo(limits.layerSize()) <= 0
                    ? Optional.of(new Layer(Digest.parse(diffId), blob.digest(), blob.size(), blob.mediaType()))
                    : Optional.empty();
        } catch (InvalidSpecException e) {
            return Optional.empty();
        }
    }

    /** What is left if only some layers are given away. */
    public KnownSteps only(Set<Digest> diffIds) {
        var less = new HashMap<Digest, Step>();
        steps.forEach((key, step) -> {
            var isGiven = diffIds.contains(step.diffId) && diffIds.containsAll(step.below);
            less.put(key, isGiven ? step : step.withoutLayer());
        });
        return new KnownSteps(less, notes);
    }

    /**
     * As documents have it.
     *
     * @param blobs packed, by diff ID; those below the steps', too
     */
    Written write(Map<Digest, Layer> blobs) {
        return new Writing(blobs).run();
    }

    /** @param layers what the manifest has to describe, in the config's order, with their diff IDs and times */
    record Written(CacheConfig config, List<Descriptor> layers) {}

    private final class Writing {
        private final Map<Digest, Layer> blobs;
        private final List<CacheConfig.Layer> layers = new ArrayList<>();
        private final List<Descriptor> descriptors = new ArrayList<>();
        private final Set<Digest> described = new HashSet<>();
        private final List<CacheConfig.Entry> records = new ArrayList<>();
        private final Map<List<Digest>, Integer> byChain = new HashMap<>();

        Writing(Map<Digest, Layer> blobs) {
            this.blobs = blobs;
        }

        Written run() {
            var lengths = new ArrayList<>(steps.entrySet());
            lengths.sort(Map.Entry.<Digest, Step>comparingByValue(
                            (one, other) -> Integer.compare(one.below.size(), other.below.size()))
                    .thenComparing(entry -> entry.getKey().toString())); // those below first, and always the same
            var recordOf = new HashMap<List<Digest>, Integer>();
            for (var each : lengths) {
                var step = each.getValue();
                var chain = new ArrayList<>(step.below);
                chain.add(step.diffId);
                var below = recordOf.get(step.below);
                var results = step.layer
                        .map(layer -> List.of(new CacheConfig.Result(layer(chain, step.created), step.created)))
                        .orElse(List.of());
                var at = add(each.getKey(), results, below == null ? List.of() : List.of(input("", below)));
                recordOf.putIfAbsent(chain, at);
                if (step.layer.isEmpty()) {
                    add(step.diffId, List.of(), List.of(input(LAYER, at)));
                }
            }
            notes.entrySet().stream()
                    .sorted(Map.Entry.comparingByKey(
                            (one, other) -> one.toString().compareTo(other.toString())))
                    .forEach(note -> {
                        var asked = add(note.getKey(), List.of(), List.of());
                        add(note.getValue(), List.of(), List.of(input(FILES, asked)));
                    });
            return new Written(new CacheConfig(layers, records), descriptors);
        }

        private int add(Digest digest, List<CacheConfig.Result> results, List<CacheConfig.Input> links) {
            records.add(new CacheConfig.Entry(digest, results, links.isEmpty() ? List.of() : List.of(links)));
            return records.size() - 1;
        }

        private CacheConfig.Input input(String selector, int link) {
            return new CacheConfig.Input(selector, link);
        }

        /** The index of a chain's newest layer. */
        private int layer(List<Digest> chain, Instant created) {
            var parent = -1;
            for (var length = 1; length <= chain.size(); length++) {
                var part = List.copyOf(chain.subList(0, length));
                var known = byChain.get(part);
                if (known == null) {
                    var blob = blobs.get(chain.get(length - 1));
                    if (blob == null) {
                        throw new IllegalStateException("no blob of layer " + chain.get(length - 1));
                    }
                    layers.add(new CacheConfig.Layer(blob.blob(), parent));
                    describe(blob, length == chain.size() ? Optional.of(created) : Optional.empty());
                    known = layers.size() - 1;
                    byChain.put(part, known);
                }
                parent = known;
            }
            return parent;
        }

        private void describe(Layer blob, Optional<Instant> created) {
            if (described.add(blob.blob())) {
                var annotations = new LinkedHashMap<String, String>();
                annotations.put(CacheConfig.UNCOMPRESSED, blob.diffId().toString());
                created.ifPresent(time -> annotations.put(CacheConfig.CREATED, time.toString()));
                descriptors.add(new Descriptor(
                        blob.mediaType(),
                        blob.blob(),
                        ByteSize.bytes(blob.size().bytes()),
                        Optional.empty(),
                        "",
                        annotations,
                        List.of()));
            }
        }
    }

    /** Records for the configuration of an image that has these layers. */
    byte[] inline(List<Digest> diffIds) {
        var records = new ArrayList<CacheConfig.Entry>();
        var inImage = only(Set.copyOf(diffIds));
        var blobs = new HashMap<Digest, Layer>();
        inImage.steps.values().forEach(step -> step.layer.ifPresent(layer -> blobs.put(step.diffId, layer)));
        diffIds.forEach(diffId -> blobs.putIfAbsent(
                diffId, new Layer(diffId, diffId, ByteSize.bytes(0), MediaType.OCI_LAYER.toString())));
        var written = inImage.write(blobs);
        var positions = new HashMap<Digest, Integer>();
        blobs.forEach((diffId, layer) -> positions.put(layer.blob(), diffIds.lastIndexOf(diffId)));
        for (var entry : written.config().records()) {
            var results = entry.results().stream()
                    .map(result -> new CacheConfig.Result(
                            positions.getOrDefault(
                                    written.config()
                                            .layers()
                                            .get(result.layer())
                                            .blob(),
                                    0),
                            result.created()))
                    .toList();
            records.add(new CacheConfig.Entry(entry.digest(), results, entry.inputs()));
        }
        return CacheConfig.toBytes(records);
    }

    /** The config that records of an image stand for. */
    static CacheConfig ofImage(List<CacheConfig.Entry> records, List<Descriptor> layers) {
        var chain = new CacheConfig.Layer[layers.size()];
        Arrays.setAll(chain, at -> new CacheConfig.Layer(layers.get(at).digest(), at - 1));
        return new CacheConfig(List.of(chain), records);
    }
}
