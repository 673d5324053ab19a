package dev.cais.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class HostProgramTest {
    private static final Duration LONG = Duration.ofMinutes(2);
    private static final byte[] NOTHING = {};

    @TempDir
    private Path directory;

    private HostProgram shell(String script) {
        return new HostProgram(List.of("/bin/sh", "-c", script), Map.of("PATH", "/usr/bin:/bin", "A", "b"), directory);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void itHasItsQuestionItsEnvironmentAndItsDirectory() throws Exception {
        var ended =
                shell("cat; echo; echo $A $HOME; pwd -P; echo why >&2; exit 7").run(bytes("question"), LONG);
        assertThat(new String(ended.stdout(), StandardCharsets.UTF_8))
                .isEqualTo("question\nb\n" + directory.toRealPath() + "\n");
        assertThat(ended.lastWords()).isEqualTo("why\n");
        assertThat(ended.exitCode()).isEqualTo(7);
    }

    @Test
    void itHasThisEnvironmentUnlessAnotherIsGiven() throws Exception {
        var ended = HostProgram.of("/bin/sh", "-c", "echo $PATH; pwd -P").run(NOTHING, LONG);
        assertThat(new String(ended.stdout(), StandardCharsets.UTF_8))
                .isEqualTo(System.getenv("PATH") + "\n" + Path.of("").toRealPath() + "\n");
    }

    @Test
    void itNeedNotReadItsQuestion() throws Exception {
        assertThat(shell("exec <&-; echo done").run(new byte[1 << 20], LONG).stdout())
                .asString()
                .isEqualTo("done\n");
    }

    @Test
    void onlyTheEndOfWhatItSaysIsKept() throws Exception {
        var words = shell("seq 1 200000 >&2").run(NOTHING, LONG).lastWords();
        assertThat(words).hasSize(2000).endsWith("\n199999\n200000\n");
    }

    @Test
    void anAnswerWithoutEndEndsIt() {
        assertThatThrownBy(() -> shell("yes").run(NOTHING, LONG))
                .isExactlyInstanceOf(IOException.class)
                .hasMessage("writes more than 1048576 bytes");
    }

    @Test
    void oneThatIsNotThereCannotBeStarted() {
        assertThatThrownBy(() -> HostProgram.of("/no/such/program").run(NOTHING, LONG))
                .isExactlyInstanceOf(IOException.class)
                .hasMessage("cannot be started");
    }

    @Test
    void itIsKilledWhenItsTimeIsOver() {
        assertThatThrownBy(() -> shell("exec sleep 1000").run(NOTHING, Duration.ofMillis(300)))
                .isExactlyInstanceOf(TimeoutException.class)
                .hasMessage("takes longer than 300 ms");
        assertThatThrownBy(() -> shell("exec sleep 1000").run(NOTHING, Duration.ofSeconds(1)))
                .hasMessage("takes longer than 1 s");
    }

    /** A program that ends before its output was first asked for has none left to the JDK, and counts as one that has ended. */
    @Test
    @Timeout(300)
    void whoeverHoldsItsOutputOpenIsNotWaitedFor() throws Exception {
        try {
            var ended = shell("sleep 1000 & echo $! >pid").run(NOTHING, LONG);
            assertThat(ended.exitCode()).isZero();
        } catch (TimeoutException e) {
            assertThat(e).hasMessage("has ended, but others hold its output open");
        }
        var left = Long.parseLong(Files.readString(directory.resolve("pid")).strip());
        assertThat(ProcessHandle.of(left)).hasValueSatisfying(ProcessHandle::destroyForcibly);
    }

    @Test
    void interruptedItIsKilledWithItsDescendants() throws Exception {
        var running = new FutureTask<>(
                () -> shell("sleep 1000 & echo $! >pid; mv pid started; wait").run(NOTHING, LONG));
        var thread = new Thread(running);
        thread.start();
        var started = directory.resolve("started");
        for (var end = System.nanoTime() + LONG.toNanos(); !Files.exists(started) && System.nanoTime() < end; ) {
            Thread.sleep(5);
        }
        var child = ProcessHandle.of(Long.parseLong(Files.readString(started).strip()))
                .orElseThrow();
        thread.interrupt();
        assertThatThrownBy(running::get).hasCauseInstanceOf(InterruptedException.class);
        assertThat(child.onExit().get(1, TimeUnit.MINUTES).isAlive()).isFalse();
    }

    /** Whether it has started its child by then or not. */
    @Test
    void interruptedAtOnceItLeavesNobody() throws Exception {
        for (var round = 0; round < 40; round++) {
            Thread.currentThread().interrupt();
            var program = shell("sleep 1000; sleep 1000");
            assertThatThrownBy(() -> program.run(NOTHING, LONG)).isExactlyInstanceOf(InterruptedException.class);
        }
        assertThat(ProcessHandle.allProcesses().filter(this::worksHere)).isEmpty();
    }

    private boolean worksHere(ProcessHandle process) {
        try {
            return Files.isSameFile(Path.of("/proc/" + process.pid() + "/cwd"), directory);
        } catch (IOException e) {
            return false; // it is gone, or another user's
        }
    }

    /** Its child's child has lost its parent, and is found by the group alone. */
    @Test
    void interruptedItIsKilledWithTheGroupThatItLeads() throws Exception {
        var running = new FutureTask<>(
                () -> shell("exec setsid sh -c '(sleep 1000 & echo $! >pid; mv pid started); exec sleep 1000'")
                        .run(NOTHING, LONG));
        var thread = new Thread(running);
        thread.start();
        var started = directory.resolve("started");
        for (var end = System.nanoTime() + LONG.toNanos(); !Files.exists(started) && System.nanoTime() < end; ) {
            Thread.sleep(5);
        }
        var orphan = ProcessHandle.of(Long.parseLong(Files.readString(started).strip()))
                .orElseThrow();
        thread.interrupt();
        assertThatThrownBy(running::get).hasCauseInstanceOf(InterruptedException.class);
        assertThat(orphan.onExit().get(1, TimeUnit.MINUTES).isAlive()).isFalse();
    }
}
