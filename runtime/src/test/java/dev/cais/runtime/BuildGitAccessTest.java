package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildContext;
import dev.cais.BuildEntitlement;
import dev.cais.BuildException;
import dev.cais.BuildSecret;
import dev.cais.BuildSpec;
import dev.cais.InvalidSpecException;
import dev.cais.ProvenanceMode;
import dev.cais.fixtures.RequiresProgram;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Base64;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** {@code GIT_AUTH_TOKEN} and {@code GIT_AUTH_HEADER}, demanded by git's smart http. */
@RequiresProgram("/usr/lib/git-core/git-http-backend")
class BuildGitAccessTest extends BuildsByOneEngine {
    private static final String TOKEN = "t0p-s3cret";
    private static final String BASIC =
            "basic " + Base64.getEncoder().encodeToString(("x-access-token:" + TOKEN).getBytes(StandardCharsets.UTF_8));

    private GitServer repositories;
    private GitWebServer server;

    @BeforeEach
    void begin() throws IOException {
        repositories = new GitServer(context);
        var tree = repositories.create("repo.git");
        Files.writeString(tree.resolve("Dockerfile"), "FROM busybox\nCOPY . /c/\n");
        repositories.commit("repo.git");
        server = new GitWebServer(context, BASIC);
    }

    @AfterEach
    void end() {
        server.close();
        repositories.close();
    }

    private BuildSpec context() {
        return BuildSpec.of(BuildContext.git(server.url("repo.git")));
    }

    private BuildSpec add(String url) {
        return BuildSpec.of(BuildContext.empty())
                .dockerfileInline("FROM busybox\nADD " + url + " /g/\n")
                .allow(BuildEntitlement.NETWORK_HOST);
    }

    private static BuildSecret secret(String text) {
        return BuildSecret.of(text);
    }

    @Test
    void aTokenOpensARepository() {
        var image = builds.build(context().secret("GIT_AUTH_TOKEN", secret(TOKEN + "\n")));
        assertThat(builds.run(image, "cat", "/c/Dockerfile")).contains("COPY");
        assertThat(server.shown()).contains(BASIC);
        assertThat(builds.run(
                        builds.build(add(server.url("repo.git")).secret("GIT_AUTH_TOKEN", secret(TOKEN))), "ls", "/g"))
                .isEqualTo("Dockerfile\n");
    }

    @Test
    void whatAnAddressHasOfPasswordsIsShownAndNotedNowhere() {
        var url = server.url("repo.git").replace("://", "://x-access-token:" + TOKEN + "@");
        server.demand(BASIC.replace("basic", "Basic"));
        var image = builds.build(BuildSpec.of(BuildContext.git(url)).arg("BUILDKIT_CONTEXT_KEEP_GIT_DIR", "1"));
        assertThat(server.shown()).contains(BASIC.replace("basic", "Basic"));
        assertThat(builds.run(image, "cat", "/c/.git/config")).contains("url = " + server.url("repo.git") + "\n");
        assertThat(builds.run(image, "sh", "-c", "grep -r " + TOKEN + " /c || echo none"))
                .isEqualTo("none\n");
        assertThat(builds.events()).asString().doesNotContain(TOKEN);

        var wrong = BuildContext.git(server.url("no.git").replace("://", "://" + TOKEN + "@"));
        assertThat(wrong.toString()).isEqualTo(server.url("no.git").replace("://", "://…@"));
        assertThatThrownBy(() -> builds.build(BuildSpec.of(wrong)))
                .isInstanceOf(BuildException.class)
                .message()
                .isEqualTo("cannot fetch " + wrong + ": http://…@" + server.authority()
                        + " lets nobody in with the tokens of the build [git ls-remote=exit code 128];"
                        + " give one as the build's secret GIT_AUTH_TOKEN");
    }

