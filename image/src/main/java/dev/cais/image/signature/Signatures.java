package dev.cais.image.signature;

import dev.cais.ByteSize;
import dev.cais.ConflictException;
import dev.cais.CorruptContentException;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageSignature;
import dev.cais.NotFoundException;
import dev.cais.SignOptions;
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
import java.util.stream.Stream;

/**
 * The signatures of a repository's images, where cosign puts them: in a manifest under the tag {@code sha256-….sig}, or in manifests
 * that refer to the image as their subject. Each signature is a layer, which is the signed document, with the signature itself as its
 * annotation.
 *
 * @see <a href="https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md">cosign, Signature Specifications</a>
 */
public final class Signatures {
    private static final String SIGNATURE = "dev.cosignproject.cosign/signature";
    private static final ByteSize LARGEST_MANIFEST = ByteSize.mib(1);
    private static final ByteSize LARGEST_LIST = ByteSize.mib(4);
    private static final ByteSize LARGEST_PAYLOAD = ByteSize.kib(64);
    private static final int MOST = 64;

    private static final String ARTIFACT = "application/vnd.dev.cosign.artifact.sig.v1+json";
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
        var referrers = repository.referrers(image, LARGEST_LIST, task).stream()
                .filter(referrer -> referrer.artifactType().equals(ARTIFACT))
                .limit(MOST)
                .flatMap(referrer -> layers(image, referrer.digest().toString()).stream());
        return Stream.concat(layers(image, tag(image)).stream(), referrers)
                .limit(MOST)
                .flatMap(layer -> read(image, layer).stream())
                .toList();
    }

    /** @param reference a tag or a digest */
    private List<Descriptor> layers(Digest image, String reference) {
        try {
            var manifest = repository.manifest(reference, LARGEST_MANIFEST, task);
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
     * @param options its reference is not empty
     * @throws dev.cais.RegistryException if the registry cannot be asked, or refuses
     * @throws dev.cais.InvalidSpecException if the key is of the wrong kind
     */
    public ImageSignature sign(Digest image, SignOptions options, PrivateKey key) {
        var payload = new SimpleSigning(image, options.reference(), options.annotations()).toBytes();
        var signature = ImageSignature.sign(
                image, options.reference(), options.annotations(), new String(payload, StandardCharsets.UTF_8), key);
        var layer = new Descriptor(
                SimpleSigning.MEDIA_TYPE,
                Hash.sha256(payload),
                ByteSize.bytes(payload.length),
                Optional.empty(),
                "",
                Map.of(SIGNATURE, signature.signature()),
                List.of());
        repository.putBlob(layer, payload, task);
        if (options.referrer()) {
            putReferrer(image, layer);
        } else {
            putTag(image, layer);
        }
        return signature;
    }

    private void putTag(Digest image, Descriptor layer) {
        var layers = new ArrayList<>(layers(image, tag(image)));
        if (layers.size() >= MOST) {
            throw new ConflictException(
                    task.cannot() + ": it has " + layers.size() + " signatures already",
                    Map.of(),
                    "delete the tag " + tag(image) + " of " + repository);
        }
        layers.add(layer);
        put(
                tag(image),
                new Manifest(MediaType.OCI_MANIFEST, putConfig(MediaType.OCI_CONFIG.toString(), layers), layers)
                        .toBytes());
    }

    private void putReferrer(Digest image, Descriptor layer) {
        var subject = repository.manifest(image.toString(), LARGEST_LIST, task);
        var fields = new LinkedHashMap<String, Object>();
        fields.put("schemaVersion", 2);
        fields.put("mediaType", MediaType.OCI_MANIFEST);
        fields.put("artifactType", ARTIFACT);
        fields.put("config", putConfig(ARTIFACT, List.of(layer)));
        fields.put("layers", List.of(layer));
        fields.put("subject", Descriptor.of(subject.mediaType(), image, ByteSize.bytes(subject.bytes().length)));
        var manifest = JsonObject.write(fields);
        put(Hash.sha256(manifest).toString(), manifest);
    }

    private Descriptor putConfig(String mediaType, List<Descriptor> layers) {
        var content = config(layers);
        var config = Descriptor.of(mediaType, Hash.sha256(content), ByteSize.bytes(content.length));
        repository.putBlob(config, content, task);
        return config;
    }

    private void put(String reference, byte[] manifest) {
        repository.putManifest(
                reference,
                new Repository.Document(MediaType.OCI_MANIFEST.toString(), Hash.sha256(manifest), manifest),
                task);
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
