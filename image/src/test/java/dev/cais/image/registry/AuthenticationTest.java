package dev.cais.image.registry;

import static dev.cais.image.TestArchive.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.Credentials;
import dev.cais.ImageLimits;
import dev.cais.NotFoundException;
import dev.cais.PullOptions;
import dev.cais.RegistryException;
import dev.cais.RegistryOptions;
import dev.cais.TimedOutException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestImages;
import dev.cais.fixtures.TestRegistry;
import dev.cais.fixtures.TestStore;
import dev.cais.image.ImageCatalog;
import dev.cais.image.TestArchive;
import dev.cais.image.oci.ImageReference;
import dev.cais.storage.Store;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who the caller is, to Debian's docker-registry: nobody, a user, somebody with a token, with a certificate. */
@LeakChecked
@RequiresRoot
@RequiresProgram({"docker-registry", "openssl"})
class AuthenticationTest {
    private static final Credentials ALICE = Credentials.basic(TestRegistry.USER, TestRegistry.PASSWORD);

    @TempDir
    private Path directory;

    private Task task() {
        return new Task("ask", Duration.ofMinutes(1));
    }

    /** Asks for an image that is not there: whoever hears so has been let in. */
    private void ask(Registries registries, String address) {
        var reference = ImageReference.parse(address + "/nothing:1");
        registries.pullFrom(reference, Optional.empty()).get(0).head("1", task());
    }

    private void isLetIn(RegistryOptions options, Map<String, String> environment, String address) {
        try (var registries = new Registries(options, new CredentialFiles(environment, directory))) {
            assertThatThrownBy(() -> ask(registries, address)).isInstanceOf(NotFoundException.class);
        }
    }

    private void isRefused(RegistryOptions options, Map<String, String> environment, String address, String message) {
        try (var registries = new Registries(options, new CredentialFiles(environment, directory))) {
            assertThatThrownBy(() -> ask(registries, address))
                    .isInstanceOf(RegistryException.class)
                    .hasMessage(message);
        }
    }

    private static RegistryOptions insecure(String address) {
        return RegistryOptions.defaults().insecure(address);
    }

    @Test
    void passwordOpensAndAnotherDoesNot() {
        try (var registry = TestRegistry.withPassword(directory)) {
            var address = registry.address();
            isLetIn(insecure(address).credentials(address, ALICE), Map.of(), address);
            isRefused(
                    insecure(address).credentials(address, Credentials.basic("alice", "hunter2")),
                    Map.of(),
                    address,
                    "cannot ask: " + address + " refused the credentials [status=401]; pass others");
            isRefused(
                    insecure(address),
                    Map.of(),
                    address,
                    "cannot ask: " + address + " refused a caller without credentials [status=401]"
                            + "; pass credentials, or log in with docker login");
        }
    }

    @Test
    void secretsAreNeverShown() {
        assertThat(List.of(
                                ALICE,
                                Credentials.identityToken("hunter2"),
                                Credentials.registryToken("hunter2"),
                                RegistryOptions.defaults().credentials("a.b", ALICE),
                                PullOptions.defaults().credentials(ALICE))
                        .toString())
                .doesNotContain("secret")
                .doesNotContain("hunter2")
                .contains("alice, password ***");
    }

    @Test
    void credentialsOfOnePullComeFirst(TestStore place) {
        try (var registry = TestRegistry.withPassword(directory);
                var store = Store.open(place.path(), "test");
                var images = new ImageCatalog(
                        store,
                        ImageLimits.DEFAULT,
                        insecure(registry.address())
                                .credentials(registry.address(), Credentials.basic("mallory", "x")))) {
            var name = registry.address() + "/b:1";
            images.load(TestImages.busyboxLayout()).get(0).tag(name);
            assertThatThrownBy(() -> images.push(name)).isInstanceOf(RegistryException.class);
            images.push(name, dev.cais.PushOptions.defaults().credentials(ALICE));
            images.get(name).remove();
            assertThat(images.pull(name, PullOptions.defaults().credentials(ALICE))
                            .tags())
                    .containsExactly(name);
        }
    }

    @Test
    void filesOfDockerAreRead() {
        try (var registry = TestRegistry.withPassword(directory)) {
            var address = registry.address();
            var pair = Base64.getEncoder().encodeToString(bytes("alice:secret"));
            write("named.json", "{\"auths\":{\"" + address + "\":{\"auth\":\"" + pair + "\"}}}");
            write("dot/config.json", "{\"auths\":{\"https://" + address + "/v1/\":{\"auth\":\"" + pair + "\"}}}");
            write(".docker/config.json", "{\"auths\":{\"" + address + "/nothing\":{\"auth\":\"" + pair + "\"}}}");
            isLetIn(insecure(address), Map.of("REGISTRY_AUTH_FILE", path("named.json")), address);
            isLetIn(insecure(address), Map.of("DOCKER_CONFIG", path("dot")), address);
            isLetIn(insecure(address), Map.of(), address);

            write(".docker/config.json", "{\"auths\":{\"" + address + "\":{\"auth\":\"!secret!\"}}}");
            try (var registries = new Registries(insecure(address), new CredentialFiles(Map.of(), directory))) {
                assertThatThrownBy(() -> ask(registries, address))
                        .hasMessage("cannot read " + path(".docker/config.json") + ": field auths." + address
                                + ".auth is no base64");
            }
        }
    }

