package dev.cais.image.dockerfile;

import dev.cais.InvalidSpecException;
import dev.cais.image.oci.Shown;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What comments at the very top of a file say of how it is to be read.
 *
 * @param syntax the image of the language's version, or empty; all are read as the newest
 * @param escape what goes on with the next line, and escapes a character
 * @see <a href="https://docs.docker.com/reference/dockerfile/#parser-directives">Dockerfile reference, Parser
 *     directives</a>
 */
public record Directives(String syntax, char escape, Checks checks) {
    private static final Pattern DIRECTIVE =
            Pattern.compile("\\s*#\\s*([a-zA-Z][a-zA-Z0-9]*)\\s*=\\s*(.+?)\\s*", Pattern.DOTALL);

    /** As other languages write it. */
    private static final Pattern OTHER_SYNTAX =
            Pattern.compile("//\\s*syntax\\s*=\\s*(\\S+).*", Pattern.DOTALL | Pattern.CASE_INSENSITIVE);

    /** What asks for the language that is built in, whatever the file says. */
    private static final String BUILT_IN = "dockerfile.v0";

    private static final Pattern SYNTAX = Pattern.compile("(.*/)?docker/dockerfile(-upstream)?([:@].*)?");
    private static final Set<String> KNOWN = Set.of("syntax", "escape", "check");

    /**
     * {@code check}: which lint warnings are wanted.
     *
     * @param skip rules that are not; {@code all} is each
     * @param experimental rules that are though they are not usual; {@code all} is each
     * @param error whether a warning fails the build
     */
    public record Checks(Set<String> skip, Set<String> experimental, boolean error) {
        static final Checks USUAL = new Checks(Set.of(), Set.of(), false);

        public Checks {
            skip = Set.copyOf(skip);
            experimental = Set.copyOf(experimental);
        }

        /** Options between semicolons. */
        static Checks parse(String text) {
            var checks = USUAL;
            for (var option : text.split(";")) {
                var parts = option.split("=", 2);
                var value = parts.length < 2 ? "" : parts[1].trim();
                checks = switch (parts[0].trim()) {
                    case "skip" -> new Checks(names(value), checks.experimental, checks.error);
                    case "experimental" -> new Checks(checks.skip, names(value), checks.error);
                    case "error" ->
                        new Checks(checks.skip, checks.experimental, Flags.parseBoolean("check's error", value));
                    default ->
                        throw new InvalidSpecException(
                                "directive check has no option " + Shown.text(parts[0].trim()),
                                "write skip=RULE,RULE;error=true or experimental=RULE");
                };
            }
            return checks;
        }

        private static Set<String> names(String value) {
            return new HashSet<>(Arrays.asList(value.split("\\s*,\\s*")));
        }
    }

    /** Of what no file has said. A platform that a program gives is a value as any other. */
    static final Directives OF_CALLS = new Directives(
            "", '\\', new Checks(Set.of(LintRule.FROM_PLATFORM_FLAG_CONST_DISALLOWED.toString()), Set.of(), false));

    /** Takes the lines one by one, and ends at the first that is none. A first line that names a program, {@code #!}, hides only the escape. */
    static final class Reading {
        private final TextLines lines;
        private final String given;
        private final Map<String, String> found = new HashMap<>();
        private final Map<String, Integer> places = new HashMap<>();
        private int line;

        /** @param given in place of the syntax that the file says; empty for that */
        Reading(TextLines lines, String given) {
            this.lines = lines;
            this.given = given;
        }

        /** The one that is read, counted from 0; less if what is read is not in the file. */
        int line() {
            return line;
        }

        /** @throws InvalidSpecException with the reason alone */
        Directives all() {
            var isProgram = lines.count() > 0 && lines.shown(0).startsWith("#!");
            for (line = isProgram ? 1 : 0; line < lines.count() && lines.isComment(line); line++) {
                var parts = DIRECTIVE.matcher(lines.shown(line));
                var key = parts.matches() ? parts.group(1).toLowerCase(Locale.ROOT) : "";
                if (!KNOWN.contains(key)) {
                    break;
                }
                if (found.put(key, parts.group(2)) != null) {
                    throw new InvalidSpecException("directive " + key + " is there twice");
                }
                places.put(key, line);
            }
            if (isProgram) {
                found.remove("escape");
            }
            if (found.isEmpty()) {
                otherSyntax(lines).ifPresent(other -> found.put("syntax", other));
            }
            return new Directives(syntax(), escape(), checks());
        }

        private Optional<String> value(String key) {
            line = places.getOrDefault(key, 0);
            return Optional.ofNullable(found.get(key));
        }

        private String syntax() {
            var written = value("syntax").orElse("");
            if (!given.isEmpty()) {
                line = -1;
            }
            var syntax = (given.isEmpty() ? written : given.equals(BUILT_IN) ? "" : given).split("\\s", 2)[0];
            if (!syntax.isEmpty() && !SYNTAX.matcher(syntax).matches()) {
                throw new InvalidSpecException(
                        (given.isEmpty() ? "directive syntax" : "argument BUILDKIT_SYNTAX") + " names "
                                + Shown.text(syntax) + ", which is another language",
                        "write docker/dockerfile:1, or nothing; the argument BUILDKIT_SYNTAX=" + BUILT_IN
                                + " has a directive ignored");
            }
            return syntax;
        }

        private char escape() {
            var escape = value("escape").orElse("\\");
            if (!escape.equals("\\") && !escape.equals("`")) {
                throw new InvalidSpecException("directive escape is neither \\ nor `: " + Shown.text(escape));
            }
            return escape.charAt(0);
        }

        private Checks checks() {
            return value("check").map(Checks::parse).orElse(Checks.USUAL);
        }
    }

    /** What a file of another language says that it is, in a comment of that or as a field of its JSON. */
    private static Optional<String> otherSyntax(TextLines lines) {
        if (lines.count() == 0) {
            return Optional.empty();
        }
        var comment = OTHER_SYNTAX.matcher(lines.shown(0));
        return comment.matches() ? Optional.of(comment.group(1)) : lines.jsonText("syntax");
    }
}
