package dev.cais.image.registry;

import static dev.cais.image.TestArchive.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ArtifactSpec;
import dev.cais.ConflictException;
import dev.cais.CorruptContentException;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.IndexSpec;
import dev.cais.InvalidSpecException;
import dev.cais.NotFoundException;
import dev.cais.Platform;
import dev.cais.PullOptions;
import dev.cais.RegistryException;
import dev.cais.RegistryOptions;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.TestImages;
import dev.cais.fixtures.TestRegistry;
import dev.cais.image.ImageCatalog;
import dev.cais.image.TestArchive;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

/** What a registry can do beyond giving and taking images: against Debian's docker-registry, with skopeo beside. */
class RepositoryTest extends WithRegistry {
    private static final String TYPE = "application/vnd.example.report";

    private Digest pushBusybox(String name) {
        images.load(TestImages.busyboxLayout()).get(0).tag(at(name));
        return images.push(at(name));
    }

    @Test
    @RequiresProgram("skopeo")
    void tagsAreThoseThatSkopeoLists() {
        pushBusybox("b:1");
        images.tag(at("b:1"), at("b:latest"));
        images.push(at("b:latest"));
        Programs.skopeo(
                "copy",
                "--dest-tls-verify=false",
                "oci:" + TestImages.busyboxLayout() + ":latest",
                "docker://" + at("b:s"));

        var repository = images.repository(at("b"));

        assertThat(repository.name()).isEqualTo(at("b"));
        assertThat(repository).hasToString("ImageRepository[" + at("b") + "]");
        assertThat(repository.tags()).containsExactlyInAnyOrder("1", "latest", "s");
        assertThat(Programs.skopeo("list-tags", "--tls-verify=false", "docker://" + at("b")))
                .contains("\"1\"", "\"s\"");
    }

    @Test
    void repositoriesAreListedWithTheNamesThatImagesTake() {
        for (var i = 0; i < 3; i++) {
            pushBusybox("list/b" + i + ":1");
        }

        var found = images.registry(registry.address()).repositories().toList();

        assertThat(found).containsExactly(at("list/b0"), at("list/b1"), at("list/b2"));
        assertThat(images.repository(found.get(1)).tags()).containsExactly("1");
        assertThat(images.registry(registry.address())).hasToString("ImageRegistry[" + registry.address() + "]");
    }

    @Test
    void registryOnLoopbackIsTriedWithTlsFirst() {
        pushBusybox("b:1");
        try (var plain = new ImageCatalog(store, ImageLimits.DEFAULT, RegistryOptions.defaults())) {
            assertThat(plain.registry(registry.address()).repositories()).containsExactly(at("b"));
            assertThat(plain.repository(at("b")).tags()).containsExactly("1");
        }
        registry.close();
        try (var plain = new ImageCatalog(
                store, ImageLimits.DEFAULT, RegistryOptions.defaults().retries(0))) {
            assertThatThrownBy(() -> plain.repository(at("b")).tags())
                    .isInstanceOf(RegistryException.class)
                    .hasMessage("cannot list the tags of " + at("b") + ": cannot reach " + registry.address()
                            + ": the connection was refused");
        }
    }

    @Test
    void whatIsNotThereIsNamed() {
        var repository = images.repository(at("none"));

        assertThatThrownBy(repository::tags)
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot list the tags of " + at("none") + ": " + at("none") + " has no list of tags");
        assertThatThrownBy(() -> repository.manifest("1"))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot read manifest " + at("none:1") + ": " + at("none") + " has no manifest 1");
        assertThatThrownBy(() -> repository.delete("1"))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot delete " + at("none:1") + ": " + at("none") + " has no manifest 1");
        assertThatThrownBy(() -> images.registry(registry.address()).search("busybox", 10))
                .isInstanceOf(RegistryException.class)
                .hasMessage("cannot search " + registry.address() + " for busybox: " + registry.address()
                        + " has no search [status=404]; list its repositories");
    }

