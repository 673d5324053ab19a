package dev.cais.image.oci;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/** Which word a writer may have meant by one that does not exist. */
public final class Spelling {
    /** What is longer is not compared with anything: it took too long, and nobody mistypes that much. */
    private static final int LONGEST = 200;

    private Spelling() {}

    /**
     * Levenshtein's, where two neighbours that changed places are one: how many letters to insert, remove, replace or swap; upper case of
     * the first is the same as lower.
     */
    public static int distance(String a, String b) {
        var left = a.toLowerCase(Locale.ROOT);
        var beforeThat = new int[b.length() + 1];
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
                if (i > 1 && j > 1 && left.charAt(i - 1) == b.charAt(j - 2) && left.charAt(i - 2) == b.charAt(j - 1)) {
                    row[j] = Math.min(row[j], 1 + beforeThat[j - 2]);
                }
            }
            beforeThat = previous;
            previous = row;
        }
        return previous[b.length()];
    }

    /** The nearest of the words there are, if it is near: at most two letters away, and less than half of them. */
    public static Optional<String> nearest(String missing, Collection<String> words) {
        if (missing.length() > LONGEST) {
            return Optional.empty();
        }
        return words.stream()
                .filter(word -> word.length() <= LONGEST)
                .filter(word -> near(missing, word) <= 2 && 2 * near(missing, word) < missing.length())
                .min(Comparator.comparingInt((String word) -> near(missing, word))
                        .thenComparing(word -> word));
    }

    private static int near(String missing, String word) {
        return distance(missing, word.toLowerCase(Locale.ROOT));
    }

    /** What helps, as {@code did you mean COPY?}; empty if nothing is near. */
    public static String didYouMean(String missing, Collection<String> words) {
        return nearest(missing, words).map(word -> "did you mean " + word + "?").orElse("");
    }
}
