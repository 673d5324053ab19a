package dev.cais;

import java.time.Duration;
import java.util.function.Predicate;

/**
 * What to remove from the build cache. The methods return changed copies. All conditions must hold.
 *
 * @param unusedFor what no build has used for so long; zero for any
 * @param keep entries are removed, the longest unused first, until those that are not shared take no more than this; zero for all
 * @param filter tells which entries may go
 */
public record BuildPruneOptions(Duration unusedFor, ByteSize keep, Predicate<BuildCacheEntry> filter) {
    public BuildPruneOptions {
        if (unusedFor.isNegative()) {
            throw new InvalidSpecException("cannot prune what was unused for " + unusedFor + ": it is negative");
        }
    }

    /** Everything that is not in use. */
    public static BuildPruneOptions all() {
        return new BuildPruneOptions(Duration.ZERO, ByteSize.bytes(0), entry -> true);
    }

    public BuildPruneOptions unusedFor(Duration time) {
        return new BuildPruneOptions(time, keep, filter);
    }

    public BuildPruneOptions keep(ByteSize size) {
        return new BuildPruneOptions(unusedFor, size, filter);
    }

    /** Those that other filters take, and this one, too: {@code only(entry -> entry.kind() == Kind.CACHE_MOUNT)}. */
    public BuildPruneOptions only(Predicate<BuildCacheEntry> more) {
        return new BuildPruneOptions(unusedFor, keep, filter.and(more));
    }
}
