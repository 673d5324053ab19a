package dev.cais.storage;

import dev.cais.ConflictException;
import dev.cais.Digest;
import dev.cais.EngineException;
import dev.cais.InvalidSpecException;
import dev.cais.StorageException;
import dev.cais.linux.Fd;
import dev.cais.linux.FileCalls;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A store as one engine has it open; see the package for what lies where. */
public final class Store implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Store.class);
    private static final String FORMAT = "cais store 1, whiteouts ";
    private static final String IDS = ", ids ";
    private static final Pattern ID = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}");
    private static final String LOCK = "lock";
    private static final String ENGINES_LOCK = "engines.lock";
    private static final String DEAD = "dead-";
    static final String USES = "uses";
    private static final String VOLUME = "volume ";
    private static final String MOUNTED = "image ";

    private final Path root;
    private final String engine;
    private final Whiteouts whiteouts;
    private final Fd engineLock;
    private final Blobs blobs;
    private final Layers layers;
    private final StoredVolumes volumes;
    private final BuildCache builds;
    private final AtomicLong temporaries = new AtomicLong();
    private final AtomicBoolean closed = new AtomicBoolean();

    private Store(Path root, String engine, Whiteouts whiteouts, Fd engineLock) {
        this.root = root;
        this.engine = engine;
        this.whiteouts = whiteouts;
        this.engineLock = engineLock;
        this.blobs = new Blobs(this);
        this.layers = new Layers(this);
        this.volumes = new StoredVolumes(this);
        this.builds = new BuildCache(this);
    }

    /**
     * Makes what is missing of the layout, takes the engine's lock, and sweeps what dead engines left.
     *
     * @param engine the engine's name in this store: letters, digits, {@code _ . -}, 1 to 128 of them; best a random one
     * @throws StorageException if the directory cannot be made or written
     * @throws ConflictException if a live engine has this name
     * @throws dev.cais.CancelledException if the thread is interrupted while others open the store
     */
    public static Store open(Path root, String engine) {
        var absolute = root.toAbsolutePath().normalize();
        checkId("engine", engine);
        makeLayout(absolute);
        var turn = Disk.lock(absolute.resolve(ENGINES_LOCK), true);
        Store store;
        try {
            store = openInTurn(absolute, engine);
        } finally {
            Disk.unlock(turn);
        }
        store.sweep();
        return store;
    }

    private static void makeLayout(Path root) {
        var missing = new ArrayDeque<Path>();
        for (var path = root; path != null && !Disk.exists(path); path = path.getParent()) {
            missing.push(path);
        }
        for (var path : missing) {
            Disk.makeDirectory(path, path.equals(root) ? 0711 : 0755);
        }
        Disk.makeDirectory(root.resolve("blobs"), 0700); // layers hold other people's setuid programs
        Disk.makeDirectory(root.resolve("layers"), 0700);
        Disk.makeDirectory(root.resolve("partial"), 0700);
        Disk.makeDirectory(root.resolve("volumes"), 0700);
        BuildCache.makeLayout(root);
        Disk.makeDirectory(root.resolve("engines"), 0711);
    }

    private static Store openInTurn(Path root, String engine) {
        var whiteouts = whiteouts(root);
        var engines = root.resolve("engines");
        var own = engines.resolve(engine);
        if (lives(own)) {
            throw new ConflictException(
                    "cannot open the store " + root + ": its engine " + engine + " is open", "choose another name");
        }
        Disk.removeTree(own);
        Disk.makeDirectory(own, 0711);
        var lock = Disk.lock(own.resolve(LOCK), true);
        try {
            var store = new Store(root, engine, whiteouts, lock);
            Disk.makeDirectory(store.temporaryDirectory(), 0700);
            Disk.spread(store.temporaryDirectory()); // all trees begin there
            Disk.makeDirectory(containers(own), 0711);
            for (var other : Disk.list(engines)) {
                if (!lives(engines.resolve(other))) {
                    // or it is just closing, and removes the rest itself
                    Disk.renameIfThere(
                            engines.resolve(other), store.temporaryDirectory().resolve(DEAD + other));
                }
            }
            return store;
        } catch (RuntimeException e) {
            lock.close();
            throw e;
        }
    }

    /** Whether somebody holds the engine's lock. Only in turn, since it takes the lock for a moment to find out. */
    private static boolean lives(Path engineDirectory) {
        var file = engineDirectory.resolve(LOCK);
        if (!Disk.exists(file)) {
            return false;
        }
        var lock = Disk.tryLock(file, true);
        lock.ifPresent(Disk::unlock);
        return lock.isEmpty();
    }

    private static String format(Whiteouts whiteouts) {
        return FORMAT + whiteouts.nameSpace();
    }

    private static Whiteouts whiteouts(Path root) {
        var file = root.resolve("format");
        var text = Disk.readText(file).map(String::strip);
        var chosen = Syscalls.call(Syscall.GETEUID) == 0 ? Whiteouts.TRUSTED : Whiteouts.USER;
        var wanted = format(chosen) + (FileCalls.ids().isEmpty() ? "" : IDS + FileCalls.ids());
        if (text.isEmpty()) {
            var fresh = root.resolve("format.new");
            Disk.removeFile(fresh);
            Disk.writeNew(fresh, (wanted + "\n").getBytes(StandardCharsets.UTF_8));
            Disk.rename(fresh, file);
        }
        if (text.isEmpty() || text.get().equals(wanted)) {
            return chosen;
        }
        var facts = new LinkedHashMap<>(Map.of("format", text.get()));
        for (var known : Whiteouts.values()) {
            var isKnown = text.get().equals(format(known)) || text.get().startsWith(format(known) + IDS);
            if (isKnown && known != chosen) { // overlayfs would show what layers hide
                throw new StorageException(
                        "cannot open the store " + root + ": "
                                + (known == Whiteouts.USER ? "it is a plain user's" : "it is root's"),
                        facts,
                        "run as its owner, or choose another store");
            }
            if (isKnown) { // containers would see wrong owners
                facts.put("now", FileCalls.ids());
                throw new StorageException(
                        "cannot open the store " + root
                                + ": its user had other subordinate ids when it was made than now",
                        facts,
                        "give the user those back in /etc/subuid and /etc/subgid, or choose another store");
            }
        }
        throw new StorageException(
                "cannot open the store " + root + ": its format is unknown",
                facts,
                "use the version of Cais that made it, or choose another store");
    }

    /** Removes what dead engines left. What resists stays in this engine's directory. */
    private void sweep() {
        for (var name : Disk.list(temporaryDirectory())) {
            if (name.startsWith(DEAD)) {
                try {
                    Disk.removeTree(temporaryDirectory().resolve(name));
                } catch (EngineException e) {
                    LOG.warn(
                            "left files of a dead engine in {}",
                            temporaryDirectory().resolve(name),
                            e);
                }
            }
        }
        layers.sweep();
        blobs.sweep();
    }

    public Path root() {
        return root;
    }

    public Blobs blobs() {
        return blobs;
    }

    public Layers layers() {
        return layers;
    }

    public StoredVolumes volumes() {
        return volumes;
    }

    public BuildCache builds() {
        return builds;
    }

    /** What this engine alone uses, mode 0711; removed by {@link #close()}. */
    public Path engineDirectory() {
        return root.resolve("engines").resolve(engine);
    }

    /** Where this engine writes what becomes visible by a rename; on the store's own file system, swept with the engine. */
    public Path temporaryDirectory() {
        return engineDirectory().resolve("tmp");
    }

    /** A path in {@link #temporaryDirectory()} that nothing has yet. */
    public Path temporary() {
        return temporaryDirectory().resolve(Long.toString(temporaries.incrementAndGet()));
    }

    /**
     * The open file whose flock(2) says that this engine lives. A process that inherits it keeps the engine's directory from
     * being swept until it is gone, too.
     */
    public Fd engineLock() {
        return engineLock;
    }

    /**
     * Keeps what is there: hold it from the question "does the store have this blob, this layer?" until the image or the
     * container that needs it is visible.
     *
     * @throws dev.cais.CancelledException if the thread is interrupted while it waits
     */
    public StoreLock lockShared() {
        return new StoreLock(Disk.lock(lockFile(), false));
    }

    /**
     * For deleting what nothing refers to. Waits for all shared holds, however long they take.
     *
     * @throws dev.cais.CancelledException if the thread is interrupted while it waits
     */
    public StoreLock lockExclusive() {
        return new StoreLock(Disk.lock(lockFile(), true));
    }

    /** As {@link #lockExclusive()}, or empty if somebody holds the store now: what is unreferenced can go another time. */
    public Optional<StoreLock> tryLockExclusive() {
        return Disk.tryLock(lockFile(), true).map(StoreLock::new);
    }

    /**
     * An exclusive hold on a lock file in the store's root, which is made if it is missing: for what is read, changed and
     * written back within moments.
     *
     * @throws dev.cais.CancelledException if the thread is interrupted while it waits
     */
    public StoreLock lock(String name) {
        return new StoreLock(Disk.lock(root.resolve(name), true));
    }

    private Path lockFile() {
        return root.resolve(LOCK);
    }

    /** Writes a small file, 0600, replacing an old one, in one rename. */
    public void write(Path file, byte[] content) {
        var temporary = temporary();
        Disk.writeNew(temporary, content);
        try {
            Disk.rename(temporary, file);
        } catch (RuntimeException e) {
            Disk.removeFile(temporary);
            throw e;
        }
    }

    /** Writing below a directory that exists, by this store's form of whiteouts. */
    public FileOperations files(Path directory) {
        return new DirectFileOperations(directory, whiteouts);
    }

    /** Removes whatever is there with all below it, following no link; nothing if nothing is there. */
    public void removeTree(Path path) {
        Disk.removeTree(path);
    }

    /**
     * Makes a container's directory, in one rename. Hold {@link #lockShared()}.
     *
     * @param id unique in this engine: letters, digits, {@code _ . -}, 1 to 128 of them
     * @param image the image's configuration digest
     * @param diffIds its layers, oldest first; all in the store
     * @throws ConflictException if this engine has a container of this id
     */
    public ContainerFiles createContainer(String id, Digest image, List<Digest> diffIds) {
        return createContainer(id, image, diffIds, List.of(), Map.of());
    }

    /**
     * The same for a container that uses volumes and other images. Hold {@link StoredVolumes#lockShared()}, too, if there are volumes.
     *
     * @param volumeNames of volumes that are there
     * @param mounted images whose files are mounted in it: configuration digest to diff IDs, oldest first; all in the store
     */
    public ContainerFiles createContainer(
            String id,
            Digest image,
            List<Digest> diffIds,
            Collection<String> volumeNames,
            Map<Digest, List<Digest>> mounted) {
        checkId("container", id);
        var lower = paths(diffIds);
        Map<Digest, List<Path>> lowerOfMounted = new HashMap<>();
        mounted.forEach((other, itsDiffIds) -> lowerOfMounted.put(other, paths(itsDiffIds)));
        var growing = new ContainerFiles(temporary(), lower, lowerOfMounted);
        var files = new ContainerFiles(containers(engineDirectory()).resolve(id), lower, lowerOfMounted);
        try {
            Disk.makeDirectory(growing.directory(), 0711);
            Disk.makeDirectory(growing.upper(), 0755);
            if (!lower.isEmpty()) {
                Disk.makeAlike(growing.upper(), lower.get(lower.size() - 1));
            }
            Disk.makeDirectory(growing.work(), 0700);
            Disk.makeDirectory(growing.root(), 0755);
            Disk.writeNew(growing.directory().resolve(USES), uses(image, diffIds, volumeNames, mounted));
            if (!Disk.renameIfFree(growing.directory(), files.directory())) {
                throw new ConflictException("cannot create container " + id + ": its directory exists");
            }
            return files;
        } catch (RuntimeException e) {
            growing.close();
            throw e;
        }
    }

    /** A layer that is there twice counts where it is the newest: overlayfs refuses a directory that it has, and sees the same without. */
    private List<Path> paths(List<Digest> diffIds) {
        var paths = new ArrayList<Path>();
        for (var i = 0; i < diffIds.size(); i++) {
            if (diffIds.lastIndexOf(diffIds.get(i)) == i) {
                paths.add(layers.path(diffIds.get(i)));
            }
        }
        return paths;
    }

    private static byte[] uses(
            Digest image, List<Digest> diffIds, Collection<String> volumeNames, Map<Digest, List<Digest>> mounted) {
        var text = new StringBuilder().append(image).append('\n');
        diffIds.forEach(diffId -> text.append(diffId).append('\n'));
        mounted.forEach((other, itsDiffIds) -> {
            itsDiffIds.forEach(diffId -> text.append(diffId).append('\n'));
            text.append(MOUNTED).append(other).append('\n');
        });
        volumeNames.forEach(name -> text.append(VOLUME).append(name).append('\n'));
        return text.toString().getBytes(StandardCharsets.US_ASCII);
    }

    /** What the containers of all live engines need. */
    public List<ContainerUse> uses() {
        var uses = new ArrayList<ContainerUse>();
        var engines = root.resolve("engines");
        var turn = Disk.lock(root.resolve(ENGINES_LOCK), true);
        try {
            for (var each : Disk.list(engines)) {
                var directory = engines.resolve(each);
                if (lives(directory)) {
                    for (var container : Disk.list(containers(directory))) {
                        Disk.readText(containers(directory).resolve(container).resolve(USES))
                                .ifPresent(text -> uses.add(use(each, container, text)));
                    }
                }
            }
        } finally {
            Disk.unlock(turn);
        }
        return uses;
    }

    private static ContainerUse use(String engine, String container, String text) {
        var digests = new ArrayList<Digest>();
        var mounted = new ArrayList<Digest>();
        var names = new ArrayList<String>();
        var whole = text.substring(0, text.lastIndexOf('\n') + 1); // without a line that is just being written
        whole.lines().forEach(line -> {
            if (line.startsWith(VOLUME)) {
                names.add(line.substring(VOLUME.length()));
            } else if (line.startsWith(MOUNTED)) {
                mounted.add(Digest.parse(line.substring(MOUNTED.length())));
            } else {
                digests.add(Digest.parse(line));
            }
        });
        return new ContainerUse(engine, container, digests.get(0), mounted, digests.subList(1, digests.size()), names);
    }

    private static Path containers(Path engineDirectory) {
        return engineDirectory.resolve("containers");
    }

    private static void checkId(String what, String id) {
        if (!ID.matcher(id).matches()) {
            throw new InvalidSpecException(
                    "cannot use " + what + " name " + id + " in a store: it is not a file name of the plain kind",
                    "use letters, digits, '_', '.' and '-', 1 to 128 of them");
        }
    }

    /**
     * Removes the engine's directory with its containers, and lets go of its lock. Nothing may be mounted there in this mount
     * namespace. Repeating is harmless.
     */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            try {
                for (var name : Disk.list(engineDirectory())) {
                    if (!name.equals(LOCK)) {
                        Disk.removeTree(engineDirectory().resolve(name));
                    }
                }
                Disk.removeTree(engineDirectory()); // its lock last: without it, it is anyone's to sweep
            } finally {
                engineLock.close();
            }
        }
    }

    @Override
    public String toString() {
        return "Store[" + root + ", engine " + engine + "]";
    }
}
