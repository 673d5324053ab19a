package dev.cais.runtime.launch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.linux.Abi;
import dev.cais.linux.DescriptorSocket;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.Pidfd;
import dev.cais.linux.Pipe;
import dev.cais.linux.Syscall;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The steps that a container's start consists of, each seen from inside. */
@RequiresRoot
@LeakChecked
class ConfinementStepsTest {
    private static final long NAMESPACES = Abi.CLONE_NEWNS
            | Abi.CLONE_NEWPID
            | Abi.CLONE_NEWUTS
            | Abi.CLONE_NEWIPC
            | Abi.CLONE_NEWNET
            | Abi.CLONE_NEWCGROUP;

    /** What a shell says at the end of these steps. */
    private static String shell(LaunchBuilder program, String script) {
        var built = program.execve(
                        "/bin/sh", List.of("sh", "-c", script), List.of("PATH=/usr/sbin:/usr/bin:/sbin:/bin"))
                .build();
        var run = Run.of(built);
        if (run.report().length > 0) {
            throw built.failure(built.listing(), run.report());
        }
        return run.output();
    }

    private static LaunchBuilder program() {
        return LaunchProgram.builder()
                .reportFailuresTo(3)
                .resetInherited(0, 1, 2, 3)
                .closeOnExec(3);
    }

    private static LaunchBuilder inNamespaces() {
        var program = program();
        var pidfd = program.reserve(8);
        return program.clone3(NAMESPACES, Abi.SIGCHLD, pidfd)
                .onZero("inside")
                .waitid(pidfd.word32())
                .exit(0)
                .label("inside")
                .mount("", "/", "", Abi.MS_REC | Abi.MS_PRIVATE, "");
    }

    @Test
    void namespacesHostnameAndLoopbackAreTheChildsOwn() {
        var program = inNamespaces()
                .sethostname("inside")
                .setdomainname("example.org")
                .mount("proc", "/proc", "proc", Abi.MS_NOSUID | Abi.MS_NODEV | Abi.MS_NOEXEC, "")
                .loopbackUp();

        assertThat(shell(
                        program,
                        "echo $$; hostname; cat /proc/sys/kernel/domainname; grep -c : /proc/net/dev;"
                                + " ping -c 1 -q 127.0.0.1 >/dev/null 2>&1; grep ' lo$\\|lo:' /proc/net/dev | wc -l;"
                                + " grep -c 127.0.0.1 /proc/net/fib_trie"))
                .startsWith("1\ninside\nexample.org\n1\n")
                .doesNotEndWith("\n0\n");
    }

    @Test
    void theRootIsChangedAndTheOldOneIsGone() {
        var program = inNamespaces()
                .mount("tmpfs", "/mnt", "tmpfs", Abi.MS_NODEV, "mode=755")
                .mkdir("/mnt/bin", 0755);
        for (var directory : new String[] {"/lib", "/lib64", "/usr"}) {
            program.mkdir("/mnt" + directory, 0755)
                    .mount(directory, "/mnt" + directory, "", Abi.MS_BIND | Abi.MS_REC, "")
                    .ignore(Errno.ENOENT);
        }
        program.mount("/bin", "/mnt/bin", "", Abi.MS_BIND, "")
                .mkdir("/mnt/dev", 0755)
                .mknod("/mnt/dev/null", Abi.S_IFCHR | 0666, 1, 3)
                .chown("/mnt/dev/null", 12, 34)
                .chmod("/mnt/dev/null", 0600)
                .symlink("null", "/mnt/dev/link")
                .chdir("/mnt")
                .pivotRoot(".", ".")
                .umount2(".", Abi.MNT_DETACH)
                .chdir("/");

        assertThat(shell(program, "echo /*; stat -c '%F %t:%T %u:%g %a' /dev/null; readlink /dev/link"))
                .isEqualTo("/bin /dev /lib /lib64 /usr\ncharacter special file 1:3 12:34 600\nnull\n");
    }

    @Test
    void credentialsAndLimitsAreSet() {
        var program = program()
                .prlimit64(Abi.RLIMIT_CORE, 0, 0)
                .setpriority(3)
                .prctl(Abi.PR_CAPBSET_DROP, 21)
                .prctl(Abi.PR_SET_KEEPCAPS, 1)
                .setgroups(List.of(5, 6))
                .setresgid(1001, 1001, 1001)
                .setresuid(1000, 1000, 1000)
                .capset(1L << 10, 1L << 10 | 1L << 38, 1L << 10)
                .prctl(Abi.PR_CAP_AMBIENT, Abi.PR_CAP_AMBIENT_RAISE, 10)
                .prctl(Abi.PR_SET_NO_NEW_PRIVS, 1);

        assertThat(shell(
                        program,
                        "id -u; id -g; id -G; nice; ulimit -Hc;"
                                + " sed -n 's/^\\(CapPrm\\|CapAmb\\|NoNewPrivs\\):\\t//p' /proc/self/status;"
                                + " sed -n 's/^CapBnd:\\t//p' /proc/self/status | cut -c 11"))
                .isEqualTo("1000\n1001\n1001 5 6\n3\n0\n0000000000000400\n0000000000000400\n1\nd\n");
    }

