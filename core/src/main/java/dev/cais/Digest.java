package dev.cais;

import java.util.HexFormat;

/**
 * A content digest, as in {@code sha256:4f5a1c…}.
 *
 * @param algorithm {@code sha256} or {@code sha512}
 * @param hex the digest in lower-case hexadecimal, 64 or 128 digits
 * @see <a href="https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests">OCI image spec 1.1.1,
 *     Digests</a>
 */
public record Digest(String algorithm, String hex) {
    public Digest {
        var length = switch (algorithm) {
            case "sha256" -> 64;
            case "sha512" -> 128;
            default ->
                throw new InvalidSpecException(
                        "cannot use digest algorithm " + algorithm + ": it is unknown", "use sha256 or sha512");
        };
        if (hex.length() != length || !isLowerHex(hex)) {
            throw new InvalidSpecException("cannot use digest " + algorithm + ":" + hex + ": " + algorithm + " has "
                    + length + " lower-case hexadecimal digits");
        }
    }

    /** A build makes one for each file. */
    private static boolean isLowerHex(String text) {
        for (var i = 0; i < text.length(); i++) {
            var digit = text.charAt(i);
            if ((digit < '0' || digit > '9') && (digit < 'a' || digit > 'f')) {
                return false;
            }
        }
        return true;
    }

    /** @throws InvalidSpecException if the text is not {@code algorithm:hex} */
    public static Digest parse(String text) {
        var colon = text.indexOf(':');
        if (colon < 0) {
            throw new InvalidSpecException("cannot use digest " + text + ": it has no algorithm", "write sha256:…");
        }
        return new Digest(text.substring(0, colon), text.substring(colon + 1));
    }

    public static Digest sha256(byte[] hash) {
        return new Digest("sha256", HexFormat.of().formatHex(hash));
    }

    /** The first twelve hexadecimal digits, as lists show them. */
    public String abbreviated() {
        return hex.substring(0, 12);
    }

    @Override
    public String toString() {
        return algorithm + ":" + hex;
    }
}
