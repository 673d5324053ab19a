package dev.cais.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.CancelledException;
import dev.cais.Digest;
import dev.cais.NotFoundException;
import dev.cais.StorageException;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.SmallDisk;
import dev.cais.fixtures.TestStore;
import java.io.File;
import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

@LeakChecked
@RequiresRoot
class LayersTest {
    private static final Digest DIFF_ID = Digest.parse("sha256:" + "a1".repeat(32));

    private static void write(FileOperations files, String path, String content) {
        var bytes = content.getBytes(StandardCharsets.UTF_8);
        try (var sink = files.file(path.getBytes(StandardCharsets.UTF_8), Attributes.ofMode(0644))) {
            sink.write(bytes, 0, bytes.length);
            sink.finish();
        }
    }

    @Test
    void layerIsVisibleWhenItIsWhole(TestStore directory) throws IOException {
        try (var store = Store.open(directory.path(), "a")) {
            var layers = store.layers();
            var path = layers.add(DIFF_ID, files -> {
                write(files, "file", "content");
                assertThat(layers.find(DIFF_ID)).isEmpty();
                return 7;
            });
            assertThat(path).isEqualTo(directory.path().resolve("layers/a1a1a1a1a1a1a1a1a1a1a1a1"));
            assertThat(path.resolve("file")).hasContent("content");
            assertThat(layers.find(DIFF_ID)).contains(path);
            assertThat(layers.size(DIFF_ID)).isEqualTo(7);
            assertThat(layers.list()).containsExactly(DIFF_ID);
            assertThat(Files.getAttribute(path, "unix:mode")).isEqualTo(040755);
            layers.delete(DIFF_ID);
            assertThat(layers.directory()).isEmptyDirectory();
            assertThatThrownBy(() -> layers.size(DIFF_ID))
                    .isInstanceOf(NotFoundException.class)
                    .hasMessage("cannot read layer " + DIFF_ID + ": the store does not have it unpacked");
        }
    }

    @Test
    void failureLeavesNothingAndTheNextTryBeginsAnew(TestStore directory) {
        try (var store = Store.open(directory.path(), "a")) {
            assertThatThrownBy(() -> store.layers().add(DIFF_ID, files -> {
                        write(files, "d/file", "content");
                        throw new IllegalStateException("on purpose");
                    }))
                    .hasMessage("on purpose");
            assertThat(store.layers().directory()).isEmptyDirectory();
            assertThat(store.temporaryDirectory()).isEmptyDirectory();
            assertThat(store.layers().add(DIFF_ID, files -> 0)).isDirectory();
        }
    }

    @Test
    void otherLayerOfTheSameShortNameIsRefused(TestStore directory) {
        var other = Digest.parse("sha256:" + "a1".repeat(31) + "00");
        try (var store = Store.open(directory.path(), "a")) {
            store.layers().add(DIFF_ID, files -> 0);
            assertThatThrownBy(() -> store.layers().add(other, files -> 0))
                    .isInstanceOf(StorageException.class)
                    .hasMessage(
                            "cannot unpack layer " + other + ": its name in the store is taken by layer " + DIFF_ID);
        }
    }

    @Test
    void manyThreadsOfManyEnginesFillALayerOnce(TestStore directory) throws Exception {
        var filled = new AtomicInteger();
        var threads = Executors.newFixedThreadPool(8);
        try (var a = Store.open(directory.path(), "a");
                var b = Store.open(directory.path(), "b")) {
            var begin = new CountDownLatch(1);
            var tasks = new ArrayList<Callable<Path>>();
            for (var i = 0; i < 8; i++) {
                var layers = (i % 2 == 0 ? a : b).layers();
                tasks.add(() -> {
                    begin.await();
                    return layers.add(DIFF_ID, files -> {
                        write(files, "file", "x");
                        return filled.incrementAndGet();
                    });
                });
            }
            var paths = tasks.stream().map(threads::submit).toList();
            begin.countDown();
            for (var path : paths) {
                assertThat(path.get().resolve("file")).hasContent("x");
            }
            assertThat(filled).hasValue(1);
        } finally {
            threads.shutdownNow();
        }
    }

