package dev.cais.runtime;

import dev.cais.Endpoint;
import dev.cais.EndpointSpec;
import dev.cais.NetworkDriver;
import dev.cais.network.dns.ZoneEntry;
import java.net.InetAddress;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A container's place on a network: what it has there whether it runs or not.
 *
 * @param addresses IPv4 before IPv6; of a network of plugins, there are some only while it runs
 * @param link its interface's name in the container, while there is one
 */
record LocalEndpoint(
        LocalNetwork network,
        LocalContainer container,
        EndpointSpec spec,
        List<InetAddress> addresses,
        String mac,
        AtomicReference<String> link) {
    private static final int SHORT_ID = 12;
    private static final int LONGEST_NAME = 253;
    private static final Pattern DOMAIN_NAME = Pattern.compile("[a-zA-Z0-9_-]{1,63}(\\.[a-zA-Z0-9_-]{1,63})*");

    static LocalEndpoint of(
            LocalNetwork network,
            LocalContainer container,
            EndpointSpec spec,
            List<InetAddress> addresses,
            String mac) {
        return new LocalEndpoint(network, container, spec, addresses, mac, new AtomicReference<>(""));
    }

    /** As plugins have made it. */
    LocalEndpoint with(List<InetAddress> made, String madeMac) {
        return new LocalEndpoint(network, container, spec, made, madeMac, link);
    }

    /** Whether the host and the container reach each other here, at addresses of this network. */
    boolean reachesHost() {
        return network.spec().driver() instanceof NetworkDriver.Bridge
                && (spec.vlan() == 0 || spec.vlan() == EndpointSpec.DEFAULT_VLAN);
    }

    Endpoint shown() {
        return new Endpoint(
                container.id(), network.name(), addresses, mac, spec.aliases(), Objects.requireNonNull(link.get()));
    }

    /** What others find it by: its container's name and short id, and its aliases; those that DNS can have. */
    ZoneEntry names() {
        var names = Stream.concat(
                        Stream.of(container.name()),
                        Stream.concat(
                                spec.aliases().stream(),
                                Stream.of(container.id().substring(0, SHORT_ID))))
                .filter(LocalEndpoint::isDomainName)
                .toList();
        return new ZoneEntry(names, addresses);
    }

    /** A container's name may be longer, or have two dots in a row. */
    private static boolean isDomainName(String name) {
        return DOMAIN_NAME.matcher(name).matches() && name.length() <= LONGEST_NAME;
    }

    @Override
    public boolean equals(Object other) {
        return this == other;
    }

    @Override
    public int hashCode() {
        return System.identityHashCode(this);
    }
}
