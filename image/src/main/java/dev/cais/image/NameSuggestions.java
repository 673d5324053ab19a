package dev.cais.image;

import dev.cais.image.oci.ImageReference;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** Which names a reader may have meant by one that does not exist. */
final class NameSuggestions {
    private static final int MOST = 3;

    private NameSuggestions() {}

    /** The most similar first, at most three: other tags of the same repository, and repositories a few letters away. */
    static List<String> of(ImageReference missing, Collection<ImageReference> names) {
        var wanted = missing.familiarRepository();
        var near = Math.max(1, wanted.length() / 3);
        return names.stream()
                .filter(name -> distance(wanted, name.familiarRepository()) <= near || isPartOf(wanted, name))
                .sorted(Comparator.comparingInt((ImageReference name) -> distance(wanted, name.familiarRepository()))
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

    /** Levenshtein's: how many letters to insert, remove or replace. */
    static int distance(String a, String b) {
        var left = a.toLowerCase(Locale.ROOT);
        var previous = new int[b.length() + 1];
        for (var j = 0; j <= b.length(); j++) {
            previous[j] = j;
        }
        for (var i = 1; i <= left.length(); i++) {
            var row = new int[b.length() + 1];
            row[0] = i;
            for (var j = 1; j <= b.length(); j++) {
                var replaced = previous[j - 1] + (left.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                row[j] = Math.min(replaced, 1 + Math.min(previous[j], row[j - 1]));
            }
            previous = row;
        }
        return previous[b.length()];
    }
}
