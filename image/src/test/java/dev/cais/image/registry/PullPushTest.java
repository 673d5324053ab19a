package dev.cais.image.registry;

import static dev.cais.image.TestArchive.config;
import static dev.cais.image.TestArchive.gzip;
import static dev.cais.image.TestArchive.layer;
import static dev.cais.image.TestArchive.sha256;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.Image;
import dev.cais.LayerCompression;
import dev.cais.NotFoundException;
import dev.cais.ProgressEvent;
import dev.cais.PullOptions;
import dev.cais.PullPolicy;
import dev.cais.PushOptions;
import dev.cais.RegistryException;
import dev.cais.RegistryOptions;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.TestImages;
import dev.cais.image.TestArchive;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

/** Against Debian's docker-registry, with skopeo on the other side. */
class PullPushTest extends WithRegistry {
    private static final byte[] BASE = layer("base", "below");
    private static final byte[] TOP = layer("top", "above");

    private Image loadBusybox() {
        return images.load(TestImages.busyboxLayout()).get(0);
    }

    @Test
    @RequiresProgram("skopeo")
    void pullsWhatSkopeoPushed() {
        Programs.skopeo(
                "copy",
                "--dest-tls-verify=false",
                "oci:" + TestImages.busyboxLayout() + ":latest",
                "docker://" + at("b:1"));

        var pulled = images.pull(at("b:1"));

        assertThat(pulled.tags()).containsExactly(at("b:1"));
        assertThat(pulled.digest())
                .get()
                .hasToString(Programs.skopeo(
                        "inspect", "--tls-verify=false", "--format", "{{.Digest}}", "docker://" + at("b:1")));
        assertThat(store.layers().find(pulled.layers().get(0).diffId()))
                .get()
                .extracting(tree -> tree.resolve("bin/busybox").toFile().canExecute())
                .isEqualTo(true);
        assertThat(store.root().resolve("partial")).isEmptyDirectory();
    }

    @Test
    @RequiresProgram("skopeo")
    void skopeoPullsWhatWasPushedByteForByte() {
        var image = loadBusybox();
        image.tag(at("pushed:1"));

        var digest = images.push(at("pushed:1"));

        assertThat(image.digest()).contains(digest);
        assertThat(Programs.skopeo(
                        "inspect", "--tls-verify=false", "--format", "{{.Digest}}", "docker://" + at("pushed:1")))
                .isEqualTo(digest.toString());
        Programs.skopeo(
                "copy", "--src-tls-verify=false", "docker://" + at("pushed:1"), "dir:" + directory.resolve("got"));
    }

    @Test
    void unchangedTagCostsOneRequest() {
        loadBusybox().tag(at("b:1"));
        images.push(at("b:1"));
        var first = images.pull(at("b:1"));
        var before = registry.requests().size();

        assertThat(images.pull(at("b:1"))).isEqualTo(first);

        assertThat(registry.requests()).hasSize(before + 1);
        assertThat(registry.requests().get(before)).contains("HEAD /v2/b/manifests/1 ");
    }

    @Test
    void removedImageComesBackWithTheSameDigests() {
        var image = loadBusybox();
        image.tag(at("b:1"));
        var digest = images.push(at("b:1"));
        var config = image.id();
        image.remove();
        assertThat(images.list()).isEmpty();
        assertThat(store.blobs().list()).isEmpty();

        var pulled = images.pull(at("b:1"));

        assertThat(pulled.id()).isEqualTo(config);
        assertThat(pulled.digest()).contains(digest);
    }

    @Test
    void digestIsPulledAsItIs() {
        loadBusybox().tag(at("b:1"));
        var digest = images.push(at("b:1"));
        images.get(at("b:1")).remove();

        var pulled = images.pull(at("b@" + digest));

        assertThat(pulled.digest()).contains(digest);
        assertThat(pulled.tags()).isEmpty();
        assertThat(images.get(at("b@" + digest))).isEqualTo(pulled);
        images.remove(at("b@" + digest));
        assertThat(images.list()).isEmpty();
    }

    @Test
    void layersWithoutAManifestAreCompressedOnceAndAlwaysToTheSameBytes() {
        var image = images.load(TestImages.busyboxArchive()).get(0);
        assertThat(image.digest()).isEmpty();
        image.tag(at("packed:1"));

        var digest = images.push(at("packed:1"));

        var packed = images.get(at("packed:1"));
        assertThat(packed.digest()).contains(digest);
        assertThat(packed.layers().get(0).mediaType()).isEqualTo("application/vnd.oci.image.layer.v1.tar+gzip");
        assertThat(images.push(at("packed:1"))).isEqualTo(digest);
        image.remove();
        images.load(TestImages.busyboxArchive()).get(0).tag(at("packed:1"));
        assertThat(images.push(at("packed:1"))).isEqualTo(digest);
    }

