package dev.cais.image.archive;

import static dev.cais.image.TestArchive.bytes;
import static dev.cais.image.TestArchive.config;
import static dev.cais.image.TestArchive.gzip;
import static dev.cais.image.TestArchive.layer;
import static dev.cais.image.TestArchive.named;
import static dev.cais.image.TestArchive.sha256;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.cais.CancelledException;
import dev.cais.ConflictException;
import dev.cais.CorruptContentException;
import dev.cais.Digest;
import dev.cais.Image;
import dev.cais.InvalidSpecException;
import dev.cais.Layer;
import dev.cais.NotFoundException;
import dev.cais.StorageException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestImages;
import dev.cais.image.CatalogTests;
import dev.cais.image.TestArchive;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is saved is read back as the same image, by Cais and by others. */
@LeakChecked
class SaveTest extends CatalogTests {
    private static final byte[] BASE = layer("base", "below");
    private static final byte[] TOP = layer("top", "above");
    private static final byte[] OTHER = layer("other", "beside");

    @AfterEach
    void removeTrees() {
        // JUnit would remove them, too, but warn of each link that leads out
        Programs.output("rm", "-rf", at("root").toString(), at("bundle").toString());
    }

    private Path at(String name) {
        return directory.resolve(name);
    }

    private Image loadApp() {
        return images.load(new TestArchive()
                        .oci(named("app:1"), config("app", BASE, TOP), gzip(BASE), TOP)
                        .tar(at("app-source.tar")))
                .get(0);
    }

    private static List<Digest> diffIds(Image image) {
        return image.layers().stream().map(Layer::diffId).toList();
    }