    @Test
    void filesOfPodmanComeBeforeDockersAndTheFirstThatKnowsTheRegistryCounts() {
        try (var registry = TestRegistry.withPassword(directory)) {
            var address = registry.address();
            var right = auths(address, "alice:secret");
            var wrong = auths(address, "alice:hunter2");
            var runtime = Map.of("XDG_RUNTIME_DIR", path("run"));
            var refused = "cannot ask: " + address + " refused the credentials [status=401]; pass others";
            write("named.json", right);
            write("run/containers/auth.json", wrong);
            write(".config/containers/auth.json", wrong);
            write(".docker/config.json", wrong);
            isLetIn(
                    insecure(address),
                    Map.of("XDG_RUNTIME_DIR", path("run"), "REGISTRY_AUTH_FILE", path("named.json")),
                    address);
            isRefused(insecure(address), runtime, address, refused);

            write("run/containers/auth.json", right);
            isLetIn(insecure(address), runtime, address);

            write("run/containers/auth.json", auths("elsewhere.example.com", "alice:hunter2"));
            isRefused(insecure(address), runtime, address, refused);
            write(".config/containers/auth.json", right);
            isLetIn(insecure(address), runtime, address);

            write(".config/containers/auth.json", "{\"auths\":{}}");
            isRefused(insecure(address), runtime, address, refused);
            write(".docker/config.json", right);
            isLetIn(insecure(address), runtime, address);
        }
    }

    private static String auths(String registry, String pair) {
        return "{\"auths\":{\"%s\":{\"auth\":\"%s\"}}}"
                .formatted(registry, Base64.getEncoder().encodeToString(bytes(pair)));
    }

    @Test
    @RequiresProgram("podman")
    void whoLoggedInWithPodmanIsKnown() {
        try (var registry = TestRegistry.withPassword(directory)) {
            Programs.output(
                    "podman",
                    "login",
                    "--tls-verify=false",
                    "--authfile",
                    path("podman.json"),
                    "--username",
                    TestRegistry.USER,
                    "--password",
                    TestRegistry.PASSWORD,
                    registry.address());
            isLetIn(
                    insecure(registry.address()),
                    Map.of("REGISTRY_AUTH_FILE", path("podman.json")),
                    registry.address());
        }
    }

    @Test
    void credentialHelpersAreAskedAndOnlyTheirStdoutCounts() {
        try (var registry = TestRegistry.withPassword(directory)) {
            var address = registry.address();
            helper(
                    "test",
                    "read server; echo noise for $server >&2\n"
                            + "echo \"{\\\"ServerURL\\\":\\\"$server\\\",\\\"Username\\\":\\\"alice\\\",\\\"Secret\\\":\\\"secret\\\"}\"");
            helper("none", "echo credentials not found in native keychain; exit 1");
            helper("broken", "echo secret; exit 7");
            write(".docker/config.json", "{\"credsStore\":\"none\",\"credHelpers\":{\"" + address + "\":\"test\"}}");
            var environment = Map.of("PATH", path("bin") + ":/usr/bin:/bin");
            isLetIn(insecure(address), environment, address);
            write(".docker/config.json", "{\"credsStore\":\"none\"}");
            isRefused(
                    insecure(address),
                    environment,
                    address,
                    "cannot ask: " + address + " refused a caller without credentials [status=401]"
                            + "; pass credentials, or log in with docker login");
            write(".docker/config.json", "{\"credsStore\":\"broken\"}");
            isRefused(
                    insecure(address),
                    environment,
                    address,
                    "cannot ask: no credentials from docker-credential-broken: it ended with exit code 7"
                            + "; repair credsStore and credHelpers in Docker's config.json, or pass credentials");
        }
    }

    @Test
    void credentialHelperThatHangsIsKilled() {
        helper("slow", "echo $$ > " + path("pid") + "; exec sleep 1000");
        assertThatThrownBy(() -> CredentialProgram.get(
                        "slow", "a.b", Map.of("PATH", path("bin")), new Task("ask", Duration.ofMillis(1500))))
                .isInstanceOf(TimedOutException.class)
                .hasMessage("cannot ask: it takes longer than 1500 ms; raise RegistryOptions.timeout");
    }

