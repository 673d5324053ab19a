package dev.cais.runtime.launch;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Which users, or groups, of the host stand for those of a user namespace.
 *
 * @param extents in the order of their numbers inside, without overlap
 * @see <a href="https://man7.org/linux/man-pages/man7/user_namespaces.7.html">user_namespaces(7), User and group ID mappings</a>
 */
public record IdMap(List<Extent> extents) {
    /** Numbers next to each other. */
    public record Extent(long inside, long outside, long count) {}

    private static final long NOBODY = 65534;

    public IdMap {
        extents = List.copyOf(extents);
    }

    /** Root inside is one user outside, and there is nobody else. */
    static IdMap ofOne(long own) {
        return new IdMap(List.of(new Extent(0, own, 1)));
    }

    /** Root inside is the user; from 1 on come the subordinate ranges. */
    static IdMap of(long own, List<SubordinateIds.Range> ranges) {
        var extents = new ArrayList<>(ofOne(own).extents());
        var next = 1L;
        for (var range : ranges) {
            extents.add(new Extent(next, range.first(), range.count()));
            next += range.count();
        }
        return new IdMap(extents);
    }

    /** Whether a number means anything inside. */
    public boolean has(long inside) {
        for (var each : extents) { // asked for each file that is written
            if (inside >= each.inside() && inside < each.inside() + each.count()) {
                return true;
            }
        }
        return false;
    }

    /** What the kernel shows a process inside of a number of the host: 65534 if it means nothing there. */
    long inside(long outside) {
        for (var each : extents) {
            if (outside >= each.outside() && outside < each.outside() + each.count()) {
                return each.inside() + outside - each.outside();
            }
        }
        return NOBODY;
    }

    /** How many numbers there are inside. */
    public long size() {
        return extents.stream().mapToLong(Extent::count).sum();
    }

    /** As the kernel's files {@code uid_map} and {@code gid_map} have it: lines of {@code inside outside count}. */
    @Override
    public String toString() {
        return extents.stream()
                .map(each -> each.inside() + " " + each.outside() + " " + each.count())
                .collect(Collectors.joining("\n"));
    }
}
