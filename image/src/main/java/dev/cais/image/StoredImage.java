package dev.cais.image;

import static java.util.stream.Collectors.joining;

import dev.cais.ByteSize;
import dev.cais.Digest;
import dev.cais.FileChange;
import dev.cais.HistoryEntry;
import dev.cais.Image;
import dev.cais.ImageConfig;
import dev.cais.Layer;
import dev.cais.Platform;
import dev.cais.image.oci.ConfigDocument;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.Manifest;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * An image of the store in one of its editions, with the names it had when it was asked for, and the index that it was named by
 * then.
 */
final class StoredImage implements Image {
    private final ImageCatalog catalog;
    private final Digest id;
    private final Edition edition;
    private final Optional<Digest> index;
    private final Manifest manifest;
    private final ConfigDocument document;
    private final List<ImageReference> names;

    StoredImage(
            ImageCatalog catalog,
            Digest id,
            Edition edition,
            Optional<Digest> index,
            Manifest manifest,
            ConfigDocument document,
            List<ImageReference> names) {
        this.catalog = catalog;
        this.id = id;
        this.edition = edition;
        this.index = index;
        this.manifest = manifest;
        this.document = document;
        this.names = List.copyOf(names);
    }

    Edition edition() {
        return edition;
    }

    Manifest manifest() {
        return manifest;
    }

    ConfigDocument document() {
        return document;
    }

    @Override
    public Digest id() {
        return id;
    }

    @Override
    public Optional<Digest> digest() {
        return edition.made() ? Optional.empty() : Optional.of(edition.manifest());
    }

    @Override
    public List<String> tags() {
        return names.stream()
                .filter(name -> name.tag().isPresent())
                .map(ImageReference::toString)
                .toList();
    }

    @Override
    public Platform platform() {
        return document.platform();
    }

    @Override
    public ByteSize size() {
        return ByteSize.bytes(manifest.layers().stream()
                .mapToLong(layer -> layer.size().bytes())
                .sum());
    }

    @Override
    public List<Layer> layers() {
        var layers = new ArrayList<Layer>();
        for (var i = 0; i < manifest.layers().size(); i++) {
            var blob = manifest.layers().get(i);
            layers.add(new Layer(document.diffIds().get(i), blob.digest(), blob.size(), blob.mediaType()));
        }
        return layers;
    }

    @Override
    public List<FileChange> changes(Layer layer) {
        return catalog.changes(layers(), layer);
    }

    @Override
    public ImageConfig config() {
        return document.config();
    }

    @Override
    public List<HistoryEntry> history() {
        return document.history();
    }

    @Override
    public Image tag(String newName) {
        return catalog.tag(new NamedImage(id, edition.manifest(), index), newName);
    }

    @Override
    public void remove() {
        catalog.remove(id.toString());
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof StoredImage image && id.equals(image.id) && edition.isSame(image.edition);
    }

    @Override
    public int hashCode() {
        return edition.manifest().hashCode();
    }

    /** As in {@code Image[app:latest, sha256:4f5a1c…, 3 layers, 8.1 MiB]}. */
    @Override
    public String toString() {
        var count = manifest.layers().size();
        return tags().stream().map(tag -> tag + ", ").collect(joining("", "Image[", ""))
                + id.algorithm() + ":" + id.hex().substring(0, 6) + "…, "
                + count + (count == 1 ? " layer, " : " layers, ")
                + size() + "]";
    }
}
