package dev.cais.image;

import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.LayerCompression;
import dev.cais.PushOptions;
import dev.cais.image.archive.ArchivedImage;
import dev.cais.image.archive.Copying;
import dev.cais.image.archive.IoFailure;
import dev.cais.image.layer.Compression;
import dev.cais.image.layer.Deflation;
import dev.cais.image.layer.Workers;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.Manifest;
import dev.cais.image.oci.MediaType;
import dev.cais.storage.Store;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.apache.commons.io.output.CloseShieldOutputStream;

/** Compresses plain layers of images of the store, and writes the manifests of that. Hold the store's shared lock. */
final class Packing {
    private static final int PROCESSORS = Runtime.getRuntime().availableProcessors();

    /** Of the way in which layers are packed: another one gives other bytes. */
    private static final int PACKING = 1;

    private final Store store;
    private final StoredDocuments documents;
    private final ImageLimits limits;
    private final String cannot;

    /** @param cannot for messages: {@code cannot push app:1} */
    Packing(Store store, StoredDocuments documents, ImageLimits limits, String cannot) {
        this.store = store;
        this.documents = documents;
        this.limits = limits;
        this.cannot = cannot;
    }

    /**
     * How an image is written.
     *
     * @param docker whether by Docker's media types, not OCI's
     * @param compression of plain layers
     * @param level see {@link PushOptions}
     */
    record Form(boolean docker, LayerCompression compression, int level) {
        static Form of(boolean docker, PushOptions options) {
            return new Form(docker, options.compression(), options.level());
        }

        MediaType type(MediaType known) {
            return docker ? known.docker() : known.oci();
        }
    }

    /** An image as it is pushed or saved. */
    record Packed(Digest manifest, Digest config) {}

    /**
     * Packs an image, several layers at a time. The same image and form give the same bytes.
     *
     * @param config of the image
     * @param layers as the store has them
     * @param annotations of the manifest, by key, in order
     */
    Packed pack(Digest config, List<Descriptor> layers, Form form, Map<String, String> annotations) {
        var diffIds = documents.configuration(config).diffIds();
        var packing = new ArrayList<Callable<PackedLayer>>();
        List<PackedLayer> packed;
        try (var deflation = new Deflation(PROCESSORS)) {
            for (var i = 0; i < diffIds.size(); i++) {
                var plain = new PackedLayer(layers.get(i), diffIds.get(i));
                packing.add(() -> known(plain, form).orElseGet(() -> pack(plain, form, deflation)));
            }
            packed = Workers.run("cais-pack", PROCESSORS, packing, cannot);
        }
        var packedDiffIds = packed.stream().map(PackedLayer::diffId).toList();
        var described = packedDiffIds.equals(diffIds) ? config : withDiffIds(config, packedDiffIds);
        var manifest = new Manifest(
                form.type(MediaType.OCI_MANIFEST),
                form.type(MediaType.OCI_CONFIG)
                        .descriptor(described, store.blobs().size(described)),
                packed.stream().map(layer -> as(form, layer.blob)).toList());
        return new Packed(put(manifest.toBytes(annotations)), described);
    }

    private Digest put(byte[] document) {
        var content = new ArchivedImage.Content(Hash.sha256(document), document);
        documents.put(content);
        return content.digest();
    }

    /** A layer as it is packed, and its tar, which a format may have changed. */
    private record PackedLayer(Descriptor blob, Digest diffId) {}

    /** Puts the configuration of an image that has other layers than this one into the store, which does not get that image. */
    private Digest withDiffIds(Digest id, List<Digest> diffIds) {
        var document = JsonObject.parse(documents.bytes(id), "configuration " + id + " of the store")
                .copy();
        var rootfs = new LinkedHashMap<String, Object>();
        rootfs.put("type", "layers");
        rootfs.put("diff_ids", diffIds);
        document.put("rootfs", rootfs);
        return put(JsonObject.write(document));
    }

