package dev.cais.network.esp;

import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Keys out of a secret, with SHA-256.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc5869">RFC 5869: HMAC-based Extract-and-Expand Key Derivation Function</a>
 */
final class Hkdf {
    private static final String ALGORITHM = "HmacSHA256";
    private static final int BLOCK = 32;

    private Hkdf() {}

    /**
     * @param salt not secret; not empty
     * @param purpose of the key: whoever knows one for another purpose does not know this one
     * @param length in bytes, 8160 at most
     */
    static byte[] derive(byte[] secret, byte[] salt, byte[] purpose, int length) {
        try {
            var mac = Mac.getInstance(ALGORITHM);
            mac.init(new SecretKeySpec(salt, ALGORITHM));
            var extracted = mac.doFinal(secret);
            mac.init(new SecretKeySpec(extracted, ALGORITHM));
            var blocks = (length + BLOCK - 1) / BLOCK;
            var output = ByteBuffer.allocate(blocks * BLOCK);
            var block = new byte[0];
            for (var number = 1; number <= blocks; number++) {
                mac.update(block);
                mac.update(purpose);
                block = mac.doFinal(new byte[] {(byte) number});
                output.put(block);
            }
            return Arrays.copyOf(output.array(), length);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every JDK has " + ALGORITHM, e);
        }
    }
}
