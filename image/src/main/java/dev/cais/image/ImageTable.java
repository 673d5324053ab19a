package dev.cais.image;

import dev.cais.Digest;
import dev.cais.StorageException;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.JsonObject;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The image database at one moment. The methods return changed copies.
 *
 * <p>An edition that lost its last name goes, unless it is the image's current one: the last that came from outside, or
 * else the one that was made here.
 *
 * @param images editions by image id, oldest first, at least one
 * @param names with tags and without digests, or, of what was pulled by digest, the other way round; sorted
 */
record ImageTable(Map<Digest, List<Edition>> images, Map<ImageReference, NamedImage> names) {
    private static final int VERSION = 1;

    static final ImageTable EMPTY = new ImageTable(Map.of(), Map.of());

    ImageTable {
        names = Collections.unmodifiableMap(new LinkedHashMap<>(new TreeMap<>(names)));
        var kept = new LinkedHashMap<Digest, List<Edition>>();
        for (var image : images.entrySet()) {
            kept.put(image.getKey(), prune(image.getKey(), image.getValue(), names));
        }
        images = Collections.unmodifiableMap(kept);
    }

    private static List<Edition> prune(Digest id, List<Edition> editions, Map<ImageReference, NamedImage> names) {
        var current = current(editions);
        return editions.stream()
                .filter(edition -> edition.equals(current)
                        || names.values().stream()
                                .anyMatch(named -> named.id().equals(id)
                                        && named.manifest().equals(edition.manifest())))
                .toList();
    }

    private static Edition current(List<Edition> editions) {
        return editions.get(editions.size() - 1);
    }

    /** The edition that stands for an image where no name says which. */
    Optional<Edition> edition(Digest id) {
        return Optional.ofNullable(images.get(id)).map(ImageTable::current);
    }

    Optional<Edition> edition(Digest id, Digest manifest) {
        return images.getOrDefault(id, List.of()).stream()
                .filter(edition -> edition.manifest().equals(manifest))
                .findFirst();
    }

    /** That edition, or the one that has taken its place since: a push, here or in another process, may. Empty if the image is gone. */
    Optional<Edition> standing(Digest id, Digest manifest) {
        return edition(id, manifest).or(() -> edition(id));
    }

    /** The image that has an edition of this manifest. */
    Optional<Digest> idOf(Digest manifest) {
        return images.keySet().stream()
                .filter(id -> edition(id, manifest).isPresent())
                .findFirst();
    }

    /** The names of an image, in whatever edition, sorted. */
    List<ImageReference> namesOf(Digest id) {
        return names.entrySet().stream()
                .filter(entry -> entry.getValue().id().equals(id))
                .map(Map.Entry::getKey)
                .toList();
    }

    /**
     * With an edition as its image's current one. If it was made here and there is another already, that one stays instead; if
     * it came from outside, it takes the place and the names of one made here.
     */
    ImageTable with(Digest id, Edition edition) {
        var old = images.getOrDefault(id, List.of());
        if (edition.made() && !old.isEmpty()) {
            return this;
        }
        var editions = new ArrayList<Edition>();
        var added = edition;
        var renamed = new TreeMap<>(names);
        for (var each : old) {
            if (each.made()) {
                renamed.replaceAll(
                        (name, named) -> named.id().equals(id) ? new NamedImage(id, edition.manifest()) : named);
            } else if (each.isSame(edition)) {
                added = edition.or(each);
            } else {
                editions.add(each);
            }
        }
        editions.add(added);
        var changed = new LinkedHashMap<>(images);
        changed.put(id, editions);
        return new ImageTable(changed, renamed);
    }

    /** With a name for an image that is there, taken from whatever had it. */
    ImageTable named(ImageReference name, NamedImage image) {
        var changed = new TreeMap<>(names);
        changed.put(name, image);
        return new ImageTable(images, changed);
    }

    ImageTable withoutName(ImageReference name) {
        var changed = new TreeMap<>(names);
        changed.remove(name);
        return new ImageTable(images, changed);
    }

    /** With names that stood for an index standing for the one image of it that they mean. */
    ImageTable withoutIndex(Digest index) {
        var changed = new TreeMap<>(names);
        changed.replaceAll((name, named) ->
                named.index().equals(Optional.of(index)) ? new NamedImage(named.id(), named.manifest()) : named);
        return new ImageTable(images, changed);
    }

    /** Without the image and all its names. */
    ImageTable without(Digest id) {
        var changedNames = new TreeMap<>(names);
        changedNames.values().removeIf(named -> named.id().equals(id));
        var changedImages = new LinkedHashMap<>(images);
        changedImages.remove(id);
        return new ImageTable(changedImages, changedNames);
    }

    /** @throws dev.cais.CorruptContentException if it is not what {@link #toBytes()} writes */
    static ImageTable parse(byte[] content, String file) {
        var json = JsonObject.parse(content, file);
        if (json.number("version") != VERSION) {
            throw new StorageException(
                    "cannot read " + file + ": it is of version " + json.number("version") + ", not " + VERSION,
                    "use the version of Cais that wrote it, or another store");
        }
        var images = new LinkedHashMap<Digest, List<Edition>>();
        for (var image : json.objects("images")) {
            var editions = image.objects("manifests").stream()
                    .map(edition -> new Edition(
                            edition.digest("digest"),
                            edition.flag("made"),
                            edition.findText("source").map(ImageReference::parse)))
                    .toList();
            if (editions.isEmpty()) {
                throw image.wrong("manifests", "is empty");
            }
            images.put(image.digest("id"), editions);
        }
        var names = new TreeMap<ImageReference, NamedImage>();
        for (var name : json.objects("names")) {
            names.put(
                    ImageReference.parse(name.text("name")),
                    new NamedImage(
                            name.digest("image"),
                            name.digest("manifest"),
                            name.has("index") ? Optional.of(name.digest("index")) : Optional.empty()));
        }
        return new ImageTable(images, names);
    }

    byte[] toBytes() {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("version", VERSION);
        fields.put(
                "images",
                images.entrySet().stream().map(ImageTable::imageToJson).toList());
        fields.put(
                "names", names.entrySet().stream().map(ImageTable::nameToJson).toList());
        return JsonObject.write(fields);
    }

    private static Map<String, Object> imageToJson(Map.Entry<Digest, List<Edition>> image) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("id", image.getKey());
        fields.put(
                "manifests",
                image.getValue().stream().map(ImageTable::editionToJson).toList());
        return fields;
    }

    private static Map<String, Object> editionToJson(Edition edition) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("digest", edition.manifest());
        if (edition.made()) {
            fields.put("made", true);
        }
        edition.source().ifPresent(source -> fields.put("source", source.canonical()));
        return fields;
    }

    private static Map<String, Object> nameToJson(Map.Entry<ImageReference, NamedImage> name) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("name", name.getKey().canonical());
        fields.put("image", name.getValue().id());
        fields.put("manifest", name.getValue().manifest());
        name.getValue().index().ifPresent(index -> fields.put("index", index));
        return fields;
    }
}
