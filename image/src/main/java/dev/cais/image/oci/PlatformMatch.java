package dev.cais.image.oci;

import dev.cais.Descriptor;
import dev.cais.Platform;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Which of an index's images a host runs best.
 *
 * <p>An arm64 host also runs arm v8 to v5, an arm host lower variants than its own, an amd64 host 386; the closest wins, and
 * of equals the first. Variants above the baseline (amd64 v2 to v4, arm64 v9) are chosen only if asked for, since nobody
 * knows here whether the processor has them.
 */
final class PlatformMatch {
    private static final List<Platform> AMD64 = List.of(of("amd64", ""), of("386", ""));
    private static final List<Platform> AMD64_VARIANTS =
            List.of(of("amd64", "v4"), of("amd64", "v3"), of("amd64", "v2"));
    private static final List<Platform> ARM64_VARIANTS = List.of(of("arm64", "v9"));
    private static final List<Platform> ARM = List.of(of("arm", "v7"), of("arm", "v6"), of("arm", "v5"));
    private static final List<Platform> ARM64 =
            List.of(of("arm64", ""), of("arm", "v8"), of("arm", "v7"), of("arm", "v6"), of("arm", "v5"));

    private PlatformMatch() {}

    /** The one to use on this host; empty if none runs there. Descriptors without a platform are passed over. */
    static Optional<Descriptor> best(Platform host, List<Descriptor> offered) {
        for (var wanted : byPreference(normal(host))) {
            for (var descriptor : offered) {
                if (descriptor
                        .platform()
                        .map(PlatformMatch::normal)
                        .filter(wanted::equals)
                        .isPresent()) {
                    return Optional.of(descriptor);
                }
            }
        }
        return Optional.empty();
    }

    /** Whether this stands in an index for something that is no image, as build attestations do. */
    static boolean isUnknown(Platform platform) {
        return platform.os().equals("unknown") && platform.architecture().equals("unknown");
    }

    private static List<Platform> byPreference(Platform host) {
        return switch (host.os().equals("linux") ? host.architecture() : "") {
            case "amd64" -> withVariants(host, AMD64_VARIANTS, AMD64);
            case "arm64" -> withVariants(host, ARM64_VARIANTS, ARM64);
            case "arm" -> ARM.subList(Math.max(0, ARM.indexOf(host)), ARM.size());
            default -> List.of(host);
        };
    }

    /** If a variant above the baseline was asked for, that comes first, and those between it and the baseline. */
    private static List<Platform> withVariants(Platform host, List<Platform> variants, List<Platform> baseline) {
        var at = variants.indexOf(host);
        return at < 0
                ? baseline
                : Stream.concat(variants.stream().skip(at), baseline.stream()).toList();
    }

    /** The names that Go uses, and no variant where it is the baseline's. */
    private static Platform normal(Platform platform) {
        var architecture = switch (platform.architecture()) {
            case "x86_64", "x86-64" -> "amd64";
            case "aarch64" -> "arm64";
            case "i386" -> "386";
            default -> platform.architecture();
        };
        var variant = switch (architecture + " " + platform.variant()) {
            case "amd64 v1", "arm64 v8", "arm64 8" -> "";
            case "arm ", "arm 7" -> "v7";
            case "arm 6" -> "v6";
            case "arm 5" -> "v5";
            case "arm 8" -> "v8";
            default -> platform.variant();
        };
        return new Platform(platform.os(), architecture, variant);
    }

    private static Platform of(String architecture, String variant) {
        return new Platform("linux", architecture, variant);
    }
}
