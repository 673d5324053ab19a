package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildContext;
import dev.cais.BuildEntitlement;
import dev.cais.BuildException;
import dev.cais.BuildSpec;
import dev.cais.CancelledException;
import dev.cais.Engine;
import dev.cais.EngineException;
import dev.cais.EngineOptions;
import dev.cais.InvalidSpecException;
import dev.cais.NotFoundException;
import dev.cais.ProvenanceMode;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresProgram;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Contexts and {@code ADD} of git over ssh, from OpenSSH's server. */
@RequiresFeature(Feature.OWN_NETWORK)
@RequiresProgram({"git", "ssh", "ssh-agent", "/usr/sbin/sshd"})
class BuildGitSshTest extends BuildsByOneEngine {
    private SshServer server;
    private GitServer repositories;
    private Path key = Path.of("/");
    private Path known = Path.of("/");

    @BeforeEach
    void begin() throws IOException {
        server = new SshServer(Files.createDirectory(context.resolve("ssh")));
        key = server.key("key", "ed25519");
        server.authorize(key);
        known = server.knownHosts("known hosts of 100%/known");
        repositories = new GitServer(context);
        var tree = repositories.create("repo.git");
        Files.writeString(tree.resolve("Dockerfile"), "FROM busybox\nCOPY . /c/\n");
        Files.writeString(tree.resolve("file"), "of git\n");
        repositories.commit("repo.git");
    }

    @AfterEach
    void end() {
        repositories.close();
        server.close();
    }

    private String url() {
        return "ssh://root@127.0.0.1:" + SshServer.PORT + repositories.path("repo.git");
    }

    private String shortUrl() {
        return "root@127.0.0.1:" + repositories.path("repo.git");
    }

    private BuildSpec of(String url) {
        return BuildSpec.of(BuildContext.git(url)).knownHosts(known);
    }

    private BuildSpec add(String url) {
        return BuildSpec.of(BuildContext.empty())
                .dockerfileInline("FROM busybox\nADD " + url + " /g/\n")
                .knownHosts(known)
                .allow(BuildEntitlement.NETWORK_HOST);
    }

    @Test
    void anAgentOpensARepository() {
        try (var agent = server.agent(key)) {
            for (var url : List.of(url(), shortUrl(), shortUrl() + "#main", shortUrl() + "?branch=main")) {
                var image = builds.build(of(url).ssh("default", agent.socket()));
                assertThat(builds.run(image, "cat", "/c/file")).as(url).isEqualTo("of git\n");
                var added = builds.build(add(url).ssh("default", agent.socket()));
                assertThat(builds.run(added, "cat", "/g/file")).as(url).isEqualTo("of git\n");
            }
        }
    }

    @Test
    void aKeyOfAFileOpensARepository() {
        for (var kind : List.of("ed25519", "rsa -b 2048", "ecdsa -b 384")) {
            var other = server.key(kind.substring(0, 3), kind);
            server.authorize(other);
            var image = builds.build(of(url()).ssh("default", other).withoutCache());
            assertThat(builds.run(image, "cat", "/c/file")).as(kind).isEqualTo("of git\n");
        }
    }

    @Test
    void submodulesOfTheServerComeAlong() {
        repositories.create("outer.git");
        var commit = repositories.git("repo.git", "rev-parse", "HEAD");
        repositories.commitSubmodule("outer.git", "m", "../repo.git", commit);
        for (var url : List.of(url(), shortUrl())) {
            var image = builds.build(add(url.replace("repo.git", "outer.git")).ssh("default", key));
            assertThat(builds.run(image, "cat", "/g/m/file")).as(url).isEqualTo("of git\n");
        }
    }

