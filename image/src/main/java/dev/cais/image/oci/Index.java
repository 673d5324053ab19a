package dev.cais.image.oci;

import static java.util.stream.Collectors.joining;

import dev.cais.ByteSize;
import dev.cais.CorruptContentException;
import dev.cais.Descriptor;
import dev.cais.Platform;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A list of manifests: one image for several platforms, or what an OCI layout holds.
 *
 * @param manifests in order, of known and unknown media types
 * @see <a href="https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md">OCI image spec 1.1.1, Image
 *     Index</a>
 */
public record Index(List<Descriptor> manifests) {
    public Index {
        manifests = List.copyOf(manifests);
    }

    /**
     * Reads an index of OCI or a manifest list of Docker.
     *
     * @param document as messages call it: {@code index sha256:4f5a1c…}
     * @throws CorruptContentException if it is broken, of another version, or could be read as a manifest
     */
    public static Index parse(byte[] content, String document) {
        var json = JsonObject.parse(content, document);
        Manifest.requireVersion(json);
        json.findText("mediaType")
                .ifPresent(type -> Manifest.requireKind(json, "mediaType", type, MediaType.Kind.INDEX));
        for (var field : List.of("config", "layers")) {
            if (json.has(field)) {
                throw json.wrong(field, "belongs to a manifest, not to an index");
            }
        }
        return new Index(json.descriptors("manifests"));
    }

    /**
     * The document of an index: always the same bytes for the same parts.
     *
     * @param mediaType OCI's or Docker's
     * @param entries descriptors, in order
     * @param annotations of the index itself, by key, in order
     */
    public static byte[] document(
            MediaType mediaType, List<Map<String, Object>> entries, Map<String, String> annotations) {
        var index = new LinkedHashMap<String, Object>();
        index.put("schemaVersion", 2);
        index.put("mediaType", mediaType);
        index.put("manifests", entries);
        if (!annotations.isEmpty()) {
            index.put("annotations", annotations);
        }
        return JsonObject.write(index);
    }

    /** An entry for an image, with the platform as its configuration has it. */
    public static Map<String, Object> entry(Descriptor manifest, JsonObject config) {
        var platform = new LinkedHashMap<String, Object>();
        platform.put("architecture", config.text("architecture"));
        platform.put("os", config.text("os"));
        for (var field : List.of("os.version", "os.features", "variant")) {
            Optional.ofNullable(config.copy().get(field)).ifPresent(value -> platform.put(field, value));
        }
        var entry = JsonObject.map(manifest);
        entry.put("platform", platform);
        return entry;
    }

    /** Those that can be images: attestations and artifacts are left out, and so is what has an unknown media type. */
    public List<Descriptor> images() {
        return manifests.stream().filter(Index::isImage).toList();
    }

    /** Whether an entry can be an image, or an index of images. */
    public static boolean isImage(Descriptor entry) {
        return (MediaType.Kind.MANIFEST.is(entry) || MediaType.Kind.INDEX.is(entry))
                && entry.artifactType().isEmpty()
                && entry.platform().filter(PlatformMatch::isUnknown).isEmpty();
    }

    /**
     * The image for a host: the closest that its processor runs, of equals the first; an index within this one if it has no
     * platform and no other fits.
     *
     * @param document this index, as messages call it
     * @throws CorruptContentException that lists the platforms that are here, if none fits
     */
    public Descriptor choose(Platform host, String document) {
        return find(host)
                .orElseThrow(() -> new CorruptContentException(
                        "cannot use " + document + ": it has no image for " + host + ", only " + offered()));
    }

    /** The same, if one fits. */
    public Optional<Descriptor> find(Platform host) {
        var images = images();
        return PlatformMatch.best(host, images)
                .or(() -> images.stream()
                        .filter(entry -> entry.platform().isEmpty())
                        .findFirst());
    }

    /** Whether an image for one platform serves who asks for another. */
    public static boolean fits(Platform wanted, Platform offered) {
        var entry = new Descriptor(
                "", Hash.sha256(new byte[0]), ByteSize.bytes(0), Optional.of(offered), "", Map.of(), List.of());
        return PlatformMatch.best(wanted, List.of(entry)).isPresent();
    }

    /** Whether content is an index, and no manifest; all else about it is yet to be checked. */
    public static boolean is(byte[] content, String document) {
        return JsonObject.parse(content, document).has("manifests");
    }

    private String offered() {
        var offered = images().stream()
                .flatMap(entry -> entry.platform().stream())
                .map(platform -> Shown.text(platform.toString()))
                .distinct()
                .limit(20)
                .collect(joining(", "));
        if (!offered.isEmpty()) {
            return offered;
        }
        var types = manifests.stream()
                .map(entry -> Shown.text(entry.mediaType()))
                .distinct()
                .limit(20)
                .collect(joining(", "));
        return types.isEmpty() ? "nothing at all" : "entries of type " + types;
    }
}
