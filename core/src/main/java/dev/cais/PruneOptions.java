package dev.cais;

import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/**
 * Which unused images to remove. The methods return changed copies. All conditions must hold.
 *
 * @param all those with names too; else only dangling ones, which have none
 * @param olderThan since the image was made, as its configuration says; zero for any age
 * @param labels that it must have; an empty value stands for any
 * @param withoutLabels that it must not have
 */
public record PruneOptions(boolean all, Duration olderThan, Map<String, String> labels, Set<String> withoutLabels) {
    public PruneOptions {
        if (olderThan.isNegative()) {
            throw new InvalidSpecException("cannot prune what is older than " + olderThan + ": it is negative");
        }
        labels = Collections.unmodifiableMap(new LinkedHashMap<>(labels));
        withoutLabels = Collections.unmodifiableSet(new LinkedHashSet<>(withoutLabels));
    }

    public static PruneOptions dangling() {
        return new PruneOptions(false, Duration.ZERO, Map.of(), Set.of());
    }

    /** All that no container uses. */
    public static PruneOptions unused() {
        return new PruneOptions(true, Duration.ZERO, Map.of(), Set.of());
    }

    public PruneOptions olderThan(Duration age) {
        return new PruneOptions(all, age, labels, withoutLabels);
    }

    /** @param value empty for any */
    public PruneOptions label(String key, String value) {
        return new PruneOptions(all, olderThan, Added.to(labels, key, value), withoutLabels);
    }

    public PruneOptions withoutLabel(String key) {
        var more = new LinkedHashSet<>(withoutLabels);
        more.add(key);
        return new PruneOptions(all, olderThan, labels, more);
    }
}
