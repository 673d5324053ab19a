package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ConflictException;
import dev.cais.ContainerFilter;
import dev.cais.ContainerSpec;
import dev.cais.CopySource;
import dev.cais.Engine;
import dev.cais.FileChange;
import dev.cais.InvalidSpecException;
import dev.cais.NotFoundException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestImages;
import dev.cais.fixtures.TestStore;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Containers that begin with a directory of the host. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class RootfsTest {
    @TempDir
    Path host;

    private Path root;
    private Engine engine;

    @BeforeEach
    void unpack(TestStore store) throws IOException {
        // overlayfs divides its options at commas, and layers at colons
        root = Files.createDirectory(host.resolve("root,fs:1\\x"));
        Programs.output("tar", "-xf", TestImages.busyboxRootfs().toString(), "-C", root.toString());
        engine = store.openEngine();
    }

    @AfterEach
    void close() {
        engine.close();
        Programs.output("rm", "-r", root.toString()); // JUnit would warn of each absolute link in it
    }

    private ContainerSpec sh(String script) {
        return ContainerSpec.ofRootfs(root).command("sh", "-c", script);
    }

    private String output(ContainerSpec spec) {
        var result = engine.containers().run(spec);
        assertThat(result.stderr()).isEmpty();
        return result.stdout();
    }

    @Test
    void itIsReadAndNotWritten() throws IOException {
        Files.writeString(root.resolve("greeting"), "hello\n");
        Files.setPosixFilePermissions(root, PosixFilePermissions.fromString("rwxr-x--x"));
        var script = "cat /greeting; echo changed >/greeting; cat /greeting; rm -r /bin; stat -c %a /; echo $HOME";

        assertThat(output(sh(script))).isEqualTo("hello\nchanged\n751\n/root\n");
        assertThat(output(sh(script))).isEqualTo("hello\nchanged\n751\n/root\n");
        assertThat(root.resolve("greeting")).hasContent("hello\n");
        assertThat(root.resolve("bin/busybox")).isRegularFile();
    }

    @Test
    void usersAreItsOwnAsTheyAreNow() throws IOException {
        Files.writeString(root.resolve("etc/passwd"), "web:x:1234:1234::/srv/web:/bin/sh\n");
        assertThat(output(sh("id -u; echo $HOME").user("web"))).isEqualTo("1234\n/srv/web\n");
        Files.writeString(root.resolve("etc/passwd"), "web:x:4321:4321::/srv/web:/bin/sh\n");
        assertThat(output(sh("id -u").user("web"))).isEqualTo("4321\n");
    }

    @Test
    void itIsAContainerLikeOthers() throws IOException {
        var spec = sh("cat /data/in; echo more >>/etc/passwd; rm /etc/group").mount("", "/etc/data");
        Files.createDirectory(root.resolve("data"));
        Files.writeString(root.resolve("data/seed"), "");
        try (var container = engine.containers().create(spec.name("own"))) {
            container.copyIn(CopySource.of("in\n".getBytes(StandardCharsets.UTF_8)), "/data/in");
            container.start();
            assertThat(container.await().exitCode()).isZero();
            assertThat(container.logs().lines()).extracting(line -> line.text()).contains("in");
            assertThat(container.diff())
                    .extracting(FileChange::toString)
                    .contains("A /data/in", "C /etc/passwd", "D /etc/group");
            var image = container.image();
            assertThat(image.changes(image.layers().get(0)))
                    .extracting(FileChange::toString)
                    .contains("A /data/seed", "A /bin/busybox");
            assertThat(image).hasToString("Rootfs[" + root.toRealPath() + "]");
            assertThat(container.spec().image()).isEqualTo("rootfs:" + root);
            var filter = ContainerFilter.ALL.image(image.id().toString());
            assertThat(engine.containers().list(filter)).containsExactly(container);

            try (var snapshot = container.snapshot()) {
                var clone = ContainerSpec.of(snapshot).command("sh", "-c", "tail -n1 /etc/passwd; ls /etc/group /data");
                assertThat(engine.containers().run(clone).stdout()).isEqualTo("more\n/data:\nin\nseed\n");
                container.close();
            }
        }
    }

    @Test
    void aVolumeBeginsWithItsContent() throws IOException {
        Files.createDirectory(root.resolve("data"));
        Files.writeString(root.resolve("data/seed"), "sown\n");
        assertThat(output(sh("cat /data/seed; echo reaped >/data/seed").mount("field", "/data")))
                .isEqualTo("sown\n");
        assertThat(output(sh("cat /data/seed").mount("field", "/data"))).isEqualTo("reaped\n");
        assertThat(root.resolve("data/seed")).hasContent("sown\n");
        engine.volumes().get("field").remove();
    }

    @Test
    void aLinkToItIsFollowedOnceAndLinksInItStayThere() throws IOException {
        var link = Files.createSymbolicLink(host.resolve("link"), root);
        Files.writeString(host.resolve("secret"), "web:x:1234:1234::/:/bin/sh\n");
        Files.delete(root.resolve("etc/passwd"));
        Files.createSymbolicLink(root.resolve("etc/passwd"), host.resolve("secret"));
        assertThat(engine.containers()
                        .run(ContainerSpec.ofRootfs(link).command("ls", "/bin/busybox"))
                        .stdout())
                .isEqualTo("/bin/busybox\n");
        assertThatThrownBy(() -> engine.containers().run(sh("id").user("web"))).isInstanceOf(NotFoundException.class);
    }

    @Test
    void whatCannotBeIsRefused(TestStore store) throws IOException {
        assertThatThrownBy(() -> engine.containers()
                        .create(ContainerSpec.ofRootfs(host.resolve("none")).name("web")))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot create container web: there is no directory " + host.resolve("none")
                        + " on the host to begin with; check its name");
        var file = Files.writeString(host.resolve("file"), "");
        assertThatThrownBy(() -> engine.containers()
                        .create(ContainerSpec.ofRootfs(file).name("web").command("x")))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot create container web: there is no directory " + file
                        + " on the host to begin with; check its name");
        assertThatThrownBy(() -> engine.containers()
                        .create(ContainerSpec.of("rootfs:srv").name("web")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot create container web: its root directory srv is not absolute; name it from / on");
        assertThatThrownBy(() -> engine.containers()
                        .create(ContainerSpec.ofRootfs(Path.of("/")).name("web")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot create container web: its root directory / contains the store " + store.path()
                        + ", where its own files are to be; choose another directory, or a store elsewhere");
        assertThatThrownBy(() -> engine.containers().create(ContainerSpec.ofRootfs(root)))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot start rootfs:" + root
                        + ": neither the spec nor the image names a command; add command(…)");
        var help =
                ": it is a directory of the host, and no image; import a tar of it: images().importRootfs(tar, name)";
        try (var container = engine.containers().create(sh("true").name("web"))) {
            assertThatThrownBy(() -> container.commit("web"))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot commit container web upon " + root.toRealPath() + help);
            assertThatThrownBy(() -> container.image().tag("web"))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot name " + root.toRealPath() + " web" + help);
            assertThatThrownBy(() -> container.image().remove())
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot remove " + root.toRealPath() + help);
        }
        assertThatThrownBy(() -> ContainerSpec.of("rootfs:/\0"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot run a container: the image's name has a NUL");
        assertThat(engine.containers().list()).isEmpty();
    }
}
