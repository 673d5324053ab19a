package dev.cais.image.registry;

import static dev.cais.image.TestArchive.config;
import static dev.cais.image.TestArchive.gzip;
import static dev.cais.image.TestArchive.sha256;
import static dev.cais.image.registry.HostileRegistry.blobPath;
import static dev.cais.image.registry.HostileRegistry.whole;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ArtifactSpec;
import dev.cais.CommitOptions;
import dev.cais.CopyOptions;
import dev.cais.CorruptContentException;
import dev.cais.Credentials;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.IndexSpec;
import dev.cais.InvalidSpecException;
import dev.cais.NotFoundException;
import dev.cais.Platform;
import dev.cais.ProgressEvent;
import dev.cais.RegistryOptions;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TarWriter;
import dev.cais.fixtures.TestImages;
import dev.cais.fixtures.TestRegistry;
import dev.cais.fixtures.TestStore;
import dev.cais.image.ImageCatalog;
import dev.cais.storage.Store;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** From one docker-registry to another, past the store. */
@LeakChecked
@RequiresRoot
@RequiresProgram("docker-registry")
class CopyTest {
    private static final String TYPE = "application/vnd.example.report";

    @TempDir
    private Path directory;

    private TestRegistry near;
    private TestRegistry far;
    private Store store;
    private ImageCatalog images;

    @BeforeEach
    void open(TestStore place) {
        near = TestRegistry.plain(directory.resolve("near"));
        far = TestRegistry.plain(directory.resolve("far"));
        store = Store.open(place.path(), "test");
        images = catalog(near.address(), far.address());
    }

    @AfterEach
    void close() {
        images.close();
        store.close();
        near.close();
        far.close();
    }

    private ImageCatalog catalog(String... insecure) {
        return catalog(2, insecure);
    }

    private ImageCatalog catalog(int retries, String... insecure) {
        var options = RegistryOptions.defaults().retries(retries).stallTimeout(Duration.ofMinutes(2));
        for (var address : insecure) {
            options = options.insecure(address);
        }
        return new ImageCatalog(store, ImageLimits.DEFAULT, options);
    }

    private String near(String name) {
        return near.address() + "/" + name;
    }

    private String far(String name) {
        return far.address() + "/" + name;
    }

    private Digest pushBusybox(String name) {
        images.load(TestImages.busyboxLayout()).get(0).tag(name);
        var digest = images.push(name);
        images.list().forEach(image -> images.remove(image.id().toString()));
        return digest;
    }

    /** For amd64 and arm64. */
    private Digest pushIndex(String repository, String tag) {
        images.load(TestImages.busyboxLayout()).get(0).tag("amd");
        images.importRootfs(TestImages.busyboxRootfs(), "arm", Platform.parse("linux/arm64"), CommitOptions.DEFAULT);
        var digest = images.repository(repository).push(tag, IndexSpec.of("amd", "arm"));
        images.list().forEach(image -> images.remove(image.id().toString()));
        return digest;
    }

    @Test
    @RequiresProgram("skopeo")
    void imageGoesByteForByteAndPastTheStore() {
        var digest = pushBusybox(near("b:1"));
        var progress = new CopyOnWriteArrayList<ProgressEvent>();

        assertThat(images.copy(near("b:1"), far("copy:2"), CopyOptions.defaults(), progress::add))
                .isEqualTo(digest);

        assertThat(raw(far("copy:2"))).isEqualTo(raw(near("b:1")));
        assertThat(images.list()).isEmpty();
        assertThat(store.blobs().list()).isEmpty();
        assertThat(progress).extracting(ProgressEvent::phase).contains(ProgressEvent.Phase.DONE);
        assertThat(images.pull(far("copy:2")).digest()).contains(digest);
    }

    @Test
    void unchangedImageTravelsNoMore() {
        var digest = pushBusybox(near("b:1"));
        images.copy(near("b:1"), far("b:1"));
        // a large answer is there before its line in the log: those to come would count as the next copy's
        Eventually.passes(() -> assertThat(near.requests())
                .filteredOn(request -> request.contains("\"GET /v2/b/blobs/"))
                .hasSizeGreaterThanOrEqualTo(2));
        var before = far.requests().size();
        var nearBefore = near.requests().size();

        assertThat(images.copy(near("b:1"), far("b:1"))).isEqualTo(digest);

        assertThat(far.requests().subList(before, far.requests().size()))
                .allMatch(request -> request.contains("\"HEAD ") || request.contains("\"GET /v2/b/manifests/"));
        assertThat(near.requests().subList(nearBefore, near.requests().size()))
                .singleElement()
                .asString()
                .contains("\"HEAD /v2/b/manifests/1 ");
    }

