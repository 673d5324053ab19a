package dev.cais;

import java.util.Locale;

/**
 * How to attach. The methods return changed copies.
 *
 * @param stdin whether the attachment can write; one that cannot does not count for a standard input that is open once
 * @param logs whether its streams begin with all that the container's log has, and go on from there without a gap
 * @param detachKeys which keys end the attachment when they are written one after the other, as Docker writes it:
 *     {@code ctrl-p,ctrl-q}, a list of characters and of {@code ctrl-} with {@code a} to {@code z}, {@code @}, {@code [}, {@code \}, {@code ]}, {@code ^} or
 *     {@code _}; empty for none. They are not passed on; what turns out to be no such sequence is, when that is known
 */
public record AttachOptions(boolean stdin, boolean logs, String detachKeys) {
    private static final int MOST_KEYS = 32;

    public AttachOptions {
        parse(detachKeys);
    }

    /** With stdin, from now on, without keys to detach. */
    public static AttachOptions defaults() {
        return new AttachOptions(true, false, "");
    }

    public AttachOptions withoutStdin() {
        return new AttachOptions(false, logs, detachKeys);
    }

    public AttachOptions withLogs() {
        return new AttachOptions(stdin, true, detachKeys);
    }

    public AttachOptions detachKeys(String keys) {
        return new AttachOptions(stdin, logs, keys);
    }

    /** The bytes that a terminal sends for the keys. */
    public byte[] detachSequence() {
        return parse(detachKeys);
    }

    private static byte[] parse(String keys) {
        if (keys.isEmpty()) {
            return new byte[0];
        }
        var names = keys.split(",", -1);
        if (names.length > MOST_KEYS) {
            throw invalid(keys, "there are more than " + MOST_KEYS);
        }
        var bytes = new byte[names.length];
        for (var i = 0; i < names.length; i++) {
            bytes[i] = key(keys, names[i]);
        }
        return bytes;
    }

    private static byte key(String keys, String name) {
        if (name.length() == 1 && name.charAt(0) > ' ' && name.charAt(0) < 127) {
            return (byte) name.charAt(0);
        }
        if (name.toLowerCase(Locale.ROOT).startsWith("ctrl-") && name.length() == 6) {
            var letter = Character.toUpperCase(name.charAt(5));
            if (letter >= '@' && letter <= '_') {
                return (byte) (letter - '@');
            }
        }
        throw invalid(keys, "'" + name + "' is no key");
    }

    private static InvalidSpecException invalid(String keys, String why) {
        return new InvalidSpecException(
                "cannot detach by the keys " + keys + ": " + why, "write them as in ctrl-p,ctrl-q or a,ctrl-]");
    }
}
