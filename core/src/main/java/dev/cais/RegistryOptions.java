package dev.cais;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * How an engine speaks to registries. The methods return changed copies. A registry is named as in references: {@code
 * docker.io}, {@code ghcr.io}, {@code localhost:5000}.
 *
 * @param insecure registries that are spoken to in plain HTTP. Those on this host's loopback ({@code localhost}, {@code
 *     127.0.0.1}) are tried with TLS first and then without, as Docker does, whether they are here or not
 * @param credentials by registry, before what configuration files say; or by {@code host:port} of a proxy
 * @param mirrors by registry: {@code host[:port][/path]}, tried in order before the registry itself; pulls only
 * @param rewrites other places for names, by {@code registry[/path]}: the longest that a name begins with is replaced
 * @param authorities PEM files of certificates to trust beside the JVM's
 * @param clientCertificates by registry
 * @param proxy {@code http://host:port} for all registries that are not on loopback; empty for what the JVM's system properties
 *     or else the environment ({@code HTTPS_PROXY}, {@code HTTP_PROXY}, {@code NO_PROXY}) say
 * @param trust which images may be pulled or copied, by {@code registry[/path]}, {@code *.domain} or {@code *}: the longest that a name
 *     begins with counts; before the policy file
 * @param policy containers' {@code policy.json}, read at each pull: decides where {@code trust} says nothing; empty to accept all
 *     then
 * @param offline whether to fail before any socket is opened
 * @param connectTimeout for a connection, TLS included; 10 seconds by default
 * @param stallTimeout without a byte in either direction, or without an answer; 30 seconds by default
 * @param timeout for a whole pull or push; two hours by default
 * @param parallel layers at a time in one pull or push; 4 by default
 * @param retries of one request, or of a broken transfer without progress in between; 4 by default
 */
public record RegistryOptions(
        Set<String> insecure,
        Map<String, Credentials> credentials,
        Map<String, List<String>> mirrors,
        Map<String, String> rewrites,
        List<Path> authorities,
        Map<String, ClientCertificate> clientCertificates,
        Optional<URI> proxy,
        Map<String, TrustRule> trust,
        Optional<Path> policy,
        boolean offline,
        Duration connectTimeout,
        Duration stallTimeout,
        Duration timeout,
        int parallel,
        int retries) {
    private static final Pattern HOST =
            Pattern.compile("[a-zA-Z0-9.-]+(?::[0-9]{1,5})?|\\[[a-fA-F0-9:]+](?::[0-9]{1,5})?");
    private static final Pattern PLACE = Pattern.compile("(?:" + HOST + ")(?:/[a-z0-9._-]+)*");
    private static final Pattern TRUSTED = Pattern.compile("\\*(?:\\.[a-zA-Z0-9.-]+)?|" + PLACE);

    private static final RegistryOptions DEFAULTS = new RegistryOptions(
            Set.of(),
            Map.of(),
            Map.of(),
            Map.of(),
            List.of(),
            Map.of(),
            Optional.empty(),
            Map.of(),
            Optional.empty(),
            false,
            Duration.ofSeconds(10),
            Duration.ofSeconds(30),
            Duration.ofHours(2),
            4,
            4);

    /**
     * What a registry may ask for to know its caller.
     *
     * @param certificate PEM file of the certificate, and those between it and its authority
     * @param key PEM file of its private key (PKCS #8, not encrypted)
     */
    public record ClientCertificate(Path certificate, Path key) {}

    public RegistryOptions {
        insecure = Collections.unmodifiableSet(new LinkedHashSet<>(insecure));
        credentials = Collections.unmodifiableMap(new LinkedHashMap<>(credentials));
        var copied = new LinkedHashMap<String, List<String>>();
        mirrors.forEach((registry, places) -> copied.put(registry, List.copyOf(places)));
        mirrors = Collections.unmodifiableMap(copied);
        rewrites = Collections.unmodifiableMap(new LinkedHashMap<>(rewrites));
        authorities = List.copyOf(authorities);
        clientCertificates = Collections.unmodifiableMap(new LinkedHashMap<>(clientCertificates));
        trust = Collections.unmodifiableMap(new LinkedHashMap<>(trust));
        insecure.forEach(RegistryOptions::requireHost);
        credentials.keySet().forEach(RegistryOptions::requireHost);
        mirrors.keySet().forEach(RegistryOptions::requireHost);
        mirrors.values().forEach(places -> places.forEach(RegistryOptions::requirePlace));
        rewrites.forEach((from, to) -> {
            requirePlace(from);
            requirePlace(to);
        });
        clientCertificates.keySet().forEach(RegistryOptions::requireHost);
        proxy.ifPresent(RegistryOptions::requireProxy);
        trust.keySet().forEach(RegistryOptions::requireTrusted);
        requirePositive("connectTimeout", connectTimeout);
        requirePositive("stallTimeout", stallTimeout);
        requirePositive("timeout", timeout);
        if (parallel < 1 || parallel > 64) {
            throw new InvalidSpecException("cannot move " + parallel + " layers at a time", "choose 1 to 64");
        }
        if (retries < 0 || retries > 100) {
            throw new InvalidSpecException("cannot try again " + retries + " times", "choose 0 to 100");
        }
    }

    private static void requireHost(String registry) {
        if (!HOST.matcher(registry).matches()) {
            throw new InvalidSpecException(
                    "cannot use registry " + registry + ": it is no host[:port]", "leave out https:// and any path");
        }
    }

    private static void requirePlace(String place) {
        if (!PLACE.matcher(place).matches()) {
            throw new InvalidSpecException(
                    "cannot use registry " + place + ": it is no host[:port][/path]", "leave out https://");
        }
    }

    private static void requireTrusted(String place) {
        if (!TRUSTED.matcher(place).matches()) {
            throw new InvalidSpecException(
                    "cannot trust " + place + ": it is no host[:port][/path], *.domain or *",
                    "leave out https:// and any tag");
        }
    }

    private static void requireProxy(URI proxy) {
        if (proxy.getRawUserInfo() != null) {
            var address = proxy.getHost() + ":" + proxy.getPort();
            throw new InvalidSpecException(
                    "cannot use proxy " + address + ": its user and password are in the URL",
                    "pass them with credentials(\"" + address + "\", Credentials.basic(…))");
        }
        if (!"http".equals(proxy.getScheme()) || proxy.getHost() == null || proxy.getPort() < 1) {
            throw new InvalidSpecException(
                    "cannot use proxy " + proxy + ": it is not http://host:port",
                    "HTTPS registries are tunnelled through it");
        }
    }

    private static void requirePositive(String name, Duration duration) {
        if (duration.isNegative() || duration.isZero()) {
            throw new InvalidSpecException(
                    "cannot use a time limit of " + duration + " [" + name + "]", "choose more than 0");
        }
    }

    public static RegistryOptions defaults() {
        return DEFAULTS;
    }

    /** Allows plain HTTP to a registry, and uses nothing else there. */
    public RegistryOptions insecure(String registry) {
        return with(draft -> draft.insecure.add(registry));
    }

    public RegistryOptions credentials(String registry, Credentials changed) {
        return with(draft -> draft.credentials.put(registry, changed));
    }

    /** Adds mirrors of a registry behind those it has. */
    public RegistryOptions mirror(String registry, String... places) {
        return with(draft -> draft.mirrors
                .computeIfAbsent(registry, key -> new ArrayList<>())
                .addAll(List.of(places)));
    }

    /** As in {@code rewrite("docker.io", "proxy.corp/hub")}: then {@code busybox} is {@code proxy.corp/hub/library/busybox}. */
    public RegistryOptions rewrite(String from, String to) {
        return with(draft -> draft.rewrites.put(from, to));
    }

    public RegistryOptions authority(Path pem) {
        return with(draft -> draft.authorities.add(pem));
    }

    public RegistryOptions clientCertificate(String registry, Path certificate, Path key) {
        return with(draft -> draft.clientCertificates.put(registry, new ClientCertificate(certificate, key)));
    }

    /**
     * @param changed {@code http://host:port}. A password for it goes to {@link #credentials(String, Credentials)}; for HTTPS
     *     registries the JVM must then be started with {@code -Djdk.http.auth.tunneling.disabledSchemes=}
     */
    public RegistryOptions proxy(URI changed) {
        return with(draft -> draft.proxy = Optional.of(changed));
    }

    /**
     * Which images may be pulled or copied from a place. Checked before anything is given a name, whenever the registry is asked; what
     * is in the store already stays as it is.
     *
     * @param place {@code registry[/path]}, as in {@code docker.io/library}; {@code *.domain} for all registries below it; {@code *}
     *     for all others
     */
    public RegistryOptions trust(String place, TrustRule rule) {
        return with(draft -> draft.trust.put(place, rule));
    }

    /**
     * Which images may be pulled, as Podman and its kin read it. Known are {@code insecureAcceptAnything}, {@code reject} and {@code
     * sigstoreSigned} with keys; what wants anything else (GPG signatures, Fulcio, Rekor) rejects, and says why.
     *
     * @param file {@code /etc/containers/policy.json}, say
     * @see <a href="https://github.com/containers/image/blob/main/docs/containers-policy.json.5.md">containers-policy.json(5)</a>
     */
    public RegistryOptions policy(Path file) {
        return with(draft -> draft.policy = Optional.of(file));
    }

    public RegistryOptions offline(boolean changed) {
        return with(draft -> draft.offline = changed);
    }

    public RegistryOptions connectTimeout(Duration changed) {
        return with(draft -> draft.connectTimeout = changed);
    }

    public RegistryOptions stallTimeout(Duration changed) {
        return with(draft -> draft.stallTimeout = changed);
    }

    public RegistryOptions timeout(Duration changed) {
        return with(draft -> draft.timeout = changed);
    }

    public RegistryOptions parallel(int changed) {
        return with(draft -> draft.parallel = changed);
    }

    public RegistryOptions retries(int changed) {
        return with(draft -> draft.retries = changed);
    }

    private RegistryOptions with(Consumer<Draft> change) {
        var draft = new Draft(this);
        change.accept(draft);
        return draft.options();
    }

    /** The same, changeable. */
    private static final class Draft {
        private final Set<String> insecure;
        private final Map<String, Credentials> credentials;
        private final Map<String, List<String>> mirrors = new LinkedHashMap<>();
        private final Map<String, String> rewrites;
        private final List<Path> authorities;
        private final Map<String, ClientCertificate> clientCertificates;
        private Optional<URI> proxy;
        private final Map<String, TrustRule> trust;
        private Optional<Path> policy;
        private boolean offline;
        private Duration connectTimeout;
        private Duration stallTimeout;
        private Duration timeout;
        private int parallel;
        private int retries;

        Draft(RegistryOptions base) {
            insecure = new LinkedHashSet<>(base.insecure);
            credentials = new LinkedHashMap<>(base.credentials);
            base.mirrors.forEach((registry, places) -> mirrors.put(registry, new ArrayList<>(places)));
            rewrites = new LinkedHashMap<>(base.rewrites);
            authorities = new ArrayList<>(base.authorities);
            clientCertificates = new LinkedHashMap<>(base.clientCertificates);
            proxy = base.proxy;
            trust = new LinkedHashMap<>(base.trust);
            policy = base.policy;
            offline = base.offline;
            connectTimeout = base.connectTimeout;
            stallTimeout = base.stallTimeout;
            timeout = base.timeout;
            parallel = base.parallel;
            retries = base.retries;
        }

        RegistryOptions options() {
            return new RegistryOptions(
                    insecure,
                    credentials,
                    mirrors,
                    rewrites,
                    authorities,
                    clientCertificates,
                    proxy,
                    trust,
                    policy,
                    offline,
                    connectTimeout,
                    stallTimeout,
                    timeout,
                    parallel,
                    retries);
        }
    }
}
