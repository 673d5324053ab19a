package dev.cais.runtime.cgroup;

import dev.cais.KernelException;
import dev.cais.UnsupportedHostException;
import dev.cais.linux.ControlFile;
import dev.cais.linux.Errno;
import dev.cais.linux.Syscall;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One container's group: a directory in v2's tree, and one in each hierarchy of v1 that it has a limit or figures in.
 *
 * <p>A process enters by itself as it starts: it is cloned into {@link #directory()} (clone3(2), {@code CLONE_INTO_CGROUP}), if there
 * is one, and writes {@code 0} to each of {@link #taskFiles()} while it has one thread. On a hybrid host there are both. (Any other
 * way, a write to {@code cgroup.procs} above all, waits milliseconds for the kernel to be sure that no thread is being made.) It
 * must be inside before it makes its cgroup namespace.
 */
public final class Cgroup {
    /** cpu.cfs_period_us, the kernel's default. */
    static final long PERIOD_MICROS = 100_000;

    private final EngineCgroups engine;
    private final String id;
    private final Limits limits;
    private final Optional<Path> directory;
    private final Map<Controller, Path> v1;
    private final Collection<Path> shared;

    /** @param shared directories of v1 that all containers of the engine are in */
    private Cgroup(
            EngineCgroups engine,
            String id,
            Limits limits,
            Optional<Path> directory,
            Map<Controller, Path> v1,
            Collection<Path> shared) {
        this.engine = engine;
        this.id = id;
        this.limits = limits;
        this.directory = directory;
        this.v1 = v1;
        this.shared = shared;
    }

    /** Makes the directories and writes the limits; after a failure nothing is left. */
    static Cgroup create(
            EngineCgroups engine,
            String id,
            Limits limits,
            Optional<Path> directory,
            Map<Controller, Path> v1,
            Collection<Path> shared) {
        var cgroup = new Cgroup(engine, id, limits, directory, new EnumMap<>(v1), List.copyOf(shared));
        var made = new ArrayList<Path>();
        try {
            for (var place : cgroup.directories()) {
                ControlFile.makeDirectory(place);
                made.add(place);
            }
            cgroup.writeLimits();
            return cgroup;
        } catch (RuntimeException e) {
            try {
                made.forEach(CgroupTree::remove); // and not one that stood there before
            } catch (RuntimeException undoing) {
                e.addSuppressed(undoing);
            }
            throw e;
        }
    }

    private void writeLimits() {
        if (!limits.memory().isUnlimited()) {
            limitMemory(limits.memory().bytes());
        }
        if (limits.cpus() > 0) {
            var quota = Math.round(limits.cpus() * PERIOD_MICROS);
            var place = v1.get(Controller.CPU);
            if (place != null) {
                ControlFile.write(place.resolve("cpu.cfs_quota_us"), String.valueOf(quota));
            } else {
                ControlFile.write(unified("cpu.max"), quota + " " + PERIOD_MICROS);
            }
        }
        if (limits.pids() > 0) {
            var place = v1.get(Controller.PIDS);
            ControlFile.write(
                    place != null ? place.resolve("pids.max") : unified("pids.max"), String.valueOf(limits.pids()));
        }
    }

    /** Swap counts too: there is none beyond the limit. Where the kernel does not count it, it is not used. */
    private void limitMemory(long bytes) {
        var place = v1.get(Controller.MEMORY);
        if (place != null) {
            ControlFile.write(place.resolve("memory.limit_in_bytes"), String.valueOf(bytes));
            var both = ControlFile.tryWrite(place.resolve("memory.memsw.limit_in_bytes"), String.valueOf(bytes));
            if (both < 0) {
                ControlFile.write(place.resolve("memory.swappiness"), "0");
            }
            return;
        }
        ControlFile.write(unified("memory.max"), String.valueOf(bytes));
        var swap = ControlFile.tryWrite(unified("memory.swap.max"), "0");
        if (swap < 0 && ControlFile.read(Path.of("/proc/swaps")).lines().count() > 1) {
            throw new UnsupportedHostException(
                    "cannot limit memory to " + limits.memory()
                            + ": the kernel does not count swap, and swap is in use",
                    "start the kernel with swapaccount=1, or turn swap off");
        }
    }

    private Path unified(String file) {
        return directory.orElseThrow().resolve(file);
    }

    public String id() {
        return id;
    }

    /** Files of v1 that a process with one thread writes {@code 0} to, in this order, to enter; empty on v2. */
    public List<Path> taskFiles() {
        var files = new LinkedHashSet<Path>();
        shared.forEach(place -> files.add(place.resolve("tasks")));
        v1.values().forEach(place -> files.add(place.resolve("tasks")));
        return List.copyOf(files);
    }

    /** The directory in v2's tree that a process is cloned into; empty where v2 is not mounted. */
    public Optional<Path> directory() {
        return directory;
    }

    /** This container's own directories, for whoever removes them if this process cannot. */
    public List<Path> directories() {
        var directories = new LinkedHashSet<Path>();
        directory.ifPresent(directories::add);
        directories.addAll(v1.values()); // one hierarchy may have two controllers
        return List.copyOf(directories);
    }

    /** This container's directory in the hierarchy of v1 that has the controller. */
    Optional<Path> placeOnV1(Controller controller) {
        return Optional.ofNullable(v1.get(controller));
    }

    /** Whether the directory in v2's tree has the controller. */
    boolean isOnV2(Controller controller) {
        return directory.isPresent() && engine.onUnified().contains(controller);
    }

    /** For a message on something that needs the controller. */
    UnsupportedHostException lacks(String what, Controller controller) {
        return engine.lacks(what, controller);
    }

    /** Whether the kernel killed a process of the container for want of memory; false if the group is gone. */
    public boolean oomKilled() {
        var place = v1.get(Controller.MEMORY);
        if (place == null && !isOnV2(Controller.MEMORY)) {
            return false;
        }
        try {
            return field(
                            ControlFile.read(
                                    place != null ? place.resolve("memory.oom_control") : unified("memory.events")),
                            "oom_kill")
                    > 0;
        } catch (KernelException e) {
            if (isGone(e)) {
                return false;
            }
            throw e;
        }
    }

    private static boolean isGone(KernelException e) {
        var errno = Errno.of(e.errno());
        return errno == Errno.ENOENT || errno == Errno.ENODEV;
    }

    /** Ids, as this process sees them, of all processes in the group and in groups made below it, ascending. */
    public List<Integer> processes() {
        return directories().stream()
                .findFirst()
                .map(place -> List.copyOf(CgroupTree.processes(place)))
                .orElse(List.of());
    }

    /**
     * Stops all processes where they are, and later ones too; returns when they have stopped.
     *
     * @throws UnsupportedHostException if the host has no means for it
     */
    public void freeze() {
        if (directory.isPresent()) {
            ControlFile.write(unified("cgroup.freeze"), "1");
            awaitField(unified("cgroup.events"), "frozen 1");
        } else {
            ControlFile.write(freezer(), "FROZEN");
            awaitField(freezer(), "FROZEN");
        }
    }

    /** The opposite of {@link #freeze}. */
    public void thaw() {
        if (directory.isPresent()) {
            ControlFile.write(unified("cgroup.freeze"), "0");
        } else {
            ControlFile.write(freezer(), "THAWED");
        }
    }

    private Path freezer() {
        var place = v1.get(Controller.FREEZER);
        if (place == null) {
            throw engine.lacks("cannot pause " + id, Controller.FREEZER);
        }
        return place.resolve("freezer.state");
    }

    private void awaitField(Path file, String line) {
        var pause = new CgroupTree.Pause();
        while (ControlFile.read(file).lines().noneMatch(line::equals)) {
            if (!pause.sleep()) {
                thaw();
                throw Errno.ETIMEDOUT.exception("cannot pause " + id, Syscall.WRITE);
            }
        }
    }

    /** Kills all processes, frozen ones too, none escaping by forking; returns before they are all gone. */
    public void killAll() {
        if (directory.isPresent()) {
            var result = ControlFile.tryWrite(unified("cgroup.kill"), "1");
            if (result < 0 && !Errno.ENOENT.is(result) && !Errno.ENODEV.is(result)) {
                throw Errno.of(result).exception("cannot kill the processes of " + id, Syscall.WRITE);
            }
            return;
        }
        var freezer = v1.get(Controller.FREEZER);
        if (freezer != null) {
            try {
                freeze(); // so that nobody forks while the list is read
                CgroupTree.killListed(freezer);
                thaw();
            } catch (KernelException e) {
                if (!isGone(e)) {
                    throw e;
                }
            }
        } else {
            directories().stream().findFirst().ifPresent(CgroupTree::kill);
        }
    }

    /**
     * Removes the directories, those made inside the container included. Its processes must have been killed; their last moments
     * are waited for. Idempotent.
     *
     * @throws KernelException {@code EBUSY} if processes are in it after ten seconds
     */
    public void remove() {
        directories().forEach(CgroupTree::remove);
    }

    /** The number behind a name in a file of lines {@code name number}; 0 if it is not there. */
    static long field(String text, String name) {
        var key = name + " ";
        var at = text.startsWith(key) ? 0 : text.indexOf("\n" + key) + 1;
        if (at == 0 && !text.startsWith(key)) {
            return 0;
        }
        var end = text.indexOf('\n', at);
        return Long.parseLong(
                text.substring(at + key.length(), end < 0 ? text.length() : end).strip());
    }

    @Override
    public String toString() {
        return "Cgroup[" + id + "]";
    }
}
