package dev.cais.runtime;

import dev.cais.Subnet;
import dev.cais.network.FilteredNetwork;
import dev.cais.network.esp.VxlanEncryption;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a network is made of on the host: the link that joins its containers, and who has which address there.
 *
 * @param index of its bridge, or of the link that its containers' stand on
 * @param mtu of its links, in bytes; 0 for the kernel's choice
 * @param ours links to delete with it
 * @param filtered what the firewall knows of it, if it has a bridge
 * @param encryption of what goes to other hosts
 * @param leases of each of its subnets, IPv4 before IPv6
 */
record NetworkSegment(
        int index,
        int mtu,
        List<Integer> ours,
        Optional<FilteredNetwork> filtered,
        Optional<VxlanEncryption> encryption,
        Map<Subnet, Leases> leases) {
    List<Subnet> subnets() {
        return List.copyOf(leases.keySet());
    }
}
