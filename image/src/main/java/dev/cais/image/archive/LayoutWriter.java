package dev.cais.image.archive;

import dev.cais.ConflictException;
import dev.cais.CorruptContentException;
import dev.cais.Digest;
import dev.cais.image.layer.TarEntry;
import dev.cais.image.layer.TarWriter;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.MediaType;
import dev.cais.storage.Attributes;
import dev.cais.storage.Blobs;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Writes OCI layouts: manifests and configurations as they came, layers as they are stored. Each name is an entry of
 * {@code index.json}, in full, as podman writes it.
 *
 * @see <a href="https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md">OCI image spec 1.1.1, Image
 *     Layout</a>
 */
final class LayoutWriter {
    private static final byte[] LAYOUT = "{\"imageLayoutVersion\":\"1.0.0\"}".getBytes(StandardCharsets.US_ASCII);
    private static final long LARGEST_INDEX = 1 << 24;

    private final List<SavedImage> images;
    private final Map<String, Blob> blobs = new TreeMap<>();

    private interface Opener {
        InputStream open() throws IOException;
    }

    private record Blob(Digest digest, long size, Opener opener) {
        HashedContent open() throws IOException {
            return new HashedContent(opener.open(), digest.algorithm());
        }

        void verify(HashedContent content) throws IOException {
            content.verify(digest, "blob " + digest + " of the store");
        }
    }

    LayoutWriter(List<SavedImage> images, Blobs store) {
        this.images = images;
        for (var image : images) {
            add(image.digest(), image.manifestBytes());
            add(image.manifest().config().digest(), image.config());
            for (var layer : image.manifest().layers()) {
                blobs.put(
                        path(layer.digest()),
                        new Blob(layer.digest(), layer.size().bytes(), () -> store.open(layer.digest())));
            }
        }
    }

    private void add(Digest digest, byte[] content) {
        blobs.put(path(digest), new Blob(digest, content.length, () -> new ByteArrayInputStream(content)));
    }

    private static String path(Digest digest) {
        return "blobs/" + digest.algorithm() + "/" + digest.hex();
    }

    void write(TarWriter tar) throws IOException {
        var directories = new TreeSet<String>();
        directories.add("blobs/");
        blobs.values().forEach(blob -> directories.add("blobs/" + blob.digest.algorithm() + "/"));
        for (var directory : directories) {
            tar.write(TarEntry.directory(directory, Attributes.ofMode(0755)));
        }
        for (var entry : blobs.entrySet()) {
            try (var content = entry.getValue().open()) {
                tar.write(TarEntry.file(entry.getKey(), entry.getValue().size, Attributes.ofMode(0644)), content);
                entry.getValue().verify(content);
            }
        }
        write(tar, "index.json", JsonObject.write(index(new LinkedHashMap<>(), List.of())));
        write(tar, "oci-layout", LAYOUT);
    }

    private static void write(TarWriter tar, String name, byte[] content) throws IOException {
        tar.write(TarEntry.file(name, content.length, Attributes.ofMode(0644)), new ByteArrayInputStream(content));
    }

    /** Makes the directory, or adds to the layout that is there. Blobs come first, then, by one rename, the index. */
    void write(Path directory) throws IOException {
        if (Files.exists(directory.resolve("index.json")) && Files.exists(directory.resolve("oci-layout"))) {
            addTo(directory);
            return;
        }
        if (Files.exists(directory) && !isEmpty(directory)) {
            throw new ConflictException(
                    "cannot save to " + directory + ": the directory is neither empty nor an OCI layout",
                    "choose another, or a name that ends in .tar for a docker-archive");
        }
        try (var fresh = Replacement.of(directory)) {
            Files.createDirectory(fresh.path());
            writeBlobs(fresh.path(), new ArrayList<>());
            Files.write(fresh.path().resolve("oci-layout"), LAYOUT);
            Files.write(fresh.path().resolve("index.json"), JsonObject.write(index(new LinkedHashMap<>(), List.of())));
            fresh.publish();
        }
    }

    private static boolean isEmpty(Path directory) throws IOException {
        try (var entries = Files.newDirectoryStream(directory)) {
            return !entries.iterator().hasNext();
        }
    }

    private void addTo(Path layout) throws IOException {
        var file = layout.resolve("index.json");
        if (Files.size(file) > LARGEST_INDEX) {
            throw new CorruptContentException("cannot save to " + layout + ": its index.json is too large");
        }
        var old = JsonObject.parse(Files.readAllBytes(file), file.toString());
        var index = JsonObject.write(index(new LinkedHashMap<>(old.toMap()), old.objects("manifests")));
        var added = new ArrayList<Path>();
        try (var fresh = Replacement.of(file)) {
            writeBlobs(layout, added);
            Files.write(fresh.path(), index);
            fresh.publish();
        } catch (IOException | RuntimeException | Error e) {
            for (var path : added) {
                Files.deleteIfExists(path);
            }
            throw e;
        }
    }

    /** @param added takes the blobs that were not there before */
    private void writeBlobs(Path layout, List<Path> added) throws IOException {
        for (var entry : blobs.entrySet()) {
            var blob = entry.getValue();
            var file = layout.resolve(entry.getKey());
            if (!Files.exists(file) || Files.size(file) != blob.size) {
                Files.createDirectories(layout.resolve("blobs").resolve(blob.digest.algorithm()));
                try (var fresh = Replacement.of(file);
                        var content = blob.open();
                        var target = Files.newOutputStream(
                                fresh.path(), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                    Copying.copy(content, target, blob.size, "cannot save blob " + blob.digest);
                    blob.verify(content);
                    fresh.publish();
                    added.add(file);
                }
            }
        }
    }

    /** An index with the old entries, but for those that lose their name, and the new ones. */
    private Map<String, Object> index(Map<String, Object> fields, List<JsonObject> old) {
        var entries = new ArrayList<Object>();
        var fresh = images.stream().flatMap(image -> entries(image).stream()).toList();
        old.stream()
                .map(JsonObject::toMap)
                .filter(entry -> fresh.stream().noneMatch(other -> replaces(other, entry)))
                .forEach(entries::add);
        entries.addAll(fresh);
        fields.putIfAbsent("schemaVersion", 2);
        fields.putIfAbsent("mediaType", MediaType.OCI_INDEX.toString());
        fields.put("manifests", entries);
        return fields;
    }

    private static List<Map<String, Object>> entries(SavedImage image) {
        var descriptor = image.manifest().mediaType().descriptor(image.digest(), image.manifestBytes().length);
        if (image.names().isEmpty()) {
            return List.of(JsonObject.map(descriptor));
        }
        var entries = new ArrayList<Map<String, Object>>();
        for (var name : image.names()) {
            var entry = JsonObject.map(descriptor);
            entry.put("annotations", annotations(name));
            entries.add(entry);
        }
        return entries;
    }

    private static Map<String, Object> annotations(ImageReference name) {
        var annotations = new LinkedHashMap<String, Object>();
        annotations.put(LayoutReader.CONTAINERD_NAME, name.canonical());
        annotations.put(LayoutReader.REF_NAME, name.canonical());
        return annotations;
    }

    private static boolean replaces(Map<String, Object> fresh, Map<String, ?> old) {
        return refName(fresh).equals(refName(old))
                && (refName(fresh).isPresent()
                        || String.valueOf(fresh.get("digest")).equals(old.get("digest")));
    }

    private static Optional<Object> refName(Map<String, ?> entry) {
        return entry.get("annotations") instanceof Map<?, ?> annotations
                ? Optional.ofNullable(annotations.get(LayoutReader.REF_NAME))
                : Optional.empty();
    }
}
