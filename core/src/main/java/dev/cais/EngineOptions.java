package dev.cais;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * How an engine is opened. The methods return changed copies.
 *
 * @param store directory of blobs, layers and containers; created if it is missing. The default is {@code /var/lib/cais} for
 *     root, {@code $XDG_DATA_HOME/cais} or {@code ~/.local/share/cais} for others; the system property {@code cais.store} or
 *     the environment variable {@code CAIS_STORE} names another
 * @param limits what images from outside may contain
 * @param captureLimit how much of each stream a {@link ProcessResult} keeps in memory
 * @param strictLimits whether a container does not start if this host cannot set one of its limits; if not, it starts with a
 *     {@link Warning}
 * @param registries how to speak to registries
 * @param logDrivers places of one's own for what containers write
 */
public record EngineOptions(
        Path store,
        ImageLimits limits,
        ByteSize captureLimit,
        boolean strictLimits,
        RegistryOptions registries,
        List<LogDriver> logDrivers) {
    /** Bytes of each stream that a result keeps by default: 16 MiB. */
    public static final ByteSize DEFAULT_CAPTURE_LIMIT = ByteSize.mib(16);

    public static EngineOptions defaults() {
        return new EngineOptions(
                defaultStore(),
                ImageLimits.DEFAULT,
                DEFAULT_CAPTURE_LIMIT,
                false,
                RegistryOptions.defaults(),
                List.of());
    }

    public EngineOptions store(Path directory) {
        return new EngineOptions(directory, limits, captureLimit, strictLimits, registries, logDrivers);
    }

    public EngineOptions limits(ImageLimits changed) {
        return new EngineOptions(store, changed, captureLimit, strictLimits, registries, logDrivers);
    }

    /** At most 1 GiB, since the bytes are kept in one array. */
    public EngineOptions captureLimit(ByteSize changed) {
        return new EngineOptions(store, limits, changed, strictLimits, registries, logDrivers);
    }

    public EngineOptions strictLimits(boolean changed) {
        return new EngineOptions(store, limits, captureLimit, changed, registries, logDrivers);
    }

    public EngineOptions registries(RegistryOptions changed) {
        return new EngineOptions(store, limits, captureLimit, strictLimits, changed, logDrivers);
    }

    /** Allows plain HTTP to a registry: see {@link RegistryOptions#insecure(String)}. */
    public EngineOptions insecureRegistry(String registry) {
        return registries(registries.insecure(registry));
    }

    /** Who the engine is to a registry: see {@link RegistryOptions#credentials(String, Credentials)}. */
    public EngineOptions credentials(String registry, Credentials changed) {
        return registries(registries.credentials(registry, changed));
    }

    /** Adds a driver that {@link ContainerSpec#logging} can name. */
    public EngineOptions logDriver(LogDriver driver) {
        var more = new ArrayList<>(logDrivers);
        more.add(driver);
        return new EngineOptions(store, limits, captureLimit, strictLimits, registries, more);
    }

    public EngineOptions {
        store = store.toAbsolutePath().normalize();
        logDrivers = List.copyOf(logDrivers);
        if (captureLimit.compareTo(ByteSize.gib(1)) > 0) {
            throw new InvalidSpecException(
                    "cannot keep " + captureLimit + " of a stream in memory: the limit is 1 GiB",
                    "read the rest from ProcessResult's Captured.rest(), or run with streams");
        }
    }

    private static Path defaultStore() {
        var named = System.getProperty("cais.store", System.getenv().getOrDefault("CAIS_STORE", ""));
        if (!named.isEmpty()) {
            return Path.of(named);
        }
        if ("root".equals(System.getProperty("user.name"))) {
            return Path.of("/var/lib/cais");
        }
        var data = System.getenv().getOrDefault("XDG_DATA_HOME", "");
        var base = data.isEmpty() ? Path.of(System.getProperty("user.home"), ".local", "share") : Path.of(data);
        return base.resolve("cais");
    }
}
