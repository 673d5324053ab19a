package dev.cais.image.archive;

import static dev.cais.image.TestArchive.bytes;
import static dev.cais.image.TestArchive.config;
import static dev.cais.image.TestArchive.descriptor;
import static dev.cais.image.TestArchive.gzip;
import static dev.cais.image.TestArchive.layer;
import static dev.cais.image.TestArchive.manifest;
import static dev.cais.image.TestArchive.named;
import static dev.cais.image.TestArchive.sha256;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ByteSize;
import dev.cais.CorruptContentException;
import dev.cais.ImageLimits;
import dev.cais.NotFoundException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TarWriter;
import dev.cais.fixtures.TestStore;
import dev.cais.image.ImageCatalog;
import dev.cais.image.TestArchive;
import dev.cais.storage.Store;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Archives that are broken or hostile: one clear sentence, and the store is as it was. */
@LeakChecked
@RequiresRoot
class BrokenArchivesTest {
    private static final ImageLimits LIMITS = new ImageLimits(ByteSize.kib(10), 3, ByteSize.kib(100), 1000, 255);
    private static final byte[] LAYER = layer("file", "content");
    private static final byte[] CONFIG = config("app", LAYER);
    private static final byte[] MANIFEST = manifest(CONFIG, LAYER);
    private static final String OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";

    @TempDir
    private Path directory;

    private Store store;
    private ImageCatalog images;

    @BeforeEach
    void open(TestStore place) {
        store = Store.open(place.path(), "test");
        images = new ImageCatalog(store, LIMITS);
    }

    @AfterEach
    void close() throws IOException {
        try (var closing = store) {
            assertThat(images.list()).isEmpty();
            assertThat(closing.blobs().list()).isEmpty();
            assertThat(store.layers().list()).isEmpty();
            assertThat(store.temporaryDirectory()).isEmptyDirectory();
        }
    }

    private static TestArchive docker() {
        return new TestArchive().docker("[\"app\"]", CONFIG, LAYER);
    }

    private static TestArchive oci() {
        return new TestArchive().oci(named("app"), CONFIG, LAYER);
    }

    /** {@code PATH} in the message stands for the archive's. */
    private void refused(TestArchive archive, String message) {
        refused(archive.tar(directory.resolve("a.tar")), message);
    }

    private void refused(Path path, String message) {
        assertThatThrownBy(() -> images.load(path))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage(message.replace("PATH", path.toString()));
    }

    @Test
    void missingArchive() {
        assertThatThrownBy(() -> images.load(directory.resolve("none.tar")))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot load " + directory + "/none.tar: there is no such file");
    }

    @Test
    void tarOfSomethingElse() {
        refused(
                new TestArchive().file("etc/passwd", "root"),
                "cannot load PATH: it has neither oci-layout nor manifest.json, so it is no image archive;"
                        + " take importRootfs for the tar of a root file system");
        refused(
                new TestArchive().file("repositories", "{}"),
                "cannot load PATH: it is of a Docker before 1.10, without manifest.json;"
                        + " load it into a newer Docker and save it again");
        refused(
                directory,
                "cannot load PATH: it has neither oci-layout nor manifest.json, so it is no image archive;"
                        + " take importRootfs for the tar of a root file system");
    }

    @Test
    void fileThatIsNoTar() {
        refused(
                TestArchive.write(directory.resolve("a.tar"), "x".repeat(2000).getBytes(StandardCharsets.UTF_8)),
                "cannot load PATH: it is no tar, nor one compressed with gzip or zstd");
        refused(
                TestArchive.write(directory.resolve("a.gz"), gzip(new byte[] {1, 2, 3})),
                "cannot load PATH: it is no tar, nor one compressed with gzip or zstd");
        refused(
                TestArchive.write(directory.resolve("a.tar.xz"), new byte[] {(byte) 0xfd, '7', 'z', 'X', 'Z', 0, 1}),
                "cannot read PATH: it is compressed with xz, which Cais does not read; unpack it with xz -d");
        refused(
                TestArchive.write(directory.resolve("a.tar.bz2"), bytes("BZh91AY")),
                "cannot read PATH: it is compressed with bzip2, which Cais does not read; unpack it with bzip2 -d");
    }

