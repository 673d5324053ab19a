package dev.cais;

import java.util.Locale;
import java.util.Set;

/**
 * A limit of one process.
 *
 * @param name as getrlimit(2) has it, lower case without {@code RLIMIT_}: {@code nofile}
 * @param soft in the limit's own unit; {@link #INFINITY} for none
 * @param hard at least {@code soft}
 */
public record Rlimit(String name, long soft, long hard) {
    /** No limit. */
    public static final long INFINITY = -1;

    private static final Set<String> NAMES = Set.of(
            "cpu",
            "fsize",
            "data",
            "stack",
            "core",
            "rss",
            "nproc",
            "nofile",
            "memlock",
            "as",
            "locks",
            "sigpending",
            "msgqueue",
            "nice",
            "rtprio",
            "rttime");

    public Rlimit {
        name = name.toLowerCase(Locale.ROOT).replaceFirst("^rlimit_", "");
        if (!NAMES.contains(name)) {
            throw new InvalidSpecException(
                    "cannot set rlimit " + name + ": there is none of that name",
                    "choose one of " + NAMES.stream().sorted().toList());
        }
        if (Long.compareUnsigned(soft, hard) > 0) {
            throw new InvalidSpecException("cannot set rlimit " + name + ": the soft limit is above the hard one [soft="
                    + soft + ", hard=" + hard + "]");
        }
    }
}
