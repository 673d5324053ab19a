package dev.cais.image.oci;

import dev.cais.CorruptContentException;
import dev.cais.Digest;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;

/** Digests of content. */
public final class Hash {
    private Hash() {}

    /** An empty hash of {@code sha256} or {@code sha512}. */
    public static MessageDigest of(String algorithm) {
        try {
            return MessageDigest.getInstance(algorithm.equals("sha512") ? "SHA-512" : "SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-2", e);
        }
    }

    /** The sha256 digest. */
    public static Digest sha256(byte[] content) {
        return Digest.sha256(of("sha256").digest(content));
    }

    /**
     * @param what for the message: {@code manifest sha256:4f5a1c… of app.tar}
     * @throws CorruptContentException if the content is not what the digest says
     */
    public static void require(Digest expected, byte[] content, String what) {
        var hash = of(expected.algorithm()).digest(content);
        requireSame(expected, new Digest(expected.algorithm(), HexFormat.of().formatHex(hash)), what);
    }

    /** The same for content that has been hashed on its way. */
    public static void requireSame(Digest expected, Digest found, String what) {
        if (!found.equals(expected)) {
            throw new CorruptContentException(
                    "cannot use " + what + ": its content has another digest", Map.of("found", found), "");
        }
    }
}
