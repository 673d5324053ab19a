package dev.cais.runtime;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ByteSize;
import dev.cais.ContainerSpec;
import dev.cais.ContainerState;
import dev.cais.CopySource;
import dev.cais.Device;
import dev.cais.Engine;
import dev.cais.EventAction;
import dev.cais.EventFilter;
import dev.cais.ExecSpec;
import dev.cais.Health;
import dev.cais.HealthCheck;
import dev.cais.Mount;
import dev.cais.NamespaceMode;
import dev.cais.Ready;
import dev.cais.RestartPolicy;
import dev.cais.UnsupportedHostException;
import dev.cais.Warning;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.TestStore;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a plain user's containers can do, with and without subordinate ids. */
abstract class RootlessContract {
    private static final Duration LONG = Duration.ofSeconds(60);
    static final ContainerSpec BUSYBOX = ContainerSpec.of("busybox").noNetwork();
    private static final ContainerSpec SLEEPING = BUSYBOX.command("sleep", "1000");

    static ContainerSpec sh(String script) {
        return BUSYBOX.command("sh", "-c", script);
    }

    @Test
    void containerRunsAsRootOfItsOwn(TestStore store) {
        try (var engine = store.openEngineWithBusybox()) {
            var result = engine.containers().run(sh("id -u; echo $$; hostname").hostname("box"));

            assertThat(result.stderr()).isEmpty();
            assertThat(result.stdout()).startsWith("0\n1\nbox\n");
            assertThat(engine.info().notes())
                    .anyMatch(note -> note.startsWith("without root: root in a container is user "));
        }
    }

    @Test
    void lifeOfAContainer(TestStore store) throws Exception {
        try (var engine = store.openEngineWithBusybox();
                var box = engine.containers()
                        .start(sh("trap 'exit 7' TERM; echo ready; while true; do sleep 0.05; done")
                                .name("quay")
                                .withInit())) {
            box.awaitReady(Ready.logLine("ready"), LONG);

            assertThat(box.exec("sh", "-c", "cat; echo $0 >&2; exit 3").exitCode())
                    .isEqualTo(3);
            assertThat(box.exec(ExecSpec.of("cat").stdin("in".getBytes(UTF_8))).stdout())
                    .isEqualTo("in");
            assertThat(box.top()).anyMatch(process -> process.command().startsWith("sh -c trap"));
            assertThat(box.inspect().state().status()).isEqualTo(ContainerState.RUNNING);
            assertThat(box.stop(LONG).exitCode()).isEqualTo(7);
            box.start();
            assertThat(box.state()).isEqualTo(ContainerState.RUNNING);
            box.awaitReady(Ready.logLine("ready", 2), LONG);
            box.kill("KILL");
            assertThat(box.await(LONG).signal()).contains("SIGKILL");
            assertThat(box.logs()
                            .lines()
                            .filter(line -> line.text().equals("ready"))
                            .count())
                    .isEqualTo(2);
            assertThat(engine.events().past(EventFilter.ALL))
                    .extracting(event -> event.action())
                    .contains(EventAction.CREATE, EventAction.START, EventAction.DIE, EventAction.STOP);
        }
    }

    @Test
    void filesGoInAndOut(TestStore store) throws IOException {
        var copied = store.path().resolveSibling("copied");
        try (var engine = store.openEngineWithBusybox();
                var box = engine.containers().start(SLEEPING.name("quay"))) {
            box.copyIn(CopySource.text("moored"), "/root/ship");
            box.exec("sh", "-c", "echo more >>/root/ship; mkdir -m 700 /root/hold; echo tea >/root/hold/chest");
            box.copyOut("/root/ship", copied);

            assertThat(Files.readString(copied)).isEqualTo("mooredmore\n");
            assertThat(box.diff()).extracting(change -> change.path()).contains("/root/ship", "/root/hold/chest");
            var tar = new ByteArrayOutputStream();
            box.export(tar);
            assertThat(tar.toString(UTF_8)).contains("root/hold/chest");
            box.stop();
            assertThat(box.commit("laden", dev.cais.CommitOptions.DEFAULT).id()).isNotNull();
            assertThat(engine.containers()
                            .run(ContainerSpec.of("laden").noNetwork().command("cat", "/root/hold/chest"))
                            .stdout())
                    .isEqualTo("tea\n");
        }
    }