    /** Unpacks a layer into the store of its first argument, as engine of its second, and says how often it filled it. */
    static final class Adder {
        private Adder() {}

        public static void main(String[] arguments) {
            var filled = new AtomicInteger();
            try (var store = Store.open(Path.of(arguments[0]), arguments[1])) {
                store.layers().add(DIFF_ID, files -> {
                    for (var i = 0; i < 500; i++) {
                        write(files, "d" + i % 7 + "/f" + i, "x");
                    }
                    return filled.incrementAndGet();
                });
            }
            System.out.println(filled);
        }

        /** For another class loader. */
        public static int add(String root, String engine) {
            var filled = new AtomicInteger();
            try (var store = Store.open(Path.of(root), engine)) {
                store.layers().add(DIFF_ID, files -> filled.incrementAndGet());
            }
            return filled.get();
        }
    }

    @Test
    void severalJvmsFillALayerOnce(TestStore directory) {
        try (var a = ChildJvm.start(Adder.class, directory.path().toString(), "a");
                var b = ChildJvm.start(Adder.class, directory.path().toString(), "b");
                var c = ChildJvm.start(Adder.class, directory.path().toString(), "c")) {
            var counts = List.of(a.readLine(), b.readLine(), c.readLine());
            assertThat(counts).containsExactlyInAnyOrder("0", "0", "1");
        }
        try (var store = Store.open(directory.path(), "d")) {
            assertThat(store.layers().size(DIFF_ID)).isEqualTo(1);
        }
    }

    @Test
    void severalClassLoadersFillALayerOnce(TestStore directory) throws Exception {
        try (var first = loader();
                var second = loader();
                var store = Store.open(directory.path(), "here")) {
            var counts = new ArrayList<Integer>();
            for (var loader : List.of(first, second)) {
                var add = loader.loadClass(Adder.class.getName()).getMethod("add", String.class, String.class);
                add.setAccessible(true);
                assertThat(add.getDeclaringClass()).isNotEqualTo(Adder.class);
                counts.add((Integer) add.invoke(null, directory.path().toString(), "there"));
            }
            assertThat(counts).containsExactly(1, 0);
            assertThat(store.layers().find(DIFF_ID)).isPresent();
        }
    }

    private static URLClassLoader loader() throws MalformedURLException {
        var urls = new ArrayList<URL>();
        for (var entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            urls.add(Path.of(entry).toUri().toURL());
        }
        return new URLClassLoader(urls.toArray(new URL[0]), ClassLoader.getPlatformClassLoader());
    }

