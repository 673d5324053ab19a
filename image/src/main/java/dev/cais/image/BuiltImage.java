package dev.cais.image;

import dev.cais.ByteSize;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.HistoryEntry;
import dev.cais.Image;
import dev.cais.ImageConfig;
import dev.cais.Layer;
import dev.cais.NotFoundException;
import dev.cais.Platform;
import dev.cais.image.archive.ArchiveFile;
import dev.cais.image.archive.ArchivedImage;
import dev.cais.image.archive.IoFailure;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.MediaType;
import dev.cais.storage.Blobs;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;

/**
 * An image of layers that the store has, as a build puts it together.
 *
 * @param base the image of the store that it begins with; empty for none
 * @param layers all of them, oldest first
 * @param config what it says instead of what the base says; its time is the image's
 * @param steps for the history, behind those of the base
 * @param platform that it is for; empty for the base's, or this host's if there is none
 * @param cache records of an inline build cache; empty for none
 */
public record BuiltImage(
        Optional<Image> base,
        List<Layer> layers,
        ImageConfig config,
        List<HistoryEntry> steps,
        Optional<Platform> platform,
        Optional<byte[]> cache) {
    public BuiltImage {
        layers = List.copyOf(layers);
        steps = List.copyOf(steps);
    }

    /** With records of an inline build cache: see {@link KnownSteps}. */
    public BuiltImage withCache(KnownSteps known) {
        var diffIds = layers.stream().map(Layer::diffId).toList();
        return new BuiltImage(base, layers, config, steps, platform, Optional.of(known.inline(diffIds)));
    }

    /** A layer whose blob is a plain tar. */
    public static Layer layer(Digest diffId, long size) {
        return new Layer(
                diffId,
                diffId,
                ByteSize.bytes(size),
                MediaType.OCI_LAYER.descriptor(diffId, size).mediaType());
    }

    private BuiltConfig document() {
        return new BuiltConfig(config, layers.stream().map(Layer::diffId).toList(), steps, cache);
    }

    /** @param base configuration of the base; empty for none */
    JsonObject below(Optional<JsonObject> base) {
        var isKnown = base.isPresent() && platform.isEmpty();
        if (isKnown) {
            return base.get();
        }
        var fields = base.map(JsonObject::copy).orElseGet(LinkedHashMap::new);
        var target = platform.orElseGet(Platform::host);
        fields.put("architecture", target.architecture());
        fields.put("os", target.os());
        fields.remove("variant");
        if (!target.variant().isEmpty()) {
            fields.put("variant", target.variant());
        }
        return JsonObject.parse(JsonObject.write(fields), "configuration below a build");
    }

    /** @param below the configuration of the base */
    byte[] configuration(JsonObject below) {
        return document().document(below);
    }

    List<Descriptor> descriptors() {
        return layers.stream()
                .map(layer -> Descriptor.of(layer.mediaType(), layer.blob(), layer.size()))
                .toList();
    }

    ArchivedImage image(JsonObject below, Blobs blobs, List<ImageReference> names) {
        var archived = new ArrayList<ArchivedImage.Layer>();
        try {
            for (var layer : layers) {
                var file = blobs.find(layer.blob())
                        .orElseThrow(() -> new NotFoundException(
                                "cannot finish a build: the store has lost blob " + layer.blob()));
                archived.add(new ArchivedImage.Layer(
                        layer.diffId(),
                        Optional.of(Descriptor.of(layer.mediaType(), layer.blob(), layer.size())),
                        ArchiveFile.of(file)));
            }
        } catch (IOException e) {
            throw IoFailure.of("cannot finish a build", e);
        }
        return document().image(below, archived, names);
    }
}