    @ParameterizedTest
    @CsvSource({
        "saved.tar, false",
        "saved.tgz, false",
        "saved.tar.gz, false",
        "saved.oci.tar, true",
        "saved.oci.tgz, true",
        "saved, true"
    })
    void savedImageIsLoadedAgainAsItWas(String name, boolean isLayout) {
        var app = loadApp();
        images.save(at(name), "app:1");
        app.remove();

        assertThat(images.load(at(name))).singleElement().satisfies(again -> {
            assertThat(again.id()).isEqualTo(app.id());
            assertThat(again.tags()).containsExactly("app:1");
            assertThat(diffIds(again)).isEqualTo(diffIds(app));
            assertThat(again.digest()).isEqualTo(isLayout ? app.digest() : Optional.empty());
            if (isLayout) {
                assertThat(again.layers()).isEqualTo(app.layers());
            } else {
                assertThat(again.layers())
                        .allSatisfy(layer -> assertThat(layer.blob()).isEqualTo(layer.diffId()));
            }
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {".tar", ".tgz", ".oci.tar", ""})
    void sameImagesGiveTheSameBytes(String ending) throws IOException {
        loadApp();
        images.tag("app:1", "b:2");
        images.save(at("one" + ending), "app:1", "b:2");
        images.save(at("two" + ending), "app:1", "b:2");

        assertThat(content(at("two" + ending))).isEqualTo(content(at("one" + ending)));
    }

    private static Map<String, String> content(Path path) throws IOException {
        var content = new TreeMap<String, String>();
        try (var files = Files.walk(path)) {
            for (var file : files.filter(Files::isRegularFile).toList()) {
                content.put(path.relativize(file).toString(), sha256(Files.readAllBytes(file)));
            }
        }
        return content;
    }

    @Test
    void imageWithoutManifestGetsTheSameOneEachTime() throws IOException {
        images.load(
                new TestArchive().docker("[\"app\"]", config("app", TOP), TOP).tar(at("source.tar")));
        images.save(at("one"), "app");
        images.remove("app");
        images.load(at("source.tar"));
        images.save(at("two"), "app");

        assertThat(content(at("two"))).isEqualTo(content(at("one")));
        assertThat(images.load(at("one"))).singleElement().satisfies(image -> {
            assertThat(image.digest()).isPresent();
            assertThat(image.id().hex()).isEqualTo(sha256(config("app", TOP)));
        });
    }

    @Test
    void whatIsNamedByIdGetsNoName() {
        var app = loadApp();
        images.save(at("saved.tar"), app.id().toString());
        images.save(at("saved"), app.id().hex().substring(0, 12));
        app.remove();

        assertThat(images.load(at("saved.tar")).get(0).tags()).isEmpty();
        assertThat(images.load(at("saved")).get(0).tags()).isEmpty();
    }

    @Test
    void severalImagesShareAnArchive() throws IOException {
        loadApp();
        images.load(new TestArchive()
                .docker("[\"other\"]", config("other", BASE), BASE)
                .tar(at("other-source.tar")));
        images.tag("app:1", "app:2");
        images.save(at("saved.tar"), "app:1", "other", "app:2");

        assertThat(Programs.output("tar", "-tf", at("saved.tar").toString()).lines())
                .containsExactly(
                        sha256(BASE) + ".tar",
                        sha256(TOP) + ".tar",
                        sha256(config("app", BASE, TOP)) + ".json",
                        sha256(config("other", BASE)) + ".json",
                        "manifest.json",
                        "repositories");
        assertThat(Programs.output("tar", "-xOf", at("saved.tar").toString(), "manifest.json"))
                .isEqualTo("""
                [{"Config":"%s.json","RepoTags":["docker.io/library/app:1","docker.io/library/app:2"],"Layers":["%s.tar","%s.tar"]},\
                {"Config":"%s.json","RepoTags":["docker.io/library/other:latest"],"Layers":["%s.tar"]}]""".formatted(
                                sha256(config("app", BASE, TOP)),
                                sha256(BASE),
                                sha256(TOP),
                                sha256(config("other", BASE)),
                                sha256(BASE)));
        assertThat(Programs.output("tar", "-xOf", at("saved.tar").toString(), "repositories"))
                .isEqualTo(
                        "{\"docker.io/library/app\":{\"1\":\"%s\",\"2\":\"%s\"},\"docker.io/library/other\":{\"latest\":\"%s\"}}"
                                .formatted(sha256(TOP), sha256(TOP), sha256(BASE)));
    }

    @Test
    void imagesAreAddedToALayoutThatIsThere() {
        var app = loadApp();
        images.load(new TestArchive()
                .docker("[\"other\"]", config("other", BASE), BASE)
                .tar(at("other-source.tar")));
        images.save(at("layout"), "app:1");
        images.save(at("layout"), "other");
        images.tag("other", "app:1");
        images.save(at("layout"), "app:1");
        images.save(at("layout"), app.id().toString());
        images.save(at("layout"), app.id().toString());

        assertThat(images.load(at("layout")))
                .extracting(Image::id, Image::tags)
                .containsExactly(
                        tuple(images.get("other").id(), List.of("app:1", "other:latest")), tuple(app.id(), List.of()));
    }

    @Test
    void directoryWithSomethingElseIsLeftAlone() {
        loadApp();
        TestArchive.write(at("full/file"), bytes("mine"));

        assertThatThrownBy(() -> images.save(at("full"), "app:1"))
                .isInstanceOf(ConflictException.class)
                .hasMessage("cannot save to " + at("full") + ": the directory is neither empty nor an OCI layout;"
                        + " choose another, or a name that ends in .tar for a docker-archive");
        assertThat(at("full")).isDirectoryContaining("glob:**/file");
    }

    @Test
    void failureLeavesWhatWasThere() throws IOException {
        loadApp();
        var other = images.load(new TestArchive()
                        .oci(named("other"), config("other", OTHER), gzip(OTHER))
                        .tar(at("other-source.tar")))
                .get(0);
        images.save(at("saved.tar"), "app:1");
        images.save(at("layout"), "app:1");
        var tarBefore = content(at("saved.tar"));
        var layoutBefore = content(at("layout"));
        var filesBefore = list();

        var blob = store.blobs().find(other.layers().get(0).blob()).orElseThrow();
        var damaged = Files.readAllBytes(blob);
        damaged[damaged.length / 2] ^= 1;
        Files.setAttribute(blob, "unix:mode", 0600);
        Files.write(blob, damaged);

        assertThatThrownBy(() -> images.save(at("layout"), "app:1", "other"))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot use blob " + other.layers().get(0).blob()
                        + " of the store: its content has another digest [found=sha256:" + sha256(damaged) + "]");
        assertThatThrownBy(() -> images.save(at("saved.tar"), "app:1", "other"))
                .isInstanceOf(CorruptContentException.class);
        assertThatThrownBy(() -> images.save(at("new"), "other")).isInstanceOf(CorruptContentException.class);
        assertThatThrownBy(() -> images.save(at("new.tar"), "other")).isInstanceOf(CorruptContentException.class);
        assertThatThrownBy(() -> images.save(at("saved.tar"), "app:1", "none")).isInstanceOf(NotFoundException.class);
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> images.save(at("saved.tar"), "app:1")).isInstanceOf(CancelledException.class);
        assertThat(Thread.interrupted()).isTrue();

        assertThat(content(at("saved.tar"))).isEqualTo(tarBefore);
        assertThat(content(at("layout"))).isEqualTo(layoutBefore);
        assertThat(list()).isEqualTo(filesBefore);
        assertThat(store.temporaryDirectory()).isEmptyDirectory();
    }

    private List<Path> list() throws IOException {
        try (var files = Files.list(directory)) {
            return files.sorted().toList();
        }
    }

    @Test
    void linkKeepsItsPlace() throws IOException {
        loadApp();
        images.save(at("saved.tar"), "app:1");
        var content = content(at("saved.tar"));
        Files.writeString(at("saved.tar"), "old");
        Files.createSymbolicLink(at("link.tar"), Path.of("saved.tar"));
        images.save(at("link.tar"), "app:1");

        assertThat(at("link.tar")).isSymbolicLink();
        assertThat(content(at("saved.tar"))).isEqualTo(content);
    }

