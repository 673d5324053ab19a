package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.BuildCache;
import dev.cais.BuildEvent;
import dev.cais.BuildSpec;
import dev.cais.Image;
import dev.cais.fixtures.ActionsCacheServer;
import java.net.URI;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Builds of jobs that share a cache in GitHub Actions: each job has a store of its own. */
class GitHubActionsBuildsTest extends BuildsOnTwoMachines {
    private static final String MAIN = "refs/heads/main";
    private static final String PULL_REQUEST = "refs/pull/7/merge";
    private static final String INDEX = "index-buildkit-1-f921bd05#"; // the hash is that of refs/heads/main
    private static final String BLOBS = "buildkit-blob-1-sha256:";
    private static final String CANNOT = "cannot use the build cache in GitHub Actions, scope buildkit: ";
    private static final String DOCKERFILE = """
            FROM busybox AS build
            RUN mkdir /out; echo one >/out/one; echo two >/out/two; head -c 300000 /dev/zero >/large
            FROM busybox
            COPY --from=build /out/one /app/
            RUN head -c 200000 /dev/urandom >/noise
            """;

    private final ActionsCacheServer server = new ActionsCacheServer();

    @AfterEach
    void closeServer() {
        server.close();
    }

    private BuildCache.GitHubActions cache(String... scopes) {
        return BuildCache.gitHubActions(URI.create(server.url()), ActionsCacheServer.token(scopes));
    }

    private BuildCache.GitHubActions cache() {
        return cache(MAIN + "=3");
    }

    private BuildSpec spec() {
        return here.spec(DOCKERFILE);
    }

    private void requireAllCached(Image built, Image found) {
        assertThat(there.events()).hasOnlyElementsOfTypes(BuildEvent.Cached.class, BuildEvent.Pulling.class);
        assertThat(found.id()).isEqualTo(built.id());
        assertThat(there.run(found, "cat", "/app/one")).isEqualTo("one\n");
        assertThat(there.engine().images().verify()).isEmpty();
        there.events().clear();
    }

    /** Builds there, all over; what was told of the cache that did not serve. */
    private String unusable(BuildCache cache) {
        there.build(spec().cacheFrom(cache));
        var told = there.events().stream()
                .filter(BuildEvent.CacheUnusable.class::isInstance)
                .toList();
        assertThat(there.carriedOut()).hasSize(3);
        assertThat(told).hasSize(1);
        return told.get(0).toString();
    }

    @Test
    void anotherJobFindsAllStepsAndFetchesWhatItNeeds() {
        var built = here.build(spec().cacheTo(cache().max()));
        assertThat(server.keys()).hasSize(5).contains(MAIN + " " + INDEX + "1");
        assertThat(server.requests()).noneMatch(request -> request.matches("[45][0-9][0-9] .*"));

        var found = there.build(spec().cacheFrom(cache()));
        var asked = server.requests();
        assertThat(asked).filteredOn(request -> request.startsWith("GET ")).hasSize(3); // index, COPY, RUN
        requireAllCached(built, found);

        there.build(spec().cacheFrom(cache()).cacheTo(cache().max()));
        assertThat(server.requests())
                .filteredOn(request -> request.startsWith("PUT "))
                .allMatch(request -> request.contains(INDEX));
        assertThat(server.keys()).hasSize(6).contains(MAIN + " " + INDEX + "2");
    }

    @Test
    void whatIsNotInTheImageIsLeftOut() {
        var built = here.build(spec().cacheTo(cache()));
        assertThat(server.keys()).hasSize(4);

        requireAllCached(built, there.build(spec().cacheFrom(cache())));
        there.build(here.spec(DOCKERFILE.replace("/out/one", "/out/two")).cacheFrom(cache()));
        assertThat(there.carriedOut()).first().asString().contains("/large");
    }

    @Test
    void scopesOfTheBuildAreApart() {
        here.build(spec().cacheTo(cache().scope("other")));

        assertThat(server.keys()).contains(MAIN + " index-other-1-f921bd05#1");
        assertThat(unusable(cache()))
                .isEqualTo(
                        "without the cache in GitHub Actions, scope buildkit: " + CANNOT + "nobody has left one there");
    }

    @Test
    void aPullRequestReadsItsBranchAndWritesForItselfAlone() {
        var pullRequest = cache(PULL_REQUEST + "=3", MAIN + "=1");
        var built = here.build(spec().cacheTo(cache()));
        requireAllCached(built, there.build(spec().cacheFrom(pullRequest).cacheTo(pullRequest)));

        assertThat(server.keys())
                .filteredOn(key -> key.startsWith(PULL_REQUEST))
                .singleElement()
                .asString()
                .matches(PULL_REQUEST + " index-buildkit-1-[0-9a-f]{8}#1");
        there.build(here.spec("FROM busybox\nRUN echo mine >/mine\n").cacheTo(pullRequest));
        there.events().clear();
        here.build(here.spec("FROM busybox\nRUN echo mine >/mine\n").cacheFrom(cache()));
        assertThat(here.carriedOut()).contains("[0 1] RUN echo mine >/mine");
    }

    @Test
    void aBuildMaySucceedWithoutWritingItsCache() {
        var built = here.build(spec().tag("kept").cacheTo(cache(MAIN + "=1").ignoreError(true)));

        assertThat(here.run(built, "cat", "/app/one")).isEqualTo("one\n");
        assertThat(here.events()).last().asString().startsWith("without the cache in GitHub Actions, scope buildkit: ");
    }

    @Test
    void aLayerThatWasEvictedIsMadeAgain() {
        here.build(spec().cacheTo(cache()));
        server.evict(BLOBS);

        assertThat(unusable(cache()))
                .matches("without the cache in GitHub Actions, scope buildkit: " + CANNOT + server.address()
                        + " has no entry " + BLOBS + "[0-9a-f]{64}");
    }
}
