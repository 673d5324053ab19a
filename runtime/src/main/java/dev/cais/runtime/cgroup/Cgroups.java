package dev.cais.runtime.cgroup;

import dev.cais.KernelException;
import dev.cais.UnsupportedHostException;
import dev.cais.linux.Abi;
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
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What this host offers of control groups to this process.
 *
 * <p>Each controller has one home: a hierarchy of v1, or v2's one tree. Where v2's tree is mounted beside v1's (<i>hybrid</i>),
 * containers have a directory there too: it counts processor time, freezes and kills, and holds the device program, none of which
 * needs a controller.
 */
public final class Cgroups {
    /** Which interface the controllers are on. */
    public enum Version {
        V1,
        V2;

        /** {@code v1} or {@code v2}. */
        @Override
        public String toString() {
            return this == V1 ? "v1" : "v2";
        }
    }

    static final String PREFIX = "cais-";
    private static final Logger LOG = LoggerFactory.getLogger(Cgroups.class);
    private static final Pattern ENGINE = Pattern.compile(PREFIX + "([0-9a-f]{12})");
    /** What decides on a place: a user is seldom given the others. */
    private static final Set<Controller> FIRST = EnumSet.of(Controller.MEMORY, Controller.CPU, Controller.PIDS);

    private static final Set<Controller> OF_V2 =
            EnumSet.of(Controller.MEMORY, Controller.CPU, Controller.PIDS, Controller.CPUSET, Controller.IO);

    /** The tree of v2, with the directory that takes the engine's. */
    record Unified(Hierarchy hierarchy, Path base, Set<Controller> controllers) {}

    private final Optional<Unified> unified;
    private final Map<Controller, Hierarchy> v1;
    private final Map<Controller, String> missing;
    private final boolean confinesDevices;
    private final Version version;

    private Cgroups(
            Version version,
            Optional<Unified> unified,
            Map<Controller, Hierarchy> v1,
            Map<Controller, String> missing,
            boolean confinesDevices) {
        this.version = version;
        this.unified = unified;
        this.v1 = v1;
        this.missing = missing;
        this.confinesDevices = confinesDevices;
    }

    /** Reads /proc/self/mountinfo and /proc/self/cgroup, and looks at the directories that could take the engine's. */
    public static Cgroups detect() {
        // Only the first user namespace's root can use device nodes that its containers make.
        var map = ControlFile.read(Path.of("/proc/self/uid_map")).strip().split("\\s+");
        var root = Syscalls.call(Syscall.GETEUID) == 0;
        return detect(
                ControlFile.read(Path.of("/proc/self/mountinfo")),
                ControlFile.read(Path.of("/proc/self/cgroup")),
                root,
                root && map.length == 3 && map[2].equals("4294967295"));
    }

    static Cgroups detect(String mountinfo, String membership, boolean root, boolean confinesDevices) {
        var v1 = new EnumMap<Controller, Hierarchy>(Controller.class);
        var missing = new EnumMap<Controller, String>(Controller.class);
        Optional<Hierarchy> tree = Optional.empty();
        for (var hierarchy : Hierarchy.parse(mountinfo, membership)) {
            if (hierarchy.unified()) {
                tree = Optional.of(hierarchy);
                continue;
            }
            for (var controller : Controller.values()) {
                if (hierarchy.controllers().contains(controller.onV1())) {
                    if (canMakeIn(hierarchy, hierarchy.own())) {
                        v1.put(controller, hierarchy);
                    } else {
                        missing.put(controller, cannotMakeIn(hierarchy, hierarchy.own()));
                    }
                }
            }
        }
        var onV1 = EnumSet.noneOf(Controller.class);
        onV1.addAll(v1.keySet());
        onV1.addAll(missing.keySet());
        var unified = tree.flatMap(hierarchy -> place(hierarchy, root, onV1, missing));
        for (var controller : OF_V2) {
            var present = v1.containsKey(controller)
                    || unified.isPresent() && unified.get().controllers().contains(controller);
            if (!present) {
                missing.putIfAbsent(
                        controller,
                        tree.isPresent() ? "the kernel does not offer it" : "no cgroup file system is mounted");
            }
        }
        if (unified.isEmpty()) {
            for (var controller : List.of(Controller.CPUACCT, Controller.FREEZER)) {
                if (!v1.containsKey(controller) && tree.isPresent()) {
                    missing.putIfAbsent(
                            controller, cannotMakeIn(tree.get(), tree.get().own()));
                }
            }
        }
        var version = onV1.isEmpty() && tree.isPresent() ? Version.V2 : Version.V1;
        return new Cgroups(version, unified, v1, missing, confinesDevices);
    }

