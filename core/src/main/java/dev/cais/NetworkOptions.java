package dev.cais;

import java.util.Arrays;
import java.util.List;

/**
 * How an engine makes networks. The methods return changed copies.
 *
 * @param defaultNetwork whether a container whose spec says nothing of networks is on {@link Networks#DEFAULT}; if not, or if this
 *     host can have no networks ({@link EngineInfo#notes} and its {@linkplain Container#warnings warnings} say why), it has
 *     loopback alone
 * @param pools of IPv4, where subnets are taken from: the first that has room; what the host has a route to is left alone
 * @param prefix of the subnets that are taken, 16 to 29 bits
 */
public record NetworkOptions(boolean defaultNetwork, List<Subnet> pools, int prefix) {
    /** With a default network, and room for 2048 networks with 253 containers each. */
    public static final NetworkOptions DEFAULT = new NetworkOptions(true, List.of(Subnet.parse("10.200.0.0/13")), 24);

    private static final int SHORTEST_PREFIX = 16;
    private static final int LONGEST_PREFIX = 29;

    public NetworkOptions {
        pools = List.copyOf(pools);
        if (prefix < SHORTEST_PREFIX || prefix > LONGEST_PREFIX) {
            throw new InvalidSpecException("cannot take subnets of " + prefix + " bits: it is not " + SHORTEST_PREFIX
                    + " to " + LONGEST_PREFIX);
        }
        for (var pool : pools) {
            if (pool.isIpv6() || pool.prefix() > prefix) {
                throw new InvalidSpecException(
                        "cannot take subnets of " + prefix + " bits from " + pool + ": it is smaller, or of IPv6");
            }
        }
    }

    public NetworkOptions withoutDefaultNetwork() {
        return new NetworkOptions(false, pools, prefix);
    }

    /** @param texts as {@code 10.200.0.0/16}, in place of those before */
    public NetworkOptions pools(String... texts) {
        return new NetworkOptions(
                defaultNetwork, Arrays.stream(texts).map(Subnet::parse).toList(), prefix);
    }

    public NetworkOptions prefix(int changed) {
        return new NetworkOptions(defaultNetwork, pools, changed);
    }
}