    @Test
    void archiveThatEndsEarly() throws IOException {
        var whole = Files.readAllBytes(docker().tar(directory.resolve("a.tar")));
        var configAt = 512 + LAYER.length + 512;

        refused(
                TestArchive.write(directory.resolve("cut.tar"), Arrays.copyOf(whole, configAt + 100)),
                "cannot read archive PATH: it ends in entry " + sha256(CONFIG) + ".json [offset=" + (configAt + 100)
                        + "]; fetch or save it again");
        var packed = gzip(whole);
        refused(
                TestArchive.write(directory.resolve("cut.tar.gz"), Arrays.copyOf(packed, packed.length - 20)),
                "cannot read archive PATH: its gzip stream ends early; fetch or save it again");
    }

    @Test
    void compressedArchiveThatUnpacksToTooMuch() {
        refused(
                TestArchive.write(directory.resolve("bomb.tar.gz"), gzip(new byte[200_000])),
                "cannot load PATH: it has more than 102400 bytes; raise ImageLimits.layerSize");
    }

    @Test
    void manifestJsonThatIsNone() {
        refused(
                docker().file("manifest.json", "{"),
                "cannot read manifest.json of PATH: it is not valid JSON [byte=1]");
        refused(docker().file("manifest.json", "{}"), "cannot read manifest.json of PATH: it is not an array");
        refused(docker().file("manifest.json", "[]"), "cannot load PATH: its manifest.json lists no image");
        refused(
                docker().file("manifest.json", "[{}]"),
                "cannot read manifest.json of PATH: field [0].Config is missing");
        refused(
                docker().file("manifest.json", "x".repeat(10_241)),
                "cannot read manifest.json of PATH: its 10241 bytes are more than the limit of 10240;"
                        + " raise ImageLimits.manifestSize");
    }

    @Test
    void pathsThatLeadOut() throws IOException {
        for (var path : new String[] {"../../etc/passwd", "/etc/passwd", "a/../../b"}) {
            refused(
                    docker().file("manifest.json", "[{\"Config\":\"" + path + "\",\"Layers\":[]}]"),
                    "cannot load PATH: path " + path + " leads out of it");
        }
        refused(
                docker().file(
                                "manifest.json",
                                "[{\"Config\":\"%s.json\",\"Layers\":[\"../x\"]}]".formatted(sha256(CONFIG))),
                "cannot load PATH: path ../x leads out of it");
        var link =
                new TarWriter().symlink("manifest.json", "../../manifest.json").bytes();
        refused(
                TestArchive.write(directory.resolve("link.tar"), link),
                "cannot load PATH: path manifest.json leads out of it");
    }

    @Test
    void linksThatLeadOutOfADirectory() throws IOException {
        var outside = TestArchive.write(directory.resolve("outside"), LAYER);
        var layout = oci().directory(directory.resolve("layout"));
        var blob = layout.resolve("blobs/sha256/" + sha256(LAYER));
        Files.delete(blob);
        Files.createSymbolicLink(blob, outside);

        refused(layout, "cannot load PATH: path blobs/sha256/" + sha256(LAYER) + " leads out of it");

        Files.delete(blob);
        Files.createDirectory(blob);
        refused(layout, "cannot load PATH: blobs/sha256/" + sha256(LAYER) + " is no file");
    }

    @Test
    void linksThatLeadInCircles() {
        var tar = new TarWriter()
                .symlink("manifest.json", "other")
                .symlink("other", "./manifest.json")
                .bytes();
        refused(
                TestArchive.write(directory.resolve("link.tar"), tar),
                "cannot load PATH: manifest.json is a link that leads nowhere");
    }

    @Test
    void dockerArchiveWithSomethingMissing() {
        refused(
                docker().without(sha256(CONFIG) + ".json"),
                "cannot load PATH: the configuration is missing, there is no " + sha256(CONFIG) + ".json");
        refused(
                docker().without(sha256(LAYER) + "/layer.tar"),
                "cannot load PATH: layer 1 is missing, there is no " + sha256(LAYER) + "/layer.tar");
        refused(
                docker().file("manifest.json", "[{\"Config\":\"%s.json\"}]".formatted(sha256(CONFIG))),
                "cannot read manifest.json of PATH: field [0].Layers has 0 elements, but configuration sha256:"
                        + sha256(CONFIG) + " has 1");
        refused(
                new TestArchive().docker("[\"Bad\"]", CONFIG, LAYER),
                "cannot read manifest.json of PATH: field [0].RepoTags has an element that is no name;"
                        + " cannot use image name Bad: its repository has the part Bad [position=1]; write bad");
    }