    private void helper(String name, String script) {
        var file = write("bin/docker-credential-" + name, "#!/bin/sh\n" + script + "\n");
        assertThat(file.toFile().setExecutable(true)).isTrue();
    }

    @Test
    void tokensAreFetchedForWhatIsAskedAndKept(TestStore place) {
        var certificate = selfSigned("token", "/CN=tokens");
        try (var tokens = new HostileRegistry();
                var registry = TestRegistry.withTokens(directory, tokens.url("/token"), "tests", certificate);
                var store = Store.open(place.path(), "test");
                var images = new ImageCatalog(
                        store,
                        ImageLimits.DEFAULT,
                        insecure(registry.address()).credentials(registry.address(), ALICE))) {
            tokens.on("/token", exchange -> {
                var query = exchange.getRequestURI().getRawQuery();
                HostileRegistry.text("{\"token\":\"" + jwt(query, certificate) + "\",\"expires_in\":300}")
                        .give(exchange);
            });
            var name = registry.address() + "/a/b:1";
            images.load(TestImages.busyboxLayout()).get(0).tag(name);
            images.push(name);
            images.pull(name);
            var basic = Base64.getEncoder().encodeToString(bytes("alice:secret"));
            assertThat(tokens.requests())
                    .isNotEmpty()
                    .hasSizeLessThan(3)
                    .allMatch(request -> request.equals("GET /token Basic " + basic));

            var other = registry.address() + "/c:1";
            images.tag(name, other);
            images.push(other);
            assertThat(registry.requests()).anyMatch(request -> request.contains("mount=sha256"));
        }
    }

    @Test
    void tokenThatIsTakenNoMoreIsFetchedAnew(TestStore place) {
        var layer = TestArchive.layer("file", "content");
        var config = TestArchive.config("token", layer);
        var manifest = "/v2/x/manifests/1";
        var valid = new AtomicInteger(1);
        var given = new AtomicInteger();
        try (var registry = new HostileRegistry().image(config, layer);
                var store = Store.open(place.path(), "test");
                var images = new ImageCatalog(store, ImageLimits.DEFAULT, insecure(registry.address()))) {
            registry.on(
                    "/token",
                    exchange -> HostileRegistry.text("{\"token\":\"t" + given.incrementAndGet() + "\"}")
                            .give(exchange));
            var answer = HostileRegistry.whole(
                    "application/vnd.oci.image.manifest.v1+json", TestArchive.manifest(config, layer));
            registry.on(manifest, exchange -> {
                var said = exchange.getRequestHeaders().getFirst("Authorization");
                if (("Bearer t" + valid.get()).equals(said)) {
                    answer.give(exchange);
                } else {
                    HostileRegistry.status(401, "WWW-Authenticate", "Bearer realm=\"" + registry.url("/token") + "\"")
                            .give(exchange);
                }
            });
            var name = registry.address() + "/x:1";

            images.pull(name);
            valid.set(2);
            images.pull(name);

            assertThat(registry.requests())
                    .filteredOn(request -> request.startsWith("HEAD " + manifest))
                    .containsExactly(
                            "HEAD " + manifest + " null",
                            "HEAD " + manifest + " Bearer t1",
                            "HEAD " + manifest + " Bearer t1",
                            "HEAD " + manifest + " Bearer t2");
            valid.set(0);
            assertThatThrownBy(() -> images.pull(name))
                    .isInstanceOf(RegistryException.class)
                    .hasMessage("cannot pull " + name + ": " + registry.address()
                            + " refused a caller without credentials [status=401]; pass credentials, or log in with"
                            + " docker login");
            assertThat(given).hasValue(3);
        }
    }

    @Test
    void identityTokenIsPostedAndGotWhereThatIsUnknown() {
        var certificate = selfSigned("token", "/CN=tokens");
        try (var tokens = new HostileRegistry();
                var registry = TestRegistry.withTokens(directory, tokens.url("/token"), "tests", certificate)) {
            var address = registry.address();
            var options = insecure(address).credentials(address, Credentials.identityToken("refresh"));
            tokens.on("/token", exchange -> {
                var form = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
                assertThat(form).contains("grant_type=refresh_token").contains("refresh_token=refresh");
                HostileRegistry.text("{\"access_token\":\"" + jwt(form, certificate) + "\"}")
                        .give(exchange);
            });
            isLetIn(options, Map.of(), address);
            tokens.on("/token", exchange -> {
                if (exchange.getRequestMethod().equals("POST")) {
                    HostileRegistry.status(405).give(exchange);
                } else {
                    HostileRegistry.text("{\"token\":\""
                                    + jwt(exchange.getRequestURI().getRawQuery(), certificate) + "\"}")
                            .give(exchange);
                }
            });
            isLetIn(options, Map.of(), address);
            assertThat(tokens.requests())
                    .containsExactly(
                            "POST /token null",
                            "POST /token null",
                            "GET /token Basic " + Base64.getEncoder().encodeToString(bytes(":refresh")));
        }
    }