    @Test
    void mountsOfEveryKind(TestStore store) throws IOException {
        var shared = Files.createDirectories(store.path().resolveSibling("shared"));
        Files.writeString(shared.resolve("note"), "from the host\n");
        try (var engine = store.openEngineWithBusybox()) {
            engine.volumes().create("cargo");
            var spec = BUSYBOX.bind(shared, "/shared")
                    .bindReadOnly(shared, "/fixed")
                    .mount("cargo", "/etc")
                    .tmpfs("/scratch", ByteSize.mib(1))
                    .mount(Mount.image("busybox", "/other"));

            var result = engine.containers().run(spec.command("sh", "-c", """
                            cat /shared/note && echo back >/shared/answer
                            echo x 2>/dev/null >/fixed/no || echo fixed
                            cat /etc/hostname >/dev/null && grep -c root /etc/passwd
                            dd if=/dev/zero of=/scratch/file bs=1M count=2 2>/dev/null || echo full
                            ls /other/bin/busybox
                            """));

            assertThat(result.stdout()).isEqualTo("from the host\nfixed\n1\nfull\n/other/bin/busybox\n");
            assertThat(Files.readString(shared.resolve("answer"))).isEqualTo("back\n");
            assertThat(Files.getOwner(shared.resolve("answer")).getName()).isEqualTo(System.getProperty("user.name"));
            assertThat(engine.containers()
                            .run(BUSYBOX.mount("cargo", "/c").command("ls", "/c/passwd"))
                            .stdout())
                    .isEqualTo("/c/passwd\n");
        }
    }

    @Test
    void terminal(TestStore store) throws IOException {
        try (var engine = store.openEngineWithBusybox();
                var box = engine.containers()
                        .create(sh("tty; stty size; read line; echo got $line")
                                .tty()
                                .openStdin());
                var attached = box.attach()) {
            box.start();
            attached.stdin().write("rope\n".getBytes(UTF_8));
            attached.stdin().flush();
            var output = new String(attached.stdout().readAllBytes(), UTF_8);

            assertThat(output).contains("/dev/pts/0", "got rope");
            assertThat(box.await(LONG).success()).isTrue();
        }
    }

    @Test
    void namespacesOfTheHostAndOfOthers(TestStore store) {
        try (var engine = store.openEngineWithBusybox();
                var first = engine.containers().start(SLEEPING.name("first"))) {
            var hosts = ContainerSpec.of("busybox")
                    .hostNetwork()
                    .ipc(NamespaceMode.HOST)
                    .uts(NamespaceMode.HOST)
                    .name("open");
            try (var open = engine.containers().start(hosts.command("sleep", "1000"))) {
                var links = "ls /proc/self/ns -l | grep -E ' (net|ipc|uts) '| sed 's/.*-> //'";
                assertThat(open.exec("sh", "-c", links).stdout().lines())
                        .containsExactlyInAnyOrder(own("net"), own("ipc"), own("uts"));
                assertThat(open.exec("sh", "-c", "ls /sys/class/net; touch /sys/x 2>/dev/null || echo sealed")
                                .stdout())
                        .endsWith("sealed\n");
            }
            var beside = ContainerSpec.of("busybox")
                    .network(NamespaceMode.container("first"))
                    .pid(NamespaceMode.container("first"))
                    .ipc(NamespaceMode.container("first"));

            assertThat(engine.containers()
                            .run(beside.command("sh", "-c", "pidof sleep"))
                            .stdout())
                    .isEqualTo("1\n");
            assertThat(first.exec("sh", "-c", "cat /proc/net/if_inet6").stdout())
                    .contains(" lo\n");
        }
    }

