package dev.cais;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Which volumes to list: those for which all of this is true. The methods return changed copies.
 *
 * @param labels that a volume has, with that value or, where none is given, any
 * @param dangling whether no container uses it
 */
public record VolumeFilter(Map<String, Optional<String>> labels, Optional<Boolean> dangling) {
    /** All volumes. */
    public static final VolumeFilter ALL = new VolumeFilter(Map.of(), Optional.empty());

    public VolumeFilter {
        labels = Collections.unmodifiableMap(new LinkedHashMap<>(labels));
    }

    /** Only those with this label. */
    public VolumeFilter label(String key) {
        return label(key, Optional.empty());
    }

    /** Only those with this label and value. */
    public VolumeFilter label(String key, String value) {
        return label(key, Optional.of(value));
    }

    private VolumeFilter label(String key, Optional<String> value) {
        var more = new LinkedHashMap<>(labels);
        more.put(key, value);
        return new VolumeFilter(more, dangling);
    }

    /** Only those that no container uses; with {@code false}, only those that one does. */
    public VolumeFilter dangling(boolean wanted) {
        return new VolumeFilter(labels, Optional.of(wanted));
    }
}
