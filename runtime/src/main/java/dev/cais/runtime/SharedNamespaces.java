package dev.cais.runtime;

import dev.cais.InvalidSpecException;
import dev.cais.NamespaceMode;
import dev.cais.Namespaces;
import dev.cais.NotFoundException;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import dev.cais.runtime.launch.Arg;
import dev.cais.runtime.launch.LaunchBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * Whose namespaces a container's processes are in: which are made for it, and which processes' own are entered. Holds a pidfd of
 * each such process, so that its number cannot come to stand for another one; or the namespace itself, if that has a path.
 *
 * @see <a href="https://man7.org/linux/man-pages/man2/setns.2.html">setns(2)</a>
 * @see <a href="https://man7.org/linux/man-pages/man7/time_namespaces.7.html">time_namespaces(7)</a>
 */
final class SharedNamespaces implements AutoCloseable {
    /** The number that the first of the entered processes has in the launch program. */
    private static final int FIRST = 16;

    private static final String OF_ANOTHER = "of a namespace of another container";
    private static final String ENDED = "if it has ended, start it first";

    /** What is entered: the kind as one {@code CLONE_NEW} flag, and a process that is there, or it itself. */
    private record Entered(int number, Fd process) {}

    private final Namespaces spec;
    private final Map<Long, Entered> entered = new LinkedHashMap<>();

    private SharedNamespaces(Namespaces spec) {
        this.spec = spec;
    }

    /** @param processes gives a pidfd of another container's first process, or the namespace at a path; closed here */
    static SharedNamespaces open(Namespaces spec, Function<NamespaceMode, Fd> processes) {
        var namespaces = new SharedNamespaces(spec);
        try (var undo = new Undo()) {
            undo.add(namespaces);
            namespaces.join(Abi.CLONE_NEWPID, spec.pid(), processes);
            namespaces.join(Abi.CLONE_NEWIPC, spec.ipc(), processes);
            namespaces.join(Abi.CLONE_NEWUTS, spec.uts(), processes);
            namespaces.join(Abi.CLONE_NEWNET, spec.network(), processes);
            undo.keepAll();
            return namespaces;
        }
    }

    private void join(long kind, NamespaceMode mode, Function<NamespaceMode, Fd> processes) {
        if (mode.kind() == NamespaceMode.Kind.CONTAINER || mode.kind() == NamespaceMode.Kind.PATH) {
            entered.put(kind, new Entered(FIRST + entered.size(), processes.apply(mode)));
        }
    }

    /**
     * A network namespace that somebody keeps.
     *
     * @throws NotFoundException if there is nothing at the path
     * @throws InvalidSpecException if it is something else
     */
    static Fd openNetwork(String cannot, String path) {
        try (var scratch = Scratch.frame();
                var undo = new Undo()) {
            var number = Syscalls.call(
                    Syscall.OPENAT,
                    Abi.AT_FDCWD,
                    scratch.path(path),
                    Abi.O_RDONLY | Abi.O_CLOEXEC | Abi.O_NONBLOCK); // a FIFO would block
            if (Errno.ENOENT.is(number) || Errno.ENOTDIR.is(number)) {
                throw new NotFoundException(
                        cannot + ": there is no network namespace " + path, "make it first, as ip netns add does");
            }
            var namespace = undo.add(Fd.of(Syscalls.checked(cannot + " in " + path, Syscall.OPENAT, number)));
            if (Syscalls.call(Syscall.IOCTL, namespace.number(), Abi.NS_GET_NSTYPE) != Abi.CLONE_NEWNET) {
                throw new InvalidSpecException(cannot + ": " + path + " is no network namespace");
            }
            undo.keepAll();
            return namespace;
        }
    }

    /**
     * What a process beside a container's first one enters. A plain user's cannot enter what is the host's own, and is there anyway.
     *
     * @param pid of the first process
     */
    static long entered(Namespaces spec, int pid, EngineUser user) {
        var kinds = Abi.CLONE_NEWNS | Abi.CLONE_NEWPID | (spec.time().isPresent() ? Abi.CLONE_NEWTIME : 0);
        return kinds
                | (user.isPlain() && isHosts("uts", pid) ? 0 : Abi.CLONE_NEWUTS)
                | (user.isPlain() && isHosts("ipc", pid) ? 0 : Abi.CLONE_NEWIPC)
                | (user.isPlain() && isHosts("net", pid) ? 0 : Abi.CLONE_NEWNET);
    }

    /** Whether a process has this process's own namespace of a kind, as {@code /proc/PID/ns} names it. */
    static boolean isHosts(String kind, int pid) {
        try {
            return Files.readSymbolicLink(Path.of("/proc/self/ns", kind))
                    .equals(Files.readSymbolicLink(Path.of("/proc/" + pid + "/ns", kind)));
        } catch (IOException e) {
            return false; // it has ended, as entering it will tell
        }
    }

