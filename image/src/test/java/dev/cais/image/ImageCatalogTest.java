package dev.cais.image;

import static dev.cais.image.TestArchive.config;
import static dev.cais.image.TestArchive.gzip;
import static dev.cais.image.TestArchive.layer;
import static dev.cais.image.TestArchive.named;
import static dev.cais.image.TestArchive.sha256;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.cais.CancelledException;
import dev.cais.CommitOptions;
import dev.cais.ConflictException;
import dev.cais.Digest;
import dev.cais.HistoryEntry;
import dev.cais.Image;
import dev.cais.ImageConfig;
import dev.cais.ImageLimits;
import dev.cais.InvalidSpecException;
import dev.cais.Layer;
import dev.cais.NotFoundException;
import dev.cais.Platform;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestImages;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@LeakChecked
@RequiresRoot
class ImageCatalogTest extends CatalogTests {
    private static final byte[] BASE = layer("base", "below");
    private static final byte[] TOP = layer("top", "above");

    private Image loadApp() {
        return load(new TestArchive().docker("[\"app:1\"]", config("app", BASE, TOP), BASE, TOP));
    }

    @Test
    void loadedImageIsWhatTheArchiveSays() {
        var image = loadApp();

        assertThat(image.id()).hasToString("sha256:" + sha256(config("app", BASE, TOP)));
        assertThat(image.digest()).isEmpty();
        assertThat(image.tags()).containsExactly("app:1");
        assertThat(image.platform()).hasToString("linux/amd64");
        assertThat(image.size().bytes()).isEqualTo(BASE.length + TOP.length);
        assertThat(image.layers())
                .extracting(layer -> layer.diffId().hex(), layer -> layer.blob().hex(), Layer::mediaType)
                .containsExactly(
                        tuple(sha256(BASE), sha256(BASE), "application/vnd.oci.image.layer.v1.tar"),
                        tuple(sha256(TOP), sha256(TOP), "application/vnd.oci.image.layer.v1.tar"));
        assertThat(image.config().command()).containsExactly("/bin/x");
        assertThat(image.history())
                .singleElement()
                .extracting(HistoryEntry::createdBy)
                .isEqualTo("x");
        assertThat(store.layers().find(image.layers().get(1).diffId()))
                .hasValueSatisfying(tree -> assertThat(tree.resolve("top")).hasContent("above"));
    }

    @Test
    void imageIsOneLineWorthReading() {
        assertThat(loadApp())
                .hasToString("Image[app:1, sha256:"
                        + sha256(config("app", BASE, TOP)).substring(0, 6) + "…, 2 layers, 4.0 KiB]");
        images.untag("app:1");
        assertThat(images.list())
                .first()
                .hasToString(
                        "Image[sha256:" + sha256(config("app", BASE, TOP)).substring(0, 6) + "…, 2 layers, 4.0 KiB]");
        assertThat(images).hasToString("Images[1 image, " + store.root() + "]");
    }

    @Test
    void namesAreFoundAsDockerFindsThem() {
        var packed = gzip(TOP);
        var image = load(new TestArchive().oci(named("ghcr.io/a/app:1"), config("app", TOP), packed));
        var hex = image.id().hex();
        var digest = image.digest().orElseThrow();

        for (var name : List.of(
                "ghcr.io/a/app:1",
                "sha256:" + hex,
                hex,
                hex.substring(0, 12),
                hex.substring(0, 4),
                "sha256:" + hex.substring(0, 7),
                "ghcr.io/a/app@" + digest,
                "ghcr.io/a/app:other@" + digest,
                digest.toString())) {
            assertThat(images.get(name)).as(name).isEqualTo(image);
        }
        for (var name : List.of(
                "ghcr.io/a/app",
                "app:1",
                "other@" + digest,
                "ghcr.io/a/app@sha256:" + hex,
                hex.substring(0, 3),
                "sha256:" + "0".repeat(64))) {
            assertThat(images.find(name)).as(name).isEmpty();
        }
    }

