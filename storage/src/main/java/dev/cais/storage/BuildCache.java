package dev.cais.storage;

import dev.cais.ByteSize;
import dev.cais.Digest;
import dev.cais.InvalidSpecException;
import dev.cais.Layer;
import dev.cais.StorageException;
import dev.cais.linux.Fd;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What builds have left for later ones: the layers of their steps by key, notes, and directories that {@code --mount=type=cache} shows.
 *
 * <p>A key says all that a step's outcome depends on; whoever made it knows what it is made of. A step's layer is kept from being swept
 * as long as its record is here. A file's time says when it was of use last.
 */
public final class BuildCache {
    private static final String LOCK = ".lock";
    private static final String DIRECTORY_LOCK = "lock";
    private static final String DATA = "data";
    private static final String ID = "id";

    /** Held while a directory is made and taken, looked at, or taken away: for moments, so that no look passes for a use. */
    private static final String TURN = "builds.lock";

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
     * @param layer with a blob that may be compressed
     * @param description the instruction; one line
     */
    public record Step(Layer layer, Instant created, String description) {
        public Step {
            description = description.replaceAll("\\s+", " ");
        }

        private static Optional<Step> parse(String text) {
            var lines = text.split("\n", 2);
            var fields = lines[0].split(" ");
            try {
                return fields.length == 5 && lines.length == 2
                        ? Optional.of(new Step(
                                new Layer(
                                        Digest.parse(fields[0]),
                                        Digest.parse(fields[1]),
                                        ByteSize.bytes(Long.parseLong(fields[2])),
                                        fields[3]),
                                Instant.parse(fields[4]),
                                lines[1].stripTrailing()))
                        : Optional.empty();
            } catch (NumberFormatException | DateTimeParseException | InvalidSpecException e) {
                return Optional.empty(); // half written by a host that lost its power
            }
        }

        private byte[] toBytes() {
            return (layer.diffId() + " " + layer.blob() + " " + layer.size().bytes() + " " + layer.mediaType() + " "
                            + created + "\n" + description + "\n")
                    .getBytes(StandardCharsets.UTF_8);
        }
    }

    /** What a step has made that is still whole. Hold {@link Store#lockShared()} until the layer is in use. */
    public Optional<Step> find(Digest key) {
        var file = step(key);
        var found = Disk.readText(file)
                .flatMap(Step::parse)
                .filter(step -> store.layers().find(step.layer().diffId()).isPresent()
                        && store.blobs().find(step.layer().blob()).isPresent());
        found.ifPresent(step -> touch(file));
        return found;
    }

