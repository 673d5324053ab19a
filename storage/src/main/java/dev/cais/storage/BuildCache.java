package dev.cais.storage;

import dev.cais.Digest;
import dev.cais.StorageException;
import dev.cais.linux.Fd;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What builds have left for later ones: the layers of their steps by key, notes, and directories that {@code --mount=type=cache} shows.
 *
 * <p>A key says all that a step's outcome depends on; whoever made it knows what it is made of. A step's layer is kept from being swept
 * as long as its record is here. A file's time says when it was of use last.
 */
public final class BuildCache {
    private static final String LOCK = ".lock";

    private final Store store;
    private final Path steps;
    private final Path notes;
    private final Path directories;

    BuildCache(Store store) {
        this.store = store;
        var own = directory(store.root());
        this.steps = own.resolve("steps");
        this.notes = own.resolve("notes");
        this.directories = own.resolve("directories");
    }

    static void makeLayout(Path root) {
        var own = directory(root);
        Disk.makeDirectory(own, 0700);
        Disk.makeDirectory(own.resolve("steps"), 0700);
        Disk.makeDirectory(own.resolve("notes"), 0700);
        Disk.makeDirectory(own.resolve("directories"), 0700);
    }

    private static Path directory(Path root) {
        return root.resolve("builds");
    }

    /**
     * What a step has made.
     *
     * @param layer diff ID, and digest of the blob, which is a plain tar
     * @param size of the blob in bytes
     */
    public record Step(Digest layer, long size, Instant created) {
        private static Optional<Step> parse(String text) {
            var fields = text.strip().split(" ");
            try {
                return fields.length == 3
                        ? Optional.of(
                                new Step(Digest.parse(fields[0]), Long.parseLong(fields[1]), Instant.parse(fields[2])))
                        : Optional.empty();
            } catch (NumberFormatException | DateTimeParseException e) {
                return Optional.empty(); // half written by a host that lost its power
            }
        }

        @Override
        public String toString() {
            return layer + " " + size + " " + created;
        }
    }

    /** What a step has made that is still whole. Hold {@link Store#lockShared()} until the layer is in use. */
    public Optional<Step> find(Digest key) {
        var file = step(key);
        var found = Disk.readText(file)
                .flatMap(Step::parse)
                .filter(step -> store.layers().find(step.layer()).isPresent()
                        && store.blobs().find(step.layer()).isPresent());
        found.ifPresent(step -> touch(file));
        return found;
    }

    /** Hold {@link Store#lockShared()} since the layer was made. */
    public void put(Digest key, Step step) {
        store.write(step(key), (step + "\n").getBytes(StandardCharsets.US_ASCII));
    }

    /**
     * For whoever carries out a step that others, here or in another process, may be about to carry out, too: they wait.
     *
     * @throws dev.cais.CancelledException if the thread is interrupted while it waits
     */
    public KeyLock lock(Digest key) {
        return lock(steps.resolve(key.hex() + LOCK), true);
    }

    /** A lock whose file goes with it. */
    public static final class KeyLock implements AutoCloseable {
        private final Path file;
        private final Fd lock;

        private KeyLock(Path file, Fd lock) {
            this.file = file;
            this.lock = lock;
        }

        @Override
        public void close() {
            try {
                Disk.removeFile(file);
            } finally {
                Disk.unlock(lock);
            }
        }
    }

    private static KeyLock lock(Path file, boolean exclusive) {
        return new KeyLock(file, Disk.lock(file, exclusive));
    }

    /** Layers that must not be swept. */
    public List<Digest> layers() {
        return records().stream().map(record -> record.step.layer()).toList();
    }

    private record Kept(Path file, Step step, FileTime used) {}

    private List<Kept> records() {
        var records = new ArrayList<Kept>();
        for (var name : Disk.list(steps)) {
            var file = steps.resolve(name);
            if (!name.endsWith(LOCK)) {
                Disk.readText(file)
                        .flatMap(Step::parse)
                        .ifPresent(step -> records.add(new Kept(file, step, lastUse(file))));
            }
        }
        return records;
    }

    /** Something that helps a later build, and that it can do without. */
    public Optional<byte[]> note(Digest name) {
        var file = notes.resolve(name.hex());
        try {
            var content = Files.readAllBytes(file);
            touch(file);
            return Optional.of(content);
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw Disk.unreadable(file, e);
        }
    }

