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

import dev.cais.ByteSize;
import dev.cais.Digest;
import dev.cais.Image;
import dev.cais.Layer;
import dev.cais.Platform;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TarWriter;
import dev.cais.fixtures.TestImages;
import dev.cais.image.CatalogTests;
import dev.cais.image.TestArchive;
import dev.cais.image.layer.Compression;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What other programs write is loaded as it is. */
@LeakChecked
class LoadTest extends CatalogTests {
    private static final byte[] LAYER = layer("file", "content");
    private static final byte[] CONFIG = config("app", LAYER);
    private static final String OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";

    @AfterEach
    void removeTrees() {
        // JUnit would remove them, too, but warn of each link that leads out
        Programs.output("rm", "-rf", at("root").toString(), at("bundle").toString());
    }

    private Path at(String name) {
        return directory.resolve(name);
    }

    private void isBusybox(Image image) throws IOException {
        var root = store.layers().find(image.layers().get(0).diffId()).orElseThrow();
        assertThat(root.resolve("bin/busybox")).hasSameBinaryContentAs(Path.of("/bin/busybox"));
        assertThat(Files.readSymbolicLink(root.resolve("bin/sh"))).hasToString("/bin/busybox");
        assertThat(image.config().command()).containsExactly("sh");
    }

    private static String digest(String source) {
        return "sha256:" + sha256(bytesOf("inspect", "--raw", source));
    }

    private static String id(String source) {
        return "sha256:" + sha256(bytesOf("inspect", "--config", "--raw", source));
    }

    private static byte[] bytesOf(String... arguments) {
        return bytes(Programs.skopeo(arguments));
    }

    @ParameterizedTest
    @RequiresProgram("skopeo")
    @CsvSource({
        "oci,    oci:PATH:app:1,            ",
        "oci,    oci:PATH:app:1,            --dest-compress-format zstd --dest-compress",
        "oci,    oci:PATH:app:1,            --dest-oci-accept-uncompressed-layers",
        "tar,    oci-archive:PATH:app:1,    ",
        "tar,    docker-archive:PATH:app:1, ",
        "dir,    dir:PATH,                  ",
        "dir,    dir:PATH,                  --format v2s2",
        "dir,    dir:PATH,                  --format v2s2 --dest-decompress",
    })
    void archivesOfSkopeo(String name, String target, String options) throws IOException {
        var path = at(name);
        var destination = target.strip().replace("PATH", path.toString());
        var command = new ArrayList<>(List.of("copy", "-q"));
        if (options != null) {
            command.addAll(List.of(options.split(" ")));
        }
        command.addAll(List.of("oci:" + TestImages.busyboxLayout() + ":latest", destination));
        Programs.skopeo(command.toArray(String[]::new));

        var loaded = images.load(path);
        assertThat(loaded).singleElement().satisfies(image -> {
            assertThat(image.id()).hasToString(id(destination));
            if (destination.startsWith("docker-archive:")) {
                assertThat(image.digest()).isEmpty();
            } else {
                assertThat(image.digest())
                        .hasValueSatisfying(digest -> assertThat(digest).hasToString(digest(destination)));
            }
            assertThat(image.tags()).isEqualTo(destination.startsWith("dir:") ? List.of() : List.of("app:1"));
        });
        isBusybox(loaded.get(0));
    }

    @Test
    @RequiresRoot
    @RequiresProgram({"podman", "buildah", "skopeo"})
    void archivesOfPodmanAndBuildah() throws IOException {
        var tools = new ContainersTools(directory);
        var container = tools.buildah("from", "scratch");
        tools.buildah("add", "-q", container, TestImages.busyboxRootfs().toString(), "/");
        tools.buildah("config", "--cmd", "sh", "--env", "A=b", container);
        tools.buildah("commit", "-q", container, "oci-archive:" + at("built.tar") + ":built:1");
        var id = tools.buildah("commit", "-q", "--format", "docker", "--rm", container, "app:1")
                .lines()
                .toList();
        tools.podman("tag", "app:1", "ghcr.io/other:2");

        var built = images.load(at("built.tar"));
        assertThat(built).singleElement().satisfies(image -> {
            assertThat(image.tags()).containsExactly("built:1");
            assertThat(image.config().env()).containsExactly("A=b");
        });
        isBusybox(built.get(0));
        for (var format : List.of("docker-archive", "docker-dir", "oci-archive", "oci-dir")) {
            var path = at(format);
            tools.podman("save", "-q", "--format", format, "-o", path.toString(), "localhost/app:1");
            var loaded = images.load(path);
            assertThat(loaded).as(format).singleElement().satisfies(image -> {
                assertThat(image.tags())
                        .isEqualTo(format.equals("docker-dir") ? List.of() : List.of("localhost/app:1"));
                if (format.startsWith("docker")) {
                    assertThat(image.id().hex()).isEqualTo(id.get(id.size() - 1));
                }
            });
            isBusybox(loaded.get(0));
            images.remove(loaded.get(0).id().toString());
        }
        tools.podman("save", "-q", "-m", "-o", at("many.tar").toString(), "localhost/app:1", "ghcr.io/other:2");
        assertThat(images.load(at("many.tar")))
                .singleElement()
                .extracting(Image::tags)
                .isEqualTo(List.of("ghcr.io/other:2", "localhost/app:1"));
    }

