package dev.cais.image;

import dev.cais.Digest;
import dev.cais.EngineException;
import dev.cais.image.archive.IoFailure;
import dev.cais.storage.Store;
import dev.cais.storage.StoreLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Deletes what no image and no container of a live engine refers to. A file says that there may be such content: it is made
 * before the content comes, or loses its last image, and goes when a sweep has seen that nothing is left over. A sweep that
 * fails says so in the log, since what it was begun for is done.
 */
final class Sweep {
    private static final Logger LOG = LoggerFactory.getLogger(Sweep.class);
    private static final Duration PATIENCE = Duration.ofMillis(500);
    private static final Duration STEP = Duration.ofMillis(5);

    private final Store store;
    private final ImageDatabase database;
    private final StoredDocuments documents;
    private final Path unswept;

    Sweep(Store store, ImageDatabase database, StoredDocuments documents) {
        this.store = store;
        this.database = database;
        this.documents = documents;
        this.unswept = store.root().resolve("images.unswept");
    }

    /** Says that content may come to lie about. Hold the store's shared lock until it has a place in the database or lost it. */
    void expect() {
        if (!Files.exists(unswept)) {
            store.write(unswept, new byte[0]);
        }
    }

    /** Sweeps now if nobody holds the store, else leaves it to the next. */
    void runIfIdle() {
        run(store::tryLockExclusive);
    }

    /** Sweeps as soon as nobody holds the store; after half a second leaves it to the next. */
    void run() {
        run(this::lockPatiently);
    }

    private void run(Supplier<Optional<StoreLock>> lock) {
        if (Files.exists(unswept)) {
            var interrupted = Thread.interrupted(); // what is begun for somebody who gave up is tidied all the same
            try {
                lock.get().ifPresent(this::run);
            } catch (EngineException e) {
                LOG.warn("left content that no image needs in {}", store.root(), e);
            } finally {
                if (interrupted) {
                    Thread.currentThread().interrupt();
                }
            }
        }
    }

    private Optional<StoreLock> lockPatiently() {
        var end = System.nanoTime() + PATIENCE.toNanos();
        var lock = store.tryLockExclusive();
        while (lock.isEmpty() && System.nanoTime() < end) {
            try {
                Thread.sleep(STEP.toMillis());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return Optional.empty();
            }
            lock = store.tryLockExclusive();
        }
        return lock;
    }

    private void run(StoreLock exclusive) {
        var discarded = new ArrayList<Path>();
        try (exclusive) {
            if (withdrawUnneeded(discarded)) {
                Files.deleteIfExists(unswept);
            }
        } catch (IOException e) {
            throw IoFailure.of("cannot remove " + unswept, e);
        } finally {
            discarded.forEach(store::removeTree); // without the lock, since it takes its time
        }
    }

    /** Whether all that is left has an image. */
    private boolean withdrawUnneeded(List<Path> discarded) {
        var table = database.read();
        var needed = documents.parts(table, table.images().keySet());
        var blobs = new HashSet<>(needed.blobs());
        blobs.addAll(documents.belowNames(table));
        var ofBuilds = store.builds().layers();
        ofBuilds.forEach(layer -> blobs.add(layer.blob()));
        documents.keepOnly(blobs);
        for (var blob : store.blobs().list()) {
            if (!blobs.contains(blob)) {
                store.blobs().delete(blob);
            }
        }
        var neededLayers = new HashSet<>(needed.layers());
        ofBuilds.forEach(layer -> neededLayers.add(layer.diffId()));
        var inUse = new HashSet<Digest>();
        store.uses().forEach(use -> inUse.addAll(use.layers()));
        var isClean = true;
        for (var layer : store.layers().list()) {
            if (!neededLayers.contains(layer) && inUse.contains(layer)) {
                isClean = false; // until its container is gone
            } else if (!neededLayers.contains(layer)) {
                store.layers().withdraw(layer).ifPresent(discarded::add);
            }
        }
        return isClean;
    }
}
