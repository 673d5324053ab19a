package dev.cais.image.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.Credentials;
import dev.cais.Image;
import dev.cais.ImageLimits;
import dev.cais.InvalidSpecException;
import dev.cais.RegistryException;
import dev.cais.RegistryOptions;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestImages;
import dev.cais.fixtures.TestRegistry;
import dev.cais.fixtures.TestStore;
import dev.cais.image.ImageCatalog;
import dev.cais.image.TestArchive;
import dev.cais.storage.Store;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Registries whose names only a proxy knows. */
@LeakChecked
@RequiresRoot
@RequiresProgram({"docker-registry", "openssl"})
class ProxyTest {
    private static final String PLAIN = "registry.test:5000";
    private static final String TLS = "secure.test";
    /** {@code me:p@ss}. */
    private static final String ME = "Basic bWU6cEBzcw==";

    @TempDir
    private Path directory;

    private Store store;

    @BeforeEach
    void open(TestStore place) {
        store = Store.open(place.path(), "test");
    }

    @AfterEach
    void close() {
        store.close();
    }

    private static Image pushAndPull(ImageCatalog images, String registry) {
        var name = registry + "/b:1";
        images.load(TestImages.busyboxLayout()).get(0).tag(name);
        images.push(name);
        images.get(name).remove();
        return images.pull(name);
    }

    private ImageCatalog catalog(RegistryOptions options) {
        return new ImageCatalog(store, ImageLimits.DEFAULT, options);
    }

    @Test
    void plainRegistryIsAskedThroughTheProxy() {
        try (var registry = TestRegistry.plain(directory);
                var proxy = new TestProxy(Map.of(PLAIN, registry.address()), "");
                var images = catalog(RegistryOptions.defaults().insecure(PLAIN).proxy(proxy.url()))) {
            assertThat(pushAndPull(images, PLAIN).tags()).containsExactly(PLAIN + "/b:1");
            assertThat(proxy.requests())
                    .contains("HEAD http://" + PLAIN + "/v2/b/manifests/1")
                    .noneMatch(request -> request.startsWith("CONNECT"));
        }
    }

    private TestRegistry withTls() {
        var certificates = new TestCertificates(directory);
        certificates.selfSigned("ca", "/CN=authority");
        var certificate = certificates.signed("server", "/CN=server", "subjectAltName=DNS:" + TLS);
        return TestRegistry.withTls(directory, certificate, directory.resolve("server.key"), List.of());
    }

    private RegistryOptions trusting() {
        return RegistryOptions.defaults().authority(directory.resolve("ca.pem"));
    }

    @Test
    void registryWithTlsIsReachedThroughATunnel() {
        try (var registry = withTls();
                var proxy = new TestProxy(Map.of(TLS + ":443", registry.address()), "");
                var images = catalog(trusting().proxy(proxy.url()))) {
            assertThat(pushAndPull(images, TLS).tags()).containsExactly(TLS + "/b:1");
            assertThat(proxy.requests()).isNotEmpty().allMatch(request -> request.equals("CONNECT " + TLS + ":443"));
        }
    }

    @Test
    void passwordOpensTheProxyAndItsAbsenceIsNamed() {
        try (var registry = TestRegistry.plain(directory);
                var proxy = new TestProxy(Map.of(PLAIN, registry.address()), ME)) {
            var options = RegistryOptions.defaults().insecure(PLAIN).proxy(proxy.url());
            try (var images = catalog(options.credentials(proxy.address(), Credentials.basic("me", "p@ss")))) {
                assertThat(pushAndPull(images, PLAIN).tags()).containsExactly(PLAIN + "/b:1");
                assertThat(proxy.requests()).allMatch(request -> request.endsWith(ME));
            }
            try (var images = catalog(options)) {
                assertThatThrownBy(() -> images.pull(PLAIN + "/b:2"))
                        .isInstanceOf(RegistryException.class)
                        .hasMessage("cannot pull " + PLAIN + "/b:2: the proxy " + proxy.address()
                                + " refused a caller without credentials [status=407]; pass them with"
                                + " RegistryOptions.credentials(\"" + proxy.address() + "\", Credentials.basic(…))");
            }
            try (var images = catalog(options.credentials(proxy.address(), Credentials.basic("me", "x")))) {
                assertThatThrownBy(() -> images.pull(PLAIN + "/b:2"))
                        .isInstanceOf(RegistryException.class)
                        .hasMessage("cannot pull " + PLAIN + "/b:2: the proxy " + proxy.address()
                                + " refused the credentials [status=407]; pass others");
            }
        }
    }

    @Test
    void tunnelWithoutAPasswordIsRefusedByName() {
        try (var proxy = new TestProxy(Map.of(), ME);
                var images = catalog(RegistryOptions.defaults().proxy(proxy.url()))) {
            assertThatThrownBy(() -> images.pull(TLS + "/b:2"))
                    .isInstanceOf(RegistryException.class)
                    .hasMessage("cannot pull " + TLS + "/b:2: the proxy " + proxy.address()
                            + " refused a caller without credentials [status=407]; pass them with"
                            + " RegistryOptions.credentials(\"" + proxy.address() + "\", Credentials.basic(…))");
        }
    }

