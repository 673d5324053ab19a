package dev.cais.storage;

import dev.cais.ConflictException;
import dev.cais.NotFoundException;
import dev.cais.StorageException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The volumes of a store: each is a directory with its data and its record, seen whole or not at all.
 *
 * <p>Who uses a volume is written with each container ({@link ContainerUse}), so that a use ends when the container is removed, or
 * with its engine, however that ends.
 */
public final class StoredVolumes {
    private static final String LOCK = "volumes.lock";
    private static final String RECORD = "record";
    private static final String DATA = "data";
    private static final String CONTENT = "content";
    private static final String FILLING = "lock";

    private final Store store;
    private final Path directory;

    StoredVolumes(Store store) {
        this.store = store;
        this.directory = store.root().resolve("volumes");
    }

    /** Writes what an empty volume shall begin with. */
    @FunctionalInterface
    public interface Filler {
        /** @param files rooted at the volume's top; closed by the caller */
        void fill(FileOperations files);
    }

    /**
     * Keeps all volumes from being removed: hold it from the question whether there is a volume until a container's use of it is
     * written.
     *
     * @throws dev.cais.CancelledException if the thread is interrupted while it waits
     */
    public StoreLock lockShared() {
        return new StoreLock(Disk.lock(store.root().resolve(LOCK), false));
    }

    /**
     * Makes an empty volume: mode 0755, root's.
     *
     * @param name a file name that is not {@code .} or {@code ..}; the caller has checked it
     * @return nothing if there is one of that name
     */
    public Optional<StoredVolume> create(String name, boolean anonymous, Map<String, String> labels) {
        var volume = new StoredVolume(name, data(name), Instant.now(), anonymous, labels);
        if (Disk.exists(directory(name))) {
            return Optional.empty();
        }
        var growing = store.temporary();
        var done = false;
        try {
            Disk.makeDirectory(growing, 0700);
            Disk.makeDirectory(growing.resolve(DATA), 0755);
            Disk.writeNew(growing.resolve(FILLING), new byte[0]);
            Disk.writeNew(growing.resolve(RECORD), volume.record());
            done = Disk.renameIfFree(growing, directory(name));
        } finally {
            if (!done) {
                Disk.removeTree(growing);
            }
        }
        return done ? Optional.of(volume) : Optional.empty();
    }

    /** @throws StorageException if its record is broken */
    public Optional<StoredVolume> find(String name) {
        return Disk.readText(directory(name).resolve(RECORD)).map(record -> {
            try {
                return StoredVolume.parse(name, data(name), record);
            } catch (IllegalArgumentException e) {
                throw new StorageException(
                        "cannot read volume " + name + ": its record is broken",
                        Map.of("record", directory(name).resolve(RECORD)),
                        "repair the record, or remove the volume",
                        e);
            }
        });
    }

    /** By name, in order. */
    public List<String> list() {
        return Disk.list(directory);
    }

    /** The names of volumes that containers of live engines use. */
    public Set<String> used() {
        return store.uses().stream().flatMap(use -> use.volumes().stream()).collect(Collectors.toSet());
    }

    /**
     * Removes a volume with all in it. Its name is free at once; a removal that fails then is finished by the next {@link
     * Store#open}.
     *
     * @throws NotFoundException if there is none
     * @throws ConflictException if a container of a live engine uses it
     * @throws dev.cais.CancelledException if the thread is interrupted while it waits for containers that are being made
     */
    public void remove(String name) {
        Disk.removeTree(withdraw(name));
    }

    private Path withdraw(String name) {
        var lock = Disk.lock(store.root().resolve(LOCK), true);
        try {
            if (!Disk.exists(directory(name))) {
                throw new NotFoundException("cannot remove volume " + name + ": the store has none of that name");
            }
            for (var use : store.uses()) {
                if (use.volumes().contains(name)) {
                    throw new ConflictException(
                            "cannot remove volume " + name + ": container " + use.container() + " of engine "
                                    + use.engine() + " uses it",
                            "close the container first");
                }
            }
            var discarded = store.temporary();
            Disk.rename(directory(name), discarded);
            return discarded;
        } finally {
            Disk.unlock(lock);
        }
    }

    /**
     * Makes a volume ready for a container whose use of it is written: fills it if it is empty.
     *
     * <p>What fills it is first written beside it, and moved into it when it is complete, name by name; so a filling that was
     * interrupted is either forgotten or finished by the next call, and what other containers write meanwhile stays.
     *
     * @throws dev.cais.CancelledException if the thread is interrupted while another fills it
     */
    public void fill(String name, Filler filler) {
        var lock = Disk.lock(directory(name).resolve(FILLING), true);
        try {
            if (finish(name) || !Disk.isEmpty(data(name))) {
                return;
            }
            var growing = store.temporary();
            try {
                Disk.makeDirectory(growing, 0755);
                try (var files = store.files(growing)) {
                    filler.fill(files);
                }
                Disk.rename(growing, content(name));
            } catch (RuntimeException | Error e) {
                try {
                    Disk.removeTree(growing);
                } catch (RuntimeException suppressed) {
                    e.addSuppressed(suppressed);
                }
                throw e;
            }
            finish(name);
        } finally {
            Disk.unlock(lock);
        }
    }

    /** The same for one that is not to be filled: finishes what another began. */
    public void settle(String name) {
        if (Disk.exists(content(name))) {
            var lock = Disk.lock(directory(name).resolve(FILLING), true);
            try {
                finish(name);
            } finally {
                Disk.unlock(lock);
            }
        }
    }

    /** Moves complete content to its place; says whether there was any. */
    private boolean finish(String name) {
        var content = content(name);
        if (!Disk.exists(content)) {
            return false;
        }
        Disk.moveChildren(content, data(name));
        try (var files = store.files(data(name))) {
            TreeCopy.copy(content, files, Names.NONE); // nothing is left of it but its own attributes
        }
        Disk.removeEmptyDirectory(content);
        return true;
    }

    private Path directory(String name) {
        return directory.resolve(name);
    }

    private Path data(String name) {
        return directory(name).resolve(DATA);
    }

    private Path content(String name) {
        return directory(name).resolve(CONTENT);
    }
}
