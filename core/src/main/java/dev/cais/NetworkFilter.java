package dev.cais;

import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Which networks are meant: those for which all of this is true. The methods return changed copies.
 *
 * @param labels that a network has, with that value or, where none is given, any
 * @param withoutLabels that it does not have, with that value or, where none is given, any
 * @param driver its driver's word, as {@code macvlan}
 * @param dangling whether no container is connected to it, running or not
 * @param olderThan since it was made; zero for any age
 */
public record NetworkFilter(
        Map<String, Optional<String>> labels,
        Map<String, Optional<String>> withoutLabels,
        Optional<String> driver,
        Optional<Boolean> dangling,
        Duration olderThan) {
    /** All networks. */
    public static final NetworkFilter ALL =
            new NetworkFilter(Map.of(), Map.of(), Optional.empty(), Optional.empty(), Duration.ZERO);

    public NetworkFilter {
        labels = Collections.unmodifiableMap(new LinkedHashMap<>(labels));
        withoutLabels = Collections.unmodifiableMap(new LinkedHashMap<>(withoutLabels));
        if (olderThan.isNegative()) {
            throw new InvalidSpecException(
                    "cannot look for networks that are older than " + olderThan + ": it is negative");
        }
    }

    /** Only those with this label. */
    public NetworkFilter label(String key) {
        return labels(Added.to(labels, key, Optional.empty()), withoutLabels);
    }

    /** Only those with this label and value. */
    public NetworkFilter label(String key, String value) {
        return labels(Added.to(labels, key, Optional.of(value)), withoutLabels);
    }

    /** Only those without this label. */
    public NetworkFilter withoutLabel(String key) {
        return labels(labels, Added.to(withoutLabels, key, Optional.empty()));
    }

    /** Only those without this label, or with another value of it. */
    public NetworkFilter withoutLabel(String key, String value) {
        return labels(labels, Added.to(withoutLabels, key, Optional.of(value)));
    }

    private NetworkFilter labels(Map<String, Optional<String>> some, Map<String, Optional<String>> without) {
        return new NetworkFilter(some, without, driver, dangling, olderThan);
    }

    /** Only those of this driver. */
    public NetworkFilter driver(String word) {
        return new NetworkFilter(labels, withoutLabels, Optional.of(word), dangling, olderThan);
    }

    /** Only those that no container is connected to; with {@code false}, only those that one is. */
    public NetworkFilter dangling(boolean wanted) {
        return new NetworkFilter(labels, withoutLabels, driver, Optional.of(wanted), olderThan);
    }

    /** Only those that were made that long ago, as {@code docker network prune --filter until=24h} has it. */
    public NetworkFilter olderThan(Duration age) {
        return new NetworkFilter(labels, withoutLabels, driver, dangling, age);
    }

    /** Whether it means this network as it is now. */
    public boolean matches(Network network) {
        return driver.stream().allMatch(network.spec().driver().word()::equals)
                && dangling.stream()
                        .allMatch(wanted -> wanted == network.endpoints().isEmpty())
                && (olderThan.isZero()
                        || Duration.between(network.created(), Instant.now()).compareTo(olderThan) >= 0)
                && labels.entrySet().stream().allMatch(wanted -> has(network, wanted))
                && withoutLabels.entrySet().stream().noneMatch(unwanted -> has(network, unwanted));
    }

    private static boolean has(Network network, Map.Entry<String, Optional<String>> label) {
        var value = network.spec().labels().get(label.getKey());
        return value != null && label.getValue().stream().allMatch(value::equals);
    }
}
