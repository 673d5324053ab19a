package dev.cais.image.dockerfile;

import java.util.AbstractMap;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A map that does not change, of which a copy with some entries more takes little time, however large it is: of ten thousand lines, each
 * may add one. In the order in which keys came first.
 */
final class GrowingMap<V> extends AbstractMap<String, V> {
    private static final int MOST_RECENT = 128;

    private final Map<String, V> settled;
    private final Map<String, V> recent;

    private GrowingMap(Map<String, V> settled, Map<String, V> recent) {
        this.settled = settled;
        this.recent = recent;
    }

    static <V> GrowingMap<V> of(Map<String, V> all) {
        return all instanceof GrowingMap<V> one ? one : new GrowingMap<>(new LinkedHashMap<>(all), Map.of());
    }

    /** With more entries, or others in the place of those with the same keys. */
    GrowingMap<V> with(Map<String, V> more) {
        if (more.isEmpty()) {
            return this;
        }
        var some = merged(recent, more);
        return some.size() <= MOST_RECENT
                ? new GrowingMap<>(settled, some)
                : new GrowingMap<>(merged(settled, some), Map.of());
    }

    private static <V> Map<String, V> merged(Map<String, V> some, Map<String, V> others) {
        var merged = new LinkedHashMap<>(some);
        merged.putAll(others);
        return merged;
    }

    Optional<V> find(String key) {
        return Optional.ofNullable(get(key));
    }

    @Override
    public @Nullable V get(@Nullable Object key) {
        var found = recent.get(key);
        return found == null ? settled.get(key) : found;
    }

    @Override
    public boolean containsKey(@Nullable Object key) {
        return recent.containsKey(key) || settled.containsKey(key);
    }

    @Override
    public boolean isEmpty() {
        return recent.isEmpty() && settled.isEmpty();
    }

    /** Takes as long as the map is large. */
    @Override
    public Set<Entry<String, V>> entrySet() {
        return Collections.unmodifiableMap(recent.isEmpty() ? settled : merged(settled, recent))
                .entrySet();
    }
}
