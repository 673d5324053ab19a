package dev.cais.runtime.cgroup;

import dev.cais.InvalidSpecException;
import dev.cais.KernelException;
import dev.cais.Resources;
import dev.cais.UnsupportedHostException;
import dev.cais.linux.Abi;
import dev.cais.linux.Bpf;
import dev.cais.linux.ControlFile;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The directories of one engine, and the containers' below. */
public final class EngineCgroups implements AutoCloseable {
    private static final Pattern CONTAINER = Pattern.compile("[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}");

    /** No container's id. */
    private static final String USUAL_DEVICES = "_usual";

    private final Cgroups host;
    private final String name;
    private final Map<Path, Fd> roots = new LinkedHashMap<>();
    private Optional<Path> unified = Optional.empty();
    private final Map<Controller, Path> v1 = new EnumMap<>(Controller.class);
    private final Set<Controller> onUnified = EnumSet.noneOf(Controller.class);
    private final Map<Controller, String> missing = new EnumMap<>(Controller.class);
    /** Few ask for it, and it costs each group something: given to the directories below when one does. */
    private static final Set<Controller> ON_DEMAND = EnumSet.of(Controller.CPUSET);

    private Optional<Path> devices = Optional.empty();

    EngineCgroups(Cgroups host, String engineId) {
        this.host = host;
        this.name = Cgroups.PREFIX + engineId;
        this.missing.putAll(host.missing());
    }

    static EngineCgroups open(Cgroups host, String engineId) {
        var engine = new EngineCgroups(host, engineId);
        try {
            engine.makeRoots();
            if (host.confinesDevices()) {
                engine.confineDevices();
            }
            return engine;
        } catch (RuntimeException e) {
            try {
                engine.close();
            } catch (RuntimeException undoing) {
                e.addSuppressed(undoing);
            }
            throw e;
        }
    }

    private void makeRoots() {
        if (host.unified().isPresent()) {
            var tree = host.unified().get();
            onUnified.addAll(tree.controllers());
            var usual = EnumSet.copyOf(onUnified.isEmpty() ? EnumSet.noneOf(Controller.class) : onUnified);
            usual.removeAll(ON_DEMAND);
            pass(tree.base(), usual);
            unified = Optional.of(makeRoot(tree.base()));
            pass(unified.get(), usual);
        }
        for (var controller : Controller.values()) {
            var hierarchy = host.v1().get(controller);
            if (hierarchy != null && isNeeded(controller)) {
                v1.put(controller, makeRoot(hierarchy.own()));
            }
        }
    }

    /** v2's tree does what three of v1's controllers are for. */
    private boolean isNeeded(Controller controller) {
        return switch (controller) {
            case MEMORY, CPU, PIDS, CPUSET, IO -> true;
            case CPUACCT, FREEZER -> unified.isEmpty();
            case DEVICES -> false;
        };
    }

    /** Gives controllers to the directories below; those that the kernel will not give are missing from then on. */
    private void pass(Path directory, Set<Controller> controllers) {
        var file = directory.resolve("cgroup.subtree_control");
        var passed = Set.of(ControlFile.read(file).strip().split(" "));
        for (var controller : controllers) {
            if (!passed.contains(controller.toString())) {
                var result = ControlFile.tryWrite(file, "+" + controller);
                if (result < 0) { // for one, EINVAL for cpu while real-time threads are about
                    onUnified.remove(controller);
                    missing.put(controller, directory + " cannot pass it on: " + Errno.of(result));
                }
            }
        }
    }

    /**
     * Makes the engine's directory and locks it: who finds it locked leaves it alone. A sweep may come in between, which removes
     * the directory again, or holds the lock for a moment.
     */
    private Path makeRoot(Path parent) {
        var directory = parent.resolve(name);
        if (roots.containsKey(directory)) {
            return directory; // of another controller in the same hierarchy
        }
        while (true) {
            ControlFile.makeDirectory(directory);
            var fd = ControlFile.openDirectory(directory);
            roots.put(directory, fd);
            long locked;
            do {
                locked = Syscalls.call(Syscall.FLOCK, fd.number(), Abi.LOCK_EX);
            } while (Errno.EINTR.is(locked));
            if (Files.isDirectory(directory)) {
                return directory;
            }
            fd.close();
        }
    }