    @Test
    void waitingForAnotherHearsAnInterrupt(TestStore directory) throws Exception {
        var threads = Executors.newSingleThreadExecutor();
        try (var store = Store.open(directory.path(), "a")) {
            var filling = new CountDownLatch(1);
            var goOn = new CountDownLatch(1);
            var first = threads.submit(() -> store.layers().add(DIFF_ID, files -> {
                filling.countDown();
                try {
                    goOn.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                return 0;
            }));
            filling.await();
            Thread.currentThread().interrupt();
            assertThatThrownBy(() -> store.layers().add(DIFF_ID, files -> 0))
                    .isInstanceOf(CancelledException.class)
                    .hasMessage("cannot lock " + directory.path()
                            + "/layers/a1a1a1a1a1a1a1a1a1a1a1a1.lock: the thread was interrupted");
            assertThat(Thread.interrupted()).isTrue();
            goOn.countDown();
            assertThat(first.get()).isDirectory();
        } finally {
            threads.shutdownNow();
        }
    }

    /** Fills a layer without end, saying so once it has begun. */
    static final class Endless {
        private Endless() {}

        public static void main(String[] arguments) {
            var store = Store.open(Path.of(arguments[0]), "dead");
            store.createContainer("c", DIFF_ID, List.of());
            store.blobs().writer();
            store.layers().add(DIFF_ID, files -> {
                for (var i = 0L; ; i++) {
                    write(files, "d" + i % 100 + "/f" + i, "content");
                    if (i == 1000) {
                        System.out.println("filling");
                    }
                }
            });
        }
    }

    @Test
    void killedEngineLeavesNothingVisibleAndTheNextOpenSweepsTheRest(TestStore directory) {
        for (var run = 0; run < 3; run++) {
            try (var child = ChildJvm.start(Endless.class, directory.path().toString())) {
                assertThat(child.readLine()).isEqualTo("filling");
                child.kill();
            }
            assertThat(directory.path().resolve("engines/dead/tmp")).isNotEmptyDirectory();
            try (var store = Store.open(directory.path(), "next")) {
                assertThat(store.layers().list()).isEmpty();
                assertThat(store.blobs().list()).isEmpty();
                assertThat(store.uses()).isEmpty();
                assertThat(directory.path().resolve("engines")).isDirectoryNotContaining("glob:**/dead");
                assertThat(store.temporaryDirectory()).isEmptyDirectory();
                assertThat(store.layers().directory()).isEmptyDirectory();
            }
        }
    }

    @Test
    void treeWithoutARecordIsSwept(TestStore directory) throws IOException {
        Store.open(directory.path(), "a").close();
        var orphan = Files.createDirectories(directory.path().resolve("layers/" + Layers.name(DIFF_ID) + "/sub"));
        try (var store = Store.open(directory.path(), "b")) {
            assertThat(orphan).doesNotExist();
            assertThat(store.layers().directory()).isEmptyDirectory();
        }
    }

    @Test
    void fullDiskIsOneSentenceAndLeavesNothing(TestStore directory) throws IOException {
        var disk = SmallDisk.mount(directory.path(), "size=1m");
        try (disk) {
            try (var store = Store.open(directory.path(), "a")) {
                var tmp = store.temporaryDirectory();
                assertThatThrownBy(() -> store.layers().add(DIFF_ID, files -> {
                            write(files, "usr/big", "x".repeat(2 << 20));
                            return 0;
                        }))
                        .isInstanceOf(StorageException.class)
                        .hasMessage("cannot write usr/big: no space is left on the file system of " + tmp
                                + "/1 [call=write, errno=ENOSPC]; free some, or choose another store");
                assertThatThrownBy(() -> {
                            try (var writer = store.blobs().writer()) {
                                writer.write(new byte[2 << 20]);
                            }
                        })
                        .isInstanceOf(StorageException.class)
                        .hasMessage("cannot write " + tmp + "/3: no space is left on the file system of " + tmp
                                + "/3 [call=write, errno=ENOSPC]; free some, or choose another store");
                assertThat(tmp).isEmptyDirectory();
                assertThat(store.layers().directory()).isEmptyDirectory();
                assertThat(store.layers().add(DIFF_ID, files -> 0)).isDirectory();
            }
        }
    }

    @Test
    void readOnlyStoreIsOneSentence(TestStore directory) throws IOException {
        var disk = SmallDisk.mount(directory.path(), "ro");
        try (disk) {
            assertThatThrownBy(() -> Store.open(directory.path(), "a"))
                    .isInstanceOf(StorageException.class)
                    .hasMessage("cannot make directory " + directory.path() + "/blobs: the file system of "
                            + directory.path()
                            + "/blobs is read-only [call=mkdirat, errno=EROFS]; choose another store");
        }
    }

    @Test
    void imageOf127LayersIsMountedByShortNames(TestStore directory) throws IOException {
        try (var store = Store.open(directory.path(), "a")) {
            var names = new ArrayList<String>();
            for (var i = 0; i < 127; i++) {
                var diffId =
                        Digest.parse("sha256:" + "%064x".formatted(i).replaceFirst("^0{8}", "%08x".formatted(i + 1)));
                var number = i;
                store.layers().add(diffId, files -> {
                    write(files, "f" + number, "x");
                    return 1;
                });
                names.add(Layers.name(diffId));
            }
            var options = "lowerdir=" + String.join(":", names);
            assertThat(options.length()).isLessThan(4000);
            var target = Files.createDirectory(store.engineDirectory().resolve("merged"));
            Programs.runIn(store.layers().directory(), "mount", "-t", "overlay", "o", "-o", options, target.toString());
            try {
                assertThat(target.toFile().list()).hasSize(127);
            } finally {
                Programs.output("umount", target.toString());
            }
        }
    }
}
