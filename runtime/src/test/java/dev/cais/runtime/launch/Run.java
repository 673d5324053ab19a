package dev.cais.runtime.launch;

import dev.cais.linux.Abi;
import dev.cais.linux.Fd;
import dev.cais.linux.Pidfd;
import dev.cais.linux.Pipe;
import dev.cais.linux.Poll;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/**
 * A program that was run to its end.
 *
 * @param output what it wrote to descriptor 1
 * @param report what it wrote to descriptor 3
 */
record Run(Pidfd.Exit exit, String output, byte[] report) {
    private static final Launch LAUNCH = new Launch(Path.of("/var/tmp"));

    static Run of(LaunchProgram program) {
        return of(LAUNCH, program);
    }

    static Run of(Launch launch, LaunchProgram program) {
        try (var output = Pipe.create();
                var report = Pipe.create();
                var nothing = open("/dev/null")) {
            try (var child = launch.start(
                    "cannot start the test's program",
                    program,
                    Map.of(0, nothing, 1, output.writeEnd(), 2, nothing, 3, report.writeEnd()))) {
                output.writeEnd().close();
                report.writeEnd().close();
                var text = new String(drain(output.readEnd()), StandardCharsets.UTF_8);
                var failure = drain(report.readEnd());
                var exit = child.await(Duration.ofSeconds(30), "cannot wait for the test's program");
                if (exit.isEmpty()) {
                    child.signal(Abi.SIGKILL);
                    throw new AssertionError("still running: " + program.listing());
                }
                return new Run(exit.get(), text, failure);
            }
        }
    }

    static Fd open(String path) {
        return open(path, Abi.O_RDWR);
    }

    static Fd open(String path, int flags) {
        try (var scratch = Scratch.frame()) {
            return Fd.of(Syscalls.checked(
                    "cannot open " + path,
                    Syscall.OPENAT,
                    Syscalls.call(Syscall.OPENAT, Abi.AT_FDCWD, scratch.path(path), flags | Abi.O_CLOEXEC, 0)));
        }
    }

    static byte[] drain(Fd pipe) {
        var content = new ByteArrayOutputStream();
        try (var scratch = Scratch.frame()) {
            var buffer = scratch.take(4096);
            while (true) {
                if (!Poll.readable(pipe, Duration.ofSeconds(30), "cannot read from the test's program")) {
                    throw new AssertionError("the program keeps its output open");
                }
                var size = (int) Syscalls.checked(
                        "cannot read from the test's program",
                        Syscall.READ,
                        Syscalls.call(Syscall.READ, pipe.number(), Scratch.address(buffer), 4096));
                if (size == 0) {
                    return content.toByteArray();
                }
                var bytes = new byte[size];
                buffer.get(0, bytes);
                content.writeBytes(bytes);
            }
        }
    }
}
