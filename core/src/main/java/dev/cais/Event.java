package dev.cais;

import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Something that happened in an engine.
 *
 * @param time in nanoseconds; never before that of an earlier event
 * @param id of the container, image or network; the name of a volume
 * @param attributes {@code name} of the thing; of a container also {@code image} and the labels of it and its image, then what belongs
 *     to the action
 */
public record Event(Instant time, EventType type, EventAction action, String id, Map<String, String> attributes) {
    public Event {
        attributes = Collections.unmodifiableMap(new LinkedHashMap<>(attributes));
    }

    /** Of the container, image, volume or network; empty if it has none. */
    public String name() {
        return attributes.getOrDefault("name", "");
    }

    /** Of a {@link EventAction#DIE} or {@link EventAction#EXEC_DIE}. */
    public OptionalInt exitCode() {
        return Optional.ofNullable(attributes.get("exitCode")).stream()
                .mapToInt(Integer::parseInt)
                .findFirst();
    }

    /** As Docker shows it: {@code 2024-05-01T10:00:00.000000001Z container die 4f5a1c… (exitCode=1, image=busybox, name=web)}. */
    @Override
    public String toString() {
        var shown = new java.util.TreeMap<>(attributes).toString();
        return time + " " + type.word() + " " + action.word() + " " + id + " (" + shown.substring(1, shown.length() - 1)
                + ")";
    }
}
