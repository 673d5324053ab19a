package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ConflictException;
import dev.cais.ContainerSpec;
import dev.cais.ContainerState;
import dev.cais.Engine;
import dev.cais.EventAction;
import dev.cais.EventFilter;
import dev.cais.ExitStatus;
import dev.cais.RestartPolicy;
import dev.cais.WaitCondition;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Containers that start again by themselves. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class RestartPolicyTest {
    private static Engine engine;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
    }

    private static ContainerSpec sh(String script) {
        return ContainerSpec.of("busybox").command("sh", "-c", script);
    }

    private static final Duration MOMENT = Duration.ofMillis(1);

    private static ExitStatus exit(int code) {
        return new ExitStatus(code, Optional.empty(), false);
    }

    @Test
    void eachWaitIsTwiceAsLongUpToAMinute() {
        var restarts = new Restarts(RestartPolicy.ALWAYS);

        assertThat(restarts.next(exit(0), MOMENT)).contains(Duration.ofMillis(100));
        assertThat(restarts.next(exit(0), MOMENT)).contains(Duration.ofMillis(200));
        for (var i = 0; i < 7; i++) {
            assertThat(restarts.next(exit(0), MOMENT)).contains(Duration.ofMillis(400L << i));
        }
        assertThat(restarts.next(exit(0), MOMENT)).contains(Duration.ofMillis(51200));
        assertThat(restarts.next(exit(0), MOMENT)).contains(Duration.ofMinutes(1));
        assertThat(restarts.next(exit(0), MOMENT)).contains(Duration.ofMinutes(1));
        assertThat(restarts.next(exit(0), Duration.ofSeconds(10))).contains(Duration.ofMillis(100));
        assertThat(restarts.count()).isEqualTo(13);
        restarts.stop();
        assertThat(restarts.next(exit(0), MOMENT)).isEmpty();
        restarts.reset();
        assertThat(restarts.count()).isZero();
        assertThat(restarts.next(exit(0), MOMENT)).contains(Duration.ofMillis(100));
    }

    @Test
    void failuresAreRetriedSoOften() {
        var restarts = new Restarts(RestartPolicy.onFailure(2));
        assertThat(restarts.next(exit(0), MOMENT)).isEmpty();
        assertThat(restarts.next(exit(1), MOMENT)).isPresent();
        assertThat(restarts.next(exit(1), MOMENT)).isPresent();
        assertThat(restarts.next(exit(1), MOMENT)).isEmpty();

        assertThat(new Restarts(RestartPolicy.onFailure(0)).next(exit(1), MOMENT))
                .isPresent();
        assertThat(new Restarts(RestartPolicy.NO).next(exit(1), MOMENT)).isEmpty();
        assertThat(new Restarts(RestartPolicy.UNLESS_STOPPED).next(exit(0), MOMENT))
                .isPresent();
    }

    @Test
    void aFailureIsRetriedOnTheSameFiles() {
        var spec = sh("echo x >>/tries; exit $(wc -l </tries)").restart(RestartPolicy.onFailure(2));
        try (var container = engine.containers().start(spec)) {
            assertThat(container.await().exitCode()).isEqualTo(3);
            assertThat(container.state()).isEqualTo(ContainerState.EXITED);
            assertThat(engine.events()
                            .past(EventFilter.ALL.container(container.id()).action(EventAction.START)))
                    .hasSize(3);
        }
        assertThat(engine.containers().run(spec).exitCode()).isEqualTo(3);
    }

    @Test
    void aCallersStopIsTheEnd() {
        var spec = sh("echo up; exec sleep 60").restart(RestartPolicy.ALWAYS);
        try (var container = engine.containers().start(spec)) {
            container.stop();

            assertThat(container.state()).isEqualTo(ContainerState.EXITED);
            container.start();
            container.kill("KILL");
            assertThat(container.await().signal()).contains("SIGKILL");
            assertThat(container.state()).isEqualTo(ContainerState.EXITED);
        }
    }

    @Test
    void otherEndsAreNot() throws Exception {
        var spec = sh("exec sleep 60").name("web").restart(RestartPolicy.UNLESS_STOPPED);
        try (var container = engine.containers().start(spec);
                var starts =
                        engine.events().follow(EventFilter.ALL.container("web").action(EventAction.START))) {
            var before = container.pid();
            container.kill("HUP"); // not heard: PID 1 has no handler for it
            ProcessHandle.of(before).orElseThrow().destroyForcibly();

            assertThat(starts.next(Duration.ofSeconds(60))).isPresent();
            assertThat(container.pid()).isNotEqualTo(before);
        }
    }

    @Test
    void aContainerBetweenTwoRunsSaysSo() {
        var spec = sh("exit 3").name("web").restart(RestartPolicy.ALWAYS);
        try (var container = engine.containers().start(spec)) {
            for (var i = 0; i < 5; i++) { // the last wait is long enough to look at, and each later one is longer
                container.await(WaitCondition.NEXT_EXIT);
            }
            Eventually.passes(() -> {
                assertThat(container.state()).isEqualTo(ContainerState.RESTARTING);
                assertThatThrownBy(container::start)
                        .isInstanceOf(ConflictException.class)
                        .hasMessage("cannot start container web: it is restarting");
                assertThatThrownBy(container::remove)
                        .isInstanceOf(ConflictException.class)
                        .hasMessage("cannot remove container web: it is restarting; stop it first, or close it");
            });

            assertThat(container.stop().exitCode()).isEqualTo(3);
            assertThat(container.state()).isEqualTo(ContainerState.EXITED);
        }
    }
}
