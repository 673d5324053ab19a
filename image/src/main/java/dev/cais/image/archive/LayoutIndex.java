package dev.cais.image.archive;

import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.image.oci.Index;
import dev.cais.image.oci.Manifest;
import dev.cais.image.oci.MediaType;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * An index of a layout with all that is below it: images for several platforms, and what is no image.
 *
 * @param images by their entries, in order
 */
record LayoutIndex(
        Digest digest,
        List<ArchivedImage.Content> documents,
        List<ArchivedIndex.Blob> blobs,
        Map<Descriptor, ArchivedImage> images) {
    /**
     * Reads one.
     *
     * @param most entries and indexes, of which a pull takes no more either
     * @return empty if something of it is not in the layout, or there is more than that
     * @throws dev.cais.CorruptContentException if something that is there is broken
     */
    static Optional<LayoutIndex> read(LayoutReader layout, Descriptor root, int most) {
        var documents = new ArrayList<ArchivedImage.Content>();
        var blobs = new ArrayList<ArchivedIndex.Blob>();
        var images = new LinkedHashMap<Descriptor, ArchivedImage>();
        var seen = new HashSet<Digest>();
        var open = new ArrayDeque<>(List.of(root));
        while (!open.isEmpty()) {
            var at = open.remove();
            if (!seen.add(at.digest())) {
                continue;
            }
            if (seen.size() > most || layout.find(at).isEmpty()) {
                return Optional.empty();
            }
            var isIndex = MediaType.Kind.INDEX.is(at);
            var content = layout.document(at, isIndex ? "index" : "manifest");
            var name = layout.shown(at, isIndex ? "index" : "manifest");
            if (isIndex) {
                documents.add(content);
                open.addAll(Index.parse(content.bytes(), name).manifests());
                if (open.size() > most) {
                    return Optional.empty();
                }
                continue;
            }
            var parts = Manifest.contents(content.bytes(), name);
            if (!parts.stream().allMatch(part -> layout.find(part).isPresent())) {
                return Optional.empty();
            }
            if (Index.isImage(at)) {
                images.put(at, layout.image(at));
            } else {
                documents.add(content);
                parts.forEach(part -> blobs.add(new ArchivedIndex.Blob(part, layout.blob(part, "part"))));
            }
        }
        return Optional.of(new LayoutIndex(root.digest(), documents, blobs, images));
    }

    Optional<Descriptor> first() {
        return images.keySet().stream().findFirst();
    }

    /** What an image of it brings with it. */
    ArchivedIndex besides(Digest manifest) {
        return new ArchivedIndex(
                digest,
                documents,
                blobs,
                images.entrySet().stream()
                        .filter(image -> !image.getKey().digest().equals(manifest))
                        .map(Map.Entry::getValue)
                        .toList());
    }
}
