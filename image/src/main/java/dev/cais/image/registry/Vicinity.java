package dev.cais.image.registry;

import dev.cais.Subnet;
import java.net.InetAddress;
import java.util.List;
import java.util.stream.Stream;

/** How near a server is to this host: the nearer, the more it trusts whoever comes from here. The order counts. */
public enum Vicinity {
    /** Anywhere. */
    PUBLIC("a public address"),
    /** In a network of its own: RFC 1918, RFC 4193, RFC 6598. */
    PRIVATE("a private address"),
    /** On the same link, as clouds' metadata services are. */
    LINK("a link-local address"),
    /** This host. */
    HOST("this host itself");

    private static final List<Subnet> PRIVATE_NETWORKS =
            Stream.of("100.64.0.0/10", "fc00::/7").map(Subnet::parse).toList();

    private final String shown;

    Vicinity(String shown) {
        this.shown = shown;
    }

    /** Of the nearest of them. */
    public static Vicinity of(InetAddress... addresses) {
        return Stream.of(addresses).map(Vicinity::of).max(Vicinity::compareTo).orElse(PUBLIC);
    }

    private static Vicinity of(InetAddress address) {
        if (address.isLoopbackAddress() || address.isAnyLocalAddress()) {
            return HOST;
        } else if (address.isLinkLocalAddress() || address.isMulticastAddress()) {
            return LINK;
        }
        return address.isSiteLocalAddress() || PRIVATE_NETWORKS.stream().anyMatch(network -> network.contains(address))
                ? PRIVATE
                : PUBLIC;
    }

    boolean isNearerThan(Vicinity other) {
        return compareTo(other) > 0;
    }

    @Override
    public String toString() {
        return shown;
    }
}
