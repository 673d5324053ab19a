package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildCache;
import dev.cais.BuildCacheEntry;
import dev.cais.BuildEvent;
import dev.cais.BuildOutput;
import dev.cais.BuildSecret;
import dev.cais.BuildSpec;
import dev.cais.Engine;
import dev.cais.Image;
import dev.cais.InvalidSpecException;
import dev.cais.Platform;
import dev.cais.PullPolicy;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.TestRegistry;
import dev.cais.fixtures.TestStore;
import dev.cais.image.oci.Hash;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Caches that builds of several machines share: each machine is a store of its own. */
class BuildCachesTest extends BuildsOnTwoMachines {
    private static final String DOCKERFILE = """
            FROM busybox AS build
            RUN mkdir /out; echo one >/out/one; echo two >/out/two; head -c 300000 /dev/zero >/large
            FROM busybox
            WORKDIR /app
            COPY --from=build /out/one /app/
            COPY file /app/
            RUN cat one file >both
            """;

    private Path directory;

    @BeforeEach
    void beginCache() {
        directory = temporary.resolve("cache");
        here.write("file", "content\n");
    }

    private static void requireAllCached(TestBuilds builds) {
        assertThat(builds.events()).hasOnlyElementsOfTypes(BuildEvent.Cached.class, BuildEvent.Pulling.class);
        builds.events().clear();
    }

    private static List<String> kept(Engine engine) {
        return engine.images().buildCache().stream()
                .map(BuildCacheEntry::description)
                .toList();
    }

    private void requireSame(Image built, Image found) {
        assertThat(found.id()).isEqualTo(built.id());
        assertThat(there.run(found, "cat", "/app/both")).isEqualTo("one\ncontent\n");
        assertThat(there.engine().images().verify()).isEmpty();
    }

    @Test
    void aDirectoryBringsStepsToAnotherMachine(TestStore stores) throws IOException {
        var spec = here.spec(DOCKERFILE);
        var built = here.build(spec.cacheTo(BuildCache.directory(directory).max()));
        var found = there.build(spec.cacheFrom(BuildCache.directory(directory)));

        try (var blobs = Files.list(stores.path().resolve("here/blobs/sha256"))) {
            assertThat(blobs.filter(BuildCachesTest::isPacked)).isEmpty(); // they were for the cache alone
        }
        requireAllCached(there);
        requireSame(built, found);
        assertThat(kept(there.engine())).hasSize(4).noneMatch(step -> step.contains("/large")); // which nobody needed

        there.write("file", "changed\n");
        var changed = there.build(spec);
        assertThat(there.carriedOut()).hasSize(3).first().asString().contains("/large");
        assertThat(there.run(changed, "cat", "/app/both")).isEqualTo("one\nchanged\n");
    }

    @Test
    void whatIsNotInTheImageIsLeftOutAndMadeAgainWhenItIsNeeded() throws IOException {
        var spec = here.spec(DOCKERFILE);
        var built = here.build(spec.cacheTo(BuildCache.directory(directory)));
        var found = there.build(spec.cacheFrom(BuildCache.directory(directory)));

        requireAllCached(there);
        requireSame(built, found);

        var other = there.spec(DOCKERFILE.replace("/out/one /app/", "/out/two /app/one"));
        var image = there.build(other.cacheFrom(BuildCache.directory(directory)));
        assertThat(there.carriedOut()).first().asString().contains("/large");
        assertThat(there.run(image, "cat", "/app/both")).isEqualTo("two\ncontent\n");
    }

    @Test
    @RequiresProgram("docker-registry")
    void aRegistryBringsStepsToAnotherMachine(@TempDir Path data) {
        try (var registry = TestRegistry.plain(data)) {
            var name = registry.address() + "/cache:main";
            var spec = here.spec(DOCKERFILE);
            var built = here.build(spec.cacheTo(BuildCache.registry(name).max()));
            var before = registry.requests().size();
            var found = there.build(spec.cacheFrom(BuildCache.registry(name)));

            requireAllCached(there);
            requireSame(built, found);
            assertThat(registry.requests().stream().skip(before))
                    .filteredOn(line -> line.contains("GET /v2/cache/blobs/"))
                    .hasSize(5); // the config, and the four layers that the image has on its base
            there.build(spec.cacheFrom(BuildCache.registry(name))
                    .cacheTo(BuildCache.registry(name).max()));
            requireAllCached(there);
        }
    }

