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

    private final List<SavedRoot> roots;
    private final Map<String, Blob> blobs = new TreeMap<>();

    private record Blob(Digest digest, long size, Blobs store) {
        HashedContent open() throws IOException {
            return new HashedContent(store.open(digest), digest.algorithm());
        }

        void verify(HashedContent content) throws IOException {
            content.verify(digest, "blob " + digest + " of the store");
        }
    }

    LayoutWriter(List<SavedRoot> roots, Blobs store) {
        this.roots = roots;
        for (var root : roots) {
            root.blobs().forEach(digest -> blobs.put(path(digest), new Blob(digest, store.size(digest), store)));
        }
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

    /**
     * Makes the directory, or adds to the layout that is there: blobs come now, and, by one rename when it is published, the index.
     */
    Pending begin(Path directory) throws IOException {
        if (Files.exists(directory.resolve("index.json")) && Files.exists(directory.resolve("oci-layout"))) {
            return add(directory);
        }
        if (Files.exists(directory) && !isEmpty(directory)) {
            throw new ConflictException(
                    "cannot save to " + directory + ": the directory is neither empty nor an OCI layout",
                    "choose another, or a name that ends in .tar for a docker-archive");
        }
        var fresh = Replacement.of(directory);
        try {
            Files.createDirectory(fresh.path());
            writeBlobs(fresh.path(), new ArrayList<>());
            Files.write(fresh.path().resolve("oci-layout"), LAYOUT);
            Files.write(fresh.path().resolve("index.json"), JsonObject.write(index(new LinkedHashMap<>(), List.of())));
            return fresh;
        } catch (IOException | RuntimeException | Error e) {
            fresh.close();
            throw e;
        }
    }

    private static boolean isEmpty(Path directory) throws IOException {
        try (var entries = Files.newDirectoryStream(directory)) {
            return !entries.iterator().hasNext();
        }
    }

    private Pending add(Path layout) throws IOException {
        var addition = new Addition(layout);
        try {
            writeBlobs(layout, addition.blobs);
            return addition;
        } catch (IOException | RuntimeException | Error e) {
            addition.close();
            throw e;
        }
    }

    /** More in a layout. */
    private final class Addition implements Pending {
        private final Path layout;
        private final List<Path> blobs = new ArrayList<>();
        private boolean published;

        Addition(Path layout) {
            this.layout = layout;
        }

        @Override
        public void publish() throws IOException {
            var file = layout.resolve("index.json");
            if (Files.size(file) > LARGEST_INDEX) {
                throw new CorruptContentException("cannot save to " + layout + ": its index.json is too large");
            }
            var old = JsonObject.parse(Files.readAllBytes(file), file.toString());
            try (var fresh = Replacement.of(file)) {
                Files.write(
                        fresh.path(),
                        JsonObject.write(index(new LinkedHashMap<>(old.toMap()), old.objects("manifests"))));
                fresh.publish();
                published = true;
            }
        }

        @Override
        public void close() throws IOException {
            for (var blob : published ? List.<Path>of() : blobs) {
                Files.deleteIfExists(blob);
            }
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
        var fresh = roots.stream().flatMap(root -> entries(root).stream()).toList();
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

    private static List<Map<String, Object>> entries(SavedRoot root) {
        if (root.names().isEmpty()) {
            return List.of(JsonObject.map(root.descriptor()));
        }
        var entries = new ArrayList<Map<String, Object>>();
        for (var name : root.names()) {
            var entry = JsonObject.map(root.descriptor());
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
