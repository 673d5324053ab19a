package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ConflictException;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.EngineOptions;
import dev.cais.InvalidSpecException;
import dev.cais.LogLine;
import dev.cais.Mount;
import dev.cais.NotFoundException;
import dev.cais.StorageException;
import dev.cais.Volume;
import dev.cais.VolumeFilter;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.SmallDisk;
import dev.cais.fixtures.TarWriter;
import dev.cais.fixtures.TestImages;
import dev.cais.fixtures.TestStore;
import dev.cais.fixtures.TreeListing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Volumes: made, found, filled, used and removed, by several engines. */
@RequiresRoot
@LeakChecked
@Timeout(180)
class VolumesTest {
    private static final String NOT_A_NAME =
            "it is not two or more letters, digits, '_', '.' and '-', the first a letter or digit; "
                    + "for a directory of the host, use bind(Path.of(…), …)";

    private static ContainerSpec sh(String image, String script) {
        return ContainerSpec.of(image).command("sh", "-c", script);
    }

    private static String output(Engine engine, ContainerSpec spec) {
        var result = engine.containers().run(spec);
        return result.stdout() + result.stderr();
    }

    @Test
    void aVolumeOutlivesItsContainersAndItsEngine(TestStore store) {
        try (var engine = store.openEngineWithBusybox()) {
            var data = engine.volumes().create("data");
            output(
                    engine,
                    sh("busybox", "echo kept >/data/f; chmod 600 /data/f").mount(data, "/data"));
        }
        try (var engine = store.openEngine()) {
            var reader = sh("busybox", "cat /data/f; stat -c %a /data/f").mountReadOnly("data", "/data");
            assertThat(output(engine, reader)).isEqualTo("kept\n600\n");
            var data = engine.volumes().get("data");
            assertThat(data.path().resolve("f")).hasContent("kept");
            data.remove();
            assertThat(engine.volumes().find("data")).isEmpty();
            assertThat(data.path()).doesNotExist();
        }
    }

    @Test
    void volumesAreListedByNameLabelAndUse(TestStore store) {
        try (var engine = store.openEngineWithBusybox()) {
            var before = Instant.now();
            var volumes = engine.volumes();
            var web = volumes.create("web", Map.of("tier", "front", "kept", ""));
            volumes.create("db", Map.of("tier", "back"));
            var made = volumes.create();

            assertThat(made.name()).matches("[0-9a-f]{64}");
            assertThat(made.isAnonymous()).isTrue();
            assertThat(web.isAnonymous()).isFalse();
            assertThat(web.labels()).containsExactly(Map.entry("kept", ""), Map.entry("tier", "front"));
            assertThat(web.createdAt()).isBetween(before, Instant.now());
            assertThat(web).asString().matches("Volume\\[web, 20[-0-9T:]+Z, \\{kept=, tier=front}]");
            assertThat(volumes.list()).extracting(Volume::name).containsExactlyInAnyOrder("db", "web", made.name());
            assertThat(volumes.list(VolumeFilter.ALL.label("tier")))
                    .extracting(Volume::name)
                    .containsExactly("db", "web");
            assertThat(volumes.list(VolumeFilter.ALL.label("tier", "back")))
                    .extracting(Volume::name)
                    .containsExactly("db");
            assertThat(volumes.list(VolumeFilter.ALL.label("tier").label("kept")))
                    .extracting(Volume::name)
                    .containsExactly("web");
            try (var user = engine.containers().create(sh("busybox", "true").mount(web, "/w"))) {
                assertThat(user.mounts()).singleElement().satisfies(mount -> {
                    assertThat(mount.target()).isEqualTo("/w");
                    assertThat(mount.volume()).isEqualTo("web");
                    assertThat(mount.source()).contains(web.path());
                });
                assertThat(volumes.list(VolumeFilter.ALL.dangling(false)))
                        .extracting(Volume::name)
                        .containsExactly("web");
                assertThat(volumes.list(VolumeFilter.ALL.dangling(true).label("tier")))
                        .extracting(Volume::name)
                        .containsExactly("db");
            }
            assertThat(volumes.list(VolumeFilter.ALL.dangling(false))).isEmpty();
        }
    }

    @Test
    void creatingOneThatIsThereGivesItAsItIs(TestStore store) {
        try (var engine = store.openEngine()) {
            var first = engine.volumes().create("data", Map.of("a", "b"));
            var second = engine.volumes().create("data", Map.of("c", "d"));
            assertThat(second.labels()).isEqualTo(first.labels());
            assertThat(second.createdAt()).isEqualTo(first.createdAt());
        }
    }

