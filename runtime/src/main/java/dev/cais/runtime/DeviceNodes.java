package dev.cais.runtime;

import dev.cais.Device;
import dev.cais.InvalidSpecException;
import dev.cais.NotFoundException;
import dev.cais.Security;
import dev.cais.StorageException;
import dev.cais.linux.Abi;
import dev.cais.runtime.cgroup.DeviceRules;
import dev.cais.runtime.launch.Arg;
import dev.cais.runtime.launch.LaunchBuilder;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * The device nodes of the host that a container gets, as they were when they were looked up.
 *
 * @param rules what it may do with devices beside what all may
 */
record DeviceNodes(List<Node> nodes, DeviceRules rules) {
    static final DeviceNodes NONE = new DeviceNodes(List.of(), DeviceRules.DEFAULT);

    /** What each container has of its own kind there, or what is no device that can be shared. */
    private static final Set<String> OWN = Set.of(
            "/dev/pts",
            "/dev/shm",
            "/dev/mqueue",
            "/dev/fd",
            "/dev/console",
            "/dev/null",
            "/dev/zero",
            "/dev/full",
            "/dev/random",
            "/dev/urandom",
            "/dev/tty",
            "/dev/ptmx");

    private static final int MOST = 4096;

    /** A process may have 1024 files open. */
    private static final int MOST_BORROWED = 500;

    /**
     * One node.
     *
     * @param host path of the host
     * @param path in the container
     * @param mode type and permissions
     */
    record Node(String host, String path, int mode, int major, int minor, int uid, int gid) {
        private String rule(String permissions) {
            return ((mode & Abi.S_IFMT) == Abi.S_IFBLK ? "b " : "c ") + major + ":" + minor + " " + permissions;
        }
    }

    /**
     * Looks up what a spec asks for.
     *
     * @throws NotFoundException if the host has no such device
     * @throws InvalidSpecException if it is none
     */
    static DeviceNodes of(Security security, String container) {
        if (security.privileged()) {
            var nodes = new ArrayList<>(all(Path.of("/dev"), "/dev", OWN));
            for (var device : security.devices()) {
                nodes.addAll(nodes(device, container));
            }
            return new DeviceNodes(nodes, DeviceRules.ALL);
        }
        if (security.devices().isEmpty() && security.deviceRules().isEmpty()) {
            return NONE;
        }
        var nodes = new ArrayList<Node>();
        var rules = new ArrayList<String>();
        for (var device : security.devices()) {
            for (var node : nodes(device, container)) {
                nodes.add(node);
                rules.add(node.rule(device.permissions()));
            }
        }
        rules.addAll(security.deviceRules());
        return new DeviceNodes(nodes, DeviceRules.DEFAULT.and(rules));
    }

    private static List<Node> nodes(Device device, String container) {
        var cannot = "cannot give device " + device.hostPath() + " to " + container + ": ";
        Path real;
        try {
            real = Path.of(device.hostPath()).toRealPath();
        } catch (IOException e) {
            throw new NotFoundException(
                    cannot + "the host has no such file", Map.of(), "see ls /dev for what it has", e);
        }
        if (Files.isDirectory(real)) {
            return all(real, device.containerPath(), Set.of());
        }
        var node = node(real, device.containerPath());
        if (node.isEmpty()) {
            throw new InvalidSpecException(cannot + "it is no device", "bind it, if it is a file to be shared");
        }
        return node;
    }

