package dev.cais.runtime.launch;

import dev.cais.CancelledException;
import dev.cais.EngineException;
import dev.cais.KernelException;
import dev.cais.StorageException;
import dev.cais.UnsupportedHostException;
import dev.cais.linux.Abi;
import dev.cais.linux.DescriptorSocket;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.HostProgram;
import dev.cais.linux.Pidfd;
import dev.cais.linux.Signal;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;

/**
 * The user namespace of a plain user's engine, in which that user is root, and the network namespace that belongs to it.
 *
 * <p>A program makes both and ends; the descriptors held here keep them. No thread of the JVM ever enters them: {@link
 * Launch#inside} starts programs there. Inside, 0 is the user. Where newuidmap(1) and newgidmap(1) are installed and {@code
 * /etc/subuid} and {@code /etc/subgid} name ranges for the user, those are 1 and up; else there is nobody but 0.
 *
 * @see <a href="https://man7.org/linux/man-pages/man7/user_namespaces.7.html">user_namespaces(7)</a>
 * @see <a href="https://man7.org/linux/man-pages/man1/newuidmap.1.html">newuidmap(1)</a>
 */
public final class UserNamespace implements AutoCloseable {
    private static final String CANNOT = "cannot make a user namespace";
    private static final int REPORT = 3;
    private static final int GO = 4;

    /** Above all numbers that programs know. */
    private static final int WANTED = 40;

    private static final int USER = 41;
    private static final int NETWORK = 42;
    private static final Duration MAPPING = Duration.ofSeconds(10);

    private static final LaunchProgram MAKING = making();
    private static final LaunchProgram ENTERING = entering(true);
    private static final LaunchProgram ENTERING_USER = entering(false);

    private final Fd user;
    private final Fd network;
    private final Fd entering;
    private final Fd enteringUser;
    private final Mapping mapping;

    /** @param onlyOne why there is nobody but root, in a sentence without a full stop; empty if there is */
    private record Mapping(IdMap uids, IdMap gids, String onlyOne) {}

    private UserNamespace(Fd user, Fd network, Launch launch, Mapping mapping) {
        this.user = user;
        this.network = network;
        this.entering = launch.executable(CANNOT, ENTERING.elf(Machine.host()));
        this.enteringUser = launch.executable(CANNOT, ENTERING_USER.elf(Machine.host()));
        this.mapping = mapping;
    }

    private static LaunchProgram making() {
        var program = LaunchProgram.builder().reportFailuresTo(REPORT);
        program.resetInherited(REPORT, GO);
        // else its files in /proc would be root's, and nobody here could write its mappings
        program.prctl(Abi.PR_SET_DUMPABLE, 1);
        program.unshare(Abi.CLONE_NEWUSER | Abi.CLONE_NEWNET);
        var message = program.message("namespaces", 2);
        program.open("/proc/self/ns/user", Abi.O_RDONLY | Abi.O_CLOEXEC, 0).storeTo(message.slot(0));
        program.open("/proc/self/ns/net", Abi.O_RDONLY | Abi.O_CLOEXEC, 0).storeTo(message.slot(1));
        program.sendmsg(Arg.of(REPORT), message);
        program.label("wait");
        program.read(Arg.of(GO), program.reserve(8), 8)
                .on(Errno.EINTR, "wait")
                .onSuccess("mapped")
                .onZero("end");
        program.label("mapped");
        // a security module may let everybody make a user namespace, and nobody do anything there
        program.unshare(Abi.CLONE_NEWNS);
        program.loopbackUp();
        program.label("end");
        program.exit(0);
        return program.build();
    }

    private static LaunchProgram entering(boolean network) {
        var program = LaunchProgram.builder();
        program.setns(Arg.of(USER), Abi.CLONE_NEWUSER);
        if (network) {
            program.setns(Arg.of(NETWORK), Abi.CLONE_NEWNET);
        }
        program.closeRange(USER, NETWORK, 0);
        program.closeOnExec(WANTED);
        program.label("execute");
        program.execveat(Arg.of(WANTED), "", List.of("cais-init"), List.of(), Abi.AT_EMPTY_PATH)
                .on(Errno.ETXTBSY, "busy");
        program.label("busy");
        program.step(Syscall.SCHED_YIELD).goTo("execute");
        return program.build();
    }