    @Test
    void pruneRemovesWhatNobodyNamedAndPruneAllWhatNobodyUses(TestStore store) {
        try (var engine = store.openEngineWithBusybox()) {
            var volumes = engine.volumes();
            volumes.create("kept");
            volumes.create("used");
            var used = volumes.create();
            var unused = volumes.create();
            var spec = sh("busybox", "true").mount("used", "/a").mount(used, "/b");
            try (var user = engine.containers().create(spec)) {
                assertThat(volumes.prune()).containsExactly(unused.name());
                assertThat(volumes.pruneAll()).containsExactly("kept");
                assertThat(volumes.list()).extracting(Volume::name).containsExactlyInAnyOrder("used", used.name());
                assertThat(user.mounts()).hasSize(2);
            }
            assertThat(volumes.pruneAll()).containsExactlyInAnyOrder("used", used.name());
            assertThat(volumes.list()).isEmpty();
        }
    }

    @Test
    void mistakesAreOneSentence(TestStore store) {
        var engine = store.openEngine();
        try (engine) {
            var volumes = engine.volumes();
            volumes.create("data");
            for (var name : List.of("", "a", "../x", "/data", ".hidden", "a b", "x".repeat(256), "nul\0")) {
                assertThatThrownBy(() -> volumes.create(name))
                        .isInstanceOf(InvalidSpecException.class)
                        .hasMessage("cannot name a volume '" + name.replace('\0', '?') + "': " + NOT_A_NAME);
                assertThat(volumes.find(name)).isEmpty();
            }
            assertThatThrownBy(() -> volumes.create("labelled", Map.of("", "x")))
                    .isInstanceOf(InvalidSpecException.class)
                    .hasMessage("cannot label volume labelled: the label has no key");
            assertThatThrownBy(() -> volumes.get("dat"))
                    .isInstanceOf(NotFoundException.class)
                    .hasMessage("cannot find volume dat: the store has none of that name [volumes=[data]]");
            assertThatThrownBy(() -> volumes.remove("../layers"))
                    .isInstanceOf(NotFoundException.class)
                    .hasMessage("cannot remove volume ../layers: the store has none of that name");
            var data = volumes.get("data");
            data.remove();
            assertThatThrownBy(data::remove)
                    .isInstanceOf(NotFoundException.class)
                    .hasMessage("cannot remove volume data: the store has none of that name");
        }
        assertThatThrownBy(() -> engine.volumes().create("late"))
                .isInstanceOf(ConflictException.class)
                .hasMessage("cannot create volume late: the engine is closed; open another one");
    }

    @Test
    void aVolumeInUseIsNotRemovedByAnyEngine(TestStore store) {
        try (var engine = store.openEngineWithBusybox();
                var other = store.openEngine()) {
            var container = engine.containers().start(sh("busybox", "sleep 60").mount("data", "/data"));
            for (var each : List.of(engine, other)) {
                assertThatThrownBy(() -> each.volumes().remove("data"))
                        .isInstanceOf(ConflictException.class)
                        .hasMessage("cannot remove volume data: container " + container.id() + " of engine "
                                + engine.info().id() + " uses it; close the container first");
            }
            container.stop();
            assertThatThrownBy(() -> other.volumes().remove("data")).isInstanceOf(ConflictException.class);
            container.close();
            other.volumes().remove("data");
            assertThat(engine.volumes().list()).isEmpty();
        }
    }

    private static void loadApp(Engine engine, Path directory, String volumes, byte[]... layers) {
        var archive = directory.resolve("app.tar");
        TestImages.writeOnBusybox(archive, "app:latest", volumes, layers);
        engine.images().load(archive);
    }

    private static byte[] contentLayer() {
        return new TarWriter()
                .owner(70, 71)
                .directory("srv/", 0755)
                .xattr("user.note", "kept")
                .directory("srv/data/", 02750)
                .file("srv/data/f", 0640, "content\n")
                .symlink("srv/data/l", "/etc/passwd")
                .hardLink("srv/data/h", "srv/data/f")
                .file("srv/data/gone", 0644, "x")
                .directory("srv/data/sub/", 0711)
                .file("srv/data/sub/old", 0600, "old\n")
                .bytes();
    }

    private static byte[] newerLayer() {
        return new TarWriter()
                .directory("srv/", 0755)
                .owner(70, 71)
                .xattr("user.note", "kept")
                .directory("srv/data/", 02750)
                .file("srv/data/.wh.gone", 0644, "")
                .directory("srv/data/sub/", 0711)
                .file("srv/data/sub/new", 0600, "new\n")
                .symlink("data", "srv/data")
                .bytes();
    }

