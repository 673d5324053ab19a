package dev.cais;

/**
 * What an image runs on, as in {@code linux/arm64/v8}.
 *
 * @param os as Go's GOOS names it; Cais runs {@code linux}
 * @param architecture as Go's GOARCH names it
 * @param variant of the architecture, or empty
 */
public record Platform(String os, String architecture, String variant) {
    /** @throws InvalidSpecException if the text is not {@code os/architecture[/variant]} */
    public static Platform parse(String text) {
        var parts = text.split("/", -1);
        if (parts.length < 2 || parts.length > 3 || parts[0].isEmpty() || parts[1].isEmpty()) {
            throw new InvalidSpecException(
                    "cannot use platform " + text + ": it is not os/architecture[/variant]", "write linux/amd64");
        }
        return new Platform(parts[0], parts[1], parts.length == 3 ? parts[2] : "");
    }

    /** The platform of this host. */
    public static Platform host() {
        var architecture = System.getProperty("os.arch");
        return new Platform(
                "linux",
                switch (architecture) {
                    case "x86_64", "amd64" -> "amd64";
                    case "aarch64" -> "arm64";
                    default -> architecture;
                },
                "");
    }

    @Override
    public String toString() {
        return os + "/" + architecture + (variant.isEmpty() ? "" : "/" + variant);
    }
}
