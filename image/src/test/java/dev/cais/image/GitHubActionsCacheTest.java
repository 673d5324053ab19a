package dev.cais.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.sun.net.httpserver.HttpExchange;
import dev.cais.BuildCache;
import dev.cais.ByteSize;
import dev.cais.CancelledException;
import dev.cais.CorruptContentException;
import dev.cais.Digest;
import dev.cais.EngineException;
import dev.cais.ImageLimits;
import dev.cais.Layer;
import dev.cais.NotFoundException;
import dev.cais.RegistryException;
import dev.cais.TimedOutException;
import dev.cais.fixtures.ActionsCacheServer;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TarWriter;
import dev.cais.fixtures.TestStore;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.MediaType;
import dev.cais.storage.Store;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Services that are slow, broken or hostile, and tokens that are no good. Builds are in runtime's {@code GitHubActionsBuildsTest}. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class GitHubActionsCacheTest {
    private static final String MAIN = "refs/heads/main";
    private static final String INDEX = "index-buildkit-1-f921bd05#"; // the hash is that of refs/heads/main
    private static final String BLOBS = "buildkit-blob-1-sha256:";
    private static final String CANNOT = "cannot use the build cache in GitHub Actions, scope buildkit: ";
    private static final Digest KEY = Hash.sha256("key".getBytes(StandardCharsets.US_ASCII));
    private static final Instant TIME = Instant.parse("2023-11-14T22:13:20Z");

    private final ActionsCacheServer server = new ActionsCacheServer();
    private Store store;
    private ImageCatalog here;
    private Store otherStore;
    private ImageCatalog there;
    private Layer layer;

    @BeforeEach
    void open(TestStore stores) throws IOException {
        store = Store.open(stores.path().resolve("here"), "test");
        here = new ImageCatalog(store, ImageLimits.DEFAULT);
        otherStore = Store.open(stores.path().resolve("there"), "test");
        there = new ImageCatalog(otherStore, ImageLimits.DEFAULT);
        layer = layer(store);
    }

    @AfterEach
    void close() {
        here.close();
        store.close();
        there.close();
        otherStore.close();
        server.close();
    }

    /** Of some 150 KiB. */
    private static Layer layer(Store store) throws IOException {
        var noise = new byte[150_000];
        new Random(1).nextBytes(noise);
        var tar = new TarWriter()
                .file("noise", 0644, new String(noise, StandardCharsets.ISO_8859_1))
                .bytes();
        try (var blob = store.blobs().writer()) {
            blob.write(TestArchive.gzip(tar));
            var size = blob.size();
            return new Layer(
                    Hash.sha256(tar), blob.commit(), ByteSize.bytes(size), MediaType.OCI_LAYER_GZIP.toString());
        }
    }

    private BuildCache.GitHubActions cache(String... scopes) {
        return BuildCache.gitHubActions(URI.create(server.url()), ActionsCacheServer.token(scopes));
    }

    private BuildCache.GitHubActions cache() {
        return cache(MAIN + "=3");
    }

    private static void write(ImageCatalog from, BuildCache cache, Layer layer) {
        var step = new KnownSteps.Step(List.of(), layer.diffId(), Optional.of(layer), TIME);
        from.cache(cache, event -> {}).write(new KnownSteps(Map.of(KEY, step), Map.of()), Set.of(layer), missing -> {});
    }

    private void write() {
        write(here, cache(), layer);
    }

    private KnownSteps read() {
        return there.cache(cache(), event -> {}).read();
    }

    private void fetch() {
        var hold = otherStore.lockShared();
        try (hold) {
            there.cache(cache(), event -> {}).fetch(layer);
        }
    }

    /** The service, and then why. */
    private String cannot(String why) {
        return CANNOT + server.address() + " " + why;
    }

    @Test
    void whatIsWrittenIsRead() {
        write();
        assertThat(server.requests())
                .containsExactly(
                        "GetCacheEntryDownloadURL buildkit-blob-1-" + layer.blob(),
                        "CreateCacheEntry buildkit-blob-1-" + layer.blob(),
                        "PUT block buildkit-blob-1-" + layer.blob(),
                        "PUT blocklist buildkit-blob-1-" + layer.blob(),
                        "FinalizeCacheEntryUpload buildkit-blob-1-" + layer.blob(),
                        "GetCacheEntryDownloadURL " + INDEX,
                        "CreateCacheEntry " + INDEX + "1",
                        "PUT block " + INDEX + "1",
                        "PUT blocklist " + INDEX + "1",
                        "FinalizeCacheEntryUpload " + INDEX + "1");

        assertThat(read().steps())
                .isEqualTo(Map.of(KEY, new KnownSteps.Step(List.of(), layer.diffId(), Optional.of(layer), TIME)));
        fetch();
        assertThat(otherStore.layers().find(layer.diffId())).isPresent();
        write();
        assertThat(server.keys()).hasSize(3).contains(MAIN + " " + INDEX + "2");
    }

    @Test
    void ofSeveralScopesTheFirstCounts() {
        write();
        var pullRequest = cache("refs/pull/7/merge=3", MAIN + "=1");
        var other = new KnownSteps.Step(List.of(), Hash.sha256(new byte[1]), Optional.empty(), TIME);
        var notes = Map.of(Hash.sha256(new byte[2]), Hash.sha256(new byte[3]));
        here.cache(pullRequest, event -> {}).write(new KnownSteps(Map.of(KEY, other), notes), Set.of(), missing -> {});

        var known = there.cache(pullRequest, event -> {}).read();
        assertThat(known.notes()).isEqualTo(notes);
        assertThat(known.steps().get(KEY))
                .extracting(KnownSteps.Step::layer)
                .isEqualTo(Optional.of(layer)); // which one has
        assertThat(read().notes()).isEmpty();
    }

    @Test
    void whoMayReadAloneCannotWrite() {
        assertThatThrownBy(() -> write(here, cache(MAIN + "=1"), layer))
                .isInstanceOf(RegistryException.class)
                .hasMessage(CANNOT + "the token may write nowhere; leave out BuildSpec.cacheTo in such jobs");
        assertThat(server.requests()).isEmpty();
    }

    @Test
    void anExpiredTokenIsShownToNobody() {
        var cache = BuildCache.gitHubActions(
                URI.create(server.url()), ActionsCacheServer.token(Instant.ofEpochSecond(1_700_000_000), MAIN + "=3"));

        assertThatThrownBy(() -> write(here, cache, layer))
                .isInstanceOf(RegistryException.class)
                .hasMessage(CANNOT + "the token has expired [exp=1700000000]; pass that of the job that runs");
        assertThat(server.requests()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"opaque", "a.b.c", "a.e30.c", "a.eyJhYyI6Ilt7fV0ifQ.c", "a.eyJhYyI6NywiZXhwIjoxZTk5fQ.c"})
    void aTokenThatSaysNothingIsShownToNobody(String token) {
        var cache = there.cache(BuildCache.gitHubActions(URI.create(server.url()), token), event -> {});

        assertThatThrownBy(cache::read)
                .isInstanceOf(RegistryException.class)
                .hasMessage(
                        CANNOT + "the token is no JWT that says which scopes it is for; pass ACTIONS_RUNTIME_TOKEN");
        assertThat(server.requests()).isEmpty();
    }

    @Test
    void twoMayWriteAtOnce() throws Exception {
        server.meet("CreateCacheEntry", INDEX + "1", 2);
        var also = layer(otherStore);
        var other = CompletableFuture.runAsync(() -> write(there, cache(), also));
        write();
        other.get(60, TimeUnit.SECONDS);

        assertThat(server.keys())
                .containsExactlyInAnyOrder(
                        MAIN + " buildkit-blob-1-" + layer.blob(), MAIN + " " + INDEX + "1", MAIN + " " + INDEX + "2");
    }

    @Test
    void anIndexThatSomebodyHasBegunAndNeverEndedIsPassedOver() {
        server.reserve(MAIN, INDEX + "1");
        write();

        assertThat(server.keys()).contains(MAIN + " " + INDEX + "2").doesNotContain(MAIN + " " + INDEX + "1");
        assertThat(read().steps()).containsKey(KEY);
    }

    @Test
    void anIndexWithoutANumberIsNone() {
        server.on(
                "GetCacheEntryDownloadURL",
                exchange -> answer(exchange, ActionsCacheServer.found(server.url(), INDEX + "x")));

        assertThatThrownBy(() -> here.cache(cache(), event -> {})
                        .write(new KnownSteps(Map.of(), Map.of()), Set.of(), missing -> {}))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage(CANNOT + "its newest index has no number [key=" + INDEX + "x]");
    }

    @Test
    void aBrokenDownloadGoesOnWhereItBroke() {
        write();
        var ranges = new AtomicInteger();
        server.on("GET", exchange -> {
            ranges.addAndGet(exchange.getRequestHeaders().containsKey("Range") ? 1 : 0);
            return false;
        });
        server.cutOnce(BLOBS, 100_000);
        fetch();

        assertThat(ranges).hasValue(1);
        assertThat(otherStore.layers().find(layer.diffId())).isPresent();
    }

    /** Breaks off behind some bytes of each answer. */
    private static boolean cut(HttpExchange exchange, int bytes) throws IOException {
        exchange.sendResponseHeaders(200, 150_000);
        exchange.getResponseBody().write(new byte[bytes]);
        return true;
    }

    @Test
    void aDownloadThatBreaksAgainAndAgainFails() {
        write();
        server.on("GET", exchange -> cut(exchange, 0));

        assertThatThrownBy(this::fetch)
                .isInstanceOf(RegistryException.class)
                .hasMessageStartingWith(CANNOT + "the connection to " + server.address() + " broke: ");
        assertThatThrownBy(this::read)
                .isInstanceOf(RegistryException.class)
                .hasMessageStartingWith(CANNOT + "the connection to " + server.address() + " broke: ");
    }

    @Test
    void aLayerThatIsAnotherIsNotTaken() {
        write();
        server.change(BLOBS, content -> {
            content[content.length / 2] ^= 1;
            return content;
        });

        assertThatThrownBy(this::fetch).isInstanceOf(CorruptContentException.class);
        assertThat(otherStore.layers().find(layer.diffId())).isEmpty();
        assertThat(otherStore.blobs().list()).isEmpty();
    }

    @Test
    void aLayerThatIsLongerThanPromisedIsNotTaken() {
        write();
        server.change(BLOBS, content -> java.util.Arrays.copyOf(content, content.length + 1));

        assertThatThrownBy(this::fetch)
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot read blob " + layer.blob() + " of " + server.address() + ": it has more than the "
                        + layer.size().bytes() + " bytes that were promised");
        assertThat(otherStore.blobs().list()).isEmpty();
    }

    @Test
    void aLayerThatWasEvictedIsNotThere() {
        write();
        server.evict(BLOBS);

        assertThatThrownBy(this::fetch)
                .isInstanceOf(NotFoundException.class)
                .hasMessage(cannot("has no entry buildkit-blob-1-" + layer.blob()));
    }

    @Test
    void anIndexThatIsTooLargeOrNoneIsNotRead() {
        write();
        server.change(INDEX, content -> "[7]".getBytes(StandardCharsets.US_ASCII));
        assertThatThrownBy(this::read)
                .isInstanceOf(CorruptContentException.class)
                .hasMessageStartingWith("cannot read the build cache in GitHub Actions, scope buildkit: ");

        var limit = ImageLimits.DEFAULT.manifestSize().bytes();
        server.change(INDEX, content -> new byte[(int) limit + 1]);
        assertThatThrownBy(this::read)
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot read cache entry " + INDEX + "1: it is larger than the limit of " + limit
                        + " bytes; raise ImageLimits.manifestSize");
    }

    @Test
    void anAnswerWithoutEndIsNotReadToItsEnd() {
        server.on("GetCacheEntryDownloadURL", exchange -> {
            exchange.sendResponseHeaders(200, 0);
            var spaces = " ".repeat(64 * 1024).getBytes(StandardCharsets.US_ASCII);
            for (var sent = 0; sent < 1 << 14; sent++) {
                exchange.getResponseBody().write(spaces);
            }
            return true;
        });

        assertThatThrownBy(this::read)
                .isInstanceOf(RegistryException.class)
                .hasMessage(cannot("answered with something else than JSON"));
    }

    private static boolean answer(HttpExchange exchange, String json) throws IOException {
        ActionsCacheServer.send(exchange, 200, json.getBytes(StandardCharsets.UTF_8));
        return true;
    }

    @ParameterizedTest
    @ValueSource(strings = {"file:///etc/hostname", "http://user:word@127.0.0.1/", "not a URL", "", "http:opaque"})
    void aSignedUrlLeadsNowhereElse(String url) {
        server.on("GetCacheEntryDownloadURL", exchange -> answer(exchange, ActionsCacheServer.found(url, INDEX + "1")));
        server.on(
                "CreateCacheEntry",
                exchange -> answer(exchange, "{\"ok\":true,\"signed_upload_url\":\"" + url + "\"}"));

        assertThatThrownBy(this::read)
                .isInstanceOf(RegistryException.class)
                .hasMessage(cannot("names a place where it must not lead to"));
        server.on("GetCacheEntryDownloadURL", exchange -> false);
        assertThatThrownBy(this::write)
                .isInstanceOf(RegistryException.class)
                .hasMessage(cannot("names a place where it must not lead to"));
    }

    @Test
    void noRedirectIsFollowed() {
        write();
        server.on("GET", exchange -> {
            exchange.getResponseHeaders().set("Location", server.url() + "elsewhere");
            ActionsCacheServer.send(exchange, 302, new byte[0]);
            return true;
        });

        assertThatThrownBy(this::read)
                .isInstanceOf(RegistryException.class)
                .hasMessage(cannot("refused cache entry " + INDEX + "1 [status=302]"));
    }

    @Test
    void aServiceOfVersion1AloneHasNoSuchMethods() {
        server.on("GetCacheEntryDownloadURL", exchange -> {
            ActionsCacheServer.send(exchange, 404, new byte[0]);
            return true;
        });

        assertThatThrownBy(this::read)
                .isInstanceOf(NotFoundException.class)
                .hasMessage(cannot("has no GetCacheEntryDownloadURL"));
    }

    @Test
    void aServiceThatIsBusyIsAskedAgain() {
        for (var what : List.of("CreateCacheEntry", "PUT", "FinalizeCacheEntryUpload", "GET")) {
            var isFirst = new AtomicBoolean(true);
            server.on(what, exchange -> {
                if (isFirst.getAndSet(false)) {
                    ActionsCacheServer.send(exchange, what.equals("PUT") ? 503 : 429, new byte[0]);
                    return true;
                }
                return false;
            });
        }
        write();

        assertThat(read().steps()).containsKey(KEY);
    }

    @Test
    void whatItDoesNotTakeFails() {
        server.on("CreateCacheEntry", exchange -> answer(exchange, "{\"ok\":false,\"signed_upload_url\":\"\"}"));

        assertThatThrownBy(this::write)
                .isInstanceOf(RegistryException.class)
                .hasMessage(cannot("does not take cache entry buildkit-blob-1-" + layer.blob()));
    }

    private static void awaitEnd(CountDownLatch latch) throws IOException {
        try {
            if (!latch.await(60, TimeUnit.SECONDS)) {
                throw new IOException("nobody said so");
            }
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    @Test
    void timeIsLimited() {
        var isOver = new CountDownLatch(1);
        server.on("CreateCacheEntry", exchange -> {
            awaitEnd(isOver);
            return false;
        });

        assertThatThrownBy(() -> write(here, cache().timeout(Duration.ofSeconds(1)), layer))
                .isInstanceOf(TimedOutException.class)
                .hasMessage(CANNOT + "it takes longer than 1 s; raise BuildCache.GitHubActions.timeout");
        isOver.countDown();
    }

    @Test
    void whoIsInterruptedEnds() throws Exception {
        var isSending = new CountDownLatch(1);
        var isOver = new CountDownLatch(1);
        server.on("PUT", exchange -> {
            isSending.countDown();
            awaitEnd(isOver);
            return false;
        });
        var failure = new CompletableFuture<Optional<Throwable>>();
        var flag = new AtomicBoolean();
        var writing = new Thread(() -> {
            var thrown = catchThrowable(this::write);
            flag.set(Thread.currentThread().isInterrupted());
            failure.complete(Optional.ofNullable(thrown));
        });
        writing.start();
        assertThat(isSending.await(60, TimeUnit.SECONDS)).isTrue();
        writing.interrupt();

        assertThat(failure.get(60, TimeUnit.SECONDS).orElseThrow()).isInstanceOf(CancelledException.class);
        writing.join();
        assertThat(flag).isTrue();
        assertThat(server.keys()).isEmpty();
        isOver.countDown();
    }

    @Test
    void tokenAndSignedUrlsAreToldToNobody() {
        write();
        var cache = cache();
        var told = new StringWriter();
        told.write(cache.toString());
        server.on("GET", exchange -> cut(exchange, 10));
        tell(this::fetch, told);
        tell(this::read, told);
        server.evict("");
        server.on("PUT", exchange -> {
            ActionsCacheServer.send(exchange, 403, new byte[0]);
            return true;
        });
        tell(this::write, told);
        server.on("CreateCacheEntry", exchange -> answer(exchange, "{\"signed_upload_url\":\"http://x/?sig=1\",,}"));
        tell(this::write, told);
        server.on(
                "CreateCacheEntry", exchange -> answer(exchange, "{\"ok\":true,\"signed_upload_url\":\"x y?sig=1\"}"));
        tell(this::write, told);

        assertThat(told.toString()).doesNotContain(cache.token(), "sig=", "eyJ");
        assertThat(server.requests()).noneMatch(request -> request.contains("token was shown"));
    }

    private static void tell(Runnable failing, StringWriter told) {
        var failure = catchThrowable(failing::run);
        assertThat(failure).isInstanceOf(EngineException.class);
        failure.printStackTrace(new PrintWriter(told));
    }
}
