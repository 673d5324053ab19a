package dev.cais;

import java.net.InetAddress;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What is known of a network at one moment, as {@code docker network inspect} tells it.
 *
 * @param id 64 hexadecimal digits
 * @param subnets IPv4 before IPv6; empty where plugins choose addresses, and of the default network before its first container
 * @param endpoints places of containers, those that do not run included, in the order in which they came; what passes each is counted by
 *     {@link Stats#networks} of its container
 * @param bridge the host's link on it, with what it received from containers for the host or others outside, and what it sent to them;
 *     empty where there is no bridge
 */
public record NetworkInfo(
        String id,
        NetworkSpec spec,
        Instant created,
        List<Addresses> subnets,
        List<Endpoint> endpoints,
        Optional<Stats.Network> bridge) {
    public NetworkInfo {
        subnets = List.copyOf(subnets);
        endpoints = List.copyOf(endpoints);
    }

    /**
     * The addresses of a subnet.
     *
     * @param gateway empty where there is none to be known, as on an ipvlan of layer 3
     * @param inUse how many containers have, running or not
     * @param available how many more can be given to containers that ask for none in particular; of a large subnet or range, of its
     *     first 65,536
     */
    public record Addresses(Subnet subnet, Optional<InetAddress> gateway, int inUse, int available) {}
}
