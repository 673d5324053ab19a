package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildContext;
import dev.cais.BuildEntitlement;
import dev.cais.BuildException;
import dev.cais.BuildSpec;
import dev.cais.Engine;
import dev.cais.EngineOptions;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresProgram;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Submodules, and what repositories of strangers try with those and with what git reads in a checkout. */
@RequiresProgram("git")
class HostileGitTest extends BuildsByOneEngine {
    private GitServer server;
    private Path touched = Path.of("/");
    private String commit = "";

    @BeforeEach
    void begin() throws IOException {
        server = new GitServer(context);
        touched = context.resolve("touched");
        Files.writeString(server.create("module").resolve("file"), "of a module\n");
        commit = server.commit("module");
    }

    @AfterEach
    void end() {
        server.close();
    }

    private BuildSpec add(String flags) {
        return BuildSpec.of(BuildContext.empty())
                .dockerfileInline("FROM busybox\nADD " + flags + " /g/\n")
                .allow(BuildEntitlement.NETWORK_HOST);
    }

    @Test
    void submodulesComeAlongAndTheirs() {
        server.create("inner");
        server.commitSubmodule("inner", "a b", "../module", commit);
        server.create("outer");
        server.commitSubmodule("outer", "deep/inner", server.url("inner"), server.git("inner", "rev-parse", "HEAD"));

        var image = builds.build(add(server.url("outer")));
        assertThat(builds.run(
                        image, "sh", "-c", "cd /g; cat 'deep/inner/a b/file'; find . -name .git; ls -A . deep/inner"))
                .isEqualTo("of a module\n.:\n.gitmodules\ndeep\n\ndeep/inner:\n.gitmodules\na b\n");
        assertThat(builds.run(
                        builds.build(add(server.url("outer") + "?submodules=false")), "ls", "-A", "/g/deep/inner"))
                .isEmpty();
        var kept = add("--keep-git-dir=true " + server.url("outer")).arg("SOURCE_DATE_EPOCH", "" + GitServer.TIME);
        assertThat(builds.build(kept).layers())
                .isEqualTo(builds.build(kept.withoutCache()).layers());
    }

    @Test
    void submodulesThatAreNestedTooDeepAreRefused() {
        server.create("deep");
        for (var depth = 0; depth < 18; depth++) {
            server.commitSubmodule("deep", "m", "../deep", commit);
            commit = server.git("deep", "rev-parse", "HEAD");
        }
        assertThatThrownBy(() -> builds.build(BuildSpec.of(BuildContext.git(server.url("deep")))))
                .isExactlyInstanceOf(BuildException.class)
                .hasMessage(
                        "cannot fetch " + server.url("deep") + ": its submodules have submodules, more than 16 deep");
    }

    @Test
    void submodulesAreNoFilesOfThisHostAndNoPrograms() {
        var files = Map.of(
                "ext", "ext::touch " + touched,
                "file", "file://" + server.path("module"),
                "path", server.path("module").toString(),
                "option", "--upload-pack=touch " + touched);
        files.forEach((name, url) -> {
            server.create(name);
            server.commitSubmodule(name, "m", url, commit);
            var why = ": it has a submodule at " + url + ", which is no address of http, https, git or ssh";
            var help = "; add ?submodules=false to the address, if it is not needed";
            if (!name.equals("option")) {
                assertThatThrownBy(() -> builds.build(BuildSpec.of(BuildContext.git(server.url(name)))))
                        .isExactlyInstanceOf(BuildException.class)
                        .hasMessage("cannot fetch " + server.url(name) + why + help);
            }
            assertThatThrownBy(() -> builds.build(BuildSpec.of(BuildContext.git("file://" + server.path(name)))))
                    .as("of a repository of this host")
                    .isExactlyInstanceOf(BuildException.class)
                    .hasMessageStartingWith("cannot fetch file://" + server.path(name) + ": ");
            assertThat(touched).doesNotExist();
        });
    }

    /** They may be this host's only where the caller has named this host, or allowed it. */
    @Test
    @RequiresFeature(Feature.OWN_NETWORK)
    void submodulesAreNotNearerToThisHostThanTheirRepository() {
        Programs.output("ip", "address", "add", "198.18.77.1/32", "dev", "lo");
        try (var outside = new GitServer(context, "198.18.77.1")) {
            server.create("outer");
            server.commitSubmodule("outer", "m", outside.url("module"), commit);
            var far = BuildSpec.of(BuildContext.git(outside.url("198.18.77.1", "outer")))
                    .dockerfileInline("FROM busybox\nCOPY m /\n");
            assertThatThrownBy(() -> builds.build(far))
                    .isExactlyInstanceOf(BuildException.class)
                    .hasMessage("cannot fetch git://127.0.0.1: 127.0.0.1 is this host itself; allow it with"
                            + " BuildSpec.allow(BuildEntitlement.NETWORK_HOST), if you trust the Dockerfile");
            assertThat(builds.build(far.allow(BuildEntitlement.NETWORK_HOST))).isNotNull();
            assertThat(builds.build(BuildSpec.of(BuildContext.git(outside.url("outer")))
                            .dockerfileInline("FROM busybox\nCOPY m /\n")))
                    .isNotNull();
        } finally {
            Programs.output("ip", "address", "del", "198.18.77.1/32", "dev", "lo");
        }
    }

