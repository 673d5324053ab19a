package dev.cais.image.dockerfile;

import dev.cais.InvalidSpecException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * A part of an instruction as it is written. Its quotes, escapes and variables are resolved when the instruction is carried out, since
 * only then is it known what the variables stand for.
 *
 * @param escape what escapes the next character: a backslash, or what the file's directive says; NUL for a text that stands for itself
 * @see <a href="https://docs.docker.com/reference/dockerfile/#environment-replacement">Dockerfile reference, Environment
 *     replacement</a>
 */
public record Word(String text, char escape) {
    private static final char LITERAL = '\0';

    /** One that stands for itself, whatever is in it. */
    public static Word literal(String text) {
        return new Word(text, LITERAL);
    }

    /** Whether variables are in it, so that what it stands for is not yet known. */
    public boolean isOpen() {
        return escape != LITERAL && text.indexOf('$') >= 0;
    }

    /**
     * What the word stands for.
     *
     * @param variables values by name; a variable without one stands for nothing
     * @throws InvalidSpecException with the reason alone: the caller knows the instruction
     */
    public String expand(Function<String, Optional<String>> variables) {
        return escape == LITERAL ? text : Expansion.ofWord(text, escape, variables);
    }

    /** The words of a line: split at blanks that are neither quoted nor escaped. */
    static List<Word> split(String line, char escape) {
        var words = new ArrayList<Word>();
        var word = new StringBuilder();
        var quote = ' ';
        for (var i = 0; i < line.length(); i++) {
            var c = line.charAt(i);
            if (quote == ' ' && Character.isWhitespace(c)) {
                if (!word.isEmpty()) {
                    words.add(new Word(word.toString(), escape));
                    word.setLength(0);
                }
                continue;
            }
            word.append(c);
            if (c == escape && quote != '\'' && i + 1 < line.length()) {
                word.append(line.charAt(++i));
            } else if (c == quote) {
                quote = ' ';
            } else if (quote == ' ' && (c == '"' || c == '\'')) {
                quote = c;
            }
        }
        if (!word.isEmpty()) {
            words.add(new Word(word.toString(), escape));
        }
        return words;
    }

    /** As it is written. */
    @Override
    public String toString() {
        return text;
    }
}
