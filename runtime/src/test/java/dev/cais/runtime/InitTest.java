package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.InvalidSpecException;
import dev.cais.LogLine;
import dev.cais.NamespaceMode;
import dev.cais.NotFoundException;
import dev.cais.SeccompProfile;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import java.time.Duration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The init that a container may ask for: a launch program that goes on as PID 1. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class InitTest {
    private static Engine engine;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
    }

    private static ContainerSpec sh(String script) {
        return ContainerSpec.of("busybox").command("sh", "-c", script).withInit();
    }

    private static void awaitLine(Container container, String line) throws InterruptedException {
        while (container.logs().lines().noneMatch(each -> each.text().equals(line))) {
            assertThat(container.state().word()).isEqualTo("running");
            Thread.sleep(2);
        }
    }

    @Test
    void theProgramIsItsChild() {
        var result = engine.containers()
                .run(sh("echo $$; cat /proc/1/comm; cat /proc/1/cmdline | tr '\\000' ' '; echo; id -u"));

        assertThat(result.stderr()).isEmpty();
        assertThat(result.stdout()).isEqualTo("2\ncais-init\ncais-init \n0\n");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3, 127, 128, 255})
    void itEndsWithTheProgramsExitCode(int code) {
        var status = engine.containers().run(sh("exit " + code)).status();

        assertThat(status.exitCode()).isEqualTo(code);
        assertThat(status.signal()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 6, 9, 11, 15, 34, 64})
    void aProgramThatASignalEndedIsToldAsAShellTellsIt(int signal) {
        assertThat(engine.containers()
                        .run(sh("ulimit -c 0; kill -" + signal + " $$"))
                        .exitCode())
                .isEqualTo(128 + signal);
    }

    @ParameterizedTest
    @ValueSource(strings = {"HUP", "INT", "TERM", "USR1", "USR2", "WINCH", "CONT"})
    void signalsReachTheProgram(String signal) throws InterruptedException {
        try (var container = engine.containers()
                .start(sh("trap 'echo got; exit 7' " + signal + "; echo ready; while :; do sleep 0.01; done"))) {
            awaitLine(container, "ready");
            container.kill(signal);

            assertThat(container.await().exitCode()).isEqualTo(7);
            assertThat(container.logs().lines()).extracting(LogLine::text).containsExactly("ready", "got");
        }
    }

    @Test
    void aProgramWithoutAHandlerEndsByTheStopSignal() throws InterruptedException {
        try (var container = engine.containers().start(sh("echo ready; exec sleep 1000"))) {
            awaitLine(container, "ready");

            assertThat(container.stop(Duration.ofSeconds(60)).exitCode()).isEqualTo(128 + 15);
        }
    }

    @Test
    void orphansAreCollectedAndTheProgramGoesOn() throws InterruptedException {
        var orphans =
                "i=0; while [ $i -lt 200 ]; do (sh -c 'exit 5' &) ; i=$((i+1)); done; echo ready; cat /dev/zero >/dev/null";
        try (var container = engine.containers().start(sh(orphans))) {
            awaitLine(container, "ready");
            // each of them may begin late, and end later still
            Eventually.passes(() -> assertThat(container.top())
                    .extracting(process -> process.command())
                    .contains("cais-init")
                    .hasSizeLessThanOrEqualTo(3));
            assertThat(container.state().word()).isEqualTo("running");
        }
    }

    @Test
    void itIsConfinedLikeTheProgram() {
        try (var container = engine.containers().start(sh("exec sleep 1000").user("1000:1000"))) {
            var status = container
                    .exec(dev.cais.ExecSpec.of("cat", "/proc/1/status"))
                    .stdout();

            assertThat(status)
                    .contains(
                            "Name:\tcais-init",
                            "Uid:\t1000\t1000\t1000\t1000",
                            "Seccomp:\t2",
                            "CapEff:\t0000000000000000")
                    .contains("CapBnd:\t00000000a80425fb");
            assertThat(container.exec("sh", "-c", "ls /proc/1/fd").exitCode()).isNotZero();
        }
    }

    @Test
    void aFailedStartIsToldAsWithoutIt() {
        assertThatThrownBy(() -> engine.containers()
                        .run(ContainerSpec.of("busybox")
                                .name("lost")
                                .command("/nowhere")
                                .withInit()))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot start lost: there is no /nowhere in the container; check the command's spelling");
    }

    @Test
    void aProfileThatForbidsWhatItNeedsIsRefused() {
        var profile = new SeccompProfile.Custom("""
                {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["waitid"], "action": "SCMP_ACT_ERRNO"}]}
                """);

        assertThatThrownBy(
                        () -> engine.containers().run(sh("true").name("strict").seccomp(profile)))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(
                        "cannot start strict: its seccomp profile forbids waitid, which its start needs once the filter is"
                                + " loaded; allow waitid in the profile");
    }

    @Test
    void itCollectsOrphansInAPidNamespaceOfOthersToo() throws InterruptedException {
        try (var container = engine.containers()
                .start(sh("(sh -c 'exit 5' &); echo ready; exec sleep 1000").pid(NamespaceMode.HOST))) {
            awaitLine(container, "ready");
            Eventually.passes(() -> assertThat(container.top())
                    .extracting(process -> process.command())
                    .containsExactly("cais-init", "sleep 1000"));
        }
    }
}
