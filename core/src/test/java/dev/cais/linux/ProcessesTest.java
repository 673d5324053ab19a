package dev.cais.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.CancelledException;
import dev.cais.KernelException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Children that are spawned, watched, signalled and collected, each alone. */
class ProcessesTest {
    private static final int SIGKILL = 9;

    @Test
    void childRunsWithoutArgumentsAndEnvironmentAndIsCollected() {
        try (var child = spawn("/bin/true", Map.of())) {
            assertThat(child.await("cannot wait for true")).hasToString("exit 0");
            assertThat(child.pid()).isEqualTo(-1);
            assertThatThrownBy(child::reap)
                    .isInstanceOf(KernelException.class)
                    .hasMessage("cannot collect a child process: waitid(2) failed with ECHILD (no child processes)");
        }
    }

    @Test
    void childHasTheDescriptorsThatWereNamedForIt() {
        try (var output = Pipe.create()) {
            try (var child = spawn("/usr/bin/env", Map.of(1, output.writeEnd(), 2, output.writeEnd()))) {
                output.writeEnd().close();
                assertThat(child.await("cannot wait for env")).hasToString("exit 0");
            }
            assertThat(read(output.readEnd())).isEmpty();
        }
        try (var input = Pipe.create();
                var output = Pipe.create()) {
            try (var child = spawn("/bin/cat", Map.of(0, input.readEnd(), 1, output.writeEnd()))) {
                write(input.writeEnd(), "through");
                input.close();
                output.writeEnd().close();
                assertThat(child.await("cannot wait for cat")).hasToString("exit 0");
            }
            assertThat(read(output.readEnd())).isEqualTo("through");
        }
    }

    @Test
    void signalThatKillsIsReported() {
        try (var input = Pipe.create();
                var child = spawn("/bin/cat", Map.of(0, input.readEnd()))) {
            assertThat(child.reap()).isEmpty();
            assertThat(child.await(Duration.ofMillis(20), "cannot wait for cat"))
                    .isEmpty();
            assertThat(child.signal(SIGKILL)).isTrue();
            assertThat(child.await("cannot wait for cat")).isEqualTo(new Pidfd.Exit(0, SIGKILL, false));
            assertThat(child.signal(SIGKILL)).isFalse();
        }
    }

    @Test
    void programThatCannotBeExecutedIsNamed() {
        assertThatThrownBy(() -> spawn("/etc/passwd", Map.of()))
                .isInstanceOf(KernelException.class)
                .hasMessage("cannot start passwd: execve(2) failed with EACCES (permission denied)");
    }

    @Test
    void waitingThreadThatIsInterruptedThrowsAndKeepsItsFlag() throws Exception {
        try (var pipe = Pipe.create()) {
            var thrown = new AtomicReference<Throwable>();
            var flag = new AtomicReference<Boolean>();
            var waiting = new Thread(() -> {
                try {
                    Poll.readable(pipe.readEnd(), "cannot wait for the pipe");
                } catch (CancelledException e) {
                    thrown.set(e);
                }
                flag.set(Thread.currentThread().isInterrupted());
            });
            waiting.start();
            waiting.interrupt();
            waiting.join();
            assertThat(thrown.get()).hasMessage("cannot wait for the pipe: the thread was interrupted");
            assertThat(flag.get()).isTrue();
        }
    }

    @Test
    void waitingEndsWhenTheOtherEndIsGone() {
        var pipe = Pipe.create();
        assertThat(Poll.readable(pipe.readEnd(), Duration.ofMillis(1), "cannot wait"))
                .isFalse();
        pipe.writeEnd().close();
        assertThat(Poll.readable(pipe.readEnd(), Duration.ofMinutes(1), "cannot wait"))
                .isTrue();
        pipe.close();
    }

    @Test
    void messagesCarryDescriptors() {
        try (var pair = DescriptorSocket.pair();
                var pipe = Pipe.create()) {
            assertThat(Poll.ready(pair.ours().fd())).isFalse();
            send(pair.theirs(), "here", pipe.writeEnd());

            var message = pair.ours().receive("cannot receive").orElseThrow();
            assertThat(new String(message.content(), StandardCharsets.UTF_8)).isEqualTo("here");
            assertThat(message.descriptors()).hasSize(1);
            write(message.descriptors().get(0), "same pipe");
            message.descriptors().get(0).close();
            assertThat(read(pipe.readEnd(), 9)).isEqualTo("same pipe");

            pair.theirs().close();
            assertThat(pair.ours().receive("cannot receive")).isEqualTo(Optional.empty());
        }
    }

    private static Pidfd spawn(String path, Map<Integer, Fd> descriptors) {
        var name = path.substring(path.lastIndexOf('/') + 1);
        try (var scratch = Scratch.frame();
                var program = Fd.of(Syscalls.checked(
                        "cannot open " + path,
                        Syscall.OPENAT,
                        Syscalls.call(Syscall.OPENAT, Abi.AT_FDCWD, scratch.path(path), Abi.O_CLOEXEC)))) {
            return Pidfd.open(Spawn.start("cannot start " + name, program, name, descriptors));
        }
    }

    /** sendmsg(2) with one descriptor: what a launch program does on the other side. */
    private static void send(Fd socket, String text, Fd descriptor) {
        try (var scratch = Scratch.frame()) {
            var bytes = text.getBytes(StandardCharsets.UTF_8);
            var control = scratch.take(24);
            control.putLong(0, 20)
                    .putInt(8, Abi.SOL_SOCKET)
                    .putInt(12, Abi.SCM_RIGHTS)
                    .putInt(16, descriptor.number());
            var header = scratch.words(
                    0, 0, scratch.words(scratch.bytes(bytes), bytes.length), 1, Scratch.address(control), 24, 0);
            Syscalls.checked(
                    "cannot send", Syscall.SENDMSG, Syscalls.call(Syscall.SENDMSG, socket.number(), header, 0));
        }
    }

    private static void write(Fd fd, String text) {
        try (var scratch = Scratch.frame()) {
            var bytes = text.getBytes(StandardCharsets.UTF_8);
            Syscalls.checked(
                    "cannot write",
                    Syscall.WRITE,
                    Syscalls.call(Syscall.WRITE, fd.number(), scratch.bytes(bytes), bytes.length));
        }
    }

    private static String read(Fd fd) {
        return read(fd, 4096);
    }

    private static String read(Fd fd, int most) {
        try (var scratch = Scratch.frame()) {
            var buffer = scratch.take(most);
            var size = Syscalls.checked(
                    "cannot read",
                    Syscall.READ,
                    Syscalls.call(Syscall.READ, fd.number(), Scratch.address(buffer), most));
            var bytes = new byte[(int) size];
            buffer.get(0, bytes);
            return new String(bytes, StandardCharsets.UTF_8);
        }
    }
}
