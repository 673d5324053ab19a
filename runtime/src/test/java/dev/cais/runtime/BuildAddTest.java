package dev.cais.runtime;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildContext;
import dev.cais.BuildEntitlement;
import dev.cais.BuildException;
import dev.cais.BuildSecret;
import dev.cais.BuildSpec;
import dev.cais.CorruptContentException;
import dev.cais.Engine;
import dev.cais.Image;
import dev.cais.NotFoundException;
import dev.cais.ProvenanceMode;
import dev.cais.RegistryOptions;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TarWriter;
import dev.cais.fixtures.TestStore;
import dev.cais.image.oci.Hash;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Contexts of the web, and {@code ADD} of addresses, from a server on loopback. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class BuildAddTest {
    private static final String LAST_MODIFIED = "Thu, 02 Jan 2020 03:04:05 GMT";

    private static TestStore store;

    private Engine engine;

    @TempDir
    private Path context;

    private TestBuilds builds;
    private WebServer server;

    @BeforeAll
    static void begin(TestStore opened) {
        store = opened;
    }

    @BeforeEach
    void open() {
        engine = store.openEngineWithBusybox();
        builds = TestBuilds.of(engine, context);
        server = new WebServer();
    }

    @AfterEach
    void close() {
        server.close();
        engine.close();
    }

    private BuildSpec spec(String add) {
        return BuildSpec.of(BuildContext.empty()).dockerfileInline("FROM busybox\n" + add + "\n");
    }

    private Image build(String add) {
        return builds.build(spec(add).allow(BuildEntitlement.NETWORK_HOST));
    }

    @Test
    void aTextIsTheDockerfile() {
        var text = "FROM busybox\nCOPY . /c/\n".getBytes(UTF_8);
        server.put("/Dockerfile", text);
        for (var context : List.of(
                BuildContext.tar(new ByteArrayInputStream(text)), BuildContext.web(server.url("/Dockerfile")))) {
            assertThat(builds.run(builds.build(BuildSpec.of(context)), "ls", "/c"))
                    .isEqualTo("context\n");
        }
        server.put("/Dockerfile", "FROM busybox\nCOPPY a b\n".getBytes(UTF_8));
        assertThatThrownBy(() -> builds.build(BuildSpec.of(server.url("/Dockerfile"))))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot build " + server.url("/Dockerfile")
                        + ": there is no instruction COPPY [line=2]; did you mean COPY?");
    }

    @Test
    void aFileOfTheWebIsAContext() throws Exception {
        var archive = new TarWriter()
                .file("Dockerfile", 0644, "FROM busybox\nCOPY . /c/\n")
                .file("file", 0644, "of the web\n");
        var packed = new ByteArrayOutputStream();
        try (var gzip = new GZIPOutputStream(packed)) {
            gzip.write(archive.bytes());
        }
        try (var other = new WebServer()) {
            server.put("/a.tar", archive.bytes());
            server.put("/a.tar.gz", packed.toByteArray());
            server.put("/text", "a text\n".getBytes(UTF_8));
            server.redirect("/moved", other.url("/a.tar"));
            server.put("/cut", Arrays.copyOf(packed.toByteArray(), packed.size() / 2));
            other.put("/a.tar", archive.bytes());
            for (var path : List.of("/a.tar", "/a.tar.gz", "/moved")) {
                assertThat(builds.run(builds.build(BuildSpec.of(server.url(path))), "cat", "/c/file"))
                        .isEqualTo("of the web\n");
            }
            var named = builds.spec("FROM busybox\nCOPY --from=tar file /\nCOPY --from=text . /t/\n")
                    .context("tar=" + server.url("/a.tar.gz"))
                    .context("text=" + server.url("/text"))
                    .provenance(ProvenanceMode.MIN);
            var image = builds.build(named.tag("of-the-web:1"));
            assertThat(builds.run(image, "sh", "-c", "cat /file /t/context")).isEqualTo("of the web\na text\n");
            assertThat(new String(
                            engine.images().attestations("of-the-web:1").get(0).statement(), UTF_8))
                    .contains("\"uri\":\"" + server.url("/a.tar.gz") + "\"", "\"uri\":\"" + server.url("/text") + "\"");
            assertThatThrownBy(() -> builds.build(BuildSpec.of(server.url("/none"))))
                    .isInstanceOf(NotFoundException.class)
                    .hasMessage("cannot fetch " + server.url("/none") + ": " + server.url("")
                            + " has no such file [status=404]");
            assertThatThrownBy(() -> builds.build(BuildSpec.of(server.url("/cut"))))
                    .isInstanceOf(CorruptContentException.class)
                    .hasMessage("cannot read the context: its gzip stream ends early; fetch or save it again");
        }
    }

    @Test
    void onlyAddFetches() {
        for (var address : List.of("https://files.test/a", "git@files.test:a/b.git")) {
            assertThatThrownBy(() -> build("COPY " + address + " /f"))
                    .isInstanceOf(BuildException.class)
                    .hasMessageStartingWith("cannot build the Dockerfile: COPY fetches nothing, and " + address
                            + " is an address [line=2]; write ADD\n");
        }
        assertThatThrownBy(() -> build("ADD --keep-git-dir=false " + server.url("/a") + " /f"))
                .as("what has a directory of git is git's")
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("cannot fetch " + server.url("/a") + ": git ls-remote ended with exit code 128");
        assertThatThrownBy(() -> build("ADD --keep-git-dir=false git://127.0.0.1/a?keep-git-dir=true /f"))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining(
                        "--keep-git-dir says another thing than git://127.0.0.1/a?keep-git-dir=true [line=2]");
    }

    @Test
    void aServerIsShownTheSecretOfItsNameAndNoOther() {
        var host = URI.create(server.url("/")).getAuthority();
        try (var other = new WebServer()) {
            server.put("/token", "by token".getBytes(UTF_8));
            server.protect("/token", "Bearer of files");
            server.put("/header", "by header".getBytes(UTF_8));
            server.protect("/header", "Digest x=y");
            server.redirect("/other", other.url("/token"));
            other.put("/token", "of another".getBytes(UTF_8));
            other.protect("/token", "Digest x=y");
            var token = spec("ADD " + server.url("/token") + " /f")
                    .allow(BuildEntitlement.NETWORK_HOST)
                    .secret("HTTP_AUTH_TOKEN_127.0.0.1", BuildSecret.of("of files\n"));
            assertThat(builds.run(builds.build(token), "cat", "/f")).isEqualTo("by token");
            var header = spec("ADD " + server.url("/header") + " /f\nADD " + server.url("/token") + " /g")
                    .allow(BuildEntitlement.NETWORK_HOST)
                    .secret("HTTP_AUTH_TOKEN_127.0.0.1", BuildSecret.of("of files"))
                    .secret("HTTP_AUTH_HEADER_" + host, BuildSecret.of("Digest x=y"));
            assertThatThrownBy(() -> builds.build(header))
                    .isInstanceOf(BuildException.class)
                    .hasMessageContaining("cannot fetch " + server.url("/token") + ": http://" + host
                            + " refused it [status=401, line=3]");
            for (var path : List.of("/token", "/other")) {
                assertThatThrownBy(() -> builds.build(spec("ADD " + server.url(path) + " /f")
                                .allow(BuildEntitlement.NETWORK_HOST)
                                .secret("HTTP_AUTH_HEADER_" + host, BuildSecret.of("Digest x=y"))))
                        .as(path)
                        .isInstanceOf(BuildException.class)
                        .hasMessageContaining(" refused it");
            }
            assertThatThrownBy(
                            () -> builds.build(token.secret("HTTP_AUTH_TOKEN_" + host, BuildSecret.of("two\nlines"))))
                    .isInstanceOf(BuildException.class)
                    .hasMessageContaining(
                            "cannot use secret HTTP_AUTH_TOKEN_" + host + ": it is empty or not one line");
        }
    }

    @Test
    void aFileIsFetchedWithItsNameAndItsTime() {
        server.put("/d/a file", 200, Map.of("Last-Modified", LAST_MODIFIED), "by name".getBytes(UTF_8));
        server.put("/other", "another".getBytes(UTF_8));
        server.put("/", "the root".getBytes(UTF_8));
        builds.write("local", "local");
        var image = builds.build(builds.spec("""
                        FROM busybox
                        ADD URL/d/a%20file?query=1#fragment local URL/other /in/
                        ADD --chmod=644 --chown=1:2 URL/other /as/this
                        ADD URL/ /in/
                        """.replace("URL", server.url(""))).allow(BuildEntitlement.NETWORK_HOST));

        assertThat(
                        builds.run(
                                image,
                                "sh",
                                "-c",
                                "cd /in; stat -c '%n %a %u' *; stat -c %Y 'a file' other; cat 'a file'; stat -c '%a %u %g %Y' /as/this"))
                .isEqualTo("""
                        __unnamed__ 600 0
                        a file 600 0
                        local 644 0
                        other 600 0
                        1577934245
                        0
                        by name644 1 2 0
                        """);
    }

    @Test
    void whatDidNotChangeIsAskedForAndNotFetched() {
        server.put("/file", 200, Map.of("ETag", "\"1\""), "one".getBytes(UTF_8));
        server.put("/dated", 200, Map.of("Last-Modified", LAST_MODIFIED), "dated".getBytes(UTF_8));
        var add = "ADD " + server.url("/file") + " " + server.url("/dated") + " /d/\n";
        var first = build(add);
        assertThat(server.requests()).containsExactlyInAnyOrder("/file 200", "/dated 200");
        builds.carriedOut();

        assertThat(build(add)).isEqualTo(first);
        assertThat(server.requests()).containsExactlyInAnyOrder("/file 304", "/dated 304");
        assertThat(builds.carriedOut()).isEmpty();

        server.put("/file", 200, Map.of("ETag", "\"2\""), "one".getBytes(UTF_8));
        assertThat(build(add)).isEqualTo(first);
        assertThat(builds.carriedOut()).isEmpty();

        server.requests();
        server.put("/file", 200, Map.of("ETag", "\"3\""), "two".getBytes(UTF_8));
        assertThat(builds.run(build(add), "cat", "/d/file")).isEqualTo("two");
        assertThat(server.requests()).containsExactlyInAnyOrder("/file 200", "/dated 304", "/dated 200");
        assertThat(builds.carriedOut())
                .singleElement()
                .asString()
                .contains("what is at " + server.url("/file") + " changed");
    }

    @Test
    void whatIsKnownByItsChecksumIsNotEvenAskedFor() {
        var content = "checked".getBytes(UTF_8);
        server.put("/file", content);
        var add = "ADD --checksum=" + Hash.sha256(content) + " " + server.url("/file") + " /file";
        var first = build(add);
        assertThat(server.requests()).containsExactly("/file 200");
        assertThat(build(add)).isEqualTo(first);
        assertThat(server.requests()).isEmpty();

        server.put("/file", "hacked!".getBytes(UTF_8));
        assertThatThrownBy(() -> build("RUN true\n" + add.replace("/file /file", "/file /other")))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot build the Dockerfile: cannot use " + server.url("/file")
                        + ": its content has another digest [found=" + Hash.sha256("hacked!".getBytes(UTF_8))
                        + ", line=3]");
        assertThatThrownBy(() -> build("ADD --checksum=" + Hash.sha256(content) + " file /"))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith(
                        "cannot build the Dockerfile: --checksum is for what is fetched, and file is not"
                                + " [line=2]");
        assertThatThrownBy(() -> build("ADD --checksum=md5:1 " + server.url("/file") + " /"))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith(
                        "cannot build the Dockerfile: --checksum is none: cannot use digest algorithm md5:"
                                + " it is unknown; use sha256 or sha512 [line=2]");
    }

    @Test
    void aFetchedArchiveIsUnpackedOnlyIfThatIsAskedFor() {
        server.put("/a.tar", new TarWriter().file("inside", 0644, "in").bytes());
        var image =
                build("ADD " + server.url("/a.tar") + " /kept/\nADD --unpack=true " + server.url("/a.tar") + " /u/");

        assertThat(builds.run(image, "ls", "/kept", "/u")).isEqualTo("/kept:\na.tar\n\n/u:\ninside\n");
        assertThat(server.requests()).containsExactly("/a.tar 200");
    }

    @Test
    void thisHostIsNotForEverybodysDockerfile() {
        server.put("/secret", "secret".getBytes(UTF_8));
        for (var host : new String[] {"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0", "2130706433"}) {
            var url = server.url("/secret").replace("127.0.0.1", host);
            assertThatThrownBy(() -> builds.build(spec("ADD " + url + " /")))
                    .isInstanceOf(BuildException.class)
                    .hasMessageStartingWith("cannot build the Dockerfile: cannot fetch " + url + ": " + host
                            + " is this host itself [line=2]; allow it with"
                            + " BuildSpec.allow(BuildEntitlement.NETWORK_HOST), if you trust the Dockerfile");
        }
        assertThatThrownBy(() -> builds.build(spec("ADD http://169.254.169.254/latest/meta-data /")))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot build the Dockerfile: cannot fetch"
                        + " http://169.254.169.254/latest/meta-data: 169.254.169.254 is a link-local address [line=2]");
        assertThat(server.requests()).isEmpty();
    }

    @Test
    void aRedirectLeadsNoNearerToThisHost() {
        server.put("/secret", "secret".getBytes(UTF_8));
        server.redirect("/away", server.url("/secret"));
        server.redirect("/private", "http://198.18.0.1/");
        server.redirect("/metadata", "http://169.254.169.254/latest");
        server.redirect("/file", "file:///etc/passwd");
        server.redirect("/password", "http://user:password@files.test/");
        server.redirect("/moved", "away?query");
        server.redirect("/round", "/round");
        assertThat(builds.run(build("ADD " + server.url("/moved") + " /file"), "cat", "/file"))
                .isEqualTo("secret");

        var options = store.options().registries(RegistryOptions.defaults().proxy(URI.create(server.url(""))));
        try (var behindProxy = Engine.open(options)) {
            var outside = TestBuilds.of(behindProxy, context);
            server.requests();
            for (var target : Map.of(
                            "/away", server.url("").concat(", which is this host itself"),
                            "/metadata", "http://169.254.169.254, which is a link-local address",
                            "/file", "file:///etc/passwd, which is no address of the web",
                            "/password", "files.test, with credentials")
                    .entrySet()) {
                assertThatThrownBy(() -> outside.build(spec("ADD http://files.test" + target.getKey() + " /")))
                        .isInstanceOf(BuildException.class)
                        .hasMessageStartingWith(
                                "cannot build the Dockerfile: cannot fetch http://files.test" + target.getKey()
                                        + ": http://files.test redirects to " + target.getValue() + " [line=2]");
                assertThat(server.requests()).containsExactly(target.getKey() + " 302");
            }
            assertThatThrownBy(() -> outside.build(spec("ADD http://files.test/round /")))
                    .isInstanceOf(BuildException.class)
                    .hasMessageStartingWith("cannot build the Dockerfile: cannot fetch http://files.test/round: it"
                            + " redirects more than 10 times [line=2]");
        }
    }

    @Test
    void whatIsNotServedIsTold() {
        server.put("/refused", 500, Map.of(), new byte[0]);
        server.put("/short", 200, Map.of("X-Length", "100"), "short".getBytes(UTF_8));
        assertThatThrownBy(() -> build("ADD " + server.url("/none") + " /"))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot build the Dockerfile: cannot fetch " + server.url("/none") + ": "
                        + server.url("") + " has no such file [status=404, line=2]");
        assertThatThrownBy(() -> build("ADD " + server.url("/refused") + " /"))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot build the Dockerfile: cannot fetch " + server.url("/refused") + ": "
                        + server.url("") + " refused it [status=500, line=2]");
        assertThatThrownBy(() -> build("ADD " + server.url("/short") + " /"))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot build the Dockerfile: cannot fetch " + server.url("/short") + ": ");
        assertThatThrownBy(() -> build("ADD https://no-such-host.invalid/x /"))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith(
                        "cannot build the Dockerfile: cannot fetch https://no-such-host.invalid/x: there"
                                + " is no host no-such-host.invalid [line=2]");
        var gone = server.url("");
        server.close();
        assertThatThrownBy(() -> build("ADD " + gone + "/x /"))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith(
                        "cannot build the Dockerfile: cannot fetch " + gone + "/x: " + gone + " does not answer [");
    }

    @Test
    void theNetworkOfTheHostIsNotForEverybodysDockerfile() {
        assertThatThrownBy(() -> builds.build(spec("RUN --network=host true")))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith(
                        "cannot build the Dockerfile: RUN --network=host is not allowed [line=2]; allow it"
                                + " with BuildSpec.allow(BuildEntitlement.NETWORK_HOST), if you trust the Dockerfile");
    }
}