    @Test
    @RequiresProgram("docker-registry")
    void aPushedImageBringsItsSteps(@TempDir Path data) {
        try (var registry = TestRegistry.plain(data)) {
            var name = registry.address() + "/app:main";
            var spec = here.spec(DOCKERFILE).tag(name).cacheTo(BuildCache.inline());
            var built = here.build(spec);
            assertThat(here.build(here.spec(DOCKERFILE).tag(name).arg("BUILDKIT_INLINE_CACHE", "1")))
                    .isEqualTo(built);
            var pushed = here.engine().images().push(name);
            var found = there.build(spec.cacheFrom(BuildCache.registry(name)));

            requireAllCached(there);
            requireSame(built, found);
            assertThat(there.engine().images().push(name)).isEqualTo(pushed);

            var above = there.build(there.spec("FROM " + name + "\nLABEL a=b\n"));
            assertThat(there.engine().images().list())
                    .extracting(Image::id)
                    .contains(above.id()); // without what its base says of itself
            there.build(there.spec(DOCKERFILE).cacheFrom(BuildCache.registry(registry.address() + "/none:main")));
            assertThat(there.events().stream().filter(BuildEvent.CacheUnusable.class::isInstance))
                    .hasSize(1);
        }
    }

    @Test
    @RequiresProgram("docker-registry")
    void aPushedIndexBringsTheStepsOfEachPlatform(@TempDir Path data) {
        try (var registry = TestRegistry.plain(data.resolve("registry"))) {
            var name = registry.address() + "/app:all";
            var spec = here.spec("FROM scratch\nARG TARGETARCH\nCOPY file /$TARGETARCH\n")
                    .platform("linux/loong64", Platform.host().toString());
            here.build(spec.tag(name).cacheTo(BuildCache.inline()).output(BuildOutput.registry()));
            there.build(spec.cacheFrom(BuildCache.registry(name)).output(BuildOutput.local(data.resolve("out"))));

            requireAllCached(there);
            assertThat(data.resolve("out/linux_loong64/loong64")).hasContent("content");
        }
    }

    @Test
    @RequiresProgram("docker-registry")
    void aBaseIsAskedForAgainIfThatIsWanted(@TempDir Path data) {
        try (var registry = TestRegistry.plain(data)) {
            var name = registry.address() + "/base:1";
            here.build(here.spec("FROM busybox\nRUN echo 1 >/version\n").tag(name));
            here.engine().images().push(name);
            var spec = there.spec("FROM " + name + "\nRUN cat version >/seen\n");
            there.build(spec);
            here.build(here.spec("FROM busybox\nRUN echo 2 >/version\n").tag(name));
            here.engine().images().push(name);
            there.carriedOut();

            assertThat(there.run(
                            there.build(there.spec("FROM " + name + "\nRUN cat version >/seen\n")), "cat", "/seen"))
                    .isEqualTo("1\n");
            assertThat(there.carriedOut()).isEmpty();
            assertThat(there.run(there.build(spec.pull(PullPolicy.ALWAYS)), "cat", "/seen"))
                    .isEqualTo("2\n");
            assertThat(there.carriedOut()).containsExactly("[0 1] RUN cat version >/seen (the base image changed)");
        }
    }

    @Test
    void secretsAreInNoCache() throws IOException {
        var spec = here.spec("""
                        FROM busybox
                        ARG WORD
                        RUN --mount=type=secret,id=key,env=KEY test -n "$KEY" && echo done >/done
                        """).secret("key", BuildSecret.of("geheim")).arg("WORD", "geheim too");
        here.build(spec.cacheTo(BuildCache.directory(directory).max(), BuildCache.inline()));

        try (var files = Files.walk(directory)) {
            for (var file : files.filter(Files::isRegularFile).toList()) {
                assertThat(text(file).contains("geheim")).as(file.toString()).isFalse();
            }
        }
        there.build(spec.secret("key", BuildSecret.of("another")).cacheFrom(BuildCache.directory(directory)));
        requireAllCached(there); // what a secret holds makes no difference
    }

