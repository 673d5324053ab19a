package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildContext;
import dev.cais.BuildEntitlement;
import dev.cais.BuildException;
import dev.cais.BuildSpec;
import dev.cais.NotFoundException;
import dev.cais.fixtures.RequiresProgram;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Contexts and {@code ADD} of git, from its daemon on loopback. */
@RequiresProgram("git")
class BuildGitTest extends BuildsByOneEngine {
    private GitServer server;
    private String commit = "";

    @BeforeEach
    void begin() throws IOException {
        server = new GitServer(context);
        var tree = server.create("repo");
        Files.writeString(tree.resolve("Dockerfile"), "FROM busybox\nCOPY . /c/\n");
        Files.writeString(tree.resolve("run"), "#!/bin/sh\n");
        Files.setPosixFilePermissions(tree.resolve("run"), PosixFilePermissions.fromString("rwxr-xr-x"));
        Files.createSymbolicLink(tree.resolve("link"), Path.of("run"));
        Files.createSymbolicLink(tree.resolve("out"), context);
        Files.createDirectories(tree.resolve("sub"));
        Files.writeString(tree.resolve("sub/Dockerfile"), "FROM busybox\nCOPY . /s/\n");
        commit = server.commit("repo");
        server.git("repo", "tag", "--annotate", "--message=tagged", "v1");
        server.git("repo", "checkout", "--quiet", "-b", "other");
        Files.writeString(tree.resolve("other"), "of a branch\n");
        server.commit("repo");
        server.git("repo", "checkout", "--quiet", "main");
    }

    @AfterEach
    void end() {
        server.close();
    }

    private BuildSpec add(String flags) {
        return BuildSpec.of(BuildContext.empty()).dockerfileInline("FROM busybox\nADD " + flags + " /g/\n");
    }

    private String built(String address, String... command) {
        return builds.run(builds.build(BuildSpec.of(BuildContext.git(address))), command);
    }

    @Test
    void aRepositoryIsAContext() {
        var seen =
                "Dockerfile 644 1577934245\nlink 777 1577934245\nout 777 1577934245\nrun 755 1577934245\nsub 755 1577934245\n";
        var stat = new String[] {"sh", "-c", "cd /c; stat -c '%n %a %Y' $(ls -A)"};
        assertThat(built(server.url("repo"), stat)).isEqualTo(seen);
        assertThat(built("file://" + server.path("repo"), stat)).isEqualTo(seen);
        assertThat(built(server.url("repo") + "#v1", stat)).isEqualTo(seen);
        assertThat(built(server.url("repo") + "#" + commit, stat)).isEqualTo(seen);
        assertThat(built(server.url("repo") + "#refs/heads/other", "cat", "/c/other"))
                .isEqualTo("of a branch\n");
        assertThat(built(server.url("repo") + "#other:sub", "ls", "-A", "/s")).isEqualTo("Dockerfile\n");
    }

