package dev.cais.image;

import dev.cais.ByteSize;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.image.archive.ArchivedImage;
import dev.cais.image.oci.ConfigDocument;
import dev.cais.image.oci.Index;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.Manifest;
import dev.cais.image.oci.MediaType;
import dev.cais.storage.Blobs;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The documents of the store's images, each parsed once. They were within somebody's limits when they came. */
final class StoredDocuments {
    private static final long LARGEST = 1 << 30;
    private static final ImageLimits NONE = new ImageLimits(
            ByteSize.UNLIMITED, Integer.MAX_VALUE, ByteSize.UNLIMITED, Long.MAX_VALUE, Integer.MAX_VALUE);

    private final Blobs blobs;
    private final Map<Digest, ConfigDocument> configurations = new ConcurrentHashMap<>();
    private final Map<Digest, Manifest> manifests = new ConcurrentHashMap<>();
    private final Map<Digest, Index> indexes = new ConcurrentHashMap<>();

    StoredDocuments(Blobs blobs) {
        this.blobs = blobs;
    }

    /** @throws dev.cais.NotFoundException if it is gone */
    ConfigDocument configuration(Digest digest) {
        return configurations.computeIfAbsent(
                digest, key -> ConfigDocument.parse(bytes(key), "configuration " + key + " of the store", NONE));
    }

    /** @throws dev.cais.NotFoundException if it is gone */
    Manifest manifest(Digest digest) {
        return manifests.computeIfAbsent(
                digest, key -> Manifest.parse(bytes(key), "manifest " + key + " of the store", NONE));
    }

    /** @throws dev.cais.NotFoundException if it is gone */
    Index index(Digest digest) {
        return indexes.computeIfAbsent(digest, key -> Index.parse(bytes(key), "index " + key + " of the store"));
    }

    /** What a document says that it is. */
    String mediaTypeOf(Digest document, MediaType otherwise) {
        return JsonObject.parse(bytes(document), "document " + document + " of the store")
                .findText("mediaType")
                .orElse(otherwise.toString());
    }

    boolean has(Digest digest) {
        return blobs.find(digest).isPresent();
    }

    /** Puts a document into the store; hold it until an image needs it. */
    void put(ArchivedImage.Content document) {
        if (!has(document.digest())) {
            try (var blob = blobs.writer(document.digest(), document.bytes().length)) {
                blob.write(document.bytes(), 0, document.bytes().length);
                blob.commit();
            }
        }
    }

    /**
     * What an image is made of. Images may share all of it.
     *
     * @param blobs its configuration, its manifests, and its layers as they came
     * @param layers diff IDs of the unpacked ones
     */
    record Parts(Set<Digest> blobs, Set<Digest> layers) {
        Parts() {
            this(new HashSet<>(), new HashSet<>());
        }
    }

    /** What some of the images of a table are made of. */
    Parts parts(ImageTable table, Collection<Digest> images) {
        var parts = new Parts();
        for (var id : images) {
            parts.blobs.add(id);
            parts.layers.addAll(configuration(id).diffIds());
            for (var edition : table.images().getOrDefault(id, List.of())) {
                parts.blobs.add(edition.manifest());
                manifest(edition.manifest()).layers().forEach(layer -> parts.blobs.add(layer.digest()));
            }
        }
        return parts;
    }

    /** What the store's images say about which blob is which layer. */
    Set<KnownLayer> knownLayers(ImageTable table) {
        var known = new HashSet<KnownLayer>();
        table.images().forEach((id, editions) -> {
            var diffIds = configuration(id).diffIds();
            for (var edition : editions) {
                var layers = manifest(edition.manifest()).layers();
                for (var i = 0; i < layers.size(); i++) {
                    known.add(new KnownLayer(layers.get(i).digest(), diffIds.get(i)));
                }
            }
        });
        return known;
    }

    /** What is below all indexes that names stand for. */
    Set<Digest> belowNames(ImageTable table) {
        var found = new HashSet<Digest>();
        table.names().values().stream()
                .flatMap(named -> named.index().stream())
                .distinct()
                .forEach(index -> found.addAll(below(index)));
        return found;
    }

    /** Whether an image without a name is there for an index that has one: it is for another platform. */
    boolean isBelow(Set<Digest> belowNames, ImageTable table, Digest id) {
        return table.images().getOrDefault(id, List.of()).stream()
                .anyMatch(edition -> belowNames.contains(edition.manifest()));
    }

    /**
     * What is below an index, as far as the store has it, the index included: indexes, manifests and what those refer to.
     */
    Set<Digest> below(Digest index) {
        var found = new LinkedHashSet<Digest>();
        var open = new ArrayDeque<>(List.of(index));
        while (!open.isEmpty()) {
            var digest = open.pop();
            if (!has(digest) || !found.add(digest)) {
                continue;
            }
            for (var entry : index(digest).manifests()) {
                if (MediaType.Kind.INDEX.is(entry)) {
                    open.push(entry.digest());
                } else if (has(entry.digest())) {
                    found.add(entry.digest());
                    contents(entry.digest()).forEach(part -> found.add(part.digest()));
                }
            }
        }
        return found;
    }

    /** Whether the store has everything below an index, so that it can be given to others. */
    boolean isComplete(Digest index) {
        var open = new ArrayDeque<>(List.of(index));
        var seen = new HashSet<Digest>();
        while (!open.isEmpty()) {
            var digest = open.pop();
            if (!has(digest)) {
                return false;
            }
            for (var entry : seen.add(digest) ? index(digest).manifests() : List.<Descriptor>of()) {
                if (MediaType.Kind.INDEX.is(entry)) {
                    open.push(entry.digest());
                } else if (!has(entry.digest())
                        || !contents(entry.digest()).stream().allMatch(part -> has(part.digest()))) {
                    return false;
                }
            }
        }
        return true;
    }

    /** What a manifest of the store refers to, whatever it is of. */
    List<Descriptor> contents(Digest manifest) {
        return Manifest.contents(bytes(manifest), "manifest " + manifest + " of the store");
    }

    /** The bytes of a document, as they came. */
    byte[] bytes(Digest digest) {
        return blobs.read(digest, LARGEST);
    }

    /** Forgets all others. */
    void keepOnly(Set<Digest> digests) {
        configurations.keySet().retainAll(digests);
        manifests.keySet().retainAll(digests);
        indexes.keySet().retainAll(digests);
    }
}