    /** By ssh, the server is not told that the client knows git's second protocol, in which any commit is given. */
    @Test
    void commitsThatAServerDoesNotGiveByNameAreFoundAmongItsOthers() throws IOException {
        var old = repositories.git("repo.git", "rev-parse", "HEAD");
        repositories.git("repo.git", "tag", "--annotate", "--message=tagged", "v1");
        Files.writeString(repositories.path("repo.git").resolve("file"), "of git, later\n");
        repositories.commit("repo.git");
        repositories.create("outer.git");
        repositories.commitSubmodule("outer.git", "m", "../repo.git", old);

        var image = builds.build(add(url() + "#" + old).ssh("default", key));
        assertThat(builds.run(image, "cat", "/g/file")).isEqualTo("of git\n");
        var outer = builds.build(add(url().replace("repo.git", "outer.git")).ssh("default", key));
        assertThat(builds.run(outer, "cat", "/g/m/file")).isEqualTo("of git\n");
        var tagged = builds.build(add("--keep-git-dir=true " + url() + "#v1").ssh("default", key));
        assertThat(builds.run(tagged, "sh", "-c", "cat /g/file; ls /g/.git/refs/tags"))
                .isEqualTo("of git\nv1\n");
        var none = "0".repeat(40);
        assertThatThrownBy(() -> builds.build(of(url() + "#" + none).ssh("default", key)))
                .isExactlyInstanceOf(NotFoundException.class)
                .hasMessage("cannot fetch " + url() + "#" + none + ": it has no commit " + none);
    }

    private static final String HELP =
            "; give a file with it by BuildSpec.knownHosts, or add it to this user's known_hosts";