    @Test
    void whoHadAnImageBeforeItsLayersWereCompressedNamesAndPushesIt() {
        var image = images.load(TestImages.busyboxArchive()).get(0);
        image.tag(at("packed:1"));
        var digest = images.push(at("packed:1"));

        assertThat(image.tag(at("packed:2")).digest()).contains(digest);
        assertThat(images.push(at("packed:2"))).isEqualTo(digest);
    }

    @Test
    void zstdLayersArePushedAndPulled() {
        images.load(TestImages.busyboxArchive()).get(0).tag(at("packed:1"));

        images.push(at("packed:1"), PushOptions.defaults().compression(LayerCompression.ZSTD, 19));

        images.get(at("packed:1")).remove();
        assertThat(images.pull(at("packed:1")).layers().get(0).mediaType())
                .isEqualTo("application/vnd.oci.image.layer.v1.tar+zstd");
    }

    @Test
    @RequiresProgram("skopeo")
    void layersWithATableOfContentsArePulledByThoseWhoDoNotKnowIt() {
        var image = images.load(TestImages.busyboxArchive()).get(0);
        image.tag(at("chunked:1"));

        images.push(at("chunked:1"), PushOptions.defaults().compression(LayerCompression.ZSTD_CHUNKED));

        assertThat(Programs.skopeo("inspect", "--raw", "--tls-verify=false", "docker://" + at("chunked:1")))
                .contains("application/vnd.oci.image.layer.v1.tar+zstd")
                .contains("io.github.containers.zstd-chunked.manifest-position");
        var copy = directory.resolve("copy");
        Programs.skopeo("copy", "--src-tls-verify=false", "docker://" + at("chunked:1"), "oci:" + copy + ":chunked");
        image.remove();
        assertThat(images.load(copy).get(0).id()).isEqualTo(image.id());
        assertThat(images.pull(at("chunked:1")).id()).isEqualTo(image.id());
    }

    @Test
    @RequiresProgram({"skopeo", "umoci", "podman"})
    void layersAsEStargzArePlainGzipForOthers() {
        var image = images.load(TestImages.busyboxArchive()).get(0);
        image.tag(at("lazy:1"));
        var options = PushOptions.defaults().compression(LayerCompression.ESTARGZ);

        var digest = images.push(at("lazy:1"), options);

        assertThat(images.push(at("lazy:1"), options)).isEqualTo(digest);
        assertThat(Programs.skopeo("inspect", "--raw", "--tls-verify=false", "docker://" + at("lazy:1")))
                .contains("application/vnd.oci.image.layer.v1.tar+gzip")
                .contains("containerd.io/snapshot/stargz/toc.digest");
        var copy = directory.resolve("copy");
        Programs.skopeo("copy", "--src-tls-verify=false", "docker://" + at("lazy:1"), "oci:" + copy + ":lazy");
        var tree = directory.resolve("tree");
        Programs.output("umoci", "raw", "unpack", "--image", copy + ":lazy", tree.toString());
        assertThat(tree.resolve("bin/busybox")).isExecutable();
        assertThat(tree.resolve("stargz.index.json")).isNotEmptyFile();
        Programs.output( // with its mounts in a namespace of its own, where they end
                "unshare",
                "--mount",
                "podman",
                "--root=" + directory.resolve("root"),
                "--runroot=" + directory.resolve("run"),
                "pull",
                "--tls-verify=false",
                at("lazy:1"));

        var pulled = images.pull(at("lazy:1"));

        assertThat(pulled.digest()).contains(digest);
        assertThat(pulled.id()).isNotEqualTo(image.id());
        assertThat(pulled.config()).isEqualTo(image.config());
        assertThat(images.list()).extracting(Image::id).containsExactlyInAnyOrder(image.id(), pulled.id());
    }

    @Test
    @RequiresProgram("podman")
    void podmanPullsTheFilesThatItDoesNotHave() throws IOException {
        images.load(TestImages.busyboxArchive()).get(0).tag(at("chunked:1"));
        images.push(at("chunked:1"), PushOptions.defaults().compression(LayerCompression.ZSTD_CHUNKED));
        var settings = directory.resolve("storage.conf");
        Files.writeString(settings, """
                [storage]
                driver = "overlay"
                runroot = "%1$s/run"
                graphroot = "%1$s/root"
                [storage.options]
                pull_options = {enable_partial_images = "true"}
                """.formatted(directory));

        // with its mounts in a namespace of its own, where they end
        var pulled = Programs.run(
                "unshare",
                "--mount",
                "sh",
                "-c",
                "CONTAINERS_STORAGE_CONF=$0 podman --log-level=debug pull --tls-verify=false $1 2>&1",
                settings.toString(),
                at("chunked:1"));

        assertThat(pulled.output()).contains("Retrieved partial blob");
        assertThat(pulled.exitCode()).isZero();
    }

