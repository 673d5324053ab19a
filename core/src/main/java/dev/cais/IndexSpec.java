package dev.cais;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * Images for several platforms that are to have one name. The methods return changed copies.
 *
 * <p>An image is taken from the store if it has one of that name or id, otherwise from the registry of the name. What stands there for
 * an index brings all that is in it.
 *
 * @param entries in order
 * @param annotations of the index, by key, in order
 */
public record IndexSpec(List<Entry> entries, Map<String, String> annotations) {
    /**
     * An image.
     *
     * @param image its name, or an id of the store
     * @param platform in place of what it says itself
     * @param annotations by key, in order
     */
    public record Entry(String image, Optional<Platform> platform, Map<String, String> annotations) {
        public Entry {
            annotations = Collections.unmodifiableMap(new LinkedHashMap<>(annotations));
        }
    }

    public IndexSpec {
        entries = List.copyOf(entries);
        annotations = Collections.unmodifiableMap(new LinkedHashMap<>(annotations));
    }

    public static IndexSpec of(String... images) {
        var spec = new IndexSpec(List.of(), Map.of());
        for (var image : images) {
            spec = spec.add(image);
        }
        return spec;
    }

    public IndexSpec add(String image) {
        return add(new Entry(image, Optional.empty(), Map.of()));
    }

    private IndexSpec add(Entry entry) {
        var more = new ArrayList<>(entries);
        more.add(entry);
        return new IndexSpec(more, annotations);
    }

    /**
     * Says what an image runs on, whatever it says itself.
     *
     * @param image as it was added
     */
    public IndexSpec platform(String image, Platform platform) {
        return with(image, entry -> new Entry(entry.image, Optional.of(platform), entry.annotations));
    }

    /** Annotates an image. */
    public IndexSpec annotation(String image, String key, String value) {
        return with(image, entry -> new Entry(entry.image, entry.platform, Added.to(entry.annotations, key, value)));
    }

    /** Annotates the index itself. */
    public IndexSpec annotation(String key, String value) {
        return new IndexSpec(entries, Added.to(annotations, key, value));
    }

    private IndexSpec with(String image, UnaryOperator<Entry> change) {
        if (entries.stream().noneMatch(entry -> entry.image.equals(image))) {
            throw new InvalidSpecException("cannot change " + image + " in an index: it was not added", "add it first");
        }
        return new IndexSpec(
                entries.stream()
                        .map(entry -> entry.image.equals(image) ? change.apply(entry) : entry)
                        .toList(),
                annotations);
    }
}
