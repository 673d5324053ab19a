package dev.cais.image.registry;

import static dev.cais.image.TestArchive.bytes;
import static dev.cais.image.TestArchive.config;
import static dev.cais.image.TestArchive.descriptor;
import static dev.cais.image.TestArchive.layer;
import static dev.cais.image.TestArchive.sha256;
import static dev.cais.image.registry.HostileRegistry.status;
import static dev.cais.image.registry.HostileRegistry.text;
import static dev.cais.image.registry.HostileRegistry.whole;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ArtifactSpec;
import dev.cais.CancelledException;
import dev.cais.CopyOptions;
import dev.cais.CorruptContentException;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.RegistryException;
import dev.cais.SearchResult;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import dev.cais.image.ImageCatalog;
import dev.cais.image.TestArchive;
import dev.cais.storage.Store;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Lists, referrers, artifacts and indexes that a registry makes up: one clear sentence, and no end of it. */
@LeakChecked
@RequiresRoot
class HostileListsTest {
    private static final String MANIFEST = "application/vnd.oci.image.manifest.v1+json";
    private static final String INDEX = "application/vnd.oci.image.index.v1+json";
    private static final String TAGS = "/v2/x/tags/list";

    @TempDir
    private Path directory;

    private HostileRegistry registry;
    private Store store;
    private ImageCatalog images;
    private String name;

    @BeforeEach
    void open(TestStore place) {
        registry = new HostileRegistry();
        name = registry.address() + "/x";
        store = Store.open(place.path(), "test");
        images = new ImageCatalog(store, ImageLimits.DEFAULT, HostileRegistryTest.options(registry.address()));
    }

    @AfterEach
    void close() {
        images.close();
        registry.close();
        store.close();
    }

    private static HostileRegistry.Answer json(String text) {
        return whole("application/json", bytes(text));
    }

    /** The page, with a link to another. */
    private static HostileRegistry.Answer page(String text, String link) {
        return exchange -> {
            exchange.getResponseHeaders().add("Link", link);
            json(text).give(exchange);
        };
    }

    @Test
    void pagesAreAskedForAsTheyAreRead() {
        registry.on("/v2/_catalog", exchange -> {
            var query = exchange.getRequestURI().getQuery();
            var at = query.contains("last=") ? Integer.parseInt(query.replaceAll(".*last=", "")) : 0;
            page(
                            "{\"repositories\":[\"r%d\",\"r%d\"]}".formatted(at, at + 1),
                            "</v2/_catalog?n=2&last=%d>; rel=\"next\"".formatted(at + 2))
                    .give(exchange);
        });

        var endless = images.registry(registry.address()).repositories();

        assertThat(endless.limit(5).map(found -> found.replaceAll(".*/", "")))
                .containsExactly("r0", "r1", "r2", "r3", "r4");
        assertThat(registry.count("GET /v2/_catalog")).isEqualTo(3);
    }

