package dev.cais.image;

import dev.cais.BuildCacheEntry;
import dev.cais.BuildPruneOptions;
import dev.cais.ByteSize;
import dev.cais.Digest;
import dev.cais.Layer;
import dev.cais.storage.BuildCache;
import dev.cais.storage.Store;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What the build cache takes of the disk, and its pruning. */
final class BuildHousekeeping {
    private static final Duration NOTES_KEPT = Duration.ofDays(1);

    private final Store store;
    private final ImageDatabase database;
    private final StoredDocuments documents;
    private final Sweep sweep;

    BuildHousekeeping(ImageStore images) {
        this.store = images.store();
        this.database = images.database();
        this.documents = images.documents();
        this.sweep = images.sweep();
    }

    /** What images and live engines need, at one moment. */
    private record Needs(Set<Digest> imageLayers, Set<Digest> imageBlobs, Set<Digest> inUse) {
        boolean isShared(BuildCache.Entry entry) {
            return entry.layer()
                    .filter(layer -> imageLayers.contains(layer.diffId()))
                    .isPresent();
        }

        boolean isInUse(BuildCache.Entry entry) {
            return entry.inUse()
                    || entry.layer()
                            .filter(layer -> inUse.contains(layer.diffId()))
                            .isPresent();
        }
    }

    /** An entry of the store, and how it is shown. */
    private record Shown(BuildCache.Entry entry, BuildCacheEntry view) {}

    List<BuildCacheEntry> entries() {
        var hold = store.lockShared();
        try (hold) {
            return shown(needs(), directorySizes()).stream().map(Shown::view).toList();
        }
    }

    private Needs needs() {
        var table = database.read();
        var parts = documents.parts(table, table.images().keySet());
        var inUse = new HashSet<Digest>();
        store.uses().forEach(use -> inUse.addAll(use.layers()));
        return new Needs(Set.copyOf(parts.layers()), Set.copyOf(parts.blobs()), inUse);
    }

    /** By id. Takes its time. */
    private Map<String, Long> directorySizes() {
        var sizes = new HashMap<String, Long>();
        for (var entry : store.builds().entries()) {
            if (entry.layer().isEmpty()) {
                sizes.put(entry.id(), store.builds().directorySize(entry));
            }
        }
        return sizes;
    }

    /** The longest unused last. */
    private List<Shown> shown(Needs needs, Map<String, Long> directorySizes) {
        return store.builds().entries().stream()
                .map(entry -> new Shown(
                        entry,
                        new BuildCacheEntry(
                                entry.id(),
                                entry.layer().isPresent()
                                        ? BuildCacheEntry.Kind.STEP
                                        : BuildCacheEntry.Kind.CACHE_MOUNT,
                                ByteSize.bytes(entry.layer()
                                        .map(this::size)
                                        .orElseGet(() -> directorySizes.getOrDefault(entry.id(), 0L))),
                                entry.created(),
                                entry.lastUsed(),
                                needs.isInUse(entry),
                                needs.isShared(entry),
                                entry.description())))
                .sorted(Comparator.comparing((Shown shown) -> shown.entry.lastUsed())
                        .reversed()
                        .thenComparing(shown -> shown.entry.id()))
                .toList();
    }

    private long size(Layer layer) {
        return unpacked(layer) + packed(layer);
    }

    private long unpacked(Layer layer) {
        return store.layers().find(layer.diffId()).isEmpty()
                ? 0
                : store.layers().size(layer.diffId());
    }

    private long packed(Layer layer) {
        return store.blobs().find(layer.blob()).isEmpty() ? 0 : store.blobs().size(layer.blob());
    }

    /** Gives the bytes that only what was pruned needed. What is in use is looked at under the exclusive lock. */
    long prune(BuildPruneOptions options) {
        var limit = Instant.now().minus(options.unusedFor());
        var discarded = new ArrayList<Path>();
        var freed = 0L;
        Map<String, Long> sizes;
        var look = store.lockShared();
        try (look) {
            sizes = directorySizes();
        }
        var hold = store.lockExclusive();
        try (hold) {
            var needs = needs();
            var all = shown(needs, sizes);
            var takers = new HashMap<Digest, Integer>();
            all.forEach(shown -> shown.entry.layer().ifPresent(layer -> takers.merge(layer.diffId(), 1, Integer::sum)));
            var kept = total(all);
            for (var i = all.size() - 1; i >= 0; i--) {
                var shown = all.get(i);
                var isEnough = kept <= options.keep().bytes() && options.keep().bytes() > 0;
                if (isEnough) {
                    break;
                }
                if (shown.view.inUse()
                        || shown.entry.lastUsed().isAfter(limit)
                        || !options.filter().test(shown.view)) {
                    continue;
                }
                var taken = store.builds().remove(shown.entry);
                taken.ifPresent(discarded::add);
                var isGone = shown.entry.layer().isPresent() || taken.isPresent();
                if (isGone && isLast(shown.entry, takers)) {
                    kept -= shown.view.shared() ? 0 : shown.view.size().bytes();
                    freed += freed(shown, needs);
                }
            }
            store.builds().removeNotes(Instant.now().minus(notesKept(options)));
            sweep.expect();
        } finally {
            discarded.forEach(store::removeTree); // without the lock, since it takes its time
        }
        sweep.run();
        return freed;
    }

    /** They are small, and tell the next build why it carries out a step again. */
    private static Duration notesKept(BuildPruneOptions options) {
        return options.unusedFor().compareTo(NOTES_KEPT) > 0 ? options.unusedFor() : NOTES_KEPT;
    }

    private static long total(List<Shown> all) {
        var sum = 0L;
        var counted = new HashSet<Digest>();
        for (var shown : all) {
            var isFirst = shown.entry
                    .layer()
                    .map(layer -> counted.add(layer.diffId()))
                    .orElse(true);
            if (isFirst && !shown.view.shared()) {
                sum += shown.view.size().bytes();
            }
        }
        return sum;
    }

    /** Whether no other step has made the same layer. */
    private static boolean isLast(BuildCache.Entry entry, Map<Digest, Integer> takers) {
        return entry.layer()
                .map(layer -> takers.merge(layer.diffId(), -1, Integer::sum) == 0)
                .orElse(true);
    }

    private long freed(Shown shown, Needs needs) {
        return shown.entry
                .layer()
                .map(layer -> (needs.imageLayers.contains(layer.diffId()) ? 0 : unpacked(layer))
                        + (needs.imageBlobs.contains(layer.blob()) ? 0 : packed(layer)))
                .orElse(shown.view.size().bytes());
    }
}