    private static boolean isPlain(Descriptor layer) {
        return MediaType.find(layer.mediaType())
                .filter(type -> type.oci() == MediaType.OCI_LAYER)
                .isPresent();
    }

    /** What need not be packed, or was before and is there still. */
    private Optional<PackedLayer> known(PackedLayer plain, Form form) {
        if (!isPlain(plain.blob)) {
            return Optional.of(plain);
        }
        return store.builds()
                .note(note(plain.diffId, form))
                .map(content -> JsonObject.parse(content, "note of a packed layer"))
                .map(note -> new PackedLayer(note.descriptor("blob"), note.digest("diffId")))
                .filter(packed -> store.blobs().find(packed.blob.digest()).isPresent());
    }

    private static Digest note(Digest diffId, Form form) {
        var what = "packed layer " + PACKING + "\n" + diffId + "\n" + form.compression + " " + form.level;
        return Hash.sha256(what.getBytes(StandardCharsets.US_ASCII));
    }

    private PackedLayer pack(PackedLayer plain, Form form, Deflation deflation) {
        var layer = plain.blob;
        try (var blob = store.blobs().writer()) {
            Map<String, String> annotations = Map.of();
            var diffId = plain.diffId;
            var mediaType = MediaType.OCI_LAYER_GZIP;
            switch (form.compression) {
                case GZIP -> gzip(layer, form, deflation, blob);
                case ESTARGZ -> {
                    var packed = EStargzLayer.pack(() -> store.blobs().open(layer.digest()), blob, form.level, limits);
                    if (packed.isPresent()) {
                        annotations = packed.get().annotations();
                        diffId = packed.get().diffId();
                    } else {
                        gzip(layer, form, deflation, blob);
                    }
                }
                case ZSTD -> {
                    zstd(layer, form, blob);
                    mediaType = MediaType.OCI_LAYER_ZSTD;
                }
                case ZSTD_CHUNKED -> {
                    annotations = ChunkedLayer.pack(
                            () -> store.blobs().open(layer.digest()), blob, form.level, cannot, limits);
                    mediaType = MediaType.OCI_LAYER_ZSTD;
                }
            }
            var described = mediaType.descriptor(blob.commit(), blob.size());
            var packed = new PackedLayer(with(described, described.mediaType(), annotations), diffId);
            remember(plain.diffId, form, packed);
            return packed;
        } catch (IOException e) {
            throw IoFailure.of(cannot, e);
        }
    }

    private void remember(Digest diffId, Form form, PackedLayer packed) {
        var note = new LinkedHashMap<String, Object>();
        note.put("blob", packed.blob);
        note.put("diffId", packed.diffId);
        store.builds().putNote(note(diffId, form), JsonObject.write(note));
    }

    private void gzip(Descriptor layer, Form form, Deflation deflation, OutputStream blob) throws IOException {
        copy(layer, deflation.gzip(CloseShieldOutputStream.wrap(blob), form.level));
    }

    private void zstd(Descriptor layer, Form form, OutputStream blob) throws IOException {
        copy(layer, Compression.zstd(CloseShieldOutputStream.wrap(blob), form.level, PROCESSORS));
    }

    private void copy(Descriptor layer, OutputStream target) throws IOException {
        try (var plain = store.blobs().open(layer.digest());
                var packed = target) {
            Copying.copy(plain, packed, layer.size().bytes(), cannot);
        }
    }

    /** In the family of media types that the manifest is of. */
    private static Descriptor as(Form form, Descriptor layer) {
        return MediaType.find(layer.mediaType())
                .map(type -> with(layer, form.type(type).toString(), layer.annotations()))
                .orElse(layer);
    }

    private static Descriptor with(Descriptor layer, String mediaType, Map<String, String> annotations) {
        return new Descriptor(
                mediaType,
                layer.digest(),
                layer.size(),
                layer.platform(),
                layer.artifactType(),
                annotations,
                layer.urls());
    }
}
