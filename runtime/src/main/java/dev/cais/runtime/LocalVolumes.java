package dev.cais.runtime;

import dev.cais.ConflictException;
import dev.cais.EventAction;
import dev.cais.EventType;
import dev.cais.InvalidSpecException;
import dev.cais.NotFoundException;
import dev.cais.Volume;
import dev.cais.VolumeFilter;
import dev.cais.Volumes;
import dev.cais.storage.StoredVolume;
import dev.cais.storage.StoredVolumes;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The volumes of the engine's store. */
final class LocalVolumes implements Volumes {
    private static final SecureRandom RANDOM = new SecureRandom();

    private final LocalEngine engine;
    private final StoredVolumes stored;

    LocalVolumes(LocalEngine engine) {
        this.engine = engine;
        this.stored = engine.store().volumes();
    }

    @Override
    public Volume create() {
        return create(madeUpName(), true, Map.of());
    }

    @Override
    public Volume create(String name, Map<String, String> labels) {
        Volume.requireName(name);
        if (labels.containsKey("")) {
            throw new InvalidSpecException("cannot label volume " + name + ": the label has no key");
        }
        return create(name, false, labels);
    }

    private Volume create(String name, boolean anonymous, Map<String, String> labels) {
        engine.requireOpen("cannot create volume " + name);
        while (true) {
            var made = stored.create(name, anonymous, labels);
            if (made.isPresent()) {
                tellCreated(name, labels);
            }
            var found = made.or(() -> stored.find(name));
            if (found.isPresent()) {
                return new LocalVolume(found.get());
            }
            // another one removed it meanwhile
        }
    }

    void tellCreated(String name, Map<String, String> labels) {
        tell(EventAction.CREATE, name, labels);
    }

    void tellDestroyed(String name) {
        tell(EventAction.DESTROY, name, Map.of());
    }

    private void tell(EventAction action, String name, Map<String, String> more) {
        var attributes = new LinkedHashMap<>(more);
        attributes.put("driver", "local");
        attributes.put("name", name);
        engine.events().tell(EventType.VOLUME, action, name, attributes);
    }

    /** A container has it now, or no longer. */
    void tellUse(EventAction action, String name, String container, String destination) {
        tell(action, name, Map.of("container", container, "destination", destination));
    }

    /** 64 hexadecimal digits. */
    static String madeUpName() {
        var bytes = new byte[32];
        RANDOM.nextBytes(bytes);
        return HexFormat.of().formatHex(bytes);
    }

    @Override
    public Volume get(String name) {
        return find(name)
                .orElseThrow(() -> new NotFoundException(
                        "cannot find volume " + name + ": the store has none of that name",
                        Map.of("volumes", stored.list()),
                        ""));
    }

    @Override
    public Optional<Volume> find(String name) {
        engine.requireOpen("cannot find volume " + name);
        return isName(name) ? stored.find(name).map(LocalVolume::new) : Optional.empty();
    }

    /** Whether looking for it stays among the volumes. */
    private static boolean isName(String name) {
        try {
            Volume.requireName(name);
            return true;
        } catch (InvalidSpecException e) {
            return false;
        }
    }

    @Override
    public List<Volume> list(VolumeFilter filter) {
        engine.requireOpen("cannot list volumes");
        var matching = new ArrayList<Volume>();
        var used = filter.dangling().map(wanted -> stored.used());
        for (var name : stored.list()) {
            var dangles = used.map(names -> !names.contains(name));
            if (dangles.equals(filter.dangling())) {
                stored.find(name)
                        .filter(volume -> hasLabels(volume, filter))
                        .ifPresent(volume -> matching.add(new LocalVolume(volume)));
            }
        }
        return matching;
    }

    private static boolean hasLabels(StoredVolume volume, VolumeFilter filter) {
        return filter.labels().entrySet().stream().allMatch(wanted -> {
            var value = volume.labels().get(wanted.getKey());
            return value != null && wanted.getValue().map(value::equals).orElse(true);
        });
    }

    @Override
    public void remove(String name) {
        engine.requireOpen("cannot remove volume " + name);
        if (!isName(name)) {
            throw new NotFoundException("cannot remove volume " + name + ": the store has none of that name");
        }
        stored.remove(name);
        tellDestroyed(name);
    }

    @Override
    public List<String> prune() {
        return prune(list(VolumeFilter.ALL.dangling(true)).stream()
                .filter(Volume::isAnonymous)
                .toList());
    }

    @Override
    public List<String> pruneAll() {
        return prune(list(VolumeFilter.ALL.dangling(true)));
    }

    private List<String> prune(List<Volume> unused) {
        var removed = new ArrayList<String>();
        for (var volume : unused) {
            try {
                remove(volume.name());
                removed.add(volume.name());
            } catch (ConflictException | NotFoundException e) {
                engine.requireOpen("cannot prune volumes");
                // used or removed by somebody else meanwhile
            }
        }
        engine.events().tell(EventType.VOLUME, EventAction.PRUNE, "", Map.of());
        return removed;
    }

    /** One of them, as its record was when it was looked up. */
    private final class LocalVolume implements Volume {
        private final StoredVolume volume;

        LocalVolume(StoredVolume volume) {
            this.volume = volume;
        }

        @Override
        public String name() {
            return volume.name();
        }

        @Override
        public Map<String, String> labels() {
            return volume.labels();
        }

        @Override
        public Instant createdAt() {
            return volume.created();
        }

        @Override
        public boolean isAnonymous() {
            return volume.anonymous();
        }

        @Override
        public Path path() {
            return volume.data();
        }

        @Override
        public void remove() {
            LocalVolumes.this.remove(name());
        }

        /** {@code Volume[data, 2026-11-22T02:34:16Z, {purpose=test}]}. */
        @Override
        public String toString() {
            var when = createdAt().truncatedTo(ChronoUnit.SECONDS);
            return "Volume[" + name() + ", " + when + (labels().isEmpty() ? "" : ", " + labels()) + "]";
        }
    }
}
