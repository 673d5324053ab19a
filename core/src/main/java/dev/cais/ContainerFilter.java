package dev.cais;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Which containers to list, as {@code docker ps --filter}. Of several values of one kind, one must fit; what is said of different kinds
 * must all fit, as must all labels. The methods return changed copies.
 *
 * @param ids beginnings of ids
 * @param names parts of names
 * @param labels that a container has of its spec or image, with that value or, where none is given, any
 * @param states where it stands
 * @param images names or ids: of its image, or of one that its image was built on
 * @param health what its health check has found
 * @param exitCodes of its last run; a container that runs has none
 * @param volumes names of volumes that it has, or places where something is mounted in it
 * @param networks names or ids of networks that it is on; {@code host} for those that have the host's
 * @param before name, id or unique prefix of a container that was created after it
 * @param since the same of one that was created before it
 */
public record ContainerFilter(
        Set<String> ids,
        Set<String> names,
        Map<String, Optional<String>> labels,
        Set<ContainerState> states,
        Set<String> images,
        Set<Health.Status> health,
        Set<Integer> exitCodes,
        Set<String> volumes,
        Set<String> networks,
        Optional<String> before,
        Optional<String> since) {
    /** All containers. */
    public static final ContainerFilter ALL = new ContainerFilter(
            Set.of(),
            Set.of(),
            Map.of(),
            Set.of(),
            Set.of(),
            Set.of(),
            Set.of(),
            Set.of(),
            Set.of(),
            Optional.empty(),
            Optional.empty());

    public ContainerFilter {
        ids = Set.copyOf(ids);
        names = Set.copyOf(names);
        labels = Collections.unmodifiableMap(new LinkedHashMap<>(labels));
        states = Set.copyOf(states);
        images = Set.copyOf(images);
        health = Set.copyOf(health);
        exitCodes = Set.copyOf(exitCodes);
        volumes = Set.copyOf(volumes);
        networks = Set.copyOf(networks);
        if (labels.containsKey("")) {
            throw new InvalidSpecException("cannot filter containers by a label: it has no key");
        }
    }

    /** Only one whose id begins with this. */
    public ContainerFilter id(String prefix) {
        return with(draft -> draft.ids.add(prefix));
    }

    /** Only those whose name has this in it. */
    public ContainerFilter name(String part) {
        return with(draft -> draft.names.add(part));
    }

    /** Only those with this label. */
    public ContainerFilter label(String key) {
        return with(draft -> draft.labels.put(key, Optional.empty()));
    }

    /** Only those with this label and value. */
    public ContainerFilter label(String key, String value) {
        return with(draft -> draft.labels.put(key, Optional.of(value)));
    }

    public ContainerFilter state(ContainerState wanted) {
        return with(draft -> draft.states.add(wanted));
    }

    /** Only those of this image, or of one built on it. */
    public ContainerFilter image(String nameOrId) {
        return with(draft -> draft.images.add(nameOrId));
    }

    public ContainerFilter health(Health.Status wanted) {
        return with(draft -> draft.health.add(wanted));
    }

    /** Only those that have ended so. */
    public ContainerFilter exitCode(int wanted) {
        return with(draft -> draft.exitCodes.add(wanted));
    }

    /** Only those with this volume, or with something mounted at this path. */
    public ContainerFilter volume(String nameOrTarget) {
        return with(draft -> draft.volumes.add(nameOrTarget));
    }

    /** Only those on this network; {@code host} for the host's own. */
    public ContainerFilter network(String nameOrId) {
        return with(draft -> draft.networks.add(nameOrId));
    }

    /** Only those created before that container. */
    public ContainerFilter before(String container) {
        return with(draft -> draft.before = Optional.of(container));
    }

    /** Only those created after that container. */
    public ContainerFilter since(String container) {
        return with(draft -> draft.since = Optional.of(container));
    }

    private ContainerFilter with(Consumer<Draft> change) {
        var draft = new Draft(this);
        change.accept(draft);
        return draft.build();
    }

    /** The fields, open for a change. */
    private static final class Draft {
        private final Set<String> ids;
        private final Set<String> names;
        private final Map<String, Optional<String>> labels;
        private final Set<ContainerState> states;
        private final Set<String> images;
        private final Set<Health.Status> health;
        private final Set<Integer> exitCodes;
        private final Set<String> volumes;
        private final Set<String> networks;
        private Optional<String> before;
        private Optional<String> since;

        Draft(ContainerFilter base) {
            ids = new LinkedHashSet<>(base.ids);
            names = new LinkedHashSet<>(base.names);
            labels = new LinkedHashMap<>(base.labels);
            states = new LinkedHashSet<>(base.states);
            images = new LinkedHashSet<>(base.images);
            health = new LinkedHashSet<>(base.health);
            exitCodes = new LinkedHashSet<>(base.exitCodes);
            volumes = new LinkedHashSet<>(base.volumes);
            networks = new LinkedHashSet<>(base.networks);
            before = base.before;
            since = base.since;
        }

        ContainerFilter build() {
            return new ContainerFilter(
                    ids, names, labels, states, images, health, exitCodes, volumes, networks, before, since);
        }
    }
}
