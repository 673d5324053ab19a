package dev.cais.image.oci;

import dev.cais.CorruptContentException;
import dev.cais.Digest;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What a build cache knows, as BuildKit writes it: layers, and records of steps that have made them.
 *
 * @param layers blobs, which the manifest describes
 * @param records each with a digest for a key
 * @see <a href="https://github.com/moby/buildkit/blob/v0.12.0/cache/remotecache/v1/doc.go">BuildKit, Distributable build cache</a>
 */
public record CacheConfig(List<Layer> layers, List<Entry> records) {
    /** Of the blob that holds it. */
    public static final String MEDIA_TYPE = "application/vnd.buildkit.cacheconfig.v0";

    /** The field of an image's configuration that holds records, in base64; their layers are the image's. */
    public static final String INLINE = "moby.buildkit.cache.v0";

    /** An annotation of a layer: its diff ID. */
    public static final String UNCOMPRESSED = "containerd.io/uncompressed";

    /** An annotation of a layer: when it was made. */
    public static final String CREATED = "buildkit/createdat";

    private static final Instant LATEST = Instant.parse("9999-12-31T00:00:00Z");

    public CacheConfig {
        layers = List.copyOf(layers);
        records = List.copyOf(records);
    }

    /** @param parent index of the layer below; -1 for none */
    public record Layer(Digest blob, int parent) {}

    /**
     * One step.
     *
     * @param inputs of each of the step's inputs, the records that it may be the outcome of
     */
    public record Entry(Digest digest, List<Result> results, List<List<Input>> inputs) {
        public Entry {
            results = List.copyOf(results);
            inputs = List.copyOf(inputs);
        }
    }

    /** @param layer index of the newest layer of what was made */
    public record Result(int layer, Instant created) {}

    /**
     * @param selector what of the other record's outcome; empty for all
     * @param link index of a record, which may be any
     */
    public record Input(String selector, int link) {}

    /**
     * Reads what is to be read; of indexes nothing is checked.
     *
     * @param document as messages call it
     * @throws CorruptContentException if it is no such document
     */
    public static CacheConfig parse(byte[] content, String document) {
        return of(JsonObject.parse(content, document));
    }

    static CacheConfig of(JsonObject json) {
        var layers = new ArrayList<Layer>();
        for (var layer : json.objects("layers")) {
            layers.add(new Layer(layer.digest("blob"), index(layer, "parent")));
        }
        return new CacheConfig(layers, entries(json.objects("records")));
    }

    /** Reads the records alone, which are an array. */
    public static List<Entry> parseRecords(byte[] content, String document) {
        return entries(JsonObject.parseArray(content, document));
    }

    private static List<Entry> entries(List<JsonObject> records) {
        var entries = new ArrayList<Entry>();
        for (var json : records) {
            var results = new ArrayList<Result>();
            for (var result : json.objects("layers")) {
                results.add(new Result(index(result, "layer"), created(result)));
            }
            entries.add(new Entry(json.digest("digest"), results, inputs(json)));
        }
        return entries;
    }

    /** Go leaves out zeros. */
    private static int index(JsonObject json, String field) {
        var number = json.numberOrZero(field);
        if (number < -1 || number > Integer.MAX_VALUE) {
            throw json.wrong(field, "is no index");
        }
        return (int) number;
    }

    private static Instant created(JsonObject result) {
        var text = result.findText("createdAt").or(() -> result.findText("createdat"));
        try {
            return text.map(Instant::parse)
                    .filter(time -> !time.isBefore(Instant.EPOCH) && time.isBefore(LATEST))
                    .orElse(Instant.EPOCH);
        } catch (DateTimeParseException e) {
            return Instant.EPOCH; // with an offset, perhaps: not one of ours
        }
    }

    private static List<List<Input>> inputs(JsonObject json) {
        var inputs = new ArrayList<List<Input>>();
        if (json.toMap().get("inputs") instanceof List<?> alternatives) {
            for (var each : alternatives) {
                var links = new ArrayList<Input>();
                if (each instanceof List<?> elements) {
                    elements.forEach(element -> links.add(input(json, element)));
                }
                inputs.add(links);
            }
        }
        return inputs;
    }

    private static Input input(JsonObject json, @Nullable Object element) {
        if (element instanceof Map<?, ?> fields) {
            var selector = fields.get("selector");
            var link = fields.get("link");
            if (link == null || link instanceof Integer) {
                return new Input(selector instanceof String text ? text : "", link instanceof Integer at ? at : 0);
            }
        }
        throw json.wrong("inputs", "has what is no link");
    }

    /** Always the same bytes for the same parts. */
    public byte[] toBytes() {
        return toBytes(layer -> Map.of());
    }

    /** @param more fields of a layer */
    byte[] toBytes(Function<Layer, Map<String, Object>> more) {
        var fields = new LinkedHashMap<String, Object>();
        var described = new ArrayList<Object>();
        for (var layer : layers) {
            var its = fields("blob", layer.blob, "parent", layer.parent);
            its.putAll(more.apply(layer));
            described.add(its);
        }
        fields.put("layers", described);
        fields.put("records", records.stream().map(CacheConfig::fields).toList());
        return JsonObject.write(fields);
    }

    /** The records alone, an array. */
    public static byte[] toBytes(List<Entry> records) {
        return JsonObject.write(records.stream().map(CacheConfig::fields).toList());
    }

    private static Map<String, Object> fields(Entry entry) {
        var fields = new LinkedHashMap<String, Object>();
        if (!entry.results.isEmpty()) {
            fields.put(
                    "layers",
                    entry.results.stream()
                            .map(result -> fields("layer", result.layer, "createdAt", result.created))
                            .toList());
        }
        fields.put("digest", entry.digest);
        if (!entry.inputs.isEmpty()) {
            fields.put(
                    "inputs",
                    entry.inputs.stream()
                            .map(links -> links.stream()
                                    .map(input -> input.selector.isEmpty()
                                            ? Map.of("link", (Object) input.link)
                                            : fields("selector", input.selector, "link", input.link))
                                    .toList())
                            .toList());
        }
        return fields;
    }

    private static Map<String, Object> fields(String first, Object its, String second, Object other) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put(first, its);
        fields.put(second, other);
        return fields;
    }
}