    @Test
    void blobsOfOneRegistryAreMounted() {
        pushBusybox(near("b:1"));
        var before = near.requests().size();

        images.copy(near("b:1"), near("c:1"));

        assertThat(near.requests().subList(before, near.requests().size()))
                .noneMatch(request -> request.contains("\"PATCH") || request.contains("\"GET /v2/b/blobs/"))
                .anyMatch(request -> request.contains("mount=sha256"));
        assertThat(images.pull(near("c:1")).digest())
                .contains(images.repository(near("b")).manifest("1").digest());
    }

    @Test
    void tagIsGivenWithinARepository() {
        var digest = pushBusybox(near("b:1"));

        images.copy(near("b@" + digest), near("b:2"));

        assertThat(images.repository(near("b")).tags()).containsExactlyInAnyOrder("1", "2");
        assertThat(images.repository(near("b")).manifest("2").digest()).isEqualTo(digest);
    }

    @Test
    @RequiresProgram("skopeo")
    void indexGoesWithAllItsImages() {
        var digest = pushIndex(near("multi"), "1");

        assertThat(images.copy(near("multi:1"), far("multi:1"))).isEqualTo(digest);

        assertThat(raw(far("multi:1"))).isEqualTo(raw(near("multi:1")));
        var entries = images.repository(far("multi")).manifest("1").manifests();
        assertThat(entries).hasSize(2).allSatisfy(entry -> images.pull(far("multi@" + entry.digest())));
    }

    @Test
    void imageThatAnIndexHasLostIsCopiedAgain() {
        var index = pushIndex(near("multi"), "1");
        images.copy(near("multi:1"), far("multi:1"));
        var lost =
                images.repository(far("multi")).manifest("1").manifests().get(1).digest();
        images.repository(far("multi")).delete(lost.toString());

        assertThat(images.copy(near("multi:1"), far("multi:1"))).isEqualTo(index);

        assertThat(images.repository(far("multi")).manifest(lost.toString()).blobs())
                .hasSize(1);
    }

