package dev.cais.image;

import static dev.cais.image.TestArchive.config;
import static dev.cais.image.TestArchive.gzip;
import static dev.cais.image.TestArchive.layer;
import static dev.cais.image.TestArchive.named;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ByteSize;
import dev.cais.Damage;
import dev.cais.Digest;
import dev.cais.Image;
import dev.cais.ImageLimits;
import dev.cais.InvalidSpecException;
import dev.cais.Layer;
import dev.cais.PruneOptions;
import dev.cais.Pruned;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TreeListing;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Disk use, pruning, verifying and repairing. */
@LeakChecked
@RequiresRoot
class HousekeepingTest extends CatalogTests {
    private static final byte[] BASE = layer("base", "below");
    private static final byte[] TOP = layer("top", "above");
    private static final byte[] OTHER = layer("other", "another thing");

    private Image load(String name, byte[]... layers) {
        return load(archive(name, layers));
    }

    private static TestArchive archive(String name, byte[]... layers) {
        return new TestArchive().docker("[\"" + name + "\"]", config(name, layers), layers);
    }

    private Path blob(Digest digest) {
        return store.root().resolve("blobs").resolve(digest.algorithm()).resolve(digest.hex());
    }

    private Path tree(Layer layer) {
        return store.layers().find(layer.diffId()).orElseThrow();
    }

    private static void damage(Path file) throws IOException {
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        var content = Files.readAllBytes(file);
        content[content.length / 2] ^= 1;
        Files.write(file, content);
    }

    @Test
    void sharedLayersAreCountedOnceForAll() {
        var app = load("app:1", BASE, TOP);
        var other = load("other:1", BASE, OTHER);

        var uses = images.diskUse();

        assertThat(uses).extracting(use -> use.image().id()).containsExactlyInAnyOrder(app.id(), other.id());
        var use =
                uses.stream().filter(one -> one.image().equals(app)).findFirst().orElseThrow();
        // the layer as it came, and its file
        assertThat(use.shared()).isEqualTo(ByteSize.bytes(BASE.length + "below".length()));
        assertThat(use.size().bytes())
                .isEqualTo(use.shared().bytes() + use.unique().bytes());
        assertThat(use.unique().bytes())
                .isEqualTo(TOP.length
                        + "above".length()
                        + config("app:1", BASE, TOP).length
                        + blob(manifest(app)).toFile().length());
        assertThat(use.containers()).isZero();
    }

    private static Digest manifest(Image image) {
        return ((StoredImage) image).edition().manifest();
    }

    @Test
    void containersOfAnImageAreCounted() {
        var app = load("app:1", BASE);
        var diffIds = app.layers().stream().map(Layer::diffId).toList();
        try (var container = store.createContainer("web", app.id(), diffIds)) {
            assertThat(container.upper()).isDirectory();
            assertThat(images.diskUse())
                    .singleElement()
                    .extracting(use -> use.containers())
                    .isEqualTo(1);
        }
        assertThat(images.diskUse())
                .singleElement()
                .extracting(use -> use.containers())
                .isEqualTo(0);
    }

    @Test
    void pruningTakesDanglingImagesAndWhatOnlyTheyNeed() {
        var kept = load("app:1", BASE, TOP);
        var dangling = load("old:1", BASE, OTHER);
        images.untag("old:1");
        var unique = images.diskUse().stream()
                .filter(use -> use.image().id().equals(dangling.id()))
                .findFirst()
                .orElseThrow()
                .unique();

        var pruned = images.prune(PruneOptions.dangling());

        assertThat(pruned.images()).extracting(Image::id).containsExactly(dangling.id());
        assertThat(pruned.reclaimed()).isEqualTo(unique);
        assertThat(images.list()).containsExactly(kept);
        assertThat(store.layers().find(dangling.layers().get(1).diffId())).isEmpty();
        assertThat(store.layers().find(kept.layers().get(0).diffId())).isPresent();
        assertThat(store.blobs().find(dangling.id())).isEmpty();
        assertThat(images.prune(PruneOptions.dangling())).isEqualTo(new Pruned(List.of(), ByteSize.bytes(0)));
    }

    @Test
    void whatAContainerUsesIsNotPruned() {
        var app = load("app:1", BASE);
        load("other:1", TOP);
        var diffIds = app.layers().stream().map(Layer::diffId).toList();
        try (var container = store.createContainer("web", app.id(), diffIds)) {
            assertThat(container.upper()).isDirectory();
            assertThat(images.prune(PruneOptions.unused()).images())
                    .singleElement()
                    .extracting(Image::tags)
                    .isEqualTo(List.of("other:1"));
            assertThat(images.list()).containsExactly(app);
        }
        assertThat(images.prune(PruneOptions.unused()).images()).containsExactly(app);
        assertThat(store.blobs().list()).isEmpty();
        assertThat(store.layers().list()).isEmpty();
    }

    @Test
    void conditionsOfAPruneMustAllHold() {
        var made = "\"created\":\"2024-01-02T03:04:05Z\",\"config\":{\"Labels\":{\"stage\":\"test\",\"keep\":\"\"},";
        var config = new String(config("app", BASE), StandardCharsets.UTF_8)
                .replace("\"created\":\"2024-01-02T03:04:05Z\",\"config\":{", made);
        var app = load(new TestArchive().docker("[\"app:1\"]", config.getBytes(StandardCharsets.UTF_8), BASE));
        var all = PruneOptions.unused();

        for (var options : List.of(
                all.olderThan(Duration.ofDays(100_000)),
                all.label("stage", "prod"),
                all.label("missing", ""),
                all.withoutLabel("keep"),
                all.label("stage", "test").withoutLabel("keep"),
                PruneOptions.dangling().label("stage", "test"))) {
            assertThat(images.prune(options).images()).as("%s", options).isEmpty();
        }
        assertThat(images.prune(all.olderThan(Duration.ofDays(30))
                                .label("stage", "test")
                                .label("keep", ""))
                        .images())
                .containsExactly(app);
    }