    @Test
    void listWithoutAnEndIsGivenUp() {
        var tags = IntStream.range(0, 10_000).mapToObj(i -> "\"a\"").collect(Collectors.joining(","));
        var at = new AtomicInteger();
        registry.on(
                TAGS,
                exchange -> page("{\"tags\":[" + tags + "]}", "<?at=" + at.incrementAndGet() + ">;rel=next")
                        .give(exchange));

        assertThatThrownBy(() -> images.repository(name).tags().count())
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot list the tags of " + name + ": the list of tags of " + name
                        + " has more than 1000000 entries");
    }

    @Test
    void listThatGoesRoundIsGivenUp() {
        registry.on(TAGS, page("{\"tags\":[\"a\"]}", "<?n=1000>; rel=\"next\""));

        assertThatThrownBy(() -> images.repository(name).tags().count())
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot list the tags of " + name + ": the list of tags of " + name
                        + " goes round in a circle");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://169.254.169.254/latest",
                "//other/v2/x",
                "https://u:p@localhost/",
                "ftp://127.0.0.1/",
                "::"
            })
    void linkToAnotherServerIsNotFollowed(String link) {
        registry.on(TAGS, page("{\"tags\":[\"a\"]}", "</first>; rel=\"first\", <" + link + ">; rel=\"next\""));

        assertThatThrownBy(() -> images.repository(name).tags())
                .isInstanceOf(RegistryException.class)
                .hasMessage("cannot list the tags of " + name + ": the next page of the list of tags is not on "
                        + registry.address() + " [link=" + link + "]");
    }

    @Test
    void pageForPeopleIsNoList() {
        registry.on(TAGS, text("<html>log in"));

        assertThatThrownBy(() -> images.repository(name).tags())
                .isInstanceOf(RegistryException.class)
                .hasMessage("cannot list the tags of " + name + ": " + registry.address()
                        + " answered with something else than a list of tags [contentType=text/html]; see whether it"
                        + " is a registry");
    }

    @Test
    void pageThatIsTooLargeIsNotRead() {
        registry.on(TAGS, exchange -> {
            exchange.getResponseHeaders().add("Content-Type", "application/json");
            exchange.sendResponseHeaders(200, 0);
            var spaces = new byte[64 * 1024];
            java.util.Arrays.fill(spaces, (byte) ' ');
            while (true) {
                exchange.getResponseBody().write(spaces);
            }
        });

        assertThatThrownBy(() -> images.repository(name).tags())
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot read list of tags of " + name
                        + ": it is larger than the limit of 4194304 bytes; raise ImageLimits.manifestSize");
    }

    @Test
    void namesThatAreNoneAreRefused() {
        registry.on(TAGS, json("{\"tags\":[\"../x\"]}"));
        registry.on("/v2/_catalog", json("{\"repositories\":[\"A\\u0000b\"]}"));

        assertThatThrownBy(() -> images.repository(name).tags())
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot read list of tags of " + name + ": field tags has what is no tag: ../x");
        assertThatThrownBy(() -> images.registry(registry.address()).repositories())
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot read list of repositories of " + registry.address()
                        + ": field repositories has a name of no repository [name=A?b]");
    }

    @Test
    void repositoryWithoutTagsHasNone() {
        registry.on(TAGS, json("{\"name\":\"x\",\"tags\":null}"));

        assertThat(images.repository(name).tags()).isEmpty();
    }

    @Test
    void callerWithoutCredentialsMayNotSeeTheCatalog() {
        registry.on("/v2/_catalog", status(401, "WWW-Authenticate", "Basic realm=\"x\""));

        assertThatThrownBy(() -> images.registry(registry.address()).repositories())
                .isInstanceOf(RegistryException.class)
                .hasMessage("cannot list the repositories of " + registry.address() + ": " + registry.address()
                        + " refused a caller without credentials [status=401]; pass credentials, or log in with docker"
                        + " login");
    }

    @Test
    void searchGivesWhatTheRegistryFinds() {
        registry.on("/v1/search", exchange -> {
            assertThat(exchange.getRequestURI().getRawQuery()).isEqualTo("q=a+b&n=2");
            json("""
                {"num_results":3,"results":[
                  {"name":"one/app","description":null,"star_count":7,"is_official":true},
                  {"name":"two","description":"of two","star_count":0,"is_official":false,"is_automated":false},
                  {"name":"three"}]}
                """).give(exchange);
        });

        assertThat(images.registry(registry.address()).search("a b", 2))
                .containsExactly(
                        new SearchResult(registry.address() + "/one/app", "", 7, true),
                        new SearchResult(registry.address() + "/two", "of two", 0, false));
    }

    private static Digest digest(byte[] content) {
        return Digest.parse("sha256:" + sha256(content));
    }

    @Test
    void referrersAreReadFromTheRegistrysOwnList() {
        var subject = bytes("subject");
        var path = "/v2/x/referrers/" + digest(subject);
        var type = ",\"artifactType\":\"a/b\"";
        registry.on(path, exchange -> {
            var isFirst = exchange.getRequestURI().getQuery() == null;
            var list = "{\"schemaVersion\":2,\"mediaType\":\"" + INDEX + "\",\"manifests\":["
                    + descriptor(MANIFEST, bytes(isFirst ? "1" : "2"), isFirst ? type : "") + "]}";
            page(list, isFirst ? "<" + path + "?next=1>; rel=\"next\"" : "").give(exchange);
        });
        var repository = images.repository(name);

        assertThat(repository.referrers(digest(subject)))
                .extracting(Descriptor::digest)
                .containsExactly(digest(bytes("1")), digest(bytes("2")));
        assertThat(repository.referrers(digest(subject), "a/b")).hasSize(1);
        registry.on(path, text("<html>"));
        assertThatThrownBy(() -> repository.referrers(digest(subject)))
                .isInstanceOf(RegistryException.class)
                .hasMessage("cannot list what refers to " + name + "@" + digest(subject) + ": " + registry.address()
                        + " answered with something else than a list of referrers [contentType=text/html]; see whether"
                        + " it is a registry");
    }

    @ParameterizedTest
    @ValueSource(ints = {400, 404, 405, 406, 501})
    void registryWithoutAListOfReferrersIsAskedForTheTag(int status) {
        var subject = digest(bytes("subject"));
        registry.on("/v2/x/referrers/" + subject, exchange -> {
            assertThat(exchange.getRequestHeaders().getFirst("Accept")).isEqualTo(INDEX);
            status(status).give(exchange);
        });
        registry.manifest(
                "sha256-" + subject.hex(),
                bytes("{\"schemaVersion\":2,\"mediaType\":\"" + INDEX + "\",\"manifests\":["
                        + descriptor(MANIFEST, bytes("1"), "") + "]}"));

        assertThat(images.repository(name).referrers(subject))
                .extracting(Descriptor::digest)
                .containsExactly(digest(bytes("1")));
        assertThat(registry.count("GET /v2/x/referrers/")).isEqualTo(1);
    }

    @Test
    void tagThatStandsInForReferrersMustBeAnIndex() {
        var subject = digest(bytes("subject"));
        registry.manifest("sha256-" + subject.hex(), TestArchive.manifest(config("x", layer("a", "b"))));

        assertThatThrownBy(() -> images.repository(name).referrers(subject))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot read list of referrers, tag sha256-" + subject.hex() + " of " + name
                        + ": field config belongs to a manifest, not to an index");
    }

    @Test
    void registryThatListsReferrersItselfGetsNoTagForThem() {
        var subject = TestArchive.manifest(config("x", layer("a", "b")));
        registry.manifest("1", subject);
        registry.on("/v2/x/blobs/sha256:" + sha256(bytes("{}")), status(200));
        var spec = ArtifactSpec.of("a/b").subject(digest(subject));
        var put = new AtomicInteger();
        registry.onAny("PUT", exchange -> {
            put.incrementAndGet();
            exchange.getRequestBody().readAllBytes();
            status(201, "OCI-Subject", digest(subject).toString()).give(exchange);
        });

        images.repository(name).push(spec);

        assertThat(put).hasValue(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"../out", "/etc/passwd", "a/../../b", "a//b", ".", "a\\u0000b", "a/./b"})
    void titleThatLeadsOutOfTheDirectoryIsRefused(String title) {
        var content = bytes("content");
        artifact(titled(content, title));
        var shown = title.replace("\\u0000", "?");

        assertThatThrownBy(() -> images.repository(name).download("1", directory.resolve("out")))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot download " + name + ":1 to " + directory
                        + "/out: it has a file that cannot be called so [title=" + shown + "]");
        assertThat(directory).isEmptyDirectory();
    }

    @Test
    void twoFilesOfOneNameAreRefused() {
        artifact(titled(bytes("one"), "a") + "," + titled(bytes("two"), "a"));

        assertThatThrownBy(() -> images.repository(name).download("1", directory.resolve("out")))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot download " + name + ":1 to " + directory
                        + "/out: it has two files of one name [title=a]");
    }

    @Test
    void nothingRemainsOfADownloadThatFails() {
        var good = bytes("good");
        var bad = bytes("bad");
        artifact(titled(good, "good") + "," + titled(bad, "bad"));
        registry.blob(good);
        registry.on(HostileRegistry.blobPath(bad), whole("application/octet-stream", bytes("BAD")));

        assertThatThrownBy(() -> images.repository(name).download("1", directory))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot use blob " + digest(bad) + " of " + name
                        + ": its content has another digest [found=" + digest(bytes("BAD")) + "]");
        assertThat(directory).isEmptyDirectory();
    }

    private static String titled(byte[] content, String title) {
        return descriptor(
                "text/plain", content, ",\"annotations\":{\"org.opencontainers.image.title\":\"" + title + "\"}");
    }

    private void artifact(String layers) {
        registry.manifest(
                "1",
                bytes(
                        "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"artifactType\":\"a/b\",\"config\":%s,\"layers\":[%s]}"
                                .formatted(
                                        MANIFEST,
                                        descriptor("application/vnd.oci.empty.v1+json", bytes("{}"), ""),
                                        layers)));
    }

    @Test
    void indexThatIsTooDeepIsNotCopied() {
        var at = index("");
        for (var i = 0; i < 10; i++) {
            registry.manifest("deep", at);
            at = index(descriptor(INDEX, at, ""));
        }
        registry.manifest("deep", at);

        assertThatThrownBy(() -> images.copy(name + ":deep", registry.address() + "/y:1"))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot copy " + name + ":deep to " + registry.address()
                        + "/y:1: its indexes are nested deeper than 8");
        assertThat(registry.requests()).noneMatch(request -> request.startsWith("PUT") || request.startsWith("POST"));
    }

    @Test
    void indexOfTooManyIsNotCopied() {
        var entries = IntStream.range(0, 5_001)
                .mapToObj(i -> descriptor(MANIFEST, bytes("m" + i), ""))
                .collect(Collectors.joining(","));
        registry.manifest("wide", index(entries));

        assertThatThrownBy(() -> images.copy(name + ":wide", registry.address() + "/y:1"))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot copy " + name + ":wide to " + registry.address()
                        + "/y:1: there are more than 5000 manifests in it");
        assertThat(registry.requests().size()).isLessThan(10);
    }

    @Test
    void referrersThatReferToEachOtherComeToAnEnd() {
        var image = TestArchive.manifest(config("x", layer("a", "b")));
        var one = artifactOf("one");
        var two = artifactOf("two");
        registry.manifest("1", image);
        registry.manifest("a", one);
        registry.manifest("b", two);
        registry.on("/v2/x/referrers/" + digest(image), whole(INDEX, index(descriptor(MANIFEST, one, ""))));
        registry.on("/v2/x/referrers/" + digest(one), whole(INDEX, index(descriptor(MANIFEST, two, ""))));
        registry.on("/v2/x/referrers/" + digest(two), whole(INDEX, index(descriptor(MANIFEST, one, ""))));

        // within one repository all is there already, so only what is found counts
        assertThat(images.copy(name + ":1", name + ":1", CopyOptions.defaults().withReferrers(), event -> {}))
                .isEqualTo(digest(image));

        assertThat(registry.count("GET /v2/x/referrers/")).isEqualTo(3);
    }

    private static byte[] artifactOf(String type) {
        return bytes("{\"schemaVersion\":2,\"artifactType\":\"a/%s\",\"config\":%s,\"layers\":[]}"
                .formatted(type, descriptor("application/vnd.oci.empty.v1+json", bytes("{}"), "")));
    }

    private static byte[] index(String entries) {
        return bytes("{\"schemaVersion\":2,\"mediaType\":\"" + INDEX + "\",\"manifests\":[" + entries + "]}");
    }

    @Test
    void copyThatIsInterruptedEnds() throws Exception {
        var blob = new byte[1024 * 1024];
        var stalled = new CountDownLatch(1);
        registry.image(config("x", layer("a", "b")), blob);
        registry.on(HostileRegistry.blobPath(blob), registry.stallAfter(1000, blob, stalled::countDown));
        try (var target = new HostileRegistry()) {
            target.onAny("POST", status(202, "Location", "/v2/y/blobs/uploads/1"));
            target.onAny("PUT", exchange -> exchange.getRequestBody().readAllBytes());
            var options = HostileRegistryTest.options(registry.address()).insecure(target.address());
            var failure = new AtomicReference<Throwable>();
            var wasInterrupted = new AtomicBoolean();
            try (var both = new ImageCatalog(store, ImageLimits.DEFAULT, options)) {
                var copying = new Thread(() -> {
                    try {
                        both.copy(name + ":1", target.address() + "/y:1");
                    } catch (CancelledException e) {
                        failure.set(e);
                        wasInterrupted.set(Thread.currentThread().isInterrupted());
                    }
                });
                copying.start();
                stalled.await();
                copying.interrupt();
                copying.join(120_000);
                assertThat(copying.isAlive()).isFalse();
            }
            assertThat(wasInterrupted).isTrue();
            assertThat(failure.get())
                    .hasMessage(
                            "cannot copy " + name + ":1 to " + target.address() + "/y:1: the thread was interrupted");
        }
    }
}
