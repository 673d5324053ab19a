package dev.cais.image.registry;

import static dev.cais.image.TestArchive.config;
import static dev.cais.image.TestArchive.gzip;
import static dev.cais.image.TestArchive.layer;
import static dev.cais.image.TestArchive.manifest;
import static dev.cais.image.TestArchive.sha256;
import static dev.cais.image.registry.HostileRegistry.blobPath;
import static dev.cais.image.registry.HostileRegistry.whole;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.Damage;
import dev.cais.Damage.Kind;
import dev.cais.Damage.Outcome;
import dev.cais.Digest;
import dev.cais.Image;
import dev.cais.ImageLimits;
import dev.cais.PullOptions;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import dev.cais.fixtures.TreeListing;
import dev.cais.image.ImageCatalog;
import dev.cais.image.TestArchive;
import dev.cais.storage.Store;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is damaged comes again from the registry of its image. */
@LeakChecked
@RequiresRoot
class RepairTest {
    private static final byte[] LAYER = layer("file", "content of a file");
    private static final byte[] BLOB = gzip(LAYER);
    private static final byte[] CONFIG = config("repair", LAYER);
    private static final Digest DIFF_ID = digest(LAYER);

    private HostileRegistry registry;
    private Store store;
    private ImageCatalog images;
    private String name;

    @BeforeEach
    void open(TestStore place) {
        registry = new HostileRegistry().image(CONFIG, BLOB);
        name = registry.address() + "/x:1";
        store = Store.open(place.path(), "test");
        images = catalog();
    }

    @AfterEach
    void close() {
        images.close();
        registry.close();
        store.close();
    }

    /** One that has read nothing of the store yet. */
    private ImageCatalog catalog() {
        return new ImageCatalog(store, ImageLimits.DEFAULT, HostileRegistryTest.options(registry.address()));
    }

    private static Digest digest(byte[] content) {
        return Digest.parse("sha256:" + sha256(content));
    }

    private Path blob(byte[] content) {
        return store.root().resolve("blobs").resolve("sha256").resolve(sha256(content));
    }

    private static void write(Path file, byte[] content) throws IOException {
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        Files.write(file, content);
    }

    private void truncateBlob() throws IOException {
        write(blob(BLOB), Arrays.copyOf(BLOB, BLOB.length / 2));
    }

    private Path tree() {
        return store.layers().find(DIFF_ID).orElseThrow();
    }

    private Damage damage(Kind kind, Digest digest, String problem, Outcome outcome) {
        return new Damage(kind, digest, problem, List.of(name), outcome);
    }

    @Test
    void truncatedBlobAndItsDamagedFilesAreWholeAgain() throws IOException {
        images.pull(name);
        var whole = TreeListing.of(tree());
        truncateBlob();
        Files.writeString(tree().resolve("file"), "another content");

        assertThat(images.repair())
                .containsExactly(
                        damage(Kind.BLOB, digest(BLOB), "its content has another digest", Outcome.REPAIRED),
                        damage(Kind.LAYER, DIFF_ID, "file differs", Outcome.REPAIRED));

        assertThat(blob(BLOB)).hasBinaryContent(BLOB);
        assertThat(TreeListing.of(tree())).isEqualTo(whole);
        assertThat(registry.count("GET " + blobPath(BLOB))).isEqualTo(2);
        assertThat(images.verify()).isEmpty();
        assertThat(store.temporaryDirectory()).isEmptyDirectory();
    }

    @Test
    void missingBlobAndMissingFilesComeInOnePass() {
        images.pull(name);
        store.blobs().delete(digest(BLOB));
        store.layers().delete(DIFF_ID);

        assertThat(images.repair()).containsExactly(damage(Kind.BLOB, digest(BLOB), "it is missing", Outcome.REPAIRED));

        assertThat(tree().resolve("file")).hasContent("content of a file");
        assertThat(images.verify()).isEmpty();
    }

    @Test
    void imageWithoutANameIsRepairedToo() throws IOException {
        var image = images.pull(name);
        images.untag(name);
        truncateBlob();

        assertThat(images.repair())
                .containsExactly(new Damage(
                        Kind.BLOB,
                        digest(BLOB),
                        "its content has another digest",
                        List.of(image.id().toString()),
                        Outcome.REPAIRED));
    }

    @Test
    void damagedDocumentsComeAgain() throws IOException {
        var image = images.pull(name);
        var manifest = manifest(CONFIG, BLOB);
        write(blob(manifest), new byte[10]);
        write(blob(CONFIG), new byte[0]);

        try (var again = catalog()) {
            assertThat(again.repair())
                    .containsExactly(
                            damage(Kind.MANIFEST, digest(manifest), "its content has another digest", Outcome.REPAIRED),
                            damage(
                                    Kind.CONFIGURATION,
                                    digest(CONFIG),
                                    "its content has another digest",
                                    Outcome.REPAIRED));
            assertThat(again.list()).containsExactly(image);
            assertThat(again.verify()).isEmpty();
        }
    }

