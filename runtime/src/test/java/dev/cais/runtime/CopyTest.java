package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ConflictException;
import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.ContainerState;
import dev.cais.CopySource;
import dev.cais.CorruptContentException;
import dev.cais.Engine;
import dev.cais.EngineException;
import dev.cais.FileStat;
import dev.cais.InvalidSpecException;
import dev.cais.LogLine;
import dev.cais.Mount;
import dev.cais.NotFoundException;
import dev.cais.StorageException;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TarWriter;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Files go in and out of containers, whatever they are doing, and nowhere else. */
@RequiresRoot
@LeakChecked
@Timeout(180)
class CopyTest {
    private static Engine engine;

    @TempDir
    Path host;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
    }

    /** What a container is doing. */
    private enum Moment {
        CREATED,
        RUNNING,
        STOPPED;

        Container container(String script) {
            var spec = ContainerSpec.of("busybox").command("sh", "-c", script + "; exec sleep 1000");
            if (this == CREATED) {
                return engine.containers().create(spec.command("sleep", "1000"));
            }
            var container = engine.containers().start(spec);
            Eventually.isTrue(
                    () -> container.exec("cat", "/proc/1/comm").stdout().equals("sleep\n"));
            if (this == STOPPED) {
                container.kill("KILL");
                container.await();
            }
            return container;
        }
    }

    private static String shown(Container container, String command) {
        if (container.state() != ContainerState.RUNNING) {
            container.start();
        }
        return container.exec("sh", "-c", command).stdout();
    }

    @ParameterizedTest
    @EnumSource
    void whatIsThereIsToldAtAnyMoment(Moment moment) {
        try (var container = moment.container("true")) {
            container.copyIn(CopySource.text("12345").owner(7, 8).mode(0640), "/tmp/five");
            assertThat(container.stat("tmp/five"))
                    .hasValueSatisfying(five -> assertThat(five).hasToString("FileStat[five, FILE, 0640, 7:8, 5 B]"));
            assertThat(container.stat("/tmp/./../tmp"))
                    .hasValueSatisfying(tmp -> assertThat(tmp.mode()).isEqualTo(01777))
                    .hasValueSatisfying(tmp -> assertThat(tmp.isDirectory()).isTrue())
                    // the kernel's times of files are those of its last tick
                    .hasValueSatisfying(tmp -> assertThat(tmp.modified())
                            .isAfter(container.created().minusMillis(100)));
            assertThat(container.stat("/../.")).map(FileStat::name).hasValue("/");
            assertThat(container.stat("/bin/ls")).hasValueSatisfying(link -> {
                assertThat(link.kind()).isEqualTo(FileStat.Kind.LINK);
                assertThat(link.linkTarget()).isEqualTo("/bin/busybox");
            });
            assertThat(container.stat("/bin/ls/")).isEmpty();
            assertThat(container.stat("/etc/passwd/x")).isEmpty();
            assertThat(container.stat("/none")).isEmpty();
            assertThatThrownBy(() -> container.stat("\0"))
                    .isInstanceOf(InvalidSpecException.class)
                    .hasMessage("cannot use a path in a container: it is empty or has a NUL character");
        }
    }

    @Test
    void linksAreFollowedForTheirDirectoriesInsideTheRootAlone() {
        try (var container =
                Moment.RUNNING.container("mkdir /d; mkfifo /d/pipe; ln -s /d /inside; ln -s ../../.. /up")) {
            assertThat(container.stat("/inside/pipe"))
                    .hasValueSatisfying(pipe -> assertThat(pipe.kind()).isEqualTo(FileStat.Kind.FIFO));
            assertThat(container.stat("/inside/")).map(FileStat::isDirectory).hasValue(true);
            assertThat(container.stat("/up/d/pipe")).isPresent();
            assertThat(container.stat("/dev/null"))
                    .hasValueSatisfying(node -> assertThat(node.kind()).isEqualTo(FileStat.Kind.CHARACTER_DEVICE));
            container.close();
            assertThatThrownBy(() -> container.stat("/"))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot look at / in container " + container.name() + ": it is removed");
        }
    }

    @ParameterizedTest
    @EnumSource
    void filesAndDirectoriesGoInAtAnyMoment(Moment moment) throws IOException {
        Files.createDirectories(host.resolve("site/sub"));
        Files.writeString(host.resolve("site/index"), "hello");
        Files.createSymbolicLink(host.resolve("site/link"), Path.of("/etc/passwd"));
        Files.writeString(host.resolve("site/sub/tool"), "#!/bin/sh\n");
        Files.setPosixFilePermissions(host.resolve("site/sub/tool"), PosixFilePermissions.fromString("rwxr-x--x"));
        Programs.output("chown", "-R", "77:78", host.resolve("site").toString());
        try (var container = moment.container("true")) {
            container.copyIn(host.resolve("site"), "/var");
            container.copyIn(host.resolve("site/."), "/tmp/");
            container.copyIn(host.resolve("site/index"), "/tmp/renamed");
            container.copyIn(host.resolve("site"), "/opt");
            container.copyIn(
                    CopySource.of(host.resolve("site/index")).keepOwner().mode(0600), "/home");
            container.copyIn(CopySource.text("text").owner(5, 6), "/tmp/text");

            assertThat(shown(
                            container,
                            "cd /tmp; stat -c '%a %u:%g %F %n' text renamed index link sub sub/tool . /opt/index "
                                    + "/var/site/sub/tool /home/index; cat index text; readlink link"))
                    .isEqualTo("""
                            644 5:6 regular file text
                            644 0:0 regular file renamed
                            644 0:0 regular file index
                            777 0:0 symbolic link link
                            755 0:0 directory sub
                            751 0:0 regular file sub/tool
                            1777 0:0 directory .
                            644 0:0 regular file /opt/index
                            751 0:0 regular file /var/site/sub/tool
                            600 77:78 regular file /home/index
                            hellotext/etc/passwd
                            """);
        }
    }

    @ParameterizedTest
    @EnumSource
    void filesAndDirectoriesComeOutAtAnyMoment(Moment moment) throws IOException {
        try (var container = moment.container(
                "mkdir -p /tmp/d/e; echo in >/tmp/d/f; chmod 4755 /tmp/d/f; ln -s /etc/shadow /tmp/d/l")) {
            container.copyOut("/etc/passwd", host);
            container.copyOut("/etc/passwd", host.resolve("renamed"));
            container.copyOut("etc", host.resolve("whole"));
            container.copyOut("/etc/.", Files.createDirectory(host.resolve("contents")));
            assertThat(host.resolve("passwd")).content().startsWith("root:x:0:0:");
            assertThat(host.resolve("renamed")).hasSameBinaryContentAs(host.resolve("passwd"));
            assertThat(host.resolve("whole/group")).exists();
            assertThat(host.resolve("contents/group")).exists();
            if (moment != Moment.CREATED) {
                container.copyOut("/tmp/d", host);
                assertThat(host.resolve("d/e")).isDirectory();
                assertThat(host.resolve("d/f")).hasContent("in");
                assertThat(Files.getAttribute(host.resolve("d/f"), "unix:mode")).isEqualTo(0100755);
                assertThat(host.resolve("d/l")).isSymbolicLink();
            }
        }
    }

    @Test
    void archivesGoInAndComeOut() throws IOException {
        var tar = new TarWriter()
                .directory("a/", 0700)
                .file("a/f", 0600, "x")
                .symlink("a/l", "f")
                .file(".wh.plain", 0644, "w");
        try (var container = Moment.RUNNING.container("true")) {
            container.copyIn(CopySource.tar(new ByteArrayInputStream(tar.bytes())), "/tmp");
            assertThat(container
                            .exec("sh", "-c", "cd /tmp; stat -c '%a %n' a a/f a/l; cat .wh.plain")
                            .stdout())
                    .isEqualTo("700 a\n600 a/f\n777 a/l\nw");

            assertThat(list(container, "/tmp/a")).isEqualTo("a/\na/f\na/l\n");
            assertThat(list(container, "/tmp/a/.")).isEqualTo("./\nf\nl\n");
            assertThat(list(container, "/tmp/a/f")).isEqualTo("f\n");
        }
    }

    private String list(Container container, String path) throws IOException {
        var out = new ByteArrayOutputStream();
        container.copyOut(path, out);
        Files.write(host.resolve("out.tar"), out.toByteArray());
        return Programs.output("tar", "-tf", host.resolve("out.tar").toString());
    }

    @Test
    void resourcesOfTheClassPathGoIn() {
        try (var container =
                engine.containers().create(ContainerSpec.of("busybox").command("sleep", "9"))) {
            container.copyIn(CopySource.resource(CopyTest.class, "CopyTest.class"), "/tmp");
            assertThat(shown(container, "head -c 4 /tmp/CopyTest.class | od -An -tx1"))
                    .isEqualTo(" ca fe ba be\n");

            assertThatThrownBy(() -> container.copyIn(CopySource.resource(CopyTest.class, "none"), "/tmp"))
                    .isExactlyInstanceOf(NotFoundException.class)
                    .hasMessage("cannot copy resource none to /tmp of container " + container.name()
                            + ": the class path has none of that name beside dev.cais.runtime.CopyTest");
        }
    }

    @Test
    void whatCannotBeCopiedIsSaidInOneSentence() throws IOException {
        var file = Files.writeString(host.resolve("file"), "x");
        var directory = Files.createDirectory(host.resolve("directory"));
        try (var container = Moment.RUNNING.container("mkdir /tmp/file")) {
            var of = " of container " + container.name();
            refused(
                    () -> container.copyIn(file, "/none/x"),
                    NotFoundException.class,
                    "cannot copy " + file + " to /none/x" + of + ": there is no directory /none in it; make it first");
            refused(
                    () -> container.copyIn(file, "/none/"),
                    NotFoundException.class,
                    "cannot copy " + file + " to /none/" + of + ": there is no directory /none in it; make it first");
            refused(
                    () -> container.copyIn(host.resolve("none"), "/tmp"),
                    NotFoundException.class,
                    "cannot copy " + host.resolve("none") + " to /tmp" + of
                            + ": the host has no such file or directory");
            refused(
                    () -> container.copyIn(directory, "/etc/passwd"),
                    ConflictException.class,
                    "cannot copy " + directory + " to /etc/passwd" + of
                            + ": /etc/passwd is no directory; choose another name");
            refused(
                    () -> container.copyIn(file, "/tmp"),
                    ConflictException.class,
                    "cannot write tmp/file in container " + container.name()
                            + ": a directory stands there; remove it first, or choose another name");
            refused(
                    () -> container.copyIn(CopySource.text("x"), "/tmp"),
                    ConflictException.class,
                    "cannot copy 1 bytes to /tmp" + of + ": it is a directory; name the file");
            refused(
                    () -> container.copyOut("/none", host),
                    NotFoundException.class,
                    "cannot copy /none to " + host + ": there is no such file or directory in container "
                            + container.name());
            refused(
                    () -> container.copyOut("/etc", file),
                    ConflictException.class,
                    "cannot copy /etc to " + file + ": " + file + " is no directory; choose another name");
            refused(
                    () -> container.copyIn(file, "/proc/sys/kernel/hostname"),
                    StorageException.class,
                    "cannot write proc/sys/kernel/hostname: the file system of container " + container.name()
                            + " is read-only [call=unlinkat, errno=EROFS]; choose another place");
            container.close();
            refused(
                    () -> container.copyIn(file, "/tmp"),
                    ConflictException.class,
                    "cannot copy to container " + container.name() + ": it is removed");
        }
    }

    private static void refused(Runnable copy, Class<? extends EngineException> kind, String message) {
        assertThatThrownBy(copy::run).isExactlyInstanceOf(kind).hasMessage(message);
    }

    @ParameterizedTest
    @EnumSource
    void linksOfTheContainerLeadNowhereElse(Moment moment) throws IOException {
        var outside = Files.createDirectory(host.resolve("outside"));
        var file = Files.writeString(host.resolve("file"), "x");
        try (var container = moment.container("true")) {
            container.copyIn(
                    CopySource.tar(new ByteArrayInputStream(new TarWriter()
                            .symlink("tmp/absolute", outside.toString())
                            .symlink("tmp/climbing", "../../../../../../.." + outside)
                            .symlink("tmp/proc", "/proc/self/root" + outside)
                            .symlink("tmp/file", outside + "/made")
                            .bytes())),
                    "/");
            for (var link : new String[] {"absolute", "climbing", "proc"}) {
                assertThatThrownBy(() -> container.copyIn(file, "/tmp/" + link + "/"))
                        .isInstanceOf(EngineException.class);
                assertThatThrownBy(() -> container.copyOut("/tmp/" + link + "/", host))
                        .isInstanceOf(EngineException.class);
            }
            assertThatThrownBy(() -> container.copyIn(file, "/tmp/file")).isInstanceOf(NotFoundException.class);
            var climbing = new TarWriter().file("../../made", 0644, "x").bytes();
            assertThatThrownBy(() -> container.copyIn(CopySource.tar(new ByteArrayInputStream(climbing)), "/tmp"))
                    .isExactlyInstanceOf(CorruptContentException.class)
                    .hasMessage("cannot unpack archive for container " + container.name()
                            + ": entry ../../made: its path climbs out of the root");
            container.copyIn(file, "/tmp/../../../../../../../../kept");
            container.copyOut("/kept", host.resolve("back"));
        }
        assertThat(host.resolve("back")).hasContent("x");
        assertThat(outside).isEmptyDirectory();
        assertThat(Path.of("/kept")).doesNotExist();
    }

    @Test
    void namesThatAreNoTextFifosHolesAndDevicesGoThrough() throws IOException {
        var script = "cd /tmp; mkdir d; cd d; printf x >\"$(printf 'a\\377b')\"; mkfifo fifo; mknod null c 1 3; "
                + "truncate -s 1G sparse; ln sparse hard";
        try (var container = Moment.RUNNING.container(script)) {
            container.copyOut("/tmp/d", host);
            assertThat(Programs.output(
                            "sh", "-c", "cd " + host + "/d; LC_ALL=C ls -b; stat -c '%n %F %s %h' fifo sparse"))
                    .isEqualTo("""
                            a\\377b
                            fifo
                            hard
                            sparse
                            fifo fifo 0 1
                            sparse regular file 1073741824 2
                            """);
            assertThat(Programs.output("du", "-k", host.resolve("d/sparse").toString()))
                    .startsWith("0\t");

            container.copyIn(host.resolve("d"), "/var");
            assertThat(container
                            .exec("sh", "-c", "cd /var/d; ls | wc -l; stat -c '%F %s %h' fifo hard; du sparse")
                            .stdout())
                    .isEqualTo("4\nfifo 0 1\nregular file 1073741824 2\n0\tsparse\n");
            var tar = new ByteArrayOutputStream();
            container.exec("rm", "/tmp/d/sparse", "/tmp/d/hard");
            container.copyOut("/tmp/d", tar);
            Files.write(host.resolve("d.tar"), tar.toByteArray());
            assertThat(Programs.output("tar", "-tvf", host.resolve("d.tar").toString()))
                    .contains("crw-", "prw-", "a\\377b");
        }
    }

    @Test
    void whatIsMountedInARunningContainerIsWrittenTo() throws IOException {
        var file = Files.writeString(host.resolve("file"), "x");
        try (var container = Moment.RUNNING.container("true")) {
            container.copyIn(file, "/dev/shm");
            assertThat(container.exec("cat", "/dev/shm/file").stdout()).isEqualTo("x");
            container.copyOut("/dev/shm/file", host.resolve("back"));
            assertThat(host.resolve("back")).hasContent("x");
            assertThat(container.diff()).isEmpty();
        }
        assertThat(Programs.output("cat", "/proc/self/mountinfo"))
                .doesNotContain(engine.info().store().toString());
    }

    @Test
    void aContainerThatSwapsItsDirectoriesCannotLeadACopyOut() throws IOException {
        var outside = Files.createDirectory(host.resolve("outside"));
        var tree = Files.createDirectory(host.resolve("tree"));
        for (var i = 0; i < 20; i++) {
            Files.writeString(tree.resolve("f" + i), "x");
        }
        var script = "cd /tmp; mkdir d; (while :; do mv d e; ln -s %s d; rm d; mv e d; done 2>/dev/null) & true"
                .formatted(outside);
        try (var container = Moment.RUNNING.container(script)) {
            for (var i = 0; i < 50; i++) {
                try {
                    container.copyIn(tree.resolve("."), "/tmp/d");
                    container.copyOut("/tmp/d", Files.createDirectories(host.resolve("back")));
                } catch (EngineException e) {
                    // it was away just then
                }
            }
        }
        assertThat(outside).isEmptyDirectory();
    }

    @Test
    void aContainerAtRestHasItsVolumesAndBinds() throws Exception {
        var bound = Files.createDirectory(host.resolve("bound"));
        var file = Files.writeString(host.resolve("file"), "of the host");
        var fixed = Files.createDirectory(host.resolve("fixed"));
        Files.writeString(fixed.resolve("kept"), "as it was");
        var data = engine.volumes().create("data");
        var spec = ContainerSpec.of("busybox")
                .command("cat", "/data/new", "/a/b/bound/new", "/one", "/anonymous/new")
                .mount(data, "/data")
                .mount(Mount.volume("/anonymous"))
                .mount(Mount.bind(bound, "/a/b/bound"))
                .mount(Mount.bind(file, "/one"))
                .mount(Mount.bind(fixed, "/fixed").readOnly(true))
                .mount(Mount.tmpfs("/memory"));
        try (var container = engine.containers().create(spec)) {
            for (var round = 1; round <= 2; round++) {
                container.copyIn(CopySource.text("volume\n"), "/data/new");
                container.copyIn(CopySource.text("bind\n"), "/a/b/bound/new");
                container.copyIn(CopySource.text("anonymous\n"), "/anonymous/new");
                assertThat(data.path().resolve("new")).hasContent("volume\n");
                assertThat(bound.resolve("new")).hasContent("bind\n");
                container.copyOut("/one", host.resolve("copied" + round));
                assertThat(host.resolve("copied" + round)).hasContent("of the host");
                container.copyOut("/fixed", Files.createDirectory(host.resolve("fixed" + round)));
                assertThat(host.resolve("fixed" + round + "/fixed/kept")).hasContent("as it was");
                assertThatThrownBy(() -> container.copyIn(CopySource.text("x"), "/fixed/kept"))
                        .isInstanceOf(StorageException.class)
                        .hasMessage("cannot write fixed/kept: the file system of container " + container.name()
                                + " is read-only [call=unlinkat, errno=EROFS]; choose another place");
                assertThat(fixed.resolve("kept")).hasContent("as it was");

                container.start();
                container.await();
                assertThat(container.logs().lines().map(LogLine::text).toList().subList(0, 2))
                        .containsExactly("volume", "bind");
            }
            assertThat(container.logs().lines().map(LogLine::text)).contains("of the hostanonymous");
        }
    }

    @Test
    void linksInAVolumeLeadToNowhereElseWhileNothingRuns() throws Exception {
        var outside = Files.createDirectory(host.resolve("elsewhere"));
        var data = engine.volumes().create("links");
        Files.createSymbolicLink(data.path().resolve("etc"), Path.of("/etc"));
        Files.createSymbolicLink(data.path().resolve("up"), Path.of("../../../.." + outside));
        try (var container = engine.containers()
                .create(ContainerSpec.of("busybox").command("true").mount(data, "/data"))) {
            container.copyIn(CopySource.text("own"), "/data/etc/own");
            container.copyOut("/etc/own", host.resolve("own"));
            assertThat(host.resolve("own")).hasContent("own");
            assertThat(Path.of("/etc/own")).doesNotExist();
            assertThatThrownBy(() -> container.copyIn(CopySource.text("x"), "/data/up/x"))
                    .isInstanceOf(NotFoundException.class);
            assertThat(outside).isEmptyDirectory();
        }
    }
}
