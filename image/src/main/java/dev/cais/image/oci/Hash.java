package dev.cais.image.oci;

import dev.cais.CorruptContentException;
import dev.cais.Digest;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;

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
        require(expected, of(expected.algorithm()).digest(content), what, content.length);
    }

    /** The same for content that has been hashed on its way. */
    public static void require(Digest expected, byte[] hash, String what, long size) {
        var found = HexFormat.of().formatHex(hash);
        if (!found.equals(expected.hex())) {
            var facts = new LinkedHashMap<String, Object>();
            facts.put("found", expected.algorithm() + ":" + found);
            facts.put("bytes", size);
            throw new CorruptContentException("cannot use " + what + ": its content has another digest", facts, "");
        }
    }
}
