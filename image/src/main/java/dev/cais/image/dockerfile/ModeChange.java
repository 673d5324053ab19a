package dev.cais.image.dockerfile;

import dev.cais.InvalidSpecException;
import dev.cais.image.oci.Shown;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What {@code --chmod} does to the modes of files: sets them, as {@code 755}, or changes some bits, as {@code u+rwX,go-w}.
 *
 * @see <a href="https://pubs.opengroup.org/onlinepubs/9799919799/utilities/chmod.html">POSIX.1-2024, chmod, EXTENDED
 *     DESCRIPTION</a>
 */
public final class ModeChange {
    private static final int ALL = 07777;
    private static final int LONGEST = 1000;
    private static final Pattern OCTAL = Pattern.compile("[0-7]{1,5}");
    private static final Pattern CLAUSE = Pattern.compile("([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)");
    private static final Pattern ACTION = Pattern.compile("([-+=])([ugo]|[rwxXst]*)");

    /** @param who bits of those whose permissions are changed, their set-id bit and, for all, the sticky bit included */
    private record Action(int who, char operator, String permissions) {}

    private final String text;
    private final List<Action> actions = new ArrayList<>();

    private ModeChange(String text) {
        this.text = text;
    }

    /** @throws InvalidSpecException if the text is neither octal, at most 7777, nor symbolic */
    public static ModeChange parse(String text) {
        if (text.length() > LONGEST) {
            throw wrong(text);
        }
        var change = new ModeChange(text);
        if (OCTAL.matcher(text).matches()) {
            if (Integer.parseInt(text, 8) > ALL) {
                throw wrong(text);
            }
            return change;
        }
        for (var clause : text.split(",", -1)) {
            var parts = CLAUSE.matcher(clause);
            if (!parts.matches()) {
                throw wrong(text);
            }
            var actions = ACTION.matcher(parts.group(2));
            while (actions.find()) {
                change.actions.add(
                        new Action(who(parts.group(1)), actions.group(1).charAt(0), actions.group(2)));
            }
        }
        return change;
    }

    private static InvalidSpecException wrong(String text) {
        return new InvalidSpecException(
                "--chmod is no mode: " + Shown.text(text), "write as 755, at most 7777, or as u+rwX,go-w");
    }

    private static int who(String letters) {
        var bits = 0;
        for (var i = 0; i < letters.length(); i++) {
            bits |= switch (letters.charAt(i)) {
                case 'u' -> 04700;
                case 'g' -> 02070;
                case 'o' -> 01007;
                default -> ALL;
            };
        }
        return letters.isEmpty() ? ALL : bits;
    }

    /** The mode itself, if it is written as 755. */
    public Optional<Integer> octal() {
        return actions.isEmpty() ? Optional.of(Integer.parseInt(text, 8)) : Optional.empty();
    }

    /**
     * The mode that a file is to have.
     *
     * @param mode that it has: permission, set-id and sticky bits
     */
    public int apply(int mode, boolean directory) {
        var given = octal();
        if (given.isPresent()) {
            return given.get();
        }
        var changed = mode;
        for (var action : actions) {
            var bits = action.who & bits(action.permissions, changed, directory);
            changed = switch (action.operator) {
                case '+' -> changed | bits;
                case '-' -> changed & ~bits;
                default -> changed & ~action.who | bits;
            };
        }
        return changed;
    }

    private static int bits(String permissions, int mode, boolean directory) {
        var bits = 0;
        for (var i = 0; i < permissions.length(); i++) {
            bits |= switch (permissions.charAt(i)) {
                case 'r' -> 0444;
                case 'w' -> 0222;
                case 'x' -> 0111;
                case 'X' -> directory || (mode & 0111) != 0 ? 0111 : 0;
                case 's' -> 06000;
                case 't' -> 01000;
                case 'u' -> 0111 * (mode >> 6 & 7);
                case 'g' -> 0111 * (mode >> 3 & 7);
                default -> 0111 * (mode & 7);
            };
        }
        return bits;
    }

    /** As it is written. */
    @Override
    public String toString() {
        return text;
    }
}