    /**
     * Makes one.
     *
     * @param launch starts programs as this user
     * @throws UnsupportedHostException if this user may not make one, or not do anything in it
     * @throws CancelledException if the thread is interrupted
     */
    public static UserNamespace create(Launch launch) {
        try (var socket = DescriptorSocket.pair();
                var go = DescriptorSocket.pair();
                var maker = launch.start(CANNOT, MAKING, Map.of(REPORT, socket.theirs(), GO, go.theirs()))) {
            try {
                socket.theirs().close();
                go.theirs().close();
                return create(launch, socket.ours(), go.ours(), maker);
            } finally {
                maker.signal(Signal.KILL.number());
                maker.awaitExit();
            }
        }
    }

    private static UserNamespace create(Launch launch, DescriptorSocket report, DescriptorSocket go, Pidfd maker) {
        var made = received(report.receive(CANNOT));
        var user = made.get(0);
        var network = made.get(1);
        try {
            var mapping = map(maker.pid());
            go.send(new byte[] {1});
            var trouble = report.receive(CANNOT);
            if (trouble.isPresent()) {
                throw refused(MAKING.failure(CANNOT, trouble.get().content()));
            }
            return new UserNamespace(user, network, launch, mapping);
        } catch (RuntimeException e) {
            made.forEach(Fd::close);
            throw e;
        }
    }

    private static List<Fd> received(Optional<DescriptorSocket.Message> message) {
        var answer = message.orElseThrow(
                () -> new StorageException(CANNOT + ": something killed the process that makes it"));
        if (answer.descriptors().isEmpty()) {
            throw refused(MAKING.failure(CANNOT, answer.content()));
        }
        return answer.descriptors();
    }

    private static EngineException refused(KernelException failure) {
        var why = CANNOT + ", which an engine needs that is not root's";
        if (failure.errno() == Errno.ENOSPC.number() || isZero("user/max_user_namespaces")) {
            return new UnsupportedHostException(
                    why + ": this host allows too few of them",
                    Map.of("errno", failure.errnoName()),
                    "raise the sysctl user.max_user_namespaces, or run the JVM as root",
                    failure);
        }
        if (isZero("kernel/unprivileged_userns_clone")) {
            return new UnsupportedHostException(
                    why + ": this host keeps plain users from making one",
                    Map.of("errno", failure.errnoName()),
                    "set the sysctl kernel.unprivileged_userns_clone to 1, or run the JVM as root",
                    failure);
        }
        if (Files.exists(sysctl("kernel/apparmor_restrict_unprivileged_userns"))
                && !isZero("kernel/apparmor_restrict_unprivileged_userns")) {
            return new UnsupportedHostException(
                    why + ": AppArmor keeps plain users from using one",
                    Map.of("errno", failure.errnoName()),
                    "set the sysctl kernel.apparmor_restrict_unprivileged_userns to 0, give this JDK a profile with userns,"
                            + " or run the JVM as root",
                    failure);
        }
        return new UnsupportedHostException(
                why + ": " + failure.call() + "(2) failed with " + failure.errnoName(),
                Map.of(),
                "a container's or a service's own filter may forbid it: allow unshare(2) there, or run the JVM as root",
                failure);
    }

    private static boolean isZero(String name) {
        try {
            return Files.readString(sysctl(name)).strip().equals("0");
        } catch (IOException e) {
            return false;
        }
    }

    private static Path sysctl(String name) {
        return Path.of("/proc/sys", name);
    }

