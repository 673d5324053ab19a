package dev.cais;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

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
 * @param cdiDirectories where device specifications of the Container Device Interface lie; where two name one device, the later
 *     directory's counts
 * @param networks how networks are made
 */
public record EngineOptions(
        Path store,
        ImageLimits limits,
        ByteSize captureLimit,
        boolean strictLimits,
        RegistryOptions registries,
        List<LogDriver> logDrivers,
        List<Path> cdiDirectories,
        NetworkOptions networks) {
    /** Where the specification says they are: {@code /etc/cdi} and {@code /var/run/cdi}. */
    public static final List<Path> DEFAULT_CDI_DIRECTORIES = List.of(Path.of("/etc/cdi"), Path.of("/var/run/cdi"));

    /** Bytes of each stream that a result keeps by default: 16 MiB. */
    public static final ByteSize DEFAULT_CAPTURE_LIMIT = ByteSize.mib(16);

    public static EngineOptions defaults() {
        return new EngineOptions(
                defaultStore(),
                ImageLimits.DEFAULT,
                DEFAULT_CAPTURE_LIMIT,
                false,
                RegistryOptions.defaults(),
                List.of(),
                DEFAULT_CDI_DIRECTORIES,
                NetworkOptions.DEFAULT);
    }

    public EngineOptions store(Path directory) {
        return with(draft -> draft.store = directory);
    }

    public EngineOptions limits(ImageLimits changed) {
        return with(draft -> draft.limits = changed);
    }

    /** At most 1 GiB, since the bytes are kept in one array. */
    public EngineOptions captureLimit(ByteSize changed) {
        return with(draft -> draft.captureLimit = changed);
    }

    public EngineOptions strictLimits(boolean changed) {
        return with(draft -> draft.strictLimits = changed);
    }

    public EngineOptions registries(RegistryOptions changed) {
        return with(draft -> draft.registries = changed);
    }

    /** Allows plain HTTP to a registry: see {@link RegistryOptions#insecure(String)}. */
    public EngineOptions insecureRegistry(String registry) {
        return registries(registries.insecure(registry));
    }

    /** Who the engine is to a registry: see {@link RegistryOptions#credentials(String, Credentials)}. */
    public EngineOptions credentials(String registry, Credentials changed) {
        return registries(registries.credentials(registry, changed));
    }

    /** Which images may be pulled from a place: see {@link RegistryOptions#trust(String, TrustRule)}. */
    public EngineOptions trust(String place, TrustRule rule) {
        return registries(registries.trust(place, rule));
    }

    /** Adds a driver that {@link ContainerSpec#logging} can name. */
    public EngineOptions logDriver(LogDriver driver) {
        var more = new ArrayList<>(logDrivers);
        more.add(driver);
        return with(draft -> draft.logDrivers = more);
    }

    /** In place of those of before. */
    public EngineOptions cdiDirectories(Path... directories) {
        return with(draft -> draft.cdiDirectories = List.of(directories));
    }

    public EngineOptions networks(NetworkOptions changed) {
        return with(draft -> draft.networks = changed);
    }

    public EngineOptions {
        store = store.toAbsolutePath().normalize();
        logDrivers = List.copyOf(logDrivers);
        cdiDirectories = List.copyOf(cdiDirectories);
        if (captureLimit.compareTo(ByteSize.gib(1)) > 0) {
            throw new InvalidSpecException(
                    "cannot keep " + captureLimit + " of a stream in memory: the limit is 1 GiB",
                    "read the rest from ProcessResult's Captured.rest(), or run with streams");
        }
    }

    private EngineOptions with(Consumer<Draft> change) {
        var draft = new Draft(this);
        change.accept(draft);
        return draft.build();
    }

    /** The fields, open for a change. */
    private static final class Draft {
        private Path store;
        private ImageLimits limits;
        private ByteSize captureLimit;
        private boolean strictLimits;
        private RegistryOptions registries;
        private List<LogDriver> logDrivers;
        private List<Path> cdiDirectories;
        private NetworkOptions networks;

        Draft(EngineOptions options) {
            store = options.store;
            limits = options.limits;
            captureLimit = options.captureLimit;
            strictLimits = options.strictLimits;
            registries = options.registries;
            logDrivers = options.logDrivers;
            cdiDirectories = options.cdiDirectories;
            networks = options.networks;
        }

        EngineOptions build() {
            return new EngineOptions(
                    store, limits, captureLimit, strictLimits, registries, logDrivers, cdiDirectories, networks);
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
        return dataDirectory(System.getenv(), System.getProperty("user.home")).resolve("cais");
    }

    /**
     * Of the XDG Base Directory Specification, which has relative paths ignored.
     *
     * @param home what the JVM takes for it: {@code ?} if the host's list of users does not have this one, as is usual in pods
     */
    static Path dataDirectory(Map<String, String> environment, String home) {
        var data = Path.of(environment.getOrDefault("XDG_DATA_HOME", ""));
        if (data.isAbsolute()) {
            return data;
        }
        var known = home.equals("?") ? environment.getOrDefault("HOME", "/") : home;
        return Path.of(known, ".local", "share");
    }
}
