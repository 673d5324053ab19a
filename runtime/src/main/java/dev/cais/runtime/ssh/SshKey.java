package dev.cais.runtime.ssh;

import java.math.BigInteger;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPrivateKeySpec;
import java.security.spec.EdECPrivateKeySpec;
import java.security.spec.NamedParameterSpec;
import java.security.spec.RSAPrivateCrtKeySpec;
import java.util.Arrays;
import java.util.Map;

/**
 * A private key that signs.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc4253#section-6.6">RFC 4253, 6.6, public key algorithms</a>
 */
abstract class SshKey {
    static final String ED25519 = "ssh-ed25519";
    static final String RSA = "ssh-rsa";
    static final String ECDSA = "ecdsa-sha2-";

    private final byte[] publicKey;
    private final PrivateKey key;
    private final String comment;

    private SshKey(byte[] publicKey, PrivateKey key, String comment) {
        this.publicKey = publicKey;
        this.key = key;
        this.comment = comment;
    }

    byte[] publicKey() {
        return publicKey.clone();
    }

    String comment() {
        return comment;
    }

    /**
     * The algorithm's name, and the signature.
     *
     * @param flags which digest an RSA key shall use
     */
    abstract byte[] sign(byte[] content, int flags) throws GeneralSecurityException;

    final byte[] signature(String algorithm, byte[] content) throws GeneralSecurityException {
        var signature = Signature.getInstance(algorithm);
        signature.initSign(key);
        signature.update(content);
        return signature.sign();
    }

    /**
     * RFC 8709.
     *
     * @param seed the private key, of 32 bytes
     */
    static SshKey ofEd25519(byte[] seed, String comment) throws GeneralSecurityException {
        var key = KeyFactory.getInstance("Ed25519")
                .generatePrivate(new EdECPrivateKeySpec(NamedParameterSpec.ED25519, seed));
        var blob = new Fields().put(ED25519).put(publicOfEd25519(seed)).bytes();
        return new SshKey(blob, key, comment) {
            @Override
            byte[] sign(byte[] content, int flags) throws GeneralSecurityException {
                return new Fields()
                        .put(ED25519)
                        .put(signature("Ed25519", content))
                        .bytes();
            }
        };
    }

    /** A pair is made of a seed and nothing else, so a source of just that gives the public key. */
    private static byte[] publicOfEd25519(byte[] seed) throws GeneralSecurityException {
        var generator = KeyPairGenerator.getInstance("Ed25519");
        generator.initialize(NamedParameterSpec.ED25519, new SecureRandom() {
            @Override
            public void nextBytes(byte[] bytes) {
                System.arraycopy(seed, 0, bytes, 0, bytes.length);
            }
        });
        var encoded = generator.generateKeyPair().getPublic().getEncoded(); // RFC 8410, 4: the key is at the end
        return Arrays.copyOfRange(encoded, encoded.length - 32, encoded.length);
    }

    /** The numbers of an RSA key, as PKCS #1 calls them. */
    record Rsa(BigInteger n, BigInteger e, BigInteger d, BigInteger p, BigInteger q, BigInteger inverse) {}

    /** RFC 8332. */
    static SshKey ofRsa(Rsa rsa, String comment) throws GeneralSecurityException {
        var key = KeyFactory.getInstance("RSA")
                .generatePrivate(new RSAPrivateCrtKeySpec(
                        rsa.n,
                        rsa.e,
                        rsa.d,
                        rsa.p,
                        rsa.q,
                        rsa.d.mod(rsa.p.subtract(BigInteger.ONE)),
                        rsa.d.mod(rsa.q.subtract(BigInteger.ONE)),
                        rsa.inverse));
        var blob = new Fields().put(RSA).put(rsa.e).put(rsa.n).bytes();
        return new SshKey(blob, key, comment) {
            @Override
            byte[] sign(byte[] content, int flags) throws GeneralSecurityException {
                var digest = (flags & 4) != 0 ? 512 : (flags & 2) != 0 ? 256 : 1;
                return new Fields()
                        .put(digest == 1 ? RSA : "rsa-sha2-" + digest)
                        .put(signature("SHA" + digest + "withRSA", content))
                        .bytes();
            }
        };
    }

    /** A curve of RFC 5656, and the digest that goes with it. */
    private record Curve(String name, int digest) {}

    private static final Map<String, Curve> CURVES = Map.of(
            "nistp256", new Curve("secp256r1", 256),
            "nistp384", new Curve("secp384r1", 384),
            "nistp521", new Curve("secp521r1", 512));

    /**
     * RFC 5656.
     *
     * @param curve as in {@code nistp256}
     * @param point the public key, uncompressed
     */
    static SshKey ofEcdsa(String curve, byte[] point, BigInteger secret, String comment)
            throws GeneralSecurityException {
        var known = CURVES.get(curve);
        if (known == null) {
            throw new IllegalArgumentException("its curve is none of nistp256, nistp384 and nistp521");
        }
        var parameters = AlgorithmParameters.getInstance("EC");
        parameters.init(new ECGenParameterSpec(known.name));
        var key = KeyFactory.getInstance("EC")
                .generatePrivate(new ECPrivateKeySpec(secret, parameters.getParameterSpec(ECParameterSpec.class)));
        var blob = new Fields().put(ECDSA + curve).put(curve).put(point).bytes();
        return new SshKey(blob, key, comment) {
            @Override
            byte[] sign(byte[] content, int flags) throws GeneralSecurityException {
                var both = signature("SHA" + known.digest + "withECDSAinP1363Format", content);
                var half = both.length / 2;
                var numbers = new Fields()
                        .put(new BigInteger(1, both, 0, half))
                        .put(new BigInteger(1, both, half, half))
                        .bytes();
                return new Fields().put(ECDSA + curve).put(numbers).bytes();
            }
        };
    }
}
