package dev.cais.storage;

import dev.cais.Digest;
import dev.cais.linux.Fd;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** A store as one engine has it open; see the package for what lies where. */
public final class Store implements AutoCloseable {
    private final Path root;
    private final String engine;

    private Store(Path root, String engine) {
        this.root = root;
        this.engine = engine;
    }

    /**
     * Makes what is missing of the layout, takes the engine's lock, and sweeps what dead engines left.
     *
     * @param engine the engine's name in this store: letters, digits, {@code _ . -}, 1 to 64 of them; best a random one
     * @throws dev.cais.StorageException if the directory cannot be made or written
     * @throws dev.cais.ConflictException if a live engine has this name
     */
    public static Store open(Path root, String engine) {
        return new Store(root, engine);
    }

    public Path root() {
        return root;
    }

    public Blobs blobs() {
        return new Blobs(this);
    }

    public Layers layers() {
        return new Layers(this);
    }

    /** What this engine alone uses, mode 0711; removed by {@link #close()}. */
    public Path engineDirectory() {
        return root.resolve("engines").resolve(engine);
    }

    /** Where this engine writes what becomes visible by a rename; on the store's own file system, swept with the engine. */
    public Path temporaryDirectory() {
        return engineDirectory().resolve("tmp");
    }

    /**
     * The open file whose flock(2) says that this engine lives. A process that inherits it keeps the engine's directory from
     * being swept until it is gone, too.
     */
    public Fd engineLock() {
        throw new UnsupportedOperationException();
    }

    /**
     * Keeps what is there: hold it from the question "does the store have this blob, this layer?" until the image or the
     * container that needs it is visible.
     *
     * @throws dev.cais.CancelledException if the thread is interrupted while it waits
     */
    public StoreLock lockShared() {
        throw new UnsupportedOperationException();
    }

    /** For deleting what nothing refers to. Waits for all shared holds, however long they take. */
    public StoreLock lockExclusive() {
        throw new UnsupportedOperationException();
    }

    /** As {@link #lockExclusive()}, or empty if somebody holds the store now: what is unreferenced can go another time. */
    public Optional<StoreLock> tryLockExclusive() {
        throw new UnsupportedOperationException();
    }

    /** Writes a small file, 0600, replacing an old one, in one rename. */
    public void write(Path file, byte[] content) {
        throw new UnsupportedOperationException();
    }

    /** What this store's rules make of writing below {@code directory}. */
    public FileOperations files(Path directory) {
        throw new UnsupportedOperationException();
    }

    /**
     * Makes a container's directory, in one rename. Hold {@link #lockShared()}.
     *
     * @param id unique in this engine: letters, digits, {@code _ . -}, 1 to 128 of them
     * @param image the image's configuration digest
     * @param diffIds its layers, oldest first
     */
    public ContainerFiles createContainer(String id, Digest image, List<Digest> diffIds) {
        throw new UnsupportedOperationException();
    }

    /** What the containers of all live engines need. */
    public List<ContainerUse> uses() {
        throw new UnsupportedOperationException();
    }

    /** Removes the engine's directory with its containers, and lets go of its lock. Repeating is harmless. */
    @Override
    public void close() {}

    @Override
    public String toString() {
        return "Store[" + root + ", engine " + engine + "]";
    }
}
