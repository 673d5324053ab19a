package dev.cais.image.host;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresProgram;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ElfFileTest {
    private static final Pattern NEEDED = Pattern.compile("Shared library: \\[(.*)]");
    private static final Pattern INTERPRETER = Pattern.compile("program interpreter: (.*)]");

    @Test
    @RequiresProgram("readelf")
    void everyProgramIsReadAsReadelfReadsIt() throws IOException {
        var read = 0;
        try (var programs = Files.newDirectoryStream(Path.of("/usr/bin"), "[a-d]*")) {
            for (var program : programs) {
                var elf = Files.isRegularFile(program) ? ElfFile.read(program) : Optional.<ElfFile>empty();
                if (elf.isPresent()) {
                    var expected = Programs.output("readelf", "-ld", program.toString());
                    assertThat(elf.get().needed()).as(program.toString()).isEqualTo(find(NEEDED, expected));
                    assertThat(elf.get().interpreter().stream().toList()).isEqualTo(find(INTERPRETER, expected));
                    read++;
                }
            }
        }
        assertThat(read).isPositive();
    }

    private static List<String> find(Pattern pattern, String text) {
        return pattern.matcher(text).results().map(match -> match.group(1)).toList();
    }

    @Test
    @RequiresProgram({"cc", "readelf"})
    void pathsOfLibrariesAreRead(@TempDir Path directory) throws IOException {
        var library = directory.resolve("lib/libx.so");
        Files.createDirectories(library.getParent());
        Files.writeString(directory.resolve("x.c"), "int x(void) { return 3; }");
        Files.writeString(directory.resolve("main.c"), "int x(void); int main(void) { return x(); }");
        compile(directory, "-shared", "-o", library.toString(), "x.c");
        for (var tags : List.of("--enable-new-dtags", "--disable-new-dtags")) {
            compile(directory, "-o", "main", "main.c", "-Llib", "-lx", "-Wl," + tags + ",-rpath,$ORIGIN/lib:/none");
            var program = directory.resolve("main").toString();
            var elf = ElfFile.read(Path.of(program)).orElseThrow();

            var paths = List.of("$ORIGIN/lib", "/none");
            assertThat(elf.runpath()).isEqualTo(tags.startsWith("--e") ? paths : List.of());
            assertThat(elf.rpath()).isEqualTo(tags.startsWith("--e") ? List.of() : paths);
            assertThat(new SharedLibraries(new HostFiles(Path.of("/")))
                            .needs(program, elf)
                            .orElseThrow())
                    .containsEntry("libx.so", library.toString())
                    .containsKey("libc.so.6");
        }
    }

    private static void compile(Path directory, String... arguments) {
        var command = new String[arguments.length + 1];
        command[0] = "cc";
        System.arraycopy(arguments, 0, command, 1, arguments.length);
        var outcome = Programs.runIn(directory, command);
        assertThat(outcome.exitCode()).as(outcome.output()).isZero();
    }

    @Test
    void brokenFilesAreNoElfFiles(@TempDir Path directory) throws IOException {
        var good = Files.readAllBytes(Path.of("/proc/self/exe"));
        var random = new Random(20261121);
        var file = directory.resolve("broken");
        for (var i = 0; i < 500; i++) {
            var broken = Arrays.copyOf(good, random.nextInt(Math.min(good.length, 8192)));
            for (var changes = 0; changes < 8 && broken.length > 0; changes++) {
                broken[random.nextInt(Math.min(broken.length, 1024))] = (byte) random.nextInt(256);
            }
            Files.write(file, broken);
            assertThat(ElfFile.read(file))
                    .satisfiesAnyOf(
                            elf -> assertThat(elf).isEmpty(),
                            elf -> assertThat(elf.orElseThrow().needed()).hasSizeLessThan(10_000));
        }
        Files.writeString(file, "#!/bin/sh\n".repeat(100));
        assertThat(ElfFile.read(file)).isEmpty();
    }
}
