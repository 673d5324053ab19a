package dev.cais;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Copies of what specs have, with more behind it; what is there keeps its place. */
final class Added {
    private Added() {}

    static <K, V> Map<K, V> to(Map<K, V> all, K key, V value) {
        var more = new LinkedHashMap<>(all);
        more.put(key, value);
        return more;
    }

    @SafeVarargs
    static <T> Set<T> to(Set<T> all, T... more) {
        var larger = new LinkedHashSet<>(all);
        for (var one : more) {
            larger.add(one);
        }
        return larger;
    }

    @SafeVarargs
    static <T> List<T> to(List<T> all, T... more) {
        var longer = new ArrayList<>(all);
        for (var one : more) {
            longer.add(one);
        }
        return longer;
    }
}