    @Test
    void blobsOfAnotherRepositoryAreMounted() {
        loadBusybox().tag(at("first:1"));
        images.push(at("first:1"));
        images.get(at("first:1")).tag(at("second:1"));
        var before = registry.requests().size();

        images.push(at("second:1"));

        assertThat(registry.requests().subList(before, registry.requests().size()))
                .noneMatch(request -> request.contains("\"PATCH")
                        || request.contains("blobs/uploads/?") && !request.contains("mount="))
                .anyMatch(request -> request.contains("mount=sha256"));
    }

    @Test
    void chunksMakeTheSameBlob() {
        loadBusybox().tag(at("chunks:1"));

        var digest = images.push(at("chunks:1"), PushOptions.defaults().chunkSize(dev.cais.ByteSize.kib(300)));

        assertThat(registry.requests())
                .filteredOn(request -> request.contains("PATCH"))
                .hasSizeGreaterThan(2);
        images.get(at("chunks:1")).remove();
        assertThat(images.pull(at("chunks:1")).digest()).contains(digest);
    }

    @Test
    void indexIsPulledForOnePlatformOrForAllAndPushedAsItIs() {
        pushIndex();
        var digest = images.pull(at("multi:1")).digest();
        assertThat(images.list()).hasSize(1);
        assertThat(images.get(at("multi:1")).platform()).hasToString("linux/amd64");

        assertThat(images.pull(at("multi:1"), PullOptions.defaults().platform("linux/arm/v7"))
                        .platform())
                .hasToString("linux/arm/v6");
        var all = images.pull(at("multi:1"), PullOptions.defaults().forAllPlatforms());
        assertThat(all.digest()).isEqualTo(digest);
        assertThat(images.list()).hasSize(2);
        all.tag(at("copy:1"));

        var pushed = images.push(at("copy:1"));

        assertThat(Programs.skopeo("inspect", "--tls-verify=false", "--raw", "docker://" + at("copy:1")))
                .isEqualTo(Programs.skopeo("inspect", "--tls-verify=false", "--raw", "docker://" + at("multi:1")))
                .satisfies(raw ->
                        assertThat("sha256:" + sha256(TestArchive.bytes(raw))).isEqualTo(pushed.toString()));
        images.remove(at("copy:1"));
        assertThat(images.list()).hasSize(2);
        images.remove(at("multi:1"));
        assertThat(images.list()).isEmpty();
        assertThat(store.blobs().list()).isEmpty();
    }

    @Test
    void messageSaysWhichPlatformsAreThere() {
        pushIndex();

        assertThatThrownBy(
                        () -> images.pull(at("multi:1"), PullOptions.defaults().platform("linux/s390x")))
                .isInstanceOf(dev.cais.CorruptContentException.class)
                .hasMessageEndingWith("it has no image for linux/s390x, only linux/amd64, linux/arm/v6");
        assertThat(images.list()).isEmpty();
        assertThat(store.blobs().list()).isEmpty();
    }

