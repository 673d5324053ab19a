package dev.cais.runtime;

import dev.cais.ConflictException;
import dev.cais.Digest;
import dev.cais.FileChange;
import dev.cais.Image;
import dev.cais.Layer;
import dev.cais.storage.ContainerFiles;
import dev.cais.storage.Store;
import dev.cais.storage.TreeCopy;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * The snapshots of one engine. Each has a container's directory in the store, whose upper is the layer that its clones share: so it
 * keeps the layers below from being swept, and goes with the engine, even with a killed one.
 */
final class Snapshots {
    private static final SecureRandom RANDOM = new SecureRandom();

    private final Store store;
    private final Supplier<Collection<LocalContainer>> containers;
    private final Map<String, LocalSnapshot> byId = new ConcurrentHashMap<>();

    Snapshots(Store store, Supplier<Collection<LocalContainer>> containers) {
        this.store = store;
        this.containers = containers;
    }

    Optional<Image> find(String id) {
        return Optional.ofNullable(byId.get(id)).map(LocalSnapshot::asImage);
    }

    /** Of a container that has nothing mounted, and goes on without what it had written. */
    LocalSnapshot move(LocalContainer container) {
        return make(container, files -> container.files().moveUpperTo(files));
    }

    /** Of a container whose processes stand still. */
    LocalSnapshot copy(LocalContainer container) {
        return make(container, files -> {
            try (var target = store.files(files.upper())) {
                TreeCopy.copyLayer(container.files().upper(), target);
            }
        });
    }

    /** See {@link Image#changes}. */
    List<FileChange> changes(List<Layer> layers, Layer layer) {
        try (var hold = store.lockShared()) {
            return store.layers().changes(layers, layer);
        }
    }

    private interface Filling {
        void fill(ContainerFiles files);
    }

    private LocalSnapshot make(LocalContainer container, Filling filling) {
        var number = new byte[32];
        RANDOM.nextBytes(number);
        var id = Digest.sha256(number);
        var base = container.image();
        try (var undo = new Undo()) {
            ContainerFiles files;
            try (var hold = store.lockShared()) {
                files = undo.add(store.createContainer(
                        "snapshot-" + id.abbreviated(),
                        base.id(),
                        base.layers().stream().map(Layer::diffId).toList()));
            }
            var snapshot = new LocalSnapshot(this, id, base, layers(container), container.spec(), files);
            filling.fill(files);
            store.layers().addOwn(id, files.upper());
            byId.put(snapshot.id(), snapshot);
            undo.keepAll();
            return snapshot;
        }
    }

    /** Those below what a container has written: its image's, and what snapshots took from it before. */
    private List<Layer> layers(LocalContainer container) {
        var layers = new ArrayList<>(container.image().layers());
        var all = container.files().layers();
        for (var taken : all.subList(layers.size(), all.size())) {
            byId.values().stream()
                    .filter(snapshot -> snapshot.files().upper().equals(taken))
                    .forEach(snapshot -> layers.add(snapshot.layer()));
        }
        return layers;
    }

    synchronized void remove(LocalSnapshot snapshot) {
        var user = containers.get().stream()
                .filter(container ->
                        container.files().layers().contains(snapshot.files().upper()))
                .map(container -> "container " + container.name())
                .findFirst()
                .or(() -> byId.values().stream()
                        .filter(other ->
                                !other.equals(snapshot) && other.layers().contains(snapshot.layer()))
                        .map(other -> "snapshot " + other.imageId().abbreviated())
                        .findFirst());
        if (user.isPresent()) {
            throw new ConflictException(
                    "cannot remove snapshot " + snapshot.imageId().abbreviated() + ": " + user.get()
                            + " needs its files",
                    "close that first");
        }
        if (byId.remove(snapshot.id()) != null) {
            store.layers().removeOwn(snapshot.imageId());
            snapshot.files().close();
        }
    }
}