    /** Hold {@link Store#lockShared()} since the layer was made. */
    public void put(Digest key, Step step) {
        var file = step(key);
        store.write(file, step.toBytes());
        touch(file); // the kernel's own times are those of its last tick, and other uses are noted to the moment
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

    /** Layers that must not be swept, and neither their blobs. */
    public List<Layer> layers() {
        return steps().stream().flatMap(entry -> entry.layer().stream()).toList();
    }

    /**
     * Something that is kept until it is pruned.
     *
     * @param id unique among all
     * @param layer of a step; a directory of {@code RUN --mount=type=cache} has none
     * @param inUse whether a build has the directory at the moment; whether a layer is in use is not known here
     * @param description the instruction, or the directory's own id
     */
    public record Entry(
            String id, Optional<Layer> layer, Instant created, Instant lastUsed, boolean inUse, String description) {}

    /** All that is kept, steps first. */
    public List<Entry> entries() {
        var entries = new ArrayList<>(steps());
        try (var turn = store.lock(TURN)) {
            Disk.list(directories).forEach(name -> entries.add(directory(name)));
        }
        return entries;
    }

    private Entry directory(String name) {
        var directory = directories.resolve(name);
        var used = lastUse(directory).toInstant(); // before the lock's file may be made in it
        var lock = Disk.tryLock(directory.resolve(DIRECTORY_LOCK), true);
        lock.ifPresent(Disk::unlock);
        return new Entry(
                name,
                Optional.empty(),
                lastUse(directory.resolve(ID)).toInstant(),
                used,
                lock.isEmpty(),
                Disk.readText(directory.resolve(ID)).orElse("").strip());
    }

    private List<Entry> steps() {
        var entries = new ArrayList<Entry>();
        for (var name : Disk.list(steps)) {
            var file = steps.resolve(name);
            if (!name.endsWith(LOCK)) {
                Disk.readText(file)
                        .flatMap(Step::parse)
                        .ifPresent(step -> entries.add(new Entry(
                                name,
                                Optional.of(step.layer()),
                                step.created(),
                                lastUse(file).toInstant(),
                                false,
                                step.description())));
            }
        }
        return entries;
    }

    /** Bytes of the files in an entry's directory; 0 if it is gone. */
    public long directorySize(Entry entry) {
        var data = directories.resolve(entry.id).resolve(DATA);
        if (!Disk.exists(data)) {
            return 0;
        }
        var sizes = new Sizes();
        TreeWalk.walk(data, Names.NONE, TreeWalk.Scope.ONE_MOUNT, sizes);
        return sizes.sum;
    }

    /** Adds up what files hold. */
    private static final class Sizes implements TreeVisitor {
        private long sum;

        @Override
        public void directory(byte[] path, Attributes attributes, boolean opaque) {}

        @Override
        public void file(byte[] path, Attributes attributes, FileContent content) {
            sum += content.size();
        }

        @Override
        public void symlink(byte[] path, byte[] target, Attributes attributes) {}

        @Override
        public void hardLink(byte[] path, byte[] existing, Attributes attributes) {}

        @Override
        public void node(byte[] path, NodeType type, long major, long minor, Attributes attributes) {}
    }

    /**
     * Forgets a step, whose layer goes with the next sweep, or takes a directory away unless it is in use. Hold {@link
     * Store#lockExclusive()}.
     *
     * @return where the directory is now, for {@link Store#removeTree} without the lock
     */
    public Optional<Path> remove(Entry entry) {
        if (entry.layer.isPresent()) {
            Disk.removeFile(steps.resolve(entry.id));
            return Optional.empty();
        }
        var directory = directories.resolve(entry.id);
        try (var turn = store.lock(TURN)) {
            return Disk.tryLock(directory.resolve(DIRECTORY_LOCK), true).map(lock -> {
                try {
                    var away = store.temporary();
                    Disk.rename(directory, away);
                    return away;
                } finally {
                    Disk.unlock(lock);
                }
            });
        }
    }

    /** Removes notes that were of no use since then. */
    public void removeNotes(Instant since) {
        var limit = FileTime.from(since);
        for (var name : Disk.list(notes)) {
            if (lastUse(notes.resolve(name)).compareTo(limit) <= 0) {
                Disk.removeFile(notes.resolve(name));
            }
        }
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
        var number = 0;
        for (var nap = 1; ; nap = Math.min(2 * nap, Disk.LONGEST_NAP_MILLIS)) {
            var directory = directories.resolve(number == 0 ? name : name + "-" + number);
            Optional<Fd> lock;
            try (var turn = store.lock(TURN)) {
                Disk.makeDirectory(directory, 0700);
                lock = Disk.tryLock(directory.resolve(DIRECTORY_LOCK), sharing != Sharing.SHARED);
            }
            if (lock.isPresent()) {
                try {
                    var data = directory.resolve(DATA);
                    ensure(data, filler);
                    describe(directory.resolve(ID), id);
                    touch(directory);
                    return new Held(data, lock.get());
                } catch (RuntimeException | Error e) {
                    Disk.unlock(lock.get());
                    throw e;
                }
            }
            if (sharing == Sharing.PRIVATE) {
                number++;
            } else {
                Disk.nap(nap, directory);
            }
        }
    }

    private void describe(Path file, String id) {
        if (!Disk.exists(file)) {
            store.write(file, (id.replaceAll("\\s+", " ") + "\n").getBytes(StandardCharsets.UTF_8));
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
