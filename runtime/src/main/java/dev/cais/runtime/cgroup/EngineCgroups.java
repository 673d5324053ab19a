package dev.cais.runtime.cgroup;

import dev.cais.KernelException;
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
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The directories of one engine, and the containers' below. */
public final class EngineCgroups implements AutoCloseable {
    private static final Pattern CONTAINER = Pattern.compile("[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}");

    private final Cgroups host;
    private final String name;
    private final Map<Path, Fd> roots = new LinkedHashMap<>();
    private Optional<Path> unified = Optional.empty();
    private final Map<Controller, Path> v1 = new EnumMap<>(Controller.class);
    private final Set<Controller> onUnified = EnumSet.noneOf(Controller.class);
    private final Map<Controller, String> missing = new EnumMap<>(Controller.class);
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
            pass(tree.base());
            unified = Optional.of(makeRoot(tree.base()));
            pass(unified.get());
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
            case MEMORY, CPU, PIDS -> true;
            case CPUACCT, FREEZER -> unified.isEmpty();
            case DEVICES, IO -> false;
        };
    }

    /** Gives controllers to the directories below; those that the kernel will not give are missing from then on. */
    private void pass(Path directory) {
        var file = directory.resolve("cgroup.subtree_control");
        var passed = Set.of(ControlFile.read(file).strip().split(" "));
        for (var controller : List.copyOf(onUnified)) {
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
            try (var program = Bpf.loadDeviceProgram(DeviceRules.program());
                    var directory = ControlFile.openDirectory(unified.get())) {
                Bpf.attachDeviceProgram(directory, program);
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
        var directory = makeRoot(hierarchy.own());
        ControlFile.write(directory.resolve("devices.deny"), "a");
        DeviceRules.lines().forEach(line -> ControlFile.write(directory.resolve("devices.allow"), line));
        devices = Optional.of(directory);
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
     * @throws UnsupportedHostException if a limit is asked for that this host cannot set; nothing is left then
     * @throws KernelException if the kernel refuses a limit; nothing is left then
     */
    public Cgroup create(String containerId, Limits limits) {
        if (!CONTAINER.matcher(containerId).matches()) {
            throw new IllegalArgumentException("not a container's id: " + containerId);
        }
        require(!limits.memory().isUnlimited(), "cannot limit memory to " + limits.memory(), Controller.MEMORY);
        require(limits.cpus() > 0, "cannot limit processors to " + limits.cpus(), Controller.CPU);
        require(limits.pids() > 0, "cannot limit processes to " + limits.pids(), Controller.PIDS);
        var places = new EnumMap<Controller, Path>(Controller.class);
        v1.forEach((controller, root) -> {
            var wanted = switch (controller) {
                case CPU -> limits.cpus() > 0;
                case PIDS -> limits.pids() > 0;
                default -> true; // for its figures
            };
            if (wanted) {
                places.put(controller, root.resolve(containerId));
            }
        });
        return Cgroup.create(
                this,
                containerId,
                limits,
                unified.map(root -> root.resolve(containerId)),
                places,
                devices.stream().toList());
    }

    private void require(boolean wanted, String what, Controller controller) {
        if (wanted && !controllers().contains(controller)) {
            throw lacks(what, controller);
        }
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
                what + ": the " + controller + " controller cannot be used, since "
                        + missing.getOrDefault(controller, "this host does not offer it"),
                host.version() == Cgroups.Version.V2
                        ? "run the program in a delegated cgroup, as systemd-run --user --scope -p Delegate=yes gives it,"
                                + " or as root"
                        : "run the program as root on a host that mounts it");
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
