package dev.cais.image.signature;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.CorruptContentException;
import dev.cais.Digest;
import dev.cais.ImageSignature;
import dev.cais.InvalidSpecException;
import dev.cais.RegistryOptions;
import dev.cais.TrustRule;
import dev.cais.TrustedKey;
import dev.cais.UntrustedException;
import dev.cais.image.oci.ImageReference;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.spec.ECGenParameterSpec;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TrustPolicyTest {
    private static final KeyPair PAIR = keyPair();
    private static final Digest IMAGE = Digest.parse("sha256:" + "a".repeat(64));
    private static final Digest INDEX = Digest.parse("sha256:" + "b".repeat(64));
    private static final String PEM = "-----BEGIN PUBLIC KEY-----\n"
            + Base64.getEncoder().encodeToString(PAIR.getPublic().getEncoded()) + "\n-----END PUBLIC KEY-----\n";

    @TempDir
    private Path directory;

    private static KeyPair keyPair() {
        try {
            var generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(new ECGenParameterSpec("secp256r1"));
            return generator.generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private static ImageSignature signature(Digest image, String reference) {
        var payload = new String(new SimpleSigning(image, reference, Map.of()).toBytes(), StandardCharsets.UTF_8);
        return ImageSignature.sign(image, reference, Map.of(), payload, PAIR.getPrivate());
    }

    private TrustPolicy policy(String name, String json) throws IOException {
        var file = Files.writeString(directory.resolve("policy.json"), json);
        return TrustPolicy.of(
                ImageReference.parse(name), RegistryOptions.defaults().policy(file));
    }

    private static String signed(String more) {
        return "{\"default\":[{\"type\":\"sigstoreSigned\",\"keyData\":\"%s\"%s}]}"
                .formatted(Base64.getEncoder().encodeToString(PEM.getBytes(StandardCharsets.US_ASCII)), more);
    }

    @Test
    void nearestScopeDecides() {
        assertThat(TrustPolicy.scopes(ImageReference.parse("a.example.com:5000/team/app:1")))
                .containsExactly(
                        "a.example.com:5000/team/app:1",
                        "a.example.com:5000/team/app",
                        "a.example.com:5000/team",
                        "a.example.com:5000",
                        "*.example.com",
                        "*.com",
                        "*");
        assertThat(TrustPolicy.scopes(ImageReference.parse("busybox")))
                .startsWith("docker.io/library/busybox:latest", "docker.io/library/busybox", "docker.io/library");
    }

    @ParameterizedTest
    @CsvSource({
        "busybox, false",
        "busybox:2, true",
        "other, true",
        "docker.io/me/app, false",
        "a.example.com/app, false",
        "example.com/app, true",
        "ghcr.io/a/b, true",
    })
    void scopesOfTheFileAreThoseOfDockerNames(String name, boolean rejected) throws IOException {
        var policy = policy(name, """
                {"default":[{"type":"insecureAcceptAnything"}],"transports":{"docker":{\
                "docker.io/library/busybox:latest":[{"type":"insecureAcceptAnything"}],\
                "docker.io/library":[{"type":"reject"}],\
                "docker.io":[{"type":"insecureAcceptAnything"}],\
                "*.example.com":[{"type":"insecureAcceptAnything"}],\
                "":[{"type":"reject"}]},"docker-daemon":{"":[{"type":"reject"}]}}}""");

        if (rejected) {
            assertThatThrownBy(() -> policy.requireAllowed("cannot pull it")).isInstanceOf(UntrustedException.class);
        } else {
            policy.requireAllowed("cannot pull it");
        }
    }

    @Test
    void optionsComeBeforeTheFile() throws IOException {
        var file = Files.writeString(directory.resolve("policy.json"), "{\"default\":[{\"type\":\"reject\"}]}");
        var options = RegistryOptions.defaults().policy(file).trust("*.example.com", TrustRule.accept());

        TrustPolicy.of(ImageReference.parse("a.example.com/app"), options).requireAllowed("cannot pull it");

        var other = TrustPolicy.of(ImageReference.parse("busybox"), options);
        assertThatThrownBy(() -> other.requireAllowed("cannot pull it"))
                .isInstanceOf(UntrustedException.class)
                .hasMessage("cannot pull it: the policy for * rejects it");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"/k\"} | wants a GPG signature (signedBy), which cannot be checked here",
                "{\"type\":\"signedBaseLayer\",\"baseLayerIdentity\":{}} | wants a GPG signature (signedBaseLayer), which cannot be checked here",
                "{\"type\":\"sigstoreSigned\",\"fulcio\":{}} | wants a signature of a transparency log or an authority (fulcio), which cannot be checked here",
                "{\"type\":\"sigstoreSigned\",\"keyPath\":\"/k\",\"rekorPublicKeyPath\":\"/r\"} | wants a signature of a transparency log or an authority (rekorPublicKeyPath), which cannot be checked here",
            })
    void whatCannotBeCheckedRejects(String requirement, String why) throws IOException {
        var policy = policy("busybox", "{\"default\":[%s]}".formatted(requirement));

        assertThatThrownBy(() -> policy.requireAllowed("cannot pull it"))
                .isInstanceOf(UntrustedException.class)
                .hasMessage("cannot pull it: the policy for * " + why);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{} | field default names nothing that is wanted",
                "{\"default\":[]} | field default names nothing that is wanted",
                "{\"default\":[{\"type\":\"x\"}]} | field default[0].type is unknown: x",
                "{\"default\":[{\"type\":\"reject\",\"more\":1}]} | field default[0].more is unknown",
                "{\"default\":[{\"type\":\"reject\"}],\"defualt\":1} | field defualt is unknown",
                "{\"default\":[{\"type\":\"sigstoreSigned\"}]} | field default[0].keyPath or keyPaths, keyData, keyDatas has to be there, and only one of them",
                "{\"default\":[{\"type\":\"sigstoreSigned\",\"keyDatas\":[]}]} | field default[0].keyPaths or keyDatas is empty",
                "{\"default\":[{\"type\":\"sigstoreSigned\",\"keyData\":\"?\"}]} | field default[0].keyData is no key for ECDSA on P-256 in base64 of PEM",
            })
    void brokenFileIsRefusedAsAWhole(String json, String why) {
        assertThatThrownBy(() -> policy("busybox", json))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot read " + directory.resolve("policy.json") + ": " + why);
    }

    @Test
    void missingFileOrKeyIsNamed() throws IOException {
        var options = RegistryOptions.defaults().policy(directory.resolve("none"));
        assertThatThrownBy(() -> TrustPolicy.of(ImageReference.parse("busybox"), options))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot read the policy " + directory.resolve("none") + ": NoSuchFileException");
        assertThatThrownBy(
                        () -> policy("busybox", "{\"default\":[{\"type\":\"sigstoreSigned\",\"keyPath\":\"/none\"}]}"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot read the public key /none: NoSuchFileException");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'' | docker.io/library/busybox:latest | true",
                "'' | docker.io/library/busybox | false",
                "'' | busybox:2 | false",
                "{\"type\":\"matchExact\"} | index.docker.io/library/busybox:latest | true",
                "{\"type\":\"matchExact\"} | docker.io/library/busybox | false",
                "{\"type\":\"matchRepository\"} | docker.io/library/busybox | true",
                "{\"type\":\"matchRepository\"} | busybox:7 | true",
                "{\"type\":\"matchRepository\"} | docker.io/me/busybox | false",
                "{\"type\":\"exactReference\",\"dockerReference\":\"up.io/b:1\"} | up.io/b:1 | true",
                "{\"type\":\"exactReference\",\"dockerReference\":\"up.io/b:1\"} | busybox:latest | false",
                "{\"type\":\"exactRepository\",\"dockerRepository\":\"up.io/b\"} | up.io/b:2 | true",
                "{\"type\":\"remapIdentity\",\"prefix\":\"docker.io/library\",\"signedPrefix\":\"up.io/x\"} | up.io/x/busybox:latest | true",
                "{\"type\":\"remapIdentity\",\"prefix\":\"docker.io/library\",\"signedPrefix\":\"up.io/x\"} | busybox:latest | false",
                "{\"type\":\"remapIdentity\",\"prefix\":\"docker.io/lib\",\"signedPrefix\":\"up.io/x\"} | busybox:latest | true",
                "{\"type\":\"matchRepository\"} | not a name | false",
            })
    void signedNameMustBeTheOneThatIsMeant(String identity, String signedName, boolean accepted) throws IOException {
        var policy = policy("busybox", signed(identity.isEmpty() ? "" : ",\"signedIdentity\":" + identity));
        var signatures = List.of(signature(IMAGE, signedName));

        if (accepted) {
            policy.requireSigned(IMAGE, List.of(IMAGE), digest -> signatures, "cannot pull it");
        } else {
            assertThatThrownBy(
                            () -> policy.requireSigned(IMAGE, List.of(IMAGE), digest -> signatures, "cannot pull it"))
                    .isInstanceOf(UntrustedException.class)
                    .hasMessage("cannot pull it: it is signed as " + signedName
                            + ", which the policy for * does not take for the same [digest=" + IMAGE
                            + ", signatures=1]");
        }
    }

    @Test
    void repositoryIsEnoughForWhatIsPulledByDigest() throws IOException {
        var policy = policy("busybox@" + IMAGE, signed(""));

        policy.requireSigned(IMAGE, List.of(IMAGE), digest -> List.of(signature(IMAGE, "busybox:1")), "cannot pull it");
    }

    @Test
    void indexOrAllItsImagesMustBeSigned() throws IOException {
        var policy = policy("busybox", signed(""));
        var name = "docker.io/library/busybox:latest";

        policy.requireSigned(
                INDEX,
                List.of(IMAGE),
                digest -> digest.equals(INDEX) ? List.of(signature(INDEX, name)) : List.of(),
                "cannot pull it");
        policy.requireSigned(
                INDEX,
                List.of(IMAGE),
                digest -> digest.equals(IMAGE) ? List.of(signature(IMAGE, name)) : List.of(),
                "cannot pull it");
        var another = Digest.parse("sha256:" + "c".repeat(64));
        assertThatThrownBy(() -> policy.requireSigned(
                        INDEX,
                        List.of(IMAGE, another),
                        digest -> digest.equals(IMAGE) ? List.of(signature(IMAGE, name)) : List.of(),
                        "cannot pull it"))
                .isInstanceOf(UntrustedException.class)
                .hasMessage("cannot pull it: it is not signed, and the policy for * wants a signature [digest=" + INDEX
                        + ", signatures=0]");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "{\"critical\":{\"type\":\"x\",\"image\":{},\"identity\":{}},\"optional\":null}",
                "{\"critical\":{\"type\":\"cosign container image signature\",\"image\":{\"docker-manifest-digest\":\"x\"},"
                        + "\"identity\":{\"docker-reference\":\"x\"}}}",
                "{\"critical\":{\"type\":\"cosign container image signature\",\"unless\":1,\"image\":{\"docker-manifest-digest\":"
                        + "\"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"},"
                        + "\"identity\":{\"docker-reference\":\"x\"}}}",
            })
    void documentsThatAreNotUnderstoodVouchForNothing(String payload) {
        assertThatThrownBy(() -> SimpleSigning.parse(payload.getBytes(StandardCharsets.UTF_8), "signature"))
                .isInstanceOf(CorruptContentException.class);
    }

    @Test
    void keysAreReadFromPem() {
        assertThat(TrustedKey.parse(PEM)).isEqualTo(new TrustedKey(PAIR.getPublic()));
        assertThatThrownBy(() -> TrustedKey.parse("ssh-ed25519 AAAA"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(
                        "cannot read a public key: it is not in PEM; a file of -----BEGIN PUBLIC KEY----- is wanted,"
                                + " as cosign.pub is");
        assertThat(new TrustedKey(PAIR.getPublic()).toString()).matches("TrustedKey\\[sha256:[0-9a-f]{12}]");
    }
}