    @Test
    void namesThatAreNoneAreRefused() {
        assertThatThrownBy(() -> images.repository("busybox:1"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use image name busybox:1: it has a tag or a digest [position=8]; write busybox");
        assertThatThrownBy(() -> images.registry("https://localhost"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use registry https://localhost: it is no host[:port] as names have it;"
                        + " write localhost:5000 or docker.io, without https://");
        assertThatThrownBy(() -> images.registry("hub"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessageStartingWith("cannot use registry hub: ");
        assertThatThrownBy(() -> images.repository("busybox").manifest("a b"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use tag a b: it is none; write 1 to 128 letters, digits, _, . or hyphens, not"
                        + " beginning with . or a hyphen");
        assertThatThrownBy(() -> images.registry("docker.io").search("x", 101))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot search docker.io: the term is empty, or the limit not 1 to 100");
    }

    @Test
    void tagIsDeletedAloneAndAManifestWithAllItsTags() {
        var digest = pushBusybox("b:1");
        images.tag(at("b:1"), at("b:2"));
        images.push(at("b:2"));
        var repository = images.repository(at("b"));

        repository.delete("1");

        assertThat(repository.tags()).containsExactly("2");
        assertThat(repository.manifest("2").digest()).isEqualTo(digest);
        repository.delete(digest.toString());
        assertThatThrownBy(() -> repository.manifest("2")).isInstanceOf(NotFoundException.class);
        assertThatThrownBy(() -> repository.manifest(digest.toString())).isInstanceOf(NotFoundException.class);
    }

    @Test
    void registryThatDoesNotDeleteKeepsTheTag() {
        try (var keeping = TestRegistry.withoutDeletion(directory.resolve("keeping"))) {
            var digest = pushBusybox("b:1");
            try (var other = new ImageCatalog(
                    store, ImageLimits.DEFAULT, RegistryOptions.defaults().insecure(keeping.address()))) {
                var name = keeping.address() + "/b";
                other.tag(at("b:1"), name + ":1");
                other.push(name + ":1");

                assertThatThrownBy(() -> other.repository(name).delete("1"))
                        .isInstanceOf(RegistryException.class)
                        .hasMessage("cannot delete " + name + ":1: " + keeping.address()
                                + " does not let anybody delete manifests; allow it in the registry's configuration");
                assertThat(other.repository(name).manifest("1").digest()).isEqualTo(digest);
            }
        }
    }

    @Test
    @RequiresProgram("skopeo")
    void artifactOfFilesAndBytesComesBackAsItWas() throws Exception {
        var file = Files.writeString(directory.resolve("report.txt"), "all is well\n");
        var spec = ArtifactSpec.of(TYPE)
                .file(file, "text/plain")
                .bytes("raw/data.bin", new byte[] {1, 2, 3}, "application/octet-stream")
                .config(bytes("{\"a\":1}"), "application/vnd.example.config.v1+json")
                .annotation("who", "somebody");
        var repository = images.repository(at("artifacts"));

        var digest = repository.push("r1", spec);

        assertThat(repository.push("r2", spec)).isEqualTo(digest);
        var manifest = repository.manifest("r1");
        assertThat(manifest.digest()).isEqualTo(digest);
        assertThat(manifest.artifactType()).isEqualTo(TYPE);
        assertThat(manifest.annotations()).isEqualTo(Map.of("who", "somebody"));
        assertThat(manifest.json())
                .isEqualTo(Programs.skopeo("inspect", "--tls-verify=false", "--raw", "docker://" + at("artifacts:r1")));
        assertThat(repository.read(manifest.config().orElseThrow())).isEqualTo(bytes("{\"a\":1}"));
        assertThat(repository.read(manifest.blobs().get(1))).isEqualTo(new byte[] {1, 2, 3});
        var out = directory.resolve("out");
        assertThat(repository.download("r1", out))
                .containsExactly(out.resolve("report.txt"), out.resolve("raw/data.bin"));
        assertThat(out.resolve("report.txt")).hasContent("all is well\n");
        assertThat(out.resolve("raw/data.bin")).hasBinaryContent(new byte[] {1, 2, 3});
        Programs.skopeo(
                "copy", "--src-tls-verify=false", "docker://" + at("artifacts:r1"), "dir:" + directory.resolve("dir"));
    }

    @Test
    void artifactWithNothingInItIsThere() {
        var repository = images.repository(at("artifacts"));

        var digest = repository.push(ArtifactSpec.of(TYPE));

        var manifest = repository.manifest(digest.toString());
        assertThat(manifest.artifactType()).isEqualTo(TYPE);
        assertThat(manifest.config()).map(Descriptor::mediaType).contains("application/vnd.oci.empty.v1+json");
        assertThat(repository.download(digest.toString(), directory.resolve("out")))
                .isEmpty();
        assertThatThrownBy(
                        () -> repository.push("x", ArtifactSpec.of(TYPE).file(directory.resolve("no"), "text/plain")))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot push artifact " + at("artifacts:x") + ": there is no file " + directory + "/no");
    }

    @Test
    void linksInTheWayOfADownloadAreNotFollowed() throws Exception {
        var repository = images.repository(at("artifacts"));
        repository.push("1", ArtifactSpec.of(TYPE).bytes("a/b", new byte[1], "text/plain"));
        var out = Files.createDirectories(directory.resolve("out"));
        Files.createSymbolicLink(out.resolve("a"), directory);

        assertThatThrownBy(() -> repository.download("1", out))
                .isInstanceOf(ConflictException.class)
                .hasMessage(
                        "cannot download " + at("artifacts:1") + " to " + out + ": " + out + "/a is a symbolic link");
        assertThat(directory.resolve("b")).doesNotExist();
    }

    @Test
    void referrersAreFoundByTheTagThatStandsInForTheList() {
        var subject = pushBusybox("b:1");
        var repository = images.repository(at("b"));
        assertThat(repository.referrers(subject)).isEmpty();

        var one = repository.push(ArtifactSpec.of(TYPE).annotation("n", "1").subject(subject));
        var two =
                repository.push(ArtifactSpec.of("application/vnd.example.other").subject(subject));

        assertThat(repository.push(ArtifactSpec.of(TYPE).annotation("n", "1").subject(subject)))
                .isEqualTo(one);
        assertThat(repository.referrers(subject)).extracting(Descriptor::digest).containsExactly(one, two);
        assertThat(repository.referrers(subject, TYPE))
                .singleElement()
                .isEqualTo(repository.manifest(one.toString()).descriptor());
        assertThat(repository.manifest(one.toString()).subject())
                .contains(repository.manifest("1").descriptor());
        assertThat(repository.tags()).containsExactlyInAnyOrder("1", "sha256-" + subject.hex());
        repository.delete(one.toString());
        assertThat(repository.referrers(subject)).extracting(Descriptor::digest).containsExactly(two);
    }

    @Test
    void referrersThatArePushedAtOnceAreAllFound() throws Exception {
        var subject = pushBusybox("b:1");
        var repository = images.repository(at("b"));
        var threads = Executors.newFixedThreadPool(4);
        try {
            var pushes = List.of("1", "2", "3", "4").stream()
                    .<Callable<Digest>>map(number -> () -> repository.push(
                            ArtifactSpec.of(TYPE).annotation("n", number).subject(subject)))
                    .toList();
            for (var pushed : threads.invokeAll(pushes)) {
                pushed.get();
            }
        } finally {
            threads.shutdownNow();
        }

        assertThat(repository.referrers(subject)).hasSize(4);
    }

    @Test
    void subjectThatIsNotThereIsNamed() {
        var digest = Digest.parse("sha256:" + TestArchive.sha256(bytes("no")));

        assertThatThrownBy(() ->
                        images.repository(at("b")).push(ArtifactSpec.of(TYPE).subject(digest)))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot push an artifact to " + at("b") + ": " + at("b") + " has no manifest " + digest);
    }

    @Test
    void indexIsMadeOfImagesOfTheStoreAndOfTheRegistry() {
        var amd = pushBusybox("b:amd");
        images.importRootfs(
                TestImages.busyboxRootfs(),
                at("elsewhere:arm"),
                Platform.parse("linux/arm64"),
                dev.cais.CommitOptions.DEFAULT);
        var arm = images.push(at("elsewhere:arm"));
        images.importRootfs(
                TestImages.busyboxRootfs(), "mine", Platform.parse("linux/s390x"), dev.cais.CommitOptions.DEFAULT);
        images.remove(at("elsewhere:arm"));
        var repository = images.repository(at("b"));

        var digest = repository.push(
                "multi",
                IndexSpec.of(at("b:amd"), at("elsewhere:arm"), "mine")
                        .platform(at("elsewhere:arm"), Platform.parse("linux/arm/v7"))
                        .annotation("mine", "origin", "store")
                        .annotation("who", "somebody"));

        var index = repository.manifest("multi");
        assertThat(index.digest()).isEqualTo(digest);
        assertThat(index.annotations()).isEqualTo(Map.of("who", "somebody"));
        assertThat(index.manifests())
                .extracting(Descriptor::digest)
                .startsWith(amd, arm)
                .hasSize(3);
        assertThat(index.manifests())
                .extracting(entry -> entry.platform().orElseThrow().toString())
                .containsExactly("linux/amd64", "linux/arm/v7", "linux/s390x");
        assertThat(index.manifests().get(2).annotations()).isEqualTo(Map.of("origin", "store"));
        assertThat(Programs.skopeo("inspect", "--tls-verify=false", "--raw", "docker://" + at("b:multi")))
                .isEqualTo(index.json());
        assertThat(images.pull(at("b:multi"), PullOptions.defaults().platform("linux/s390x"))
                        .platform())
                .hasToString("linux/s390x");
        assertThat(Programs.skopeo(
                        "inspect",
                        "--override-arch=arm",
                        "--override-variant=v7",
                        "--tls-verify=false",
                        "--format",
                        "{{.Digest}}",
                        "docker://" + at("b:multi")))
                .isNotEmpty();
    }

    @Test
    void indexOfAnIndexHasAllThatIsInIt() {
        pushBusybox("b:amd");
        images.importRootfs(
                TestImages.busyboxRootfs(), "mine", Platform.parse("linux/s390x"), dev.cais.CommitOptions.DEFAULT);
        var repository = images.repository(at("b"));
        repository.push("one", IndexSpec.of(at("b:amd"), "mine"));

        repository.push("two", IndexSpec.of(at("b:one")));

        assertThat(repository.manifest("two").manifests())
                .isEqualTo(repository.manifest("one").manifests());
        assertThatThrownBy(() -> repository.push(
                        "three", IndexSpec.of(at("b:one")).platform(at("b:one"), Platform.parse("linux/arm"))))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot push index " + at("b:three") + ": " + at("b:one")
                        + " is for several platforms; say a platform only of what is for one");
        assertThatThrownBy(() -> repository.push("four", IndexSpec.of(at("b:none"))))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot push index " + at("b:four") + ": " + at("b") + " has no manifest none");
        assertThatThrownBy(() -> repository.push("five", IndexSpec.of()))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot push index " + at("b:five") + ": it has no images; add some");
        assertThatThrownBy(() -> IndexSpec.of("a").annotation("b", "k", "v"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot change b in an index: it was not added; add it first");
    }

    @Test
    void downloadOfAnIndexIsRefused() {
        pushBusybox("b:amd");
        var repository = images.repository(at("b"));
        repository.push("one", IndexSpec.of(at("b:amd")));

        assertThatThrownBy(() -> repository.download("one", directory.resolve("out")))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot download " + at("b:one") + " to " + directory
                        + "/out: it is an index; name one of its manifests");
    }
}
