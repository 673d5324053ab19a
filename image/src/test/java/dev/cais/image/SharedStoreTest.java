package dev.cais.image;

import static dev.cais.image.TestArchive.config;
import static dev.cais.image.TestArchive.layer;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.ImageLimits;
import dev.cais.NotFoundException;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.TestStore;
import dev.cais.storage.Store;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Several catalogs, threads and processes on one store. */
@LeakChecked
class SharedStoreTest {
    private static final int ARCHIVES = 4;

    /** Archives that share their lowest layer; the number of each decides what else is in it. */
    private static List<Path> archives(Path directory) {
        var base = layer("base", "x".repeat(20_000));
        var paths = new ArrayList<Path>();
        for (var i = 0; i < ARCHIVES; i++) {
            var own = layer("own", "y".repeat(10_000 * i));
            paths.add(new TestArchive()
                    .docker("[\"app:%d\",\"last\"]".formatted(i), config("app" + i, base, own), base, own)
                    .tar(directory.resolve(i + ".tar")));
        }
        return paths;
    }

    /** Loads, looks, and removes at random, as long as its arguments say; everything seen must be whole. */
    static class Worker {
        /** STORE ENGINE SEED ROUNDS ARCHIVE... */
        public static void main(String[] arguments) {
            var archives = List.of(arguments).subList(4, arguments.length).stream()
                    .map(Path::of)
                    .toList();
            try (var store = Store.open(Path.of(arguments[0]), arguments[1])) {
                System.out.println("ready");
                work(store, Long.parseLong(arguments[2]), Integer.parseInt(arguments[3]), archives);
                System.out.println("done");
            }
        }

        static void work(Store store, long seed, int rounds, List<Path> archives) {
            var images = new ImageCatalog(store, ImageLimits.DEFAULT);
            var random = new Random(seed);
            for (var round = 0; round < rounds; round++) {
                var number = random.nextInt(archives.size());
                switch (random.nextInt(4)) {
                    case 0 -> remove(images, "app:" + number);
                    case 1 -> look(store, images, "app:" + number);
                    case 2 ->
                        images.list()
                                .forEach(image -> assertThat(image.layers()).hasSize(2));
                    default -> assertThat(images.load(archives.get(number))).hasSize(1);
                }
            }
        }

        private static void remove(ImageCatalog images, String name) {
            try {
                images.get(name).remove();
            } catch (NotFoundException e) {
                assertThat(e).hasMessageContaining("the store has no image of that name or id");
            }
        }

        private static void look(Store store, ImageCatalog images, String name) {
            var hold = store.lockShared();
            try (hold) {
                images.find(name).ifPresent(image -> {
                    assertThat(store.blobs().find(image.id())).isPresent();
                    for (var layer : image.layers()) {
                        assertThat(store.blobs().find(layer.blob())).isPresent();
                        assertThat(store.layers().find(layer.diffId()))
                                .hasValueSatisfying(tree -> assertThat(tree).isNotEmptyDirectory());
                    }
                });
            }
        }
    }

    private static String[] arguments(TestStore place, String engine, int seed, int rounds, List<Path> archives) {
        var arguments = new ArrayList<>(List.of(place.path().toString(), engine, "" + seed, "" + rounds));
        archives.forEach(archive -> arguments.add(archive.toString()));
        return arguments.toArray(String[]::new);
    }

    private static void assertOnlyWhatIsNeededIsThere(Store store) {
        var images = new ImageCatalog(store, ImageLimits.DEFAULT);
        assertThat(images.list()).allSatisfy(image -> assertThat(image.layers()).hasSize(2));
        for (var image : images.list()) {
            image.remove();
        }
        assertThat(store.blobs().list()).isEmpty();
        assertThat(store.layers().list()).isEmpty();
        assertThat(store.root().resolve("images.unswept")).doesNotExist();
        assertThat(store.temporaryDirectory()).isEmptyDirectory();
    }

    @Test
    void threadsEnginesAndProcessesShareAStore(TestStore place, @TempDir Path directory) throws Exception {
        var archives = archives(directory);
        var threads = Executors.newFixedThreadPool(4);
        try (var one = Store.open(place.path(), "one");
                var two = Store.open(place.path(), "two");
                var child = ChildJvm.start(Worker.class, arguments(place, "child", 5, 60, archives))) {
            var work = new ArrayList<Callable<Boolean>>();
            for (var i = 0; i < 4; i++) {
                var seed = i;
                work.add(() -> {
                    Worker.work(seed % 2 == 0 ? one : two, seed, 60, archives);
                    return true;
                });
            }
            for (var done : threads.invokeAll(work)) {
                assertThat(done.get()).isTrue();
            }
            assertThat(child.await(Duration.ofMinutes(4))).isZero();
            assertThat(child.readLines()).containsExactly("ready", "done");
            assertOnlyWhatIsNeededIsThere(one);
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void killedProcessLeavesNothingHalfDone(TestStore place, @TempDir Path directory) throws Exception {
        var archives = archives(directory);
        var random = new Random(20261121);
        for (var i = 0; i < 10; i++) {
            try (var child = ChildJvm.start(Worker.class, arguments(place, "child", i, 1_000_000, archives))) {
                assertThat(child.readLine()).isEqualTo("ready");
                Thread.sleep(50 + random.nextInt(400)); // whenever: each moment must do
                child.kill();
            }
            try (var store = Store.open(place.path(), "after")) {
                Worker.work(store, i, 10, archives);
                if (i % 3 == 2) {
                    assertOnlyWhatIsNeededIsThere(store);
                }
            }
            assertThat(place.path().resolve("engines")).isEmptyDirectory();
        }
    }

    @Test
    void classLoadersShareAStore(TestStore place, @TempDir Path directory) throws Exception {
        var archives = archives(directory);
        var classPath = new ArrayList<URL>();
        for (var entry : System.getProperty("java.class.path").split(":")) {
            classPath.add(Path.of(entry).toUri().toURL());
        }
        var threads = Executors.newSingleThreadExecutor();
        try (var other = new URLClassLoader(classPath.toArray(URL[]::new), ClassLoader.getPlatformClassLoader());
                var store = Store.open(place.path(), "one")) {
            var worker = other.loadClass(Worker.class.getName());
            assertThat(worker).isNotEqualTo(Worker.class);
            var main = worker.getDeclaredMethod("main", String[].class);
            main.setAccessible(true);
            var done = threads.submit(() -> main.invoke(null, (Object) arguments(place, "other", 7, 60, archives)));
            Worker.work(store, 8, 60, archives);
            done.get();
            assertOnlyWhatIsNeededIsThere(store);
        } finally {
            threads.shutdownNow();
        }
    }
}
