package dev.cais;

import java.util.Optional;

/**
 * How an image is copied from one registry to another. The methods return changed copies.
 *
 * @param platform the one image of an index to copy; empty for the index with all that is in it
 * @param referrers whether what refers to the image goes along: signatures, bills of materials, and what refers to those
 * @param from credentials for where it is; empty for those of the engine or of configuration files
 * @param to credentials for where it goes, likewise
 */
public record CopyOptions(
        Optional<Platform> platform, boolean referrers, Optional<Credentials> from, Optional<Credentials> to) {
    private static final CopyOptions DEFAULTS =
            new CopyOptions(Optional.empty(), false, Optional.empty(), Optional.empty());

    /** All of it, byte for byte, and nothing else. */
    public static CopyOptions defaults() {
        return DEFAULTS;
    }

    /**
     * @param text as in {@code linux/arm64}
     * @throws InvalidSpecException if it is no platform
     */
    public CopyOptions platform(String text) {
        return platform(Platform.parse(text));
    }

    public CopyOptions platform(Platform wanted) {
        return new CopyOptions(Optional.of(wanted), referrers, from, to);
    }

    /**
     * Copies referrers, too, as {@link ImageRepository#referrers} finds them, and what cosign has tagged {@code sha256-4f5a1c….sig},
     * {@code .att} and {@code .sbom}.
     */
    public CopyOptions withReferrers() {
        return new CopyOptions(platform, true, from, to);
    }

    public CopyOptions from(Credentials changed) {
        return new CopyOptions(platform, referrers, Optional.of(changed), to);
    }

    public CopyOptions to(Credentials changed) {
        return new CopyOptions(platform, referrers, from, Optional.of(changed));
    }
}
