package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ConflictException;
import dev.cais.Container;
import dev.cais.ContainerProcess;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.InvalidSpecException;
import dev.cais.NamespaceMode;
import dev.cais.Namespaces;
import dev.cais.NotFoundException;
import dev.cais.Ready;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Namespaces of another container's or the host's, and the time namespace, asked from inside. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class NamespacesTest {
    private static Engine engine;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
    }

    private static ContainerSpec sh(String script) {
        return ContainerSpec.of("busybox").command("sh", "-c", script);
    }

    private static ContainerSpec share(ContainerSpec spec, String kind, NamespaceMode mode) {
        var own = NamespaceMode.PRIVATE;
        return spec.namespaces(new Namespaces(
                kind.equals("pid") ? mode : own,
                kind.equals("ipc") ? mode : own,
                kind.equals("uts") ? mode : own,
                kind.equals("net") ? mode : own,
                java.util.Optional.empty()));
    }

    private static String namespace(Container container, String kind) {
        return container.exec("readlink", "/proc/self/ns/" + kind).stdout().strip();
    }

    @ParameterizedTest
    @CsvSource({"pid", "ipc", "uts", "net"})
    void oneOfAnotherContainerIsSharedAndNoOther(String kind) {
        try (var first = engine.containers().start(sh("exec sleep 1000").name("first-" + kind));
                var second = engine.containers()
                        .start(share(sh("exec sleep 1000"), kind, NamespaceMode.container("first-" + kind)))) {
            for (var each : new String[] {"pid", "ipc", "uts", "net", "mnt"}) {
                if (each.equals(kind)) {
                    assertThat(namespace(second, each)).isEqualTo(namespace(first, each));
                } else {
                    assertThat(namespace(second, each)).isNotEqualTo(namespace(first, each));
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"pid", "ipc", "uts", "net"})
    void oneOfTheHostIsSharedAndNoOther(String kind) throws IOException {
        try (var container = engine.containers().start(share(sh("exec sleep 1000"), kind, NamespaceMode.HOST))) {
            for (var each : new String[] {"pid", "ipc", "uts", "net", "mnt"}) {
                var hosts =
                        Files.readSymbolicLink(Path.of("/proc/self/ns", each)).toString();
                if (each.equals(kind)) {
                    assertThat(namespace(container, each)).isEqualTo(hosts);
                } else {
                    assertThat(namespace(container, each)).isNotEqualTo(hosts);
                }
            }
        }
    }

    @Test
    void processesOfASharedPidNamespaceSeeEachOther() {
        try (var first = engine.containers().start(sh("exec sleep 1111").name("seen"));
                var second = engine.containers().start(sh("exec sleep 2222").pid(NamespaceMode.container("seen")))) {
            assertThat(second.exec("ps", "-o", "args").stdout()).contains("sleep 1111", "sleep 2222");
            assertThat(first.exec("ps", "-o", "args").stdout()).contains("sleep 1111", "sleep 2222");
            assertThat(first.top()).hasSize(1);
            assertThat(second.top()).hasSize(1);
        }
    }

    @Test
    void nothingIsLeftOfAContainerInTheHostsPidNamespace() throws Exception {
        try (var container = engine.containers()
                .start(sh("setsid sleep 1000 & setsid sh -c 'sleep 1000 & sleep 1000' & sleep 0.05; echo ready; cat"
                                + " /dev/zero >/dev/null")
                        .pid(NamespaceMode.HOST))) {
            // some shells become their last program, and others stay beside it
            Eventually.passes(() -> assertThat(commands(container))
                    .contains("cat /dev/zero")
                    .filteredOn("sleep 1000"::equals)
                    .hasSize(3));
            var pids = container.top().stream().map(process -> process.pid()).toList();
            assertThat(container.exec("cat", "/proc/self/status").stdout().lines())
                    .filteredOn(line -> line.startsWith("NSpid:"))
                    .allMatch(line -> line.split("\t", -1).length == 2);
            container.kill("KILL");
            container.await();

            for (var pid : pids) {
                Eventually.passes(
                        () -> assertThat(runs(pid)).as("process %d", pid).isFalse());
            }
            Eventually.passes(
                    () -> assertThat(((LocalContainer) container).lastCgroup().processes())
                            .isEmpty());
        }
    }

    private static List<String> commands(Container container) {
        return container.top().stream().map(ContainerProcess::command).toList();
    }

    /** Neither reaped nor waiting for it. */
    private static boolean runs(long pid) {
        try {
            return !Files.readString(Path.of("/proc/" + pid + "/stat")).contains(") Z ");
        } catch (IOException e) {
            return false;
        }
    }

    @Test
    void theStopSignalEndsAProcessThatIsNoPidOne() {
        try (var container = engine.containers().start(sh("exec sleep 1000").pid(NamespaceMode.HOST))) {
            assertThat(container.stop(Duration.ofSeconds(60)).signal()).contains("SIGTERM");
        }
    }

    @Test
    void aContainerEndsWithTheOneWhosePidNamespaceItIsIn() {
        try (var first = engine.containers().start(sh("exec sleep 1000").name("shell"));
                var second = engine.containers().start(sh("exec sleep 1000").pid(NamespaceMode.container("shell")))) {
            first.kill("KILL");

            assertThat(second.await(Duration.ofSeconds(60)).signal()).contains("SIGKILL");
        }
    }

    @Test
    void sharedMemoryGoesWithTheIpcNamespace() {
        try (var first = engine.containers()
                        .start(sh("echo hello >/dev/shm/x; exec sleep 1000").name("memory"));
                var second = engine.containers()
                        .start(sh("while [ ! -s /dev/shm/x ]; do sleep 0.01; done; echo back >/dev/shm/y;"
                                        + " exec sleep 1000")
                                .ipc(NamespaceMode.container("memory")))) {
            assertThat(second.exec("sh", "-c", "while [ ! -s /dev/shm/y ]; do sleep 0.01; done; cat /dev/shm/x")
                            .stdout())
                    .isEqualTo("hello\n");
            assertThat(first.exec("cat", "/dev/shm/y").stdout()).isEqualTo("back\n");
            assertThat(second.exec("cat", "/proc/self/mountinfo").stdout().lines())
                    .filteredOn(line -> line.contains(" /dev/shm "))
                    .singleElement()
                    .asString()
                    .contains("nosuid,nodev,noexec");
        }
    }

    @Test
    void theHostsSharedMemoryGoesWithItsIpcNamespace() throws IOException {
        var file = Files.createTempFile(Path.of("/dev/shm"), "cais", "test");
        try {
            assertThat(engine.containers()
                            .run(sh("ls /dev/shm").ipc(NamespaceMode.HOST))
                            .stdout())
                    .contains(file.getFileName().toString());
        } finally {
            Files.delete(file);
        }
    }

    @Test
    void theHostNameIsThatOfTheSharedNamespace() {
        try (var first =
                engine.containers().start(sh("exec sleep 1000").name("named").hostname("one.example"))) {
            assertThat(engine.containers()
                            .run(sh("hostname; cat /etc/hostname").uts(NamespaceMode.container("named")))
                            .stdout())
                    .isEqualTo("one.example\none.example\n");
            assertThat(first.exec("hostname").stdout()).isEqualTo("one.example\n");
        }
        assertThatThrownBy(() -> sh("").uts(NamespaceMode.HOST).hostname("mine"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot set a host name: the UTS namespace is not the container's own (host), and its name"
                        + " with it");
    }

    @Test
    void whatIsSetInANetworkHoldsForAllInIt() {
        try (var first = engine.containers()
                .start(sh("exec sleep 1000").name("network").sysctl("net.ipv4.ip_default_ttl", "33"))) {
            assertThat(engine.containers()
                            .run(sh("cat /proc/sys/net/ipv4/ip_default_ttl; ls /sys/class/net; ping -c 1 127.0.0.1"
                                            + " >/dev/null")
                                    .network(NamespaceMode.container("network")))
                            .stdout())
                    .isEqualTo("33\nlo\n");
            assertThat(first.state().word()).isEqualTo("running");
        }
    }

    @Test
    void clocksAreMovedInATimeNamespace() {
        var hosts = uptime(engine.containers().run(sh("cat /proc/uptime")).stdout());
        var spec = sh("cat /proc/uptime; cat /proc/self/timens_offsets; exec sleep 1000")
                .timeOffsets(Duration.ofSeconds(7, 5), Duration.ofDays(100));
        try (var container = engine.containers().start(spec)) {
            container.awaitReady(Ready.logLine("boottime.*"), Duration.ofSeconds(60)); // so it has read the clock
            var inside = uptime(container.exec("cat", "/proc/uptime").stdout());
            var later = uptime(engine.containers().run(sh("cat /proc/uptime")).stdout());
            assertThat(inside).isBetween(hosts + 100 * 86400, later + 100 * 86400);
            assertThat(container.exec("cat", "/proc/self/timens_offsets").stdout())
                    .matches("monotonic +7 +5\nboottime +8640000 +0\n");
            assertThat(container.logs().lines().map(line -> line.text()).toList())
                    .element(1)
                    .asString()
                    .matches("monotonic +7 +5");
        }
    }

    private static double uptime(String text) {
        return Double.parseDouble(text.substring(0, text.indexOf(' ')));
    }

    @Test
    void whoseNamespaceIsToBeSharedMustRun() {
        var spec = sh("true").name("lonely").network(NamespaceMode.container("gone"));
        assertThatThrownBy(() -> engine.containers().run(spec))
                .isInstanceOf(NotFoundException.class)
                .hasMessageStartingWith("cannot find container gone: this engine has none of that name or id");
        try (var gone = engine.containers().start(sh("true").name("gone"))) {
            gone.await();
            assertThatThrownBy(() -> engine.containers().run(spec))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage(
                            "cannot start container lonely: container gone, a namespace of which it is to share, does"
                                    + " not run; start that one first");
        }
    }

    @Test
    void sysctlsOfASharedNamespaceAreRefused() {
        assertThatThrownBy(() -> engine.containers()
                        .run(sh("true").ipc(NamespaceMode.HOST).sysctl("kernel.msgmax", "4242")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot set sysctl kernel.msgmax: the container shares the host's IPC namespace");
    }
}