    @Test
    void whatTheRegistryHasNoMoreIsTakenAwayAndWhyIsTold() throws IOException {
        images.pull(name);
        truncateBlob();
        registry.on(blobPath(BLOB), HostileRegistry.status(404));

        assertThat(images.repair())
                .containsExactly(damage(
                        Kind.BLOB,
                        digest(BLOB),
                        "its content has another digest; cannot repair " + name + ": " + registry.address()
                                + "/x has no blob " + digest(BLOB),
                        Outcome.REMOVED));
        assertThat(blob(BLOB)).doesNotExist();
        assertThat(tree().resolve("file")).hasContent("content of a file");
    }

    @Test
    void anotherContentThanTheDigestSaysDoesNotRepair() throws IOException {
        images.pull(name);
        truncateBlob();
        var other = BLOB.clone();
        other[8] ^= 2; // a flag of the header that says how hard was tried
        registry.on(blobPath(BLOB), whole("application/octet-stream", other));

        assertThat(images.repair())
                .containsExactly(damage(
                        Kind.BLOB,
                        digest(BLOB),
                        "its content has another digest; cannot keep blob " + digest(BLOB)
                                + " in the store: its digest is " + digest(other) + "; fetch it again",
                        Outcome.REMOVED));
        assertThat(blob(BLOB)).doesNotExist();
    }

    @Test
    void filesOfARunningContainerStayThoughTheirBlobComesAgain() throws IOException {
        Image image = images.pull(name);
        truncateBlob();
        Files.writeString(tree().resolve("file"), "another content");
        try (var container = store.createContainer("web", image.id(), List.of(DIFF_ID))) {
            assertThat(container.upper()).isDirectory();
            assertThat(images.repair()).extracting(Damage::outcome).containsExactly(Outcome.REPAIRED, Outcome.IN_USE);
        }
        assertThat(blob(BLOB)).hasBinaryContent(BLOB);
        assertThat(tree().resolve("file")).hasContent("another content");
    }

    private static final byte[] STATEMENT = TestArchive.bytes("{\"made\":\"by a test\"}");
    private static final byte[] ATTESTATION = manifest(CONFIG, STATEMENT);
    private static final byte[] INDEX = TestArchive.bytes("{\"schemaVersion\":2,\"manifests\":[%s,%s]}"
            .formatted(entry(manifest(CONFIG, BLOB), "linux", "amd64"), entry(ATTESTATION, "unknown", "unknown")));

    private static String entry(byte[] manifest, String os, String architecture) {
        return TestArchive.descriptor(
                "application/vnd.oci.image.manifest.v1+json",
                manifest,
                ",\"platform\":{\"os\":\"%s\",\"architecture\":\"%s\"}".formatted(os, architecture));
    }

    private Image pullIndex() {
        registry.manifest("1", INDEX)
                .manifest("image", manifest(CONFIG, BLOB))
                .manifest("attestation", ATTESTATION)
                .blob(STATEMENT);
        return images.pull(name, PullOptions.defaults().forAllPlatforms());
    }

    @Test
    void damagedIndexAndWhatIsInItBesideImagesComeAgain() throws IOException {
        pullIndex();
        assertThat(images.verify()).isEmpty();
        write(blob(INDEX), new byte[3]);
        write(blob(ATTESTATION), new byte[0]);
        write(blob(STATEMENT), new byte[1]);
        var problem = "its content has another digest";

        assertThat(images.verify()).containsExactly(damage(Kind.INDEX, digest(INDEX), problem, Outcome.FOUND));
        assertThat(images.repair())
                .containsExactly(
                        damage(Kind.INDEX, digest(INDEX), problem, Outcome.REPAIRED),
                        damage(Kind.INDEX, digest(ATTESTATION), problem, Outcome.REPAIRED),
                        damage(Kind.INDEX, digest(STATEMENT), problem, Outcome.REPAIRED));
        assertThat(images.verify()).isEmpty();
        assertThat(blob(INDEX)).hasBinaryContent(INDEX);
    }

    @Test
    void indexThatDoesNotComeAgainIsTakenAwayAndItsImageStays() throws IOException {
        var image = pullIndex();
        Files.delete(blob(INDEX));
        registry.on("/v2/x/manifests/sha256:" + sha256(INDEX), HostileRegistry.status(404));

        assertThat(images.repair())
                .containsExactly(damage(
                        Kind.INDEX,
                        digest(INDEX),
                        "it is missing; cannot repair " + name + ": " + registry.address() + "/x has no manifest "
                                + digest(INDEX),
                        Outcome.REMOVED));

        assertThat(images.get(name)).isEqualTo(image);
        assertThat(images.verify()).isEmpty();
        registry.manifest("1", INDEX);
        images.pull(name, PullOptions.defaults().forAllPlatforms());
        assertThat(blob(INDEX)).hasBinaryContent(INDEX);
    }
}