    private void confineDevices() {
        if (unified.isPresent()) {
            try {
                attach(unified.get(), DeviceRules.DEFAULT);
                return;
            } catch (KernelException e) {
                if (!host.v1().containsKey(Controller.DEVICES)) {
                    throw cannotConfine(String.valueOf(e.getMessage()), e);
                }
            }
        }
        var hierarchy = host.v1().get(Controller.DEVICES);
        if (hierarchy == null) {
            throw cannotConfine("there is no cgroup directory that could", null);
        }
        // v1 gives no group more than the one above has: so those with rules of their own are beside this one
        var usual = makeRoot(hierarchy.own()).resolve(USUAL_DEVICES);
        ControlFile.makeDirectory(usual);
        writeLines(usual, DeviceRules.DEFAULT);
        devices = Optional.of(usual);
    }

    /** On v2 a program of a group's own takes the place of the one above. */
    private static void attach(Path directory, DeviceRules rules) {
        try (var program = Bpf.loadDeviceProgram(rules.program());
                var fd = ControlFile.openDirectory(directory)) {
            Bpf.attachDeviceProgram(fd, program);
        }
    }

    private static void writeLines(Path directory, DeviceRules rules) {
        ControlFile.write(directory.resolve("devices.deny"), "a");
        rules.lines().forEach(line -> ControlFile.write(directory.resolve("devices.allow"), line));
    }

    /** Sets the rules of one container. */
    void confineDevices(Cgroup cgroup, DeviceRules rules) {
        if (devices.isPresent()) {
            writeLines(devices.get().resolveSibling(cgroup.id()), rules);
        } else if (host.confinesDevices()) {
            attach(cgroup.directory().orElseThrow(), rules);
        }
    }

    private static UnsupportedHostException cannotConfine(String why, @Nullable Exception cause) {
        return new UnsupportedHostException(
                "cannot keep containers from the host's disks and other devices: " + why,
                Map.of(),
                "mount cgroup v2 writable for this process, or run it without CAP_MKNOD in a user namespace",
                cause);
    }

    /**
     * Makes a container's group with its limits, before any process is in it.
     *
     * @param containerId unique in the engine; letters, digits, and {@code _.-} inside
     * @param devices what it may do with them
     * @param strict whether a limit that this host cannot set is an error, and no warning
     * @throws UnsupportedHostException if it is; nothing is left then
     * @throws KernelException if the kernel refuses a limit; nothing is left then
     */
    public Cgroup create(String containerId, Resources resources, DeviceRules devices, boolean strict) {
        if (!CONTAINER.matcher(containerId).matches()) {
            throw new IllegalArgumentException("not a container's id: " + containerId);
        }
        var needed = needed(resources);
        var places = new EnumMap<Controller, Path>(Controller.class);
        v1.forEach((controller, root) -> {
            var wanted = switch (controller) {
                case CPU, PIDS, CPUSET -> needed.contains(controller);
                default -> true; // for its figures
            };
            if (wanted) {
                places.put(controller, root.resolve(containerId));
            }
        });
        var cgroup = new Cgroup(
                this,
                containerId,
                strict,
                unified.map(root -> root.resolve(containerId)),
                places,
                this.devices.map(
                        usual -> devices.equals(DeviceRules.DEFAULT) ? usual : usual.resolveSibling(containerId)));
        cgroup.create(resources, devices);
        return cgroup;
    }

    /** The controllers that have a limit. */
    Set<Controller> needed(Resources resources) {
        var needed = EnumSet.noneOf(Controller.class);
        if (!resources.equals(Resources.UNLIMITED)) {
            Setting.all(resources, onV1()).stream()
                    .filter(setting -> !setting.isUsual())
                    .forEach(setting -> needed.add(setting.controller()));
        }
        return needed;
    }

    Set<Controller> onV1() {
        return v1.keySet();
    }

