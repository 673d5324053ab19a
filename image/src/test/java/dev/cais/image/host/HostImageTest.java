package dev.cais.image.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ImageLimits;
import dev.cais.UnsupportedHostException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import dev.cais.image.ImageCatalog;
import dev.cais.image.TestArchive;
import dev.cais.storage.Store;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@LeakChecked
class HostImageTest {
    @Test
    void sameHostMakesTheSameBytes() {
        var first = HostImage.ofThisHost();
        var second = HostImage.ofThisHost();

        assertThat(second.key()).isEqualTo(first.key()).matches("[0-9a-f]{32}");
        assertThat(bytes(second)).isEqualTo(bytes(first));
    }

    private static byte[] bytes(HostImage image) {
        var bytes = new ByteArrayOutputStream();
        image.writeLayer(bytes);
        return bytes.toByteArray();
    }

    @Test
    @RequiresRoot
    void programsRunInIt(TestStore place) {
        try (var store = Store.open(place.path(), "test")) {
            var image = new ImageCatalog(store, ImageLimits.DEFAULT).get("cais/host");
            var root = store.layers().find(image.layers().get(0).diffId()).orElseThrow();

            assertThat(image.tags()).containsExactly("cais/host:latest");
            assertThat(image.config().command()).containsExactly("sh");
            var start = """
                    for program in ls awk grep mount ps tar date sort; do
                        command -v $program >/dev/null || continue
                        $program --version >/dev/null 2>&1 </dev/null
                        test $? -lt 126 || echo $program
                    done""";
            assertThat(chroot(root, start)).as("programs that do not start").isEmpty();
        }
    }

