package dev.cais.image;

import dev.cais.Digest;
import dev.cais.HistoryEntry;
import dev.cais.ImageConfig;
import dev.cais.ImageLimits;
import dev.cais.image.archive.ArchivedImage;
import dev.cais.image.oci.CacheConfig;
import dev.cais.image.oci.ConfigDocument;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.JsonObject;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The configuration of an image that is made here. What the one below says beyond what is known here stays.
 *
 * @param config replaces what it names of the older one; its time is the image's
 * @param diffIds of all layers
 * @param steps for the history, behind those that there are
 * @param cache records of an inline build cache
 */
record BuiltConfig(ImageConfig config, List<Digest> diffIds, List<HistoryEntry> steps, Optional<byte[]> cache) {
    /** What the one below says of itself alone. */
    private static final Set<String> LEFT_OUT = Set.of("container", "container_config", CacheConfig.INLINE);

    /**
     * @param base the configuration below
     * @param layers as many as there are diff IDs
     */
    ArchivedImage image(JsonObject base, List<ArchivedImage.Layer> layers, List<ImageReference> names) {
        var content = document(base);
        var digest = Hash.sha256(content);
        return new ArchivedImage(
                Optional.empty(),
                new ArchivedImage.Content(digest, content),
                ConfigDocument.parse(content, "configuration " + digest, ImageLimits.DEFAULT),
                layers,
                names);
    }

    /** The same parts give the same bytes. */
    byte[] document(JsonObject base) {
        var document = new LinkedHashMap<String, Object>();
        base.toMap().forEach((key, value) -> {
            if (value != null && !LEFT_OUT.contains(key)) {
                document.put(key, value);
            }
        });
        config.created().ifPresent(time -> document.put("created", time));
        putText(document, "author", config.author());
        document.put("config", ConfigDocument.object(base.objectOrEmpty("config"), config));
        var rootfs = new LinkedHashMap<String, Object>(); // in the same order in each JVM
        rootfs.put("type", "layers");
        rootfs.put("diff_ids", diffIds);
        document.put("rootfs", rootfs);
        var history = new ArrayList<Object>();
        if (base.has("history")) {
            base.objects("history").forEach(entry -> history.add(entry.toMap()));
        }
        steps.forEach(step -> history.add(historyEntry(step)));
        document.put("history", history);
        cache.ifPresent(
                records -> document.put(CacheConfig.INLINE, Base64.getEncoder().encodeToString(records)));
        return JsonObject.write(document);
    }

    private static void putText(Map<String, Object> object, String key, String text) {
        if (text.isEmpty()) {
            object.remove(key);
        } else {
            object.put(key, text);
        }
    }

    private static Map<String, Object> historyEntry(HistoryEntry entry) {
        var object = new LinkedHashMap<String, Object>();
        object.put("created", entry.created().orElse(Instant.EPOCH));
        putText(object, "created_by", entry.createdBy());
        putText(object, "author", entry.author());
        putText(object, "comment", entry.comment());
        if (entry.emptyLayer()) {
            object.put("empty_layer", true);
        }
        return object;
    }
}