    @Test
    void hostKeysThatAreNotKnownAreRefused() throws IOException {
        Files.writeString(known, "");
        assertThatThrownBy(() -> builds.build(of(url()).ssh("default", key)))
                .isExactlyInstanceOf(BuildException.class)
                .hasMessage("cannot fetch " + url()
                        + ": the ED25519 host key of [127.0.0.1]:2222 is not known [git ls-remote=exit code 128]"
                        + HELP);
        Files.writeString(known, SshServer.known(server.key("other", "ed25519")));
        assertThatThrownBy(() -> builds.build(of(shortUrl()).ssh("default", key)))
                .isExactlyInstanceOf(BuildException.class)
                .hasMessage(
                        "cannot fetch " + shortUrl() + ": the host key of 127.0.0.1 is another one than the one that is"
                                + " known [git ls-remote=exit code 128]; if that is right, " + HELP.substring(2));
        assertThatThrownBy(() -> builds.build(of(url()).knownHosts(context.resolve("none"))))
                .isExactlyInstanceOf(NotFoundException.class)
                .hasMessage(
                        "cannot use the known hosts of ssh in " + context.resolve("none") + ": there is no such file");
        var odd = Files.createFile(context.resolve("${HOME}"));
        assertThatThrownBy(() -> builds.build(of(url()).knownHosts(odd)))
                .isExactlyInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use the known hosts of ssh in " + odd
                        + ": ssh can read no such path; give it another name");
    }

    /** The server would ask for a password. */
    @Test
    void whoHasNoKeyIsToldAtOnce() {
        var refused = ": root@127.0.0.1 lets nobody in with the keys of the build [git ls-remote=exit code 128];"
                + " give an agent or a private key by BuildSpec.ssh(\"default\", …)";
        assertThatThrownBy(() -> builds.build(of(url())))
                .isExactlyInstanceOf(BuildException.class)
                .hasMessage("cannot fetch " + url() + refused);
        assertThatThrownBy(() -> builds.build(of(url()).ssh("default", server.key("stranger", "ed25519"))))
                .hasMessage("cannot fetch " + url() + refused);
        assertThatThrownBy(() -> builds.build(of(url()).ssh("other", key)))
                .as("the agent of another name")
                .hasMessage("cannot fetch " + url() + refused);
        assertThatThrownBy(() -> builds.build(of(url() + "x").ssh("default", key)))
                .isExactlyInstanceOf(BuildException.class)
                .hasMessage(
                        "cannot fetch " + url() + "x: git ls-remote ended with exit code 128; its last words: fatal: '"
                                + repositories.path("repo.git") + "x' does not appear to be a git repository");
    }

    @Test
    void aBuildThatIsCancelledEndsSsh() throws Exception {
        try (var silent = new SilentServer()) {
            var url = "ssh://root@127.0.0.1:" + silent.port() + "/repo";
            assertThat(silent.cancel(builds, of(url).ssh("default", key)))
                    .isExactlyInstanceOf(CancelledException.class)
                    .hasMessage("cannot fetch " + url + ": the thread was interrupted");
        }
    }

    @Test
    void nothingOfAKeyOrAnAgentIsLeft() throws IOException {
        try (var agent = server.agent(key)) {
            var spec = add("--keep-git-dir=true " + url()).provenance(ProvenanceMode.MAX);
            var image = builds.build(spec.ssh("default", agent.socket()));
            builds.build(spec.ssh("default", key).withoutCache());

            assertThat(builds.run(image, "sh", "-c", "grep -r -e agent -e '" + known + "' /g || echo none"))
                    .isEqualTo("none\n");
            var secret = Files.readAllLines(key).get(2);
            var written = builds.events() + "" + image.history() + image.config();
            assertThat(written).doesNotContain(secret, agent.socket().toString(), "SSH_AUTH_SOCK");
            try (var files = Files.walk(store.path())) {
                for (var file : files.filter(Files::isRegularFile).toList()) {
                    assertThat(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1))
                            .as(file.toString())
                            .doesNotContain(secret, agent.socket().toString());
                }
            }
            builds.carriedOut();
            builds.build(spec.ssh("default", key));
            assertThat(builds.carriedOut()).as("whoever opens the repository").isEmpty();
        }
    }

    /** Builds as a user would that has set up a lot: ARGS are the store, an address of ssh, and one of http. */
    static final class User {
        public static void main(String[] args) {
            try (var engine = Engine.open(EngineOptions.defaults().store(Path.of(args[0])))) {
                System.out.println(tell(engine, BuildSpec.of(BuildContext.git(args[1]))));
                for (var url : List.of(args[1], args[2])) {
                    System.out.println(tell(
                            engine,
                            BuildSpec.of(BuildContext.empty())
                                    .dockerfileInline("FROM busybox\nADD " + url + " /\n")
                                    .allow(BuildEntitlement.NETWORK_HOST)));
                }
            }
        }

        private static String tell(Engine engine, BuildSpec spec) {
            try {
                engine.images().build(spec.withoutCache());
                return "built";
            } catch (EngineException e) {
                return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
            }
        }
    }

    @Test
    void ofAUserItIsHisKnownHostsThatCountAndHisAgentForWhatHeNames() throws IOException {
        var home = context.resolve("home");
        Files.createDirectories(home.resolve(".ssh"));
        var touch = "touch " + context.resolve("touched");
        Files.writeString(home.resolve(".ssh/known_hosts"), server.known());
        Files.writeString(home.resolve(".ssh/config"), "Host *\n  ProxyCommand " + touch + "\n");
        Files.copy(key, home.resolve(".ssh/id_ed25519"));
        Files.writeString(
                home.resolve(".gitconfig"),
                "[url \"file:///none\"]\n\tinsteadOf = ssh:\n[core]\n\tsshCommand = " + touch
                        + "\n[credential]\n\thelper = !" + touch + "\n");
        Files.writeString(home.resolve(".netrc"), "machine 127.0.0.1 login a password b\n");
        var passwd = context.resolve("passwd");
        Files.writeString(passwd, "root:x:0:0:root:" + home + ":/bin/sh\n" + Files.readString(Path.of("/etc/passwd")));
        try (var web = new GitWebServer(context, "Basic YTpi"); // of .netrc
                var agent = server.agent(key);
                var user = ChildJvm.start(
                        List.of(
                                "unshare",
                                "--mount",
                                "sh",
                                "-c",
                                "mount --bind \"$0\" /etc/passwd && exec env \"$@\"",
                                passwd.toString(),
                                "SSH_AUTH_SOCK=" + agent.socket(),
                                "HOME=" + home,
                                "GIT_SSH_COMMAND=" + touch,
                                "GIT_SSH=" + touch,
                                "GIT_ASKPASS=" + touch,
                                "GIT_DIR=" + context,
                                "GIT_TRACE=" + context.resolve("touched")),
                        List.of("-XX:TieredStopAtLevel=1"),
                        User.class,
                        store.path().toString(),
                        url(),
                        web.url("repo.git"))) {
            assertThat(user.readLines())
                    .containsExactly(
                            "built",
                            "cannot build the Dockerfile: cannot fetch " + url()
                                    + ": root@127.0.0.1 lets nobody in with the keys of the"
                                    + " build [git ls-remote=exit code 128, line=2];"
                                    + " give an agent or a private key by BuildSpec.ssh(\"default\", …)",
                            "cannot build the Dockerfile: cannot fetch " + web.url("repo.git") + ": http://"
                                    + web.authority()
                                    + " lets nobody in with the tokens of the build"
                                    + " [git ls-remote=exit code 128, line=2];"
                                    + " give one as the build's secret GIT_AUTH_TOKEN");
            assertThat(user.await(Duration.ofMinutes(1))).isZero();
            assertThat(web.shown()).containsExactly("nothing");
        }
        assertThat(context.resolve("touched")).doesNotExist();
    }
}