    private static final String LOOK = "cd /srv/data; stat -c '%u %g %a %Y %h %n' . f sub; cat f sub/*; ls; readlink l";
    private static final String SEEN = """
            70 71 2750 1700000000 3 .
            70 71 640 1700000000 2 f
            70 71 711 1700000000 2 sub
            content
            new
            old
            f
            h
            l
            sub
            /etc/passwd
            """;

    @Test
    void anImagesVolumeBeginsWithTheImagesContentAndGoesWithItsContainer(TestStore store, @TempDir Path directory) {
        try (var engine = store.openEngine()) {
            loadApp(engine, directory, "\"Volumes\":{\"/srv/data\":{}}", contentLayer(), newerLayer());
            Path data;
            try (var container = engine.containers().start(sh("app", LOOK + "; echo own >own"))) {
                container.await();
                assertThat(container.logs().lines().map(LogLine::text))
                        .containsExactlyElementsOf(SEEN.lines().toList());
                var mount = container.mounts().get(0);
                assertThat(container.mounts()).hasSize(1);
                assertThat(mount.target()).isEqualTo("/srv/data");
                assertThat(mount.volume()).matches("[0-9a-f]{64}");
                data = mount.source().orElseThrow();
                assertThat(data.resolve("own")).hasContent("own");
                assertThat(TreeListing.of(data).get(".")).endsWith(" user.note=6b657074");
            }
            assertThat(data).doesNotExist();
            assertThat(engine.volumes().list()).isEmpty();
        }
    }

    @Test
    void aNamedVolumeIsFilledOnItsFirstUseOnly(TestStore store, @TempDir Path directory) {
        try (var engine = store.openEngine()) {
            loadApp(engine, directory, "", contentLayer(), newerLayer());
            var look = sh("app", LOOK).mount("data", "/srv/data");
            assertThat(output(engine, look)).isEqualTo(SEEN);
            assertThat(output(
                            engine,
                            sh("app", "cd /data; rm -r sub h l; echo mine >f").mount("data", "/data")))
                    .isEmpty();
            assertThat(output(engine, sh("app", "ls /srv/data; cat /srv/data/f").mount("data", "/srv/data")))
                    .isEqualTo("f\nmine\n");
            assertThat(engine.volumes().get("data").isAnonymous()).isFalse();
            // through the link that the image has there
            assertThat(output(engine, sh("app", LOOK).mount("linked", "/data"))).isEqualTo(SEEN);

            var empty = sh("app", "ls -A /srv/data")
                    .mount(Mount.volume("none", "/srv/data").copy(false));
            assertThat(output(engine, empty)).isEmpty();
        }
    }

    @Test
    void anEmptyDirectoryOfTheImageGivesItsOwnerAndMode(TestStore store, @TempDir Path directory) {
        try (var engine = store.openEngine()) {
            var layer = new TarWriter()
                    .owner(999, 998)
                    .directory("var/lib/db/", 0700)
                    .bytes();
            loadApp(engine, directory, "\"Volumes\":{\"/var/lib/db/\":{}},\"User\":\"999:998\"", layer);
            var look = sh("app", "stat -c '%u %g %a' /var/lib/db && touch /var/lib/db/f && echo mine");
            assertThat(output(engine, look)).isEqualTo("999 998 700\nmine\n");
            assertThat(output(engine, look.mount("db", "/var/lib/db"))).isEqualTo("999 998 700\nmine\n");
            assertThat(output(engine, look.tmpfs("/var/lib/db"))).isEqualTo("0 0 1777\nmine\n");
        }
    }

    @Test
    void aVolumeWhereNoneCanBeIsTheImagesFault(TestStore store, @TempDir Path directory) {
        try (var engine = store.openEngine()) {
            for (var path : List.of("/", "..", "/a/../b", "/proc/sys", "")) {
                loadApp(engine, directory, "\"Volumes\":{\"" + path + "\":{}}");
                assertThatThrownBy(
                                () -> engine.containers().run(sh("app", "true").name("app")))
                        .isInstanceOf(InvalidSpecException.class)
                        .hasMessage("cannot start container app: its image wants a volume at '" + path
                                + "', where none can be; use another image");
                assertThat(engine.containers().list()).isEmpty();
            }
        }
    }

