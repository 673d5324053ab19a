package dev.cais.runtime.launch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.KernelException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Pipe;
import dev.cais.linux.Syscall;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

@LeakChecked
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

    @Test
    void manyThreadsStartPrograms() throws Exception {
        var threads = Executors.newFixedThreadPool(8);
        try {
            var runs = new ArrayList<Future<Run>>();
            for (var i = 0; i < 400; i++) {
                var program = LaunchProgram.builder()
                        .write(OUTPUT, "program " + i)
                        .exit(i % 100)
                        .build();
                runs.add(threads.submit(() -> Run.of(program)));
            }
            for (var i = 0; i < runs.size(); i++) {
                assertThat(runs.get(i).get().output()).isEqualTo("program " + i);
                assertThat(runs.get(i).get().exit()).hasToString("exit " + i % 100);
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void theJvmsOwnDescriptorsMayHaveTheNumbersOfTheChilds() {
        // found by exchanging two: each stands for the number that the other has
        try (var first = Pipe.create();
                var second = Pipe.create();
                var nothing = Run.open("/dev/null")) {
            var program = LaunchProgram.builder()
                    .write(Arg.of(first.writeEnd().number()), "to the second")
                    .write(Arg.of(second.writeEnd().number()), "to the first")
                    .build();
            try (var child = new Launch(Path.of("/var/tmp"))
                    .start(
                            "cannot start the test's program",
                            program,
                            Map.of(
                                    0,
                                    nothing,
                                    1,
                                    nothing,
                                    2,
                                    nothing,
                                    first.writeEnd().number(),
                                    second.writeEnd(),
                                    second.writeEnd().number(),
                                    first.writeEnd()))) {
                child.await("cannot wait");
            }
            first.writeEnd().close();
            second.writeEnd().close();
            assertThat(new String(Run.drain(first.readEnd()), StandardCharsets.UTF_8))
                    .isEqualTo("to the first");
            assertThat(new String(Run.drain(second.readEnd()), StandardCharsets.UTF_8))
                    .isEqualTo("to the second");
        }
    }
}