    /** A token for all that is asked for, as docker-registry checks it. */
    private String jwt(String query, Path certificate) {
        var scopes = Arrays.stream(java.net.URLDecoder.decode(query, StandardCharsets.UTF_8)
                        .split("[& ]"))
                .map(part -> part.startsWith("scope=") ? part.substring(6) : part)
                .filter(part -> part.startsWith("repository:"))
                .map(scope -> scope.split(":"))
                .map(parts -> "{\"type\":\"repository\",\"name\":\"%s\",\"actions\":[%s]}"
                        .formatted(
                                parts[1],
                                Arrays.stream(parts[2].split(","))
                                        .map(action -> '"' + action + '"')
                                        .collect(Collectors.joining(","))))
                .collect(Collectors.joining(","));
        var chain = read(certificate).replaceAll("-----[A-Z ]+-----|\\s", "");
        var now = Instant.now().getEpochSecond();
        var head = "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"x5c\":[\"" + chain + "\"]}";
        var body = """
            {"iss":"tests","sub":"alice","aud":"test","exp":%d,"nbf":%d,"iat":%d,"jti":"1","access":[%s]}\
            """.formatted(now + 300, now - 10, now, scopes);
        var url = Base64.getUrlEncoder().withoutPadding();
        var signed = url.encodeToString(bytes(head)) + "." + url.encodeToString(bytes(body));
        try {
            var pem = read(directory.resolve("token.key")).replaceAll("-----[A-Z ]+-----", "");
            var signature = Signature.getInstance("SHA256withRSA");
            signature.initSign(KeyFactory.getInstance("RSA")
                    .generatePrivate(
                            new PKCS8EncodedKeySpec(Base64.getMimeDecoder().decode(pem))));
            signature.update(bytes(signed));
            return signed + "." + url.encodeToString(signature.sign());
        } catch (GeneralSecurityException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void serverIsTrustedByItsAuthorityAndOnlyThen() {
        var authority = selfSigned("ca", "/CN=authority");
        var certificate = signed("server", "/CN=server", "subjectAltName=IP:127.0.0.1");
        try (var registry = TestRegistry.withTls(directory, certificate, file("server.key"), List.of())) {
            var address = registry.address();
            isLetIn(RegistryOptions.defaults().authority(authority), Map.of(), address);
            try (var registries =
                    new Registries(RegistryOptions.defaults(), new CredentialFiles(Map.of(), directory))) {
                assertThatThrownBy(() -> ask(registries, address))
                        .isInstanceOf(RegistryException.class)
                        .hasMessageStartingWith("cannot ask: no TLS with " + address + ": ")
                        .hasMessageEndingWith("; name its authority with RegistryOptions.authority,"
                                + " or allow plain HTTP with insecureRegistry");
            }
        }
    }

    @Test
    void certificateForAnotherHostIsRefused() {
        var authority = selfSigned("ca", "/CN=authority");
        var certificate = signed("server", "/CN=server", "subjectAltName=DNS:example.com");
        try (var registry = TestRegistry.withTls(directory, certificate, file("server.key"), List.of());
                var registries = new Registries(
                        RegistryOptions.defaults().authority(authority), new CredentialFiles(Map.of(), directory))) {
            assertThatThrownBy(() -> ask(registries, registry.address()))
                    .isInstanceOf(RegistryException.class)
                    .hasMessageStartingWith("cannot ask: no TLS with " + registry.address() + ": ");
        }
    }

    @Test
    void clientCertificateIsShown() {
        var authority = selfSigned("ca", "/CN=authority");
        var certificate = signed("server", "/CN=server", "subjectAltName=IP:127.0.0.1");
        var own = signed("client", "/CN=client", "extendedKeyUsage=clientAuth");
        try (var registry = TestRegistry.withTls(directory, certificate, file("server.key"), List.of(authority))) {
            var options = RegistryOptions.defaults().authority(authority).retries(0);
            isLetIn(
                    options.clientCertificate(registry.address(), own, file("client.key")),
                    Map.of(),
                    registry.address());
            try (var registries = new Registries(options, new CredentialFiles(Map.of(), directory))) {
                assertThatThrownBy(() -> ask(registries, registry.address())).isInstanceOf(RegistryException.class);
            }
        }
    }

    private Path selfSigned(String name, String subject) {
        return new TestCertificates(directory).selfSigned(name, subject);
    }

    private Path signed(String name, String subject, String extension) {
        return new TestCertificates(directory).signed(name, subject, extension);
    }

    private String path(String name) {
        return directory.resolve(name).toString();
    }

    private Path file(String name) {
        return directory.resolve(name);
    }

    private Path write(String name, String content) {
        return dev.cais.image.TestArchive.write(directory.resolve(name), bytes(content));
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