    @Test
    void dockerArchiveWithOtherContent() {
        refused(
                docker().file(sha256(CONFIG) + ".json", "{}"),
                "cannot use configuration " + sha256(CONFIG)
                        + ".json of PATH: its content has another digest [found=sha256:" + sha256(bytes("{}")) + "]");
        refused(
                docker().file(sha256(LAYER) + "/layer.tar", layer("other", "content")),
                "cannot use " + sha256(LAYER)
                        + "/layer.tar of PATH: its content is not what its digest says [digest=sha256:" + sha256(LAYER)
                        + "]");
        var other = gzip(layer("other", "content"));
        refused(
                docker().file(sha256(LAYER) + "/layer.tar", other),
                "cannot unpack layer sha256:" + sha256(LAYER) + ": its content is another [digest=sha256:"
                        + sha256(layer("other", "content")) + "]; fetch or save it again");
    }

    @Test
    void layerThatIsBroken() {
        var packed = gzip(LAYER);
        refused(
                docker().file(sha256(LAYER) + "/layer.tar", Arrays.copyOf(packed, packed.length - 9)),
                "cannot read layer sha256:" + sha256(LAYER) + ": its gzip stream ends early; fetch or save it again");
        packed[20] ^= 0x55;
        refused(
                docker().file(sha256(LAYER) + "/layer.tar", packed),
                "cannot read layer sha256:" + sha256(LAYER) + ": its gzip stream is broken; fetch or save it again");
    }

    @Test
    void goodImageBesideABadOneIsNotLoadedEither() {
        var other = layer("other", "content");
        refused(
                docker().docker("[\"bad\"]", config("bad", other), other).file(sha256(other) + "/layer.tar", LAYER),
                "cannot use " + sha256(other)
                        + "/layer.tar of PATH: its content is not what its digest says [digest=sha256:" + sha256(other)
                        + "]");
    }

    @Test
    void layoutThatIsNone() {
        refused(
                oci().file("oci-layout", "{\"imageLayoutVersion\":\"2.0.0\"}"),
                "cannot read oci-layout of PATH: field imageLayoutVersion is 2.0.0, not 1.0.0");
        refused(oci().file("oci-layout", "{}"), "cannot read oci-layout of PATH: field imageLayoutVersion is missing");
        refused(oci().without("index.json"), "cannot load PATH: the index is missing, there is no index.json");
        refused(
                oci().file("index.json", "{\"schemaVersion\":2,\"manifests\":[]}"),
                "cannot use index.json of PATH: it has no image for linux/amd64, only nothing at all");
        refused(
                new TestArchive().blob(CONFIG).entry(descriptor("text/plain", CONFIG, "")),
                "cannot use index.json of PATH: it has no image for linux/amd64, only entries of type text/plain");
    }

    @Test
    void layoutWithSomethingMissing() {
        for (var blob : new byte[][] {MANIFEST, CONFIG, LAYER}) {
            var kind = blob == MANIFEST ? "manifest" : blob == CONFIG ? "configuration" : "layer";
            refused(
                    oci().without("blobs/sha256/" + sha256(blob)),
                    "cannot load PATH: %s sha256:%s is missing, there is no blobs/sha256/%s"
                            .formatted(kind, sha256(blob), sha256(blob)));
            refused(
                    oci().file("blobs/sha256/" + sha256(blob), "short"),
                    "cannot load PATH: %s sha256:%s has 5 bytes, not %d".formatted(kind, sha256(blob), blob.length));
        }
    }

