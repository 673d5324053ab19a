package dev.cais.image;

import dev.cais.ByteSize;
import dev.cais.Digest;
import dev.cais.Image;
import dev.cais.ImageUse;
import dev.cais.PruneOptions;
import dev.cais.storage.ContainerUse;
import dev.cais.storage.Store;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What images take of the disk, and the removal of those that nobody uses. */
final class Housekeeping {
    private final Store store;
    private final ImageDatabase database;
    private final StoredDocuments documents;
    private final Sweep sweep;

    Housekeeping(ImageStore images) {
        this.store = images.store();
        this.database = images.database();
        this.documents = images.documents();
        this.sweep = images.sweep();
    }

    /** Something that images need and may share. */
    private record Item(boolean unpacked, Digest digest) {}

    /** Numbers of an {@link ImageUse}. */
    record Use(long size, long shared, int containers) {
        ImageUse of(Image image) {
            return new ImageUse(
                    image, ByteSize.bytes(size), ByteSize.bytes(shared), ByteSize.bytes(size - shared), containers);
        }
    }

    /** What was pruned, and the bytes that only it needed. */
    record Gone(Set<Digest> images, long bytes) {}

    Map<Digest, Use> diskUse(ImageTable table) {
        var owners = owners(table);
        var containers = store.uses();
        var uses = new LinkedHashMap<Digest, Use>();
        for (var id : table.images().keySet()) {
            var size = 0L;
            var shared = 0L;
            for (var item : items(table, List.of(id))) {
                var bytes = bytes(item);
                size += bytes;
                shared += owners.getOrDefault(item, 0) > 1 ? bytes : 0;
            }
            var count = containers.stream().filter(use -> use.needs(id)).count();
            uses.put(id, new Use(size, shared, (int) count));
        }
        return uses;
    }

    private Map<Item, Integer> owners(ImageTable table) {
        var owners = new HashMap<Item, Integer>();
        table.images()
                .keySet()
                .forEach(id -> items(table, List.of(id)).forEach(item -> owners.merge(item, 1, Integer::sum)));
        return owners;
    }

    private Set<Item> items(ImageTable table, Collection<Digest> images) {
        var parts = documents.parts(table, images);
        var items = new HashSet<Item>();
        parts.blobs().forEach(blob -> items.add(new Item(false, blob)));
        parts.layers().forEach(layer -> items.add(new Item(true, layer)));
        return items;
    }

    /** What is missing takes nothing. */
    private long bytes(Item item) {
        if (item.unpacked) {
            return store.layers().find(item.digest).isEmpty()
                    ? 0
                    : store.layers().size(item.digest);
        }
        return store.blobs().find(item.digest).isEmpty() ? 0 : store.blobs().size(item.digest);
    }

    /** The containers are looked at under the exclusive lock, so that none comes between the look and the removal. */
    Gone prune(PruneOptions options) {
        var gone = new HashSet<Digest>();
        var bytes = 0L;
        var hold = store.lockExclusive();
        try (hold) {
            var used = new HashSet<Digest>();
            store.uses().stream().flatMap(ContainerUse::images).forEach(used::add);
            var youngest = Instant.now().minus(options.olderThan());
            var before = database.read();
            var belowNames = documents.belowNames(before);
            before.images().keySet().stream()
                    .filter(id -> !used.contains(id) && isChosen(options, before, belowNames, id, youngest))
                    .forEach(gone::add);
            if (!gone.isEmpty()) {
                sweep.expect();
                var after = database.change(table -> {
                    var left = table;
                    for (var id : gone) {
                        left = left.without(id);
                    }
                    return left;
                });
                var freed = items(before, gone);
                freed.removeAll(items(after, after.images().keySet()));
                bytes = freed.stream().mapToLong(this::bytes).sum();
            }
        }
        sweep.run();
        return new Gone(gone, bytes);
    }

    private boolean isChosen(
            PruneOptions options, ImageTable table, Set<Digest> belowNames, Digest id, Instant youngest) {
        if (!options.all() && (!table.namesOf(id).isEmpty() || documents.isBelow(belowNames, table, id))) {
            return false;
        }
        var config = documents.configuration(id).config();
        var labels = config.labels();
        return (options.olderThan().isZero()
                        || !config.created().orElse(Instant.MIN).isAfter(youngest))
                && options.labels().entrySet().stream()
                        .allMatch(wanted -> labels.containsKey(wanted.getKey())
                                && (wanted.getValue().isEmpty()
                                        || wanted.getValue().equals(labels.get(wanted.getKey()))))
                && options.withoutLabels().stream().noneMatch(labels::containsKey);
    }
}
