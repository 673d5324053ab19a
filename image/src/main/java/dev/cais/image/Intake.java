package dev.cais.image;

import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.image.archive.ArchivedImage;
import dev.cais.image.archive.ArchivedIndex;
import dev.cais.image.archive.IoFailure;
import dev.cais.image.layer.LayerUnpacker;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.Manifest;
import dev.cais.image.oci.MediaType;
import dev.cais.storage.Store;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** Takes images into the store: all of them, or none. */
final class Intake {
    private final Store store;
    private final ImageLimits limits;
    private final ImageDatabase database;
    private final StoredDocuments documents;
    private final Sweep sweep;

    Intake(ImageStore images) {
        this.store = images.store();
        this.limits = images.limits();
        this.database = images.database();
        this.documents = images.documents();
        this.sweep = images.sweep();
    }

    /** What makes two layers of an archive the same one. */
    private record LayerKey(Digest diffId, Optional<Digest> blob) {
        static LayerKey of(ArchivedImage.Layer layer) {
            return new LayerKey(layer.diffId(), layer.descriptor().map(Descriptor::digest));
        }
    }

    /** An image whose content is in the store. */
    private record Ready(ArchivedImage image, Edition edition) {
        Digest id() {
            return image.config().digest();
        }
    }

    /**
     * Content first, several layers at a time; then, at once, the images and their names.
     *
     * @param source gives the images; may put blobs of theirs into the store
     * @param look reads what it needs of the images, in the same order, and of the table with them, before anybody can take them away
     */
    <T> T add(Supplier<List<ArchivedImage>> source, BiFunction<ImageTable, List<NamedImage>, T> look) {
        try {
            var added = addContent(source, look);
            sweep.runIfIdle();
            return added;
        } catch (IOException e) {
            sweep.run();
            throw IoFailure.of("cannot read an image", e);
        } catch (RuntimeException | Error e) {
            sweep.run();
            throw e;
        }
    }

    private <T> T addContent(Supplier<List<ArchivedImage>> source, BiFunction<ImageTable, List<NamedImage>, T> look)
            throws IOException {
        var hold = store.lockShared();
        try (hold) {
            sweep.expect();
            var images = source.get();
            var before = database.read();
            var layers = addLayers(images, before);
            var ready = new ArrayList<Ready>();
            for (var image : images) {
                if (image.index().isPresent()) {
                    addBesides(image.index().get());
                }
                ready.add(addDocuments(image, layers, before));
            }
            var after = database.change(table -> publish(table, ready));
            return look.apply(
                    after, ready.stream().map(image -> visible(image, after)).toList());
        }
    }

    private Map<LayerKey, Descriptor> addLayers(List<ArchivedImage> images, ImageTable before) throws IOException {
        var incoming = new LinkedHashMap<LayerKey, IncomingLayer>();
        images.stream()
                .flatMap(image -> Stream.concat(Stream.of(image), others(image).stream()))
                .filter(image -> !isKnownAlready(image, before))
                .flatMap(image -> image.layers().stream())
                .forEach(layer -> incoming.computeIfAbsent(
                        LayerKey.of(layer), key -> new IncomingLayer(layer, store.blobs(), limits)));
        new LayerUnpacker(store.layers(), limits)
                .unpack(incoming.values().stream().map(IncomingLayer::source).toList());
        var known = incoming.isEmpty() ? Set.<KnownLayer>of() : documents.knownLayers(before);
        var stored = new LinkedHashMap<LayerKey, Descriptor>();
        for (var layer : incoming.entrySet()) {
            var key = layer.getKey();
            var isKnown = key.blob
                    .filter(blob -> known.contains(new KnownLayer(blob, key.diffId)))
                    .isPresent();
            stored.put(key, layer.getValue().complete(isKnown));
        }
        return stored;
    }

    /** Those of the same index. */
    private static List<ArchivedImage> others(ArchivedImage image) {
        return image.index().map(ArchivedIndex::others).orElse(List.of());
    }

    /** All of an index that its images do not have. */
    private void addBesides(ArchivedIndex index) throws IOException {
        for (var image : index.others()) {
            documents.put(image.config());
            image.manifest().ifPresent(documents::put);
        }
        for (var blob : index.blobs()) {
            IncomingLayer.copy(blob.content(), Optional.of(blob.descriptor().digest()), store.blobs());
        }
        index.documents().forEach(documents::put);
    }

    /** An image without a manifest adds nothing if its configuration is there: its layers are, too, unless one was taken away. */
    private boolean isKnownAlready(ArchivedImage image, ImageTable table) {
        return image.manifest().isEmpty()
                && table.edition(image.config().digest())
                        .filter(edition -> documents.manifest(edition.manifest()).layers().stream()
                                .allMatch(layer ->
                                        store.blobs().find(layer.digest()).isPresent()))
                        .isPresent();
    }

    private Ready addDocuments(ArchivedImage image, Map<LayerKey, Descriptor> layers, ImageTable before) {
        var id = image.config().digest();
        if (isKnownAlready(image, before)) {
            return new Ready(image, before.edition(id).orElseThrow());
        }
        documents.put(image.config());
        if (image.manifest().isPresent()) {
            documents.put(image.manifest().get());
            return new Ready(image, new Edition(image.manifest().get().digest(), false));
        }
        var blobs = image.layers().stream()
                .map(layer -> Objects.requireNonNull(layers.get(LayerKey.of(layer))))
                .toList();
        var config = MediaType.OCI_CONFIG.descriptor(id, image.config().bytes().length);
        var manifest = new Manifest(MediaType.OCI_MANIFEST, config, blobs).toBytes();
        var made = new ArchivedImage.Content(Hash.sha256(manifest), manifest);
        documents.put(made);
        return new Ready(image, new Edition(made.digest(), true));
    }

    private static ImageTable publish(ImageTable table, List<Ready> images) {
        var changed = table;
        for (var image : images) {
            changed = changed.with(image.id(), image.edition);
            for (var other : others(image.image)) {
                var manifest = other.manifest().orElseThrow().digest();
                changed = changed.with(other.config().digest(), new Edition(manifest, false));
            }
            var named = visible(image, changed);
            for (var name : image.image.names()) {
                changed = changed.named(name, named);
            }
        }
        return changed;
    }

    /** The image in its edition, or in the one that is kept in the place of one made here. */
    private static NamedImage visible(Ready image, ImageTable table) {
        var edition = table.standing(image.id(), image.edition.manifest()).orElseThrow();
        return new NamedImage(
                image.id(), edition.manifest(), image.image.index().map(ArchivedIndex::digest));
    }
}
