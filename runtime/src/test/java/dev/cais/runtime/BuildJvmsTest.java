package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.BuildEvent;
import dev.cais.BuildSpec;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Several JVMs that build the same in one store. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class BuildJvmsTest {
    private static final String STARTED = "started";
    private static final String CACHED = "cached";
    private static final String BEGUN = "begun";
    private static final String BUILT = "built ";

    /** The second step lasts until somebody puts a file into its cache directory. */
    private static final String DOCKERFILE = """
            FROM busybox
            RUN : quick
            RUN --mount=type=cache,target=/wait echo begun; until test -e /wait/go; do sleep 0.05; done; echo made >/made
            """;

    /** Builds what it is told, and tells how. */
    static final class Child {
        private Child() {}

        public static void main(String[] arguments) {
            try (var engine = new TestStore(Path.of(arguments[0])).openEngine()) {
                var image = engine.images().build(BuildSpec.of(Path.of(arguments[1])), event -> {
                    if (event instanceof BuildEvent.Started) {
                        System.out.println(STARTED);
                    } else if (event instanceof BuildEvent.Cached) {
                        System.out.println(CACHED);
                    } else if (event instanceof BuildEvent.Output) {
                        System.out.println(BEGUN);
                    }
                });
                System.out.println(BUILT + image.id());
            }
        }
    }

    private static ChildJvm build(TestStore store, Path context) {
        return ChildJvm.start(Child.class, store.path().toString(), context.toString());
    }

    private static void letGo(TestStore store) throws IOException {
        try (var directories = Files.list(store.path().resolve("builds/directories"))) {
            Files.createFile(directories.findFirst().orElseThrow().resolve("data/go"));
        }
    }

    private static void awaitBegun(ChildJvm jvm) {
        assertThat(jvm.readLine()).isEqualTo(STARTED);
        assertThat(jvm.readLine()).isEqualTo(BEGUN);
    }

    /** It has found the first step, and is about to wait for the second. */
    private static void awaitWaiting(ChildJvm jvm) {
        assertThat(jvm.readLine()).isEqualTo(CACHED);
    }

    private static Engine prepared(TestStore store, Path context) throws IOException {
        Files.writeString(context.resolve("Dockerfile"), DOCKERFILE);
        return store.openEngineWithBusybox();
    }

    @Test
    void aStepIsCarriedOutByOneOfThem(TestStore store, @TempDir Path context) throws IOException {
        try (var engine = prepared(store, context);
                var first = build(store, context)) {
            assertThat(first.readLine()).isEqualTo(STARTED);
            awaitBegun(first);
            try (var second = build(store, context);
                    var third = build(store, context)) {
                awaitWaiting(second);
                awaitWaiting(third);
                letGo(store);
                var lines = new ArrayList<String>();
                for (var jvm : List.of(first, second, third)) {
                    lines.addAll(jvm.readLines());
                    assertThat(jvm.await(Duration.ofSeconds(30))).isEqualTo(0);
                }
                var built = lines.get(0);
                assertThat(lines).containsExactly(built, CACHED, built, CACHED, built);
                var image = engine.images().get(built.substring(BUILT.length()));
                assertThat(engine.containers()
                                .run(ContainerSpec.of(image).command("cat", "/made"))
                                .stdout())
                        .isEqualTo("made\n");
            }
        }
    }

    @Test
    void whoWaitsForOneThatIsKilledCarriesTheStepOut(TestStore store, @TempDir Path context) throws IOException {
        try (var engine = prepared(store, context);
                var first = build(store, context)) {
            assertThat(first.readLine()).isEqualTo(STARTED);
            awaitBegun(first);
            try (var second = build(store, context)) {
                awaitWaiting(second);
                first.kill();
                awaitBegun(second);
                letGo(store);
                assertThat(second.readLines()).singleElement().asString().startsWith(BUILT);
            }
            assertThat(engine.images().verify()).isEmpty();
            assertThat(engine.images().buildCache()).hasSize(3); // the steps, and the directory
        }
    }
}
