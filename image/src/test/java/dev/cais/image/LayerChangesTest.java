package dev.cais.image;

import static dev.cais.image.TestArchive.config;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.FileChange;
import dev.cais.Image;
import dev.cais.InvalidSpecException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TarWriter;
import dev.cais.image.archive.ContainersTools;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What each layer of an image did, and which ones images have in common. */
@LeakChecked
@RequiresRoot
class LayerChangesTest extends CatalogTests {
    private static final byte[] BASE = new TarWriter()
            .directory("etc", 0755)
            .file("etc/a", 0644, "a")
            .file("etc/b", 0644, "b")
            .directory("gone", 0755)
            .file("gone/deep", 0644, "d")
            .file("keep", 0644, "k")
            .directory("old", 0755)
            .file("old/o", 0644, "o")
            .file("old/p", 0644, "p")
            .bytes();
    private static final byte[] TOP = new TarWriter()
            .directory("etc", 0755)
            .file("etc/a", 0644, "and more")
            .file("etc/.wh.b", 0644, "")
            .file(".wh.gone", 0644, "")
            .directory("new", 0755)
            .file("new/x", 0644, "x")
            .directory("old", 0755)
            .file("old/.wh..wh..opq", 0644, "")
            .file("old/o", 0644, "other")
            .directory("proc", 0755)
            .bytes();
    private static final byte[] OTHER =
            new TarWriter().directory("etc", 0700).file("keep", 0644, "q").bytes();

    private Image load(String name, byte[]... layers) {
        var archive = new TestArchive().docker("[\"" + name + "\"]", config(name, layers), layers);
        return images.load(archive.tar(directory.resolve("archive.tar"))).get(0);
    }

    private static List<String> changes(Image image, int layer) {
        return image.changes(image.layers().get(layer)).stream()
                .map(FileChange::toString)
                .toList();
    }

    @Test
    void eachLayerTellsWhatItAddsChangesAndDeletes() {
        var image = load("app:1", BASE, TOP);

        assertThat(changes(image, 0))
                .containsExactly(
                        "A /etc",
                        "A /etc/a",
                        "A /etc/b",
                        "A /gone",
                        "A /gone/deep",
                        "A /keep",
                        "A /old",
                        "A /old/o",
                        "A /old/p");
        assertThat(changes(image, 1))
                .containsExactly(
                        "C /etc",
                        "C /etc/a",
                        "D /etc/b",
                        "D /gone",
                        "A /new",
                        "A /new/x",
                        "C /old",
                        "C /old/o",
                        "D /old/p",
                        "A /proc");
    }

    @Test
    void fileOfTheSameTimeAndSizeIsChangedAllTheSame() {
        assertThat(changes(load("app:1", BASE, OTHER), 1)).containsExactly("C /etc", "C /keep");
    }

    @Test
    @RequiresProgram("podman")
    void podmanTellsTheSameOfTheNewestLayer() {
        var image = load("app:1", BASE, TOP);
        images.save(directory.resolve("app.tar"), "app:1");
        var tools = new ContainersTools(directory.resolve("containers"));
        tools.podman("load", "-q", "-i", directory.resolve("app.tar").toString());

        var told =
                new ArrayList<>(tools.podman("image", "diff", "app:1").lines().toList());
        told.add("A /proc"); // podman leaves out where it mounts something itself
        assertThat(changes(image, 1)).containsExactlyInAnyOrderElementsOf(told);
    }

    @Test
    void imagesHaveInCommonTheLayersThatTheyBeginWith() {
        var app = load("app:1", BASE, TOP);
        var other = load("other:1", BASE, OTHER, TOP);

        assertThat(app.sharedLayers(other)).isEqualTo(app.layers().subList(0, 1));
        assertThat(app.sharedLayers(app)).isEqualTo(app.layers());
        assertThat(app.sharedLayers(load("third:1", TOP, BASE))).isEmpty();
    }

    @Test
    void layerOfAnotherImageIsRefused() {
        var image = load("app:1", BASE, TOP);
        var foreign = load("other:1", OTHER).layers().get(0);

        assertThatThrownBy(() -> image.changes(foreign))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot tell what layer " + foreign.diffId()
                        + " changes: the image has no such layer; pass one of Image.layers()");
    }
}
