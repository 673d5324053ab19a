package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ConflictException;
import dev.cais.ContainerSpec;
import dev.cais.ContainerState;
import dev.cais.Engine;
import dev.cais.LogLine;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import java.time.Duration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Paused containers stand still, and end like others. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class PauseTest {
    private static Engine engine;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
    }

    private static ContainerSpec sh(String script) {
        return ContainerSpec.of("busybox").command("sh", "-c", script);
    }

    private static final String ANSWERING = "trap 'echo heard' USR1; echo ready; while :; do sleep 0.01; done";

    private static dev.cais.Container startAnswering(String name) throws InterruptedException {
        var container = engine.containers().start(sh(ANSWERING).name(name));
        awaitLines(container, 1);
        return container;
    }

    private static void awaitLines(dev.cais.Container container, int count) {
        Eventually.isTrue(() -> container.logs().lines().count() >= count);
    }

    @Test
    void aPausedContainerDoesNothingUntilItGoesOn() throws InterruptedException {
        try (var container = startAnswering("web")) {
            container.pause();
            assertThat(container.state()).isEqualTo(ContainerState.PAUSED);
            assertThat(container).hasToString("Container[web, paused, pid " + container.pid() + "]");
            container.kill("USR1");
            assertThat(container.state()).isEqualTo(ContainerState.PAUSED);
            assertThat(container.stats().memory().bytes()).isPositive();
            assertThat(container.logs().lines().map(LogLine::text)).containsExactly("ready");
            container.unpause();

            assertThat(container.state()).isEqualTo(ContainerState.RUNNING);
            awaitLines(container, 2);
            assertThat(container.logs().lines().map(LogLine::text)).containsExactly("ready", "heard");
            assertThat(container.exec("echo", "on").stdout()).isEqualTo("on\n");
        }
    }

    @Test
    void whatCannotBeIsRefused() throws InterruptedException {
        try (var container = startAnswering("web")) {
            assertThatThrownBy(container::unpause)
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot unpause container web: it is running");
            container.pause();
            assertThatThrownBy(container::pause)
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot pause container web: it is paused");
            assertThatThrownBy(container::start)
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot start container web: it is paused");
            assertThatThrownBy(container::remove)
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot remove container web: it is paused; stop it first, or close it");
            assertThatThrownBy(() -> container.exec("true"))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot exec true in container web: it is paused; unpause it first");
            container.kill("KILL");
            container.await();
            assertThatThrownBy(container::pause)
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot pause container web: it is exited");
        }
    }

    @Test
    void aPausedContainerHearsAStop() throws InterruptedException {
        var script = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done";
        try (var container = engine.containers().start(sh(script))) {
            awaitLines(container, 1);
            container.pause();

            assertThat(container.stop(Duration.ofSeconds(60)).exitCode()).isEqualTo(7);
            container.start();
            assertThat(container.state()).isEqualTo(ContainerState.RUNNING);
        }
    }

    @Test
    void aPausedContainerIsKilled() throws InterruptedException {
        try (var container = startAnswering("web")) {
            container.pause();
            container.kill("KILL");

            assertThat(container.await().signal()).contains("SIGKILL");
        }
    }

    @Test
    void aPausedContainerIsClosedWithItsExecs() throws Exception {
        var container = startAnswering("web");
        var exec = new java.util.concurrent.CompletableFuture<Integer>();
        var thread =
                new Thread(() -> exec.complete(container.exec("sleep", "61").exitCode()));
        thread.start();
        Eventually.isTrue(() -> container.exec("ps").stdout().contains("sleep 61"));
        container.pause();
        container.close();

        assertThat(container.state()).isEqualTo(ContainerState.REMOVED);
        assertThat(exec.get(60, java.util.concurrent.TimeUnit.SECONDS)).isEqualTo(137);
        thread.join();
    }

    @Test
    void anEngineClosesWithPausedContainers(TestStore store) {
        var other = store.openEngineWithBusybox();
        var container = other.containers().start(sh("sleep 60"));
        container.pause();
        other.close();

        assertThat(container.state()).isEqualTo(ContainerState.REMOVED);
    }
}
