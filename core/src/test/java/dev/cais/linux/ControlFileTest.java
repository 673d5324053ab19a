package dev.cais.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.KernelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ControlFileTest {
    @TempDir
    Path directory;

    @Test
    void aFileOfAnyLengthIsReadWhole() throws IOException {
        var file = directory.resolve("long");
        var text = "0123456789ä".repeat(5000);
        Files.writeString(file, text);

        assertThat(ControlFile.read(file)).isEqualTo(text);
        assertThat(ControlFile.read(Path.of("/proc/self/status")))
                .contains("\nPid:\t" + ProcessHandle.current().pid());
        Files.writeString(file, "");
        assertThat(ControlFile.read(file)).isEmpty();
    }

    @Test
    void aWriteIsOneCommand() throws IOException {
        var file = Files.createFile(directory.resolve("file"));

        ControlFile.write(file, "max 100000");

        assertThat(file).hasContent("max 100000");
    }

    @Test
    void whatTheKernelRefusesSaysWhatAndWhere() {
        assertThatThrownBy(() -> ControlFile.write(directory.resolve("none"), "1"))
                .isInstanceOf(KernelException.class)
                .hasMessage("cannot write '1' to " + directory
                        + "/none: write(2) failed with ENOENT (no such file or directory)");
        assertThatThrownBy(() -> ControlFile.read(directory.resolve("none")))
                .isInstanceOf(KernelException.class)
                .hasMessage(
                        "cannot read " + directory + "/none: openat(2) failed with ENOENT (no such file or directory)");
        assertThat(ControlFile.tryWrite(directory.resolve("none"), "1")).isEqualTo(-Errno.ENOENT.number());
    }

    @Test
    void directoriesAreMadeAndRemovedOnce() {
        var made = directory.resolve("group");
        ControlFile.makeDirectory(made);

        assertThat(made).isDirectory();
        assertThatThrownBy(() -> ControlFile.makeDirectory(made))
                .isInstanceOf(KernelException.class)
                .hasMessage("cannot make " + made + ": mkdirat(2) failed with EEXIST (file exists)");
        assertThat(ControlFile.tryRemoveDirectory(made)).isZero();
        assertThat(ControlFile.tryRemoveDirectory(made)).isEqualTo(-Errno.ENOENT.number());
    }
}
