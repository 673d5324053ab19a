package dev.cais;

import java.util.Optional;

/**
 * How an image is pulled. The methods return changed copies.
 *
 * @param platform which image of an index; empty for this host's
 * @param policy when the registry is asked; {@link PullPolicy#ALWAYS} by default
 * @param allPlatforms whether all images of an index are fetched, so that it can be pushed as it is
 * @param credentials for this pull alone; empty for those of the engine or of configuration files
 */
public record PullOptions(
        Optional<Platform> platform, PullPolicy policy, boolean allPlatforms, Optional<Credentials> credentials) {
    private static final PullOptions DEFAULTS =
            new PullOptions(Optional.empty(), PullPolicy.ALWAYS, false, Optional.empty());

    public static PullOptions defaults() {
        return DEFAULTS;
    }

    /**
     * @param text as in {@code linux/arm64}
     * @throws InvalidSpecException if it is no platform
     */
    public PullOptions platform(String text) {
        return platform(Platform.parse(text));
    }

    public PullOptions platform(Platform wanted) {
        return new PullOptions(Optional.of(wanted), policy, allPlatforms, credentials);
    }

    public PullOptions policy(PullPolicy changed) {
        return new PullOptions(platform, changed, allPlatforms, credentials);
    }

    /** Fetches the images of all platforms. The pull gives the one for the platform that is asked for. */
    public PullOptions forAllPlatforms() {
        return new PullOptions(platform, policy, true, credentials);
    }

    public PullOptions credentials(Credentials changed) {
        return new PullOptions(platform, policy, allPlatforms, Optional.of(changed));
    }
}
