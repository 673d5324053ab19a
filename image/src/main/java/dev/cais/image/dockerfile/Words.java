package dev.cais.image.dockerfile;

import dev.cais.InvalidSpecException;
import dev.cais.image.oci.Shown;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * The words of an instruction: split at blanks outside quotes, and later freed of quotes, with variables replaced.
 *
 * @see <a href="https://docs.docker.com/reference/dockerfile/#environment-replacement">Dockerfile reference, Environment
 *     replacement</a>
 */
final class Words {
    /** How deep defaults of variables may be nested: {@code ${a:-${b:-c}}} is 2. */
    private static final int DEEPEST = 16;

    private static final char ESCAPE = '\\';

    private final String text;
    private final Function<String, Optional<String>> variables;
    private final int depth;
    private int at;

    private Words(String text, Function<String, Optional<String>> variables, int depth) {
        this.text = text;
        this.variables = variables;
        this.depth = depth;
    }

    /** The words of a line, as they are written. */
    static List<String> split(String line) {
        var words = new ArrayList<String>();
        var word = new StringBuilder();
        var quote = ' ';
        for (var i = 0; i < line.length(); i++) {
            var c = line.charAt(i);
            if (quote == ' ' && Character.isWhitespace(c)) {
                if (!word.isEmpty()) {
                    words.add(word.toString());
                    word.setLength(0);
                }
                continue;
            }
            word.append(c);
            if (c == ESCAPE && quote != '\'' && i + 1 < line.length()) {
                word.append(line.charAt(++i));
            } else if (c == quote) {
                quote = ' ';
            } else if (quote == ' ' && (c == '"' || c == '\'')) {
                quote = c;
            }
        }
        if (!word.isEmpty()) {
            words.add(word.toString());
        }
        return words;
    }

    /**
     * What a word stands for.
     *
     * @throws InvalidSpecException with the reason alone: the caller knows the instruction
     */
    static String expand(String word, Function<String, Optional<String>> variables) {
        return new Words(word, variables, 0).expand();
    }

    private String expand() {
        var result = new StringBuilder();
        while (at < text.length()) {
            var c = text.charAt(at++);
            switch (c) {
                case '\'' -> result.append(singleQuoted());
                case '"' -> doubleQuoted(result);
                case '$' -> result.append(variable());
                case ESCAPE -> result.append(at < text.length() ? text.charAt(at++) : ESCAPE);
                default -> result.append(c);
            }
        }
        return result.toString();
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

    private void doubleQuoted(StringBuilder result) {
        while (at < text.length()) {
            var c = text.charAt(at++);
            if (c == '"') {
                return;
            }
            if (c == '$') {
                result.append(variable());
            } else if (c == ESCAPE && at < text.length() && "\"$\\".indexOf(text.charAt(at)) >= 0) {
                result.append(text.charAt(at++));
            } else {
                result.append(c);
            }
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

    private String name() {
        var start = at;
        while (at < text.length() && isOfName(text.charAt(at))) {
            at++;
        }
        return text.substring(start, at);
    }

    private static boolean isOfName(char c) {
        return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z';
    }

    private String braced() {
        var name = name();
        var end = endOfBrace();
        var rest = text.substring(at, end);
        at = end + 1;
        if (name.isEmpty()) {
            throw new InvalidSpecException("a variable has no name: ${" + Shown.text(rest) + "}");
        }
        var value = variables.apply(name);
        if (rest.isEmpty()) {
            return value.orElse("");
        }
        var colon = rest.startsWith(":");
        var given = value.filter(known -> !colon || !known.isEmpty());
        var more = rest.substring(colon ? 1 : 0);
        var word = more.isEmpty() ? "" : more.substring(1);
        return switch (more.isEmpty() ? ' ' : more.charAt(0)) {
            case '-' -> given.orElseGet(() -> nested(word));
            case '+' -> given.isPresent() ? nested(word) : "";
            case '?' ->
                given.orElseThrow(() -> new InvalidSpecException(
                        "variable " + name + " is not set" + (word.isEmpty() ? "" : ": " + Shown.text(nested(word)))));
            default ->
                throw new InvalidSpecException(
                        "variable " + name + " has a modifier that is not known: " + Shown.text(rest),
                        "there are :-, :+, :?, -, + and ?");
        };
    }

    private int endOfBrace() {
        var open = 1;
        for (var i = at; i < text.length(); i++) {
            var c = text.charAt(i);
            if (c == ESCAPE) {
                i++;
            } else if ((c == '"' || c == '\'') && text.indexOf(c, i + 1) > 0) {
                i = text.indexOf(c, i + 1);
            } else if (c == '{' && text.charAt(i - 1) == '$') {
                open++;
            } else if (c == '}' && --open == 0) {
                return i;
            }
        }
        throw new InvalidSpecException("a variable's brace has no end");
    }

    private String nested(String word) {
        if (depth == DEEPEST) {
            throw new InvalidSpecException("defaults of variables are nested deeper than " + DEEPEST);
        }
        return new Words(word, variables, depth + 1).expand();
    }
}
