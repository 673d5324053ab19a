package dev.cais.image.registry;

import static dev.cais.image.TestArchive.config;
import static dev.cais.image.TestArchive.layer;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.ImageLimits;
import dev.cais.RegistryOptions;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TarWriter;
import dev.cais.fixtures.TestRegistry;
import dev.cais.fixtures.TestStore;
import dev.cais.image.ImageCatalog;
import dev.cais.image.TestArchive;
import dev.cais.storage.Store;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Scanner;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** JVMs that push to one repository at the same time. */
@LeakChecked
@RequiresRoot
@RequiresProgram("docker-registry")
class ConcurrentPushTest {
    private static final Duration PATIENCE = Duration.ofMinutes(3);
    private static final int ROUNDS = 3;

    @TempDir
    private Path directory;

    /** The layer that all have in common, large enough for the pushes to overlap. */
    private static byte[] base() {
        var content = new byte[2 * 1024 * 1024];
        new Random(1).nextBytes(content);
        return new TarWriter().file("base", 0644, content).bytes();
    }

    private Path archive(int child) {
        var base = base();
        var own = layer("own", "of " + child);
        var same = layer("same", "of all");
        return new TestArchive()
                .docker("[\"own:" + child + "\"]", config("own" + child, base, own), base, own)
                .docker("[\"same:1\"]", config("same", base, same), base, same)
                .tar(directory.resolve(child + ".tar"));
    }

    @Test
    void allThatIsPushedIsThere(TestStore place) {
        var stores = List.of("shared", "shared", "alone");
        try (var registry = TestRegistry.plain(directory);
                var store = Store.open(place.path().resolve("test"), "test");
                var images = new ImageCatalog(
                        store, ImageLimits.DEFAULT, RegistryOptions.defaults().insecure(registry.address()))) {
            var children = new ArrayList<ChildJvm>();
            try {
                for (var child = 0; child < stores.size(); child++) {
                    children.add(ChildJvm.start(
                            Pushing.class,
                            place.path().resolve(stores.get(child)).toString(),
                            archive(child).toString(),
                            registry.address() + "/r",
                            Integer.toString(child)));
                }
                children.forEach(child -> assertThat(child.readLine()).isEqualTo("loaded"));
                children.forEach(child -> child.writeLine("push"));

                var same = new ArrayList<String>();
                for (var child = 0; child < children.size(); child++) {
                    var told = children.get(child).readLines();
                    assertThat(children.get(child).await(PATIENCE)).isZero();
                    assertThat(told).hasSize(2 * ROUNDS);
                    var pulled = images.pull(registry.address() + "/r:own" + child);
                    assertThat(told.subList(0, ROUNDS))
                            .containsOnly(pulled.digest().orElseThrow().toString());
                    same.addAll(told.subList(ROUNDS, 2 * ROUNDS));
                }
                assertThat(same)
                        .containsOnly(images.pull(registry.address() + "/r:same")
                                .digest()
                                .orElseThrow()
                                .toString());
                assertThat(images.verify()).isEmpty();
                assertThat(images.repository(registry.address() + "/r").tags())
                        .containsExactlyInAnyOrder("own0", "own1", "own2", "same");
            } finally {
                children.forEach(ChildJvm::close);
            }
        }
    }

    /** A JVM that loads an archive, waits for a line, and pushes its own image and that of all, some times each. */
    static final class Pushing {
        private Pushing() {}

        public static void main(String[] arguments) {
            var repository = arguments[2];
            try (var store = Store.open(Path.of(arguments[0]), "child" + arguments[3]);
                    var images = new ImageCatalog(
                            store,
                            ImageLimits.DEFAULT,
                            RegistryOptions.defaults().insecure(repository.substring(0, repository.indexOf('/'))))) {
                images.load(Path.of(arguments[1]));
                System.out.println("loaded");
                new Scanner(System.in, StandardCharsets.UTF_8).nextLine();
                for (var tag : List.of("own" + arguments[3], "same")) {
                    images.get(tag.equals("same") ? "same:1" : "own:" + arguments[3])
                            .tag(repository + ":" + tag);
                    for (var round = 0; round < ROUNDS; round++) {
                        System.out.println(images.push(repository + ":" + tag));
                    }
                }
            }
        }
    }
}