    @Test
    void onePlatformOfAnIndexIsCopiedAlone() {
        pushIndex(near("multi"), "1");
        var arm = images.repository(near("multi")).manifest("1").manifests().get(1);

        var copied = images.copy(
                near("multi:1"), far("arm:1"), CopyOptions.defaults().platform("linux/arm64"), event -> {});

        assertThat(copied).isEqualTo(arm.digest());
        assertThat(images.repository(far("arm")).manifest("1").digest()).isEqualTo(copied);
        assertThatThrownBy(() -> images.copy(
                        far("arm:1"), near("x:1"), CopyOptions.defaults().platform("linux/s390x"), event -> {}))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot copy " + far("arm:1") + " to " + near("x:1") + ": " + far("arm")
                        + " has it for linux/arm64 only, not for linux/s390x");
    }

    @Test
    void referrersGoAlongOnRequest() {
        var digest = pushBusybox(near("b:1"));
        var source = images.repository(near("b"));
        var report = source.push(
                ArtifactSpec.of(TYPE).bytes("r", new byte[] {1}, "text/plain").subject(digest));
        var signature =
                source.push(ArtifactSpec.of("application/vnd.example.signature").subject(report));
        var cosign = source.push("sha256-" + digest.hex() + ".sig", ArtifactSpec.of("application/vnd.example.old"));

        images.copy(near("b:1"), far("plain:1"));
        images.copy(near("b:1"), far("all:1"), CopyOptions.defaults().withReferrers(), event -> {});

        assertThat(images.repository(far("plain")).referrers(digest)).isEmpty();
        var copy = images.repository(far("all"));
        assertThat(copy.referrers(digest)).extracting(Descriptor::digest).containsExactly(report);
        assertThat(copy.referrers(report)).extracting(Descriptor::digest).containsExactly(signature);
        assertThat(copy.manifest("sha256-" + digest.hex() + ".sig").digest()).isEqualTo(cosign);
        assertThat(copy.read(copy.manifest(report.toString()).blobs().get(0))).isEqualTo(new byte[] {1});
    }

    @Test
    void credentialsOfBothSidesAreTheCallers() {
        try (var locked =
                        TestRegistry.withPassword(java.nio.file.Files.createDirectories(directory.resolve("locked")));
                var other = catalog(near.address(), locked.address())) {
            var digest = pushBusybox(near("b:1"));
            var alice = Credentials.basic(TestRegistry.USER, TestRegistry.PASSWORD);
            var name = locked.address() + "/b";

            other.copy(near("b:1"), name + ":1", CopyOptions.defaults().to(alice), event -> {});
            other.copy(name + ":1", near("back:1"), CopyOptions.defaults().from(alice), event -> {});

            assertThat(images.repository(near("back")).manifest("1").digest()).isEqualTo(digest);
            assertThat(other.repository(name).credentials(alice).tags()).containsExactly("1");
            assertThat(other.registry(locked.address()).credentials(alice).repositories())
                    .containsExactly(name);
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void whatIsNotThereOrNotMeantIsRefused() {
        var digest = pushBusybox(near("b:1"));
        var other = "sha256:" + "0".repeat(64);

        assertThatThrownBy(() -> images.copy(near("b:none"), far("b:1")))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot copy " + near("b:none") + " to " + far("b:1") + ": " + near("b")
                        + " has no manifest none");
        assertThatThrownBy(() -> images.copy(near("b:1"), far("b@" + other)))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot copy " + near("b:1") + " to " + far("b@" + other)
                        + ": what is copied has another digest than it is to have; leave out @" + other
                        + ", or copy by that digest");
        assertThat(images.copy(near("b:1"), far("b@" + digest))).isEqualTo(digest);
        assertThat(images.repository(far("b")).manifest(digest.toString()).digest())
                .isEqualTo(digest);
    }

    @Test
    void brokenConnectionsOfTheSourceAreMended() {
        var layer = randomLayer();
        var blob = gzip(layer);
        var config = config("cut", layer);
        try (var cutting = new HostileRegistry().image(config, blob);
                var other = catalog(1, cutting.address(), far.address())) {
            cutting.on(blobPath(blob), cutting.cutEvery(200 * 1024, blob));

            var digest = other.copy(cutting.address() + "/x:1", far("b:1"));

            assertThat(other.pull(far("b:1")).digest()).contains(digest);
            assertThat(cutting.sent.get()).isEqualTo(blob.length); // nothing twice
        }
    }

    @Test
    void wrongContentOfTheSourceIsTheSourcesFault() {
        var layer = randomLayer();
        var blob = gzip(layer);
        var wrong = blob.clone();
        wrong[1000] ^= 1;
        try (var lying = new HostileRegistry().image(config("wrong", layer), blob);
                var other = catalog(lying.address(), far.address())) {
            lying.on(blobPath(blob), whole("application/octet-stream", wrong));

            assertThatThrownBy(() -> other.copy(lying.address() + "/x:1", far("b:1")))
                    .isInstanceOf(CorruptContentException.class)
                    .hasMessage("cannot use blob sha256:" + sha256(blob) + " of " + lying.address()
                            + "/x: its content has another digest [found=sha256:" + sha256(wrong) + "]");
            assertThatThrownBy(() -> other.repository(far("b")).manifest("1")).isInstanceOf(NotFoundException.class);
        }
    }

    @Test
    void missingBlobOfTheSourceIsTheSourcesFault() {
        var layer = randomLayer();
        var blob = gzip(layer);
        try (var lacking = new HostileRegistry().image(config("none", layer), blob);
                var other = catalog(lacking.address(), far.address())) {
            lacking.on(blobPath(blob), HostileRegistry.status(404));

            assertThatThrownBy(() -> other.copy(lacking.address() + "/x:1", far("b:1")))
                    .isInstanceOf(NotFoundException.class)
                    .hasMessage("cannot copy " + lacking.address() + "/x:1 to " + far("b:1") + ": " + lacking.address()
                            + "/x has no blob sha256:" + sha256(blob));
        }
    }

    /** Some megabytes that cannot be compressed, more than any buffer on the way. */
    private static byte[] randomLayer() {
        var content = new byte[3 * 1024 * 1024];
        new Random(1).nextBytes(content);
        return new TarWriter().file("random", 0644, content).bytes();
    }

    private static String raw(String name) {
        return Programs.output("skopeo", "inspect", "--tls-verify=false", "--raw", "docker://" + name);
    }
}