    @Test
    void missingImageIsReportedWithNamesLikeIt() {
        load(new TestArchive().docker("[\"busybox:1.36\",\"localhost:5000/redis:7\"]", config("app", TOP), TOP));

        missing("busybax", "did you mean busybox:1.36?");
        missing("busybox:2", "did you mean busybox:1.36?");
        missing("redis", "did you mean localhost:5000/redis:7?");
        missing("other", "pull it, load an archive, or take cais/host, which is made of this host's programs");
    }

    private void missing(String name, String help) {
        assertThatThrownBy(() -> images.get(name))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot find image " + name + ": the store has no image of that name or id; " + help);
    }

    @Test
    void nameThatIsNoneIsRefused() {
        assertThatThrownBy(() -> images.find("No"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use image name No: its repository has the part No [position=1]; write no");
        loadApp();
        assertThatThrownBy(() -> images.tag("app:1", "x@sha256:" + "0".repeat(64)))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot give an image the name x@sha256:" + "0".repeat(64)
                        + ": a digest is not for choosing; leave out @sha256:" + "0".repeat(64));
    }

    @Test
    void beginningOfTwoIdsIsRefused() {
        var ids = new HashMap<String, String>();
        var archive = new TestArchive();
        for (var salt = 0; ; salt++) { // until two configurations have the same four digits
            var config = config("salt" + salt, TOP);
            var other = ids.putIfAbsent(sha256(config).substring(0, 4), "salt" + salt);
            if (other != null) {
                archive.docker("null", config(other, TOP), TOP).docker("null", config, TOP);
                load(archive);
                var prefix = sha256(config).substring(0, 4);
                assertThatThrownBy(() -> images.get(prefix))
                        .isInstanceOf(InvalidSpecException.class)
                        .hasMessage("cannot use image id " + prefix + ": 2 images begin with it; write more of it");
                return;
            }
        }
    }

    @Test
    void nameMovesToTheImageThatGetsIt() {
        var app = loadApp();
        var other = load(new TestArchive().docker("[\"app:1\",\"other\"]", config("other", TOP), TOP));

        assertThat(images.get("app:1").id()).isEqualTo(other.id());
        assertThat(images.get(app.id().toString()).tags()).isEmpty();
        assertThat(images.tag(app.id().toString(), "app:1").tags()).containsExactly("app:1");
        assertThat(images.get("other").tags()).containsExactly("other:latest");
        assertThat(other.tag("b").tags()).containsExactly("b:latest", "other:latest");
    }

    @Test
    void untaggedImageStays() {
        var id = loadApp().id();
        images.untag("app:1");

        assertThat(images.list()).singleElement().satisfies(image -> {
            assertThat(image.id()).isEqualTo(id);
            assertThat(image.tags()).isEmpty();
        });
        assertThatThrownBy(() -> images.untag("app:1"))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot untag image app:1: the store has no image of that name or id;"
                        + " pull it, load an archive, or take cais/host, which is made of this host's programs");
    }

    @Test
    void lastNameTakesTheImageWithIt() {
        loadApp();
        images.tag("app:1", "app:2");

        images.remove("app:1");
        assertThat(images.get("app:2").tags()).containsExactly("app:2");
        images.remove("app:2");
        assertNothingIsLeft();
    }

    @Test
    void idTakesTheImageWithAllItsNames() {
        var image = loadApp();
        images.tag("app:1", "app:2");

        image.remove();
        assertNothingIsLeft();
        assertThatThrownBy(image::remove)
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot remove image " + image.id() + ": the store has no image of that name or id");
        assertThatThrownBy(() -> image.tag("x"))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot name image " + image.id() + " x:latest: it has been removed");
    }

    @Test
    void removalLeavesWhatAnotherImageNeeds() {
        loadApp();
        var other = load(new TestArchive().docker("[\"other\"]", config("other", BASE), BASE));

        images.remove("app:1");
        assertThat(store.layers().list()).containsExactly(other.layers().get(0).diffId());
        assertThat(store.blobs().list()).hasSize(3); // layer, configuration, and the manifest that was made for it
        images.remove("other");
        assertNothingIsLeft();
    }