    private static Mapping map(int pid) {
        var uid = Syscalls.call(Syscall.GETEUID);
        var gid = Syscalls.call(Syscall.GETEGID);
        var name = System.getProperty("user.name", "");
        var uids = SubordinateIds.read(Path.of("/etc/subuid"), name, uid);
        var gids = SubordinateIds.read(Path.of("/etc/subgid"), name, uid);
        var newuidmap = program("newuidmap");
        var newgidmap = program("newgidmap");
        String onlyOne;
        if (newuidmap.isEmpty() || newgidmap.isEmpty()) {
            onlyOne = "newuidmap and newgidmap are not installed";
        } else if (uids.isEmpty() || gids.isEmpty()) {
            onlyOne = "/etc/subuid and /etc/subgid have no numbers for user " + (name.equals("?") ? uid : name);
        } else {
            var mapping = new Mapping(IdMap.of(uid, uids), IdMap.of(gid, gids), "");
            onlyOne = write(newuidmap.get(), pid, mapping.uids());
            if (onlyOne.isEmpty()) {
                onlyOne = write(newgidmap.get(), pid, mapping.gids());
                if (onlyOne.isEmpty()) {
                    return mapping;
                }
                throw new UnsupportedHostException(
                        CANNOT + ": " + onlyOne, "see whether newgidmap is set-user-ID root, as newuidmap is");
            }
        }
        var mapping = new Mapping(IdMap.ofOne(uid), IdMap.ofOne(gid), onlyOne);
        write(pid, "setgroups", "deny");
        write(pid, "uid_map", mapping.uids() + "\n");
        write(pid, "gid_map", mapping.gids() + "\n");
        return mapping;
    }

    private static void write(int pid, String file, String content) {
        try {
            Files.write(Path.of("/proc", Integer.toString(pid), file), content.getBytes(StandardCharsets.US_ASCII));
        } catch (IOException e) {
            throw new UnsupportedHostException(
                    CANNOT + ": the kernel refuses its " + file + ": " + e.getMessage(),
                    Map.of("content", content.strip()),
                    "",
                    e);
        }
    }

    private static Optional<Path> program(String name) {
        return Stream.of((System.getenv().getOrDefault("PATH", "") + ":/usr/bin:/bin").split(":"))
                .filter(directory -> directory.startsWith("/"))
                .map(directory -> Path.of(directory, name))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /** Gives why it did not work; nothing if it did. */
    private static String write(Path program, int pid, IdMap map) {
        var command = new ArrayList<>(List.of(program.toString(), Integer.toString(pid)));
        command.addAll(List.of(map.toString().split("\\s")));
        try {
            var ended = HostProgram.of(command.toArray(String[]::new)).run(new byte[0], MAPPING);
            return ended.exitCode() == 0
                    ? ""
                    : program.getFileName() + " failed: "
                            + ended.lastWords().strip().replace('\n', ' ');
        } catch (IOException | TimeoutException e) {
            return program.getFileName() + " " + e.getMessage();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancelledException(CANNOT + ": the thread was interrupted");
        }
    }

    /** Users inside, and who they are outside. */
    public IdMap uids() {
        return mapping.uids();
    }

    /** Groups inside, and which they are outside. */
    public IdMap gids() {
        return mapping.gids();
    }

    /** Why there is nobody inside but root; empty if there are others. */
    public Optional<String> onlyOne() {
        return Optional.of(mapping.onlyOne()).filter(why -> !why.isEmpty());
    }

    /** For setns(2); not the caller's to close. */
    public Fd user() {
        return user;
    }

    /** For setns(2), by a process that is in the user namespace; not the caller's to close. */
    public Fd network() {
        return network;
    }

    /** What is started in the place of a program that is to run inside. */
    Fd entering() {
        return entering;
    }

    /** The same, for the user namespace alone. */
    Fd enteringUser() {
        return enteringUser;
    }

    /** What the former needs: what the wanted one does, that one itself, and where to enter. */
    Map<Integer, Fd> andToEnter(Map<Integer, Fd> descriptors, Fd wanted) {
        var all = andToEnterUser(descriptors, wanted);
        all.put(NETWORK, network);
        return all;
    }

    /** What the latter needs. */
    Map<Integer, Fd> andToEnterUser(Map<Integer, Fd> descriptors, Fd wanted) {
        var all = new HashMap<>(descriptors);
        all.put(WANTED, wanted);
        all.put(USER, user);
        return all;
    }

    /** Lets go of both. They are there as long as a process is in them. */
    @Override
    public void close() {
        entering.close();
        enteringUser.close();
        user.close();
        network.close();
    }
}