    private static boolean canMakeIn(Hierarchy hierarchy, Path directory) {
        return !hierarchy.readOnly() && Files.isWritable(directory);
    }

    private static String cannotMakeIn(Hierarchy hierarchy, Path directory) {
        return hierarchy.readOnly() ? hierarchy.mount() + " is mounted read-only" : directory + " is not ours to write";
    }

    /**
     * Finds the directory of v2 below which most of the controllers can be had: for root the top, else the nearest at or above our
     * own that is ours. One with processes in it cannot give controllers to those below, unless it is the real top.
     */
    private static Optional<Unified> place(
            Hierarchy tree, boolean root, Set<Controller> onV1, Map<Controller, String> missing) {
        var candidates = new LinkedHashSet<Path>();
        var wanted = EnumSet.copyOf(OF_V2);
        wanted.removeAll(onV1);
        if (root && !wanted.isEmpty()) {
            candidates.add(tree.mount());
        }
        candidates.addAll(tree.ownAndAbove());
        Optional<Unified> best = Optional.empty();
        for (var directory : candidates) {
            if (!canMakeIn(tree, directory) || !Files.isWritable(directory.resolve("cgroup.procs"))) {
                continue;
            }
            var controllers = controllersBelow(directory, wanted);
            var found = first(controllers);
            if (best.isEmpty() || found.size() > first(best.get().controllers()).size()) {
                best = Optional.of(new Unified(tree, directory, controllers));
            }
            if (found.equals(first(wanted))) {
                break;
            }
        }
        for (var controller : wanted) {
            if (best.isEmpty()) {
                missing.put(controller, cannotMakeIn(tree, tree.own()));
            } else if (!best.get().controllers().contains(controller)) {
                var base = best.get().base();
                missing.put(
                        controller,
                        words(base.resolve("cgroup.controllers")).contains(controller.toString())
                                ? base + " has processes in it, so it cannot pass the controller on"
                                : "it is not delegated to " + base);
            }
        }
        return best;
    }

    private static Set<Controller> first(Set<Controller> controllers) {
        var first = EnumSet.copyOf(FIRST);
        first.retainAll(controllers);
        return first;
    }

    private static Set<Controller> controllersBelow(Path directory, Set<Controller> wanted) {
        var offered = words(directory.resolve("cgroup.controllers"));
        var passed = words(directory.resolve("cgroup.subtree_control"));
        var top = !Files.exists(directory.resolve("cgroup.type"));
        var canPass = (top || words(directory.resolve("cgroup.procs")).isEmpty())
                && Files.isWritable(directory.resolve("cgroup.subtree_control"));
        var controllers = EnumSet.noneOf(Controller.class);
        for (var controller : wanted) {
            if (passed.contains(controller.toString()) || canPass && offered.contains(controller.toString())) {
                controllers.add(controller);
            }
        }
        return controllers;
    }

    private static Set<String> words(Path file) {
        try {
            var text = ControlFile.read(file).strip();
            return text.isEmpty() ? Set.of() : Set.of(text.split("\\s+"));
        } catch (KernelException e) {
            return Set.of();
        }
    }

    public Version version() {
        return version;
    }

