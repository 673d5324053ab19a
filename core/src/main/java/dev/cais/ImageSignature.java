package dev.cais;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.Signature;
import java.util.Base64;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A signature of an image, as cosign makes it, found in or put into a registry. What it says of itself counts only if {@link #isBy}
 * holds for a key that one trusts.
 *
 * @param image the digest of the manifest or index that it is of
 * @param reference the name that the signer gave the image: a repository, perhaps with a tag
 * @param annotations what else the signer says
 * @param payload the document that is signed, with all of the above
 * @param signature in base64: ECDSA in ASN.1, over the SHA-256 of the payload
 * @see <a href="https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md">cosign, Signature Specifications</a>
 */
public record ImageSignature(
        Digest image, String reference, Map<String, String> annotations, String payload, String signature) {
    public ImageSignature {
        annotations = Collections.unmodifiableMap(new LinkedHashMap<>(annotations));
    }

    /**
     * Signs a payload.
     *
     * @param payload that says what the other arguments say
     * @throws InvalidSpecException if the key is none for ECDSA on P-256, or does not sign
     */
    public static ImageSignature sign(
            Digest image, String reference, Map<String, String> annotations, String payload, PrivateKey key) {
        TrustedKey.requireP256("sign image " + image, key);
        try {
            var signing = Signature.getInstance("SHA256withECDSA");
            signing.initSign(key);
            signing.update(payload.getBytes(StandardCharsets.UTF_8));
            var signature = Base64.getEncoder().encodeToString(signing.sign());
            return new ImageSignature(image, reference, annotations, payload, signature);
        } catch (GeneralSecurityException e) {
            throw new InvalidSpecException("cannot sign image " + image + ": " + e.getMessage(), Map.of(), "", e);
        }
    }

    /** Whether the private half of a key made this. */
    public boolean isBy(TrustedKey key) {
        try {
            return key.verifies(
                    payload.getBytes(StandardCharsets.UTF_8),
                    Base64.getDecoder().decode(signature));
        } catch (IllegalArgumentException e) {
            return false; // no base64
        }
    }

    /** As in {@code ImageSignature[ghcr.io/a/b, sha256:4f5a1c…]}. */
    @Override
    public String toString() {
        return "ImageSignature[" + reference + ", " + image.algorithm() + ":"
                + image.hex().substring(0, 6) + "…]";
    }
}
