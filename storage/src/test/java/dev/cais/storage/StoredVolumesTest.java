package dev.cais.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ConflictException;
import dev.cais.Digest;
import dev.cais.NotFoundException;
import dev.cais.StorageException;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.SmallDisk;
import dev.cais.fixtures.TestStore;
import dev.cais.fixtures.TreeListing;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@RequiresRoot
@LeakChecked
@Timeout(300)
class StoredVolumesTest {
    private static final Digest IMAGE = Digest.parse("sha256:" + "1".repeat(64));
    private static final Instant WHEN = Instant.ofEpochSecond(1_600_000_000, 123_456_789);

    private static byte[] name(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void fillWithFiles(FileOperations files) {
        files.directory(name(""), new Attributes(7, 8, 02750, WHEN, WHEN, List.of(new Xattr("user.a", name("b")))));
        files.directory(name("d"), new Attributes(1, 2, 0711, WHEN, WHEN, List.of()));
        try (var file = files.file(name("d/f"), new Attributes(3, 4, 04755, WHEN, WHEN, List.of()))) {
            file.write(name("content"), 0, 7);
            file.finish();
        }
        files.symlink(name("l"), name("/etc/passwd"), Attributes.ofMode(0777));
        files.symlink(new byte[] {'x', (byte) 0x80, (byte) 0xff}, name("nowhere"), Attributes.ofMode(0777));
    }

    private static void fillNever(FileOperations files) {
        throw new AssertionError("filled: " + files);
    }

    @Test
    void volumeIsFoundAsItWasMadeByAllEngines(TestStore directory) throws IOException {
        var labels = Map.of("b", "", "a b=ü\n", "anonymous\nlabel x=y");
        try (var a = Store.open(directory.path(), "a");
                var b = Store.open(directory.path(), "b")) {
            var made = a.volumes().create("data", false, labels);
            assertThat(b.volumes().find("data")).isEqualTo(made);
            assertThat(made.orElseThrow().labels()).isEqualTo(labels).containsKeys("a b=ü\n", "b");
            assertThat(made.orElseThrow().data()).isEmptyDirectory();
            assertThat(b.volumes().create("data", true, Map.of())).isEmpty();
            assertThat(b.volumes().find("data")).isEqualTo(made);
            assertThat(b.volumes()
                            .create("c0ffee", true, Map.of())
                            .orElseThrow()
                            .anonymous())
                    .isTrue();
            assertThat(a.volumes().list()).containsExactly("c0ffee", "data");
            assertThat(a.volumes().find("other")).isEmpty();
            assertThat(PosixFilePermissions.toString(
                            Files.getPosixFilePermissions(directory.path().resolve("volumes"))))
                    .isEqualTo("rwx------");
            assertThat(a.temporaryDirectory()).isEmptyDirectory();
            assertThat(b.temporaryDirectory()).isEmptyDirectory();
        }
        try (var next = Store.open(directory.path(), "c")) {
            assertThat(next.volumes().list()).containsExactly("c0ffee", "data");
        }
    }

    @Test
    void oneOfManyMakesAVolume(TestStore directory) throws Exception {
        var threads = Executors.newFixedThreadPool(8);
        try (var a = Store.open(directory.path(), "a");
                var b = Store.open(directory.path(), "b")) {
            var tasks = new ArrayList<Callable<Boolean>>();
            for (var i = 0; i < 32; i++) {
                var store = i % 2 == 0 ? a : b;
                tasks.add(() -> store.volumes().create("data", false, Map.of()).isPresent());
            }
            var made = 0;
            for (var each : threads.invokeAll(tasks)) {
                made += each.get() ? 1 : 0;
            }
            assertThat(made).isEqualTo(1);
            assertThat(a.temporaryDirectory()).isEmptyDirectory();
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void brokenRecordIsOneSentence(TestStore directory) throws IOException {
        try (var store = Store.open(directory.path(), "a")) {
            store.volumes().create("data", false, Map.of());
            var record = directory.path().resolve("volumes/data/record");
            Files.writeString(record, "created yesterday\n");
            assertThatThrownBy(() -> store.volumes().find("data"))
                    .isInstanceOf(StorageException.class)
                    .hasMessage("cannot read volume data: its record is broken [record=" + record
                            + "]; repair the record, or remove the volume");
            store.volumes().remove("data");
            assertThat(store.volumes().list()).isEmpty();
        }
    }

    @Test
    void volumeInUseIsNotRemovedByAnyEngine(TestStore directory) {
        try (var a = Store.open(directory.path(), "a");
                var b = Store.open(directory.path(), "b")) {
            b.volumes().create("data", false, Map.of());
            var container = a.createContainer("web", IMAGE, List.of(), List.of("data"), Map.of());
            for (var store : List.of(a, b)) {
                assertThat(store.volumes().used()).containsExactly("data");
                assertThatThrownBy(() -> store.volumes().remove("data"))
                        .isInstanceOf(ConflictException.class)
                        .hasMessage("cannot remove volume data: container web of engine a uses it; "
                                + "close the container first");
            }
            container.close();
            b.volumes().remove("data");
            assertThat(a.volumes().find("data")).isEmpty();
            assertThatThrownBy(() -> a.volumes().remove("data"))
                    .isInstanceOf(NotFoundException.class)
                    .hasMessage("cannot remove volume data: the store has none of that name");
            assertThat(b.temporaryDirectory()).isEmptyDirectory();
        }
    }

    /** Uses a volume until it is killed. */
    static final class User {
        private User() {}

        public static void main(String[] arguments) throws InterruptedException {
            var store = Store.open(Path.of(arguments[0]), "user");
            store.createContainer("web", IMAGE, List.of(), List.of("data"), Map.of());
            System.out.println("using");
            Thread.sleep(600_000);
        }
    }

    @Test
    void useEndsWithAKilledJvm(TestStore directory) {
        try (var store = Store.open(directory.path(), "a")) {
            store.volumes().create("data", false, Map.of());
            try (var jvm = ChildJvm.start(User.class, directory.path().toString())) {
                assertThat(jvm.readLine()).isEqualTo("using");
                assertThatThrownBy(() -> store.volumes().remove("data"))
                        .isInstanceOf(ConflictException.class)
                        .hasMessage("cannot remove volume data: container web of engine user uses it; "
                                + "close the container first");
                jvm.kill();
            }
            assertThat(store.volumes().used()).isEmpty();
            store.volumes().remove("data");
            assertThat(store.volumes().list()).isEmpty();
        }
        Store.open(directory.path(), "next").close(); // sweeps the killed engine's directory
    }

    @Test
    void removalWaitsForContainersThatAreBeingMade(TestStore directory) throws Exception {
        var threads = Executors.newSingleThreadExecutor();
        try (var a = Store.open(directory.path(), "a");
                var b = Store.open(directory.path(), "b")) {
            a.volumes().create("data", false, Map.of());
            var hold = b.volumes().lockShared();
            var removal = threads.submit(() -> a.volumes().remove("data"));
            b.createContainer("web", IMAGE, List.of(), List.of("data"), Map.of());
            assertThat(removal.isDone()).isFalse();
            hold.close();
            assertThatThrownBy(removal::get)
                    .hasCauseInstanceOf(ConflictException.class)
                    .hasMessageContaining("cannot remove volume data: container web of engine b uses it");
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void emptyVolumeIsFilledOnceWithAllAttributes(TestStore directory) throws IOException {
        try (var store = Store.open(directory.path(), "a")) {
            var data = store.volumes()
                    .create("data", false, Map.of())
                    .orElseThrow()
                    .data();
            var example = Files.createDirectory(directory.path().resolve("example"));
            try (var files = store.files(example)) {
                fillWithFiles(files);
            }
            var inode = Files.getAttribute(data, "unix:ino");

            store.volumes().fill("data", StoredVolumesTest::fillWithFiles);

            assertThat(TreeListing.of(data)).isEqualTo(TreeListing.of(example));
            assertThat(Files.getAttribute(data, "unix:ino")).isEqualTo(inode);
            assertThat(directory.path().resolve("volumes/data")).isDirectoryNotContaining("glob:**/content");
            store.volumes().fill("data", StoredVolumesTest::fillNever);
            assertThat(store.temporaryDirectory()).isEmptyDirectory();
        }
    }

    @Test
    void failedFillingLeavesTheVolumeEmpty(TestStore directory) throws IOException {
        try (var store = Store.open(directory.path(), "a")) {
            var data = store.volumes()
                    .create("data", false, Map.of())
                    .orElseThrow()
                    .data();
            assertThatThrownBy(() -> store.volumes().fill("data", files -> {
                        fillWithFiles(files);
                        throw new StorageException("cannot go on");
                    }))
                    .isInstanceOf(StorageException.class)
                    .hasMessage("cannot go on");
            assertThat(data).isEmptyDirectory();
            assertThat(store.temporaryDirectory()).isEmptyDirectory();
            store.volumes().fill("data", StoredVolumesTest::fillWithFiles);
            assertThat(data.resolve("d/f")).hasContent("content");
        }
    }

    @Test
    void interruptedMoveIsFinishedByTheNextUseAndKeepsWhatAContainerWrote(TestStore directory) throws IOException {
        try (var store = Store.open(directory.path(), "a")) {
            var data = store.volumes()
                    .create("data", false, Map.of())
                    .orElseThrow()
                    .data();
            var content = Files.createDirectory(directory.path().resolve("volumes/data/content"));
            try (var files = store.files(content)) {
                fillWithFiles(files);
            }
            Files.move(content.resolve("l"), data.resolve("l")); // so far it came
            Files.writeString(Files.createDirectory(data.resolve("d")).resolve("own"), "mine");

            store.volumes().settle("data");

            assertThat(data.resolve("d/own")).hasContent("mine");
            assertThat(data.resolve("d/f")).doesNotExist();
            assertThat(TreeListing.of(data).keySet()).hasSize(5);
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(data)))
                    .isEqualTo("rwxr-x---");
            assertThat(content).doesNotExist();
            store.volumes().settle("data");
            store.volumes().fill("data", StoredVolumesTest::fillNever);
        }
    }

    /** Fills a volume without end, saying so once it has begun. */
    static final class Endless {
        private Endless() {}

        public static void main(String[] arguments) {
            var store = Store.open(Path.of(arguments[0]), "dead");
            store.volumes().fill("data", files -> {
                for (var i = 0L; ; i++) {
                    files.directory(name("d" + i), Attributes.ofMode(0755));
                    if (i == 1000) {
                        System.out.println("filling");
                    }
                }
            });
        }
    }

    @Test
    void killedFillingLeavesAnEmptyVolumeThatTheNextOneFills(TestStore directory) {
        try (var store = Store.open(directory.path(), "a")) {
            var data = store.volumes()
                    .create("data", false, Map.of())
                    .orElseThrow()
                    .data();
            try (var jvm = ChildJvm.start(Endless.class, directory.path().toString())) {
                assertThat(jvm.readLine()).isEqualTo("filling");
                jvm.kill();
            }
            assertThat(data).isEmptyDirectory();
            store.volumes().fill("data", StoredVolumesTest::fillWithFiles);
            assertThat(data.resolve("d/f")).hasContent("content");
        }
        Store.open(directory.path(), "next").close();
        assertThat(directory.path().resolve("engines")).isEmptyDirectory();
    }

    @Test
    void oneOfManyFillsAndTheOthersWaitForIt(TestStore directory) throws Exception {
        var threads = Executors.newFixedThreadPool(4);
        var filled = new AtomicInteger();
        try (var a = Store.open(directory.path(), "a");
                var b = Store.open(directory.path(), "b")) {
            var data = a.volumes().create("data", false, Map.of()).orElseThrow().data();
            var tasks = new ArrayList<Callable<Boolean>>();
            for (var i = 0; i < 8; i++) {
                var store = i % 2 == 0 ? a : b;
                tasks.add(() -> {
                    store.volumes().fill("data", files -> {
                        filled.incrementAndGet();
                        fillWithFiles(files);
                    });
                    return Files.exists(data.resolve("d/f"));
                });
            }
            for (var each : threads.invokeAll(tasks)) {
                assertThat(each.get()).isTrue();
            }
            assertThat(filled).hasValue(1);
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void anonymousVolumeGoesWithItsContainer(TestStore directory) {
        try (var store = Store.open(directory.path(), "a");
                var container = store.createContainer("web", IMAGE, List.of())) {
            var data = container.createVolume("c0ffee");
            assertThat(data).isEmptyDirectory().isEqualTo(container.volume("c0ffee"));
            assertThat(store.volumes().list()).isEmpty();
            container.close();
            assertThat(data).doesNotExist();
        }
    }

    @Test
    void fullDiskIsOneSentenceAndLeavesNothing(TestStore directory) throws IOException {
        var disk = SmallDisk.mount(directory.path(), "size=1m");
        try (disk) {
            try (var store = Store.open(directory.path(), "a")) {
                var data = store.volumes()
                        .create("data", false, Map.of())
                        .orElseThrow()
                        .data();
                var tmp = store.temporaryDirectory();
                assertThatThrownBy(() -> store.volumes().fill("data", files -> {
                            try (var file = files.file(name("big"), Attributes.ofMode(0644))) {
                                file.write(new byte[2 << 20], 0, 2 << 20);
                                file.finish();
                            }
                        }))
                        .isInstanceOf(StorageException.class)
                        .hasMessageStartingWith("cannot write big: no space is left on the file system of " + tmp)
                        .hasMessageEndingWith(" [call=write, errno=ENOSPC]; free some, or choose another store");
                assertThat(tmp).isEmptyDirectory();
                assertThat(data).isEmptyDirectory();
            }
        }
    }
}
