package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cais.ByteSize;
import dev.cais.ContainerSpec;
import dev.cais.Device;
import dev.cais.Engine;
import dev.cais.InvalidSpecException;
import dev.cais.NotFoundException;
import dev.cais.UnsupportedHostException;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.linux.Abi;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Devices, capabilities and what else a container may be given, tried from inside. The device is one that each kernel has. */
@RequiresRoot
@LeakChecked
class DevicesTest {
    private static final String ALLOWED =
            "dd if=/dev/%1$s of=/dev/null bs=1 count=0 2>&1 | grep -q 'not permitted' || echo read;"
                    + " dd if=/dev/null of=/dev/%1$s bs=1 count=0 conv=notrunc 2>&1 | grep -q 'not permitted' || echo written";

    private static final Path DEVICE = Stream.of(
                    "/dev/fuse", "/dev/loop-control", "/dev/net/tun", "/dev/kvm", "/dev/vcs", "/dev/rtc0")
            .map(Path::of)
            .filter(Files::exists)
            .findFirst()
            .orElse(Path.of("/dev/null"));

    private static Engine engine;
    private static int major;
    private static int minor;

    @BeforeAll
    static void open(Engine opened) throws IOException {
        var number = ((Number) Files.getAttribute(DEVICE, "unix:rdev")).longValue();
        major = Abi.major(number);
        minor = Abi.minor(number);
        engine = opened;
        assumeFalse(major == 1, "this host has none of the devices");
    }

    private static final ContainerSpec BUSYBOX = ContainerSpec.of("busybox");

    private static String output(ContainerSpec spec, String script) {
        var result = engine.containers().run(spec.command("sh", "-c", script));
        return result.stdout() + result.stderr();
    }

    private static String make() {
        return "mknod /dev/log0 c " + major + " " + minor + "; ";
    }

    @ParameterizedTest
    @CsvSource({"rwm,'read\nwritten\n'", "rw,'read\nwritten\n'", "r,'read\n'", "w,'written\n'", "m,''"})
    void aDeviceIsGivenWithItsPermissions(String permissions, String result) {
        var spec = BUSYBOX.device(new Device(DEVICE.toString(), "/dev/log0", permissions));

        assertThat(output(spec, "stat -c '%t %T' /dev/log0; " + ALLOWED.formatted("log0")))
                .isEqualTo(Integer.toHexString(major) + " " + Integer.toHexString(minor) + "\n" + result);
    }

