package dev.cais.image;

import dev.cais.ByteSize;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.Layer;
import dev.cais.NotFoundException;
import dev.cais.image.oci.CacheConfig;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.Index;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.MediaType;
import dev.cais.image.registry.Repository;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A build cache that is written as an image manifest whose configuration is a {@link CacheConfig}; an index of layers, as older BuildKits
 * write, and images with inline caches are read, too: of an index those for all platforms.
 */
final class ManifestCache implements CachePlace {
    private static final int MOST_IMAGES = 64;

    private final CacheDocuments documents;
    private final ImageLimits limits;

    ManifestCache(CacheDocuments documents, ImageLimits limits) {
        this.documents = documents;
        this.limits = limits;
    }

    @Override
    public KnownSteps read() {
        var root = documents.root();
        var what = "the build cache in " + documents;
        var json = JsonObject.parse(root.bytes(), what);
        if (!json.has("manifests")) {
            return readManifest(json, what);
        }
        var entries = json.descriptors("manifests");
        var config = entries.stream()
                .filter(entry -> entry.mediaType().equals(CacheConfig.MEDIA_TYPE))
                .findFirst();
        if (config.isPresent()) {
            return readConfig(config.get(), entries, what);
        }
        var known = new Index(entries)
                .images().stream()
                        .filter(MediaType.Kind.MANIFEST::is)
                        .limit(MOST_IMAGES)
                        .flatMap(image -> readIfThere(image, what).stream())
                        .toList();
        if (known.isEmpty()) {
            throw new NotFoundException("cannot use " + what + ": it has none of its images");
        }
        return KnownSteps.of(known);
    }

    /** Who copies an index may leave out images for other platforms. */
    private Optional<KnownSteps> readIfThere(Descriptor image, String what) {
        try {
            return Optional.of(readManifest(JsonObject.parse(documents.document(image), what), what));
        } catch (NotFoundException e) {
            return Optional.empty();
        }
    }

    private KnownSteps readManifest(JsonObject manifest, String what) {
        var config = manifest.descriptor("config");
        var layers = manifest.descriptors("layers");
        return config.mediaType().equals(CacheConfig.MEDIA_TYPE)
                ? readConfig(config, layers, what)
                : readInline(config, layers, what);
    }

    private KnownSteps readConfig(Descriptor config, List<Descriptor> layers, String what) {
        return KnownSteps.read(CacheConfig.parse(documents.document(config), what), layers, limits);
    }

    private KnownSteps readInline(Descriptor config, List<Descriptor> layers, String what) {
        var json = JsonObject.parse(documents.document(config), what);
        var inline = json.findText(CacheConfig.INLINE);
        var diffIds = json.objectOrEmpty("rootfs").digests("diff_ids");
        if (inline.isEmpty() || diffIds.size() != layers.size()) {
            return new KnownSteps(Map.of(), Map.of());
        }
        byte[] records;
        try {
            records = Base64.getDecoder().decode(inline.get().getBytes(StandardCharsets.US_ASCII));
        } catch (IllegalArgumentException e) {
            throw json.wrong(CacheConfig.INLINE, "is not in base64");
        }
        var described = new ArrayList<Descriptor>();
        for (var i = 0; i < layers.size(); i++) {
            described.add(withDiffId(layers.get(i), diffIds.get(i)));
        }
        return KnownSteps.read(
                KnownSteps.ofImage(CacheConfig.parseRecords(records, what), described), described, limits);
    }

    private static Descriptor withDiffId(Descriptor layer, Digest diffId) {
        return new Descriptor(
                layer.mediaType(),
                layer.digest(),
                layer.size(),
                Optional.empty(),
                "",
                Map.of(CacheConfig.UNCOMPRESSED, diffId.toString()),
                List.of());
    }

    @Override
    public void fetch(Layer layer) {
        documents.fetch(layer);
    }

    @Override
    public boolean has(Layer layer) {
        return documents.has(layer);
    }

    @Override
    public void put(Descriptor blob, Content content) {
        documents.put(blob, content);
    }

    @Override
    public void publish(KnownSteps.Written written) {
        var config = written.config().toBytes();
        var descriptor = Descriptor.of(CacheConfig.MEDIA_TYPE, Hash.sha256(config), ByteSize.bytes(config.length));
        documents.put(descriptor, () -> new ByteArrayInputStream(config));
        var fields = new LinkedHashMap<String, Object>();
        fields.put("schemaVersion", 2);
        fields.put("mediaType", MediaType.OCI_MANIFEST);
        fields.put("config", descriptor);
        fields.put("layers", written.layers());
        var manifest = JsonObject.write(fields);
        documents.publish(new Repository.Document(MediaType.OCI_MANIFEST.toString(), Hash.sha256(manifest), manifest));
    }

    @Override
    public String toString() {
        return documents.toString();
    }
}
