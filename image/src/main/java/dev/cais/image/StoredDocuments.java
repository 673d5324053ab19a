package dev.cais.image;

import dev.cais.ByteSize;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.image.oci.ConfigDocument;
import dev.cais.image.oci.Manifest;
import dev.cais.storage.Blobs;
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

    /** The bytes of a document, as they came. */
    byte[] bytes(Digest digest) {
        return blobs.read(digest, LARGEST);
    }

    /** Forgets all others. */
    void keepOnly(Set<Digest> digests) {
        configurations.keySet().retainAll(digests);
        manifests.keySet().retainAll(digests);
    }
}
