package dev.cais.image.dockerfile;

import dev.cais.InvalidSpecException;
import dev.cais.image.oci.Shown;
import dev.cais.image.oci.Spelling;
import dev.cais.image.oci.Truth;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** The options of an instruction: {@code --name=value} or {@code --name} before its arguments. */
final class Flags {

    /** @param value absent if there is no equals sign */
    private record Flag(String name, Optional<String> value) {}

    private final List<Flag> flags;
    private final String rest;

    private Flags(List<Flag> flags, String rest) {
        this.flags = flags;
        this.rest = rest;
    }

    /** Quotes are taken off and backslashes free what follows, whatever the file's directive says. */
    static Flags split(String text) {
        var flags = new ArrayList<Flag>();
        var at = 0;
        while (text.startsWith("--", at)) {
            var word = new StringBuilder();
            var quote = ' ';
            for (; at < text.length(); at++) {
                var c = text.charAt(at);
                if (c == '\\' && at + 1 < text.length()) {
                    word.append(text.charAt(++at));
                } else if (quote == ' ' && Character.isWhitespace(c)) {
                    break;
                } else if (c == quote) {
                    quote = ' ';
                } else if (quote == ' ' && (c == '"' || c == '\'')) {
                    quote = c;
                } else {
                    word.append(c);
                }
            }
            if (quote != ' ') {
                throw new InvalidSpecException("option " + Shown.text(word.toString()) + " has a quote without an end");
            }
            while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
                at++;
            }
            if (word.toString().equals("--")) {
                break;
            }
            flags.add(flag(word.substring(2)));
        }
        return new Flags(flags, text.substring(at));
    }

    private static Flag flag(String text) {
        var equals = text.indexOf('=');
        return equals < 0
                ? new Flag(text, Optional.empty())
                : new Flag(text.substring(0, equals), Optional.of(text.substring(equals + 1)));
    }

    /** What stands behind them. */
    String rest() {
        return rest;
    }

    /** Refuses any that the instruction has not, and any twice but those that may be. */
    Flags require(String instruction, Set<String> once, Set<String> often) {
        var seen = new HashSet<String>();
        for (var flag : flags) {
            if (!once.contains(flag.name) && !often.contains(flag.name)) {
                var known = new HashSet<>(once);
                known.addAll(often);
                throw new InvalidSpecException(
                        instruction + " has no option --" + Shown.text(flag.name),
                        Spelling.nearest(flag.name, known)
                                .map(name -> "did you mean --" + name + "?")
                                .orElse(""));
            }
            if (!seen.add(flag.name) && !often.contains(flag.name)) {
                throw new InvalidSpecException("option --" + flag.name + " is there twice");
            }
        }
        return this;
    }

    Optional<String> find(String name) {
        return list(name).stream().findFirst();
    }

    List<String> list(String name) {
        return flags.stream()
                .filter(flag -> flag.name.equals(name))
                .map(flag -> flag.value.orElseThrow(
                        () -> new InvalidSpecException("option --" + name + " has no value", "write --" + name + "=…")))
                .toList();
    }

    /** Whether an option is on: written without a value, or with one that says so. */
    Optional<Boolean> findBoolean(String name) {
        return flags.stream()
                .filter(flag -> flag.name.equals(name))
                .findFirst()
                .map(flag -> flag.value.isEmpty() || parseBoolean("--" + name, flag.value.get()));
    }

    static boolean parseBoolean(String what, String value) {
        return Truth.parse(value)
                .orElseThrow(() -> new InvalidSpecException(what + " is true or false, not " + Shown.text(value)));
    }

    /**
     * Texts between commas; one with a comma in it stands in double quotes, as in a CSV file.
     *
     * @param option for messages
     */
    static List<String> fields(String option, String text) {
        var fields = new ArrayList<String>();
        var field = new StringBuilder();
        var quoted = false;
        for (var i = 0; i < text.length(); i++) {
            var c = text.charAt(i);
            if (c == '"' && quoted && text.startsWith("\"\"", i)) {
                field.append(text.charAt(i++));
            } else if (c == '"' && (quoted || field.isEmpty())) {
                quoted = !quoted;
            } else if (c == ',' && !quoted) {
                fields.add(field.toString());
                field.setLength(0);
            } else {
                field.append(c);
            }
        }
        if (quoted) {
            throw new InvalidSpecException(option + " has a double quote without an end");
        }
        fields.add(field.toString());
        return fields;
    }
}