    @Test
    void aFilterIsLoaded() {
        // if (nr == uname) return EPERM; return ALLOW
        var filter = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN);
        instruction(filter, 0x20, 0, 0, 0);
        instruction(filter, 0x15, 0, 1, Machine.host().number(Syscall.UNAME));
        instruction(filter, 0x06, 0, 0, 0x00050000 | Errno.EPERM.number());
        instruction(filter, 0x06, 0, 0, 0x7fff0000);

        assertThat(shell(program().seccomp(filter.array(), 0), "uname >/dev/null 2>&1 && echo yes || echo no"))
                .isEqualTo("no\n");
    }

    private static void instruction(ByteBuffer filter, int code, int yes, int no, int operand) {
        filter.putShort((short) code).put((byte) yes).put((byte) no).putInt(operand);
    }

    @Test
    void signalsCanBeBlockedAndIgnored() {
        var program = program()
                .rtSigprocmask(Abi.SIG_BLOCK, 1L << Abi.SIGUSR1 - 1)
                .rtSigaction(Abi.SIGUSR2, true)
                .rtSigaction(Abi.SIGHUP, true)
                .rtSigaction(Abi.SIGHUP, false);

        // not by a shell, which changes its mask
        var run = Run.of(program.execve("/bin/grep", List.of("grep", "^Sig[BI]", "/proc/self/status"), List.of())
                .build());

        assertThat(run.output()).isEqualTo("SigBlk:\t0000000000000200\nSigIgn:\t0000000000000800\n");
    }

    /** The chain of a container's start: the JVM's child, its sibling in a PID namespace, and that one's PID 1. */
    @Test
    void siblingsAreTheJvmsChildrenAndComeToItAsPidfds() {
        var program = LaunchProgram.builder();
        var second = program.message("second", 1);
        var third = program.message("third", 1);
        program.reportFailuresTo(3)
                .resetInherited(0, 1, 2, 3, 4, 5)
                .setns(Arg.of(5), Abi.CLONE_NEWPID)
                .clone3(Abi.CLONE_PARENT, 0, second.slot(0))
                .onZero("second")
                .sendmsg(Arg.of(4), second)
                .exit(1)
                .label("second")
                .clone3(Abi.CLONE_PARENT | Abi.CLONE_NEWPID, 0, third.slot(0))
                .onZero("third")
                .sendmsg(Arg.of(4), third)
                .exit(2)
                .label("third")
                .step(Syscall.GETPID)
                .exit(3);
        var built = program.build();
        try (var guardian = guardian();
                var nothing = Run.open("/dev/null");
                var report = Pipe.create();
                var pair = DescriptorSocket.pair()) {
            try (var namespace = open("/proc/" + guardian.pid() + "/ns/pid")) {
                var first = new Launch(Path.of("/var/tmp"))
                        .start(
                                "cannot start the test's program",
                                built,
                                Map.of(
                                        0,
                                        nothing,
                                        1,
                                        nothing,
                                        2,
                                        nothing,
                                        3,
                                        report.writeEnd(),
                                        4,
                                        pair.theirs(),
                                        5,
                                        namespace));
                report.writeEnd().close();
                pair.theirs().close();
                Launch.awaitReport(built.listing(), built, report.readEnd());
                // a child can tell of its own child before its parent has told of it
                var told = List.of(receiveMessage(pair.ours()), receiveMessage(pair.ours()));
                try (first;
                        var secondChild = pidfd(told, "second");
                        var thirdChild = pidfd(told, "third")) {
                    // each is collected before anything is compared: the guardian waits for those in its namespace
                    var exits = List.of(first.await("first"), secondChild.await("second"), thirdChild.await("third"));
                    assertThat(exits).extracting(Object::toString).containsExactly("exit 1", "exit 2", "exit 3");
                }
                assertThat(pair.ours().receive("end")).isEmpty();
            } finally {
                guardian.signal(Abi.SIGKILL);
                guardian.await("guardian");
            }
        }
    }

    private static Pidfd receive(DescriptorSocket socket) {
        return Pidfd.of(receiveMessage(socket).descriptors().get(0));
    }

    private static DescriptorSocket.Message receiveMessage(DescriptorSocket socket) {
        return socket.receive("a pidfd").orElseThrow();
    }

    private static Pidfd pidfd(List<DescriptorSocket.Message> told, String name) {
        return told.stream()
                .filter(message -> name.equals(new String(message.content(), StandardCharsets.UTF_8)))
                .map(message -> Pidfd.of(message.descriptors().get(0)))
                .findFirst()
                .orElseThrow();
    }

    private static Fd open(String path) {
        return Run.open(path, Abi.O_RDONLY);
    }

    /** PID 1 of a namespace, asleep. */
    private static Pidfd guardian() {
        var program = LaunchProgram.builder();
        var message = program.message("guardian", 1);
        program.resetInherited(0, 1, 2, 4)
                .clone3(Abi.CLONE_PARENT | Abi.CLONE_NEWPID, 0, message.slot(0))
                .onZero("guardian")
                .sendmsg(Arg.of(4), message)
                .exit(0)
                .label("guardian")
                .nanosleep(Duration.ofMinutes(5));
        try (var nothing = Run.open("/dev/null");
                var pair = DescriptorSocket.pair();
                var starter = new Launch(Path.of("/var/tmp"))
                        .start(
                                "cannot start the guardian",
                                program.build(),
                                Map.of(0, nothing, 1, nothing, 2, nothing, 4, pair.theirs()))) {
            var guardian = receive(pair.ours());
            starter.await("starter");
            return guardian;
        }
    }
}
