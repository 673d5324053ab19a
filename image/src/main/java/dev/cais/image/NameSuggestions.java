package dev.cais.image;

import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.Spelling;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/** Which names a reader may have meant by one that does not exist. */
final class NameSuggestions {
    private static final int MOST = 3;

    private NameSuggestions() {}

    /** The most similar first, at most three: other tags of the same repository, and repositories a few letters away. */
    static List<String> of(ImageReference missing, Collection<ImageReference> names) {
        var wanted = missing.familiarRepository();
        var near = Math.max(1, wanted.length() / 3);
        return names.stream()
                .filter(name -> Spelling.distance(wanted, name.familiarRepository()) <= near || isPartOf(wanted, name))
                .sorted(Comparator.comparingInt(
                                (ImageReference name) -> Spelling.distance(wanted, name.familiarRepository()))
                        .thenComparing(Comparator.naturalOrder()))
                .limit(MOST)
                .map(ImageReference::toString)
                .toList();
    }

    /** As when a registry or a group was left out: {@code busybox} for {@code localhost:5000/busybox}. */
    private static boolean isPartOf(String wanted, ImageReference name) {
        var lastPart = wanted.substring(wanted.lastIndexOf('/') + 1);
        return name.familiarRepository().endsWith("/" + lastPart)
                || name.familiarRepository().equals(lastPart);
    }
}
