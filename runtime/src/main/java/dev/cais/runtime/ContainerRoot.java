package dev.cais.runtime;

import dev.cais.CommitOptions;
import dev.cais.ContainerState;
import dev.cais.CopySource;
import dev.cais.EventAction;
import dev.cais.FileChange;
import dev.cais.FileStat;
import dev.cais.Image;
import dev.cais.Snapshot;
import dev.cais.StorageException;
import dev.cais.UnsupportedHostException;
import dev.cais.linux.Fd;
import dev.cais.runtime.RootProgram.Extent;
import dev.cais.runtime.cgroup.Cgroup;
import dev.cais.storage.ContainerFiles;
import dev.cais.storage.UpperChanges;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * A container's root file system as the host uses it, at any moment of the container's life: for copies, comparisons, images and
 * snapshots.
 *
 * <p>While it runs, its own mounts are used; while it does not, its root is mounted for the work, and nobody may start it meanwhile.
 */
final class ContainerRoot {
    private final LocalContainer container;
    private final LocalContainers owner;
    private final Lifecycle lifecycle;
    private final Standing standing;
    private final ContainerFiles files;

    /** Held for reading while a root of a running container is in use: it must be given back before the next run mounts it. */
    private final ReentrantReadWriteLock roots = new ReentrantReadWriteLock();

    /** Held while its root is mounted though it does not run; taken before the turn to change the state. */
    private final ReentrantLock atRest = new ReentrantLock();

    ContainerRoot(LocalContainer container, LocalContainers owner, Lifecycle lifecycle, ContainerFiles files) {
        this.container = container;
        this.owner = owner;
        this.lifecycle = lifecycle;
        this.standing = lifecycle.standing();
        this.files = files;
    }

    void copyIn(CopySource source, String destination) {
        withRoot(
                "cannot copy to",
                Extent.ALL_MOUNTS,
                root -> transfer(root).copyIn(source, destination, owner.limits()));
        container.tell(EventAction.EXTRACT_TO_DIR, "path", destination);
    }

    void copyOut(String source, Path destination) {
        withRoot("cannot copy from", Extent.ALL_MOUNTS, root -> transfer(root).copyOut(source, destination));
        container.tell(EventAction.ARCHIVE_PATH, "path", source);
    }

    void copyOut(String source, OutputStream tar) {
        withRoot("cannot copy from", Extent.ALL_MOUNTS, root -> transfer(root).copyOut(source, tar));
        container.tell(EventAction.ARCHIVE_PATH, "path", source);
    }

    Optional<FileStat> stat(String path) {
        var found = new ArrayList<FileStat>(1);
        withRoot(
                "cannot look at " + path + " in",
                Extent.ALL_MOUNTS,
                root -> transfer(root).stat(path).ifPresent(found::add));
        return found.stream().findFirst();
    }

    void export(OutputStream tar) {
        withRoot("cannot export", Extent.ROOT_ALONE, root -> transfer(root).export(tar));
        container.tell(EventAction.EXPORT);
    }

    void export(Path tar) {
        try (var undo = new Undo();
                var target = Files.newOutputStream(tar)) {
            undo.add(() -> Files.deleteIfExists(tar));
            export(target);
            undo.keepAll();
        } catch (IOException e) {
            throw new StorageException(
                    "cannot export container " + container.name() + " to " + tar + ": " + e.getMessage(),
                    Map.of(),
                    "",
                    e);
        }
    }

    private FileTransfer transfer(Fd root) {
        return new FileTransfer(root, "container " + container.name());
    }

    /** Running or not; its files stay meanwhile. */
    List<FileChange> diff() {
        roots.readLock().lock();
        try {
            standing.requireAliveOrAtRest("cannot compare");
            return UpperChanges.of(files.upper(), files.layers());
        } finally {
            roots.readLock().unlock();
        }
    }

    Snapshot snapshot() {
        var cannot = "cannot make a snapshot of";
        return withStillUpper(cannot, true, "stop it first", () -> {
            if (standing.isAlive()) {
                return owner.snapshots().copy(container);
            }
            awaitUnused(cannot);
            return owner.snapshots().move(container);
        });
    }

    Image commit(String newName, CommitOptions options) {
        var commit = new ContainerCommit(container, options);
        var image = withStillUpper(
                "cannot commit",
                options.pause(),
                "stop it first, or ask for CommitOptions.withoutPause()",
                () -> commit.make(owner, newName));
        container.tell(
                EventAction.COMMIT,
                "imageID",
                image.id().toString(),
                "imageRef",
                newName,
                "comment",
                options.message());
        return image;
    }

    /**
     * Nobody starts, stops or removes it meanwhile, and its processes stand still if that is wanted.
     *
     * @param otherwise what helps where they cannot
     */
    private <T> T withStillUpper(String cannot, boolean still, String otherwise, Supplier<T> work) {
        owner.requireUsable(cannot + " container " + container.name());
        lifecycle.lock(atRest, cannot);
        try (var turn = lifecycle.begin(cannot);
                var undo = new Undo()) {
            standing.requireAliveOrAtRest(cannot);
            if (still && standing.state() == ContainerState.RUNNING) {
                undo.add(stillness(cannot, standing.requireAlive(cannot).cgroup(), otherwise));
            }
            return work.get();
        } finally {
            atRest.unlock();
        }
    }

    /** Lets the processes stand still until it is closed. */
    private AutoCloseable stillness(String cannot, Cgroup cgroup, String otherwise) {
        try {
            cgroup.freeze();
            return cgroup::thaw;
        } catch (UnsupportedHostException e) {
            throw new UnsupportedHostException(
                    cannot + " container " + container.name() + " while it runs: " + e.getMessage(),
                    Map.of(),
                    otherwise,
                    e);
        }
    }

    /** Opens its root for some work: that of the run, or, while no run can begin, one of its own. */
    private void withRoot(String cannot, Extent extent, Consumer<Fd> work) {
        owner.requireUsable(cannot + " container " + container.name());
        roots.readLock().lock();
        try {
            var entered = standing.firstProcess();
            if (entered.isPresent()) {
                try (var process = entered.get();
                        var root =
                                owner.launcher().openRoot(cannot + " container " + container.name(), process, extent)) {
                    work.accept(root);
                    return;
                }
            }
        } finally {
            roots.readLock().unlock();
        }
        withRootAtRest(cannot, extent, work);
    }

    /** One at a time, since two mounts of one upper directory would not know of each other. Removal does not wait for it. */
    private void withRootAtRest(String cannot, Extent extent, Consumer<Fd> work) {
        lifecycle.lock(atRest, cannot);
        try {
            holdAtRest(cannot);
            try (var root = owner.launcher()
                    .openRoot(cannot + " container " + container.name(), files, container.mounts(), extent)) {
                work.accept(root);
            } finally {
                roots.readLock().unlock();
            }
        } finally {
            atRest.unlock();
        }
    }

    /** Keeps it from being started until the read lock is given back. */
    private void holdAtRest(String cannot) {
        try (var turn = lifecycle.begin(cannot)) {
            standing.requireAtRest(cannot);
            roots.readLock().lock();
        }
    }

    /** For whoever has the turn to change the state, no run being alive: waits until nobody uses a root of the last run. */
    void awaitUnused(String cannot) {
        lifecycle.lock(roots.writeLock(), cannot);
        roots.writeLock().unlock();
    }
}