    @Test
    void manyContainersAtOnceSeeAVolumeThatIsWholeFromTheFirstMoment(TestStore store, @TempDir Path directory)
            throws Exception {
        var threads = Executors.newFixedThreadPool(6);
        try (var engine = store.openEngine();
                var other = store.openEngine()) {
            loadApp(engine, directory, "", contentLayer(), newerLayer());
            var tasks = new ArrayList<Callable<String>>();
            for (var i = 0; i < 12; i++) {
                var each = i % 2 == 0 ? engine : other;
                tasks.add(() -> output(each, sh("app", LOOK).mount("data", "/srv/data")));
            }
            for (var each : threads.invokeAll(tasks)) {
                assertThat(each.get()).isEqualTo(SEEN);
            }
            assertThat(other.volumes().pruneAll()).containsExactly("data");
        } finally {
            threads.shutdownNow();
        }
    }

    /** Uses a volume beside another JVM, until it is killed: ARGS is the store. */
    static final class Neighbour {
        private Neighbour() {}

        public static void main(String[] arguments) throws InterruptedException {
            var engine = Engine.open(EngineOptions.defaults().store(Path.of(arguments[0])));
            var script =
                    "echo from the neighbour >/data/hello; while ! grep -q answer /data/*; do sleep 0.05; done; echo heard";
            var container = engine.containers().start(sh("app", script).mount("data", "/data"));
            container.await();
            System.out.println(
                    container.logs().lines().findFirst().orElseThrow().text());
            var last = engine.containers().start(sh("app", "sleep 1000").mount("data", "/data"));
            System.out.println(last.mounts().stream()
                    .filter(mount -> mount.target().equals("/srv/data"))
                    .findFirst()
                    .flatMap(mount -> mount.source())
                    .orElseThrow());
            Thread.sleep(60_000);
        }
    }

    @Test
    void twoJvmsShareAVolumeAndAKilledOneLeavesOnlyWhatWasNamed(TestStore store, @TempDir Path directory)
            throws Exception {
        try (var engine = store.openEngine()) {
            loadApp(engine, directory, "\"Volumes\":{\"/srv/data\":{}}", contentLayer());
            Path anonymous;
            try (var jvm = ChildJvm.start(Neighbour.class, store.path().toString())) {
                var script =
                        "while ! [ -s /data/hello ]; do sleep 0.05; done; cat /data/hello; echo answer >/data/answer";
                assertThat(output(engine, sh("app", script).mount("data", "/data")))
                        .isEqualTo("from the neighbour\n");
                assertThat(jvm.readLine()).isEqualTo("heard");
                anonymous = Path.of(jvm.readLine());
                assertThat(anonymous.resolve("f")).exists();
                assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(anonymous.getParent())))
                        .as("it may hold other people's setuid programs")
                        .isEqualTo("rwx------");
                assertThatThrownBy(() -> engine.volumes().remove("data")).isInstanceOf(ConflictException.class);
                jvm.kill();
            }
            Eventually.passes(() ->
                    assertThat(anonymous).as("its engine's will does its work").doesNotExist());
            Eventually.passes(() -> assertThat(engine.volumes().list(VolumeFilter.ALL.dangling(false)))
                    .isEmpty());
            assertThat(engine.volumes().get("data").path().resolve("answer")).hasContent("answer");
            engine.volumes().remove("data");
        }
    }

    @Test
    void aFullStoreIsOneSentenceAndNothingIsHalfFilled(TestStore store, @TempDir Path directory) throws IOException {
        var disk = SmallDisk.mount(store.path(), "size=17m");
        try (disk;
                var engine = store.openEngine()) {
            loadApp(
                    engine,
                    directory,
                    "",
                    new TarWriter()
                            .directory("big/", 0755)
                            .file("big/f", 0644, new byte[5 << 20])
                            .bytes());
            var spec = sh("app", "ls -A /big").name("app");
            assertThatThrownBy(() -> engine.containers().run(spec.mount("data", "/big")))
                    .isInstanceOf(StorageException.class)
                    .hasMessageStartingWith("cannot write f: no space is left on the file system of " + store.path())
                    .hasMessageEndingWith(" [call=write, errno=ENOSPC]; free some, or choose another store");
            assertThat(engine.volumes().list()).isEmpty();
            assertThat(engine.containers().list()).isEmpty();
            assertThatThrownBy(() -> engine.containers().run(spec.mount(Mount.volume("/big"))))
                    .isInstanceOf(StorageException.class)
                    .hasMessageStartingWith("cannot write f: no space is left on the file system of " + store.path());
            // the container meets the full disk itself
            var writer = sh("app", "head -c 9000000 /dev/zero >/data/f 2>/dev/null || full=yes; rm /data/f; echo $full")
                    .mount("data", "/data");
            assertThat(output(engine, writer)).isEqualTo("yes\n");
            engine.volumes().remove("data");
        }
    }
}