    /** All below a directory, links left out. */
    private static List<Node> all(Path directory, String containerPath, Set<String> without) {
        var found = new ArrayList<Node>();
        try {
            Files.walkFileTree(directory, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult preVisitDirectory(Path below, BasicFileAttributes attributes) {
                    return without.contains(below.toString()) ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    if (attributes.isOther() && !without.contains(file.toString())) {
                        found.addAll(node(file, containerPath + "/" + directory.relativize(file)));
                    }
                    return found.size() < MOST ? FileVisitResult.CONTINUE : FileVisitResult.TERMINATE;
                }

                @Override
                public FileVisitResult visitFileFailed(Path file, IOException gone) {
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            throw new StorageException("cannot read " + directory + ": " + e.getMessage(), Map.of(), "", e);
        }
        return found;
    }

    /** Nothing, if it is no device. */
    private static List<Node> node(Path file, String containerPath) {
        try {
            var attributes = Files.readAttributes(file, "unix:mode,rdev,uid,gid", LinkOption.NOFOLLOW_LINKS);
            var mode = number(attributes, "mode");
            var type = (int) mode & Abi.S_IFMT;
            if (type != Abi.S_IFCHR && type != Abi.S_IFBLK) {
                return List.of();
            }
            var device = number(attributes, "rdev");
            return List.of(new Node(
                    file.toString(),
                    containerPath,
                    (int) mode,
                    Abi.major(device),
                    Abi.minor(device),
                    (int) number(attributes, "uid"),
                    (int) number(attributes, "gid")));
        } catch (IOException e) {
            return List.of(); // gone meanwhile
        }
    }

    private static long number(Map<String, Object> attributes, String name) {
        return ((Number) Objects.requireNonNull(attributes.get(name))).longValue();
    }

    /** What every container has. */
    private static final List<Node> STANDARD = List.of(
            standard("null", 1, 3),
            standard("zero", 1, 5),
            standard("full", 1, 7),
            standard("random", 1, 8),
            standard("urandom", 1, 9),
            standard("tty", 5, 0));

    private static Node standard(String name, int major, int minor) {
        return new Node("/dev/" + name, "/dev/" + name, Abi.S_IFCHR | 0666, major, minor, 0, 0);
    }

    /** Steps that make what every container has. */
    static void makeStandard(LaunchBuilder program) {
        for (var node : STANDARD) {
            program.mknod(node.path(), node.mode(), node.major(), node.minor());
        }
    }

    /** Steps that make them; what is in a node's place goes. */
    void make(LaunchBuilder program) {
        var made = new HashSet<>(Set.of("", "/dev"));
        for (var node : nodes) {
            makeRoom(program, node, made);
            program.mknod(node.path(), node.mode(), node.major(), node.minor());
            if (node.uid() != 0 || node.gid() != 0) {
                program.chown(node.path(), node.uid(), node.gid());
            }
        }
    }

    private static void makeRoom(LaunchBuilder program, Node node, Set<String> made) {
        for (var slash = node.path().indexOf('/', 1);
                slash > 0;
                slash = node.path().indexOf('/', slash + 1)) {
            var directory = node.path().substring(0, slash);
            if (made.add(directory)) {
                program.mkdir(directory, 0755).ignoreFailure();
            }
        }
        program.unlink(node.path(), 0).ignoreFailure();
    }

    /** Nodes of the host that are taken along as detached mounts, since whoever is root in a user namespace cannot make any that work. */
    static final class Borrowed {
        private final LaunchBuilder program;
        private final List<Arg> standard = new ArrayList<>();
        private final List<Arg> more = new ArrayList<>();

        Borrowed(LaunchBuilder program) {
            this.program = program;
        }

        /** While the host can be seen. */
        void openStandard() {
            STANDARD.forEach(node -> standard.add(open(node)));
        }

        private Arg open(Node node) {
            program.openTree(node.host()).explain("of " + node.host(), "the host must have this device");
            return program.result();
        }

        /** In the container's root. */
        void attachStandard() {
            for (var i = 0; i < STANDARD.size(); i++) {
                attach(standard.get(i), STANDARD.get(i));
            }
        }

        private void attach(Arg tree, Node node) {
            program.mknod(node.path(), Abi.S_IFREG | 0644, 0, 0);
            program.attach(tree, node.path());
        }
    }

    /** Takes hold of them on the host; each takes a descriptor. */
    void open(Borrowed borrowed) {
        nodes.stream().limit(MOST_BORROWED).forEach(node -> borrowed.more.add(borrowed.open(node)));
    }

    /** Puts them in their places in the container's root; what is there goes. */
    void attach(Borrowed borrowed) {
        var made = new HashSet<>(Set.of("", "/dev"));
        for (var i = 0; i < borrowed.more.size(); i++) {
            makeRoom(borrowed.program, nodes.get(i), made);
            borrowed.attach(borrowed.more.get(i), nodes.get(i));
        }
    }
}
