package dev.cais.network;

import dev.cais.Subnet;
import dev.cais.fixtures.NetNamespace;
import dev.cais.network.netlink.LinkAddress;
import dev.cais.network.netlink.LinkKind.Bridge;
import dev.cais.network.netlink.LinkKind.Veth;
import dev.cais.network.netlink.LinkRequest;
import dev.cais.network.netlink.Route;
import dev.cais.network.netlink.Rtnetlink;
import java.net.InetAddress;

/** Bridges of a test and what is connected to them: network n is 198.18.n.0/24 and fd00:18:n::/64, its gateway .1 and ::1. */
record Wires(Rtnetlink host, int group) implements AutoCloseable {
    static InetAddress address(String text) {
        return Subnet.parseAddress(text);
    }

    void bridge(String name, int index, int network) {
        host.execute(
                LinkRequest.add(name)
                        .kind(new Bridge(false))
                        .index(index)
                        .group(group)
                        .request(),
                LinkRequest.change(index).withoutLinkLocal().request(),
                LinkRequest.change(index).up().request(),
                new LinkAddress(index, address("fe80::1"), 64).add());
        gateway(index, network);
    }

    /** Gives a link the addresses that the network's others have for a way out. */
    void gateway(int index, int network) {
        host.execute(
                new LinkAddress(index, address("198.18." + network + ".1"), 24).add(),
                new LinkAddress(index, address("fd00:18:" + network + "::1"), 64).add());
    }

    /**
     * Connects a namespace by a link of its own, its {@code eth0}.
     *
     * @param bridge index of the bridge at the other end, or 0 for none
     * @param number last part of its address in the network
     */
    void connect(NetNamespace namespace, int index, int bridge, int network, int number) {
        var eth0 = LinkRequest.add("eth0").namespace(namespace.fd()).index(2);
        host.execute(LinkRequest.add("caisv" + index)
                .kind(new Veth(eth0))
                .index(index)
                .master(bridge)
                .group(group)
                .up()
                .request());
        try (var inside = namespace.call(Rtnetlink::open)) {
            inside.execute(
                    LinkRequest.change(1).up().request(),
                    LinkRequest.change(2).up().request(),
                    new LinkAddress(2, address("198.18." + network + "." + number), 24).add(),
                    new LinkAddress(2, address("fd00:18:" + network + "::" + number), 64).add(),
                    Route.byDefault(address("198.18." + network + ".1"), 2).add(),
                    Route.byDefault(address("fd00:18:" + network + "::1"), 2).add());
        }
    }

    /** Deletes all links of the group. */
    @Override
    public void close() {
        if (host.links().stream().anyMatch(link -> link.group() == group)) {
            host.execute(LinkRequest.deleteGroup(group).request());
        }
    }
}
