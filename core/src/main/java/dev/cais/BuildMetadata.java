package dev.cais;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Names of what is built, and what its documents say beside what the Dockerfile does.
 *
 * @param tags names that the image gets; perhaps none
 * @param labels of its configuration, over those of the Dockerfile
 * @param annotations of the images' manifests, by key: {@code org.opencontainers.image.source}. Documents of Docker's media types have
 *     none
 * @param indexAnnotations of the index, which only images for several platforms have
 */
public record BuildMetadata(
        List<String> tags,
        Map<String, String> labels,
        Map<String, String> annotations,
        Map<String, String> indexAnnotations) {
    /** Nothing. */
    public static final BuildMetadata NONE = new BuildMetadata(List.of(), Map.of(), Map.of(), Map.of());

    public BuildMetadata {
        tags = List.copyOf(tags);
        labels = copy("a label", labels);
        annotations = copy("an annotation", annotations);
        indexAnnotations = copy("an annotation", indexAnnotations);
    }

    private static Map<String, String> copy(String what, Map<String, String> all) {
        if (all.containsKey("")) {
            throw new InvalidSpecException("cannot give an image " + what + ": it has no key");
        }
        return Collections.unmodifiableMap(new LinkedHashMap<>(all));
    }

    BuildMetadata tag(String... more) {
        return new BuildMetadata(Added.to(tags, more), labels, annotations, indexAnnotations);
    }

    BuildMetadata label(String key, String value) {
        return new BuildMetadata(tags, Added.to(labels, key, value), annotations, indexAnnotations);
    }

    BuildMetadata annotation(String key, String value) {
        return new BuildMetadata(tags, labels, Added.to(annotations, key, value), indexAnnotations);
    }

    BuildMetadata indexAnnotation(String key, String value) {
        return new BuildMetadata(tags, labels, annotations, Added.to(indexAnnotations, key, value));
    }
}