    @Test
    void whatAnAddressHasOfPasswordsOpensSubmodulesOfTheServerToo() {
        repositories.create("outer.git");
        repositories.commitSubmodule(
                "outer.git", "m", "../repo.git", repositories.git("repo.git", "rev-parse", "HEAD"));
        server.demand(BASIC.replace("basic", "Basic"));
        var url = server.url("outer.git").replace("://", "://x-access-token:" + TOKEN + "@");
        var image = builds.build(add("--keep-git-dir=true " + url));
        assertThat(builds.run(image, "ls", "/g/m")).isEqualTo("Dockerfile\n");
        assertThat(builds.run(image, "sh", "-c", "grep -r " + TOKEN + " /g || echo none"))
                .isEqualTo("none\n");
    }

    @Test
    void aHeaderIsShownAsItIs() {
        server.demand("Bearer of good news");
        assertThat(builds.build(context().secret("GIT_AUTH_HEADER", secret("Bearer of good news"))))
                .isNotNull();
    }

    @Test
    void whatIsForAServerIsTakenFirst() {
        var token = "GIT_AUTH_TOKEN." + server.authority();
        assertThat(builds.build(context()
                        .secret("GIT_AUTH_HEADER", secret("Bearer of none"))
                        .secret("GIT_AUTH_TOKEN", secret("none"))
                        .secret("GIT_AUTH_TOKEN.example.org", secret("none"))
                        .secret(token, secret(TOKEN))))
                .isNotNull();
        server.demand("Bearer a");
        assertThat(builds.build(context()
                        .secret(token, secret(TOKEN))
                        .secret("GIT_AUTH_HEADER." + server.authority(), secret("Bearer a"))))
                .isNotNull();
    }

    @Test
    void otherServersSeeNothing() {
        try (var other = new GitWebServer(context, "nothing")) {
            repositories.create("outer.git");
            repositories.commitSubmodule(
                    "outer.git", "m", other.url("repo.git"), repositories.git("repo.git", "rev-parse", "HEAD"));

            var image = builds.build(add(server.url("outer.git")).secret("GIT_AUTH_TOKEN", secret(TOKEN)));
            assertThat(builds.run(image, "ls", "/g/m")).isEqualTo("Dockerfile\n");
            assertThat(other.shown()).containsExactly("nothing");
            assertThat(server.shown()).contains(BASIC);
        }
    }

    /** All that git would need to show a wrong one is there, and it has no terminal to ask for another. */
    @Test
    void theWrongTokenIsToldWithoutIt() {
        assertThatThrownBy(() -> builds.build(context().secret("GIT_AUTH_TOKEN", secret("wr0ng"))))
                .isInstanceOf(BuildException.class)
                .hasMessage("cannot fetch " + server.url("repo.git") + ": http://" + server.authority()
                        + " lets nobody in with the tokens of the build [git ls-remote=exit code 128];"
                        + " give one as the build's secret GIT_AUTH_TOKEN");
        assertThatThrownBy(() -> builds.build(context().secret("GIT_AUTH_TOKEN", secret("a\r\nX-Evil: b"))))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use secret GIT_AUTH_TOKEN: it is empty or not one line");
    }

    @Test
    void aTokenIsNowhereAfterwards() throws IOException {
        var basic = BASIC.substring("basic ".length());
        var spec = add("--keep-git-dir=true " + server.url("repo.git")).provenance(ProvenanceMode.MAX);
        var image = builds.build(spec.secret("GIT_AUTH_TOKEN", secret(TOKEN)));
        assertThat(builds.run(image, "sh", "-c", "grep -rc http /g/.git/config"))
                .isEqualTo("1\n");
        assertThat(builds.events()).noneMatch(event -> (event + "").contains(TOKEN) || (event + "").contains(basic));
        try (var files = Files.walk(store.path())) {
            for (var file : files.filter(Files::isRegularFile).toList()) {
                var content = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
                assertThat(content.contains(TOKEN) || content.contains(basic))
                        .as(file.toString())
                        .isFalse();
            }
        }
        builds.carriedOut();
        builds.build(spec.secret("GIT_AUTH_HEADER", secret(BASIC)));
        assertThat(builds.carriedOut()).as("whatever opens the repository").isEmpty();
    }
}
