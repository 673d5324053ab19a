package dev.cais.image.registry;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Which proxy leads to a server: the one that was named; else what the JVM's system properties say; else what the environment
 * says, as curl and Docker read it ({@code HTTPS_PROXY}, {@code HTTP_PROXY}, {@code NO_PROXY}, in capitals or not). This host
 * itself is always reached directly.
 */
final class Proxies extends ProxySelector {
    private static final List<Proxy> DIRECT = List.of(Proxy.NO_PROXY);

    private final Optional<URI> named;
    private final Map<String, String> environment;

    Proxies(Optional<URI> named, Map<String, String> environment) {
        this.named = named;
        this.environment = environment;
    }

    @Override
    public List<Proxy> select(URI url) {
        var endpoint = Endpoint.of(url);
        if (endpoint.isLoopback()) {
            return DIRECT;
        }
        if (named.isPresent()) {
            return List.of(proxy(named.get()));
        }
        var ofJvm = ProxySelector.getDefault();
        var known = ofJvm == null ? DIRECT : ofJvm.select(url);
        if (known.stream().anyMatch(proxy -> proxy.type() == Proxy.Type.HTTP)) {
            return known;
        }
        return ofEnvironment(endpoint).map(proxy -> List.of(proxy(proxy))).orElse(DIRECT);
    }

    private Optional<URI> ofEnvironment(Endpoint endpoint) {
        if (isExcepted(endpoint)) {
            return Optional.empty();
        }
        return variable(endpoint.scheme() + "_proxy").flatMap(Proxies::parse);
    }

    private Optional<String> variable(String name) {
        return Optional.ofNullable(environment.get(name))
                .or(() -> Optional.ofNullable(environment.get(name.toUpperCase(Locale.ROOT))))
                .filter(value -> !value.isBlank());
    }

    private static Optional<URI> parse(String text) {
        try {
            var url = URI.create(text.contains("://") ? text : "http://" + text);
            return Optional.of(url).filter(proxy -> proxy.getHost() != null);
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    /** A name in the list excepts itself and what is below it; {@code *} excepts all. */
    private boolean isExcepted(Endpoint endpoint) {
        for (var each : variable("no_proxy").orElse("").split(",", -1)) {
            var entry = each.strip().toLowerCase(Locale.ROOT);
            var name = entry.startsWith("*.") ? entry.substring(2) : entry.startsWith(".") ? entry.substring(1) : entry;
            var host = endpoint.host().toLowerCase(Locale.ROOT);
            if (!name.isEmpty()
                    && (name.equals("*")
                            || name.equals(host)
                            || name.equals(host + ":" + endpoint.port())
                            || host.endsWith("." + name))) {
                return true;
            }
        }
        return false;
    }

    /** The client itself looks the name up. */
    private static Proxy proxy(URI url) {
        return new Proxy(
                Proxy.Type.HTTP,
                InetSocketAddress.createUnresolved(url.getHost(), url.getPort() < 0 ? 80 : url.getPort()));
    }

    @Override
    public void connectFailed(URI url, SocketAddress proxy, IOException failure) {
        // the request fails, and says why
    }
}