    /** An amd64 and an arm/v6 image, and an attestation as BuildKit adds it. */
    private void pushIndex() {
        var amd = config("amd", BASE);
        var arm = TestArchive.bytes(new String(config("arm", TOP), java.nio.charset.StandardCharsets.UTF_8)
                .replace("\"amd64\"", "\"arm\",\"variant\":\"v6\""));
        var statement = TestArchive.bytes("{\"_type\":\"https://in-toto.io/Statement/v0.1\"}");
        var empty = TestArchive.bytes("{}");
        var attestation =
                TestArchive.bytes("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
                        + "\"config\":" + TestArchive.descriptor("application/vnd.oci.image.config.v1+json", empty, "")
                        + ",\"layers\":[" + TestArchive.descriptor("application/vnd.in-toto+json", statement, "")
                        + "]}");
        var amdManifest = TestArchive.manifest(amd, gzip(BASE));
        var armManifest = TestArchive.manifest(arm, gzip(TOP));
        var type = "application/vnd.oci.image.manifest.v1+json";
        var index = TestArchive.bytes(
                "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":["
                        + TestArchive.descriptor(type, amdManifest, platform("amd64", "")) + ","
                        + TestArchive.descriptor(type, armManifest, platform("arm", ",\"variant\":\"v6\"")) + ","
                        + TestArchive.descriptor(
                                type, attestation, ",\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}")
                        + "]}");
        var layout = new TestArchive();
        for (var blob : List.of(
                amd, arm, gzip(BASE), gzip(TOP), amdManifest, armManifest, attestation, statement, empty, index)) {
            layout.blob(blob);
        }
        layout.entry(TestArchive.descriptor(
                "application/vnd.oci.image.index.v1+json",
                index,
                ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"multi\"}"));
        var path = layout.directory(directory.resolve("multi"));
        Programs.skopeo(
                "copy", "--all", "--dest-tls-verify=false", "oci:" + path + ":multi", "docker://" + at("multi:1"));
    }

    private static String platform(String architecture, String more) {
        return ",\"platform\":{\"os\":\"linux\",\"architecture\":\"%s\"%s}".formatted(architecture, more);
    }

    @Test
    void policiesAskTheRegistryOrNot() {
        loadBusybox().tag(at("b:1"));
        assertThatThrownBy(() -> images.pull(at("c:1"), PullOptions.defaults().policy(PullPolicy.NEVER)))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot pull " + at("c:1")
                        + ": the store does not have it, and the policy is never to ask a registry");
        images.pull(at("b:1"), PullOptions.defaults().policy(PullPolicy.NEVER));
        images.pull(at("b:1"), PullOptions.defaults().policy(PullPolicy.MISSING));
        assertThat(registry.requests()).isEmpty();
        assertThatThrownBy(() -> images.pull(at("b:1"), PullOptions.defaults().policy(PullPolicy.NEWER)))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot pull " + at("b:1") + ": " + at("b") + " has no manifest 1");
        registry.close();
        images.pull(at("b:1"), PullOptions.defaults().policy(PullPolicy.NEWER));
        assertThatThrownBy(() -> images.pull(at("b:1")))
                .isInstanceOf(RegistryException.class)
                .hasMessage("cannot pull " + at("b:1") + ": cannot reach " + registry.address()
                        + ": the connection was refused");
    }

    @Test
    void offlineEngineOpensNoSocket() {
        try (var offline =
                catalog(RegistryOptions.defaults().insecure(registry.address()).offline(true))) {
            assertThatThrownBy(() -> offline.pull(at("b:1")))
                    .isInstanceOf(RegistryException.class)
                    .hasMessage("cannot pull " + at("b:1")
                            + ": the engine is offline; pull it while online, or load an archive");
        }
        assertThat(registry.requests()).isEmpty();
    }

    @Test
    void loopbackIsTriedWithTlsAndThenWithout() {
        loadBusybox().tag(at("b:1"));
        images.push(at("b:1"));
        try (var plain = catalog(RegistryOptions.defaults())) {
            plain.pull(at("b:1"));
            assertThat(plain.push(at("b:1")))
                    .isEqualTo(plain.get(at("b:1")).digest().orElseThrow());
        }
    }

    @Test
    void mirrorsComeFirstAndNamesAreRewritten() {
        loadBusybox().tag(at("cache/library/b:1"));
        images.push(at("cache/library/b:1"));
        var options = RegistryOptions.defaults().insecure(registry.address()).insecure("127.0.0.1:1");
        try (var mirrored = catalog(options.mirror("docker.io", "127.0.0.1:1", registry.address() + "/cache"))) {
            assertThat(mirrored.pull("b:1").tags()).contains("b:1");
        }
        try (var rewritten = catalog(options.rewrite("example.com/x", registry.address() + "/cache/library"))) {
            assertThat(rewritten.pull("example.com/x/b:1").tags()).contains("example.com/x/b:1");
        }
    }

    @Test
    void progressIsToldPerLayerAndInAll() {
        loadBusybox().tag(at("b:1"));
        var pushed = new CopyOnWriteArrayList<ProgressEvent>();
        images.push(at("b:1"), PushOptions.defaults(), pushed::add);
        images.get(at("b:1")).remove();
        var pulled = new CopyOnWriteArrayList<ProgressEvent>();

        var image = images.pull(at("b:1"), PullOptions.defaults(), pulled::add);

        assertThat(pushed).extracting(ProgressEvent::phase).endsWith(ProgressEvent.Phase.DONE);
        var last = pulled.get(pulled.size() - 1);
        assertThat(last)
                .isEqualTo(new ProgressEvent(
                        image.layers().get(0).blob(),
                        ProgressEvent.Phase.DONE,
                        image.size(),
                        image.size(),
                        image.size(),
                        image.size()));
        assertThat(last.toString()).matches("sha256:[0-9a-f]{12} done .* of .*, in all .* of .*");
        images.get(at("b:1")).remove();
        images.pull(at("b:1"), PullOptions.defaults(), event -> {
            throw new IllegalStateException("of the test");
        });
    }
}
