package dev.cais;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.Signature;
import java.security.interfaces.ECKey;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * A public key to check signatures of images with: ECDSA on the curve P-256, the kind that {@code cosign generate-key-pair} makes.
 */
public record TrustedKey(PublicKey key) {
    private static final Pattern PEM =
            Pattern.compile("-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\\s]+)-----END PUBLIC KEY-----");
    private static final int LARGEST = 1 << 16;
    private static final int P256 = 256;

    public TrustedKey {
        requireP256("trust a key", key);
    }

    /** @throws InvalidSpecException if a key is for something else than ECDSA on P-256, as far as it tells */
    static void requireP256(String what, java.security.Key key) {
        var isP256 = key.getAlgorithm().equals("EC")
                && (!(key instanceof ECKey known)
                        || known.getParams().getCurve().getField().getFieldSize() == P256);
        if (!isP256) {
            throw new InvalidSpecException(
                    "cannot " + what + ": it is not for ECDSA on the curve P-256",
                    Map.of("algorithm", key.getAlgorithm()),
                    "make a pair with cosign generate-key-pair or openssl genpkey -algorithm EC"
                            + " -pkeyopt ec_paramgen_curve:P-256");
        }
    }

    /**
     * @param pem a key between {@code -----BEGIN PUBLIC KEY-----} and {@code -----END PUBLIC KEY-----}
     * @throws InvalidSpecException if there is no such key, or another one before it
     */
    public static TrustedKey parse(String pem) {
        var found = PEM.matcher(pem);
        if (!found.find()) {
            throw new InvalidSpecException(
                    "cannot read a public key: it is not in PEM",
                    "a file of -----BEGIN PUBLIC KEY----- is wanted, as cosign.pub is");
        }
        try {
            var encoded = new X509EncodedKeySpec(Base64.getMimeDecoder().decode(found.group(1)));
            return new TrustedKey(KeyFactory.getInstance("EC").generatePublic(encoded));
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            throw new InvalidSpecException(
                    "cannot read a public key: it is none for ECDSA", Map.of(), "cosign.pub has one", e);
        }
    }

    /** @throws InvalidSpecException if the file cannot be read, or has no such key */
    public static TrustedKey read(Path pem) {
        try (var content = Files.newInputStream(pem)) {
            return parse(new String(content.readNBytes(LARGEST), StandardCharsets.ISO_8859_1));
        } catch (IOException e) {
            throw new InvalidSpecException(
                    "cannot read the public key " + pem + ": " + e.getClass().getSimpleName(), Map.of(), "", e);
        } catch (InvalidSpecException e) {
            throw new InvalidSpecException("cannot use " + pem + ": " + e.getMessage(), Map.of(), "", e);
        }
    }

    /** Whether this key's private half has signed these bytes; also not if the signature is none at all. */
    boolean verifies(byte[] content, byte[] signature) {
        try {
            var check = Signature.getInstance("SHA256withECDSA");
            check.initVerify(key);
            check.update(content);
            return check.verify(signature);
        } catch (GeneralSecurityException e) {
            return false;
        }
    }

    /** As in {@code TrustedKey[sha256:4f5a1c2b3d4e]}: the beginning of the digest of the encoded key. */
    @Override
    public String toString() {
        try {
            var digest = MessageDigest.getInstance("SHA-256").digest(key.getEncoded());
            return "TrustedKey[sha256:" + HexFormat.of().formatHex(digest, 0, 6) + "]";
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }
}
