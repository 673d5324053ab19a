package dev.cais.image;

import dev.cais.Digest;
import dev.cais.HistoryEntry;
import dev.cais.ImageConfig;
import dev.cais.ImageLimits;
import dev.cais.image.archive.ArchiveFile;
import dev.cais.image.archive.ArchivedImage;
import dev.cais.image.archive.IoFailure;
import dev.cais.image.oci.ConfigDocument;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.Manifest;
import dev.cais.storage.Blobs;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * An image made of another one and some layers more. What the older configuration says beyond what is known here stays.
 *
 * @param layers write the tars of the layers, oldest first; perhaps none
 * @param config replaces what it names of the older one; its time is the image's
 * @param step for the history; of the newest layer
 * @param names to give it
 */
public record Commit(List<Consumer<OutputStream>> layers, ImageConfig config, HistoryEntry step, List<String> names) {
    public Commit {
        layers = List.copyOf(layers);
        names = List.copyOf(names);
    }

    /** Puts the layers' blobs into the store. */
    ArchivedImage write(
            Blobs blobs, byte[] base, Manifest manifest, List<Digest> baseLayers, List<ImageReference> given) {
        var diffIds = new ArrayList<>(baseLayers);
        var archived = new ArrayList<ArchivedImage.Layer>();
        try {
            for (var i = 0; i < baseLayers.size(); i++) {
                var descriptor = manifest.layers().get(i);
                archived.add(new ArchivedImage.Layer(
                        baseLayers.get(i),
                        Optional.of(descriptor),
                        ArchiveFile.of(blobs.find(descriptor.digest()).orElseThrow())));
            }
            for (var layer : layers) {
                var diffId = write(blobs, layer);
                diffIds.add(diffId);
                archived.add(new ArchivedImage.Layer(
                        diffId,
                        Optional.empty(),
                        ArchiveFile.of(blobs.find(diffId).orElseThrow())));
            }
        } catch (IOException e) {
            throw IoFailure.of("cannot commit", e);
        }
        var content = document(JsonObject.parse(base, "configuration of the store"), diffIds);
        var digest = Hash.sha256(content);
        return new ArchivedImage(
                Optional.empty(),
                new ArchivedImage.Content(digest, content),
                ConfigDocument.parse(content, "configuration " + digest, ImageLimits.DEFAULT),
                archived,
                given);
    }

    private static Digest write(Blobs blobs, Consumer<OutputStream> layer) {
        try (var blob = blobs.writer()) {
            layer.accept(blob);
            return blob.commit();
        }
    }

    private byte[] document(JsonObject base, List<Digest> diffIds) {
        var document = new LinkedHashMap<String, Object>();
        base.toMap().forEach((key, value) -> {
            if (value != null && !key.equals("container") && !key.equals("container_config")) {
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
        base.objects("history").forEach(entry -> history.add(entry.toMap()));
        for (var i = 1; i < layers.size(); i++) {
            history.add(historyEntry(new HistoryEntry(step.created(), step.createdBy(), "", "", false)));
        }
        history.add(historyEntry(step));
        document.put("history", history);
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