    @Test
    void pruningTheFutureIsRefused() {
        assertThatThrownBy(() -> PruneOptions.dangling().olderThan(Duration.ofDays(-1)))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot prune what is older than PT-24H: it is negative");
    }

    @Test
    void wholeStoreHasNoDamage() {
        load("app:1", BASE, TOP);
        load(new TestArchive().oci(named("zipped:1"), config("zipped", TOP), gzip(TOP)));

        assertThat(images.verify()).isEmpty();
        assertThat(images.repair()).isEmpty();
        assertThat(store.temporaryDirectory()).isEmptyDirectory();
    }

    @Test
    void damagedFilesAreFoundAndUnpackedAgain() throws IOException {
        var app = load("app:1", BASE, TOP);
        var tree = tree(app.layers().get(1));
        var whole = TreeListing.of(tree);
        Files.writeString(tree.resolve("top"), "abovE");
        Files.writeString(tree(app.layers().get(0)).resolve("stray"), "x");

        var verified = images.verify();

        assertThat(verified)
                .containsExactly(
                        new Damage(
                                Damage.Kind.LAYER,
                                app.layers().get(0).diffId(),
                                "the root differs",
                                List.of("app:1"),
                                Damage.Outcome.FOUND),
                        new Damage(
                                Damage.Kind.LAYER,
                                app.layers().get(1).diffId(),
                                "top differs",
                                List.of("app:1"),
                                Damage.Outcome.FOUND));
        assertThat(tree.resolve("top")).hasContent("abovE");

        assertThat(images.repair()).extracting(Damage::outcome).containsOnly(Damage.Outcome.REPAIRED);
        assertThat(TreeListing.of(tree)).isEqualTo(whole);
        assertThat(images.verify()).isEmpty();
        assertThat(store.temporaryDirectory()).isEmptyDirectory();
    }

    @Test
    void modesAndOwnersCountAsMuchAsContent() throws IOException {
        var app = load("app:1", BASE);
        Files.setAttribute(tree(app.layers().get(0)).resolve("base"), "unix:uid", 7);

        assertThat(images.verify()).singleElement().extracting(Damage::problem).isEqualTo("base differs");
    }

    @Test
    void layerThatAContainerIsMountedOnIsLeftAlone() throws IOException {
        var app = load("app:1", BASE);
        var file = tree(app.layers().get(0)).resolve("base");
        Files.writeString(file, "BELOW");
        var diffIds = app.layers().stream().map(Layer::diffId).toList();
        try (var container = store.createContainer("web", app.id(), diffIds)) {
            assertThat(container.upper()).isDirectory();
            assertThat(images.repair())
                    .singleElement()
                    .extracting(Damage::outcome)
                    .isEqualTo(Damage.Outcome.IN_USE);
            assertThat(file).hasContent("BELOW");
        }
        assertThat(images.repair()).singleElement().extracting(Damage::outcome).isEqualTo(Damage.Outcome.REPAIRED);
        assertThat(file).hasContent("below");
    }

    @Test
    void damagedBlobGoesAndTheNextLoadBringsIt() throws IOException {
        var app = load("app:1", BASE, TOP);
        var blob = blob(app.layers().get(1).blob());
        damage(blob);

        assertThat(images.repair())
                .containsExactly(new Damage(
                        Damage.Kind.BLOB,
                        app.layers().get(1).blob(),
                        "its content has another digest",
                        List.of("app:1"),
                        Damage.Outcome.REMOVED));
        assertThat(blob).doesNotExist();
        assertThat(images.verify()).singleElement().extracting(Damage::problem).isEqualTo("it is missing");
        assertThat(tree(app.layers().get(1)).resolve("top")).hasContent("above");

        load("app:1", BASE, TOP);
        assertThat(blob).hasBinaryContent(TOP);
        assertThat(images.verify()).isEmpty();
    }

    @Test
    void missingFilesAreUnpackedAgain() {
        var app = load("app:1", BASE);
        var diffId = app.layers().get(0).diffId();
        store.layers().delete(diffId);

        assertThat(images.repair())
                .containsExactly(new Damage(
                        Damage.Kind.LAYER, diffId, "it is missing", List.of("app:1"), Damage.Outcome.REPAIRED));
        assertThat(images.verify()).isEmpty();
    }

    @Test
    void imageWithADamagedDocumentGoesAndTheNextLoadBringsIt() throws IOException {
        var app = load("app:1", BASE);
        var other = load("other:1", BASE, TOP);
        damage(blob(app.id()));
        var again = new ImageCatalog(store, ImageLimits.DEFAULT);

        assertThat(again.verify())
                .containsExactly(new Damage(
                        Damage.Kind.CONFIGURATION,
                        app.id(),
                        "its content has another digest",
                        List.of("app:1"),
                        Damage.Outcome.FOUND));
        assertThat(again.repair()).singleElement().extracting(Damage::outcome).isEqualTo(Damage.Outcome.REMOVED);
        assertThat(again.list()).containsExactly(other);

        assertThat(again.load(archive("app:1", BASE).tar(directory.resolve("archive.tar"))))
                .containsExactly(app);
        assertThat(again.verify()).isEmpty();
    }
}