    @Test
    void imageOfAContainerIsNotRemoved() {
        var image = loadApp();
        images.tag("app:1", "app:2");
        var diffIds = image.layers().stream().map(Layer::diffId).toList();
        try (var container = store.createContainer("web", image.id(), diffIds)) {
            images.remove("app:2");
            assertThatThrownBy(() -> images.remove("app:1"))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage(
                            "cannot remove image app:1: container web uses it [engine=test]; remove the container first");
            assertThat(images.get("app:1").tags()).containsExactly("app:1");
            assertThat(container.directory()).exists();
        }
        images.remove("app:1");
        assertNothingIsLeft();
    }

    private void assertNothingIsLeft() {
        assertThat(images.list()).isEmpty();
        assertThat(store.blobs().list()).isEmpty();
        assertThat(store.layers().list()).isEmpty();
        assertThat(store.root().resolve("images.unswept")).doesNotExist();
    }

    @Test
    void sameConfigurationWithTwoManifestsIsOneImage() {
        var config = config("app", TOP);
        var plain = load(new TestArchive().oci(named("app:plain"), config, TOP));
        var packed = load(new TestArchive().oci(named("app:packed"), config, gzip(TOP)));

        assertThat(packed.id()).isEqualTo(plain.id());
        assertThat(packed.digest()).isNotEqualTo(plain.digest());
        assertThat(images.list()).singleElement().isEqualTo(packed);
        assertThat(images.get("app:plain")).isEqualTo(plain);
        assertThat(images.get("app:plain").tags()).containsExactly("app:packed", "app:plain");
        assertThat(images.get("app@" + plain.digest().orElseThrow())).isEqualTo(plain);

        images.remove("app:plain");
        assertThat(images.find("app@" + plain.digest().orElseThrow())).isEmpty();
        assertThat(store.blobs().find(new Digest("sha256", sha256(TOP)))).isEmpty();
        images.remove("app:packed");
        assertNothingIsLeft();
    }

    @Test
    void manifestFromOutsideTakesThePlaceOfOneThatWasMade() {
        var config = config("app", TOP);
        var made = load(new TestArchive().docker("[\"app:docker\"]", config, TOP));
        var oci = load(new TestArchive().oci(named("app:oci"), config, gzip(TOP)));
        var again = load(new TestArchive().docker("[\"app:docker2\"]", config, TOP));

        assertThat(made.digest()).isEmpty();
        assertThat(images.get("app:docker")).isEqualTo(oci);
        assertThat(again).isEqualTo(oci);
        assertThat(images.get("app:docker2").digest()).isEqualTo(oci.digest());
        images.remove(oci.id().toString());
        assertNothingIsLeft();
    }

    @Test
    void newestImageIsListedFirst() {
        load(new TestArchive()
                .docker("[\"old\"]", withCreated("2001-01-01T00:00:00Z"), TOP)
                .docker("[\"none\"]", withCreated(""), TOP)
                .docker("[\"new\"]", withCreated("2031-01-01T00:00:00+02:00"), TOP));

        assertThat(images.list())
                .flatExtracting(Image::tags)
                .containsExactly("new:latest", "old:latest", "none:latest");
    }

    private static byte[] withCreated(String time) {
        return TestArchive.bytes(
                new String(config("app", TOP), StandardCharsets.UTF_8).replace("2024-01-02T03:04:05Z", time));
    }

    @ParameterizedTest
    @ValueSource(strings = {"rootfs.tar", "rootfs.tar.gz"})
    void importedRootFileSystemIsTheSameImageEachTime(String name) throws Exception {
        var tar = Files.readAllBytes(TestImages.busyboxRootfs());
        var path = TestArchive.write(directory.resolve(name), name.endsWith("gz") ? gzip(tar) : tar);
        var image = images.importRootfs(path, "imported:1");

        assertThat(image.tags()).containsExactly("imported:1");
        assertThat(image.digest()).isEmpty();
        assertThat(image.layers())
                .singleElement()
                .extracting(layer -> layer.diffId().hex())
                .isEqualTo(sha256(tar));
        assertThat(image.layers().get(0).blob().hex()).isEqualTo(sha256(Files.readAllBytes(path)));
        assertThat(image.config().command()).isEmpty();
        assertThat(image.config().created()).contains(Instant.ofEpochSecond(1_700_000_000));
        assertThat(image.history())
                .singleElement()
                .extracting(HistoryEntry::comment)
                .isEqualTo("imported from the tar of a root file system");

        Files.setLastModifiedTime(path, FileTime.from(Instant.EPOCH));
        assertThat(images.importRootfs(path, "imported:2")).isEqualTo(image);
    }

