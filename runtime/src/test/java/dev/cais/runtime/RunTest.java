package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ByteSize;
import dev.cais.CancelledException;
import dev.cais.ConflictException;
import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.ContainerState;
import dev.cais.Engine;
import dev.cais.ExecSpec;
import dev.cais.InvalidSpecException;
import dev.cais.LogLine;
import dev.cais.NotFoundException;
import dev.cais.Stats;
import dev.cais.TimedOutException;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.OptionalLong;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The life of containers, on a real kernel with a real image. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class RunTest {
    private static Engine engine;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
    }

    private static ContainerSpec sh(String script) {
        return ContainerSpec.of("busybox").command("sh", "-c", script);
    }

    @Test
    void aRunGivesOutputAndExitCode() {
        var result = engine.containers().run(sh("echo hello from pid $$; echo oops >&2; exit 3"));

        assertThat(result.stdout()).isEqualTo("hello from pid 1\n");
        assertThat(result.stderr()).isEqualTo("oops\n");
        assertThat(result.exitCode()).isEqualTo(3);
        assertThat(result.status().signal()).isEmpty();
        assertThat(engine.containers().list()).isEmpty();
    }

    @Test
    void theKillingSignalIsTold() {
        try (var container = engine.containers().start(sh("sleep 60"))) {
            container.kill("KILL");

            var status = container.await();
            assertThat(status.exitCode()).isEqualTo(137);
            assertThat(status.signal()).contains("SIGKILL");
            assertThat(status.oomKilled()).isFalse();
            assertThat(container.state()).isEqualTo(ContainerState.EXITED);
        }
    }

    @Test
    void pidOneGoneMeansAllGone() throws InterruptedException {
        try (var container = engine.containers().start(sh("(setsid sleep 1000 &) ; sleep 0.1; exec sleep 1000"))) {
            var cgroup = ((LocalContainer) container).lastCgroup();
            Eventually.isTrue(() -> cgroup.processes().size() >= 2);
            container.kill("KILL");
            container.await();

            assertThat(cgroup.processes()).isEmpty();
        }
    }

    @Test
    void entrypointAndCommandCombineAsInDocker() {
        var spec = ContainerSpec.of("busybox").entrypoint("echo", "a");

        assertThat(engine.containers().run(spec).stdout()).isEqualTo("a\n");
        assertThat(engine.containers().run(spec.command("b", "c")).stdout()).isEqualTo("a b c\n");
        assertThat(engine.containers()
                        .run(spec.entrypoint("").command("echo", "d"))
                        .stdout())
                .isEqualTo("d\n");
    }

    @Test
    void aProcessHasTheSpecsSurroundings() {
        var spec = sh("pwd; id -u; id -g; id -G; hostname; echo $A; echo $HOME; umask")
                .workdir("/made/for/it")
                .user("1000:1001")
                .hostname("web.example")
                .env("A", "b c");

        assertThat(engine.containers().run(spec).stdout())
                .isEqualTo("/made/for/it\n1000\n1001\n1001\nweb.example\nb c\n/home/guest\n0022\n");
    }

    @Test
    void execRunsBesideTheFirstProcess() {
        var sleep = ContainerSpec.of("busybox").command("sleep", "60");
        try (var container = engine.containers().start(sleep.env("A", "b"))) {
            var result = container.exec(ExecSpec.of("sh", "-c", "cat; echo $A $C; id -u; pwd; cat /proc/1/comm; exit 4")
                    .stdin("typed\n")
                    .env("C", "d")
                    .user("65534")
                    .workdir("/tmp"));

            assertThat(result.stdout()).isEqualTo("typed\nb d\n65534\n/tmp\nsleep\n");
            assertThat(result.exitCode()).isEqualTo(4);
            assertThat(container.exec("hostname").stdout())
                    .isEqualTo(container.id().substring(0, 12) + "\n");
            assertThat(container.exec("sh", "-c", "kill -9 $$").status().signal())
                    .contains("SIGKILL");
        }
    }

    @Test
    void stopSendsTheStopSignalAndWaits() throws InterruptedException {
        try (var container = engine.containers()
                .start(sh("trap 'echo bye; exit 7' USR1; echo ready; while :; do sleep 0.01; done")
                        .stopSignal("USR1"))) {
            Eventually.isTrue(() -> container.logs().lines().findAny().isPresent());

            assertThat(container.stop().exitCode()).isEqualTo(7);
            assertThat(container.logs().lines().map(LogLine::text)).containsExactly("ready", "bye");
            assertThat(container.stop().exitCode()).isEqualTo(7);
        }
    }

    @Test
    void stopKillsAtOnceWhatCannotHearIt() {
        try (var container =
                engine.containers().start(ContainerSpec.of("busybox").command("sleep", "60"))) {
            var status = container.stop(Duration.ofHours(1)); // longer than this test may take

            assertThat(status.signal()).contains("SIGKILL");
        }
    }

    @Test
    void aHundredMegabytesOfEachStreamArriveWhole() {
        var out = new AtomicLong();
        var err = new AtomicLong();
        var result = engine.containers()
                .run(
                        sh("head -c 104857600 /dev/zero & head -c 104857600 /dev/zero >&2; wait"),
                        counting(out),
                        counting(err));

        assertThat(result.exitCode()).isZero();
        assertThat(out).hasValue(104857600);
        assertThat(err).hasValue(104857600);
        assertThat(result.out().total()).isEqualTo(104857600);
    }

    private static OutputStream counting(AtomicLong counter) {
        return new OutputStream() {
            @Override
            public void write(int b) {
                counter.incrementAndGet();
            }

            @Override
            public void write(byte[] bytes, int offset, int length) {
                counter.addAndGet(length);
            }
        };
    }

    @Test
    void aResultIsBoundedAndSaysWhereTheRestIs(TestStore store) {
        try (var small = Engine.open(engineOptions(store))) {
            small.images().load(dev.cais.fixtures.TestImages.busyboxArchive());
            var result = small.containers().run(sh("yes 12345 | head -c 100000; echo no >&2"));

            assertThat(result.out().bytes()).hasSize(1024);
            assertThat(result.out().total()).isEqualTo(100000);
            assertThat(result.out().isWhole()).isFalse();
            assertThat(result.out().rest())
                    .hasValueSatisfying(file -> assertThat(file).hasSize(100000));
            assertThat(result.err().isWhole()).isTrue();
            assertThat(result.err().rest()).isEmpty();
        }
    }

    private static dev.cais.EngineOptions engineOptions(TestStore store) {
        return store.options().captureLimit(ByteSize.kib(1));
    }

    @Test
    void limitsHoldAndStatsTell() {
        var spec = sh("sleep 60").memory(ByteSize.mib(64)).cpus(0.5).pids(20);
        try (var container = engine.containers().start(spec)) {
            var stats = container.stats();

            assertThat(stats.memory().bytes()).isBetween(1L, ByteSize.mib(64).bytes());
            assertThat(stats.memory().limit()).isEqualTo(ByteSize.mib(64));
            assertThat(stats.pids()).isEqualTo(new Stats.Pids(1, OptionalLong.of(20)));
            assertThat(stats.cpu().total()).isPositive();
            assertThat(container
                            .exec("sh", "-c", "for i in $(seq 30); do sleep 5 & done")
                            .stderr())
                    .contains("can't fork");
        }
    }

    @Test
    void theKernelsKillForMemoryIsTold() {
        var result = engine.containers()
                .run(ContainerSpec.of("busybox")
                        .command("sh", "-c", "tail /dev/zero")
                        .memory(ByteSize.mib(16)));

        assertThat(result.status().oomKilled()).isTrue();
        assertThat(result.exitCode()).isEqualTo(137);
    }

    @Test
    void namesAreUniqueAndFreeAgain() {
        var spec = sh("sleep 60").name("web");
        try (var container = engine.containers().start(spec)) {
            assertThat(engine.containers().get("web")).isSameAs(container);
            assertThat(engine.containers().get(container.id().substring(0, 8))).isSameAs(container);
            assertThat(container.toString()).isEqualTo("Container[web, running, pid " + container.pid() + "]");
            assertThatThrownBy(() -> engine.containers().start(spec))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage(
                            "cannot start container web: another one of this engine has that name; close it first, or"
                                    + " choose another name");
        }
        engine.containers().start(spec).close();
        assertThatThrownBy(() -> engine.containers().get("web"))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot find container web: this engine has none of that name or id [containers=[]]");
    }

    @Test
    void anExitedContainerRefusesWhatNeedsALiveOne() {
        try (var container = engine.containers().start(sh("exit 0").name("done"))) {
            container.await();

            assertThatThrownBy(() -> container.exec("true"))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot exec true in container done: it is exited; start it first");
            assertThatThrownBy(container::stats).isInstanceOf(ConflictException.class);
            assertThatThrownBy(() -> container.kill("TERM")).isInstanceOf(ConflictException.class);
            assertThatThrownBy(container::pid).isInstanceOf(ConflictException.class);
        }
    }

    @Test
    void closeIsIdempotentFromManyThreads() throws Exception {
        var container = engine.containers().start(sh("sleep 60"));
        var pool = Executors.newFixedThreadPool(8);
        try {
            for (var i = 0; i < 8; i++) {
                pool.execute(container::close);
            }
        } finally {
            pool.shutdown();
            assertThat(pool.awaitTermination(60, TimeUnit.SECONDS)).isTrue();
        }
        container.close();
        assertThat(container.state()).isEqualTo(ContainerState.REMOVED);
        assertThat(engine.containers().list()).isEmpty();
    }

    @Test
    void manyThreadsRunAtOnce() throws Exception {
        var pool = Executors.newFixedThreadPool(8);
        var results = new ArrayList<Future<String>>();
        try {
            for (var i = 0; i < 64; i++) {
                var text = "run " + i;
                results.add(pool.submit(() -> engine.containers()
                        .run(ContainerSpec.of("busybox").command("echo", text))
                        .stdout()));
            }
            for (var i = 0; i < 64; i++) {
                assertThat(results.get(i).get(60, TimeUnit.SECONDS)).isEqualTo("run " + i + "\n");
            }
        } finally {
            pool.shutdownNow();
        }
    }

    /** Processes on the way to a container tell of each other in any order. */
    @Test
    void containersStartedAtOnceAreEachFollowedToTheirOwnEnd() throws Exception {
        var pool = Executors.newFixedThreadPool(8);
        var started = new ArrayList<Future<Container>>();
        try {
            for (var i = 0; i < 40; i++) {
                started.add(pool.submit(() ->
                        engine.containers().start(ContainerSpec.of("busybox").command("sleep", "60"))));
            }
            for (var future : started) {
                var container = future.get(60, TimeUnit.SECONDS);
                assertThat(Files.readSymbolicLink(Path.of("/proc/" + container.pid() + "/exe")))
                        .hasToString("/bin/busybox");
                assertThat(container.exec("hostname").stdout())
                        .isEqualTo(container.id().substring(0, 12) + "\n");
            }
        } finally {
            pool.shutdown();
            engine.containers().list().forEach(Container::close);
        }
    }

    @Test
    void anInterruptedRunIsUndone() throws Exception {
        var thrown = new java.util.concurrent.CompletableFuture<Throwable>();
        var thread = new Thread(() -> {
            try {
                engine.containers().run(sh("sleep 60").name("interrupted"));
                thrown.complete(null);
            } catch (Throwable e) {
                thrown.complete(Thread.currentThread().isInterrupted() ? e : new AssertionError("flag was cleared", e));
            }
        });
        thread.start();
        Eventually.passes(() -> assertThat(engine.containers().find("interrupted"))
                .get()
                .extracting(Container::state)
                .isEqualTo(ContainerState.RUNNING));
        thread.interrupt();

        assertThat(thrown.get(60, TimeUnit.SECONDS))
                .isInstanceOf(CancelledException.class)
                .hasMessage("cannot go on waiting for container interrupted: the thread was interrupted");
        assertThat(engine.containers().find("interrupted")).isEmpty();
    }

    @Test
    void anInterruptedExecIsKilled() throws Exception {
        try (var container = engine.containers().start(sh("sleep 60"))) {
            var thrown = new java.util.concurrent.CompletableFuture<Throwable>();
            var thread = new Thread(() -> {
                try {
                    container.exec("sleep", "61");
                } catch (Throwable e) {
                    thrown.complete(e);
                }
            });
            thread.start();
            Eventually.isTrue(() -> container.exec("ps").stdout().contains("sleep 61"));
            thread.interrupt();

            assertThat(thrown.get(60, TimeUnit.SECONDS)).isInstanceOf(CancelledException.class);
            assertThat(container.exec("ps").stdout()).doesNotContain("sleep 61");
        }
    }

    @Test
    void waitingHasALimit() {
        try (var container = engine.containers().start(sh("sleep 60").name("slow"))) {
            assertThatThrownBy(() -> container.await(Duration.ofMillis(50)))
                    .isInstanceOf(TimedOutException.class)
                    .hasMessage("cannot wait longer for container slow: it still runs after PT0.05S");
        }
    }

    @Test
    void badSpecsAreRefusedInOneSentence() {
        assertThatThrownBy(() -> engine.containers()
                        .run(ContainerSpec.of("no-such-image").name("box")))
                .isInstanceOf(NotFoundException.class)
                .hasMessageStartingWith("cannot find image no-such-image");
        assertThatThrownBy(() -> engine.containers().run(sh("true").name("box").user("somebody")))
                .isInstanceOf(NotFoundException.class)
                .hasMessage(
                        "cannot run as somebody: the image has no user somebody [file=/etc/passwd]; name one that it has,"
                                + " or a number");
        assertThatThrownBy(() -> engine.containers()
                        .run(ContainerSpec.of("busybox").name("box").command("no-such-program")))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot start box: no-such-program is not in the PATH of the container"
                        + " [PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin]; check the command's"
                        + " spelling, or name the whole path");
        assertThatThrownBy(() -> engine.containers()
                        .run(ContainerSpec.of("busybox").name("box").command("/no/program")))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot start box: there is no /no/program in the container; check the command's spelling");
        assertThatThrownBy(() -> engine.containers()
                        .run(ContainerSpec.of("busybox").name("box").command("/etc/passwd")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(
                        "cannot start box: /etc/passwd cannot be executed: EACCES (permission denied); make it executable"
                                + " for the user it runs as");
        assertThatThrownBy(() -> engine.containers().run(sh("true").name("box").workdir("/etc/passwd")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(
                        "cannot start box: it cannot enter its working directory /etc/passwd: ENOTDIR (not a directory)"
                                + " [user=0]; choose another workdir, or a user who may enter it");
        assertThat(engine.containers().list()).isEmpty();
    }

    @Test
    void anEngineTellsWhatItIs() {
        assertThat(engine.toString()).startsWith("Engine[").contains("cgroup v").endsWith("0 containers]");
        assertThat(engine.info().id()).hasSize(12);
    }

    @Test
    void aClosedEngineRefusesAndHoldsNothing(TestStore store) {
        var other = store.openEngineWithBusybox();
        var container = other.containers().start(sh("sleep 60"));
        other.close();
        other.close();

        assertThat(container.state()).isEqualTo(ContainerState.REMOVED);
        assertThatThrownBy(() -> other.containers().run(sh("true")))
                .isInstanceOf(ConflictException.class)
                .hasMessage("cannot start busybox: the engine is closed; open another one");
        assertThat(store.path().resolve("engines").resolve(other.info().id())).doesNotExist();
    }
}
