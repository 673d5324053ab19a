package dev.cais.image;

import dev.cais.Attestation;
import dev.cais.ByteSize;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.Platform;
import dev.cais.image.attestation.Statement;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.MediaType;
import dev.cais.storage.Store;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Attestations of indexes, where BuildKit keeps them.
 *
 * @see <a href="https://docs.docker.com/build/metadata/attestations/attestation-storage/">Image attestation storage</a>
 */
final class Attestations {
    /** Annotation of a statement in its manifest. */
    static final String PREDICATE_TYPE = "in-toto.io/predicate-type";

    private static final String REFERENCE_TYPE = "vnd.docker.reference.type";
    private static final String REFERENCE_DIGEST = "vnd.docker.reference.digest";
    private static final String MANIFEST = "attestation-manifest";
    private static final long LARGEST = 64 << 20;
    private static final Platform UNKNOWN = new Platform("unknown", "unknown", "");

    private Attestations() {}

    /** The configuration of a manifest of statements, which is an image for no platform. */
    static byte[] configuration(List<Descriptor> statements) {
        var rootfs = new LinkedHashMap<String, Object>();
        rootfs.put("type", "layers");
        rootfs.put("diff_ids", statements.stream().map(Descriptor::digest).toList());
        var config = new LinkedHashMap<String, Object>();
        config.put("architecture", UNKNOWN.architecture());
        config.put("os", UNKNOWN.os());
        config.put("config", Map.of());
        config.put("rootfs", rootfs);
        return JsonObject.write(config);
    }

    /** The entry of a manifest of statements in an index. */
    static Descriptor entry(Digest manifest, long size, Digest image) {
        var annotations = new LinkedHashMap<String, String>();
        annotations.put(REFERENCE_DIGEST, image.toString());
        annotations.put(REFERENCE_TYPE, MANIFEST);
        return new Descriptor(
                MediaType.OCI_MANIFEST.toString(),
                manifest,
                ByteSize.bytes(size),
                Optional.of(UNKNOWN),
                "",
                annotations,
                List.of());
    }

    /** Those of an index, as far as the store has them. Hold {@link Store#lockShared()}. */
    static List<Attestation> read(StoredDocuments documents, Store store, Digest index) {
        var found = new ArrayList<Attestation>();
        for (var entry : documents.index(index).manifests()) {
            var isThere = MANIFEST.equals(entry.annotations().get(REFERENCE_TYPE)) && documents.has(entry.digest());
            var image = entry.annotations().get(REFERENCE_DIGEST);
            if (!isThere || image == null) {
                continue;
            }
            for (var layer : documents.contents(entry.digest())) {
                if (layer.mediaType().equals(Statement.MEDIA_TYPE) && documents.has(layer.digest())) {
                    var content = store.blobs().read(layer.digest(), LARGEST);
                    Hash.require(layer.digest(), content, "attestation " + layer.digest() + " of the store");
                    var type = layer.annotations().getOrDefault(PREDICATE_TYPE, "");
                    found.add(new Attestation(Digest.parse(image), type, content));
                }
            }
        }
        return found;
    }
}
