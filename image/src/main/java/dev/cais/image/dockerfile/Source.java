package dev.cais.image.dockerfile;

import java.util.List;

/**
 * Where an instruction stands in its file.
 *
 * @param line the first, counted from 1
 * @param lastLine the last of its text and its here-documents
 * @param text as it is written, its continued lines joined; without here-documents
 * @param comments those directly above it, without {@code #} and the blanks behind it
 * @param emptyContinuation whether an empty line is between its continued lines
 */
public record Source(int line, int lastLine, String text, List<String> comments, boolean emptyContinuation) {
    public Source {
        comments = List.copyOf(comments);
    }

    /** The instruction's name as it is written. */
    public String keyword() {
        return text.split("\\s+", 2)[0];
    }
}
