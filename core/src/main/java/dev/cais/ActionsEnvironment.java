package dev.cais;

import java.net.URI;
import java.util.Map;

/** What a runner of GitHub Actions tells of its cache. */
final class ActionsEnvironment {
    private static final String RESULTS = "ACTIONS_RESULTS_URL";
    private static final String TOKEN = "ACTIONS_RUNTIME_TOKEN";
    private static final String VERSION_1 = "ACTIONS_CACHE_URL";
    private static final String IS_VERSION_2 = "ACTIONS_CACHE_SERVICE_V2";

    private ActionsEnvironment() {}

    static BuildCache.GitHubActions read(Map<String, String> environment) {
        var url = environment.getOrDefault(RESULTS, "");
        var hasVersion1 = !environment.getOrDefault(VERSION_1, "").isEmpty();
        if (url.isEmpty() && hasVersion1 || GitAddress.FALSE.contains(environment.getOrDefault(IS_VERSION_2, ""))) {
            throw new InvalidSpecException(
                    "cannot use the build cache in GitHub Actions: this runner speaks version 1 of the cache's protocol"
                            + " alone, which GitHub has switched off",
                    "take a newer runner, or name a service with BuildCache.gitHubActions(url, token)");
        }
        var token = environment.getOrDefault(TOKEN, "");
        if (url.isEmpty() || token.isEmpty()) {
            throw new InvalidSpecException(
                    "cannot use the build cache in GitHub Actions: " + (url.isEmpty() ? RESULTS : TOKEN)
                            + " is not in the environment",
                    "let an action pass it on to the step, or name a service with BuildCache.gitHubActions(url, token)");
        }
        return BuildCache.gitHubActions(url(url), token);
    }

    private static URI url(String text) {
        try {
            return URI.create(text);
        } catch (IllegalArgumentException e) {
            throw new InvalidSpecException(
                    "cannot use the build cache in GitHub Actions: what " + RESULTS + " says is no URL");
        }
    }
}
