package dev.cais.image.dockerfile;

import dev.cais.InvalidSpecException;
import dev.cais.image.oci.Shown;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * A pattern of paths: {@code *} stands for any characters but a slash, {@code ?} for one, {@code [a-z]} for one of several, and a
 * backslash frees what follows.
 *
 * <p>A path is walked once, all ways to match it side by side, so the time is bounded by the product of both lengths.
 *
 * @see <a href="https://pkg.go.dev/path/filepath#Match">Go, filepath.Match</a>
 */
public final class Glob {
    private static final int LONGEST = 4096;

    /** One step of a pattern. */
    private enum Kind {
        LITERAL,
        /** One character but a slash. */
        ONE,
        /** Any number of characters but slashes. */
        STAR,
        ONE_OF,
        /** Directories, or none: what follows is {@link #IN_DIRECTORIES}. */
        DIRECTORIES,
        IN_DIRECTORIES,
        /** All that is left. */
        REST
    }

    /** @param ranges pairs of first and last */
    private record Token(Kind kind, char literal, boolean negated, List<char[]> ranges) {
        static Token of(Kind kind) {
            return new Token(kind, '\0', false, List.of());
        }

        boolean takes(char c) {
            return switch (kind) {
                case LITERAL -> c == literal;
                case ONE -> c != '/';
                case ONE_OF -> ranges.stream().anyMatch(range -> range[0] <= c && c <= range[1]) != negated;
                default -> false;
            };
        }

        boolean stays(char c) {
            return kind == Kind.REST || kind == Kind.IN_DIRECTORIES || kind == Kind.STAR && c != '/';
        }
    }

    private final String text;
    private final Token[] tokens;
    private final String prefix;
    private final String suffix;

    private Glob(String text, List<Token> tokens) {
        this.text = text;
        this.tokens = tokens.toArray(Token[]::new);
        this.prefix = literals(tokens);
        var backwards = new ArrayList<>(tokens);
        Collections.reverse(backwards);
        this.suffix = new StringBuilder(literals(backwards)).reverse().toString();
    }

    private static String literals(List<Token> tokens) {
        var text = new StringBuilder();
        tokens.stream().takeWhile(token -> token.kind == Kind.LITERAL).forEach(token -> text.append(token.literal));
        return text.toString();
    }

    /**
     * As Go's {@code filepath.Match} reads it: two stars are one.
     *
     * @throws InvalidSpecException with the reason alone
     */
    public static Glob parse(String text) {
        return new Glob(text, new Reading(text, false).tokens());
    }

    /** The same, where {@code **} also stands for any number of directories, and at the end for all that is left. */
    static Glob parseDeep(String text) {
        return new Glob(text, new Reading(text, true).tokens());
    }

    /** Whether a text has characters that make it more than a path. */
    public static boolean isPattern(String text) {
        for (var i = 0; i < text.length(); i++) {
            var c = text.charAt(i);
            if (c == '\\') {
                i++;
            } else if (c == '*' || c == '?' || c == '[') {
                return true;
            }
        }
        return false;
    }

    /** Takes a text apart. */
    private static final class Reading {
        private final String text;
        private final boolean deep;
        private final List<Token> tokens = new ArrayList<>();
        private int at;

        Reading(String text, boolean deep) {
            if (text.length() > LONGEST) {
                throw new InvalidSpecException("pattern " + Shown.text(text) + " is longer than a path can be");
            }
            this.text = text;
            this.deep = deep;
        }

        List<Token> tokens() {
            while (at < text.length()) {
                var c = text.charAt(at++);
                switch (c) {
                    case '*' -> star();
                    case '?' -> tokens.add(Token.of(Kind.ONE));
                    case '[' -> oneOf();
                    case '\\' -> literal(next());
                    default -> literal(c);
                }
            }
            return tokens;
        }

        private void literal(char c) {
            tokens.add(new Token(Kind.LITERAL, c, false, List.of()));
        }

        private char next() {
            if (at == text.length()) {
                throw new InvalidSpecException("pattern " + Shown.text(text) + " ends within a bracket or an escape");
            }
            return text.charAt(at++);
        }

        private void star() {
            if (!deep || at == text.length() || text.charAt(at) != '*') {
                tokens.add(Token.of(Kind.STAR));
                return;
            }
            at++;
            if (at < text.length() && text.charAt(at) == '/') {
                at++;
            }
            if (at == text.length()) {
                tokens.add(Token.of(Kind.REST));
            } else {
                tokens.add(Token.of(Kind.DIRECTORIES));
                tokens.add(Token.of(Kind.IN_DIRECTORIES));
            }
        }

        private void oneOf() {
            var negated = at < text.length() && text.charAt(at) == '^';
            if (negated) {
                at++;
            }
            var ranges = new ArrayList<char[]>();
            while (ranges.isEmpty() || at == text.length() || text.charAt(at) != ']') {
                var first = end();
                var last = first;
                if (at < text.length() && text.charAt(at) == '-') {
                    at++;
                    last = end();
                }
                ranges.add(new char[] {first, last});
            }
            at++;
            tokens.add(new Token(Kind.ONE_OF, '\0', negated, ranges));
        }

        /** One end of a range. */
        private char end() {
            var c = next();
            if (c == '-' || c == ']') {
                throw new InvalidSpecException(
                        "pattern " + Shown.text(text) + " has a bracket with " + c + " where a character must be",
                        "write a backslash before it");
            }
            return c == '\\' ? next() : c;
        }
    }

    public boolean matches(String path) {
        if (path.length() < prefix.length() + (prefix.length() == tokens.length ? 0 : suffix.length())
                || !path.startsWith(prefix)
                || !path.endsWith(suffix)) {
            return false;
        }
        if (prefix.length() == tokens.length) {
            return path.length() == prefix.length();
        }
        var now = new boolean[tokens.length + 1];
        var next = new boolean[tokens.length + 1];
        now[prefix.length()] = true;
        enter(now);
        for (var i = prefix.length(); i < path.length(); i++) {
            Arrays.fill(next, false);
            step(now, next, path.charAt(i));
            enter(next);
            var previous = now;
            now = next;
            next = previous;
        }
        return now[tokens.length];
    }

    private void step(boolean[] now, boolean[] next, char c) {
        for (var state = 0; state < tokens.length; state++) {
            if (now[state]) {
                var token = tokens[state];
                next[state] |= token.stays(c);
                next[state + 1] |= token.takes(c) || token.kind == Kind.IN_DIRECTORIES && c == '/';
            }
        }
    }

    /** What may be nothing is passed over. */
    private void enter(boolean[] states) {
        for (var state = 0; state < tokens.length; state++) {
            if (states[state]) {
                switch (tokens[state].kind) {
                    case STAR, REST -> states[state + 1] = true;
                    case DIRECTORIES -> {
                        states[state + 1] = true;
                        states[state + 2] = true;
                    }
                    default -> {
                        // has to take a character
                    }
                }
            }
        }
    }

    /** As it is written. */
    @Override
    public String toString() {
        return text;
    }
}
