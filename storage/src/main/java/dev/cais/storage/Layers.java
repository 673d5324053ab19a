package dev.cais.storage;

import dev.cais.Digest;
import dev.cais.FileChange;
import dev.cais.InvalidSpecException;
import dev.cais.Layer;
import dev.cais.NotFoundException;
import dev.cais.StorageException;
import dev.cais.linux.Fd;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Unpacked layers by diff ID. Hold {@link Store#lockShared()} while relying on one. */
public final class Layers {
    private static final int NAME = 24;
    private static final String LOCK = ".lock";

    private final Store store;
    private final Path directory;
    /** Layers of this engine alone, which lie with its own files. */
    private final Map<Digest, Path> own = new ConcurrentHashMap<>();

    Layers(Store store) {
        this.store = store;
        this.directory = store.root().resolve("layers");
    }

    /** Writes a layer's files. */
    @FunctionalInterface
    public interface Filler {
        /**
         * Writes all of the layer, having checked that it is the one that was asked for.
         *
         * @param files rooted at the layer's directory; closed by the caller
         * @return bytes of all files' contents
         */
        long fill(FileOperations files);
    }

    /** The directory that all layers' directories stand in, named by {@link #name}. */
    public Path directory() {
        return directory;
    }

    /** The name of a layer's directory: the first 24 hexadecimal digits of its diff ID. */
    public static String name(Digest diffId) {
        return diffId.hex().substring(0, NAME);
    }

    /**
     * Lets this engine's containers use a directory as a layer. No other engine sees it.
     *
     * @param id in the place of a diff ID, best a random one
     */
    public void addOwn(Digest id, Path tree) {
        own.put(id, tree);
    }

    public void removeOwn(Digest id) {
        own.remove(id);
    }

    /** Where the layer's root directory is, or would be. */
    Path path(Digest diffId) {
        return own.getOrDefault(diffId, tree(diffId));
    }

    /** The layer's root directory, if it is there and whole. */
    public Optional<Path> find(Digest diffId) {
        var ours = own.get(diffId);
        if (ours != null) {
            return Optional.of(ours);
        }
        return Disk.exists(record(diffId)) ? Optional.of(tree(diffId)) : Optional.empty();
    }

    /**
     * Bytes of all its files' contents.
     *
     * @throws dev.cais.NotFoundException if the store does not have it
     */
    public long size(Digest diffId) {
        return Disk.readText(record(diffId))
                .map(text -> Long.parseLong(text.strip()))
                .orElseThrow(() ->
                        new NotFoundException("cannot read layer " + diffId + ": the store does not have it unpacked"));
    }

    /**
     * What one layer of an image changes of those below it, in order of paths. Hold {@link Store#lockShared()}.
     *
     * @param layers of the image, oldest first
     * @throws InvalidSpecException if it is none of them
     * @throws NotFoundException if the store does not have all of them up to this one
     */
    public List<FileChange> changes(List<Layer> layers, Layer layer) {
        var at = layers.indexOf(layer);
        if (at < 0) {
            throw new InvalidSpecException(
                    "cannot tell what layer " + layer.diffId() + " changes: the image has no such layer",
                    "pass one of Image.layers()");
        }
        var trees = layers.subList(0, at + 1).stream().map(this::required).toList();
        return UpperChanges.ofLayer(trees.get(at), trees.subList(0, at));
    }

    private Path required(Layer layer) {
        return find(layer.diffId())
                .orElseThrow(() -> new NotFoundException(
                        "cannot read layer " + layer.diffId() + ": the store does not have it unpacked"));
    }

    /**
     * The layer's root directory, made by {@code filler} if it is not there. Whoever else asks for the same layer meanwhile,
     * here or in another process, waits for this one, and begins anew only if it failed.
     *
     * @throws dev.cais.CancelledException if the thread is interrupted while it waits
     */
    public Path add(Digest diffId, Filler filler) {
        if (find(diffId).isPresent()) {
            return tree(diffId);
        }
        var lock = Disk.lock(lockFile(name(diffId)), true);
        try {
            if (find(diffId).isEmpty()) {
                clear(diffId);
                fill(diffId, filler);
            }
            return tree(diffId);
        } finally {
            unlock(name(diffId), lock);
        }
    }

    private void fill(Digest diffId, Filler filler) {
        var growing = store.temporary();
        var record = store.temporary();
        try {
            Disk.makeDirectory(growing, 0755);
            var size = fillTree(growing, filler);
            Disk.writeNew(record, (size + "\n").getBytes(StandardCharsets.US_ASCII));
            Disk.rename(growing, tree(diffId));
            Disk.rename(record, record(diffId));
        } catch (RuntimeException | Error e) {
            try {
                Disk.removeTree(growing);
                Disk.removeFile(record);
            } catch (RuntimeException suppressed) {
                e.addSuppressed(suppressed);
            }
            throw e;
        }
    }

    /**
     * Takes a directory for a layer as it is, by renames, unless the store has that layer: then the directory stays where it is. Hold
     * {@link Store#lockShared()}.
     *
     * @param diffId digest of what the directory is as a tar
     * @param tree on the store's file system, mounted nowhere
     * @param size what it is said to take, in bytes
     * @throws dev.cais.CancelledException if the thread is interrupted while it waits for others
     */
    public void adopt(Digest diffId, Path tree, long size) {
        if (find(diffId).isPresent()) {
            return;
        }
        var lock = Disk.lock(lockFile(name(diffId)), true);
        try {
            if (find(diffId).isEmpty()) {
                clear(diffId);
                try (var files = store.files(tree)) {
                    files.directory(Names.NONE, Attributes.ofMode(0755)); // as an unpacked layer has it
                }
                var record = store.temporary();
                Disk.writeNew(record, (size + "\n").getBytes(StandardCharsets.US_ASCII));
                Disk.rename(tree, tree(diffId));
                Disk.rename(record, record(diffId));
            }
        } finally {
            unlock(name(diffId), lock);
        }
    }

    /**
     * Unpacks a layer that is there once more, to compare. Hold {@link Store#lockShared()}.
     *
     * @throws dev.cais.NotFoundException if the store does not have it
     */
    public LayerCheck check(Digest diffId, Filler filler) {
        var tree = find(diffId)
                .orElseThrow(() -> new NotFoundException(
                        "cannot check layer " + diffId + ": the store does not have it unpacked"));
        var fresh = store.temporary();
        try {
            Disk.makeDirectory(fresh, 0755);
            fillTree(fresh, filler);
            return new LayerCheck(tree, fresh);
        } catch (RuntimeException | Error e) {
            try {
                Disk.removeTree(fresh);
            } catch (RuntimeException suppressed) {
                e.addSuppressed(suppressed);
            }
            throw e;
        }
    }

    private long fillTree(Path tree, Filler filler) {
        try (var files = store.files(tree)) {
            files.directory(new byte[0], Attributes.ofMode(0755));
            return filler.fill(files);
        }
    }

    /** Removes a tree that lost its record, or never got it. */
    private void clear(Digest diffId) {
        if (Disk.exists(tree(diffId))) {
            for (var other : list()) {
                if (name(other).equals(name(diffId))) {
                    throw new StorageException(
                            "cannot unpack layer " + diffId + ": its name in the store is taken by layer " + other);
                }
            }
            discard(name(diffId));
        }
    }

    private void discard(String name) {
        Disk.removeTree(moveAway(name));
    }

    private Path moveAway(String name) {
        var discarded = store.temporary();
        Disk.rename(directory.resolve(name), discarded);
        return discarded;
    }

    private void unlock(String name, Fd lock) {
        try {
            Disk.removeFile(lockFile(name));
        } finally {
            Disk.unlock(lock);
        }
    }

    /** Does nothing if the store does not have it. Hold {@link Store#lockExclusive()}. */
    public void delete(Digest diffId) {
        withdraw(diffId).ifPresent(Disk::removeTree);
    }

    /**
     * Takes a layer out of the store, in moments: its files may be many, and nobody should wait for their removal. Hold {@link
     * Store#lockExclusive()}.
     *
     * @return where its files are now, for {@link Store#removeTree} without the lock; empty if the store does not have it
     */
    public Optional<Path> withdraw(Digest diffId) {
        var lock = Disk.lock(lockFile(name(diffId)), true);
        try {
            if (find(diffId).isEmpty()) {
                return Optional.empty();
            }
            Disk.removeFile(record(diffId));
            return Optional.of(moveAway(name(diffId)));
        } finally {
            unlock(name(diffId), lock);
        }
    }

    /** Diff IDs, in order. */
    public List<Digest> list() {
        return Disk.list(directory).stream().flatMap(Layers::recorded).toList();
    }

    private static Stream<Digest> recorded(String name) {
        return switch (name.length()) {
            case 64 -> Stream.of(new Digest("sha256", name));
            case 128 -> Stream.of(new Digest("sha512", name));
            default -> Stream.empty();
        };
    }

    /** Removes trees without a record and locks that nobody holds. */
    void sweep() {
        var names = Disk.list(directory);
        var recorded =
                names.stream().flatMap(Layers::recorded).map(Layers::name).collect(Collectors.toSet());
        for (var entry : names) {
            var isTree = entry.length() == NAME && !recorded.contains(entry);
            if (isTree || entry.endsWith(LOCK)) {
                var name = entry.substring(0, Math.min(NAME, entry.length()));
                Disk.tryLock(lockFile(name), true).ifPresent(lock -> sweep(name, lock));
            }
        }
    }

    private void sweep(String name, Fd lock) {
        try {
            var isOrphan = Disk.exists(directory.resolve(name))
                    && list().stream().noneMatch(digest -> name(digest).equals(name));
            if (isOrphan) {
                discard(name);
            }
        } finally {
            unlock(name, lock);
        }
    }

    private Path tree(Digest diffId) {
        return directory.resolve(name(diffId));
    }

    private Path record(Digest diffId) {
        return directory.resolve(diffId.hex());
    }

    private Path lockFile(String name) {
        return directory.resolve(name + LOCK);
    }
}
