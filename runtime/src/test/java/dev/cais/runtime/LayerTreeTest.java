package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.StorageException;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LayerTreeTest {
    @TempDir
    Path layers;

    private Path base;
    private Path app;

    @BeforeEach
    void makeLayers() throws IOException {
        base = Files.createDirectory(layers.resolve("base"));
        app = Files.createDirectory(layers.resolve("app"));
        Files.createDirectories(base.resolve("etc"));
        Files.writeString(base.resolve("etc/passwd"), "base");
        Files.writeString(base.resolve("etc/group"), "base");
    }

    private String read(String path) {
        return new LayerTree(List.of(base, app))
                .read(path, 100)
                .map(String::new)
                .orElse("(none)");
    }

    @Test
    void theNewestLayerThatHasAFileWins() throws IOException {
        Files.createDirectories(app.resolve("etc"));
        Files.writeString(app.resolve("etc/passwd"), "app");

        assertThat(read("/etc/passwd")).isEqualTo("app");
        assertThat(read("/etc/group")).isEqualTo("base");
        assertThat(read("/etc/shadow")).isEqualTo("(none)");
        assertThat(read("/etc")).isEqualTo("(none)");
        assertThat(read("/etc/passwd/x")).isEqualTo("(none)");
    }

    @Test
    void aFileHidesAnOlderDirectory() throws IOException {
        Files.writeString(app.resolve("etc"), "a file");

        assertThat(read("/etc/passwd")).isEqualTo("(none)");
    }

    @Test
    @RequiresProgram("setfattr")
    void anOpaqueDirectoryHidesOlderOnesWhateverItsMark() throws IOException {
        var etc = Files.createDirectories(app.resolve("etc"));
        Programs.output("setfattr", "-n", "user.overlay.opaque", "-v", "y", etc.toString());
        assertThat(read("/etc/passwd")).isEqualTo("(none)");
        Programs.output("setfattr", "-x", "user.overlay.opaque", etc.toString());
        assertThat(read("/etc/passwd")).isEqualTo("base");
    }

    @Test
    @RequiresRoot
    @RequiresProgram("setfattr")
    void anOpaqueDirectoryOfRootsHidesOlderOnes() throws IOException {
        var etc = Files.createDirectories(app.resolve("etc"));
        Programs.output("setfattr", "-n", "trusted.overlay.opaque", "-v", "y", etc.toString());
        assertThat(read("/etc/passwd")).isEqualTo("(none)");
    }

    @Test
    void linksStayInsideTheTree() throws IOException {
        Files.createSymbolicLink(app.resolve("abs"), Path.of("/etc/passwd"));
        Files.createSymbolicLink(app.resolve("up"), Path.of("../../../../../etc/group"));
        Files.createSymbolicLink(app.resolve("loop"), Path.of("loop"));

        assertThat(read("/abs")).isEqualTo("base");
        assertThat(read("/up")).isEqualTo("base");
        assertThat(read("/loop")).isEqualTo("(none)");
        assertThat(read("/etc/../etc/./passwd")).isEqualTo("base");
    }

    @Test
    void aFileBeyondTheLimitIsRefused() throws IOException {
        Files.writeString(base.resolve("etc/passwd"), "x".repeat(101));

        assertThatThrownBy(() -> read("/etc/passwd"))
                .isInstanceOf(StorageException.class)
                .hasMessage("cannot read /etc/passwd of an image: it is larger than 100 bytes");
    }
}