    @Test
    void layoutWithOtherContent() {
        for (var blob : new byte[][] {MANIFEST, CONFIG}) {
            var other = blob.clone();
            other[3] ^= 1;
            refused(
                    oci().file("blobs/sha256/" + sha256(blob), other),
                    "cannot use %s sha256:%s of PATH: its content has another digest [found=sha256:%s]"
                            .formatted(blob == MANIFEST ? "manifest" : "configuration", sha256(blob), sha256(other)));
        }
        var other = LAYER.clone();
        other[600] ^= 1;
        refused(
                oci().file("blobs/sha256/" + sha256(LAYER), other),
                "cannot use blobs/sha256/%s of PATH: its content is not what its digest says [digest=sha256:%s]"
                        .formatted(sha256(LAYER), sha256(LAYER)));
    }

    @Test
    void manifestThatDoesNotFitItsConfiguration() {
        refused(
                new TestArchive().ociManifest(named("app"), manifest(CONFIG), CONFIG),
                "cannot load PATH: its manifest has 0 layers, its configuration 1");
        var other = layer("other", "content");
        refused(
                new TestArchive().ociManifest(named("app"), manifest(CONFIG, other), CONFIG, other),
                "cannot unpack layer sha256:" + sha256(LAYER) + ": its content is another [digest=sha256:"
                        + sha256(other) + "]; fetch or save it again");
    }

    @Test
    void layerWhoseContentIsKnownUnderAnotherName() {
        var good = docker().tar(directory.resolve("good.tar"));
        var other = gzip(layer("other", "content"));
        var config = config("other", LAYER);
        images.load(good);
        refused(
                new TestArchive().ociManifest(named("bad"), manifest(config, other), config, other),
                "cannot use blobs/sha256/%s of PATH, uncompressed: its content has another digest [found=sha256:%s]"
                        .formatted(sha256(other), sha256(layer("other", "content"))));
        images.remove("app");
    }

    @Test
    void manifestThatCouldBeAnIndex() {
        var ambiguous = bytes(new String(MANIFEST, StandardCharsets.UTF_8).replaceFirst("\\{", "{\"manifests\":[],"));
        refused(
                new TestArchive().ociManifest(named("app"), ambiguous, CONFIG, LAYER),
                "cannot read manifest sha256:" + sha256(ambiguous)
                        + " of PATH: field manifests belongs to an index, not to a manifest");
    }

    @Test
    void unknownMediaTypeIsNamed() {
        var wrong = bytes(new String(MANIFEST, StandardCharsets.UTF_8).replace("layer.v1.tar", "layer.v9.cpio"));
        refused(
                new TestArchive().ociManifest(named("app"), wrong, CONFIG, LAYER),
                "cannot read manifest sha256:" + sha256(wrong) + " of PATH: field layers[0].mediaType is the unknown"
                        + " media type application/vnd.oci.image.layer.v9.cpio, not that of a layer");
    }

    @Test
    void indexWithoutOurPlatform() {
        var index = bytes("{\"schemaVersion\":2,\"manifests\":[%s,%s]}"
                .formatted(
                        descriptor(
                                OCI_MANIFEST, MANIFEST, ",\"platform\":{\"os\":\"linux\",\"architecture\":\"s390x\"}"),
                        descriptor(
                                OCI_MANIFEST,
                                MANIFEST,
                                ",\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}")));
        refused(
                new TestArchive()
                        .blob(index)
                        .entry(descriptor("application/vnd.oci.image.index.v1+json", index, named("app"))),
                "cannot use index sha256:" + sha256(index)
                        + " of PATH: it has no image for linux/amd64, only linux/s390x");
    }

    @Test
    void indexesInIndexes() {
        var archive = new TestArchive();
        var inner = MANIFEST;
        var type = OCI_MANIFEST;
        for (var depth = 0; depth < 9; depth++) {
            inner = bytes("{\"schemaVersion\":2,\"manifests\":[%s]}".formatted(descriptor(type, inner, "")));
            type = "application/vnd.oci.image.index.v1+json";
            archive.blob(inner);
        }
        refused(archive.entry(descriptor(type, inner, "")), "cannot load PATH: its indexes are nested deeper than 8");
    }

    @Test
    void imageWithTooManyLayers() {
        var layers = new byte[][] {layer("1", ""), layer("2", ""), layer("3", ""), layer("4", "")};
        refused(
                new TestArchive().docker("[\"app\"]", config("app", layers), layers),
                "cannot read configuration sha256:" + sha256(config("app", layers))
                        + " of PATH: field rootfs.diff_ids has 4 elements, beyond the limit of 3");
    }
}