    public void putNote(Digest name, byte[] content) {
        store.write(notes.resolve(name.hex()), content);
    }

    /** A cache directory of a build, in use. */
    public static final class Held implements AutoCloseable {
        private final Path data;
        private final Fd lock;

        private Held(Path data, Fd lock) {
            this.data = data;
            this.lock = lock;
        }

        public Path data() {
            return data;
        }

        /** Repeating is harmless. */
        @Override
        public synchronized void close() {
            if (lock.isOpen()) {
                Disk.unlock(lock);
            }
        }
    }

    /** Who else may use a cache directory meanwhile. */
    public enum Sharing {
        SHARED,
        /** Nobody: whoever comes meanwhile gets another one. */
        PRIVATE,
        /** Nobody: whoever comes meanwhile waits. */
        LOCKED
    }

    /** Fills a new directory, which is made by then and nobody sees. */
    @FunctionalInterface
    public interface Filler {
        void fill(Path directory);
    }

    /**
     * A cache directory, made if it is missing.
     *
     * @param id any text
     * @throws dev.cais.CancelledException if the thread is interrupted while it waits
     */
    public Held use(String id, Sharing sharing, Filler filler) {
        var name = Digest.sha256(FileHashes.sha256(Names.of(id))).hex();
        for (var number = 0; ; number++) {
            var directory = directories.resolve(number == 0 ? name : name + "-" + number);
            Disk.makeDirectory(directory, 0700);
            var lockFile = directory.resolve("lock");
            var lock = sharing == Sharing.PRIVATE
                    ? Disk.tryLock(lockFile, true)
                    : Optional.of(Disk.lock(lockFile, sharing == Sharing.LOCKED));
            if (lock.isPresent()) {
                try {
                    var data = directory.resolve("data");
                    ensure(data, filler);
                    touch(directory);
                    return new Held(data, lock.get());
                } catch (RuntimeException | Error e) {
                    Disk.unlock(lock.get());
                    throw e;
                }
            }
        }
    }

    private void ensure(Path data, Filler filler) {
        if (Disk.exists(data)) {
            return;
        }
        var fresh = store.temporary();
        Disk.makeDirectory(fresh, 0755);
        try {
            filler.fill(fresh);
            if (!Disk.renameIfFree(fresh, data)) {
                Disk.removeTree(fresh);
            }
        } catch (RuntimeException | Error e) {
            Disk.removeTree(fresh);
            throw e;
        }
    }

    /**
     * Removes what was of no use for a while, and then the rest, the longest unused first, until no more is left than wanted. Layers go
     * with the next sweep. Hold {@link Store#lockExclusive()}.
     *
     * @param keep bytes of layers
     * @param inUse layers that stay in any case
     */
    public void prune(Duration unused, long keep, Set<Digest> inUse) {
        var limit = FileTime.from(Instant.now().minus(unused));
        var records = new ArrayList<>(records());
        records.sort(Comparator.comparing(Kept::used).reversed());
        var kept = 0L;
        for (var record : records) {
            kept += record.step.size();
            if ((kept > keep || record.used.compareTo(limit) <= 0) && !inUse.contains(record.step.layer())) {
                Disk.removeFile(record.file);
            }
        }
        for (var name : Disk.list(notes)) {
            if (lastUse(notes.resolve(name)).compareTo(limit) <= 0) {
                Disk.removeFile(notes.resolve(name));
            }
        }
        for (var name : Disk.list(directories)) {
            var directory = directories.resolve(name);
            if (lastUse(directory).compareTo(limit) <= 0) {
                Disk.tryLock(directory.resolve("lock"), true).ifPresent(lock -> {
                    try {
                        Disk.removeTree(directory);
                    } finally {
                        Disk.unlock(lock);
                    }
                });
            }
        }
    }

    private Path step(Digest key) {
        return steps.resolve(key.hex());
    }

    private static FileTime lastUse(Path file) {
        try {
            return Files.getLastModifiedTime(file);
        } catch (NoSuchFileException e) {
            return FileTime.from(Instant.now());
        } catch (IOException e) {
            throw Disk.unreadable(file, e);
        }
    }

    private static void touch(Path file) {
        try {
            Files.setLastModifiedTime(file, FileTime.from(Instant.now()));
        } catch (NoSuchFileException e) {
            // pruned meanwhile
        } catch (IOException e) {
            throw new StorageException("cannot mark " + file + " as used: " + e.getMessage(), Map.of(), "", e);
        }
    }
}
