package dev.cais.image.dockerfile;

import dev.cais.InvalidSpecException;
import dev.cais.image.oci.Shown;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Set;

/**
 * Patterns of files that are left out; one behind {@code !} takes some of them back in. The last that fits a path or a directory above
 * it decides.
 *
 * <p>Whoever walks a tree hands each directory's {@link Verdict} down, so that a path is compared with each pattern once however deep
 * it is.
 *
 * @see <a href="https://docs.docker.com/build/concepts/context/#dockerignore-files">Docker, .dockerignore files</a>
 */
public final class PathPatterns {
    private static final int MOST = 10_000;

    /** None at all. */
    public static final PathPatterns NONE = new PathPatterns(List.of());

    /** @param end compared with the path's end, in place of the pattern; empty if it is none */
    private record Pattern(String text, boolean exception, Glob glob, String end) {
        boolean matches(String path) {
            return end.isEmpty() ? glob.matches(path) : path.endsWith(end);
        }
    }

    /**
     * What the patterns say of a path.
     *
     * @param out whether it is left out
     */
    public record Verdict(boolean out, BitSet patterns) {
        /** Of the top of a tree, which is never left out itself. */
        public static final Verdict TOP = new Verdict(false, new BitSet());
    }

    private final List<Pattern> patterns;

    private PathPatterns(List<Pattern> patterns) {
        this.patterns = List.copyOf(patterns);
    }

    /** @throws InvalidSpecException with the reason alone */
    public static PathPatterns of(List<String> texts) {
        if (texts.size() > MOST) {
            throw new InvalidSpecException("there are more than " + MOST + " patterns");
        }
        var patterns = new ArrayList<Pattern>();
        for (var text : texts) {
            if (!text.isBlank()) {
                patterns.add(pattern(clean(text.strip())));
            }
        }
        return new PathPatterns(patterns);
    }

    private static Pattern pattern(String text) {
        var exception = text.startsWith("!");
        var path = exception ? text.substring(1) : text;
        if (path.isEmpty()) {
            throw new InvalidSpecException("an exclamation mark has no pattern behind it");
        }
        Glob.parse(path);
        var plainEnd = path.startsWith("**") && !path.startsWith("**/") && !isSpecial(path.substring(2));
        return new Pattern(text, exception, Glob.parseDeep(path), plainEnd ? path.substring(2) : "");
    }

    private static boolean isSpecial(String text) {
        return Glob.isPattern(text) || text.indexOf('\\') >= 0 || text.indexOf(']') >= 0;
    }

    /** Without empty names, {@code .} and {@code ..}, and without a slash at the end. */
    static String clean(String path) {
        var names = new ArrayDeque<String>();
        var absolute = path.startsWith("/");
        for (var name : path.split("/")) {
            if (name.equals("..") && !names.isEmpty() && !names.getLast().equals("..")) {
                names.removeLast();
            } else if (!name.isEmpty() && !name.equals(".") && !(absolute && name.equals(".."))) {
                names.add(name);
            }
        }
        var cleaned = (absolute ? "/" : "") + String.join("/", names);
        return cleaned.isEmpty() ? "." : cleaned;
    }

    /** Whether there are none. */
    public boolean isEmpty() {
        return patterns.isEmpty();
    }

    /** Whether one takes back in what others leave out, so that a directory that is left out must be walked all the same. */
    public boolean hasExceptions() {
        return patterns.stream().anyMatch(Pattern::exception);
    }

    /** Whether one of some patterns is among them, as it is written. */
    boolean hasAny(Set<String> texts) {
        return patterns.stream().map(Pattern::text).anyMatch(texts::contains);
    }

    /**
     * Whether a path is left out.
     *
     * @param path relative, with slashes, cleaned
     */
    public boolean leaveOut(String path) {
        var verdict = Verdict.TOP;
        for (var end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1)) {
            verdict = verdict(path.substring(0, end), verdict);
        }
        return verdict(path, verdict).out();
    }

    /**
     * The same for one name below a directory.
     *
     * @param path relative to the top
     * @param directory what is said of the directory that it is in
     */
    public Verdict verdict(String path, Verdict directory) {
        var fits = new BitSet(patterns.size());
        var out = false;
        for (var i = 0; i < patterns.size(); i++) {
            var pattern = patterns.get(i);
            if (directory.patterns.get(i) || pattern.exception == out && pattern.matches(path)) {
                fits.set(i);
                out = !pattern.exception;
            }
        }
        return new Verdict(out, fits);
    }

    /** As they are written, cleaned. */
    @Override
    public String toString() {
        return Shown.text(patterns.stream().map(Pattern::text).toList().toString());
    }
}