    @Test
    @RequiresProgram("umoci")
    void layoutOfUmoci() throws IOException {
        var layout = at("app");
        var root = Files.createDirectory(at("root"));
        Programs.output("tar", "-xf", TestImages.busyboxRootfs().toString(), "-C", root.toString());
        Programs.output("umoci", "init", "--layout", layout.toString());
        Programs.output("umoci", "new", "--image", layout + ":tag");
        Programs.output("umoci", "insert", "--image", layout + ":tag", root.toString(), "/");
        Programs.output("umoci", "config", "--image", layout + ":tag", "--config.cmd", "sh");

        var loaded = images.load(layout);
        assertThat(loaded).singleElement().extracting(Image::tags).isEqualTo(List.of("tag:latest"));
        isBusybox(loaded.get(0));
    }

    /** Docker before 25: a directory a layer, links in place of layers that are there already. */
    @Test
    void dockerArchiveWithLinksBetweenLayers() {
        var id = sha256(LAYER);
        var config = config("app", LAYER, LAYER, LAYER);
        var tar = new TarWriter()
                .file(sha256(config) + ".json", 0644, config)
                .directory("aa/", 0755)
                .file("aa/VERSION", 0644, "1.0")
                .file("aa/layer.tar", 0644, LAYER)
                .directory("bb/", 0755)
                .symlink("bb/layer.tar", "../aa/layer.tar")
                .hardLink("cc/layer.tar", "bb/layer.tar")
                .file("manifest.json", 0644, """
                        [{"Config":"%s.json","RepoTags":["app:1","app:2"],"Layers":["aa/layer.tar","bb/layer.tar","cc/layer.tar"]}]""".formatted(sha256(config)))
                .file("repositories", 0644, "{\"app\":{\"1\":\"cc\"}}")
                .bytes();

        assertThat(images.load(TestArchive.write(at("a.tar"), tar)))
                .singleElement()
                .satisfies(image -> {
                    assertThat(image.tags()).containsExactly("app:1", "app:2");
                    assertThat(image.layers())
                            .hasSize(3)
                            .extracting(layer -> layer.blob().hex())
                            .containsOnly(id);
                });
    }

    /** Docker 25 and later: both kinds in one tar. */
    @Test
    void dockerArchiveThatIsALayoutToo() {
        var archive = new TestArchive()
                .oci(
                        ",\"annotations\":{\"io.containerd.image.name\":\"docker.io/library/app:1\",\"org.opencontainers.image.ref.name\":\"1\"}",
                        CONFIG,
                        LAYER)
                .oci(
                        ",\"annotations\":{\"io.containerd.image.name\":\"ghcr.io/app:2\",\"org.opencontainers.image.ref.name\":\"2\"}",
                        CONFIG,
                        LAYER)
                .file(
                        "manifest.json",
                        "[{\"Config\":\"blobs/sha256/%s\",\"RepoTags\":[\"app:1\"],\"Layers\":[\"blobs/sha256/%s\"]}]"
                                .formatted(sha256(CONFIG), sha256(LAYER)));

        var image = load(archive);
        assertThat(image.tags()).containsExactly("app:1", "ghcr.io/app:2");
        assertThat(image.digest())
                .hasValueSatisfying(digest -> assertThat(digest.hex()).isEqualTo(sha256(manifest(CONFIG, LAYER))));

        image.remove();
        assertThat(load(archive.without("oci-layout")).digest()).isEmpty();
    }