    private static String chroot(Path root, String script) {
        return Programs.output(
                "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "chroot", root.toString(), "/bin/sh", "-c", script);
    }

    @Test
    @RequiresRoot
    void itIsMadeOnlyOnceAndAnewWhenRemoved(TestStore place) {
        try (var store = Store.open(place.path(), "test")) {
            var images = new ImageCatalog(store, ImageLimits.DEFAULT);
            assertThat(images.list()).isEmpty();
            var made = images.get("cais/host");

            assertThat(images.get("docker.io/cais/host:latest")).isEqualTo(made);
            assertThat(new ImageCatalog(store, ImageLimits.DEFAULT).get("cais/host"))
                    .isEqualTo(made);
            made.remove();
            assertThat(images.list()).isEmpty();
            assertThat(images.get("cais/host")).isEqualTo(made);
        }
    }

    @Test
    @RequiresRoot
    void itIsMadeForWhoeverNamesIt(TestStore place, @TempDir Path directory) {
        try (var store = Store.open(place.path(), "test")) {
            var images = new ImageCatalog(store, ImageLimits.DEFAULT);
            images.save(directory.resolve("host.tar"), "cais/host");
            images.remove("cais/host");
            assertThat(images.tag("cais/host", "mine").tags()).containsExactly("cais/host:latest", "mine:latest");
        }
        assertThat(directory.resolve("host.tar")).isNotEmptyFile();
    }

    @Test
    @RequiresRoot
    void imageThatTheUserGaveTheNameStays(TestStore place, @TempDir Path directory) {
        try (var store = Store.open(place.path(), "test")) {
            var images = new ImageCatalog(store, ImageLimits.DEFAULT);
            var tar = TestArchive.write(directory.resolve("x.tar"), TestArchive.layer("x", "y"));
            var own = images.importRootfs(tar, "cais/host");

            assertThat(images.get("cais/host")).isEqualTo(own);
        }
    }

    /** Merged: the directories of the top are links, and are so although no program was found by way of them. */
    @Test
    @RequiresProgram("/bin/busybox")
    void linksAtTheTopAreKept(@TempDir Path root) throws IOException {
        Files.createDirectories(root.resolve("usr/bin"));
        Files.copy(Path.of("/bin/busybox"), root.resolve("usr/bin/sh"));
        Files.createSymbolicLink(root.resolve("bin"), Path.of("usr/bin"));
        Files.createSymbolicLink(root.resolve("lib64"), Path.of("usr/lib64"));
        var tar = root.resolve("layer.tar");
        Files.write(tar, bytes(HostImage.of(root, "")));

        assertThat(Programs.output("tar", "-tvf", tar.toString())
                        .lines()
                        .map(line -> line.replaceFirst(".* (\\S+ -> )", "$1")))
                .contains("bin -> usr/bin", "lib64 -> usr/lib64");
    }

    @Test
    void hostWithoutAShellIsReported(@TempDir Path root) {
        assertThatThrownBy(() -> HostImage.of(root, "/opt/bin:relative"))
                .isInstanceOf(UnsupportedHostException.class)
                .hasMessage("cannot make image cais/host: this host has no shell that can be copied"
                        + " [searched=/usr/sbin:/usr/bin:/sbin:/bin:/opt/bin]; load an image from an archive");
    }

    /** Where nothing is in /usr, all programs are one, and files lie in places of their own: as on Alpine and NixOS. */
    @Test
    @RequiresProgram("/bin/busybox")
    void linksAndOddPlacesAreKeptAsTheyAre(@TempDir Path root) throws IOException {
        var busybox = root.resolve("nix/store/abc-busybox/bin/busybox");
        Files.createDirectories(busybox.getParent());
        Files.copy(Path.of("/bin/busybox"), busybox);
        Files.setAttribute(busybox, "unix:mode", 04755);
        Files.createDirectories(root.resolve("bin"));
        Files.createSymbolicLink(root.resolve("bin/busybox"), Path.of("/nix/store/abc-busybox/bin/../bin/busybox"));
        Files.createSymbolicLink(root.resolve("bin/sh"), Path.of("busybox"));
        Files.createDirectories(root.resolve("run/sw/bin"));
        Files.createSymbolicLink(root.resolve("run/sw/bin/cat"), Path.of("../../../bin/busybox"));
        Files.createSymbolicLink(root.resolve("bin/dangling"), Path.of("nothing"));

        var image = HostImage.of(root, "/run/sw/bin");
        var tar = root.resolve("layer.tar");
        Files.write(tar, bytes(image));

        assertThat(Programs.output("tar", "-tvf", tar.toString())
                        .lines()
                        .map(line -> line.replaceAll(" +", " ").split(" ", 6))
                        .map(fields -> fields[0] + " " + fields[5]))
                .contains(
                        "drwxr-xr-x bin/",
                        "lrwxrwxrwx bin/busybox -> /nix/store/abc-busybox/bin/../bin/busybox",
                        "lrwxrwxrwx bin/sh -> busybox",
                        "-rwxr-xr-x nix/store/abc-busybox/bin/busybox",
                        "lrwxrwxrwx run/sw/bin/cat -> ../../../bin/busybox",
                        "drwxrwxrwt tmp/",
                        "-rw-r--r-- etc/passwd")
                .doesNotContain("lrwxrwxrwx bin/dangling -> nothing");

        var changed = Files.setLastModifiedTime(busybox, FileTime.from(Instant.ofEpochSecond(1)));
        assertThat(changed).isEqualTo(busybox);
        assertThat(HostImage.of(root, "/run/sw/bin").key()).isNotEqualTo(image.key());
    }

    @Test
    void oldOneGoesWhenProgramsHaveChanged(TestStore place, @TempDir Path directory) {
        try (var store = Store.open(place.path(), "test")) {
            var images = new ImageCatalog(store, ImageLimits.DEFAULT);
            var layer = TestArchive.layer("file", "content");
            var config = TestArchive.bytes(new String(TestArchive.config("x", layer), StandardCharsets.UTF_8)
                    .replace("\"Cmd\":", "\"Labels\":{\"dev.cais.host.key\":\"outdated\"},\"Cmd\":"));
            var old = images.load(new TestArchive()
                            .docker("[\"cais/host\"]", config, layer)
                            .tar(directory.resolve("old.tar")))
                    .get(0);

            assertThat(images.get("cais/host").id()).isNotEqualTo(old.id());
            assertThat(images.list()).hasSize(1);
        }
    }

    @Test
    void stampTellsWhetherAnythingHasChanged(@TempDir Path root) throws IOException {
        var host = new HostFiles(root);
        var file = TestArchive.write(root.resolve("usr/bin/cat"), new byte[3]);
        Files.createSymbolicLink(root.resolve("bin"), Path.of("usr/bin"));
        // what changes within one tick of the kernel's clock may have the same time
        Files.setLastModifiedTime(root.resolve("usr/bin"), FileTime.from(Instant.EPOCH));
        assertThat(host.find("/bin/cat")).isPresent();
        assertThat(host.find("/bin/dog")).isEmpty();
        var stamp = host.stamp();
        assertThat(stamp.lines().map(line -> line.replaceFirst("\\S+Z ", "")))
                .containsExactly("0 /", "0 /usr/", "0 /usr/bin/", "3 /usr/bin/cat");

        assertThat(host.isCurrent(stamp)).isTrue();
        Files.createFile(root.resolve("usr/bin/dog"));
        assertThat(host.isCurrent(stamp)).isFalse();
        stamp = host.stamp();
        Files.write(file, new byte[4]);
        assertThat(host.isCurrent(stamp)).isFalse();
        stamp = host.stamp();
        Files.delete(file);
        assertThat(host.isCurrent(stamp)).isFalse();
        assertThat(host.isCurrent(host.stamp())).isTrue();
    }
}
