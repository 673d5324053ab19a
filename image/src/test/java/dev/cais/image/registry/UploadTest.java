package dev.cais.image.registry;

import static dev.cais.image.TestArchive.bytes;
import static dev.cais.image.TestArchive.config;
import static dev.cais.image.TestArchive.named;
import static dev.cais.image.TestArchive.sha256;
import static dev.cais.image.registry.HostileRegistry.status;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import dev.cais.ByteSize;
import dev.cais.ImageLimits;
import dev.cais.PushOptions;
import dev.cais.RegistryException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TarWriter;
import dev.cais.fixtures.TestStore;
import dev.cais.image.ImageCatalog;
import dev.cais.image.TestArchive;
import dev.cais.storage.Store;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Uploads that break in the middle. */
@LeakChecked
@RequiresRoot
class UploadTest {
    private static final int SIZE = 512 * 1024;
    private static final byte[] LAYER = randomLayer();
    private static final byte[] BLOB = TestArchive.gzip(LAYER);
    private static final int CHUNK = 200 * 1024;

    @TempDir
    private Path directory;

    private HostileRegistry registry;
    private Store store;
    private ImageCatalog images;
    private String name;
    /** What is asked of uploads of the layer: method, and the range of a chunk. */
    private final List<String> asked = new CopyOnWriteArrayList<>();

    private final AtomicInteger uploads = new AtomicInteger();
    private volatile Fault fault = (upload, exchange) -> false;

    /** Something that goes wrong with a request, instead of what should be done. */
    private interface Fault {
        /** Whether it went wrong. */
        boolean happens(Upload upload, HttpExchange exchange) throws IOException;
    }

    private static byte[] randomLayer() {
        var content = new byte[SIZE];
        new Random(7).nextBytes(content);
        return new TarWriter().file("random", 0644, content).bytes();
    }

    /** One upload, as the registry has it; each answer names another place to go on. */
    private final class Upload {
        private final ByteArrayOutputStream received = new ByteArrayOutputStream();
        private final int number = uploads.incrementAndGet();
        private int places;

        String place() {
            var path = "/up/" + number + "/" + places++;
            registry.on(path, this::answer);
            return path;
        }

        private void answer(HttpExchange exchange) throws IOException {
            var range = exchange.getRequestHeaders().getFirst("Content-Range");
            asked.add(exchange.getRequestMethod() + (range == null ? "" : " " + range));
            if (fault.happens(this, exchange)) {
                return;
            }
            if (range != null && !range.startsWith(received.size() + "-")) {
                status(416).give(exchange);
                return;
            }
            exchange.getRequestBody().transferTo(received);
            if (exchange.getRequestMethod().equals("PUT")) {
                var digest = "digest=sha256%3A" + sha256(received.toByteArray());
                status(exchange.getRequestURI().getRawQuery().equals(digest) ? 201 : 400)
                        .give(exchange);
            } else {
                accept(exchange, exchange.getRequestMethod().equals("GET") ? 204 : 202);
            }
        }

        private void accept(HttpExchange exchange, int status) throws IOException {
            status(status, "Location", place(), "Range", "0-" + Math.max(0, received.size() - 1))
                    .give(exchange);
        }

        /** Reads only the beginning of what comes, and breaks the connection. */
        boolean breakAfter(int count, HttpExchange exchange) throws IOException {
            received.write(exchange.getRequestBody().readNBytes(count));
            exchange.close();
            return true;
        }
    }

    @BeforeEach
    void open(TestStore place) {
        registry = new HostileRegistry();
        registry.on("/v2/x/blobs/uploads/", exchange -> new Upload().accept(exchange, 202));
        registry.on("/v2/x/manifests/1", status(201));
        var config = config("upload", LAYER);
        registry.blob(config); // is there, so that only the layer is sent
        name = registry.address() + "/x:1";
        store = Store.open(place.path(), "test");
        images = new ImageCatalog(store, ImageLimits.DEFAULT, HostileRegistryTest.options(registry.address()));
        images.load(new TestArchive().oci(named("upload:1"), config, BLOB).tar(directory.resolve("archive.tar")))
                .get(0)
                .tag(name);
    }

    @AfterEach
    void close() {
        images.close();
        registry.close();
        store.close();
    }

    private void push() {
        images.push(name, PushOptions.defaults().chunkSize(ByteSize.bytes(CHUNK)));
    }

    private static String range(int from, int to) {
        return "PATCH " + from + "-" + (to - 1);
    }

    @Test
    void chunksGoWhereTheAnswerBeforePoints() {
        push();

        assertThat(asked)
                .containsExactly(range(0, CHUNK), range(CHUNK, 2 * CHUNK), range(2 * CHUNK, BLOB.length), "PUT");
    }

    @Test
    void chunkThatBreaksGoesOnWhereTheRegistryStopped() {
        fault = (upload, exchange) -> asked.size() == 2 && upload.breakAfter(50_000, exchange);

        push();

        var stopped = CHUNK + 50_000;
        assertThat(asked)
                .containsExactly(
                        range(0, CHUNK),
                        range(CHUNK, 2 * CHUNK),
                        "GET",
                        range(stopped, stopped + CHUNK),
                        range(stopped + CHUNK, BLOB.length),
                        "PUT");
        assertThat(uploads).hasValue(1);
    }

