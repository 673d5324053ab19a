package dev.cais.runtime;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ByteSize;
import dev.cais.ConflictException;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.Image;
import dev.cais.InvalidSpecException;
import dev.cais.KernelException;
import dev.cais.Mount;
import dev.cais.MountPoint;
import dev.cais.NotFoundException;
import dev.cais.PruneOptions;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TarWriter;
import dev.cais.fixtures.TestImages;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is mounted in a container, seen from inside; and where hostile images want it to be. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class MountsTest {
    private static Engine engine;

    @TempDir
    Path host;

    @BeforeAll
    static void open(Engine opened, @TempDir Path directory) {
        engine = opened;
        var archive = directory.resolve("hostile.tar");
        TestImages.writeOnBusybox(
                archive,
                "hostile:latest",
                "",
                new TarWriter()
                        .symlink("absolute", "/etc/inside")
                        .symlink("relative", "../../../../../etc/inside")
                        .symlink("dangling", "/nowhere/at/all")
                        .symlink("loop", "loop")
                        .symlink("descriptor", "/proc/self/fd/4")
                        .symlink("itsroot", "/proc/self/root")
                        .symlink("itscwd", "/proc/1/cwd")
                        .directory("etc/inside/", 0755)
                        .file("file", 0644, "a file")
                        .entry('6', "fifo", 0644, "", 0, new byte[0])
                        .bytes());
        engine.images().load(archive);
    }

    private void load(String name, byte[]... layers) {
        var archive = host.resolve("image.tar");
        TestImages.writeOnBusybox(archive, name, "", layers);
        engine.images().load(archive);
    }

    @Test
    void anImageIsMountedWithAllItsLayersReadOnly() {
        load(
                "site:latest",
                new TarWriter()
                        .directory("srv/", 0755)
                        .file("srv/a", 0640, "old")
                        .file("srv/b", 0644, "gone")
                        .bytes(),
                new TarWriter()
                        .file("srv/a", 0600, "new")
                        .file("srv/.wh.b", 0644, "")
                        .symlink("srv/out", "/etc/passwd")
                        .bytes());
        var look = sh("ls /s/srv; cat /s/srv/a; stat -c %a /s/srv/a; touch /s/srv/c");
        assertThat(output(look.mount(Mount.image("site", "/s"))))
                .isEqualTo("a\nout\nnew600\ntouch: /s/srv/c: Read-only file system\n");
        var part = Mount.image("site", "/p");
        assertThat(output(sh("cat /p/a").mount(part.subpath("srv")))).isEqualTo("new");
        assertThat(output(sh("cat /p").mount(part.subpath("srv/a")))).isEqualTo("new");
        assertThatThrownBy(
                        () -> engine.containers().run(sh("cat /p").name("web").mount(part.subpath("srv/out"))))
                .isExactlyInstanceOf(KernelException.class)
                .hasMessageMatching(
                        "cannot start web: openat2\\(2\\) of srv/out in image site, to be mounted at /p failed"
                                + " with ELOOP \\(.*\\) \\[step=\\d+]; a subpath must be there, without symbolic links");
        assertThat(output(sh("cat /one/etc/passwd | head -1 | cut -d: -f1; cat /two/srv/a")
                        .mount(Mount.image("busybox", "/one"))
                        .mount(Mount.image("site", "/two"))))
                .isEqualTo("root\nnew");
        engine.images().remove("site");
    }

    @Test
    void anImageThatIsMountedIsInUse() throws IOException {
        load("site:latest", new TarWriter().file("page", 0644, "hello").bytes());
        try (var web = engine.containers().create(sh("cat /s/page").name("web").mount(Mount.image("site", "/s")))) {
            var site = engine.images().get("site").id();
            assertThat(web.mounts().get(0).image()).hasValue(site);
            assertThatThrownBy(() -> engine.images().remove("site"))
                    .isExactlyInstanceOf(ConflictException.class)
                    .hasMessageStartingWith("cannot remove image site: container ")
                    .hasMessageContaining(" uses it");
            engine.images().untag("site");
            assertThat(engine.images().prune(PruneOptions.dangling()).images()).isEmpty();
            web.start();
            web.await();
            assertThat(new String(web.logs().stdout().readAllBytes(), UTF_8)).isEqualTo("hello");
            web.start(); // once more, from the same layers
            web.await();
            web.remove();
            assertThat(engine.images().prune(PruneOptions.dangling()).images())
                    .extracting(Image::id)
                    .containsExactly(site);
        }
        assertThatThrownBy(() -> engine.containers().run(sh("true").name("web").mount(Mount.image("site", "/s"))))
                .isExactlyInstanceOf(NotFoundException.class);
        assertThatThrownBy(() -> Mount.image("", "/s"))
                .isExactlyInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot mount an image at /s: its name is empty");
    }

    private static ContainerSpec sh(String script) {
        return ContainerSpec.of("busybox").command("sh", "-c", script);
    }

    private static ContainerSpec hostile(String script) {
        return ContainerSpec.of("hostile").name("hostile").command("sh", "-c", script);
    }

    private static String output(ContainerSpec spec) {
        var result = engine.containers().run(spec);
        return result.stdout() + result.stderr();
    }

    @Test
    void theSampleWorks() throws IOException {
        Files.writeString(host.resolve("greeting"), "hello\n");
        var data = engine.volumes().create("sample");
        var writer = ContainerSpec.of("busybox")
                .mount(data, "/data")
                .bindReadOnly(host, "/in")
                .tmpfs("/scratch")
                .command("cp", "/in/greeting", "/data/");
        assertThat(engine.containers().run(writer).exitCode()).isZero();
        var reader = ContainerSpec.of("busybox").mountReadOnly(data, "/data").command("cat", "/data/greeting");
        assertThat(engine.containers().run(reader).stdout()).isEqualTo("hello\n");
        data.remove();
    }

    @Test
    void mountsAreMadeInOrderOfDepth() {
        var spec = sh("touch /a/b/c/volume; ls -A /a/b/c /a/b /a; grep -c ' /a' /proc/self/mountinfo")
                .mount(Mount.volume("/a/b/c"))
                .tmpfs("/a/b")
                .bind(host, "/a");
        try (var container = engine.containers().create(spec)) {
            assertThat(container.mounts()).extracting(MountPoint::target).containsExactly("/a", "/a/b", "/a/b/c");
            assertThat(container.mounts().get(0).source()).contains(host);
            assertThat(container.mounts().get(1).source()).isEmpty();
        }
        assertThat(output(spec)).isEqualTo("/a:\nb\n\n/a/b:\nc\n\n/a/b/c:\nvolume\n3\n");
        assertThat(host.resolve("b")).isEmptyDirectory();
    }

    @Test
    void targetsAreMadeInTheContainersOwnFiles() throws IOException {
        Files.writeString(host.resolve("f"), "bound");
        var spec = sh("stat -c '%a %u %F' /new /new/deep; cat /new/file/here; cat /etc/hostname")
                .user("1000")
                .tmpfs("/new/deep/tmp")
                .bind(host.resolve("f"), "/new/file/here")
                .bind(host.resolve("f"), "/etc/hostname");
        assertThat(output(spec)).isEqualTo("755 0 directory\n755 0 directory\nboundbound");
        assertThat(output(sh("ls -d /new 2>&1; grep -c bound /etc/hostname")))
                .isEqualTo("ls: /new: No such file or directory\n0\n");
    }

    @Test
    void whatIsReadOnlyIsNotWritten() throws IOException {
        Files.writeString(host.resolve("f"), "x");
        var write = "for f in /v/x /d/x /f /t/x; do echo y >$f || echo refused; done 2>/dev/null";
        var spec = sh(write)
                .mountReadOnly("readonly", "/v")
                .bindReadOnly(host, "/d")
                .bindReadOnly(host.resolve("f"), "/f")
                .mount(Mount.tmpfs("/t").readOnly(true));
        assertThat(output(spec)).isEqualTo("refused\nrefused\nrefused\nrefused\n");
        assertThat(host.resolve("f")).hasContent("x");
        engine.volumes().remove("readonly");
    }

    @Test
    void readOnlyMeansAllThatIsMountedBelow() throws IOException {
        var below = Files.createDirectory(host.resolve("below"));
        Programs.output("mount", "-t", "tmpfs", "none", below.toString());
        try {
            var write = sh("echo x >/d/below/f && cat /d/below/f");
            assertThat(output(write.bind(host, "/d"))).isEqualTo("x\n");
            assertThat(output(write.bindReadOnly(host, "/d")))
                    .isEqualTo("sh: can't create /d/below/f: Read-only file system\n");
            assertThat(below.resolve("f")).hasContent("x");
        } finally {
            Programs.output("umount", below.toString());
        }
    }

    @Test
    void linksInASourceAreFollowedOnTheHost() throws IOException {
        Files.writeString(Files.createDirectory(host.resolve("real")).resolve("f"), "followed");
        Files.createSymbolicLink(host.resolve("link"), Path.of("real"));
        assertThat(output(sh("cat /d/f").bind(host.resolve("link"), "/d"))).isEqualTo("followed");
        assertThatThrownBy(
                        () -> engine.containers().run(sh("ls /d").name("web").bind(Path.of("/proc/self/root"), "/d")))
                .isInstanceOf(KernelException.class)
                .hasMessageStartingWith("cannot start web: openat2(2) of /proc/self/root, to be mounted at /d failed"
                        + " with ELOOP (too many levels of symbolic links) [step=");
    }

    @Test
    void aMissingSourceIsRefusedOrMadeOnRequest() throws IOException {
        var missing = host.resolve("not/there");
        var spec = sh("touch /d/made").name("web");
        assertThatThrownBy(() -> engine.containers().create(spec.bind(missing, "/d")))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot create container web: it cannot bind " + missing
                        + " at /d: there is no such file or directory on the host; "
                        + "make it, or have it made with Mount.bind(…).createSource(true)");
        assertThat(engine.containers().list()).isEmpty();
        assertThat(output(spec.mount(Mount.bind(missing, "/d").createSource(true))))
                .isEmpty();
        assertThat(missing.resolve("made")).exists();

        Files.createSymbolicLink(host.resolve("dangling"), Path.of("nowhere"));
        assertThatThrownBy(() -> engine.containers()
                        .create(spec.mount(
                                Mount.bind(host.resolve("dangling"), "/d").createSource(true))))
                .isInstanceOf(NotFoundException.class);
    }

    @Test
    void aSourceThatVanishesBeforeTheStartIsOneSentence() throws IOException {
        var source = Files.createDirectory(host.resolve("source"));
        try (var container = engine.containers().create(sh("ls /d").name("web").bind(source, "/d"))) {
            Files.delete(source);
            assertThatThrownBy(container::start)
                    .isInstanceOf(KernelException.class)
                    .hasMessageMatching("cannot start web: openat2\\(2\\) of " + source + ", to be mounted at /d failed"
                            + " with ENOENT \\(no such file or directory\\) \\[step=\\d+];"
                            + " it was there when the container was created");
            Files.writeString(source, "now a file");
            container.start();
            assertThat(container.await(Duration.ofSeconds(60)).exitCode()).isZero();
            assertThat(container.logs().lines().findFirst().orElseThrow().text())
                    .isEqualTo("/d");
        }
    }

    @Test
    void memoryHasDockersOptionsAndItsSize() {
        var show = "grep ' /t ' /proc/mounts | cut -d' ' -f3,4; stat -c %a /t; ";
        assertThat(output(sh(show).tmpfs("/t"))).isEqualTo("tmpfs rw,nosuid,nodev,noexec,relatime\n1777\n");
        var small = sh(show + "head -c 2000000 /dev/zero 2>&1 >/t/f; cp /bin/busybox /t; /t/busybox echo x 2>&1")
                .mount(Mount.tmpfs("/t").size(ByteSize.mib(1)).mode(0750));
        assertThat(output(small))
                .startsWith("tmpfs rw,nosuid,nodev,noexec,relatime,size=1024k,mode=750")
                .contains("\n750\n", "No space left on device", "Permission denied");
        assertThat(output(sh("cp /bin/busybox /t; /t/busybox echo runs")
                        .mount(Mount.tmpfs("/t").executable(true))))
                .isEqualTo("runs\n");
        assertThat(output(sh("df -m /dev/shm | tail -1 | awk '{print $2}'").tmpfs("/dev/shm", ByteSize.mib(7))))
                .isEqualTo("7\n");
    }

    @Test
    void aStartedAgainContainerHasItsVolumesAndFreshMemory() {
        var script = "ls -A /v /t; touch /v/kept /t/lost";
        try (var container =
                engine.containers().start(sh(script).mount(Mount.volume("/v")).tmpfs("/t"))) {
            container.await(Duration.ofSeconds(60));
            container.start();
            container.await(Duration.ofSeconds(60));
            assertThat(container.logs().lines().map(line -> line.text()))
                    .containsExactly("/t:", "", "/v:", "/t:", "", "/v:", "kept");
        }
    }

    @Test
    void aPartOfAVolumeIsMounted() {
        output(sh("mkdir -p /v/a/b; echo deep >/v/a/b/f; ln -s /etc /v/out; ln -s a /v/in")
                .mount("parts", "/v"));
        var part = Mount.volume("parts", "/p");
        assertThat(output(sh("cat /p/f").mount(part.subpath("a/b")))).isEqualTo("deep\n");
        assertThat(output(sh("cat /p").mount(part.subpath("a//b/f").readOnly(true))))
                .isEqualTo("deep\n");
        for (var link : List.of("out", "in/b", "out/passwd")) {
            assertThatThrownBy(() ->
                            engine.containers().run(sh("ls /p").name("web").mount(part.subpath(link))))
                    .isInstanceOf(KernelException.class)
                    .hasMessageMatching(
                            "cannot start web: openat2\\(2\\) of " + link + " in volume parts, to be mounted"
                                    + " at /p failed with ELOOP \\(too many levels of symbolic links\\) \\[step=\\d+];"
                                    + " a subpath must be there, without symbolic links");
        }
        assertThatThrownBy(() -> engine.containers().run(sh("ls /p").name("web").mount(part.subpath("c"))))
                .isInstanceOf(KernelException.class)
                .hasMessageContaining(" of c in volume parts, to be mounted at /p failed with ENOENT");
        engine.volumes().remove("parts");
    }

    @Test
    void theHostsLaterMountsAreSeenOnRequest() throws IOException {
        var shared = Files.createDirectory(host.resolve("shared"));
        Programs.output("mount", "-t", "tmpfs", "none", shared.toString());
        try {
            Programs.output("mount", "--make-shared", shared.toString());
            var below = Files.createDirectory(shared.resolve("below"));
            var wait = "while ! [ -e /go ]; do sleep 0.02; done; ls /s/below; grep ' /s ' /proc/self/mountinfo";
            for (var propagation : Mount.Propagation.values()) {
                var spec = sh(wait).mount(Mount.bind(shared, "/s").propagation(propagation));
                try (var container = engine.containers().start(spec)) {
                    Programs.output("mount", "-t", "tmpfs", "none", below.toString());
                    Files.createFile(below.resolve("later"));
                    container.exec("touch", "/go");
                    container.await(Duration.ofSeconds(60));
                    var lines =
                            container.logs().lines().map(line -> line.text()).toList();
                    var isSeen = propagation != Mount.Propagation.PRIVATE;
                    assertThat(lines.contains("later"))
                            .as(propagation.toString())
                            .isEqualTo(isSeen);
                    assertThat(lines.get(lines.size() - 1).contains("shared:"))
                            .as(propagation.toString())
                            .isEqualTo(propagation == Mount.Propagation.SHARED);
                } finally {
                    Programs.output("umount", below.toString());
                }
            }
        } finally {
            Programs.output("umount", shared.toString());
        }
    }

    @Test
    void nothingIsMountedBelowWhatIsSharedWithTheHost() {
        var spec = sh("true").name("web").mount(Mount.bind(host, "/s").propagation(Mount.Propagation.SHARED));
        assertThatThrownBy(() -> engine.containers().create(spec.tmpfs("/s/t")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot create container web: it cannot mount at /s/t: the host would see it in " + host
                        + ", which is shared with it at /s; choose another target or propagation");
    }

    @ParameterizedTest
    @CsvSource({"/absolute", "/relative", "/relative/../absolute/."})
    void linksAtATargetStayInside(String target) {
        var normal = target.contains("..") ? "/absolute" : target;
        assertThat(output(hostile("touch /etc/inside/f; ls /v"
                                + " 2>/dev/null; ls /etc/inside; grep -c ' /etc/inside ' /proc/mounts")
                        .tmpfs(normal)))
                .isEqualTo("f\n1\n");
        assertThat(Path.of("/etc/inside")).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource({
        "/dangling, ENOENT (no such file or directory)",
        "/dangling/below, ENOENT (no such file or directory)",
        "/loop, ELOOP (too many levels of symbolic links)",
        "/file, ENOTDIR (not a directory)",
        "/file/below, ENOTDIR (not a directory)",
        "/fifo, ENOTDIR (not a directory)",
        "/dev/null, ENOTDIR (not a directory)",
        "/itsroot/etc, ELOOP (too many levels of symbolic links)",
        "/itscwd, ELOOP (too many levels of symbolic links)"
    })
    void whatCannotBeATargetIsOneSentence(String target, String why) {
        for (var mount : List.of(Mount.tmpfs(target), Mount.bind(host, target), Mount.volume(target))) {
            assertThatThrownBy(() -> engine.containers().run(hostile("true").mount(mount)))
                    .isInstanceOf(KernelException.class)
                    .hasMessageStartingWith("cannot start hostile: openat2(2) of the target " + target + " failed with "
                            + why + " [step=")
                    .hasMessageEndingWith("]; the container must have a directory there, or nothing");
        }
        assertThat(host).isEmptyDirectory();
        assertThat(engine.containers().list()).isEmpty();
    }

    /** Descriptor 4 is what is about to be mounted: the host's own directory. */
    @ParameterizedTest
    @ValueSource(strings = {"/descriptor", "/descriptor/below"})
    void noTargetLeadsOutByADescriptorOfTheStart(String target) {
        for (var mount : List.of(Mount.bind(host, target), Mount.volume(target))) {
            assertThatThrownBy(() -> engine.containers().run(hostile("true").mount(mount)))
                    .isInstanceOf(KernelException.class)
                    .hasMessageStartingWith("cannot start hostile: openat2(2) of the target " + target
                            + " failed with ELOOP (too many levels of symbolic links) [step=");
        }
        assertThat(host).isEmptyDirectory();
    }

    @Test
    void aFileIsNotBoundOverADirectory() throws IOException {
        var file = Files.writeString(host.resolve("f"), "x");
        assertThatThrownBy(() -> engine.containers().run(sh("true").name("web").bind(file, "/etc")))
                .isInstanceOf(KernelException.class)
                .hasMessageMatching(
                        "cannot start web: move_mount\\(2\\) on /etc failed with EINVAL \\(invalid argument\\)"
                                + " \\[step=\\d+]; the container must have a file there, or nothing");
    }

    @Test
    void tooManyMountsAreRefused() {
        var spec = sh("ls /m | wc -l").name("web");
        for (var i = 0; i < 500; i++) {
            spec = spec.tmpfs("/m/" + i);
        }
        assertThat(output(spec)).isEqualTo("500\n");
        var more = spec.tmpfs("/more");
        assertThatThrownBy(() -> engine.containers().run(more))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot start container web: it has more than 500 mounts [mounts=501]");
    }

    @Test
    void theHostSeesNoMountOfAContainer() throws IOException {
        var before = Files.readAllLines(Path.of("/proc/self/mountinfo"));
        try (var container = engine.containers()
                .start(sh("sleep 1000").mount("seen", "/v").bind(host, "/d").tmpfs("/t"))) {
            // somebody else's may come and go, and the container's would stay
            Eventually.passes(() -> assertThat(Files.readAllLines(Path.of("/proc/self/mountinfo")))
                    .isSubsetOf(before));
            assertThat(container.exec("ls", "/proc/1/fd").stdout()).isEqualTo("0\n1\n2\n");
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(
                            engine.volumes().get("seen").path())))
                    .isEqualTo("rwxr-xr-x");
        }
        engine.volumes().remove("seen");
    }
}
