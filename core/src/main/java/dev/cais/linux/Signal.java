package dev.cais.linux;

import dev.cais.InvalidSpecException;
import java.util.Locale;
import java.util.Map;

/**
 * Signals by name and number, for x86-64 and aarch64 alike.
 *
 * @see <a href="https://man7.org/linux/man-pages/man7/signal.7.html">signal(7)</a>
 */
public record Signal(int number) {
    public static final Signal KILL = new Signal(9);
    public static final Signal TERM = new Signal(15);

    private static final String[] NAMES = {
        "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
        "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
        "WINCH", "IO", "PWR", "SYS"
    };
    private static final Map<String, Integer> ALIASES = Map.of("CLD", 17, "IOT", 6, "POLL", 29);
    private static final int RTMIN = 34;
    private static final int RTMAX = 64;

    /**
     * @param text {@code TERM}, {@code SIGTERM}, {@code RTMIN+3} or {@code 15}
     * @throws InvalidSpecException if there is none of that name
     */
    public static Signal parse(String text) {
        var name = text.toUpperCase(Locale.ROOT);
        name = name.startsWith("SIG") ? name.substring(3) : name;
        for (var number = 1; number < NAMES.length; number++) {
            if (NAMES[number].equals(name)) {
                return new Signal(number);
            }
        }
        var alias = ALIASES.get(name);
        if (alias != null) {
            return new Signal(alias);
        }
        try {
            var number = name.startsWith("RTMIN")
                    ? RTMIN + offset(name.substring(5))
                    : name.startsWith("RTMAX") ? RTMAX + offset(name.substring(5)) : Integer.parseInt(name);
            if (number >= 1 && number <= RTMAX) {
                return new Signal(number);
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw new InvalidSpecException(
                "cannot use signal " + text + ": there is none of that name", "write SIGTERM, TERM or 15");
    }

    private static int offset(String text) {
        return text.isEmpty() ? 0 : Integer.parseInt(text);
    }

    @Override
    public String toString() {
        if (number < NAMES.length) {
            return "SIG" + NAMES[number];
        }
        return number >= RTMIN ? "SIGRTMIN" + (number == RTMIN ? "" : "+" + (number - RTMIN)) : "signal " + number;
    }
}
