package dev.cais.image.signature;

import static dev.cais.image.TestArchive.sha256;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.CommitOptions;
import dev.cais.CopyOptions;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.IndexSpec;
import dev.cais.InvalidSpecException;
import dev.cais.LayerCompression;
import dev.cais.NotFoundException;
import dev.cais.Platform;
import dev.cais.PushOptions;
import dev.cais.RegistryOptions;
import dev.cais.SignOptions;
import dev.cais.TrustRule;
import dev.cais.TrustedKey;
import dev.cais.UntrustedException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestImages;
import dev.cais.fixtures.TestRegistry;
import dev.cais.fixtures.TestStore;
import dev.cais.image.ImageCatalog;
import dev.cais.image.TestArchive;
import dev.cais.image.registry.HostileRegistry;
import dev.cais.storage.Store;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.spec.ECGenParameterSpec;
import java.util.Base64;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against Debian's docker-registry; openssl on the other side, since Debian's skopeo and podman are built without such signatures. */
@LeakChecked
@RequiresRoot
@RequiresProgram("docker-registry")
class SignatureTest {
    private static final KeyPair OURS = keyPair();
    private static final KeyPair OTHERS = keyPair();

    @TempDir
    private Path directory;

    private TestRegistry registry;
    private Store store;
    private ImageCatalog images;
    private String name;
    private Digest pushed;

