package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.ExecSpec;
import dev.cais.InvalidSpecException;
import dev.cais.Rlimit;
import dev.cais.SeccompProfile;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a container can see and do, asked from inside. The expected values are those of Docker's default. */
@RequiresRoot
@LeakChecked
class ConfinementTest {
    private static final String DOCKERS_CAPABILITIES = "00000000a80425fb";
    private static final String NOTHING = "0000000000000000";

    private static Engine engine;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
    }

    private static ContainerSpec sh(String script) {
        return ContainerSpec.of("busybox").command("sh", "-c", script);
    }

    private static String output(ContainerSpec spec) {
        var result = engine.containers().run(spec);
        return result.stdout() + result.stderr();
    }

    private static String statusLine(ContainerSpec spec, String key) {
        return output(spec.command("cat", "/proc/self/status"))
                .lines()
                .filter(line -> line.startsWith(key + ":"))
                .map(line -> line.substring(key.length() + 1).strip())
                .findFirst()
                .orElseThrow();
    }

    @ParameterizedTest
    @ValueSource(strings = {"mnt", "pid", "net", "uts", "ipc", "cgroup"})
    void eachNamespaceIsTheContainersOwn(String namespace) throws IOException {
        var link = "/proc/self/ns/" + namespace;
        var inside =
                output(ContainerSpec.of("busybox").command("readlink", link)).strip();

        assertThat(inside).startsWith(namespace + ":[");
        assertThat(inside).isNotEqualTo(Files.readSymbolicLink(Path.of(link)).toString());
    }

    @Test
    void theHostNetworkIsSharedOnRequest() throws IOException {
        assertThat(output(ContainerSpec.of("busybox").hostNetwork().command("readlink", "/proc/self/ns/net"))
                        .strip())
                .isEqualTo(Files.readSymbolicLink(Path.of("/proc/self/ns/net")).toString());
    }

    @Test
    void loopbackIsUpAndAlone() {
        assertThat(output(sh("ping -c 1 -W 30 127.0.0.1 >/dev/null && echo up; ls /sys/class/net")))
                .isEqualTo("up\nlo\n");
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 4, 5, 6, 7, 8})
    void noWorkingDirectoryLeadsOutByADescriptorOfItsStart(int descriptor) {
        var directory = "/proc/self/fd/" + descriptor;
        assertThatThrownBy(() -> engine.containers().run(sh("ls").workdir(directory)))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessageContaining("it cannot enter its working directory " + directory + ": ");
        try (var container = engine.containers().start(sh("sleep 1000"))) {
            assertThatThrownBy(() -> container.exec(ExecSpec.of("ls").workdir(directory)))
                    .isInstanceOf(InvalidSpecException.class)
                    .hasMessageContaining("it cannot enter its working directory " + directory + ": ");
        }
    }

    @Test
    void onlyTheContainersOwnMountsAreSeen() {
        var points = output(sh("cut -d' ' -f5 /proc/self/mountinfo")).lines().toList();

        assertThat(points)
                .contains("/", "/proc", "/sys", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys/fs/cgroup");
        assertThat(points)
                .allMatch(
                        point -> point.equals("/")
                                || point.matches("/(proc|sys|dev)(/.*)?|/etc/(hosts|hostname|resolv.conf)"),
                        "the root, below proc, sys or dev, or a file of /etc");
    }

    @Test
    void controlGroupsShowTheContainerAsTheRoot() {
        assertThat(output(sh("cat /proc/self/cgroup")).lines()).isNotEmpty().allMatch(line -> line.endsWith(":/"));
    }

    @Test
    void rootHasDockersCapabilities() {
        assertThat(statusLine(sh(""), "CapEff")).isEqualTo(DOCKERS_CAPABILITIES);
        assertThat(statusLine(sh(""), "CapBnd")).isEqualTo(DOCKERS_CAPABILITIES);
        assertThat(statusLine(sh(""), "CapInh")).isEqualTo(NOTHING);
        assertThat(statusLine(sh(""), "CapAmb")).isEqualTo(NOTHING);
    }

    @Test
    void anotherUserHasNone() {
        var spec = sh("").user("1000");

        assertThat(statusLine(spec, "CapEff")).isEqualTo(NOTHING);
        assertThat(statusLine(spec, "CapPrm")).isEqualTo(NOTHING);
        assertThat(statusLine(spec, "CapBnd")).isEqualTo(DOCKERS_CAPABILITIES);
    }

    @Test
    void aFilterIsLoadedAndNewPrivilegesAreAnOption() {
        assertThat(statusLine(sh(""), "Seccomp")).isEqualTo("2");
        assertThat(statusLine(sh(""), "NoNewPrivs")).isEqualTo("0");
        assertThat(statusLine(sh("").withNoNewPrivileges(), "Seccomp")).isEqualTo("2");
        assertThat(statusLine(sh("").withNoNewPrivileges(), "NoNewPrivs")).isEqualTo("1");
        assertThat(statusLine(sh("").seccomp(SeccompProfile.unconfined()), "Seccomp"))
                .isEqualTo("0");
    }

    @Test
    void execIsConfinedLikeTheFirstProcess() {
        try (var container = engine.containers().start(sh("sleep 1000"))) {
            var status = container.exec("cat", "/proc/self/status").stdout();

            assertThat(status)
                    .contains("CapEff:\t" + DOCKERS_CAPABILITIES, "CapBnd:\t" + DOCKERS_CAPABILITIES, "Seccomp:\t2");
            assertThat(container.exec("cat", "/proc/self/cgroup").stdout().lines())
                    .allMatch(line -> line.endsWith(":/"));
            assertThat(container.exec("readlink", "/proc/self/ns/mnt").stdout())
                    .isEqualTo(container.exec("readlink", "/proc/1/ns/mnt").stdout());
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "mount -t tmpfs x /tmp",
                "unshare -m true",
                "unshare -U true",
                "hostname other",
                "mount -o remount,rw /sys",
                "echo 1 >/proc/sys/kernel/randomize_va_space",
                "echo b >/proc/sysrq-trigger",
                "touch /sys/fs/cgroup/x",
                "mkdir /sys/fs/cgroup/x",
                "swapoff -a",
                "chroot /proc/1/root true && umount -l /proc"
            })
    void whatOnlyTheHostMayDoIsRefused(String command) {
        assertThat(engine.containers().run(sh(command)).exitCode()).isNotZero();
    }

    @Test
    void theHostsKernelIsMasked() {
        assertThat(
                        output(
                                sh(
                                        "cat /proc/keys /proc/timer_list /proc/interrupts 2>/dev/null; ls /sys/firmware /proc/acpi 2>/dev/null")))
                .matches("(/\\S+:\\n*)*");
    }

    @Test
    void aDeviceNodeOfTheHostsDiskCannotBeOpened() throws IOException {
        var major = 0;
        var minor = 0;
        for (var line : Files.readAllLines(Path.of("/proc/partitions"))) {
            var fields = line.strip().split("\\s+");
            if (fields.length == 4 && fields[0].matches("[0-9]+")) {
                major = Integer.parseInt(fields[0]);
                minor = Integer.parseInt(fields[1]);
                break;
            }
        }
        var node = "/dev/disk";
        assertThat(output(sh("mknod " + node + " b " + major + " " + minor + " && head -c 1 " + node + " | wc -c")))
                .startsWith("0\n")
                .contains("Operation not permitted");
        assertThat(output(sh("mknod /tmp/null c 1 3 && echo x >/tmp/null && head -c 2 /dev/zero | wc -c")))
                .isEqualTo("2\n");
    }

    @Test
    void devicesArePresent() {
        assertThat(output(sh("for d in null zero full random urandom tty; do stat -c '%n %t %T %a' /dev/$d; done;"
                        + " for l in fd stdin stdout stderr ptmx; do readlink /dev/$l; done")))
                .isEqualTo("""
                        /dev/null 1 3 666
                        /dev/zero 1 5 666
                        /dev/full 1 7 666
                        /dev/random 1 8 666
                        /dev/urandom 1 9 666
                        /dev/tty 5 0 666
                        /proc/self/fd
                        /proc/self/fd/0
                        /proc/self/fd/1
                        /proc/self/fd/2
                        pts/ptmx
                        """);
    }

    @Test
    void limitsAndSysctlsAreSet() {
        var spec = sh("ulimit -n; cat /proc/sys/net/ipv4/ip_default_ttl; cat /proc/sys/kernel/msgmax")
                .rlimit(new Rlimit("nofile", 100, 200))
                .sysctl("net.ipv4.ip_default_ttl", "33")
                .sysctl("kernel.msgmax", "4242");

        assertThat(output(spec)).isEqualTo("100\n33\n4242\n");
        assertThatThrownBy(() -> output(sh("").sysctl("kernel.panic", "1")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessageStartingWith("cannot set sysctl kernel.panic: it belongs to the whole host");
    }

    @Test
    void aProfileThatForbidsWhatAStartNeedsIsRefusedByName() {
        var profile = new SeccompProfile.Custom("""
                {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["execve"], "action": "SCMP_ACT_ERRNO"}]}
                """);

        assertThatThrownBy(() -> output(sh("true").name("strict").seccomp(profile)))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessageContaining("cannot start strict")
                .hasMessageContaining("execve");
    }

    @Test
    void aProfileOfOnesOwnIsApplied() {
        var profile = new SeccompProfile.Custom("""
                {"defaultAction": "SCMP_ACT_ALLOW",
                 "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}
                """);

        assertThat(output(sh("mkdir /x").seccomp(profile))).contains("Function not implemented");
    }

    /** The image is hostile: its own links must not decide where kernel file systems are mounted. */
    @Test
    void anImageWhoseProcIsALinkIsRefused(@TempDir Path directory) throws Exception {
        var root = Files.createDirectory(directory.resolve("root"));
        Files.createSymbolicLink(root.resolve("proc"), Path.of("/etc"));
        Files.createDirectory(root.resolve("etc"));
        var tar = directory.resolve("root.tar");
        assertThat(new ProcessBuilder(List.of("tar", "-C", root.toString(), "-cf", tar.toString(), "."))
                        .inheritIO()
                        .start()
                        .waitFor())
                .isZero();
        var image = engine.images().importRootfs(tar, "linked-proc");
        try {
            assertThatThrownBy(() -> engine.containers()
                            .run(ContainerSpec.of(image).name("linked").command("/x")))
                    .isInstanceOf(dev.cais.KernelException.class)
                    .hasMessageStartingWith("cannot start linked: openat(2) of /proc failed with E")
                    .hasMessageEndingWith("the image must have a directory there, or nothing");
        } finally {
            image.remove();
        }
    }
}
