package dev.cais;

import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Which events somebody wants. Of several values of one kind, one must fit; what is said of different kinds must all fit, as must all
 * labels. The methods return changed copies.
 *
 * @param containers names, ids or beginnings of ids
 * @param images names or ids, as containers were made from them or as the image's own
 * @param volumes names
 * @param networks names or ids
 * @param labels by key; an empty value fits any
 * @param since not before
 * @param until before
 */
public record EventFilter(
        Set<EventType> types,
        Set<EventAction> actions,
        Set<String> containers,
        Set<String> images,
        Set<String> volumes,
        Set<String> networks,
        Map<String, String> labels,
        Optional<Instant> since,
        Optional<Instant> until) {
    /** Fits all. */
    public static final EventFilter ALL = new EventFilter(
            Set.of(), Set.of(), Set.of(), Set.of(), Set.of(), Set.of(), Map.of(), Optional.empty(), Optional.empty());

    public EventFilter {
        types = Set.copyOf(types);
        actions = Set.copyOf(actions);
        containers = Set.copyOf(containers);
        images = Set.copyOf(images);
        volumes = Set.copyOf(volumes);
        networks = Set.copyOf(networks);
        labels = Map.copyOf(labels);
        if (labels.containsKey("")) {
            throw new InvalidSpecException("cannot filter events by a label: it has no key");
        }
    }

    public EventFilter type(EventType wanted) {
        return with(draft -> draft.types.add(wanted));
    }

    public EventFilter action(EventAction wanted) {
        return with(draft -> draft.actions.add(wanted));
    }

    public EventFilter container(String nameOrId) {
        return with(draft -> draft.containers.add(nameOrId));
    }

    public EventFilter image(String nameOrId) {
        return with(draft -> draft.images.add(nameOrId));
    }

    public EventFilter volume(String name) {
        return with(draft -> draft.volumes.add(name));
    }

    public EventFilter network(String nameOrId) {
        return with(draft -> draft.networks.add(nameOrId));
    }

    /** @param label {@code key}, or {@code key=value} */
    public EventFilter label(String label) {
        var equals = label.indexOf('=');
        return with(draft -> draft.labels.put(
                equals < 0 ? label : label.substring(0, equals), equals < 0 ? "" : label.substring(equals + 1)));
    }

    public EventFilter since(Instant first) {
        return with(draft -> draft.since = Optional.of(first));
    }

    public EventFilter until(Instant end) {
        return with(draft -> draft.until = Optional.of(end));
    }

    public boolean matches(Event event) {
        return (types.isEmpty() || types.contains(event.type()))
                && (actions.isEmpty() || actions.contains(event.action()))
                && (containers.isEmpty() || containers.stream().anyMatch(wanted -> isContainer(event, wanted)))
                && (images.isEmpty() || images.stream().anyMatch(wanted -> isImage(event, wanted)))
                && (volumes.isEmpty() || event.type() == EventType.VOLUME && volumes.contains(event.id()))
                && (networks.isEmpty()
                        || event.type() == EventType.NETWORK
                                && (networks.contains(event.id()) || networks.contains(event.name())))
                && labels.entrySet().stream().allMatch(label -> hasLabel(event, label))
                && since.filter(first -> event.time().isBefore(first)).isEmpty()
                && until.filter(end -> !event.time().isBefore(end)).isEmpty();
    }

    private static boolean isContainer(Event event, String wanted) {
        var id = event.type() == EventType.CONTAINER
                ? event.id()
                : event.attributes().getOrDefault("container", "");
        return !wanted.isEmpty() && id.startsWith(wanted)
                || event.type() == EventType.CONTAINER && event.name().equals(wanted);
    }

    private static boolean isImage(Event event, String wanted) {
        return event.type() == EventType.IMAGE
                ? event.id().equals(wanted) || event.name().equals(wanted)
                : wanted.equals(event.attributes().get("image"));
    }

    private static boolean hasLabel(Event event, Map.Entry<String, String> label) {
        var value = event.attributes().get(label.getKey());
        return value != null && (label.getValue().isEmpty() || label.getValue().equals(value));
    }

    private EventFilter with(Consumer<Draft> change) {
        var draft = new Draft(this);
        change.accept(draft);
        return new EventFilter(
                draft.types,
                draft.actions,
                draft.containers,
                draft.images,
                draft.volumes,
                draft.networks,
                draft.labels,
                draft.since,
                draft.until);
    }

    /** The fields, open for a change. */
    private static final class Draft {
        private final Set<EventType> types;
        private final Set<EventAction> actions;
        private final Set<String> containers;
        private final Set<String> images;
        private final Set<String> volumes;
        private final Set<String> networks;
        private final Map<String, String> labels;
        private Optional<Instant> since;
        private Optional<Instant> until;

        Draft(EventFilter base) {
            types = new LinkedHashSet<>(base.types);
            actions = new LinkedHashSet<>(base.actions);
            containers = new LinkedHashSet<>(base.containers);
            images = new LinkedHashSet<>(base.images);
            volumes = new LinkedHashSet<>(base.volumes);
            networks = new LinkedHashSet<>(base.networks);
            labels = new LinkedHashMap<>(base.labels);
            since = base.since;
            until = base.until;
        }
    }
}
