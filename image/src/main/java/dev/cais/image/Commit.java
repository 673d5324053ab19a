package dev.cais.image;

import dev.cais.Digest;
import dev.cais.HistoryEntry;
import dev.cais.ImageConfig;
import dev.cais.image.archive.ArchiveFile;
import dev.cais.image.archive.ArchivedImage;
import dev.cais.image.archive.IoFailure;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.Manifest;
import dev.cais.storage.Blobs;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
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
        return new BuiltConfig(config, diffIds, steps(), Optional.empty())
                .image(JsonObject.parse(base, "configuration of the store"), archived, given);
    }

    private List<HistoryEntry> steps() {
        var steps = new ArrayList<HistoryEntry>();
        for (var i = 1; i < layers.size(); i++) {
            steps.add(new HistoryEntry(step.created(), step.createdBy(), "", "", false));
        }
        steps.add(step);
        return steps;
    }

    private static Digest write(Blobs blobs, Consumer<OutputStream> layer) {
        try (var blob = blobs.writer()) {
            layer.accept(blob);
            return blob.commit();
        }
    }
}
