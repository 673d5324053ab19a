package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ConflictException;
import dev.cais.ContainerSpec;
import dev.cais.ContainerState;
import dev.cais.Engine;
import dev.cais.LogLine;
import dev.cais.NotFoundException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import java.nio.file.Path;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** From state to state, on a real kernel. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class LifecycleTest {
    private static Engine engine;

    @BeforeAll
    static void open(TestStore store) {
        engine = store.openEngineWithBusybox();
    }

    @AfterAll
    static void close() {
        engine.close();
    }

    private static ContainerSpec sh(String script) {
        return ContainerSpec.of("busybox").command("sh", "-c", script);
    }

    @Test
    void aCreatedContainerHasNoProcessAndIsFound() {
        try (var container = engine.containers().create(sh("sleep 60").name("web"))) {
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
    void aRestartMakesANewProcess() {
        try (var container =
                engine.containers().start(sh("echo up; exec sleep 60").name("web"))) {
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
        try (var container = engine.containers().start(sh("sleep 60").name("web"))) {
            assertThatThrownBy(container::start)
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot start container web: it is running");
        }
    }

    @Test
    void theFirstStartOfTwoThreadsWins() throws Exception {
        try (var container = engine.containers().create(sh("sleep 60"))) {
            var refused = new java.util.concurrent.CompletableFuture<Throwable>();
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
            assertThat(refused.get(20, TimeUnit.SECONDS)).hasMessageEndingWith("it is running");
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
        assertThatThrownBy(() -> end.get(10, TimeUnit.SECONDS))
                .isInstanceOf(ExecutionException.class)
                .cause()
                .isInstanceOf(ConflictException.class)
                .hasMessage("cannot wait for the end of container unused: it is removed");
        assertThatThrownBy(container::start)
                .isInstanceOf(ConflictException.class)
                .hasMessage("cannot start container unused: it is removed");
        assertThat(engine.containers().find("unused")).isEmpty();
    }
}
