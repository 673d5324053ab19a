package dev.cais;

import java.security.MessageDigest;
import java.util.HexFormat;

/**
 * What the hosts of an encrypted network know and nobody else does. The keys of each direction between two hosts and of each hour are
 * derived from it.
 *
 * @see NetworkSpec#encrypted
 */
public final class VxlanSecret {
    private static final int LEAST = 32;

    private final byte[] content;

    private VxlanSecret(byte[] content) {
        if (content.length < LEAST) {
            throw new InvalidSpecException(
                    "cannot use a secret of " + content.length + " bytes for a network: it is to be random, and has "
                            + LEAST + " bytes at least",
                    "make one: openssl rand -hex " + LEAST);
        }
        this.content = content;
    }

    /**
     * @param content random, so no password
     * @throws InvalidSpecException if it has less than 32 bytes
     */
    public static VxlanSecret of(byte[] content) {
        return new VxlanSecret(content.clone());
    }

    /**
     * @param digits as {@code openssl rand -hex 32} writes them, 64 or more; spaces around them are left out
     * @throws InvalidSpecException if it is something else, which the message does not tell
     */
    public static VxlanSecret parse(String digits) {
        try {
            return new VxlanSecret(HexFormat.of().parseHex(digits.strip()));
        } catch (IllegalArgumentException e) {
            throw new InvalidSpecException(
                    "cannot use a secret for a network: it is not written in hexadecimal digits",
                    "make one: openssl rand -hex " + LEAST);
        }
    }

    /** A copy. */
    public byte[] content() {
        return content.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof VxlanSecret secret && MessageDigest.isEqual(content, secret.content);
    }

    /** The same for all, since it may be shown. */
    @Override
    public int hashCode() {
        return VxlanSecret.class.hashCode();
    }

    /** Says nothing of it. */
    @Override
    public String toString() {
        return "VxlanSecret[…]";
    }
}