    @Test
    void interruptedPushEndsAndTheNextOneBeginsAnew() throws Exception {
        var stalled = new CountDownLatch(1);
        var ended = new CountDownLatch(1);
        fault = (upload, exchange) -> {
            if (asked.size() == 2) {
                stalled.countDown();
                return await(ended); // never read, never answered
            }
            return false;
        };
        var failure = new CompletableFuture<String>();
        var pushing = new Thread(() -> {
            try {
                push();
                failure.complete("none");
            } catch (RuntimeException e) {
                failure.complete(e + ", interrupted: " + Thread.currentThread().isInterrupted());
            }
        });
        pushing.start();
        assertThat(await(stalled)).isTrue();
        pushing.interrupt();

        assertThat(failure.get(1, TimeUnit.MINUTES))
                .isEqualTo("dev.cais.CancelledException: cannot push " + name
                        + ": the thread was interrupted, interrupted: true");
        ended.countDown();
        pushing.join();
        fault = (upload, exchange) -> false;
        asked.clear();
        push();
        assertThat(asked)
                .containsExactly(range(0, CHUNK), range(CHUNK, 2 * CHUNK), range(2 * CHUNK, BLOB.length), "PUT");
    }

    private static boolean await(CountDownLatch latch) {
        try {
            return latch.await(1, TimeUnit.MINUTES);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    @Test
    void uploadInOnePieceThatBreaksGoesOnInChunks() {
        fault = (upload, exchange) -> asked.size() == 1 && upload.breakAfter(100_000, exchange);

        images.push(name);

        assertThat(asked).containsExactly("PUT", "GET", range(100_000, BLOB.length), "PUT");
    }

    @Test
    void uploadThatTheRegistryHasForgottenBeginsAnew() {
        fault = (upload, exchange) -> {
            if (asked.size() == 2) {
                return upload.breakAfter(50_000, exchange);
            }
            if (asked.size() == 3) {
                status(404).give(exchange);
                return true;
            }
            return false;
        };

        push();

        assertThat(asked)
                .containsExactly(
                        range(0, CHUNK),
                        range(CHUNK, 2 * CHUNK),
                        "GET",
                        range(0, CHUNK),
                        range(CHUNK, 2 * CHUNK),
                        range(2 * CHUNK, BLOB.length),
                        "PUT");
        assertThat(uploads).hasValue(2);
    }

    @Test
    void registryMayKeepOnlyTheBeginningOfAChunk() {
        fault = (upload, exchange) -> {
            if (asked.size() != 1) {
                return false;
            }
            upload.received.write(exchange.getRequestBody().readAllBytes(), 0, 1000);
            upload.accept(exchange, 202);
            return true;
        };

        push();

        assertThat(asked).startsWith(range(0, CHUNK), range(1000, 1000 + CHUNK)).endsWith("PUT");
    }

    @Test
    void registryThatNeverTakesAnythingIsGivenUp() {
        fault = (upload, exchange) -> {
            exchange.getRequestBody().readAllBytes();
            upload.accept(exchange, exchange.getRequestMethod().equals("GET") ? 204 : 202);
            return true;
        };

        assertThatThrownBy(this::push)
                .isInstanceOf(RegistryException.class)
                .hasMessage("cannot push " + name + ": the connection to " + registry.address()
                        + " broke: it says that it has 0 bytes after 0 to " + CHUNK + " were sent");
        assertThat(asked).filteredOn(request -> request.startsWith("PATCH")).hasSize(3);
    }

    @Test
    void manifestWhosePartsTheRegistryDoesNotSeeYetIsSentAgain() {
        var refusals = new AtomicInteger(2);
        registry.on("/v2/x/manifests/1", exchange -> {
            if (refusals.getAndDecrement() > 0) {
                refuseParts(exchange);
            } else {
                status(201).give(exchange);
            }
        });

        push();

        assertThat(registry.count("PUT /v2/x/manifests/1")).isEqualTo(3);
    }

    @Test
    void manifestWhosePartsTheRegistryNeverSeesIsGivenUp() {
        registry.on("/v2/x/manifests/1", UploadTest::refuseParts);

        assertThatThrownBy(this::push)
                .isInstanceOf(RegistryException.class)
                .hasMessage("cannot push " + name + ": " + registry.address()
                        + " refused manifest 1 [status=400, errors=MANIFEST_BLOB_UNKNOWN blob unknown to registry]");
        assertThat(registry.count("PUT /v2/x/manifests/1")).isEqualTo(3);
    }

    private static void refuseParts(HttpExchange exchange) throws IOException {
        exchange.getRequestBody().readAllBytes();
        var errors =
                bytes("{\"errors\":[{\"code\":\"MANIFEST_BLOB_UNKNOWN\",\"message\":\"blob unknown to registry\"}]}");
        exchange.sendResponseHeaders(400, errors.length);
        exchange.getResponseBody().write(errors);
    }
}
