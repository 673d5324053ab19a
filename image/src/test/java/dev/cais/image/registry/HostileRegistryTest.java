package dev.cais.image.registry;

import static dev.cais.image.TestArchive.bytes;
import static dev.cais.image.TestArchive.config;
import static dev.cais.image.TestArchive.descriptor;
import static dev.cais.image.TestArchive.gzip;
import static dev.cais.image.TestArchive.sha256;
import static dev.cais.image.registry.HostileRegistry.blobPath;
import static dev.cais.image.registry.HostileRegistry.redirect;
import static dev.cais.image.registry.HostileRegistry.status;
import static dev.cais.image.registry.HostileRegistry.text;
import static dev.cais.image.registry.HostileRegistry.whole;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ByteSize;
import dev.cais.CancelledException;
import dev.cais.CorruptContentException;
import dev.cais.Credentials;
import dev.cais.ImageLimits;
import dev.cais.RateLimitedException;
import dev.cais.RegistryException;
import dev.cais.RegistryOptions;
import dev.cais.StorageException;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.SmallDisk;
import dev.cais.fixtures.TarWriter;
import dev.cais.fixtures.TestStore;
import dev.cais.image.ImageCatalog;
import dev.cais.image.TestArchive;
import dev.cais.storage.Store;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever a registry answers: a clear error or a clean retry, and nothing bad in the store. */
@LeakChecked
@RequiresRoot
class HostileRegistryTest {
    private static final byte[] LAYER = randomLayer();
    private static final byte[] BLOB = gzip(LAYER);
    private static final byte[] CONFIG = config("hostile", LAYER);
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private HostileRegistry registry;
    private Store store;
    private ImageCatalog images;
    private String name;

    @BeforeEach
    void open(TestStore place) {
        registry = new HostileRegistry().image(CONFIG, BLOB);
        name = registry.address() + "/x:1";
        store = Store.open(place.path(), "test");
        images = catalog(options());
    }

    @AfterEach
    void close() {
        images.close();
        registry.close();
        store.close();
    }

    private RegistryOptions options() {
        return options(registry.address());
    }

    static RegistryOptions options(String address) {
        return RegistryOptions.defaults()
                .insecure(address)
                .credentials(address, Credentials.anonymous())
                .retries(2)
                .stallTimeout(PATIENCE);
    }

    private ImageCatalog catalog(RegistryOptions options) {
        return new ImageCatalog(store, ImageLimits.DEFAULT, options);
    }

    /** Half a megabyte that cannot be compressed. */
    private static byte[] randomLayer() {
        var content = new byte[512 * 1024];
        new Random(1).nextBytes(content);
        return new TarWriter().file("random", 0644, content).bytes();
    }

    private void failsCorrupt(String message) {
        assertThatThrownBy(() -> images.pull(name))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage(message);
        nothingIsKept();
    }

    private void failsInRegistry(String message) {
        assertThatThrownBy(() -> images.pull(name))
                .isInstanceOf(RegistryException.class)
                .hasMessage(message);
        nothingIsKept();
    }

    private void nothingIsKept() {
        assertThat(images.list()).isEmpty();
        assertThat(store.blobs().list()).isEmpty();
        assertThat(store.layers().list()).isEmpty();
    }

    @Test
    void anotherBlobThanPromisedIsRefused() {
        var other = BLOB.clone();
        other[other.length / 2] ^= 1;
        registry.on(blobPath(BLOB), whole("application/octet-stream", other));

        assertThatThrownBy(() -> images.pull(name)).isInstanceOf(CorruptContentException.class);

        nothingIsKept();
        assertThat(store.root().resolve("partial")).isEmptyDirectory();
    }

    @Test
    void anotherBlobWithTheRightFilesIsRefused() {
        var other = dev.cais.image.TestArchive.gzip(LAYER);
        other[8] ^= 2; // a flag of the header that says how hard was tried
        registry.on(blobPath(BLOB), whole("application/octet-stream", other));

        failsCorrupt("cannot keep blob sha256:" + sha256(BLOB) + " in the store: its digest is sha256:" + sha256(other)
                + "; fetch it again");
    }

