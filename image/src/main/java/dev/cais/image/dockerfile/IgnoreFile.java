package dev.cais.image.dockerfile;

import dev.cais.BuildException;
import dev.cais.InvalidSpecException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A {@code .dockerignore}: which files of a context a build does not see.
 *
 * @see <a href="https://docs.docker.com/build/concepts/context/#dockerignore-files">Docker, .dockerignore files</a>
 */
public final class IgnoreFile {
    /** The name of a context's own. */
    public static final String USUAL = ".dockerignore";

    private static final int LARGEST = 1 << 20;

    private IgnoreFile() {}

    /** Where it is sought: the one of this Dockerfile's name stands in place of the context's own. */
    public static List<String> names(String dockerfile) {
        return List.of(dockerfile + USUAL, USUAL);
    }

    /**
     * Reads a file to its end; the stream stays open. A line is a pattern; blanks around it, a slash before it and one behind it do not
     * count. One with {@code #} in its first column is a comment.
     *
     * @param name as messages call it
     * @throws BuildException if it is larger than 1 MiB, or has a pattern that is none: that shows the line
     */
    public static PathPatterns read(String name, InputStream in) throws IOException {
        var content = in.readNBytes(LARGEST + 1);
        if (content.length > LARGEST) {
            throw new BuildException("cannot read " + name + ": it is larger than " + (LARGEST >> 20) + " MiB");
        }
        try {
            return patterns(name, new TextLines(content), new String(content, StandardCharsets.UTF_8));
        } catch (InvalidSpecException e) {
            throw failure(name, e, Map.of(), "");
        }
    }

    private static PathPatterns patterns(String name, TextLines lines, String text) {
        var patterns = new ArrayList<String>();
        var number = 0;
        for (var line : text.startsWith("\ufeff") ? text.substring(1).split("\n") : text.split("\n")) {
            number++;
            var pattern = line.startsWith("#") ? "" : line.strip();
            if (!pattern.isEmpty()) {
                try {
                    var cleaned = cleaned(pattern);
                    PathPatterns.of(List.of(cleaned));
                    patterns.add(cleaned);
                } catch (InvalidSpecException e) {
                    throw failure(name, e, Map.of("line", number), lines.excerpt(number - 1, number));
                }
            }
        }
        return PathPatterns.of(patterns);
    }

    private static BuildException failure(
            String name, InvalidSpecException reason, Map<String, ?> facts, String excerpt) {
        return new BuildException(
                "cannot read " + name + ": " + reason.problem(), facts, reason.help(), reason, excerpt);
    }

    private static String cleaned(String pattern) {
        var exception = pattern.startsWith("!");
        var path = exception ? pattern.substring(1).strip() : pattern;
        if (!path.isEmpty()) {
            path = PathPatterns.clean(path);
            path = path.length() > 1 && path.startsWith("/") ? path.substring(1) : path;
        }
        return exception ? "!" + path : path;
    }
}
