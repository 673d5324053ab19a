package dev.cais.image.signature;

import dev.cais.ByteSize;
import dev.cais.ConflictException;
import dev.cais.CorruptContentException;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageSignature;
import dev.cais.NotFoundException;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.Manifest;
import dev.cais.image.oci.MediaType;
import dev.cais.image.registry.Repository;
import dev.cais.image.registry.Task;
import java.nio.charset.StandardCharsets;
import java.security.PrivateKey;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The signatures of a repository's images, where cosign puts them: in a manifest under the tag {@code sha256-….sig}, each a layer that is
 * the signed document, with the signature as its annotation.
 *
 * @see <a href="https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md">cosign, Signature Specifications</a>
 */
public final class Signatures {
    private static final String SIGNATURE = "dev.cosignproject.cosign/signature";
    private static final ByteSize LARGEST_MANIFEST = ByteSize.mib(1);
    private static final ByteSize LARGEST_PAYLOAD = ByteSize.kib(64);
    private static final int MOST = 64;

    private static final String NO_TIME = "0001-01-01T00:00:00Z";

    private final Repository repository;
    private final Task task;

    public Signatures(Repository repository, Task task) {
        this.repository = repository;
        this.task = task;
    }

    /**
     * Those of an image, by whomever. What is broken, or of another digest, is left out; so is what comes behind the 64th.
     *
     * @throws dev.cais.RegistryException if the registry cannot be asked
     */
    public List<ImageSignature> of(Digest image) {
        return layers(image).stream()
                .limit(MOST)
                .flatMap(layer -> read(image, layer).stream())
                .toList();
    }

    private List<Descriptor> layers(Digest image) {
        try {
            var manifest = repository.manifest(tag(image), LARGEST_MANIFEST, task);
            return Manifest.contents(manifest.bytes(), "signatures of " + image).stream()
                    .filter(content -> content.mediaType().equals(SimpleSigning.MEDIA_TYPE))
                    .toList();
        } catch (NotFoundException e) {
            return List.of();
        }
    }

    private static String tag(Digest image) {
        return image.algorithm() + "-" + image.hex() + ".sig";
    }

    private Optional<ImageSignature> read(Digest image, Descriptor layer) {
        var signature = layer.annotations().getOrDefault(SIGNATURE, "");
        if (signature.isEmpty()) {
            return Optional.empty();
        }
        try {
            var payload = repository.smallBlob(layer, LARGEST_PAYLOAD, task);
            var said = SimpleSigning.parse(payload, "signature " + layer.digest());
            return Optional.of(new ImageSignature(
                            said.image(),
                            said.reference(),
                            said.annotations(),
                            new String(payload, StandardCharsets.UTF_8),
                            signature))
                    .filter(found -> found.image().equals(image));
        } catch (CorruptContentException | NotFoundException e) {
            return Optional.empty();
        }
    }

    /**
     * Signs an image, and adds the signature to those that it has.
     *
     * @throws dev.cais.RegistryException if the registry cannot be asked, or refuses
     * @throws dev.cais.InvalidSpecException if the key is of the wrong kind
     */
    public ImageSignature sign(Digest image, String reference, Map<String, String> annotations, PrivateKey key) {
        var payload = new SimpleSigning(image, reference, annotations).toBytes();
        var signature =
                ImageSignature.sign(image, reference, annotations, new String(payload, StandardCharsets.UTF_8), key);
        var layers = new ArrayList<>(layers(image));
        if (layers.size() >= MOST) {
            throw new ConflictException(
                    task.cannot() + ": it has " + layers.size() + " signatures already",
                    Map.of(),
                    "delete the tag " + tag(image) + " of " + repository);
        }
        layers.add(new Descriptor(
                SimpleSigning.MEDIA_TYPE,
                Hash.sha256(payload),
                ByteSize.bytes(payload.length),
                Optional.empty(),
                "",
                Map.of(SIGNATURE, signature.signature()),
                List.of()));
        var config = config(layers);
        var configuration = MediaType.OCI_CONFIG.descriptor(Hash.sha256(config), config.length);
        repository.putBlob(layers.get(layers.size() - 1), payload, task);
        repository.putBlob(configuration, config, task);
        var manifest = new Manifest(MediaType.OCI_MANIFEST, configuration, layers).toBytes();
        repository.putManifest(
                tag(image),
                new Repository.Document(MediaType.OCI_MANIFEST.toString(), Hash.sha256(manifest), manifest),
                task);
        return signature;
    }

    /** What cosign expects of the configuration: a layer each, and otherwise nothing. */
    private static byte[] config(List<Descriptor> layers) {
        var rootfs = new LinkedHashMap<String, Object>();
        rootfs.put("type", "layers");
        rootfs.put("diff_ids", layers.stream().map(Descriptor::digest).toList());
        var fields = new LinkedHashMap<String, Object>();
        fields.put("architecture", "");
        fields.put("created", NO_TIME);
        fields.put(
                "history",
                layers.stream().map(layer -> Map.of("created", NO_TIME)).toList());
        fields.put("os", "");
        fields.put("rootfs", rootfs);
        fields.put("config", Map.of());
        return JsonObject.write(fields);
    }
}
