package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.CancelledException;
import dev.cais.ConflictException;
import dev.cais.ContainerSpec;
import dev.cais.ContainerState;
import dev.cais.CopySource;
import dev.cais.Engine;
import dev.cais.EventFilter;
import dev.cais.ExecSpec;
import dev.cais.InvalidSpecException;
import dev.cais.LogLine;
import dev.cais.NotFoundException;
import dev.cais.Ready;
import dev.cais.RestartPolicy;
import dev.cais.TimedOutException;
import dev.cais.WaitCondition;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** From state to state, on a real kernel. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class LifecycleTest {
    private static Engine engine;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
    }

    private static ContainerSpec sh(String script) {
        return ContainerSpec.of("busybox").command("sh", "-c", script);
    }

    @Test
    void aCreatedContainerHasNoProcessAndIsFound() {
        try (var container = engine.containers().create(sh("sleep 1000").name("web"))) {
            assertThat(container.state()).isEqualTo(ContainerState.CREATED);
            assertThat(container).hasToString("Container[web, created]");
            assertThat(engine.containers().get("web")).isSameAs(container);
            assertThat(container.await().exitCode()).isZero();
            assertThat(container.stop().exitCode()).isZero();
            assertThat(container.logs().lines()).isEmpty();
            assertThatThrownBy(container::pid)
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot tell the process id of container web: it is created; start it first");
            assertThatThrownBy(container::startedAt)
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot tell the start time of container web: it is created; start it first");

            container.start();

            assertThat(container.state()).isEqualTo(ContainerState.RUNNING);
            assertThat(Path.of("/proc/" + container.pid() + "/status"))
                    .content()
                    .contains("\nNSpid:\t" + container.pid());
            assertThat(container.startedAt()).isAfter(container.created());
        }
    }

    @Test
    void anExitedContainerRunsAgainOnItsFiles() {
        try (var container = engine.containers().start(sh("echo x >>/kept; cat /kept; exit $(wc -l </kept)"))) {
            var first = container.await();
            var id = container.id();
            container.start();
            var second = container.await();
            container.start();

            assertThat(first.exitCode()).isEqualTo(1);
            assertThat(second.exitCode()).isEqualTo(2);
            assertThat(container.await().exitCode()).isEqualTo(3);
            assertThat(container.id()).isEqualTo(id);
            assertThat(container.logs().lines().map(LogLine::text)).containsExactly("x", "x", "x", "x", "x", "x");
        }
    }

    @Test
    void noEndOfARunWaitsForTheDiskAndTheNextOneStarts() {
        try (var container = engine.containers().start(sh("grep -c ' / overlay .*volatile' /proc/mounts"))) {
            container.await();
            container.copyIn(CopySource.of(new byte[] {1}), "/between"); // a mount of its own
            container.start();
            container.await();

            assertThat(container.logs().lines().map(LogLine::text)).containsExactly("1", "1");
        }
    }

    @Test
    void aRestartMakesANewProcess() {
        try (var container =
                engine.containers().start(sh("echo up; exec sleep 1000").name("web"))) {
            var before = container.pid();
            container.restart();

            assertThat(container.pid()).isNotEqualTo(before);
            assertThat(container.exec("sh", "-c", "echo $PPID").stdout()).isEqualTo("0\n");
            container.stop();
            container.restart();
            assertThat(container.state()).isEqualTo(ContainerState.RUNNING);
        }
    }

    @Test
    void aSecondStartIsRefused() {
        try (var container = engine.containers().start(sh("sleep 1000").name("web"))) {
            assertThatThrownBy(container::start)
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot start container web: it is running");
        }
    }

    @Test
    void theFirstStartOfTwoThreadsWins() throws Exception {
        try (var container = engine.containers().create(sh("sleep 1000"))) {
            var refused = new CompletableFuture<Throwable>();
            var threads = new Thread[2];
            for (var i = 0; i < 2; i++) {
                threads[i] = new Thread(() -> {
                    try {
                        container.start();
                    } catch (ConflictException e) {
                        refused.complete(e);
                    }
                });
                threads[i].start();
            }
            assertThat(refused.get(60, TimeUnit.SECONDS)).hasMessageEndingWith("it is running");
            for (var thread : threads) {
                thread.join();
            }
            assertThat(container.state()).isEqualTo(ContainerState.RUNNING);
        }
    }

    @Test
    void aFailedStartLeavesTheContainerAsItWas() {
        try (var container = engine.containers()
                .create(ContainerSpec.of("busybox").name("typo").command("/no/program"))) {
            for (var i = 0; i < 2; i++) {
                assertThatThrownBy(container::start)
                        .isInstanceOf(NotFoundException.class)
                        .hasMessage("cannot start typo: there is no /no/program in the container; check the command's"
                                + " spelling");
                assertThat(container.state()).isEqualTo(ContainerState.CREATED);
            }
        }
    }

    @Test
    void theEndOfAContainerThatNeverRanIsTold() {
        var container = engine.containers().create(sh("true").name("unused"));
        var end = container.onExit();
        container.close();
        container.close();

        assertThat(container.state()).isEqualTo(ContainerState.REMOVED);
        assertThatThrownBy(() -> end.get(60, TimeUnit.SECONDS))
                .isInstanceOf(ExecutionException.class)
                .cause()
                .isInstanceOf(ConflictException.class)
                .hasMessage("cannot wait for the end of container unused: it is removed");
        assertThatThrownBy(container::start)
                .isInstanceOf(ConflictException.class)
                .hasMessage("cannot start container unused: it is removed");
        assertThat(engine.containers().find("unused")).isEmpty();
    }

    @Test
    void waitingHasThreeConditions() throws Exception {
        try (var container = engine.containers().create(sh("exit 4").name("job"))) {
            assertThat(container
                            .await(WaitCondition.NOT_RUNNING, Duration.ofSeconds(60))
                            .exitCode())
                    .isZero();
            assertThatThrownBy(() -> container.await(WaitCondition.NEXT_EXIT, Duration.ofMillis(10)))
                    .isInstanceOf(TimedOutException.class)
                    .hasMessage("cannot wait longer for container job: it is created after PT0.01S");
            var nextExit = later(() -> container.await(WaitCondition.NEXT_EXIT).exitCode());
            var removed = later(() -> container.await(WaitCondition.REMOVED).exitCode());
            var thread = waiting.poll(60, TimeUnit.SECONDS);
            awaitWaiting(thread);
            awaitWaiting(waiting.poll(60, TimeUnit.SECONDS));

            container.start();
            assertThat(nextExit.get(60, TimeUnit.SECONDS)).isEqualTo(4);
            assertThat(removed).isNotDone();
            container.remove();
            assertThat(removed.get(60, TimeUnit.SECONDS)).isEqualTo(4);
            assertThatThrownBy(() -> container.await(WaitCondition.NEXT_EXIT))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot wait for the next exit of container job: it is removed");
        }
    }

    private final BlockingQueue<Thread> waiting = new LinkedBlockingQueue<>();

    private <T> CompletableFuture<T> later(Supplier<T> task) {
        var result = new CompletableFuture<T>();
        var thread = new Thread(() -> {
            try {
                result.complete(task.get());
            } catch (RuntimeException e) {
                result.completeExceptionally(e);
            }
        });
        thread.start();
        waiting.add(thread);
        return result;
    }

    private static void awaitWaiting(Thread thread) {
        Eventually.isTrue(() -> thread.getState() == Thread.State.WAITING);
    }

    @Test
    void anInterruptedWaitIsCancelled() throws Exception {
        try (var container = engine.containers().start(sh("sleep 1000").name("slow"))) {
            var result = later(container::await);
            var thread = waiting.take();
            awaitWaiting(thread);
            thread.interrupt();

            assertThatThrownBy(() -> result.get(60, TimeUnit.SECONDS))
                    .cause()
                    .isInstanceOf(CancelledException.class)
                    .hasMessage("cannot go on waiting for container slow: the thread was interrupted");
            assertThat(container.state()).isEqualTo(ContainerState.RUNNING);
        }
    }

    @Test
    void whoWaitsForAnyTimeWaitsForTheEnd() {
        var forEver = Duration.ofSeconds(Long.MAX_VALUE);
        try (var container =
                        engine.containers().start(sh("trap 'exit 7' TERM; touch /set; while :; do sleep 0.05; done"));
                var events = engine.events().follow(EventFilter.ALL)) {
            container.awaitReady(Ready.file("/set"), forEver);

            assertThat(container.exec(ExecSpec.of("true").timeout(forEver)).exitCode())
                    .isZero();
            assertThat(container.stop(forEver).exitCode()).isEqualTo(7);
            assertThat(container.await(forEver).exitCode()).isEqualTo(7);
            assertThat(events.next(forEver)).isPresent();
        }
    }

    @Test
    void startsThatFailKeepNoPipeOpen(@TempDir Path host) throws Exception {
        var program = host.resolve("run");
        Files.writeString(program, "#!/bin/sh\nexec cat");
        Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
        var spec =
                ContainerSpec.of("busybox").command("/in/run").bind(host, "/in").openStdin();
        try (var container = engine.containers().start(spec)) {
            container.kill("KILL");
            container.await();
            Files.move(program, host.resolve("away"));
            for (var i = 0; i < 2; i++) {
                assertThatThrownBy(container::start).isInstanceOf(NotFoundException.class);
            }
            Files.move(host.resolve("away"), program);

            container.start();
            try (var attached = container.attach()) {
                attached.stdin().write("heard\n".getBytes(StandardCharsets.UTF_8));
                attached.stdin().flush();
                assertThat(attached.stdout().readNBytes(6)).asString().isEqualTo("heard\n");
            }
        }
    }

    @Test
    void onlyWhatDoesNotRunIsRemoved() {
        var container = engine.containers().start(sh("sleep 1000").name("web"));
        assertThatThrownBy(container::remove)
                .isInstanceOf(ConflictException.class)
                .hasMessage("cannot remove container web: it is running; stop it first, or close it");
        container.stop();
        container.remove();

        assertThat(container.state()).isEqualTo(ContainerState.REMOVED);
        assertThat(engine.containers().find("web")).isEmpty();
        assertThatThrownBy(container::remove)
                .isInstanceOf(ConflictException.class)
                .hasMessage("cannot remove container web: it is removed");
    }

    @Test
    void oneThatGoesWithItsEndStaysWhereItIsStartedAgain() {
        try (var container = engine.containers().start(sh("sleep 1000").withAutoRemove())) {
            for (var i = 0; i < 5; i++) {
                container.restart(Duration.ZERO);
                assertThat(container.state()).isEqualTo(ContainerState.RUNNING);
            }
            container.stop(Duration.ZERO);
            container.await(WaitCondition.REMOVED, Duration.ofSeconds(60));
        }
    }

    @Test
    void aContainerMayRemoveItselfAtItsEnd() {
        var container = engine.containers().start(sh("exit 3").withAutoRemove());

        assertThat(container.await(WaitCondition.REMOVED).exitCode()).isEqualTo(3);
        assertThat(engine.containers().list()).isEmpty();
        assertThat(engine.containers().run(sh("echo kept").withAutoRemove()).stdout())
                .isEqualTo("kept\n");
    }

    @Test
    void aRenamedContainerIsFoundByItsNewName() {
        try (var web = engine.containers().start(sh("sleep 1000").name("web"));
                var store = engine.containers().create(sh("true").name("store"))) {
            assertThatThrownBy(() -> web.rename("store"))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage(
                            "cannot rename container web to store: another one of this engine has that name; close that one"
                                    + " first, or choose another name");
            assertThatThrownBy(() -> web.rename("web"))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot rename container web to web: that is its name");
            assertThatThrownBy(() -> web.rename("-"))
                    .isInstanceOf(InvalidSpecException.class)
                    .hasMessage("cannot rename container web to -: it does not match [a-zA-Z0-9][a-zA-Z0-9_.-]+");
            web.rename("front");
            store.rename("web");

            assertThat(engine.containers().get("front")).isSameAs(web);
            assertThat(engine.containers().get("web")).isSameAs(store);
            // no hexadecimal number, or it could be the begin of an id
            assertThat(engine.containers().find("store")).isEmpty();
            assertThat(web.name()).isEqualTo("front");
        }
        assertThat(engine.containers().find("front")).isEmpty();
        engine.containers().create(sh("true").name("front")).close();
    }

    @Test
    void anySignalCanBeSent() throws InterruptedException {
        var script = "trap 'exit 9' 37; echo ready; while :; do sleep 0.01; done";
        try (var container = engine.containers().start(sh(script))) {
            Eventually.isTrue(() -> container.logs().lines().findAny().isPresent());
            container.kill("RTMIN+3");

            assertThat(container.await().exitCode()).isEqualTo(9);
            assertThatThrownBy(() -> container.kill("NOSUCH"))
                    .isInstanceOf(InvalidSpecException.class)
                    .hasMessage("cannot use signal NOSUCH: there is none of that name; write SIGTERM, TERM or 15");
        }
    }

    @Test
    void whatEndsWhileTheEngineClosesIsGone(TestStore store) throws Exception {
        var other = store.openEngineWithBusybox();
        for (var i = 0; i < 5; i++) {
            other.containers().start(sh("sleep 0.0" + i).restart(RestartPolicy.ALWAYS));
            other.containers().start(sh("sleep 0.0" + i).withAutoRemove());
            other.containers().create(sh("true"));
        }
        other.close();
        assertThat(other.containers().list()).isEmpty();
    }
}