    @Test
    void whatGitReadsInACheckoutStartsNothing() throws IOException {
        var tree = server.create("hostile");
        var touch = "touch " + touched;
        Files.writeString(tree.resolve(".gitattributes"), "* filter=evil diff=evil merge=evil ident\n");
        Files.writeString(tree.resolve(".gitconfig"), "[filter \"evil\"]\n\tsmudge = " + touch + "\n");
        Files.createDirectories(tree.resolve("hooks"));
        Files.writeString(tree.resolve("hooks/post-checkout"), "#!/bin/sh\n" + touch + "\n");
        Files.setPosixFilePermissions(
                tree.resolve("hooks/post-checkout"), PosixFilePermissions.fromString("rwxr-xr-x"));
        Files.writeString(tree.resolve("id"), "$Id$\n");
        Files.writeString(tree.resolve("Dockerfile"), "FROM busybox\nCOPY . /c/\n");
        server.commit("hostile");
        Files.createDirectories(tree.resolve(".git/hooks"));
        Files.copy(tree.resolve("hooks/post-checkout"), tree.resolve(".git/hooks/post-checkout"));

        var image = builds.build(BuildSpec.of(BuildContext.git(server.url("hostile") + "?keep-git-dir=1")));
        assertThat(builds.run(image, "sh", "-c", "ls -A /c; ls -A /c/.git; cut -d ' ' -f 1 /c/id"))
                .isEqualTo("""
                        .git
                        .gitattributes
                        .gitconfig
                        Dockerfile
                        hooks
                        id
                        HEAD
                        config
                        index
                        objects
                        refs
                        shallow
                        $Id:
                        """);
        assertThat(touched).doesNotExist();
    }

    @Test
    void aSubmodulesUpdateIsNoCommand() throws IOException {
        var tree = server.create("hostile");
        server.commitSubmodule("hostile", "m", server.url("module"), commit);
        Files.writeString(
                tree.resolve(".gitmodules"), "\tupdate = !touch " + touched + "\n", StandardOpenOption.APPEND);
        server.commit("hostile");
        assertThatThrownBy(() -> builds.build(BuildSpec.of(BuildContext.git(server.url("hostile")))))
                .isExactlyInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot fetch " + server.url("hostile")
                        + ": git submodule ended with exit code 128; its last words: fatal: invalid value for");
        assertThat(touched).doesNotExist();
    }

    /** Trees that no {@code git add} makes. */
    @Test
    void aTreeHasNoGitDataOfItsOwn() throws IOException {
        server.create("hostile");
        var config = context.resolve("config");
        Files.writeString(config, "[core]\n\tfsmonitor = touch " + touched + "\n");
        var blob = server.git("hostile", "hash-object", "-w", config.toString());
        for (var entry : new String[] {
            "040000 tree %s\t.git",
            "120000 blob %s\t.git",
            "100644 blob %s\t..",
            "040000 tree %s\t.GIT",
            "040000 tree %s\tgit~1"
        }) {
            var data = made("100644 blob " + blob + "\tconfig");
            var tree = made(entry.formatted(entry.startsWith("04") ? data : blob));
            var hostile = server.git("hostile", "commit-tree", "-m", "x", tree);
            server.git("hostile", "update-ref", "refs/heads/main", hostile);
            assertThatThrownBy(() -> builds.build(BuildSpec.of(BuildContext.git(server.url("hostile")))))
                    .as(entry)
                    .isExactlyInstanceOf(BuildException.class)
                    .hasMessageStartingWith("cannot fetch " + server.url("hostile") + ": git ")
                    .hasMessageContaining("its last words: error: invalid path '");
            assertThat(touched).doesNotExist();
        }
    }

    private String made(String entry) throws IOException {
        var listed = context.resolve("entries");
        Files.writeString(listed, entry + "\n");
        return Programs.output(
                        "sh",
                        "-c",
                        "cd \"$0\" && exec git mktree <\"$1\"",
                        server.path("hostile").toString(),
                        listed.toString())
                .strip();
    }

    /** The store lies in a work tree with a configuration of its own, as that of a project may. */
    @Test
    void aRepositoryAroundTheStoreIsNotAsked() throws IOException {
        var project = context.resolve("project");
        Files.createDirectories(project);
        Programs.output("git", "init", "--quiet", project.toString());
        Files.writeString(project.resolve(".git/config"), "[url \"file:///none\"]\n\tinsteadOf = git:\n");
        try (var other = Engine.open(EngineOptions.defaults().store(project.resolve("store")))) {
            var image = other.images()
                    .build(BuildSpec.of(BuildContext.empty())
                            .dockerfileInline("FROM scratch\nADD " + server.url("module") + " /\n")
                            .allow(BuildEntitlement.NETWORK_HOST));
            assertThat(image.layers()).hasSize(1);
        }
    }
}
