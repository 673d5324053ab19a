package dev.cais.image;

import dev.cais.BuildCache;
import dev.cais.ByteSize;
import dev.cais.CorruptContentException;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.Layer;
import dev.cais.NotFoundException;
import dev.cais.image.archive.ArchiveFile;
import dev.cais.image.archive.ArchivedImage;
import dev.cais.image.archive.IoFailure;
import dev.cais.image.archive.Replacement;
import dev.cais.image.layer.LayerUnpacker;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.MediaType;
import dev.cais.image.registry.Repository;
import dev.cais.storage.Store;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A build cache that is an OCI layout in a directory: the entry {@code latest} of its index, as BuildKit's caches of type {@code local}
 * have it.
 */
final class DirectoryCache implements CacheDocuments {
    private static final String REF_NAME = "org.opencontainers.image.ref.name";
    private static final String TAG = "latest";

    private final Store store;
    private final ImageLimits limits;
    private final Path directory;

    DirectoryCache(Store store, ImageLimits limits, BuildCache.Directory cache) {
        this.store = store;
        this.limits = limits;
        this.directory = cache.path();
    }

    private Path index() {
        return directory.resolve("index.json");
    }

    private Path blob(Digest digest) {
        return directory.resolve("blobs").resolve(digest.algorithm()).resolve(digest.hex());
    }

    private byte[] read(Path file, long limit) {
        if (!Files.isRegularFile(file)) {
            throw new NotFoundException("cannot use the build cache " + directory + ": there is no file " + file);
        }
        try (var in = Files.newInputStream(file)) {
            var content = in.readNBytes((int) Math.min(limit + 1, Integer.MAX_VALUE - 8));
            if (content.length > limit) {
                throw new CorruptContentException(
                        "cannot use the build cache " + directory + ": " + file + " has more than " + limit + " bytes");
            }
            return content;
        } catch (IOException e) {
            throw IoFailure.of("cannot use the build cache " + directory, e);
        }
    }

    @Override
    public Repository.Document root() {
        var entries = entries();
        var chosen = entries.stream()
                .filter(DirectoryCache::isLatest)
                .findFirst()
                .or(() -> entries.stream().findFirst())
                .orElseThrow(() ->
                        new NotFoundException("cannot use the build cache " + directory + ": its index.json is empty"));
        var descriptor = chosen.toDescriptor();
        return new Repository.Document(descriptor.mediaType(), descriptor.digest(), document(descriptor));
    }

    private List<JsonObject> entries() {
        var file = index();
        return JsonObject.parse(read(file, limits.manifestSize().bytes()), file.toString())
                .objects("manifests");
    }

    private static boolean isLatest(JsonObject entry) {
        return TAG.equals(entry.textMap("annotations").get(REF_NAME));
    }

    @Override
    public byte[] document(Descriptor descriptor) {
        var file = blob(descriptor.digest());
        var content = read(file, limits.manifestSize().bytes());
        Hash.require(descriptor.digest(), content, file.toString());
        return content;
    }

    @Override
    public void fetch(Layer layer) {
        var file = blob(layer.blob());
        if (!has(layer)) {
            throw new NotFoundException("cannot use the build cache " + directory + ": there is no file " + file
                    + " of " + layer.size().bytes() + " bytes");
        }
        try {
            var incoming = new IncomingLayer(
                    new ArchivedImage.Layer(
                            layer.diffId(),
                            Optional.of(Descriptor.of(layer.mediaType(), layer.blob(), layer.size())),
                            ArchiveFile.of(file)),
                    store.blobs(),
                    limits);
            new LayerUnpacker(store.layers(), limits).unpack(List.of(incoming.source()));
            var unused = incoming.complete(false);
        } catch (IOException e) {
            throw IoFailure.of("cannot use the build cache " + directory, e);
        }
    }

    @Override
    public boolean has(Layer layer) {
        var file = blob(layer.blob());
        try {
            return Files.isRegularFile(file) && Files.size(file) == layer.size().bytes();
        } catch (IOException e) {
            throw IoFailure.of("cannot use the build cache " + directory, e);
        }
    }

    @Override
    public void put(Descriptor blob, CachePlace.Content content) {
        write(blob(blob.digest()), content);
    }

    private void write(Path file, CachePlace.Content content) {
        try {
            Files.createDirectories(file.getParent());
            try (var fresh = Replacement.of(file);
                    var in = content.open()) {
                Files.copy(in, fresh.path());
                fresh.publish();
            }
        } catch (IOException e) {
            throw IoFailure.of("cannot write the build cache " + directory, e);
        }
    }

    private void write(Path file, byte[] content) {
        write(file, () -> new ByteArrayInputStream(content));
    }

    /** Other entries of the index stay. */
    @Override
    public void publish(Repository.Document manifest) {
        var entries = new ArrayList<Object>();
        if (Files.exists(index())) {
            entries().stream()
                    .filter(entry -> !isLatest(entry))
                    .map(JsonObject::copy)
                    .forEach(entries::add);
        }
        write(blob(manifest.digest()), manifest.bytes());
        var entry = JsonObject.map(
                Descriptor.of(manifest.mediaType(), manifest.digest(), ByteSize.bytes(manifest.bytes().length)));
        entry.put("annotations", Map.of(REF_NAME, TAG));
        entries.add(entry);
        var fields = new LinkedHashMap<String, Object>();
        fields.put("schemaVersion", 2);
        fields.put("mediaType", MediaType.OCI_INDEX);
        fields.put("manifests", entries);
        write(
                directory.resolve("oci-layout"),
                "{\"imageLayoutVersion\":\"1.0.0\"}".getBytes(StandardCharsets.US_ASCII));
        write(index(), JsonObject.write(fields));
    }

    @Override
    public String toString() {
        return "directory " + directory;
    }
}