    @Test
    void jvmThatSendsNoPasswordsForTunnelsIsToldHow() {
        try (var proxy = new TestProxy(Map.of(), ME);
                var images = catalog(RegistryOptions.defaults()
                        .proxy(proxy.url())
                        .credentials(proxy.address(), Credentials.basic("me", "p@ss")))) {
            assertThatThrownBy(() -> images.pull(TLS + "/b:2"))
                    .isInstanceOf(RegistryException.class)
                    .hasMessage("cannot pull " + TLS + "/b:2: this JVM sends no password to the proxy "
                            + proxy.address() + " for a tunnel to an HTTPS registry; start it with"
                            + " -Djdk.http.auth.tunneling.disabledSchemes=");
            assertThat(proxy.requests()).isEmpty();
        }
    }

    @Test
    void environmentNamesTheProxyAndItsPassword() {
        try (var registry = withTls();
                var proxy = new TestProxy(Map.of(TLS + ":443", registry.address()), ME);
                var child = ChildJvm.start(
                        List.of("env", "HTTPS_PROXY=http://me:p%40ss@" + proxy.address(), "NO_PROXY=example.com"),
                        List.of("-Djdk.http.auth.tunneling.disabledSchemes="),
                        Proxied.class,
                        store.root().toString(),
                        directory.resolve("ca.pem").toString())) {
            assertThat(child.readLine()).isEqualTo("[" + TLS + "/b:1]");
            assertThat(child.await(Duration.ofMinutes(1))).isZero();
            assertThat(proxy.requests())
                    .isNotEmpty()
                    .allMatch(request -> request.equals("CONNECT " + TLS + ":443 " + ME));
        }
    }

    /** A JVM that pushes and pulls as its environment says. */
    static final class Proxied {
        private Proxied() {}

        public static void main(String[] arguments) {
            try (var store = Store.open(Path.of(arguments[0]), "child");
                    var images = new ImageCatalog(
                            store,
                            ImageLimits.DEFAULT,
                            RegistryOptions.defaults().authority(Path.of(arguments[1])))) {
                System.out.println(pushAndPull(images, TLS).tags());
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "https://a.example.com/v2/, secure:81",
        "http://a.example.com/v2/, plain:80",
        "https://skip.test/, ''",
        "https://below.skip.test/, ''",
        "https://noskip.test/, secure:81",
        "https://a.dotted.test/, ''",
        "https://dotted.test/, ''",
        "https://a.starred.test/, ''",
        "https://ported.test:8443/, ''",
        "https://ported.test/, secure:81",
        "https://10.1.2.3/, ''",
        "https://10.1.2.4/, secure:81",
        "https://below.ported.test:8443/, ''",
        "https://10.9.0.1:5000/, ''",
        "https://10.9.0.1/, secure:81",
        "https://172.16.200.7:5000/, ''",
        "https://172.17.0.1/, secure:81",
        "https://192.168.7.9/, ''",
        "https://[fd00:18::5]/, ''",
        "https://[fd00:19::5]/, secure:81",
        "https://[2001:db8::1]/, ''",
        "https://[2001:db8::2]:8443/, ''",
        "https://[2001:db8::2]/, secure:81",
        "https://shop.10.1.2.3.test/, secure:81",
        "https://localhost:5000/, ''",
        "https://127.0.0.1:5000/, ''",
    })
    void exceptionsAreThoseOfTheEnvironment(String url, String proxy) {
        var environment = Map.of(
                "https_proxy", "http://secure:81",
                "HTTP_PROXY", "plain",
                "NO_PROXY",
                        "skip.test, .dotted.test,*.starred.test,ported.test:8443,10.1.2.3,10.9.0.1:5000,"
                                + " 172.16.0.0/16 ,192.168.7.9/24,fd00:18::/32,2001:db8:0::1,[2001:db8::2]:8443,"
                                + "10.0.0.0/99,1.2.3/8,/8,x:0,:,[,.,");

        assertThat(new Proxies(RegistryOptions.defaults(), environment)
                        .to(URI.create(url))
                        .map(Proxies.Way::shown)
                        .orElse(""))
                .isEqualTo(proxy);
    }

    @Test
    void redirectFromElsewhereToThisHostIsRefused() {
        var layer = TestArchive.layer("file", "content");
        try (var registry = new HostileRegistry().image(TestArchive.config("redirected", layer), layer);
                var here = new HostileRegistry();
                var proxy = new TestProxy(Map.of(PLAIN, registry.address()), "");
                var images = catalog(RegistryOptions.defaults()
                        .insecure(PLAIN)
                        .insecure(here.address())
                        .credentials(PLAIN, Credentials.basic("me", "p@ss"))
                        .proxy(proxy.url()))) {
            registry.on(HostileRegistry.blobPath(layer), HostileRegistry.redirect(here.url("/secret")));

            assertThatThrownBy(() -> images.pull(PLAIN + "/x:1"))
                    .isInstanceOf(RegistryException.class)
                    .hasMessage("cannot pull " + PLAIN + "/x:1: " + PLAIN + " redirects to where it must not [target="
                            + here.url("/secret") + "]");
            assertThat(here.requests()).isEmpty();
        }
    }

    @Test
    void starExceptsAll() {
        var environment = new HashMap<>(Map.of("https_proxy", "http://secure:81", "no_proxy", "*"));

        assertThat(new Proxies(RegistryOptions.defaults(), environment).to(URI.create("https://a.b/")))
                .isEmpty();
    }

    @Test
    void passwordIsNeverPartOfTheOptionsUrl() {
        assertThatThrownBy(() -> RegistryOptions.defaults().proxy(URI.create("http://me:hunter2@p.test:3128")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use proxy p.test:3128: its user and password are in the URL; pass them with"
                        + " credentials(\"p.test:3128\", Credentials.basic(…))");
    }
}