    /** By the numbers that the launch program knows. */
    Map<Integer, Fd> descriptors() {
        var descriptors = new LinkedHashMap<Integer, Fd>();
        entered.values().forEach(each -> descriptors.put(each.number(), each.process()));
        return descriptors;
    }

    boolean ownPid() {
        return spec.pid().isPrivate();
    }

    boolean ownIpc() {
        return spec.ipc().isPrivate();
    }

    boolean ownUts() {
        return spec.uts().isPrivate();
    }

    boolean ownNetwork() {
        return spec.network().isPrivate();
    }

    /** For clone(2): those that are made. */
    long made() {
        return Abi.CLONE_NEWNS
                | (ownPid() ? Abi.CLONE_NEWPID : 0)
                | (ownIpc() ? Abi.CLONE_NEWIPC : 0)
                | (ownUts() ? Abi.CLONE_NEWUTS : 0)
                | (ownNetwork() ? Abi.CLONE_NEWNET : 0);
    }

    /**
     * Steps that enter what is shared, before the process is cloned that builds the root file system. If the IPC namespace is, then
     * {@link ContainerProgram#ENTERED} is the directory of shared memory that goes with it, as a mount without a place; for a plain user
     * only after {@link #enterMounted}.
     */
    void enter(LaunchBuilder program, EngineUser user) {
        var sharedMemory = ownIpc() || user.isPlain() ? Optional.<Arg>empty() : Optional.of(takeSharedMemory(program));
        entered.forEach((kind, each) -> {
            if (kind != Abi.CLONE_NEWPID) {
                program.setns(Arg.of(each.number()), kind).explain(OF_ANOTHER, ENDED);
            }
        });
        spec.time().ifPresent(offsets -> {
            program.unshare(Abi.CLONE_NEWTIME);
            program.writeFile(
                    "/proc/self/timens_offsets",
                    "monotonic " + seconds(offsets.monotonic()) + "\nboottime " + seconds(offsets.boottime()) + "\n");
        });
        switch (spec.pid().kind()) {
            case PRIVATE -> ProcessSteps.enterPidNamespace(program, ContainerProgram.ENTERED);
            case CONTAINER ->
                program.setns(Arg.of(number(Abi.CLONE_NEWPID)), Abi.CLONE_NEWPID)
                        .explain(OF_ANOTHER, ENDED);
            case HOST, PATH -> {}
        }
        sharedMemory.ifPresent(tree -> program.dup3(tree, ContainerProgram.ENTERED, Abi.O_CLOEXEC));
    }

    /** The rest of it, for a plain user, in the container's mount namespace: nobody else copies mounts of the host, or comes back to it. */
    void enterMounted(LaunchBuilder program, EngineUser user) {
        if (user.isPlain() && !ownIpc()) {
            program.dup3(takeSharedMemory(program), ContainerProgram.ENTERED, Abi.O_CLOEXEC);
        }
    }

    private static String seconds(Duration offset) {
        return offset.getSeconds() + " " + offset.getNano();
    }

    /** Another container's is taken in its own mount namespace, the only one that can see it. */
    private Arg takeSharedMemory(LaunchBuilder program) {
        if (spec.ipc().isHost()) {
            return openSharedMemory(program);
        }
        program.open("/", Abi.O_PATH | Abi.O_DIRECTORY | Abi.O_CLOEXEC, 0);
        var root = program.result();
        program.open("/proc/self/ns/mnt", Abi.O_RDONLY | Abi.O_CLOEXEC, 0);
        var own = program.result();
        program.setns(Arg.of(number(Abi.CLONE_NEWIPC)), Abi.CLONE_NEWNS);
        var sharedMemory = openSharedMemory(program);
        program.setns(own, Abi.CLONE_NEWNS);
        program.fchdir(root).chroot(".").close(root).close(own);
        return sharedMemory;
    }

    private static Arg openSharedMemory(LaunchBuilder program) {
        program.step(
                        Syscall.OPEN_TREE,
                        Arg.of(Abi.AT_FDCWD, "AT_FDCWD"),
                        program.text("/dev/shm"),
                        Arg.of(
                                Abi.OPEN_TREE_CLONE | Abi.O_CLOEXEC | Abi.AT_SYMLINK_NOFOLLOW,
                                "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_SYMLINK_NOFOLLOW"))
                .explain("of /dev/shm", "who shares an IPC namespace shares /dev/shm, which must be a directory");
        return program.result();
    }

    private int number(long kind) {
        var found = entered.get(kind);
        if (found == null) {
            throw new IllegalStateException("not shared: " + Abi.flags("CLONE_NEW", kind));
        }
        return found.number();
    }

    /** Lets go of the processes. */
    @Override
    public void close() {
        entered.values().forEach(each -> each.process().close());
    }
}
