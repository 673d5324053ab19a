package dev.cais.runtime.cgroup;

import dev.cais.ConflictException;
import dev.cais.KernelException;
import dev.cais.Resources;
import dev.cais.UnsupportedHostException;
import dev.cais.Warning;
import dev.cais.linux.ControlFile;
import dev.cais.linux.Errno;
import dev.cais.linux.Syscall;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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
    private final EngineCgroups engine;
    private final String id;
    private final Limits limits;
    private final Optional<Path> directory;
    private final Optional<Path> devices;
    /** Replaced as a whole when an update makes a directory. */
    private volatile Map<Controller, Path> v1;

    /** @param devices directory of v1 that holds the device rules, if v2's tree does not */
    Cgroup(
            EngineCgroups engine,
            String id,
            boolean strict,
            Optional<Path> directory,
            Map<Controller, Path> v1,
            Optional<Path> devices) {
        this.engine = engine;
        this.id = id;
        this.limits = new Limits(this, engine, strict);
        this.directory = directory;
        this.v1 = Collections.unmodifiableMap(new EnumMap<>(v1));
        this.devices = devices;
    }

    /** Makes the directories and writes the limits; after a failure nothing is left. */
    void create(Resources wanted, DeviceRules rules) {
        var made = new ArrayList<Path>();
        try {
            for (var place : directories()) {
                ControlFile.makeDirectory(place);
                made.add(place);
            }
            if (v1.containsKey(Controller.CPUSET)) {
                inheritSets(placeOf(Controller.CPUSET));
            }
            if (!rules.equals(DeviceRules.DEFAULT)) {
                engine.confineDevices(this, rules);
            }
            limits.apply(wanted);
        } catch (RuntimeException e) {
            try {
                made.forEach(CgroupTree::remove); // and not one that stood there before
            } catch (RuntimeException undoing) {
                e.addSuppressed(undoing);
            }
            throw e;
        }
    }

    /**
     * Changes limits, of processes that run, too. Half-made changes are undone.
     *
     * @throws dev.cais.InvalidSpecException if the machine has no such processors, memory nodes or devices
     * @throws ConflictException if more is in use than would be allowed
     * @throws UnsupportedHostException if the group is strict and the host cannot set a limit
     * @throws KernelException if the kernel refuses for another reason
     */
    public synchronized void update(Resources changed) {
        var entered = new EnumMap<Controller, Path>(Controller.class);
        try {
            for (var controller : engine.needed(changed)) {
                var place = engine.placeOnV1(controller, id);
                if (place.isPresent() && !v1.containsKey(controller)) {
                    entered.put(controller, place.get());
                    enter(controller, place.get());
                }
            }
            limits.apply(changed);
        } catch (RuntimeException e) {
            try {
                entered.forEach(this::leave);
            } catch (RuntimeException undoing) {
                e.addSuppressed(undoing);
            }
            throw e;
        }
    }

    /** Makes a directory in a hierarchy of v1, and moves all there that runs. */
    private void enter(Controller controller, Path place) {
        if (!Files.isDirectory(place)) {
            ControlFile.makeDirectory(place); // another controller of the hierarchy may have made it
        }
        if (controller == Controller.CPUSET) {
            inheritSets(place);
        }
        var more = new EnumMap<Controller, Path>(v1);
        more.put(controller, place);
        v1 = Collections.unmodifiableMap(more);
        move(place);
    }

    private void leave(Controller controller, Path place) {
        var fewer = new EnumMap<Controller, Path>(v1);
        fewer.remove(controller);
        v1 = Collections.unmodifiableMap(fewer);
        if (fewer.containsValue(place)) {
            return; // another controller of the hierarchy, which stays
        }
        move(engine.ownOnV1(controller));
        CgroupTree.remove(place);
    }

    /** Until nobody is elsewhere: whoever is moved may just have forked. */
    private void move(Path place) {
        var procs = place.resolve("cgroup.procs");
        var pause = new CgroupTree.Pause();
        while (true) {
            var outside = new ArrayList<>(processes());
            ControlFile.read(procs).lines().map(Integer::valueOf).forEach(outside::remove);
            if (outside.isEmpty()) {
                return;
            }
            for (var process : outside) {
                var result = ControlFile.tryWrite(procs, String.valueOf(process));
                if (result < 0 && !Errno.ESRCH.is(result)) {
                    throw Errno.of(result).exception("cannot move a process to " + place, Syscall.WRITE);
                }
            }
            if (!pause.sleep()) {
                throw Errno.ETIMEDOUT.exception("cannot move all processes to " + place, Syscall.WRITE);
            }
        }
    }

    /** A group of v1's cpuset takes no process before it has both sets. */
    private static void inheritSets(Path place) {
        var above = Objects.requireNonNull(place.getParent());
        for (var file : List.of("cpuset.cpus", "cpuset.mems")) {
            if (ControlFile.read(above.resolve(file)).isBlank()) {
                inheritSets(above);
            }
            ControlFile.write(
                    place.resolve(file), ControlFile.read(above.resolve(file)).strip());
        }
    }

    /** What it may use. */
    public Resources resources() {
        return limits.resources();
    }

    /** What was asked for and the host cannot do; always empty for a strict group. */
    public List<Warning> warnings() {
        return limits.warnings();
    }

    Path unified(String file) {
        return directory.orElseThrow().resolve(file);
    }

    public String id() {
        return id;
    }

    /** Files of v1 that a process with one thread writes {@code 0} to, in this order, to enter; empty on v2. */
    public List<Path> taskFiles() {
        var files = new LinkedHashSet<Path>();
        devices.ifPresent(place -> files.add(place.resolve("tasks")));
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
        devices.filter(place -> place.endsWith(id)).ifPresent(directories::add);
        return List.copyOf(directories);
    }

    /** Whether there is any: a user without privileges may have no place for one. */
    public boolean isThere() {
        return directory.isPresent() || !v1.isEmpty();
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

    /** Threads, those of groups below included; 0 if there is no group. */
    long threads() {
        return directories().stream().findFirst().map(CgroupTree::threads).orElse(0L);
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
                try {
                    CgroupTree.killListed(freezer);
                } finally {
                    thaw();
                }
            } catch (KernelException e) {
                if (!isGone(e)) {
                    CgroupTree.kill(
                            freezer); // they do not all stand still in time: who forks is found at the next look
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

    /**
     * Makes a group of its own within, for a process beside the first and all that it will begin, so that they can be killed
     * together. What it uses counts for the whole. Where the container has no group, there is none within.
     *
     * @param name that none of its others has
     */
    public CgroupBranch branch(String name) {
        if (directory.isPresent()) {
            var place = unified(name);
            ControlFile.makeDirectory(place);
            return new CgroupBranch(Optional.of(place), Optional.of(place), taskFiles());
        }
        if (!isThere()) {
            return new CgroupBranch(Optional.empty(), Optional.empty(), List.of());
        }
        var home = v1.containsKey(Controller.FREEZER) ? Controller.FREEZER : Controller.MEMORY;
        var above = v1.get(home);
        if (above == null) {
            throw engine.lacks("cannot keep processes of " + id + " apart", home);
        }
        var place = above.resolve(name);
        ControlFile.makeDirectory(place);
        var tasks = taskFiles().stream()
                .map(file -> file.equals(above.resolve("tasks")) ? place.resolve("tasks") : file)
                .toList();
        return new CgroupBranch(Optional.empty(), Optional.of(place), tasks);
    }

    private Path placeOf(Controller controller) {
        return Objects.requireNonNull(v1.get(controller));
    }

    static long number(Path file) {
        return Long.parseLong(ControlFile.read(file).strip());
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