    private static String own(String kind) {
        try {
            return Files.readSymbolicLink(Path.of("/proc/self/ns", kind)).toString();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void healthChecksAndRestartPolicies(TestStore store) throws Exception {
        try (var engine = store.openEngineWithBusybox();
                var box = engine.containers()
                        .start(sh("test -e /root/up && exec sleep 1000; touch /root/up; exit 1")
                                .restart(RestartPolicy.onFailure(3))
                                .health(HealthCheck.exec("test", "-e", "/root/up")
                                        .interval(Duration.ofMillis(100))))) {
            Eventually.isTrue(() -> box.restartCount() == 1 && box.state() == ContainerState.RUNNING);
            Eventually.isTrue(() -> box.health().status() == Health.Status.HEALTHY);

            assertThat(box.inspect().restartCount()).isEqualTo(1);
        }
    }

    @Test
    void devicesOfTheHostAreBound(TestStore store) {
        try (var engine = store.openEngineWithBusybox()) {
            var read =
                    "head -c 4 /dev/mine | od -An -tx1; echo x >/dev/null && echo written; head -c 1 /dev/urandom | wc -c";

            assertThat(engine.containers()
                            .run(sh(read).device(new Device("/dev/zero", "/dev/mine", "rwm")))
                            .stdout())
                    .isEqualTo(" 00 00 00 00\nwritten\n1\n");
            assertThat(engine.containers()
                            .run(sh("mknod /dev/disk b 8 0 2>/dev/null || echo refused"))
                            .stdout())
                    .isEqualTo("refused\n");
            assertThat(engine.containers()
                            .run(sh("grep CapEff /proc/self/status; mount -t tmpfs t /mnt && echo mounted")
                                    .privileged()
                                    .tmpfs("/mnt"))
                            .stdout())
                    .contains("CapEff:\t000001ffffffffff", "mounted");
        }
    }

    @Test
    void limitsThatCannotBeSetAreWarningsAndFiguresAreSummedUp(TestStore store) throws Exception {
        try (var engine = store.openEngineWithBusybox();
                var box = engine.containers().start(sh("while true; do :; done").memory(ByteSize.mib(64)))) {
            assertThat(engine.info().controllers()).isEmpty();
            assertThat(box.warnings()).extracting(Warning::what).containsExactly("memory 64.0 MiB");
            Eventually.isTrue(() -> box.stats().cpu().total().toMillis() > 50);
            var stats = box.stats();

            assertThat(stats.memory().bytes()).isPositive();
            assertThat(stats.pids().current()).isEqualTo(1);
            assertThatThrownBy(box::pause)
                    .isInstanceOf(UnsupportedHostException.class)
                    .hasMessageMatching(
                            "cannot pause " + box.id() + ": the freezer controller cannot be used, since .*");
            assertThatThrownBy(() -> box.commit("still"))
                    .isInstanceOf(UnsupportedHostException.class)
                    .hasMessageStartingWith("cannot commit container " + box.name() + " while it runs: cannot pause ")
                    .hasMessageEndingWith("; stop it first, or ask for CommitOptions.withoutPause()");
        }
        assertThatThrownBy(() -> {
                    try (var strict = Engine.open(store.options().strictLimits(true))) {
                        strict.containers().run(sh("true").memory(ByteSize.mib(64)));
                    }
                })
                .isInstanceOf(UnsupportedHostException.class)
                .hasMessageStartingWith("cannot set memory 64.0 MiB of container ");
    }

    @Test
    void execThatIsKilledLeavesNoChild(TestStore store) throws Exception {
        try (var engine = store.openEngineWithBusybox();
                var box = engine.containers().start(SLEEPING)) {
            var exec = box.startExec(ExecSpec.of("sh", "-c", "(setsid sleep 2000 &); sleep 2000 & sleep 2000; :"));
            Eventually.isTrue(() -> box.top().size() == 5);
            exec.kill("KILL");
            exec.await(LONG);
            Eventually.isTrue(() -> box.top().size() == 1);
            exec.close();
        }
    }

    @Test
    void whatOnlyRootCanShareIsRefused(TestStore store) throws IOException {
        var shared = Files.createDirectories(store.path().resolveSibling("propagated"));
        try (var engine = store.openEngineWithBusybox()) {
            assertRefused(
                    engine,
                    SLEEPING.pid(NamespaceMode.HOST),
                    "cannot create container box: without root it cannot share the host's process ids, since nothing would"
                            + " end its processes with it; run the JVM as root");
            assertRefused(
                    engine,
                    ContainerSpec.of("busybox").network(NamespaceMode.path(Path.of("/proc/self/ns/net"))),
                    "cannot create container box: without root it cannot enter the network namespace /proc/self/ns/net;"
                            + " run the JVM as root");
            assertRefused(
                    engine,
                    SLEEPING.device(new Device("/dev/zero", "/dev/zero", "r")),
                    "cannot create container box: without root nothing keeps it from more than 'r' with device /dev/zero but"
                            + " the host's own permissions; ask for rwm, or run the JVM as root");
            assertRefused(
                    engine,
                    SLEEPING.security(security -> security.deviceRule("c 1:3 rwm")),
                    "cannot create container box: without root it cannot make device nodes, so no rule for them can be"
                            + " set; give it a device of the host's, or run the JVM as root");
            assertRefused(
                    engine,
                    SLEEPING.mount(Mount.bind(shared, "/shared").propagation(Mount.Propagation.SHARED)),
                    "cannot create container box: without root nothing that it mounts below /shared can reach the host;"
                            + " choose propagation private or slave, or run the JVM as root");
        }
    }

    static void assertRefused(Engine engine, ContainerSpec spec, String message) {
        assertThatThrownBy(() -> engine.containers().create(spec.name("box")))
                .isInstanceOf(UnsupportedHostException.class)
                .hasMessage(message);
        assertThat(engine.containers().list()).isEmpty();
    }

    /** What the killed JVM does: ARGS are the store, and how many seconds its container's programs sleep. */
    static final class Victim {
        private Victim() {}

        public static void main(String[] args) throws Exception {
            var engine = Engine.open(dev.cais.EngineOptions.defaults().store(Path.of(args[0])));
            var sleep = "sleep " + args[1];
            engine.containers().start(sh("(setsid " + sleep + " &); mkdir -m 700 /root/kept; " + sleep));
            System.out.println(engine.info().id());
            Thread.sleep(Duration.ofMinutes(5).toMillis());
        }
    }

    @Test
    void killedJvmLeavesNothing(TestStore store) throws Exception {
        store.openEngineWithBusybox().close();
        var seconds = Long.toString(1_000_000 + ProcessHandle.current().pid()); // other JVMs run this test, too
        String id;
        try (var jvm = ChildJvm.start(Victim.class, store.path().toString(), seconds)) {
            id = jvm.readLine();
            Eventually.isTrue(() -> sleepers(seconds) == 2);
            jvm.kill();
        }

        Eventually.isTrue(() -> sleepers(seconds) == 0);
        Eventually.isTrue(() -> !Files.exists(store.path().resolve("engines").resolve(id)));
    }

    /** Processes of this user's and of its subordinates. */
    private static long sleepers(String seconds) {
        return ProcessHandle.allProcesses()
                .filter(process -> command(process.pid()).equals("sleep\0" + seconds + "\0"))
                .count();
    }

    private static String command(long pid) {
        try {
            return Files.readString(Path.of("/proc/" + pid + "/cmdline"));
        } catch (IOException e) {
            return "";
        }
    }

    @Test
    void enginesShareAStoreAndOpenOnAnother(TestStore store) {
        try (var first = store.openEngineWithBusybox();
                var second = store.openEngine()) {
            assertThat(second.containers().run(sh("echo two")).stdout()).isEqualTo("two\n");
            first.close();
            assertThat(second.containers().run(sh("echo still")).stdout()).isEqualTo("still\n");
        }
        assertThat(List.of(store.path().toFile().list())).contains("layers");
    }
}