    @Test
    void blobThatIsTooLongIsRefusedAtOnce() {
        registry.on(blobPath(BLOB), whole("application/octet-stream", new byte[BLOB.length + 1]));

        failsCorrupt("cannot read blob sha256:" + sha256(BLOB) + " of " + registry.address()
                + "/x: it has more than the " + BLOB.length + " bytes that were promised");
    }

    @Test
    void endlessBlobEnds() {
        registry.on(blobPath(BLOB), exchange -> {
            exchange.sendResponseHeaders(200, 0);
            while (true) {
                exchange.getResponseBody().write(new byte[1 << 16]);
            }
        });

        failsCorrupt("cannot unpack layer sha256:" + sha256(LAYER) + ": its content is another [digest=sha256:"
                + sha256(new byte[BLOB.length]) + "]; fetch or save it again");
    }

    @Test
    void blobThatIsTooShortFailsAfterRetries() {
        registry.on(blobPath(BLOB), exchange -> {
            var range = exchange.getRequestHeaders().getFirst("Range");
            if (range == null) {
                whole("application/octet-stream", java.util.Arrays.copyOf(BLOB, 1000))
                        .give(exchange);
            } else {
                status(416).give(exchange);
            }
        });

        failsInRegistry(
                "cannot pull " + name + ": the connection to " + registry.address() + " broke: the range was refused");
        assertThat(registry.count("GET " + blobPath(BLOB))).isEqualTo(3);
    }

    @Test
    void stallIsNoticed() {
        registry.on(blobPath(BLOB), registry.stallAfter(1000, BLOB, () -> {}));
        try (var impatient =
                catalog(options().stallTimeout(Duration.ofMillis(200)).retries(0))) {
            assertThatThrownBy(() -> impatient.pull(name))
                    .isInstanceOf(RegistryException.class)
                    .hasMessage("cannot pull " + name + ": " + registry.address()
                            + " stalls: nothing came for 200 ms; raise RegistryOptions.stallTimeout");
        }
    }

