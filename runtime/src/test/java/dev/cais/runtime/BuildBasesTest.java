package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildEvent;
import dev.cais.BuildException;
import dev.cais.BuildSpec;
import dev.cais.CorruptContentException;
import dev.cais.Digest;
import dev.cais.Engine;
import dev.cais.Image;
import dev.cais.Platform;
import dev.cais.PullOptions;
import dev.cais.PullPolicy;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Images of a registry that builds begin with and copy from, for one build and for many at the same time. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class BuildBasesTest {
    private static final int THREADS = 16;
    private static final int KINDS = 4;

    private TestRegistry registry;
    private Engine engine;
    private String base;

    @TempDir
    private Path context;

    @BeforeEach
    void open(Engine opened, @TempDir Path directory) {
        registry = TestRegistry.plain(directory);
        base = registry.address() + "/base:1";
        engine = opened;
        var busybox = engine.images().get("busybox");
        busybox.tag(base);
        engine.images().push(base);
        engine.images().remove(base);
        engine.images().remove("busybox");
        assertThat(engine.images().list()).isEmpty();
    }

    @AfterEach
    void close() {
        registry.close();
    }

    private BuildSpec spec(String name, String dockerfile) throws IOException {
        var directory = Files.createDirectories(context.resolve(name));
        Files.writeString(directory.resolve("Dockerfile"), dockerfile.replace("BASE", base));
        return BuildSpec.of(directory);
    }

    private long pulls() {
        return asked("GET /v2/base/manifests/");
    }

    private long asked(String what) {
        return registry.requests().stream()
                .filter(request -> request.contains(what))
                .count();
    }

    @Test
    void anImageForAnotherPlatformIsTakenWithAWarning() throws IOException {
        var other = Platform.parse("linux/s390x");
        var warned = new ArrayList<BuildEvent.Warned>();

        var image = engine.images()
                .build(spec("other", "FROM BASE\nRUN echo $(uname -s) >/is\n").platform(other), event -> {
                    if (event instanceof BuildEvent.Warned warning) {
                        warned.add(warning);
                    }
                });

        assertThat(image.layers()).hasSize(2);
        assertThat(warned)
                .containsExactly(new BuildEvent.Warned(
                        "InvalidBaseImagePlatform",
                        1,
                        base + " is for " + Platform.host() + ", and the stage is for linux/s390x"));
        assertThatThrownBy(
                        () -> engine.images().pull(base, PullOptions.defaults().platform(other)))
                .isInstanceOf(CorruptContentException.class)
                .hasMessageEndingWith(" has it for " + Platform.host() + " only, not for linux/s390x");
    }

    @Test
    void anImageOfARegistryIsPulledOnceForAllStages() throws IOException {
        var before = pulls();
        var image = engine.images().build(spec("app", """
                FROM BASE AS one
                RUN echo one >/one
                FROM BASE AS two
                RUN echo two >/two
                FROM scratch
                COPY --from=one /one /
                COPY --from=two /two /
                COPY --from=BASE /etc/passwd /
                """));

        assertThat(image.layers()).hasSize(3);
        assertThat(pulls() - before).isEqualTo(1);
    }

    @Test
    void aRegistryIsAskedAsOftenAsIsWanted() throws IOException {
        var spec = spec("app", "FROM BASE\nRUN true\n");

        assertThatThrownBy(() -> engine.images().build(spec.pull(PullPolicy.NEVER)))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("[line=1]");
        var first = engine.images().build(spec);
        var asked = asked("/v2/base/manifests/");
        assertThat(engine.images().build(spec)).isEqualTo(first);
        assertThat(asked("/v2/base/manifests/")).isEqualTo(asked);
        assertThat(engine.images().build(spec.pull(PullPolicy.ALWAYS))).isEqualTo(first);
        assertThat(asked("/v2/base/manifests/")).isGreaterThan(asked);
    }

    private long pulled(Digest layer) {
        return asked("GET /v2/base/blobs/" + layer);
    }

    /** Its configuration says what it begins with, and what it would trigger: its files are wanted by steps that are carried out. */
    @Test
    void layersThatNobodyNeedsAreNotPulled() throws IOException {
        var text = """
                FROM BASE AS one
                USER guest
                WORKDIR /home/of
                USER root
                COPY --chown=guest:audio Dockerfile /file
                RUN echo TEXT >/one
                FROM scratch
                COPY --from=one /one /
                """;
        var first = engine.images().build(spec("app", text.replace("TEXT", "same")));
        var layer = engine.images().get(base).layers().get(0).blob();
        engine.images().remove(base);
        var before = pulled(layer);

        assertThat(engine.images().build(spec("app", text.replace("TEXT", "same"))))
                .isEqualTo(first);
        assertThat(pulled(layer)).isEqualTo(before);
        assertThat(engine.images().find(base)).isEmpty();
        assertThat(engine.images().verify()).isEqualTo(List.of());

        engine.images().build(spec("app", text.replace("TEXT", "other")));
        assertThat(engine.images().find(base)).isPresent();
    }

    @Test
    void manyBuildTheSameAndOthersAtTheSameTime() throws Exception {
        var builds = new ArrayList<Callable<Image>>();
        for (var i = 0; i < THREADS; i++) {
            var kind = i % KINDS;
            var spec = spec("kind" + kind, """
                    FROM BASE AS shared
                    RUN echo shared >/shared
                    FROM shared
                    RUN echo KIND >/kind
                    COPY --from=shared /shared /again
                    """.replace("KIND", "" + kind));
            builds.add(() -> engine.images().build(spec));
        }
        var threads = Executors.newFixedThreadPool(THREADS);
        try {
            var images = new ArrayList<Image>();
            for (var built : threads.invokeAll(builds)) {
                images.add(built.get());
            }
            assertThat(new HashSet<>(images)).hasSize(KINDS);
            for (var i = 0; i < THREADS; i++) {
                assertThat(images.get(i)).isEqualTo(images.get(i % KINDS));
            }
            assertThat(images.stream().map(image -> image.layers().get(1)).distinct())
                    .hasSize(1);
        } finally {
            threads.shutdown();
        }
        assertThat(engine.images().verify()).isEqualTo(List.of());
    }
}
