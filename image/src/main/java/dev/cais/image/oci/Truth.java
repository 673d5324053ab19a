package dev.cais.image.oci;

import java.util.Optional;
import java.util.Set;

/** What programs written in Go take for true and false, and people write into files for them. */
public final class Truth {
    private static final Set<String> TRUE = Set.of("1", "t", "T", "TRUE", "true", "True");
    private static final Set<String> FALSE = Set.of("0", "f", "F", "FALSE", "false", "False");

    private Truth() {}

    /**
     * By the words of {@code strconv.ParseBool}.
     *
     * @return empty if it is none of them
     * @see <a href="https://pkg.go.dev/strconv#ParseBool">strconv.ParseBool</a>
     */
    public static Optional<Boolean> parse(String text) {
        if (TRUE.contains(text)) {
            return Optional.of(true);
        }
        return FALSE.contains(text) ? Optional.of(false) : Optional.empty();
    }
}
