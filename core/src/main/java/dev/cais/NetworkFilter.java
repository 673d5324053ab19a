package dev.cais;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Which networks are meant: those for which all of this is true. The methods return changed copies.
 *
 * @param labels that a network has, with that value or, where none is given, any
 * @param driver its driver's word, as {@code macvlan}
 * @param dangling whether no container is connected to it, running or not
 */
public record NetworkFilter(Map<String, Optional<String>> labels, Optional<String> driver, Optional<Boolean> dangling) {
    /** All networks. */
    public static final NetworkFilter ALL = new NetworkFilter(Map.of(), Optional.empty(), Optional.empty());

    public NetworkFilter {
        labels = Collections.unmodifiableMap(new LinkedHashMap<>(labels));
    }

    /** Only those with this label. */
    public NetworkFilter label(String key) {
        return label(key, Optional.empty());
    }

    /** Only those with this label and value. */
    public NetworkFilter label(String key, String value) {
        return label(key, Optional.of(value));
    }

    private NetworkFilter label(String key, Optional<String> value) {
        var more = new LinkedHashMap<>(labels);
        more.put(key, value);
        return new NetworkFilter(more, driver, dangling);
    }

    /** Only those of this driver. */
    public NetworkFilter driver(String word) {
        return new NetworkFilter(labels, Optional.of(word), dangling);
    }

    /** Only those that no container is connected to; with {@code false}, only those that one is. */
    public NetworkFilter dangling(boolean wanted) {
        return new NetworkFilter(labels, driver, Optional.of(wanted));
    }

    /** Whether it means this network as it is now. */
    public boolean matches(Network network) {
        return driver.stream().allMatch(network.spec().driver().word()::equals)
                && dangling.stream()
                        .allMatch(wanted -> wanted == network.endpoints().isEmpty())
                && labels.entrySet().stream().allMatch(wanted -> {
                    var value = network.spec().labels().get(wanted.getKey());
                    return value != null && wanted.getValue().stream().allMatch(value::equals);
                });
    }
}
