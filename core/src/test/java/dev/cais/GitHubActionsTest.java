package dev.cais;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URI;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GitHubActionsTest {
    private static final String CANNOT = "cannot use the build cache in GitHub Actions: ";
    private static final URI URL = URI.create("https://results.example/");
    private static final Map<String, String> RUNNER = Map.of(
            "ACTIONS_RESULTS_URL",
            "https://results.example/",
            "ACTIONS_RUNTIME_TOKEN",
            "geheim",
            "ACTIONS_CACHE_URL",
            "https://old.example/",
            "ACTIONS_CACHE_SERVICE_V2",
            "True");

    @Test
    void aRunnerSaysWhereAndWho() {
        assertThat(ActionsEnvironment.read(RUNNER)).isEqualTo(BuildCache.gitHubActions(URL, "geheim"));
    }

    private static void requireRefused(String name, String value, String why) {
        var environment = new HashMap<>(RUNNER);
        environment.put(name, value);

        assertThatThrownBy(() -> ActionsEnvironment.read(environment))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(CANNOT + why);
    }

    @ParameterizedTest
    @CsvSource({"ACTIONS_RESULTS_URL, ''", "ACTIONS_CACHE_SERVICE_V2, false"})
    void version1IsNotSpoken(String name, String value) {
        requireRefused(
                name,
                value,
                "this runner speaks version 1 of the cache's protocol alone, which GitHub has switched off; take a newer"
                        + " runner, or name a service with BuildCache.gitHubActions(url, token)");
    }

    @Test
    void aRunnerThatSaysLessIsNoUse() {
        requireRefused(
                "ACTIONS_RUNTIME_TOKEN",
                "",
                "ACTIONS_RUNTIME_TOKEN is not in the environment; let an action pass it on to the step, or name a"
                        + " service with BuildCache.gitHubActions(url, token)");
        requireRefused("ACTIONS_RESULTS_URL", "not a URL", "what ACTIONS_RESULTS_URL says is no URL");
    }

    @Test
    void noRunnerIsNoUse() {
        assertThatThrownBy(() -> ActionsEnvironment.read(Map.of()))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(
                        CANNOT + "ACTIONS_RESULTS_URL is not in the environment; let an action pass it on to the step,"
                                + " or name a service with BuildCache.gitHubActions(url, token)");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "results.example",
                "file:///etc",
                "https:opaque",
                "https://user:word@results.example/",
                "https://results.example/?sig=1",
                "https://results.example/#a"
            })
    void aServiceIsReachedByHttp(String url) {
        assertThatThrownBy(() -> BuildCache.gitHubActions(URI.create(url), "geheim"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(CANNOT + "the URL of its service is none of http or https, or has a user, a query or a"
                        + " fragment; write https://host/ and perhaps a path");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a b", "a\nb", "ü"})
    void aTokenIsAWord(String token) {
        assertThatThrownBy(() -> BuildCache.gitHubActions(URL, token))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(CANNOT + "the token is empty, or has more than 16 KiB, or a space or control character");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a,b", "a\nb", "ü"})
    void aScopeIsPartOfAKey(String scope) {
        var cache = BuildCache.gitHubActions(URL, "geheim");

        assertThatThrownBy(() -> cache.scope(scope))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(CANNOT + "its scope is empty, or has more than 256 characters, or a comma, a control"
                        + " character or one that is not of ASCII");
    }

    @Test
    void timeIsNeeded() {
        var cache = BuildCache.gitHubActions(URL, "geheim");

        assertThatThrownBy(() -> cache.timeout(Duration.ZERO))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(CANNOT + "its timeout is not positive");
    }

    @Test
    void theTokenIsNotShown() {
        var cache = BuildCache.gitHubActions(URL, "geheim")
                .scope("app")
                .max()
                .timeout(Duration.ofSeconds(5))
                .ignoreError(true);

        assertThat(cache).hasToString("GitHub Actions, scope app");
        assertThat(BuildCaching.DEFAULT.to(cache).toString()).doesNotContain("geheim");
        assertThat(cache.token()).isEqualTo("geheim");
    }
}