    @Test
    void pullTakesNoLongerThanItMay() {
        registry.on(blobPath(BLOB), registry.stallAfter(1000, BLOB, () -> {}));
        try (var impatient = catalog(options().timeout(Duration.ofMillis(500)))) {
            assertThatThrownBy(() -> impatient.pull(name))
                    .isInstanceOf(dev.cais.TimedOutException.class)
                    .hasMessage("cannot pull " + name + ": it takes longer than 500 ms; raise RegistryOptions.timeout");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {64 * 1024, 15 * 1024}) // the second brings progress only with its successor
    void connectionThatBreaksAgainAndAgainIsMended(int most) {
        registry.on(blobPath(BLOB), registry.cutEvery(most, BLOB));

        assertThat(images.pull(name).layers().get(0).blob().hex()).isEqualTo(sha256(BLOB));

        assertThat(registry.sent.get()).isEqualTo(BLOB.length); // nothing came twice
    }

    @Test
    void redirectsThatLeadNowhereEnd() {
        registry.on(blobPath(BLOB), redirect("/again")).on("/again", redirect("/again"));

        failsInRegistry("cannot pull " + name + ": " + registry.address() + " redirects more than 5 times");
    }

    @Test
    void redirectToAnotherKindOfPlaceIsRefused() {
        registry.on(blobPath(BLOB), redirect("file:///etc/passwd"));

        failsInRegistry("cannot pull " + name + ": " + registry.address()
                + " redirects to where it must not [target=file:///etc/passwd]");
    }

    @Test
    void credentialsStayWithTheirRegistry() {
        try (var other = new HostileRegistry()) {
            other.on("/there", whole("application/octet-stream", BLOB));
            HostileRegistry.Answer manifest =
                    whole("application/vnd.oci.image.manifest.v1+json", TestArchive.manifest(CONFIG, BLOB));
            registry.on("/v2/x/manifests/1", exchange -> {
                if (exchange.getRequestHeaders().getFirst("Authorization") == null) {
                    status(401, "WWW-Authenticate", "Basic realm=\"x\"").give(exchange);
                } else {
                    manifest.give(exchange);
                }
            });
            registry.on(blobPath(BLOB), redirect(other.url("/there")));
            try (var known = catalog(options().credentials(registry.address(), Credentials.basic("a", "b")))) {
                known.pull(name);
            }
            assertThat(registry.requests()).contains("GET " + blobPath(BLOB) + " Basic YTpi");
            assertThat(other.requests()).containsExactly("GET /there null");
        }
    }

    @Test
    void passwordIsNotToldToAPlainTokenServerElsewhere() {
        try (var other = new HostileRegistry()) {
            other.on("/token", text("{\"token\":\"t\"}"));
            var realm = other.url("/token").replace("127.0.0.1", "localhost");
            registry.on(
                    "/v2/x/manifests/1",
                    status(401, "WWW-Authenticate", "Bearer realm=\"" + realm + "\",service=\"s\""));
            try (var known = catalog(options().credentials(registry.address(), Credentials.basic("a", "b")))) {
                assertThatThrownBy(() -> known.pull(name))
                        .isInstanceOf(RegistryException.class)
                        .hasMessage("cannot pull " + name + ": the token server that " + registry.address()
                                + " names is not HTTPS [realm=" + realm + "]");
            }
            assertThat(other.requests()).isEmpty();
        }
    }

    @Test
    void foreignLayerIsFetchedFromItsUrlByNobody() {
        var elsewhere = ",\"urls\":[\"" + registry.url("/foreign") + "\"]";
        var manifest = bytes("{\"schemaVersion\":2,\"config\":%s,\"layers\":[%s]}"
                .formatted(
                        descriptor("application/vnd.oci.image.config.v1+json", CONFIG, ""),
                        descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", BLOB, elsewhere)));
        registry.manifest("1", manifest)
                .on(blobPath(BLOB), status(404))
                .on("/foreign", whole("application/octet-stream", BLOB));

        assertThat(images.pull(name).layers()).hasSize(1);
    }

    @Test
    void hugeManifestIsNotRead() {
        registry.on("/v2/x/manifests/1", exchange -> {
            exchange.sendResponseHeaders(200, 0);
            while (true) {
                exchange.getResponseBody().write(new byte[1 << 16]);
            }
        });

        failsCorrupt("cannot read manifest 1 of " + registry.address() + "/x: it is larger than the limit of "
                + ByteSize.mib(4).bytes() + " bytes; raise ImageLimits.manifestSize");
    }

    @Test
    void indexesThatAreNestedTooDeepAreRefused() {
        var inner = TestArchive.manifest(CONFIG, BLOB);
        var type = "application/vnd.oci.image.manifest.v1+json";
        for (var depth = 0; depth < 9; depth++) {
            inner = bytes("{\"schemaVersion\":2,\"manifests\":[" + descriptor(type, inner, "") + "]}");
            type = "application/vnd.oci.image.index.v1+json";
            registry.manifest("1", inner);
        }

        failsCorrupt("cannot pull " + name + ": its indexes are nested deeper than 8");
    }

    @Test
    void pageInPlaceOfAManifestIsRefused() {
        registry.on("/v2/x/manifests/1", text("<html>log in to the hotel's network</html>"));

        failsCorrupt("cannot read manifest 1 of " + registry.address() + "/x: it is not valid JSON [byte=0]");
    }

    @Test
    void schema1IsRefusedByName() {
        registry.on("/v2/x/manifests/1", text("{\"schemaVersion\":1,\"name\":\"x\",\"tag\":\"1\"}"));

        assertThatThrownBy(() -> images.pull(name))
                .isInstanceOf(CorruptContentException.class)
                .hasMessageEndingWith("it is of Docker's schema 1; copy the image with skopeo copy --format v2s2");
        nothingIsKept();
    }

    @Test
    void failureThatPassesIsWaitedOut() {
        var failures = new AtomicInteger();
        var manifest = TestArchive.manifest(CONFIG, BLOB);
        registry.on("/v2/x/manifests/1", exchange -> {
            switch (failures.getAndIncrement()) {
                case 0 -> status(500).give(exchange);
                case 1 -> status(429, "Retry-After", "0").give(exchange);
                default ->
                    whole("application/vnd.oci.image.manifest.v1+json", manifest)
                            .give(exchange);
            }
        });

        assertThat(images.pull(name).digest()).get().hasToString("sha256:" + sha256(manifest));
    }

    @Test
    void failureThatLastsIsTold() {
        registry.on("/v2/x/manifests/1", exchange -> {
            exchange.sendResponseHeaders(503, 0);
            exchange.getResponseBody()
                    .write(bytes("{\"errors\":[{\"code\":\"UNAVAILABLE\",\"message\":\"out\\nof order\"}]}"));
        });

        failsInRegistry("cannot pull " + name + ": " + registry.address() + " refused manifest 1 [status=503]");
        assertThat(registry.requests()).hasSize(3);
    }

    @Test
    void limitsOfTheRegistryAreTold() {
        registry.on(
                "/v2/x/manifests/1",
                status(
                        429,
                        "Retry-After",
                        "3600",
                        "RateLimit-Limit",
                        "100;w=21600",
                        "RateLimit-Remaining",
                        "0;w=21600"));

        assertThatThrownBy(() -> images.pull(name))
                .isInstanceOf(RateLimitedException.class)
                .hasMessage("cannot pull " + name + ": " + registry.address() + " has had too many requests"
                        + " [status=429, RateLimit-Limit=100;w=21600, RateLimit-Remaining=0;w=21600, retryAfter=3600 s]"
                        + "; wait, pass credentials, or use a mirror")
                .satisfies(thrown ->
                        assertThat(((RateLimitedException) thrown).retryAfter()).contains(Duration.ofHours(1)));
        assertThat(registry.requests()).hasSize(1);
    }

    @Test
    void interruptedPullGoesOnWhereItWas() throws Exception {
        var stalled = new CountDownLatch(1);
        var most = BLOB.length * 9 / 10;
        registry.on(blobPath(BLOB), registry.stallAfter(most, BLOB, stalled::countDown));
        var failure = new Throwable[1];
        var pulling = new Thread(() -> {
            try {
                images.pull(name);
            } catch (CancelledException e) {
                failure[0] = Thread.currentThread().isInterrupted() ? e : null;
            }
        });
        pulling.start();
        assertThat(stalled.await(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
        awaitPartial(most - 256 * 1024);
        pulling.interrupt();
        pulling.join(PATIENCE.toMillis());
        assertThat(failure[0]).hasMessage("cannot pull " + name + ": the thread was interrupted");
        nothingIsKept();
        var kept = partialSize();
        registry.sent.set(0);
        registry.on(blobPath(BLOB), registry.cutEvery(BLOB.length, BLOB));

        images.pull(name);

        assertThat(registry.sent.get()).isEqualTo(BLOB.length - kept);
    }

    @Test
    void pullThatWasKilledGoesOnWhereItWas() throws Exception {
        var stalled = new CountDownLatch(1);
        registry.on(blobPath(BLOB), registry.stallAfter(BLOB.length * 9 / 10, BLOB, stalled::countDown));
        try (var child = ChildJvm.start(PullingJvm.class, store.root().toString(), registry.address())) {
            assertThat(stalled.await(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
            awaitPartial(BLOB.length / 2);
            child.kill();
        }
        Store.open(store.root(), "next").close(); // which sweeps what the child left of itself
        var kept = partialSize();
        registry.sent.set(0);
        registry.on(blobPath(BLOB), registry.cutEvery(BLOB.length, BLOB));

        images.pull(name);

        assertThat(registry.sent.get()).isEqualTo(BLOB.length - kept);
    }

    /** The layer comes only when both JVMs have begun. */
    @Test
    void twoJvmsFetchALayerOnce() {
        var begun = new CountDownLatch(2);
        var first = new CountDownLatch(1);
        var manifest = "/v2/x/manifests/1";
        var answer = whole("application/vnd.oci.image.manifest.v1+json", TestArchive.manifest(CONFIG, BLOB));
        registry.on(manifest, exchange -> {
            if (exchange.getRequestMethod().equals("GET")) {
                begun.countDown();
                first.countDown();
            }
            answer.give(exchange);
        });
        registry.on(blobPath(BLOB), exchange -> {
            await(begun);
            whole("application/octet-stream", BLOB).give(exchange);
        });

        try (var patient = catalog(options().stallTimeout(PATIENCE));
                var child = ChildJvm.start(PullingJvm.class, store.root().toString(), registry.address())) {
            await(first);
            var pulled = patient.pull(name);
            assertThat(child.await(PATIENCE)).isZero();

            assertThat(registry.count("GET " + manifest)).isEqualTo(2);
            assertThat(registry.count("GET " + blobPath(BLOB))).isEqualTo(1);
            assertThat(images.list()).containsExactly(pulled);
            assertThat(images.verify()).isEmpty();
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** A JVM that pulls until it is killed. */
    static final class PullingJvm {
        private PullingJvm() {}

        public static void main(String[] arguments) {
            try (var store = Store.open(Path.of(arguments[0]), "child");
                    var images = new ImageCatalog(
                            store, ImageLimits.DEFAULT, options(arguments[1]).stallTimeout(PATIENCE))) {
                images.pull(arguments[1] + "/x:1");
            }
        }
    }

    private long partialSize() {
        try {
            var file = store.root().resolve("partial").resolve("sha256-" + sha256(BLOB));
            return Files.exists(file) ? Files.size(file) : 0;
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private void awaitPartial(long size) {
        Eventually.passes(
                () -> assertThat(partialSize()).as("bytes in the store").isGreaterThanOrEqualTo(size));
    }

    @Test
    void wrongBeginningOfAnEarlierPullIsFetchedAgain() throws Exception {
        Files.write(store.root().resolve("partial").resolve("sha256-" + sha256(BLOB)), new byte[BLOB.length / 2]);
        registry.on(blobPath(BLOB), registry.cutEvery(BLOB.length, BLOB));

        assertThat(images.pull(name).layers()).hasSize(1);
    }

    @Test
    void severalPullsOfOneImageFetchItOnce() throws Exception {
        var threads = Executors.newFixedThreadPool(4);
        try {
            var pulls = new ArrayList<java.util.concurrent.Future<dev.cais.Image>>();
            for (var i = 0; i < 4; i++) {
                pulls.add(threads.submit(() -> images.pull(name)));
            }
            for (var pull : pulls) {
                assertThat(pull.get(PATIENCE.toSeconds(), TimeUnit.SECONDS).layers())
                        .hasSize(1);
            }
        } finally {
            threads.shutdownNow();
        }
        assertThat(registry.count("GET " + blobPath(BLOB))).isEqualTo(1);
    }

    /** Too little for the blob, or for the blob but not for its files. */
    @ParameterizedTest
    @ValueSource(strings = {"300k", "800k"})
    void fullDiskIsToldInOneSentenceAndGivenBack(String size, @TempDir Path small) {
        try (var disk = SmallDisk.mount(small, "size=50%");
                var full = Store.open(small.resolve("store"), "test");
                var catalog = new ImageCatalog(full, ImageLimits.DEFAULT, options())) {
            disk.resize(size);

            assertThatThrownBy(() -> catalog.pull(name))
                    .isInstanceOf(StorageException.class)
                    .hasMessageContaining("no space is left on the file system of " + small)
                    .hasMessageEndingWith("; free some, or choose another store");
            assertThat(full.root().resolve("partial")).isEmptyDirectory();
            assertThat(full.temporaryDirectory()).isEmptyDirectory();
            assertThat(full.blobs().list()).isEmpty();
            assertThat(full.layers().list()).isEmpty();

            disk.resize("20m");
            assertThat(catalog.pull(name).layers()).hasSize(1);
        }
    }
}