    @Test
    void withoutARuleItCannotBeUsed() {
        assertThat(output(BUSYBOX, make() + ALLOWED.formatted("log0"))).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"c MAJOR:MINOR rw", "c MAJOR:* rwm", "c *:* rwm", "a", "a *:* rw", "a MAJOR:MINOR rwm"})
    void aRuleAllowsNodesThatTheContainerMakes(String rule) {
        var spec = BUSYBOX.security(
                now -> now.deviceRule(rule.replace("MAJOR", "" + major).replace("MINOR", "" + minor)));

        assertThat(output(spec, make() + ALLOWED.formatted("log0"))).isEqualTo("read\nwritten\n");
    }

    @ParameterizedTest
    @CsvSource({"b MAJOR:MINOR rwm", "c MAJOR:1MINOR rwm", "c 1MAJOR:MINOR rwm", "b *:* rwm"})
    void aRuleForOthersDoesNot(String rule) {
        var spec = BUSYBOX.security(
                now -> now.deviceRule(rule.replace("MAJOR", "" + major).replace("MINOR", "" + minor)));

        assertThat(output(spec, make() + ALLOWED.formatted("log0"))).isEmpty();
        assertThat(output(spec, "echo x >/dev/null && head -c 2 /dev/zero | wc -c"))
                .isEqualTo("2\n");
    }

    @Test
    void aNeighbourIsNotAllowedWhatOneIs() {
        try (var given = engine.containers()
                        .start(BUSYBOX.device(Device.of(DEVICE.toString())).command("sleep", "1000"));
                var other = engine.containers().start(BUSYBOX.command("sleep", "1000"))) {
            var script = make() + ALLOWED.formatted("log0");
            assertThat(given.exec("sh", "-c", script).stdout()).isEqualTo("read\nwritten\n");
            assertThat(other.exec("sh", "-c", script).stdout()).isEmpty();
        }
    }

    @Test
    void aDeviceMayStandAnywhereWithItsOwnerAndMode() throws IOException {
        var owner = (Integer) Files.getAttribute(DEVICE, "unix:uid");
        var mode = (Integer) Files.getAttribute(DEVICE, "unix:mode");
        assertThat(output(
                        BUSYBOX.device(new Device(DEVICE.toString(), "/srv/deep/log", "r")),
                        "stat -c '%u %a' /srv/deep/log"))
                .isEqualTo(owner + " " + Integer.toOctalString(mode & 07777) + "\n");
    }

    @Test
    void aDirectoryStandsForAllDevicesInIt() throws IOException {
        var cpu = Path.of("/dev/cpu");
        assumeTrue(Files.isDirectory(cpu.resolve("0")), "no /dev/cpu/0");
        assertThat(output(BUSYBOX.device(new Device("/dev/cpu", "/dev/processors", "r")), "ls /dev/processors/0"))
                .isNotEmpty();
    }

    @Test
    void whatIsNoDeviceIsRefused() {
        assertThatThrownBy(() -> output(BUSYBOX.name("web").device(Device.of("/dev/nowhere")), "true"))
                .isInstanceOf(NotFoundException.class)
                .hasMessage(
                        "cannot give device /dev/nowhere to web: the host has no such file; see ls /dev for what it has");
        assertThatThrownBy(() -> output(BUSYBOX.name("web").device(Device.of("/etc/passwd")), "true"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(
                        "cannot give device /etc/passwd to web: it is no device; bind it, if it is a file to be shared");
    }

    @Test
    void aPrivilegedContainerHasWhatTheHostHas() throws IOException {
        var privileged = BUSYBOX.privileged();
        var own = Files.readAllLines(Path.of("/proc/self/status"));

        assertThat(output(privileged, "cat /proc/self/status").lines())
                .contains("Seccomp:\t0")
                .contains(own.stream()
                        .filter(line -> line.startsWith("CapPrm:"))
                        .findFirst()
                        .orElseThrow()
                        .replace("CapPrm", "CapEff"));
        assertThat(output(privileged, ALLOWED.formatted(Path.of("/dev").relativize(DEVICE))))
                .isEqualTo("read\nwritten\n");
        assertThat(output(privileged, "mount -t tmpfs x /tmp && echo mounted; hostname other && hostname"))
                .isEqualTo("mounted\nother\n");
        assertThat(output(
                        privileged,
                        "grep -E ' (/sys|/proc/sys|/sys/fs/cgroup/[a-z]+|/sys/fs/cgroup) ro' /proc/self/mountinfo; ls"
                                + " /sys/firmware | head -n 1; echo 1 >/proc/sys/vm/drop_caches && echo dropped"))
                .endsWith("dropped\n")
                .doesNotContain(" ro");
        try (var mounts = Files.list(Path.of("/dev"))) {
            var block = mounts.filter(path -> {
                        try {
                            return ((Integer) Files.getAttribute(path, "unix:mode") & 0170000) == 0060000;
                        } catch (IOException e) {
                            return false;
                        }
                    })
                    .map(path -> path.getFileName().toString())
                    .findFirst();
            block.ifPresent(
                    name -> assertThat(output(privileged, "ls /dev/" + name)).isEqualTo("/dev/" + name + "\n"));
        }
    }

    @Test
    void aPrivilegedContainerMayMakeGroupsWhichGoWithIt() {
        var script =
                "d=/sys/fs/cgroup; [ -d $d/memory ] && d=$d/memory; mkdir $d/mine && echo $$ >$d/mine/cgroup.procs && echo in";
        assertThat(output(BUSYBOX.privileged(), script)).isEqualTo("in\n");
    }

    @Test
    void capabilitiesAreAddedAndDropped() {
        assertThat(effective(BUSYBOX.capAdd("NET_ADMIN"))).isEqualTo("00000000a80435fb");
        assertThat(effective(BUSYBOX.capDrop("CHOWN", "cap_kill"))).isEqualTo("00000000a80425da");
        assertThat(effective(BUSYBOX.capDrop("ALL"))).isEqualTo("0000000000000000");
        assertThat(effective(BUSYBOX.capDrop("ALL").capAdd("NET_BIND_SERVICE"))).isEqualTo("0000000000000400");
        assertThat(effective(BUSYBOX.capAdd("ALL").capDrop("SYS_ADMIN")))
                .isNotEqualTo(effective(BUSYBOX.capAdd("ALL")));
        assertThatThrownBy(() -> effective(BUSYBOX.capAdd("FLY")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use capability FLY: Linux has none of this name; see capabilities(7) for the list");
    }

    private static String effective(ContainerSpec spec) {
        return output(spec, "grep CapEff /proc/self/status").strip().split("\t")[1];
    }

    @Test
    void whatACapabilityAllowsIsAllowed() {
        var script = "ip link set lo down && echo down";
        assertThat(output(BUSYBOX, script)).doesNotContain("down\n");
        assertThat(output(BUSYBOX.capAdd("NET_ADMIN"), script)).isEqualTo("down\n");
        assertThat(output(BUSYBOX.capDrop("CHOWN"), "touch /x && chown 1 /x")).contains("Operation not permitted");
    }

    @Test
    void groupsAreAddedByNameAndNumber() {
        assertThat(output(BUSYBOX.user("1000:1000").groupAdd("audio", "4711"), "id -G")
                        .strip()
                        .split(" "))
                .contains("1000", "29", "4711");
        assertThatThrownBy(() -> output(BUSYBOX.groupAdd("nobodies"), "id"))
                .isInstanceOf(NotFoundException.class)
                .hasMessageStartingWith("cannot run as a member of nobodies: the image has no group nobodies");
    }

    @Test
    void memoryToShareAndTheOrderToGoAreSet() {
        assertThat(output(
                        BUSYBOX.shmSize(ByteSize.mib(7)).oomScoreAdj(321),
                        "df -k /dev/shm | tail -n 1 | awk '{print $2}'; cat /proc/self/oom_score_adj"))
                .isEqualTo("7168\n321\n");
        assertThat(output(BUSYBOX, "df -k /dev/shm | tail -n 1 | awk '{print $2}'; cat /proc/self/oom_score_adj"))
                .isEqualTo("65536\n0\n");
    }

    @Test
    void whatNeedsAnotherKernelIsRefused() {
        assumeFalse(Files.exists(Path.of("/sys/module/apparmor")), "it has AppArmor");
        assertThatThrownBy(() -> output(BUSYBOX.name("web").security(now -> now.apparmor("strict")), "true"))
                .isInstanceOf(UnsupportedHostException.class)
                .hasMessage(
                        "cannot start web with AppArmor profile strict: AppArmor is not enabled in this kernel; leave the"
                                + " profile out, or boot with apparmor=1 security=apparmor");
        assertThatThrownBy(() -> output(BUSYBOX.name("web").security(now -> now.selinuxLabel("a:b:c:d")), "true"))
                .isInstanceOf(UnsupportedHostException.class)
                .hasMessage(
                        "cannot start web with SELinux label a:b:c:d: SELinux is not enabled in this kernel; leave the label"
                                + " out, or boot with selinux=1 security=selinux");
        assertThat(output(BUSYBOX.security(now -> now.apparmor("unconfined")), "echo hello"))
                .isEqualTo("hello\n");
    }

    @Test
    void aProfileAndALabelAtOnceAreRefused() {
        var both = BUSYBOX.name("web")
                .security(now -> now.apparmor("strict").selinuxLabel("system_u:system_r:container_t:s0"));
        assertThatThrownBy(() -> output(both, "true"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(
                        "cannot start web with an AppArmor profile and an SELinux label: a kernel follows one of them");
    }

    @Test
    void processesAreListedFromOutside() {
        var commands = List.of("sleep 2000", "sleep 1000");
        try (var container =
                engine.containers().start(BUSYBOX.user("guest").command("sh", "-c", "sleep 1000 & exec sleep 2000"))) {
            // each of the two is the shell for a moment
            Eventually.passes(() -> assertThat(container.top())
                    .extracting(process -> process.command())
                    .isEqualTo(commands));
            var processes = container.top();
            assertThat(processes).extracting(process -> process.containerPid()).contains(1);
            assertThat(processes).extracting(process -> process.user()).containsOnly("guest");
            assertThat(processes.get(0).pid()).isEqualTo(container.pid());
            assertThat(processes.get(1).ppid()).isEqualTo(container.pid());
            assertThat(processes).allSatisfy(process -> {
                assertThat(process.cpuPercent()).isNotNegative();
                assertThat(process.state()).isIn('S', 'R', 'D');
            });
        }
    }
}
