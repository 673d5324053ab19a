package dev.cais.runtime.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.cais.fixtures.Feature;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Syscall;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MachineTest {
    @TempDir
    private Path directory;

    @Test
    @RequiresProgram({"as", "objcopy"})
    void theInterpreterForX86IsWhatTheAssemblerMakesOfItsSource() throws IOException {
        assumeThat(Machine.host()).as("the host's assembler").isEqualTo(Machine.X86_64);
        assertThat(Machine.X86_64.interpreter()).isEqualTo(assembled("x86_64", ""));
    }

    @Test
    @RequiresProgram({"aarch64-linux-gnu-as", "aarch64-linux-gnu-objcopy"})
    void theInterpreterForAarch64IsWhatTheAssemblerMakesOfItsSource() throws IOException {
        assertThat(Machine.AARCH64.interpreter()).isEqualTo(assembled("aarch64", "aarch64-linux-gnu-"));
    }

    private byte[] assembled(String machine, String tools) throws IOException {
        var source = directory.resolve("interpreter.s");
        try (var resource = Machine.class.getResourceAsStream("interpreter-" + machine + ".s")) {
            assertThat(resource).isNotNull();
            Files.write(source, resource.readAllBytes());
        }
        var object = directory.resolve("interpreter.o").toString();
        var code = directory.resolve("interpreter.bin");
        Programs.output(tools + "as", "-o", object, source.toString());
        Programs.output(tools + "objcopy", "-O", "binary", "-j", ".text", object, code.toString());
        return Files.readAllBytes(code);
    }

    @Test
    @RequiresFeature(Feature.AARCH64_PROGRAMS)
    void aProgramForAarch64Runs() throws IOException {
        var program = LaunchProgram.builder();
        var ends = program.reserve(8);
        var letter = program.reserve(1);
        program.reportFailuresTo(2)
                .step(Syscall.PIPE2, ends, Arg.of(Abi.O_NONBLOCK))
                .write(ends.word32(4), "xyz")
                .label("loop")
                .read(ends.word32(), letter, 1)
                .on(Errno.EAGAIN, "empty")
                .step(Syscall.WRITE, Arg.of(1), letter, program.result())
                .goTo("loop")
                .label("empty")
                .step(Syscall.CLONE, Arg.of(Abi.SIGCHLD))
                .onZero("child")
                .step(Syscall.WAIT4, program.result(), Arg.of(0), Arg.of(0), Arg.of(0))
                .open(directory.resolve("none").toString(), Abi.O_RDONLY, 0)
                .ignore(Errno.ENOENT)
                .open("/proc/self/exe", Abi.O_DIRECTORY, 0)
                .ignore(Errno.ENOTDIR)
                .write(Arg.of(1), " parent")
                .mkdir("/", 0755)
                .exit(0)
                .label("child")
                .write(Arg.of(1), " child");
        var built = program.build();
        var file = directory.resolve("program");
        Files.write(file, built.elf(Machine.AARCH64));
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"));

        var command = Machine.host() == Machine.AARCH64
                ? new String[] {file.toString()}
                : new String[] {"qemu-aarch64-static", file.toString()};
        var outcome = Programs.run(command);

        var report = new byte[] {9, 0, 0, 0, (byte) Errno.EEXIST.number(), 0, 0, 0};
        assertThat(outcome.output()).isEqualTo("xyz child parent" + new String(report, StandardCharsets.UTF_8));
        assertThat(outcome.exitCode()).isEqualTo(125);
        assertThat(built.failure("cannot start web", report))
                .hasMessage("cannot start web: mkdirat(2) of / failed with EEXIST (file exists) [step=9]");
    }

    @Test
    void fourFlagsOfOpenHaveOtherNumbersOnTheOtherMachine() {
        var other = Machine.host() == Machine.X86_64 ? Machine.AARCH64 : Machine.X86_64;
        var differing = Abi.O_DIRECT | Abi.O_LARGEFILE | Abi.O_DIRECTORY | Abi.O_NOFOLLOW;

        assertThat(other.openFlags(Abi.O_DIRECTORY | Abi.O_CLOEXEC))
                .isEqualTo((other == Machine.AARCH64 ? 0x4000 : 0x10000) | Abi.O_CLOEXEC);
        assertThat(other.openFlags(Abi.O_NOFOLLOW)).isEqualTo(other == Machine.AARCH64 ? 0x8000 : 0x20000);
        assertThat(other.openFlags(differing)).isEqualTo(differing);
        assertThat(Machine.host().openFlags(differing)).isEqualTo(differing);
    }
}
