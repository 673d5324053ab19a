package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.BuildPruneOptions;
import dev.cais.BuildSecret;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Why a step is carried out, though it was before. */
class BuildWhyTest extends BuildsByOneEngine {
    private void requireCarriedOut(String... steps) {
        assertThat(builds.carriedOut()).containsExactly(steps);
    }

    @Test
    void theFirstTimeNeedsNoReasonAndAChangedInstructionIsOne() {
        builds.build("FROM busybox\nRUN echo first\n");
        requireCarriedOut("[0 1] RUN echo first");
        builds.build("FROM busybox\nRUN echo second\n");
        requireCarriedOut("[0 1] RUN echo second (the instruction changed)");
        builds.build("FROM busybox\nUSER 7\nRUN echo second\n");
        requireCarriedOut("[0 1] RUN echo second (the instruction changed)"); // by another user
    }

    @Test
    void changedFilesAreNamedFirstOfAll() {
        var dockerfile = "FROM busybox\nCOPY . /all/\nRUN ls /all >/list\n";
        for (var name : new String[] {"a", "b", "c", "d", "e"}) {
            builds.write("files/" + name, "of files");
        }
        builds.build(dockerfile);
        builds.carriedOut();

        builds.write("files/c", "another");
        builds.build(dockerfile);
        requireCarriedOut(
                "[0 1] COPY . /all/ (files/c changed)", "[0 2] RUN ls /all >/list (what is below it changed)");
        for (var name : new String[] {"a", "b", "d", "e"}) {
            builds.write("files/" + name, "now another");
        }
        builds.build(dockerfile);
        assertThat(builds.carriedOut().get(0))
                .isEqualTo("[0 1] COPY . /all/ (files/a, files/b, files/d and 1 more files changed)");
    }

    @Test
    void aChangedArgumentIsNamedAndItsValueIsNot() throws IOException {
        var spec = builds.spec("FROM busybox\nARG VERSION\nARG OTHER=1\nRUN echo $VERSION >/version\n");
        builds.build(spec.arg("VERSION", "one-of-a-kind"));
        builds.carriedOut();
        builds.build(spec.arg("VERSION", "two-of-a-kind"));
        requireCarriedOut("[0 1] RUN echo $VERSION >/version (variable VERSION changed)");

        try (var files = Files.walk(store.path().resolve("builds"))) {
            for (var file : files.filter(Files::isRegularFile).toList()) {
                assertThat(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1).contains("-of-a-kind"))
                        .as(file.toString())
                        .isFalse();
            }
        }
    }

    @Test
    void whatASecretHoldsIsNoReason() {
        var spec = builds.spec("FROM busybox\nRUN --mount=type=secret,id=key test -f /run/secrets/key\n");
        builds.build(spec.secret("key", BuildSecret.of("one")));
        builds.carriedOut();
        builds.build(spec.secret("key", BuildSecret.of("other")));

        assertThat(builds.carriedOut()).isEmpty();
    }

    @Test
    void anotherBaseImageIsAReasonForAllThatIsBuiltOnIt(@TempDir Path other) {
        var bases = TestBuilds.of(engine, other);
        var dockerfile = "FROM base:why\nRUN echo a >/a\nRUN echo b >/b\n";
        bases.build(bases.spec("FROM busybox\nRUN echo 1 >/v\n").tag("base:why"));
        builds.build(dockerfile);
        bases.build(bases.spec("FROM busybox\nRUN echo 2 >/v\n").tag("base:why"));
        builds.carriedOut();
        builds.build(dockerfile);

        requireCarriedOut(
                "[0 1] RUN echo a >/a (the base image changed)", "[0 2] RUN echo b >/b (what is below it changed)");
    }

    @Test
    void whatWasPrunedIsGone() {
        var dockerfile = "FROM busybox\nRUN echo pruned >/pruned\n";
        builds.build(dockerfile).remove();
        builds.carriedOut();
        engine.images().pruneBuildCache(BuildPruneOptions.all());
        builds.build(dockerfile);

        requireCarriedOut("[0 1] RUN echo pruned >/pruned (what it had made is gone)");
    }

    @Test
    void whoAsksForNoCacheGetsNone() {
        var spec = builds.spec("FROM busybox\nRUN echo again\n");
        builds.build(spec);
        builds.carriedOut();
        builds.build(spec.withoutCache());

        requireCarriedOut("[0 1] RUN echo again (without the cache)");
    }
}
