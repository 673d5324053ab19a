package dev.cais.runtime;

import dev.cais.Subnet;
import dev.cais.network.FilteredNetwork;
import java.util.List;
import java.util.Map;

/**
 * What a network has on the host.
 *
 * @param name of the link
 * @param filtered what the firewall knows of it
 * @param leases of each of its subnets, IPv4 before IPv6
 */
record NetworkBridge(String name, int index, FilteredNetwork filtered, Map<Subnet, Leases> leases) {
    List<Subnet> subnets() {
        return List.copyOf(leases.keySet());
    }
}