    @Test
    void importSaysWhatTheImageIsToSay() throws Exception {
        var image = images.importRootfs(
                TestImages.busyboxRootfs(),
                "imported:1",
                Platform.parse("linux/arm/v7"),
                CommitOptions.DEFAULT
                        .author("somebody")
                        .message("of a tar")
                        .entrypoint("/bin/busybox")
                        .command("sh")
                        .env("A", "1")
                        .user("1000:1000")
                        .workdir("/tmp")
                        .stopSignal("SIGINT")
                        .expose("80/tcp")
                        .volume("/data")
                        .label("l", "v")
                        .change("ONBUILD RUN make"));

        assertThat(image.platform()).hasToString("linux/arm/v7");
        assertThat(image.history())
                .singleElement()
                .extracting(HistoryEntry::comment)
                .isEqualTo("of a tar");
        assertThat(image.config())
                .isEqualTo(new ImageConfig(
                        Optional.of(Instant.ofEpochSecond(1_700_000_000)),
                        "somebody",
                        List.of("/bin/busybox"),
                        List.of("sh"),
                        List.of("A=1"),
                        "1000:1000",
                        "/tmp",
                        "SIGINT",
                        List.of("80/tcp"),
                        List.of("/data"),
                        Map.of("l", "v"),
                        List.of(),
                        Optional.empty(),
                        List.of("RUN make")));
        assertThatThrownBy(() -> images.importRootfs(
                        TestImages.busyboxRootfs(), "x", Platform.host(), CommitOptions.DEFAULT.change("RUN make")))
                .isInstanceOf(InvalidSpecException.class);
    }

    @Test
    void importOfNothingIsRefused() {
        assertThatThrownBy(() -> images.importRootfs(directory.resolve("none.tar"), "x"))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot import " + directory + "/none.tar: there is no such file");
    }

    @Test
    void loadInterruptedAtAnyMomentIsWholeOrNothing() throws Exception {
        loadApp();
        var before = store.blobs().list();
        var layers = new byte[20][];
        for (var i = 0; i < layers.length; i++) {
            layers[i] = layer("file" + i, "content".repeat(10_000));
        }
        var path = new TestArchive()
                .docker("[\"other\"]", config("other", layers), layers)
                .tar(directory.resolve("other.tar"));
        var threads = Executors.newSingleThreadExecutor();
        try {
            for (var i = 0; i < 20; i++) {
                var again = new ImageCatalog(store, ImageLimits.DEFAULT); // which has read no documents yet
                var loading = threads.submit(() -> {
                    try {
                        again.load(path);
                        return true;
                    } catch (CancelledException e) {
                        return !Thread.interrupted(); // the flag stays set
                    }
                });
                Thread.sleep(i * 3L);
                threads.shutdownNow();
                if (loading.get()) {
                    again.remove("other");
                }
                assertThat(again.list()).hasSize(1);
                assertThat(store.blobs().list()).isEqualTo(before);
                assertThat(store.layers().list()).hasSize(2);
                assertThat(store.temporaryDirectory()).isEmptyDirectory();
                threads = Executors.newSingleThreadExecutor();
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void interruptedLoadLeavesNothing() {
        var path =
                new TestArchive().docker("[\"app\"]", config("app", TOP), TOP).tar(directory.resolve("archive.tar"));

        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> images.load(path)).isInstanceOf(CancelledException.class);
        assertThat(Thread.interrupted()).isTrue();
        assertNothingIsLeft();
    }

    @Test
    void whatAKilledLoadLeftIsSweptByTheNextCatalog() {
        try (var blob = store.blobs().writer()) {
            store.write(store.root().resolve("images.unswept"), new byte[0]);
            blob.write(BASE, 0, BASE.length);
            blob.commit();
        }
        new ImageCatalog(store, ImageLimits.DEFAULT);

        assertNothingIsLeft();
    }
}
