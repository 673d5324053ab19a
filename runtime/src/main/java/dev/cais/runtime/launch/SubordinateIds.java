package dev.cais.runtime.launch;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The numbers that the host lets a user give away in a user namespace of its own.
 *
 * @see <a href="https://man7.org/linux/man-pages/man5/subuid.5.html">subuid(5)</a>
 */
final class SubordinateIds {
    private static final long LAST = 0xffff_fffeL;
    private static final int MOST_BYTES = 1 << 20;
    /** A user namespace takes 340 lines, one of which is the user's own. */
    private static final int MOST_RANGES = 300;

    /** Numbers next to each other. */
    record Range(long first, long count) {}

    private SubordinateIds() {}

    /**
     * A user's ranges in {@code /etc/subuid} or {@code /etc/subgid}, in their order there; none if the file cannot be read. Lines that make no sense are
     * passed over.
     *
     * @param name of the user; {@code uid} may stand for it
     */
    static List<Range> read(Path file, String name, long uid) {
        try (var in = Files.newInputStream(file)) {
            return parse(new String(in.readNBytes(MOST_BYTES), StandardCharsets.UTF_8), name, uid);
        } catch (IOException e) {
            return List.of();
        }
    }

    static List<Range> parse(String text, String name, long uid) {
        var ranges = new ArrayList<Range>();
        for (var line : text.lines().toList()) {
            var fields = line.strip().split(":", -1);
            if (fields.length == 3 && (fields[0].equals(name) || fields[0].equals(Long.toString(uid)))) {
                var first = number(fields[1]);
                var count = number(fields[2]);
                if (first.isPresent()
                        && count.isPresent()
                        && count.get() > 0
                        && first.get() + count.get() - 1 <= LAST
                        && ranges.size() < MOST_RANGES) {
                    ranges.add(new Range(first.get(), count.get()));
                }
            }
        }
        return ranges;
    }

    private static Optional<Long> number(String text) {
        var digits = !text.isEmpty() && text.length() <= 10 && text.chars().allMatch(c -> c >= '0' && c <= '9');
        return digits ? Optional.of(Long.parseLong(text)).filter(value -> value <= LAST) : Optional.empty();
    }
}
