package dev.cais.image.dockerfile;

import dev.cais.InvalidSpecException;
import dev.cais.image.oci.Shown;
import java.util.Optional;
import java.util.function.Function;

/** Frees a text of quotes and escapes, and puts values in the place of variables. */
final class Expansion {
    /** How deep words may be nested in variables: {@code ${a:-${b:-c}}} is 2. */
    private static final int DEEPEST = 32;

    /** What a text may become: each {@code ENV A=$A$A} doubles it. */
    private static final int LONGEST = 1 << 20;

    private static final int END = -1;
    private static final String SPECIAL = "@*#?-$!0";

    private final String text;
    private final char escape;
    private final boolean quotes;
    private final Function<String, Optional<String>> variables;
    private int at;
    private int depth;

    /** Whether escapes stay where they are, as in a pattern. */
    private boolean rawEscapes;

    private Expansion(String text, char escape, boolean quotes, Function<String, Optional<String>> variables) {
        this.text = text;
        this.escape = escape;
        this.quotes = quotes;
        this.variables = variables;
    }

    static String ofWord(String text, char escape, Function<String, Optional<String>> variables) {
        return new Expansion(text, escape, true, variables).upTo(END, false, "");
    }

    /** In a here-document a quote is a character as any other. */
    static String ofDocument(String text, Function<String, Optional<String>> variables) {
        return new Expansion(text, '\\', false, variables).upTo(END, false, "");
    }

    /** @param name of the variable that it belongs to */
    private String upTo(int stop, boolean raw, String name) {
        if (++depth > DEEPEST) {
            throw new InvalidSpecException("variables are nested deeper than " + DEEPEST);
        }
        var outer = rawEscapes;
        rawEscapes = raw;
        var result = new StringBuilder();
        while (at < text.length() && text.charAt(at) != stop) {
            var c = text.charAt(at++);
            if (c == '$') {
                append(result, variable());
            } else if (quotes && c == '\'') {
                append(result, singleQuoted());
            } else if (quotes && c == '"') {
                append(result, doubleQuoted());
            } else if (c == escape) {
                if (raw) {
                    result.append(c);
                }
                if (at < text.length()) {
                    result.append(text.charAt(at++));
                }
            } else {
                result.append(c);
            }
        }
        if (stop != END && at++ >= text.length()) {
            throw stop == '/' ? withoutReplacement(name) : unclosed(name);
        }
        rawEscapes = outer;
        depth--;
        return result.toString();
    }

    private static void append(StringBuilder result, String more) {
        if (result.length() + (long) more.length() > LONGEST) {
            throw new InvalidSpecException("with its variables' values it is longer than " + LONGEST + " characters");
        }
        result.append(more);
    }

    private String singleQuoted() {
        var end = text.indexOf('\'', at);
        if (end < 0) {
            throw new InvalidSpecException("a single quote has no end");
        }
        var quoted = text.substring(at, end);
        at = end + 1;
        return quoted;
    }

    private String doubleQuoted() {
        var result = new StringBuilder();
        while (at < text.length()) {
            var c = text.charAt(at++);
            if (c == '"') {
                return result.toString();
            }
            if (c == '$') {
                append(result, variable());
                continue;
            }
            if (c == escape && at < text.length()) {
                if (rawEscapes) {
                    result.append(c);
                }
                var next = text.charAt(at);
                if (next == '"' || next == '$' || next == escape) {
                    c = next;
                    at++;
                }
            }
            result.append(c);
        }
        throw new InvalidSpecException("a double quote has no end");
    }

    /** Behind a dollar sign, which stands for itself before anything that is no name. */
    private String variable() {
        if (at < text.length() && text.charAt(at) == '{') {
            at++;
            return braced();
        }
        var name = name();
        return name.isEmpty() ? "$" : variables.apply(name).orElse("");
    }

    /** Letters, digits and underscores; or digits alone; or one of the shell's own, none of which is ever set. */
    private String name() {
        var start = at;
        if (at < text.length() && SPECIAL.indexOf(text.charAt(at)) >= 0) {
            return text.substring(start, ++at);
        }
        var number = at < text.length() && Character.isDigit(text.charAt(at));
        while (at < text.length() && (number ? Character.isDigit(text.charAt(at)) : isOfName(text.charAt(at)))) {
            at++;
        }
        return text.substring(start, at);
    }

    private static boolean isOfName(char c) {
        return c == '_' || Character.isLetterOrDigit(c);
    }

    private String braced() {
        var start = at;
        if (at < text.length() && "{}:".indexOf(text.charAt(at)) >= 0) {
            throw new InvalidSpecException("a variable has no name: ${" + Shown.text(inBrace(at)) + "}");
        }
        var name = name();
        var modifier = next(name);
        if (modifier == '}') {
            return variables.apply(name).orElse("");
        }
        if (modifier == '/') {
            return replaced(name);
        }
        var emptyIsUnset = modifier == ':';
        if (emptyIsUnset) {
            modifier = next(name);
        }
        if (name.isEmpty() || (emptyIsUnset ? "-+?" : "-+?#%").indexOf(modifier) < 0) {
            throw new InvalidSpecException(
                    "variable " + name + " has a modifier that is not known: "
                            + Shown.text(inBrace(start + name.length())),
                    "there are :-, :+, :?, -, +, ?, #, ##, %, %%, / and //");
        }
        var word = upTo('}', modifier == '#' || modifier == '%', name);
        var value = variables.apply(name);
        var given = value.filter(known -> !emptyIsUnset || !known.isEmpty());
        return switch (modifier) {
            case '-' -> given.orElse(word);
            case '+' -> given.isPresent() ? word : "";
            case '?' ->
                given.orElseThrow(() ->
                        new InvalidSpecException("variable " + name + (value.isPresent() ? " is empty" : " is not set")
                                + (word.isEmpty() ? "" : ": " + Shown.text(word))));
            default -> trimmed(value.orElse(""), modifier, word);
        };
    }

    private char next(String name) {
        if (at == text.length()) {
            throw unclosed(name);
        }
        return text.charAt(at++);
    }

    private static InvalidSpecException unclosed(String name) {
        return new InvalidSpecException(
                (name.isEmpty() ? "a variable's brace" : "the brace of variable " + Shown.text(name)) + " has no end");
    }

    private static InvalidSpecException withoutReplacement(String name) {
        return new InvalidSpecException(
                "variable " + Shown.text(name) + " has a pattern and nothing in its place",
                "write ${" + Shown.text(name) + "/pattern/replacement}");
    }

    /** What stands from a place on to the end of its brace. */
    private String inBrace(int from) {
        var end = text.indexOf('}', from);
        return text.substring(from, end < 0 ? text.length() : end);
    }

    private static String trimmed(String value, char modifier, String word) {
        var longest = word.indexOf(modifier) == 0;
        var pattern = ShellPattern.parse(longest ? word.substring(1) : word);
        return modifier == '#' ? pattern.withoutPrefix(value, longest) : pattern.withoutSuffix(value, longest);
    }

    private String replaced(String name) {
        var all = at < text.length() && text.charAt(at) == '/';
        if (all) {
            at++;
        }
        var pattern = ShellPattern.parse(upTo('/', true, name));
        var replacement = upTo('}', true, name);
        return pattern.replace(variables.apply(name).orElse(""), replacement, all, LONGEST);
    }
}