    /** Jib: compressed layers, names that are no digests; saved archives may be compressed as a whole, too. */
    @ParameterizedTest
    @ValueSource(strings = {"a.tar", "a.tar.gz", "a.tar.zst"})
    void dockerArchiveWithCompressedLayers(String name) throws IOException {
        var packed = gzip(LAYER);
        var path = new TestArchive()
                .file("config.json", CONFIG)
                .file(sha256(packed) + ".tar.gz", packed)
                .file(
                        "manifest.json",
                        "[{\"Config\":\"config.json\",\"RepoTags\":[\"app\"],\"Layers\":[\"%s.tar.gz\"]}]"
                                .formatted(sha256(packed)))
                .tar(at("a.tar"));
        if (name.endsWith("gz")) {
            TestArchive.write(at(name), gzip(Files.readAllBytes(path)));
        } else if (name.endsWith("zst")) {
            try (var target = Compression.ZSTD.compress(Files.newOutputStream(at(name)))) {
                target.write(Files.readAllBytes(path));
            }
        }

        assertThat(images.load(at(name))).singleElement().satisfies(image -> {
            assertThat(image.layers())
                    .singleElement()
                    .isEqualTo(new Layer(
                            Digest.parse("sha256:" + sha256(LAYER)),
                            Digest.parse("sha256:" + sha256(packed)),
                            ByteSize.bytes(packed.length),
                            "application/vnd.oci.image.layer.v1.tar+gzip"));
        });
        assertThat(store.temporaryDirectory()).isEmptyDirectory();
    }

    @Test
    void severalImagesKeepTheArchivesOrder() {
        var other = layer("other", "");
        var path = new TestArchive()
                .docker("[\"z\"]", config("z", other, LAYER), other, LAYER)
                .docker("null", config("y", LAYER), LAYER)
                .docker("[\"x\",\"z:2\"]", config("x", other), other)
                .tar(at("a.tar"));

        assertThat(images.load(path))
                .extracting(Image::tags)
                .containsExactly(List.of("z:latest"), List.of(), List.of("x:latest", "z:2"));
        assertThat(store.layers().list()).hasSize(2);
    }

    @Test
    void imageForThisPlatformIsChosen() {
        var foreign = config("foreign", LAYER);
        var index = bytes("{\"schemaVersion\":2,\"manifests\":[%s,%s,%s]}"
                .formatted(
                        descriptor(
                                OCI_MANIFEST,
                                manifest(foreign, LAYER),
                                ",\"platform\":{\"os\":\"linux\",\"architecture\":\"s390x\"}"),
                        descriptor(
                                OCI_MANIFEST,
                                bytes("{}"),
                                ",\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}"),
                        descriptor(
                                OCI_MANIFEST,
                                manifest(CONFIG, LAYER),
                                ",\"platform\":{\"os\":\"linux\",\"architecture\":\""
                                        + Platform.host().architecture() + "\"}")));
        var image = load(new TestArchive()
                .blob(manifest(CONFIG, LAYER))
                .blob(CONFIG)
                .blob(LAYER)
                .blob(index)
                .entry(descriptor("application/vnd.oci.image.index.v1+json", index, named("app"))));

        assertThat(image.id().hex()).isEqualTo(sha256(CONFIG));
        assertThat(image.tags()).containsExactly("app:latest");
    }

    @Test
    void platformsSideBySideInTheIndexAreOneImage() {
        var archive = new TestArchive();
        for (var architecture : List.of("s390x", Platform.host().architecture())) {
            archive.oci(
                    ",\"platform\":{\"os\":\"linux\",\"architecture\":\"" + architecture + "\"}",
                    config(architecture, LAYER),
                    LAYER);
        }

        assertThat(load(archive).config().author()).isEqualTo(Platform.host().architecture());
    }

    @Test
    void foreignImageIsLoadedWhereItIsTheOnlyOne() {
        var foreign = bytes(new String(CONFIG, StandardCharsets.UTF_8).replace("amd64", "s390x"));

        assertThat(load(new TestArchive().docker("[\"app\"]", foreign, LAYER)).platform())
                .hasToString("linux/s390x");
    }

    @Test
    void nameThatIsNoReferenceIsNoName() {
        var image = load(new TestArchive()
                .oci(",\"annotations\":{\"org.opencontainers.image.ref.name\":\"Not a name!\"}", CONFIG, LAYER));

        assertThat(image.tags()).isEmpty();
    }

    @Test
    void imageWithoutLayersIsAnImage() {
        assertThat(load(new TestArchive().docker("[\"scratch-like\"]", config("none")))
                        .layers())
                .isEmpty();
    }

    @Test
    void imageOf127LayersIsLoaded() {
        var layers = new byte[127][];
        for (var i = 0; i < layers.length; i++) {
            layers[i] = layer("file" + i, "content " + i);
        }

        assertThat(load(new TestArchive().docker("[\"many\"]", config("many", layers), layers))
                        .layers())
                .hasSize(127);
        assertThat(store.layers().list()).hasSize(127);
    }
}