    @Test
    void whatARepositoryDoesNotHaveIsTold() {
        assertThatThrownBy(() -> built(server.url("repo") + "#none"))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot fetch " + server.url("repo") + "#none: it has no ref none");
        assertThatThrownBy(() -> built(server.url("repo") + "#main:none"))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot fetch " + server.url("repo") + "#main:none: it has no directory none");
        assertThatThrownBy(() -> built(server.url("repo") + "#main:out"))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot fetch " + server.url("repo") + "#main:out: it has no directory out");
        assertThatThrownBy(() -> built(server.url("repo") + "#main:../.."))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot fetch " + server.url("repo") + "#main:../..: it has no directory ../..");
        assertThatThrownBy(() -> built(server.url("no")))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot fetch " + server.url("no") + ": git ls-remote ended with exit code 128;"
                        + " its last words: ");
    }

    @Test
    void aRepositoryIsAdded() {
        var url = server.url("repo");
        var image = builds.build(add(url + "#v1:sub " + url + "#other").allow(BuildEntitlement.NETWORK_HOST));
        assertThat(builds.run(image, "ls", "-A", "/g")).isEqualTo("Dockerfile\nlink\nother\nout\nrun\nsub\n");
        assertThat(builds.run(image, "cat", "/g/Dockerfile")).contains("/c/");

        var kept = builds.build(add("--keep-git-dir=true " + url).allow(BuildEntitlement.NETWORK_HOST));
        assertThat(builds.run(kept, "cat", "/g/.git/HEAD")).isEqualTo(commit + "\n");
        builds.carriedOut();
        builds.build(add("--keep-git-dir=true " + url).allow(BuildEntitlement.NETWORK_HOST));
        assertThat(builds.carriedOut()).isEmpty();
    }

    @Test
    void aCommitIsKnownByItsName() {
        var checked = add("--checksum=" + commit + " " + server.url("repo")).allow(BuildEntitlement.NETWORK_HOST);
        var image = builds.build(checked);
        assertThatThrownBy(() -> builds.build(add("--checksum=" + commit + " " + server.url("repo") + "#other")
                        .allow(BuildEntitlement.NETWORK_HOST)))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("cannot use " + server.url("repo") + "?checksum=" + commit
                        + "#other: it is another commit [found=");
        assertThatThrownBy(() -> builds.build(
                        add("--checksum=sha256:1 " + server.url("repo")).allow(BuildEntitlement.NETWORK_HOST)))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("--checksum is none: a commit's name is hexadecimal digits [line=2]");
        server.close();
        assertThat(builds.build(checked)).as("without the server").isEqualTo(image);
    }

    @Test
    void whatIsWantedOfARepositoryIsAskedForInItsAddress() {
        var url = server.url("repo");
        assertThat(built(url + "?branch=other&subdir=sub", "ls", "-A", "/s")).isEqualTo("Dockerfile\n");
        assertThat(built(url + "?tag=v1&keep-git-dir=true", "cat", "/c/.git/HEAD"))
                .isEqualTo(commit + "\n");
        assertThat(built(url + "?checksum=" + commit, "ls", "/c")).startsWith("Dockerfile\n");
        assertThatThrownBy(() -> built(url + "?branch=other&checksum=" + commit))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot use " + url + "?checksum=" + commit
                        + "#refs/heads/other: it is another commit [found=");
        var image = builds.build(add(url + "?branch=other&subdir=sub").allow(BuildEntitlement.NETWORK_HOST));
        assertThat(builds.run(image, "ls", "-A", "/g")).isEqualTo("Dockerfile\n");
        assertThatThrownBy(() -> builds.build(add("--checksum=" + "0".repeat(40) + " " + url + "?checksum=" + commit)
                        .allow(BuildEntitlement.NETWORK_HOST)))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining(
                        "--checksum is another one than that of " + url + "?checksum=" + commit + " [line=2]");
    }

    @Test
    void filesHaveTheTimeOfTheirCheckoutIfThatIsWanted() {
        var begun = Instant.now().getEpochSecond();
        var url = server.url("repo") + "?mtime=";
        var stat = new String[] {"stat", "-c", "%Y", "/c/run", "/c/sub", "/c/link"};
        assertThat(built(url + "commit", stat)).isEqualTo("1577934245\n1577934245\n1577934245\n");

        var image =
                builds.build(BuildSpec.of(BuildContext.git(url + "checkout")).withoutCache());
        assertThat(builds.run(image, stat).lines())
                .hasSize(3)
                .allSatisfy(time -> assertThat(Long.parseLong(time)).isGreaterThanOrEqualTo(begun - 1));
    }

    @Test
    void aCommitIsFetchedWhereverItsBranchMayHaveGone() {
        var url = server.url("repo") + "?branch=other&fetch-by-commit=true&checksum=" + commit;
        assertThat(built(url, "ls", "/c")).isEqualTo("Dockerfile\nlink\nout\nrun\nsub\n");
    }

    @Test
    void withoutARefItIsWhatTheRepositorysHeadIs() {
        server.git("repo", "branch", "--move", "main", "trunk/new");
        assertThat(built(server.url("repo") + "?keep-git-dir=true", "cat", "/c/.git/refs/heads/trunk/new"))
                .isEqualTo(commit + "\n");
        server.git("repo", "checkout", "--quiet", "--detach", "other");
        assertThat(built(server.url("repo"), "cat", "/c/other")).isEqualTo("of a branch\n");
    }

    @Test
    void theDataOfABranchOrATagIsKeptAndTellsNothingOfThisHost() {
        var tag = server.git("repo", "rev-parse", "v1");
        var url = server.url("repo");
        for (var name : new String[] {"v1", "main", commit}) {
            var spec = add("--keep-git-dir=true " + url + "#" + name)
                    .allow(BuildEntitlement.NETWORK_HOST)
                    .arg("SOURCE_DATE_EPOCH", "" + GitServer.TIME);
            var image = builds.build(spec);
            var known = "cd /g/.git; cat HEAD; find . -type f | grep -v objects/ | sort; cat refs/*/* 2>/dev/null";
            var listed = commit + "\n./HEAD\n./config\n./index\n%s./shallow\n%s";
            assertThat(builds.run(image, "sh", "-c", known))
                    .isEqualTo(
                            switch (name) {
                                case "v1" -> listed.formatted("./refs/tags/v1\n", tag + "\n");
                                case "main" -> listed.formatted("./refs/heads/main\n", commit + "\n");
                                default -> listed.formatted("", "");
                            });
            assertThat(builds.build(spec.withoutCache()).layers()).as(name).isEqualTo(image.layers());
        }
    }

    @Test
    void aBranchThatHasMovedIsFetchedAgain() throws IOException {
        var spec = add(server.url("repo") + "#main").allow(BuildEntitlement.NETWORK_HOST);
        builds.build(spec);
        builds.carriedOut();
        builds.build(spec);
        assertThat(builds.carriedOut()).isEmpty();
        Files.writeString(server.path("repo").resolve("run"), "changed\n");
        server.commit("repo");
        builds.build(spec);
        assertThat(builds.carriedOut())
                .containsExactly("[0 1] ADD " + server.url("repo") + "#main /g/ (what is at " + server.url("repo")
                        + "#main changed)");
    }

    @Test
    void commitsAreNamedWholly() {
        var short7 = commit.substring(0, 7);
        assertThatThrownBy(() -> built(server.url("repo") + "#" + short7))
                .isExactlyInstanceOf(NotFoundException.class)
                .hasMessage("cannot fetch " + server.url("repo") + "#" + short7 + ": it has no ref " + short7
                        + "; name a commit by its whole name");
        var none = "0".repeat(40);
        assertThatThrownBy(() -> built(server.url("repo") + "#" + none))
                .isExactlyInstanceOf(NotFoundException.class)
                .hasMessage("cannot fetch " + server.url("repo") + "#" + none + ": it has no commit " + none);
    }

    @Test
    void commitsMayHaveNamesOfSha256() throws IOException {
        server.create("new", "--object-format=sha256");
        Files.writeString(server.path("new").resolve("Dockerfile"), "FROM busybox\nCOPY . /c/\n");
        var name = server.commit("new");
        assertThat(name).hasSize(64);
        for (var ref : new String[] {"", "#" + name, "?checksum=" + name}) {
            assertThat(built(server.url("new") + ref, "ls", "/c")).isEqualTo("Dockerfile\n");
        }
    }

    @Test
    void aDockerfileHasNoOptionsForGitAndNoFilesOfThisHost() {
        assertThatThrownBy(() -> builds.build(add("file://" + server.path("repo"))))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("the context has no file file:" + server.path("repo") + " [line=2]");
        assertThatThrownBy(() -> builds.build(add("https://h/--x.git#--upload-pack=x")))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining(
                        "cannot use git repository https://h/--x.git: its ref is none: --upload-pack=x" + " [line=2]");
        assertThatThrownBy(() -> builds.build(add(server.url("repo"))))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("cannot fetch git://127.0.0.1: 127.0.0.1 is this host itself [line=2]");
    }
}
