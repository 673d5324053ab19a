package dev.cais.image.signature;

import dev.cais.InvalidSpecException;
import dev.cais.TrustedKey;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.Shown;
import dev.cais.image.signature.TrustPolicy.Requirement;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Containers' {@code policy.json}: what it wants of images in registries. As strict as the original: a field that it does not know
 * makes all of the file unusable. What wants more than Cais can check rejects, and says so.
 *
 * @param docker by scope, {@code *} included if the file has the empty one
 * @see <a href="https://github.com/containers/image/blob/main/docs/containers-policy.json.5.md">containers-policy.json(5)</a>
 */
record PolicyFile(Map<String, List<Requirement>> docker, List<Requirement> otherwise) {
    private static final int LARGEST = 1 << 20;
    private static final Set<String> KEYS = Set.of("keyPath", "keyPaths", "keyData", "keyDatas");
    private static final Set<String> KEYLESS = Set.of("fulcio", "pki");
    private static final Set<String> REKOR =
            Set.of("rekorPublicKeyPath", "rekorPublicKeyPaths", "rekorPublicKeyData", "rekorPublicKeyDatas");

    /**
     * @throws InvalidSpecException if the file or one that it names cannot be read, or is no key
     * @throws dev.cais.CorruptContentException if it is broken or has something unknown
     */
    static PolicyFile read(Path file) {
        try (var content = Files.newInputStream(file)) {
            return parse(content.readNBytes(LARGEST), file.toString());
        } catch (IOException e) {
            throw new InvalidSpecException(
                    "cannot read the policy " + file + ": " + e.getClass().getSimpleName(), Map.of(), "", e);
        }
    }

    TrustPolicy of(ImageReference reference) {
        return TrustPolicy.of(reference, docker, otherwise);
    }

    private static PolicyFile parse(byte[] content, String file) {
        var json = JsonObject.parse(content, file);
        requireOnly(json, Set.of("default", "transports"));
        var docker = new LinkedHashMap<String, List<Requirement>>();
        json.objectOrEmpty("transports").findObject("docker").ifPresent(scopes -> {
            for (var scope : scopes.toMap().keySet()) {
                docker.put(scope.isEmpty() ? "*" : scope, requirements(scopes, scope));
            }
        });
        return new PolicyFile(docker, requirements(json, "default"));
    }

    private static void requireOnly(JsonObject object, Set<String> known) {
        for (var name : object.toMap().keySet()) {
            if (!known.contains(name)) {
                throw object.wrong(name, "is unknown");
            }
        }
    }

    private static List<Requirement> requirements(JsonObject parent, String field) {
        var requirements = new ArrayList<Requirement>();
        var all = parent.objects(field);
        if (all.isEmpty()) {
            throw parent.wrong(field, "names nothing that is wanted");
        }
        all.forEach(each -> requirement(each).ifPresent(requirements::add));
        return requirements;
    }

    /** Empty if it wants nothing. */
    private static Optional<Requirement> requirement(JsonObject json) {
        var type = json.text("type");
        switch (type) {
            case "insecureAcceptAnything" -> {
                requireOnly(json, Set.of("type"));
                return Optional.empty();
            }
            case "reject" -> {
                requireOnly(json, Set.of("type"));
                return Optional.of(new Requirement.Reject(""));
            }
            case "sigstoreSigned" -> {
                return Optional.of(signed(json));
            }
            case "signedBy", "signedBaseLayer" -> {
                return Optional.of(
                        new Requirement.Reject("wants a GPG signature (" + type + "), which cannot be checked here"));
            }
            default -> throw json.wrong("type", "is unknown: " + Shown.text(type));
        }
    }

    private static Requirement signed(JsonObject json) {
        for (var name : json.toMap().keySet()) {
            if (KEYLESS.contains(name) || REKOR.contains(name)) {
                return new Requirement.Reject("wants a signature of a transparency log or an authority (" + name
                        + "), which cannot be checked here");
            }
            if (!KEYS.contains(name) && !Set.of("type", "signedIdentity").contains(name)) {
                throw json.wrong(name, "is unknown");
            }
        }
        if (KEYS.stream().filter(json::has).count() != 1) {
            throw json.wrong("keyPath", "or keyPaths, keyData, keyDatas has to be there, and only one of them");
        }
        var keys = new ArrayList<TrustedKey>();
        json.findText("keyPath").map(Path::of).map(TrustedKey::read).ifPresent(keys::add);
        json.texts("keyPaths").forEach(path -> keys.add(TrustedKey.read(Path.of(path))));
        json.findText("keyData").ifPresent(text -> keys.add(key(json, "keyData", text)));
        json.texts("keyDatas").forEach(text -> keys.add(key(json, "keyDatas", text)));
        if (keys.isEmpty()) {
            throw json.wrong("keyPaths", "or keyDatas is empty");
        }
        return new Requirement.Signed(
                keys,
                json.findObject("signedIdentity")
                        .map(PolicyFile::identity)
                        .orElseGet(SignedIdentity.RepositoryOfDigestOrExact::new));
    }

    private static TrustedKey key(JsonObject json, String field, String text) {
        try {
            return TrustedKey.parse(new String(Base64.getDecoder().decode(text), StandardCharsets.ISO_8859_1));
        } catch (IllegalArgumentException | InvalidSpecException e) {
            throw json.wrong(field, "is no key for ECDSA on P-256 in base64 of PEM");
        }
    }

    private static SignedIdentity identity(JsonObject json) {
        var type = json.text("type");
        var known = switch (type) {
            case "exactReference" -> Set.of("type", "dockerReference");
            case "exactRepository" -> Set.of("type", "dockerRepository");
            case "remapIdentity" -> Set.of("type", "prefix", "signedPrefix");
            default -> Set.of("type");
        };
        requireOnly(json, known);
        return switch (type) {
            case "matchExact" -> new SignedIdentity.Exact();
            case "matchRepoDigestOrExact" -> new SignedIdentity.RepositoryOfDigestOrExact();
            case "matchRepository" -> new SignedIdentity.SameRepository();
            case "exactReference" -> new SignedIdentity.ExactReference(reference(json, "dockerReference"));
            case "exactRepository" -> new SignedIdentity.ExactRepository(reference(json, "dockerRepository"));
            case "remapIdentity" -> new SignedIdentity.Remapped(json.text("prefix"), json.text("signedPrefix"));
            default -> throw json.wrong("type", "is unknown: " + Shown.text(type));
        };
    }

    private static ImageReference reference(JsonObject json, String field) {
        try {
            return ImageReference.parse(json.text(field));
        } catch (InvalidSpecException e) {
            throw json.wrong(field, "is no name of an image");
        }
    }
}