    /** Where a container's directory is, if the controller is one of v1's. */
    Optional<Path> placeOnV1(Controller controller, String containerId) {
        return Optional.ofNullable(v1.get(controller)).map(root -> root.resolve(containerId));
    }

    /** Where processes are in a hierarchy of v1 in which they have no directory. */
    Path ownOnV1(Controller controller) {
        return Objects.requireNonNull(host.v1().get(controller)).own();
    }

    /** Whether a controller of v2 is given to the containers' directories, from now on. */
    boolean passes(Controller controller) {
        if (ON_DEMAND.contains(controller)) {
            synchronized (onUnified) {
                host.unified().ifPresent(tree -> {
                    pass(tree.base(), EnumSet.of(controller));
                    unified.ifPresent(root -> pass(root, EnumSet.of(controller)));
                });
            }
        }
        return onUnified.contains(controller);
    }

    /**
     * v2 takes any processors and memory nodes, and uses others if it has none of them; v1 refuses without saying why.
     *
     * @throws InvalidSpecException if the machine, or the group above, does not have them
     */
    void requireSets(Resources resources) {
        requireSet("cpuset", "cpus", resources.cpuset());
        requireSet("memory nodes", "mems", resources.memoryNodes());
    }

    private void requireSet(String what, String file, String wanted) {
        if (wanted.isEmpty() || !controllers().contains(Controller.CPUSET)) {
            return;
        }
        var hierarchy = host.v1().get(Controller.CPUSET);
        var available = ControlFile.read(
                        hierarchy != null
                                ? hierarchy.own().resolve("cpuset." + file)
                                : host.unified().orElseThrow().base().resolve("cpuset." + file + ".effective"))
                .strip();
        if (!members(available).containsAll(members(wanted))) {
            throw new InvalidSpecException(
                    "cannot use " + what + " " + wanted + ": only " + available + " can be used here");
        }
    }

    private static Set<Integer> members(String list) {
        var members = new TreeSet<Integer>();
        for (var range : list.split(",", -1)) {
            var ends = range.split("-", 2);
            var last = Integer.parseInt(ends[ends.length - 1]);
            for (var member = Integer.parseInt(ends[0]); member <= last; member++) {
                members.add(member);
            }
        }
        return members;
    }

    String whyMissing(Controller controller) {
        return missing.getOrDefault(controller, "this host does not offer it");
    }

    /** Those that limits and figures can be had of. */
    public Set<Controller> controllers() {
        var controllers = EnumSet.noneOf(Controller.class);
        controllers.addAll(onUnified);
        controllers.addAll(host.v1().keySet());
        return controllers;
    }

    /** Why others cannot be used: half a sentence each. */
    public Map<Controller, String> missing() {
        return Collections.unmodifiableMap(missing);
    }

    Set<Controller> onUnified() {
        return onUnified;
    }

    /** For a message on something that needs the controller. */
    UnsupportedHostException lacks(String what, Controller controller) {
        return new UnsupportedHostException(
                what + ": the " + controller + " controller cannot be used, since " + whyMissing(controller),
                helpForMissing());
    }

    String helpForMissing() {
        return host.version() == Cgroups.Version.V2
                ? "run the program in a delegated cgroup, as systemd-run --user --scope -p Delegate=yes gives it,"
                        + " or as root"
                : "run the program as root on a host that mounts it";
    }

    /** The engine's own directories; whoever cleans up after it removes what is below them and then them. */
    public List<Path> roots() {
        return List.copyOf(roots.keySet());
    }

    /** Kills and removes what is left of the containers, then the engine's directories. Idempotent. */
    @Override
    public void close() {
        var failures = new ArrayList<RuntimeException>();
        roots.forEach((directory, lock) -> {
            try {
                if (lock.isOpen()) {
                    CgroupTree.killAndRemove(directory);
                }
            } catch (RuntimeException e) {
                failures.add(e);
            } finally {
                lock.close();
            }
        });
        if (!failures.isEmpty()) {
            var first = failures.get(0);
            failures.stream().skip(1).forEach(first::addSuppressed);
            throw first;
        }
    }
}