    private static KeyPair keyPair() {
        try {
            var generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(new ECGenParameterSpec("secp256r1"));
            return generator.generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private static TrustedKey key(KeyPair pair) {
        return new TrustedKey(pair.getPublic());
    }

    @BeforeEach
    void open(TestStore place) {
        registry = TestRegistry.plain(directory);
        store = Store.open(place.path(), "test");
        images = catalog(options());
        name = registry.address() + "/team/app:1";
        images.load(TestImages.busyboxLayout()).get(0).tag(name);
        pushed = images.push(name);
        images.list().forEach(image -> image.remove());
    }

    @AfterEach
    void close() {
        images.close();
        store.close();
        registry.close();
    }

    private RegistryOptions options() {
        return RegistryOptions.defaults().insecure(registry.address());
    }

    private ImageCatalog catalog(RegistryOptions options) {
        return new ImageCatalog(store, ImageLimits.DEFAULT, options);
    }

    private ImageCatalog trusting(KeyPair pair) {
        return catalog(options().trust(registry.address() + "/team", TrustRule.signedBy(key(pair))));
    }

    private void isRefused(ImageCatalog catalog, String why) {
        assertThatThrownBy(() -> catalog.pull(name))
                .isInstanceOf(UntrustedException.class)
                .hasMessage("cannot pull " + name + ": " + why);
        assertThat(store.layers().list()).isEmpty();
        assertThat(store.blobs().list()).isEmpty();
        assertThat(catalog.list()).isEmpty();
    }

    @Test
    void signaturesAreFoundBesideTheirImage() {
        assertThat(images.signatures(name)).isEmpty();

        var first = images.sign(name, OURS.getPrivate());
        var second =
                images.sign(name, OTHERS.getPrivate(), SignOptions.defaults().annotation("build", "7"));

        assertThat(images.signatures(name)).containsExactly(first, second);
        assertThat(first.image()).isEqualTo(pushed);
        assertThat(first.reference()).isEqualTo(registry.address() + "/team/app");
        assertThat(first.isBy(key(OURS))).isTrue();
        assertThat(first.isBy(key(OTHERS))).isFalse();
        assertThat(second.annotations()).isEqualTo(Map.of("build", "7"));
        assertThat(second.isBy(key(OTHERS))).isTrue();
        assertThat(images.list()).isEmpty();
    }

    @Test
    void signedImageIsPulled() {
        images.sign(name, OURS.getPrivate());
        try (var trusting = trusting(OURS)) {
            assertThat(trusting.pull(name).digest()).contains(pushed);
            assertThat(trusting.pull(registry.address() + "/team/app@" + pushed).digest())
                    .contains(pushed);
        }
    }

    @Test
    void signatureThatRefersToItsImageCountsTheSame() {
        var tagged = images.sign(name, OTHERS.getPrivate());
        var referring =
                images.sign(name, OURS.getPrivate(), SignOptions.defaults().asReferrer());

        assertThat(images.signatures(name)).containsExactly(tagged, referring);
        assertThat(images.repository(registry.address() + "/team/app")
                        .referrers(pushed, "application/vnd.dev.cosign.artifact.sig.v1+json"))
                .hasSize(1);
        try (var trusting = trusting(OURS)) {
            assertThat(trusting.pull(name).digest()).contains(pushed);
        }
    }

    @Test
    void unsignedImageIsRefusedBeforeAnythingOfItIsKept() {
        try (var trusting = trusting(OURS)) {
            isRefused(
                    trusting,
                    "it is not signed, and the policy for " + registry.address() + "/team wants a signature [digest="
                            + pushed + ", signatures=0]");
        }
    }

    @Test
    void signatureOfSomebodyElseDoesNotCount() {
        images.sign(name, OTHERS.getPrivate());
        try (var trusting = trusting(OURS)) {
            isRefused(
                    trusting,
                    "none of its signatures is by a key that the policy for " + registry.address()
                            + "/team trusts [digest=" + pushed + ", signatures=1]");
        }
    }

    @Test
    void signatureForAnotherRepositoryDoesNotCount() {
        images.sign(name, OURS.getPrivate(), SignOptions.defaults().reference("example.com/app"));
        try (var trusting = trusting(OURS)) {
            isRefused(
                    trusting,
                    "it is signed as example.com/app, which the policy for " + registry.address()
                            + "/team does not take for the same [digest=" + pushed + ", signatures=1]");
        }
    }

    @Test
    @RequiresProgram("skopeo")
    void signatureOfAnotherImageDoesNotCount() {
        images.load(TestImages.busyboxArchive()).get(0).tag(name);
        var other = images.push(name, PushOptions.defaults().compression(LayerCompression.ZSTD));
        images.list().forEach(image -> image.remove());
        images.sign(name, OURS.getPrivate());
        moveSignatures(other, pushed);

        assertThat(other).isNotEqualTo(pushed);
        assertThat(images.signatures(registry.address() + "/team/app@" + other)).hasSize(1);
        assertThat(images.signatures(registry.address() + "/team/app@" + pushed))
                .isEmpty();
    }

    /** As somebody who may write to the registry could. */
    private void moveSignatures(Digest from, Digest to) {
        skopeo(
                "--insecure-policy",
                "copy",
                "--src-tls-verify=false",
                "--dest-tls-verify=false",
                "docker://" + registry.address() + "/team/app:sha256-" + from.hex() + ".sig",
                "docker://" + registry.address() + "/team/app:sha256-" + to.hex() + ".sig");
    }

    @Test
    void unchangedTagIsRefusedIfItsSignatureIsWanted() {
        images.pull(name);
        try (var trusting = trusting(OURS)) {
            assertThatThrownBy(() -> trusting.pull(name)).isInstanceOf(UntrustedException.class);
            images.sign(name, OURS.getPrivate());
            assertThat(trusting.pull(name).digest()).contains(pushed);
        }
    }

    @Test
    void rejectedRegistryIsNotEvenAsked() {
        var before = registry.requests().size();
        try (var rejecting = catalog(options().trust("*", TrustRule.reject()))) {
            isRefused(rejecting, "the policy for * rejects it");
        }
        assertThat(registry.requests()).hasSize(before);
    }

    @Test
    void copyWantsTheSignaturesThatAPullWants() {
        var target = registry.address() + "/copies/app:1";
        try (var trusting = trusting(OURS)) {
            assertThatThrownBy(() -> trusting.copy(name, target))
                    .isInstanceOf(UntrustedException.class)
                    .hasMessage("cannot copy " + name + " to " + target
                            + ": it is not signed, and the policy for " + registry.address()
                            + "/team wants a signature [digest=" + pushed + ", signatures=0]");
            assertThat(registry.requests()).noneMatch(request -> request.contains("POST /v2/copies/"));

            images.sign(name, OURS.getPrivate());

            assertThat(trusting.copy(name, target)).isEqualTo(pushed);
            assertThat(trusting.copy(name + "@" + pushed, target)).isEqualTo(pushed);
            assertThat(trusting.copy(target, registry.address() + "/team/back:1"))
                    .isEqualTo(pushed);
        }
    }

    @Test
    void copyOfAnIndexWantsItsSignatureOrThoseOfAllThatGoes() {
        var indexed = registry.address() + "/team/multi";
        images.importRootfs(TestImages.busyboxRootfs(), "arm", Platform.parse("linux/arm64"), CommitOptions.DEFAULT);
        images.repository(indexed).push("1", IndexSpec.of(name, "arm"));
        var arm = images.repository(indexed).manifest("1").manifests().get(1).digest();
        images.sign(indexed + "@" + arm, OURS.getPrivate());
        var onlyArm = CopyOptions.defaults().platform("linux/arm64");
        var target = registry.address() + "/copies/multi:1";
        try (var trusting = trusting(OURS)) {
            assertThat(trusting.copy(indexed + ":1", target, onlyArm, event -> {}))
                    .isEqualTo(arm);
            assertThatThrownBy(() -> trusting.copy(indexed + ":1", target)).isInstanceOf(UntrustedException.class);

            var index = images.sign(indexed + ":1", OURS.getPrivate()).image();

            assertThat(trusting.copy(indexed + ":1", target)).isEqualTo(index);
        }
    }

    @Test
    void imagesOfAnIndexThatComeFromElsewhereAreWantedSigned() {
        var target = registry.address() + "/copies/multi";
        try (var trusting = trusting(OURS)) {
            assertThatThrownBy(() -> trusting.repository(target).push("1", IndexSpec.of(name)))
                    .isInstanceOf(UntrustedException.class)
                    .hasMessage("cannot push index " + target + ":1: it is not signed, and the policy for "
                            + registry.address() + "/team wants a signature [digest=" + pushed + ", signatures=0]");

            images.sign(name, OURS.getPrivate());

            trusting.repository(target).push("1", IndexSpec.of(name));
            assertThat(images.repository(target).manifest("1").manifests())
                    .singleElement()
                    .matches(entry -> entry.digest().equals(pushed));
        }
    }

    @Test
    void rejectedRegistryIsNotAskedForACopyEither() {
        var before = registry.requests().size();
        try (var rejecting = catalog(options().trust(registry.address() + "/team", TrustRule.reject()))) {
            var target = registry.address() + "/copies/app:1";

            assertThatThrownBy(() -> rejecting.copy(name, target))
                    .isInstanceOf(UntrustedException.class)
                    .hasMessage("cannot copy " + name + " to " + target + ": the policy for " + registry.address()
                            + "/team rejects it");
            assertThat(registry.requests()).hasSize(before);
        }
    }

    @Test
    void nearerRuleCounts() {
        var rules = options()
                .trust("*", TrustRule.reject())
                .trust(registry.address(), TrustRule.signedBy(key(OURS)))
                .trust(registry.address() + "/team/app", TrustRule.accept());
        try (var catalog = catalog(rules)) {
            assertThat(catalog.pull(name).digest()).contains(pushed);
        }
    }

    @Test
    void policyFileIsReadAtEachPull() throws IOException {
        var policy = directory.resolve("policy.json");
        Files.writeString(policy, "{\"default\":[{\"type\":\"reject\"}]}");
        try (var catalog = catalog(options().policy(policy))) {
            isRefused(catalog, "the policy for * rejects it");
            Files.writeString(policy, "{\"default\":[{\"type\":\"insecureAcceptAnything\"}]}");
            assertThat(catalog.pull(name).digest()).contains(pushed);
        }
    }

    @Test
    void whatIsNotThereCannotBeSigned() {
        var missing = registry.address() + "/team/app:2";
        assertThatThrownBy(() -> images.sign(missing, OURS.getPrivate()))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot sign " + missing + ": " + registry.address() + "/team/app has no manifest 2");
    }

    @Test
    void keyOfAnotherKindIsRefused() throws GeneralSecurityException {
        var rsa = KeyPairGenerator.getInstance("RSA").generateKeyPair();

        assertThatThrownBy(() -> images.sign(name, rsa.getPrivate()))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot sign image " + pushed + ": it is not for ECDSA on the curve P-256 [algorithm=RSA];"
                        + " make a pair with cosign generate-key-pair or openssl genpkey -algorithm EC"
                        + " -pkeyopt ec_paramgen_curve:P-256");
    }

    /** As cosign writes it: Go sorts an object's fields as its types have them. */
    @Test
    @RequiresProgram("skopeo")
    void documentsAreThoseOfCosign() {
        var signature = images.sign(name, OURS.getPrivate());

        assertThat(signature.payload()).isEqualTo("""
            {"critical":{"identity":{"docker-reference":"%s/team/app"},\
            "image":{"docker-manifest-digest":"%s"},"type":"cosign container image signature"},"optional":null}\
            """.formatted(registry.address(), pushed));
        var payload = sha256(signature.payload().getBytes(StandardCharsets.UTF_8));
        var tag = "docker://" + registry.address() + "/team/app:sha256-" + pushed.hex() + ".sig";
        var config = Programs.output("skopeo", "inspect", "--tls-verify=false", "--config", "--raw", tag);
        assertThat(config).isEqualTo("""
            {"architecture":"","created":"0001-01-01T00:00:00Z","history":[{"created":"0001-01-01T00:00:00Z"}],\
            "os":"","rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"config":{}}\
            """.formatted(payload));
        assertThat(Programs.output("skopeo", "inspect", "--tls-verify=false", "--raw", tag))
                .isEqualTo("""
                    {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\
                    "config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%d},\
                    "layers":[{"mediaType":"application/vnd.dev.cosign.simplesigning.v1+json","digest":"sha256:%s",\
                    "size":%d,"annotations":{"dev.cosignproject.cosign/signature":"%s"}}]}\
                    """.formatted(
                                sha256(config.getBytes(StandardCharsets.UTF_8)),
                                config.length(),
                                payload,
                                signature.payload().length(),
                                signature.signature()));
    }

    @Test
    @RequiresProgram("openssl")
    void opensslFindsTheSignatureRight() throws IOException {
        var signature = images.sign(name, OURS.getPrivate());

        var checked = Programs.output(
                "openssl",
                "dgst",
                "-sha256",
                "-verify",
                Files.writeString(directory.resolve("ours.pub"), pem(OURS)).toString(),
                "-signature",
                Files.write(directory.resolve("signature"), Base64.getDecoder().decode(signature.signature()))
                        .toString(),
                Files.writeString(directory.resolve("payload"), signature.payload())
                        .toString());

        assertThat(checked).isEqualToIgnoringWhitespace("Verified OK");
    }

    @Test
    @RequiresProgram("openssl")
    void policyFileAcceptsWhatOpensslSigned() throws IOException {
        var key = directory.resolve("key.pem");
        var publicKey = directory.resolve("key.pub");
        Programs.output(
                "openssl",
                "genpkey",
                "-algorithm",
                "EC",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-out",
                key.toString());
        Programs.output("openssl", "pkey", "-in", key.toString(), "-pubout", "-out", publicKey.toString());
        var layer = TestArchive.layer("file", "content");
        var config = TestArchive.config("signed", layer);
        var manifest = TestArchive.manifest(config, TestArchive.gzip(layer));
        try (var cosigns = new HostileRegistry().image(config, TestArchive.gzip(layer))) {
            var payload = """
                {"critical":{"identity":{"docker-reference":"%s/x"},"image":{"docker-manifest-digest":"sha256:%s"},\
                "type":"cosign container image signature"},"optional":{"creator":"me","timestamp":1}}\
                """.formatted(cosigns.address(), sha256(manifest));
            var signed = TestArchive.bytes(payload);
            Files.write(directory.resolve("payload"), signed);
            Programs.output(
                    "openssl",
                    "dgst",
                    "-sha256",
                    "-sign",
                    key.toString(),
                    "-out",
                    directory.resolve("signature").toString(),
                    directory.resolve("payload").toString());
            var signature = Base64.getEncoder().encodeToString(Files.readAllBytes(directory.resolve("signature")));
            var empty = TestArchive.bytes("{}");
            cosigns.blob(signed)
                    .manifest(
                            "sha256-" + sha256(manifest) + ".sig",
                            TestArchive.bytes("{\"schemaVersion\":2,\"config\":"
                                    + TestArchive.descriptor("application/vnd.oci.image.config.v1+json", empty, "")
                                    + ",\"layers\":["
                                    + TestArchive.descriptor(
                                            "application/vnd.dev.cosign.simplesigning.v1+json",
                                            signed,
                                            ",\"annotations\":{\"dev.cosignproject.cosign/signature\":\"" + signature
                                                    + "\"}")
                                    + "]}"));
            var policy =
                    Files.writeString(directory.resolve("policy.json"), """
                        {"default":[{"type":"reject"}],"transports":{"docker":{"%s":[{"type":"sigstoreSigned","keyPath":"%s",\
                        "signedIdentity":{"type":"matchRepository"}}]}}}\
                        """.formatted(cosigns.address(), publicKey));
            try (var reading = catalog(
                    RegistryOptions.defaults().insecure(cosigns.address()).policy(policy))) {
                assertThat(reading.pull(cosigns.address() + "/x:1").digest())
                        .contains(Digest.parse("sha256:" + sha256(manifest)));
            }
        }
    }

    private static String pem(KeyPair pair) {
        return "-----BEGIN PUBLIC KEY-----\n"
                + Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII))
                        .encodeToString(pair.getPublic().getEncoded())
                + "\n-----END PUBLIC KEY-----\n";
    }

    private static void skopeo(String... arguments) {
        var command = new String[arguments.length + 1];
        command[0] = "skopeo";
        System.arraycopy(arguments, 0, command, 1, arguments.length);
        Programs.output(command);
    }
}
