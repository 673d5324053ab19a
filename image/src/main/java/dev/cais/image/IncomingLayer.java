package dev.cais.image;

import dev.cais.CorruptContentException;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.image.archive.ArchiveFile;
import dev.cais.image.archive.ArchivedImage;
import dev.cais.image.archive.Copying;
import dev.cais.image.archive.HashedContent;
import dev.cais.image.layer.Compression;
import dev.cais.image.layer.LayerSource;
import dev.cais.image.oci.MediaType;
import dev.cais.storage.Blobs;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A layer on its way into the store: first its blob, checked, then, from the blob, its files. Whoever unpacks asks for the
 * content only if the store has no such layer yet; then it is up to {@link #complete} to see that the blob is right.
 */
final class IncomingLayer {
    private final ArchivedImage.Layer layer;
    private final Blobs blobs;
    private final ImageLimits limits;
    private boolean unpacked;
    private @Nullable Descriptor stored;

    IncomingLayer(ArchivedImage.Layer layer, Blobs blobs, ImageLimits limits) {
        this.layer = layer;
        this.blobs = blobs;
        this.limits = limits;
    }

    LayerSource source() {
        return new LayerSource(layer.diffId(), this::openForUnpacking);
    }

    private synchronized InputStream openForUnpacking() throws IOException {
        var content = blobs.open(store().digest());
        unpacked = true;
        return content;
    }

    /**
     * The blob, which is in the store then.
     *
     * @param known whether an image of the store says that this blob is this layer
     * @throws CorruptContentException if the blob is not what its descriptor or its diff ID says
     */
    synchronized Descriptor complete(boolean known) throws IOException {
        var descriptor = store();
        if (!unpacked && !known && !descriptor.digest().equals(layer.diffId())) {
            requireDiffId(
                    blobs, descriptor.digest(), layer.diffId(), layer.content().toString(), limits);
        }
        return descriptor;
    }

    /**
     * Checks that a blob of the store is a layer.
     *
     * @param name of the blob, for messages
     * @throws CorruptContentException if it is another
     */
    static void requireDiffId(Blobs blobs, Digest blob, Digest diffId, String name, ImageLimits limits)
            throws IOException {
        requireDiffId(blobs.open(blob), diffId, name, limits);
    }

    /** The same for a stream, which is read to its end and closed. */
    static void requireDiffId(InputStream packed, Digest diffId, String name, ImageLimits limits) throws IOException {
        var what = name + ", uncompressed";
        try (var content = new HashedContent(Compression.decompress(packed, what), diffId.algorithm())) {
            Copying.copy(
                    content, OutputStream.nullOutputStream(), limits.layerSize().bytes(), "cannot use " + what);
            content.verify(diffId, what);
        }
    }

    private Descriptor store() throws IOException {
        var known = stored;
        if (known == null) {
            known = layer.descriptor().isPresent()
                    ? storePromised(layer.descriptor().get())
                    : storeFound();
            stored = known;
        }
        return known;
    }

    private Descriptor storePromised(Descriptor descriptor) throws IOException {
        copy(layer.content(), Optional.of(descriptor.digest()), blobs);
        return descriptor;
    }

    /** Without a descriptor: a plain tar has its diff ID for a digest, another's has to be found. */
    private Descriptor storeFound() throws IOException {
        byte[] magic;
        try (var content = layer.content().open()) {
            magic = content.readNBytes(4);
        }
        var mediaType = switch (Compression.of(magic)) {
            case NONE -> MediaType.OCI_LAYER;
            case GZIP -> MediaType.OCI_LAYER_GZIP;
            case ZSTD -> MediaType.OCI_LAYER_ZSTD;
        };
        if (mediaType != MediaType.OCI_LAYER) {
            return mediaType.descriptor(
                    copy(layer.content(), Optional.empty(), blobs),
                    layer.content().size());
        }
        copy(layer.content(), Optional.of(layer.diffId()), blobs);
        return mediaType.descriptor(layer.diffId(), blobs.size(layer.diffId()));
    }

    /**
     * Copies a file of an archive into the store, unless it is there.
     *
     * @param expected its digest, if that is known
     * @throws CorruptContentException if it has another
     */
    static Digest copy(ArchiveFile file, Optional<Digest> expected, Blobs blobs) throws IOException {
        if (expected.flatMap(blobs::find).isPresent()) {
            return expected.get();
        }
        var size = file.size();
        try (var content = file.open();
                var blob = expected.isPresent() ? blobs.writer(expected.get(), size) : blobs.writer()) {
            Copying.copy(content, blob, size, "cannot load " + file);
            return blob.commit();
        } catch (CorruptContentException e) {
            throw new CorruptContentException(
                    "cannot use " + file + ": its content is not what its digest says",
                    Map.of("digest", expected.map(Object::toString).orElse("")),
                    "",
                    e);
        }
    }
}
