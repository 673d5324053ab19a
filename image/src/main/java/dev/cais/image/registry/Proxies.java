package dev.cais.image.registry;

import dev.cais.Credentials;
import dev.cais.RegistryOptions;
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
import java.util.stream.Stream;

/**
 * Which proxy leads to a server: the one that was named; else what the JVM's system properties say; else what the environment
 * says, as curl and Docker read it ({@code HTTPS_PROXY}, {@code HTTP_PROXY}, {@code NO_PROXY}, in capitals or not). This host
 * itself is always reached directly. What a proxy wants to know of its caller is in the options' credentials, or in the
 * environment's URL.
 */
final class Proxies extends ProxySelector {
    private final RegistryOptions options;
    private final Map<String, String> environment;
    private final NoProxy excepted;

    Proxies(RegistryOptions options, Map<String, String> environment) {
        this.options = options;
        this.environment = environment;
        this.excepted = NoProxy.parse(variable("no_proxy").orElse(""));
    }

    /**
     * A proxy on the way to a server.
     *
     * @param address as in {@code proxy.example.com:3128}
     * @param credentials that it may ask for
     */
    record Way(InetSocketAddress address, Optional<Credentials.Basic> credentials) {
        String shown() {
            return address.getHostString() + ":" + address.getPort();
        }
    }

    /** Empty for no proxy. */
    Optional<Way> to(URI url) {
        var endpoint = Endpoint.of(url);
        if (endpoint.isLoopback()) {
            return Optional.empty();
        }
        return options.proxy()
                .map(this::way)
                .or(() -> ofJvm(url))
                .or(() -> excepted.excepts(endpoint)
                        ? Optional.empty()
                        : variable(endpoint.scheme() + "_proxy")
                                .flatMap(Proxies::parse)
                                .map(this::way));
    }

    private Optional<Way> ofJvm(URI url) {
        var selector = ProxySelector.getDefault();
        return Optional.ofNullable(selector).stream()
                .flatMap(known -> known.select(url).stream())
                .filter(proxy -> proxy.type() == Proxy.Type.HTTP)
                .flatMap(proxy -> proxy.address() instanceof InetSocketAddress address
                        ? Stream.of(way(address, Optional.empty()))
                        : Stream.empty())
                .findFirst();
    }

    private Way way(URI proxy) {
        var address = InetSocketAddress.createUnresolved(proxy.getHost(), proxy.getPort() < 0 ? 80 : proxy.getPort());
        return way(address, Optional.ofNullable(proxy.getUserInfo()));
    }

    /** @param userInfo {@code user:password}; before what the options have for the proxy */
    private Way way(InetSocketAddress address, Optional<String> userInfo) {
        var bare = new Way(address, Optional.empty());
        var known = userInfo.filter(text -> text.indexOf(':') > 0)
                .map(text -> new Credentials.Basic(
                        text.substring(0, text.indexOf(':')), text.substring(text.indexOf(':') + 1)))
                .or(() -> options.credentials().get(bare.shown()) instanceof Credentials.Basic basic
                        ? Optional.of(basic)
                        : Optional.empty());
        return new Way(address, known);
    }

    /** The client itself looks the proxy's name up. */
    @Override
    public List<Proxy> select(URI url) {
        return List.of(
                to(url).map(way -> new Proxy(Proxy.Type.HTTP, way.address)).orElse(Proxy.NO_PROXY));
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

    @Override
    public void connectFailed(URI url, SocketAddress proxy, IOException failure) {
        // the request fails, and says why
    }
}