    @Test
    void nowhereToSaveIsReported() {
        loadApp();
        assertThatThrownBy(() -> images.save(Path.of("/dev/full"), "app:1"))
                .isInstanceOf(ConflictException.class)
                .hasMessage("cannot save to /dev/full: it is no regular file");
        assertThatThrownBy(() -> images.save(at("none/saved.tar"), "app:1"))
                .isInstanceOf(StorageException.class)
                .hasMessage("cannot save to " + at("none/saved.tar") + ": there is no such file or directory");
        assertThatThrownBy(() -> images.save(at("saved.tar")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot save to " + at("saved.tar") + ": no image was named");
        assertThatThrownBy(() -> images.save(at("saved.tar"), "app:2"))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot save image app:2: the store has no image of that name or id; did you mean app:1?");
    }

    @ParameterizedTest
    @RequiresProgram("skopeo")
    @ValueSource(strings = {"gzip", "zstd", "v2s2", "docker-archive"})
    void skopeoReadsWhatIsSaved(String origin) {
        load(origin);
        var image = images.get("app:1");
        images.save(at("saved.tar"), "app:1");
        images.save(at("saved.oci.tar"), "app:1");
        images.save(at("saved"), "app:1");

        var byName = "oci:" + at("saved") + ":docker.io/library/app:1";
        for (var source : List.of(
                "docker-archive:" + at("saved.tar"),
                "docker-archive:" + at("saved.tar") + ":docker.io/library/app:1",
                "oci-archive:" + at("saved.oci.tar"),
                "oci:" + at("saved"),
                origin.equals("v2s2") ? "oci:" + at("saved") : byName)) { // of OCI's manifests alone it reads the names
            assertThat(sha256(bytes(Programs.skopeo("inspect", "--config", "--raw", source))))
                    .as(source)
                    .isEqualTo(image.id().hex());
            if (source.startsWith("oci") && image.digest().isPresent()) {
                assertThat(sha256(bytes(Programs.skopeo("inspect", "--raw", source))))
                        .as(source)
                        .isEqualTo(image.digest().get().hex());
            }
            Programs.skopeo("copy", "-q", source, "dir:" + at("copy"));
            Programs.output("rm", "-rf", at("copy").toString());
        }
    }

    private void load(String origin) {
        var source = "oci:" + TestImages.busyboxLayout() + ":latest";
        switch (origin) {
            case "gzip" ->
                images.tag(images.load(TestImages.busyboxLayout()).get(0).id().toString(), "app:1");
            case "zstd" -> {
                Programs.skopeo(
                        "copy",
                        "-q",
                        "--dest-compress",
                        "--dest-compress-format",
                        "zstd",
                        source,
                        "oci:" + at("zstd") + ":app:1");
                images.load(at("zstd"));
            }
            case "v2s2" -> {
                Programs.skopeo("copy", "-q", "--format", "v2s2", source, "dir:" + at("v2s2"));
                images.load(at("v2s2")).get(0).tag("app:1");
            }
            default -> images.load(TestImages.busyboxArchive()).get(0).tag("app:1");
        }
    }

    @Test
    @RequiresRoot
    @RequiresProgram("podman")
    void podmanReadsWhatIsSaved() {
        load("gzip");
        var image = images.get("app:1");
        images.tag("app:1", "ghcr.io/other:2");
        images.save(at("saved.tar"), "app:1", "ghcr.io/other:2");
        images.save(at("saved.oci.tar"), "app:1");
        var tools = new ContainersTools(directory);

        tools.podman("load", "-q", "-i", at("saved.tar").toString());
        assertThat(tools.podman("image", "inspect", "--format", "{{.Id}} {{.RepoTags}}", "app:1"))
                .startsWith(image.id().hex())
                .contains("docker.io/library/app:1", "ghcr.io/other:2"); // in no order
        tools.podman("rmi", "-fa");
        tools.podman("load", "-q", "-i", at("saved.oci.tar").toString());
        assertThat(tools.podman("image", "inspect", "--format", "{{.Id}} {{.Digest}} {{.RepoTags}}", "app:1"))
                .isEqualTo(image.id().hex() + " " + image.digest().orElseThrow() + " [docker.io/library/app:1]");
    }

    @ParameterizedTest
    @RequiresRoot
    @RequiresProgram("umoci")
    @ValueSource(strings = {"gzip", "docker-archive"})
    void umociReadsWhatIsSaved(String origin) {
        load(origin);
        var layer = images.get("app:1").layers().get(0);
        images.save(at("saved"), "app:1");

        Programs.output(
                "umoci",
                "unpack",
                "--image",
                at("saved") + ":docker.io/library/app:1",
                at("bundle").toString());
        var tree = store.layers().find(layer.diffId()).orElseThrow();
        assertThat(Programs.output(
                        "diff",
                        "-r",
                        "--no-dereference",
                        tree.toString(),
                        at("bundle/rootfs").toString()))
                .isEmpty();
    }
}
