package dev.cais.runtime.launch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.KernelException;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Syscall;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class LaunchTest {
    private static final Arg OUTPUT = Arg.of(1);

    @Test
    void aProgramWritesAndExits() {
        var run =
                Run.of(LaunchProgram.builder().write(OUTPUT, "hello\n").exit(7).build());

        assertThat(run.output()).isEqualTo("hello\n");
        assertThat(run.exit()).hasToString("exit 7");
        assertThat(run.report()).isEmpty();
    }

    @Test
    void theEndOfAProgramIsASuccess() {
        assertThat(Run.of(LaunchProgram.builder().build()).exit()).hasToString("exit 0");
    }

    @Test
    void aLabelMayStandBeforeAndAfterTheStepThatGoesThere() {
        var program = LaunchProgram.builder();
        var place = program.reserve(8);
        // a pipe holds the number of rounds that are left
        program.step(Syscall.PIPE2, place, Arg.of(Abi.O_NONBLOCK))
                .write(place.word32(4), "xyz")
                .label("loop")
                .read(place.word32(), program.reserve(1), 1)
                .onFailure("end")
                .write(OUTPUT, "round ")
                .goTo("loop")
                .label("end")
                .write(OUTPUT, "end");

        assertThat(Run.of(program.build()).output()).isEqualTo("round round round end");
    }

    @Test
    void aFailureThatNobodyHandlesIsReportedWithItsStep() {
        var program = LaunchProgram.builder()
                .reportFailuresTo(3)
                .write(OUTPUT, "before")
                .mount("proc", "/no/such/place", "proc", Abi.MS_NOSUID, "")
                .write(OUTPUT, "after")
                .build();

        var run = Run.of(program);

        assertThat(run.output()).isEqualTo("before");
        assertThat(run.exit()).hasToString("exit 125");
        assertThat(program.failure("cannot start web", run.report()))
                .isExactlyInstanceOf(KernelException.class)
                .hasMessage(
                        "cannot start web: mount(2) of proc on /no/such/place failed with ENOENT (no such file or directory)"
                                + " [step=1]");
    }

    @Test
    void aCloneGoesOnByItself() {
        var program = LaunchProgram.builder();
        var pidfd = program.reserve(8);
        program.reportFailuresTo(3)
                .clone3(0, Abi.SIGCHLD, pidfd)
                .onZero("child")
                .waitid(pidfd.word32())
                .write(OUTPUT, "parent")
                .exit(0)
                .label("child")
                .write(OUTPUT, "child ")
                .execve("/bin/echo", List.of("echo", "executed"), List.of());
        var built = program.build();

        var run = Run.of(built);

        assertThat(run.report()).as(built.listing()).isEmpty();
        assertThat(run.output()).isEqualTo("child executed\nparent");
    }

    @Test
    void namedErrorsGoTheirOwnWays() {
        var program = LaunchProgram.builder()
                .reportFailuresTo(3)
                .mkdir("/", 0755)
                .ignore(Errno.EEXIST)
                .mkdir("/no/such/place", 0755)
                .on(Errno.EEXIST, "wrong")
                .on(Errno.ENOENT, "right")
                .label("wrong")
                .exit(1)
                .label("right")
                .write(OUTPUT, "right")
                .nanosleep(Duration.ofMillis(1))
                .build();

        assertThat(Run.of(program).output()).isEqualTo("right");
    }
}
