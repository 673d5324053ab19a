package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.BuildCacheEntry;
import dev.cais.BuildEvent;
import dev.cais.BuildPruneOptions;
import dev.cais.ByteSize;
import dev.cais.Engine;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What builds keep, and how it goes. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class BuildPruneTest {
    private Engine engine;
    private Path steps;
    private TestBuilds builds;

    @BeforeEach
    void open(TestStore store, Engine opened, @TempDir Path context) {
        engine = opened;
        steps = store.path().resolve("builds/steps");
        builds = TestBuilds.of(engine, context);
    }

    private List<BuildCacheEntry> kept() {
        return engine.images().buildCache();
    }

    private List<String> descriptions() {
        return kept().stream().map(BuildCacheEntry::description).toList();
    }

    @Test
    void whatIsKeptIsListed() {
        var before = Instant.now();
        builds.build("FROM busybox\nRUN --mount=type=cache,target=/c,id=place echo abc >/c/file; echo one >/one\n");
        var image = builds.build("FROM busybox\nRUN head -c 100000 /dev/zero >/two\n");

        var entries = kept();
        assertThat(entries)
                .extracting(BuildCacheEntry::kind)
                .containsExactly(
                        BuildCacheEntry.Kind.STEP, BuildCacheEntry.Kind.STEP, BuildCacheEntry.Kind.CACHE_MOUNT);
        assertThat(entries.get(0).description()).isEqualTo("RUN head -c 100000 /dev/zero >/two");
        assertThat(entries.get(0).size()).isGreaterThan(ByteSize.bytes(200_000)); // its blob, and its files
        assertThat(entries.get(0).shared()).isTrue();
        assertThat(entries.get(0).lastUsed()).isBetween(before, Instant.now());
        assertThat(entries.get(2).size()).isEqualTo(ByteSize.bytes(4));
        assertThat(entries).noneMatch(BuildCacheEntry::inUse);

        image.remove();
        assertThat(kept().get(0).shared()).isFalse();
    }

    @Test
    void theLongestUnusedGoFirstUntilTheRestIsSmallEnough() {
        builds.build("FROM busybox\nRUN head -c 100000 /dev/zero >/a\n").remove();
        builds.build("FROM busybox\nRUN head -c 100000 /dev/zero >/b\n").remove();
        builds.build("FROM busybox\nRUN head -c 100000 /dev/zero >/c\n").remove();
        builds.build("FROM busybox\nRUN head -c 100000 /dev/zero >/a\n").remove(); // is of use again
        builds.carriedOut();

        assertThat(engine.images().pruneBuildCache(BuildPruneOptions.all().keep(ByteSize.mib(1))))
                .isEqualTo(ByteSize.bytes(0));
        assertThat(engine.images().pruneBuildCache(BuildPruneOptions.all().keep(ByteSize.bytes(500_000))))
                .isGreaterThan(ByteSize.bytes(200_000));
        assertThat(descriptions())
                .containsExactly("RUN head -c 100000 /dev/zero >/a", "RUN head -c 100000 /dev/zero >/c");
        builds.build("FROM busybox\nRUN head -c 100000 /dev/zero >/b\n");
        assertThat(builds.carriedOut()).hasSize(1);
        assertThat(engine.images().verify()).isEmpty();
    }

    @Test
    void whatWasOfUseLatelyStays() throws IOException {
        builds.build("FROM busybox\nRUN echo old\n").remove();
        for (var file : steps.toFile().listFiles()) {
            Files.setLastModifiedTime(file.toPath(), FileTime.from(Instant.now().minus(Duration.ofHours(2))));
        }
        builds.build("FROM busybox\nRUN echo new\n").remove();
        var options = BuildPruneOptions.all().unusedFor(Duration.ofHours(1));

        engine.images()
                .pruneBuildCache(options.only(entry -> entry.description().contains("other")));
        assertThat(descriptions()).containsExactly("RUN echo new", "RUN echo old");
        engine.images().pruneBuildCache(options.keep(ByteSize.gib(1)));
        assertThat(descriptions()).containsExactly("RUN echo new", "RUN echo old");
        engine.images().pruneBuildCache(options);
        assertThat(descriptions()).containsExactly("RUN echo new");
    }

    @Test
    void whatABuildUsesStaysThoughAnotherEnginePrunes(TestStore store) {
        var seen = new ArrayList<BuildCacheEntry>();
        var spec = builds.spec("""
                FROM busybox
                RUN echo below >/below
                RUN --mount=type=cache,target=/c echo kept >/c/file; cat /below; cat /c/file
                RUN --mount=type=cache,target=/c cat /below /c/file
                """);
        try (var other = store.openEngine()) {
            var image = engine.images().build(spec, event -> {
                if (event instanceof BuildEvent.Output && seen.isEmpty()) {
                    other.images().pruneBuildCache(BuildPruneOptions.all());
                    seen.addAll(other.images().buildCache());
                }
            });
            assertThat(builds.run(image, "cat", "/below")).isEqualTo("below\n");
        }
        assertThat(seen)
                .hasSize(2)
                .allMatch(BuildCacheEntry::inUse)
                .extracting(BuildCacheEntry::description)
                .contains("RUN echo below >/below", "/c");
        assertThat(engine.images().verify()).isEmpty();
    }
}