    private static String text(Path file) throws IOException {
        try (var in = Files.newInputStream(file)) {
            var content = (isPacked(file) ? new GZIPInputStream(in) : in).readAllBytes();
            return new String(content, StandardCharsets.ISO_8859_1);
        }
    }

    private static boolean isPacked(Path file) {
        try (var in = Files.newInputStream(file)) {
            return in.read() == 0x1f && in.read() == 0x8b;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void brokenLayersAreMadeAgain() throws IOException {
        var spec = here.spec(DOCKERFILE);
        here.build(spec.cacheTo(BuildCache.directory(directory).max()));
        try (var blobs = Files.list(directory.resolve("blobs/sha256"))) {
            for (var blob : blobs.toList()) {
                var content = Files.readAllBytes(blob);
                if (content[0] == 0x1f) {
                    content[content.length / 2] ^= 1;
                    Files.write(blob, content);
                }
            }
        }
        var found = there.build(spec.cacheFrom(BuildCache.directory(directory)));

        assertThat(there.events().stream().filter(BuildEvent.CacheUnusable.class::isInstance))
                .hasSize(1);
        assertThat(there.carriedOut()).hasSize(5);
        assertThat(there.run(found, "cat", "/app/both")).isEqualTo("one\ncontent\n");
        assertThat(there.engine().images().verify()).isEmpty();
    }

    @Test
    void whatStrangersLeftInACacheIsHarmless() throws IOException {
        var spec = here.spec("FROM busybox\nRUN echo made >/made\n");
        here.build(spec.cacheTo(BuildCache.directory(directory)));
        var key = "sha256:" + "a".repeat(64);
        var configs = new ArrayList<>(List.of(
                """
                {"layers":[{"blob":"KEY","parent":0},{"blob":"KEY","parent":7}],\
                "records":[{"digest":"KEY","layers":[{"layer":0},{"layer":-1},{"layer":99}],\
                "inputs":[[{"link":0},{"link":99,"selector":"dev.cais.layer"},{"link":-5}]]}]}""",
                "{\"records\":[{\"digest\":\"KEY\",\"inputs\":[[{\"link\":\"x\"}]]}]}",
                "{\"records\":[{\"digest\":\"none\"}]}",
                "{\"layers\":7}",
                "[".repeat(100_000),
                "{\"records\":[" + "{\"digest\":\"KEY\"},".repeat(250_000) + "{}]}",
                ""));
        var index = directory.resolve("index.json");
        for (var config : configs) {
            var digest = put(config.replace("KEY", key), "application/vnd.buildkit.cacheconfig.v0");
            var manifest = put(
                    "{\"schemaVersion\":2,\"config\":" + digest + ",\"layers\":[]}",
                    "application/vnd.oci.image.manifest.v1+json");
            Files.writeString(index, "{\"schemaVersion\":2,\"manifests\":[" + manifest + "]}");
            there.build(spec.cacheFrom(BuildCache.directory(directory)).withoutCache());
            assertThat(there.carriedOut()).hasSize(1);
        }
        Files.writeString(index, "{\"schemaVersion\":2,\"manifests\":[]}");
        there.build(spec.cacheFrom(BuildCache.directory(directory)).withoutCache());
        assertThat(there.events())
                .filteredOn(BuildEvent.CacheUnusable.class::isInstance)
                .singleElement()
                .hasToString("without the cache in directory " + directory + ": cannot use the build cache " + directory
                        + ": its index.json is empty");
    }

    /** Gives a descriptor. */
    private String put(String content, String mediaType) throws IOException {
        var bytes = content.getBytes(StandardCharsets.UTF_8);
        var hex = Hash.sha256(bytes).hex();
        Files.write(directory.resolve("blobs/sha256").resolve(hex), bytes);
        return "{\"mediaType\":\"" + mediaType + "\",\"digest\":\"sha256:" + hex + "\",\"size\":" + bytes.length + "}";
    }

    @Test
    void anInlineCacheIsNotReadByItself() {
        assertThatThrownBy(() -> BuildSpec.of(directory).cacheFrom(BuildCache.inline()))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot build with an inline cache: it is read from the registry that has its image;"
                        + " write BuildCache.registry(\"the image's name\")");
    }
}