    /** Those that limits and figures can be had of. */
    public Set<Controller> controllers() {
        var controllers = EnumSet.noneOf(Controller.class);
        controllers.addAll(v1.keySet());
        unified.ifPresent(tree -> controllers.addAll(tree.controllers()));
        return controllers;
    }

    /** Why others cannot be used: half a sentence each. */
    public Map<Controller, String> missing() {
        return Collections.unmodifiableMap(missing);
    }

    Optional<Unified> unified() {
        return unified;
    }

    Map<Controller, Hierarchy> v1() {
        return Collections.unmodifiableMap(v1);
    }

    /** Whether containers could make device nodes and use them. */
    boolean confinesDevices() {
        return confinesDevices;
    }

    /**
     * Makes the engine's own directories, {@code cais-ENGINE}, and sets the device rules. Where a user without privileges has no
     * place for a directory, there are none, and limits and figures are refused.
     *
     * @param engineId 12 hexadecimal digits
     * @throws UnsupportedHostException if devices cannot be confined although containers could make device nodes
     * @throws KernelException if the kernel refuses something else
     */
    public EngineCgroups open(String engineId) {
        if (!ENGINE.matcher(PREFIX + engineId).matches()) {
            throw new IllegalArgumentException("not an engine's id: " + engineId);
        }
        return EngineCgroups.open(this, engineId);
    }

    /**
     * Removes what engines left that are no more: kills what is inside and removes the directories. An engine whose JVM lives is
     * left alone in any case, since it holds a lock on its directories.
     *
     * @param engineAlive told the id of an engine, says whether it still lives
     * @return the ids of the engines whose directories are gone; what cannot be removed is logged, and other users' are left alone
     */
    public Set<String> sweep(Predicate<String> engineAlive) {
        var left = new LinkedHashMap<String, List<Path>>();
        for (var directory : engineDirectories()) {
            var engine = ENGINE.matcher(directory.getFileName().toString());
            if (engine.matches()) {
                left.computeIfAbsent(engine.group(1), key -> new ArrayList<>()).add(directory);
            }
        }
        var swept = new TreeSet<String>();
        left.forEach((engine, directories) -> {
            if (engineAlive.test(engine) || directories.stream().anyMatch(Cgroups::isLocked)) {
                return;
            }
            try {
                directories.forEach(CgroupTree::killAndRemove);
                swept.add(engine);
            } catch (KernelException e) {
                LOG.warn("{}; the next engine that opens will try again", e.getMessage());
            }
        });
        return swept;
    }

    /** In all places where an engine started from anywhere near may have made its directories: up to the top, and one beside. */
    private Set<Path> engineDirectories() {
        var hierarchies = new LinkedHashSet<>(v1.values());
        unified.ifPresent(tree -> hierarchies.add(tree.hierarchy()));
        var found = new LinkedHashSet<Path>();
        for (var hierarchy : hierarchies) {
            for (var above : hierarchy.ownAndAbove()) {
                for (var child : CgroupTree.children(above)) {
                    if (isEngines(child)) {
                        found.add(child);
                    } else {
                        CgroupTree.children(child).stream()
                                .filter(Cgroups::isEngines)
                                .forEach(found::add);
                    }
                }
            }
        }
        return found;
    }

    private static boolean isEngines(Path directory) {
        return ENGINE.matcher(directory.getFileName().toString()).matches() && Files.isWritable(directory);
    }

    private static boolean isLocked(Path directory) {
        try (var fd = ControlFile.openDirectory(directory)) {
            return !lock(fd);
        } catch (KernelException e) {
            return Errno.of(e.errno()) != Errno.ENOENT;
        }
    }

    /** Takes the lock that says that an engine lives; false if another has it. */
    static boolean lock(Fd directory) {
        return Syscalls.call(Syscall.FLOCK, directory.number(), Abi.LOCK_EX | Abi.LOCK_NB) == 0;
    }

    @Override
    public String toString() {
        return "Cgroups[" + version() + ", " + controllers() + "]";
    }
}
