package dev.cais.image.dockerfile;

import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Pattern;

/**
 * A here-document: the lines below an instruction up to one that has only its name.
 *
 * @param name without quotes
 * @param expands whether variables in it stand for their values: no part of the name is quoted
 * @param stripsTabs whether tabs before each line do not count: {@code <<-}
 * @param content as it is written, each line with its end
 */
public record Heredoc(String name, boolean expands, boolean stripsTabs, String content) {
    private static final Pattern LEADING_TABS = Pattern.compile("(?m)^\\t+");

    /** The lines, without tabs if these do not count. */
    public String text() {
        return stripsTabs ? LEADING_TABS.matcher(content).replaceAll("") : content;
    }

    /**
     * The same with its variables replaced, if it expands: a backslash then frees the next character.
     *
     * @throws dev.cais.InvalidSpecException with the reason alone
     */
    public String text(Function<String, Optional<String>> variables) {
        return expands ? Expansion.ofDocument(text(), variables) : text();
    }
}
