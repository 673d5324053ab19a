package dev.cais.image.oci;

import dev.cais.ByteSize;
import dev.cais.CorruptContentException;
import dev.cais.Descriptor;
import dev.cais.Digest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a build cache knows where it has no manifest: each layer has a description with it, as BuildKit writes that for GitHub Actions.
 *
 * @param layers what the config's blobs are, with their diff IDs and times
 */
public record DescribedCacheConfig(CacheConfig config, List<Descriptor> layers) {
    private static final String DESCRIPTION = "annotations";

    public DescribedCacheConfig {
        layers = List.copyOf(layers);
    }

    /**
     * Reads what is to be read; of indexes nothing is checked. A layer without a description is described by nothing.
     *
     * @param document as messages call it
     * @throws CorruptContentException if it is no such document
     */
    public static DescribedCacheConfig parse(byte[] content, String document) {
        var json = JsonObject.parse(content, document);
        var layers = new ArrayList<Descriptor>();
        for (var layer : json.objects("layers")) {
            var description = layer.findObject(DESCRIPTION);
            if (description.isPresent()) {
                layers.add(described(layer.digest("blob"), description.get()));
            }
        }
        return new DescribedCacheConfig(CacheConfig.of(json), layers);
    }

    private static Descriptor described(Digest blob, JsonObject description) {
        var size = description.numberOrZero("size");
        if (size < 0) {
            throw description.wrong("size", "is negative");
        }
        var annotations = new HashMap<String, String>();
        annotations.put(CacheConfig.UNCOMPRESSED, description.digest("diffID").toString());
        description.findText("createdAt").ifPresent(time -> annotations.put(CacheConfig.CREATED, time));
        return new Descriptor(
                description.text("mediaType"),
                blob,
                ByteSize.bytes(size),
                Optional.empty(),
                "",
                annotations,
                List.of());
    }

    /** Always the same bytes for the same parts. */
    public byte[] toBytes() {
        var known = new HashMap<Digest, Descriptor>();
        layers.forEach(layer -> known.put(layer.digest(), layer));
        return config.toBytes(layer -> Optional.ofNullable(known.get(layer.blob()))
                .map(described -> Map.of(DESCRIPTION, (Object) description(described)))
                .orElse(Map.of()));
    }

    private static Map<String, Object> description(Descriptor layer) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("mediaType", layer.mediaType());
        fields.put("diffID", layer.annotations().getOrDefault(CacheConfig.UNCOMPRESSED, ""));
        fields.put("size", layer.size().bytes());
        if (layer.annotations().containsKey(CacheConfig.CREATED)) {
            fields.put("createdAt", layer.annotations().get(CacheConfig.CREATED));
        }
        return fields;
    }
}
