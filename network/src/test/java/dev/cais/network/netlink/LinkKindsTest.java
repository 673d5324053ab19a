package dev.cais.network.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.InvalidSpecException;
import dev.cais.NetworkDriver.IpvlanMode;
import dev.cais.NetworkDriver.MacvlanMode;
import dev.cais.Subnet;
import dev.cais.UnsupportedHostException;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.NetNamespace;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.network.netlink.LinkKind.Bridge;
import dev.cais.network.netlink.LinkKind.Ipvlan;
import dev.cais.network.netlink.LinkKind.Macvlan;
import dev.cais.network.netlink.LinkKind.Veth;
import dev.cais.network.netlink.LinkKind.Vlan;
import dev.cais.network.netlink.LinkKind.Vxlan;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Links of each kind carry a connection between two namespaces, {@code one} and {@code two}. */
@RequiresRoot
@RequiresFeature(Feature.OWN_NETWORK)
@LeakChecked
class LinkKindsTest {
    private static final int GROUP = 0x7a11;
    /** Free in the host's namespace, too, which the kernel wants of a link that it makes elsewhere. */
    private static final int ETH0 = 5000;

    private static final int CONNECT_MILLIS = 60_000;
    private static final int DROPPED_MILLIS = 300;

    private final Rtnetlink host = Rtnetlink.open();
    private final List<AutoCloseable> opened = new ArrayList<>();
    private final NetNamespace one = opened(NetNamespace.create());
    private final NetNamespace two = opened(NetNamespace.create());
    private final Rtnetlink insideOne = opened(one.call(Rtnetlink::open));
    private final Rtnetlink insideTwo = opened(two.call(Rtnetlink::open));

    private <T extends AutoCloseable> T opened(T resource) {
        opened.add(resource);
        return resource;
    }

    @AfterEach
    void close() throws Exception {
        if (host.links().stream().anyMatch(link -> link.group() == GROUP)) {
            host.execute(LinkRequest.deleteGroup(GROUP).request());
        }
        host.close();
        for (var resource : opened) {
            resource.close();
        }
    }

    private static InetAddress address(int number) {
        return Subnet.parseAddress("198.18.1." + number);
    }

    private static void configure(Rtnetlink inside, int link, int number) {
        inside.execute(LinkRequest.change(link).up().request(), new LinkAddress(link, address(number), 24).add());
    }

    private static boolean connects(NetNamespace from, NetNamespace to, int number, int millis) {
        return to.call(() -> {
            try (var server = new ServerSocket(80, 50, address(number))) {
                return from.call(() -> {
                    try (var socket = new Socket()) {
                        socket.connect(new InetSocketAddress(address(number), server.getLocalPort()), millis);
                        return true;
                    } catch (SocketTimeoutException | NoRouteToHostException e) {
                        return false;
                    }
                });
            }
        });
    }

    /** A link of the host's that macvlan and such can stand on, and where it goes is nowhere. */
    private int parent() {
        var far = LinkRequest.add("caisfar").group(GROUP);
        host.execute(
                LinkRequest.add("caisnear")
                        .kind(new Veth(far))
                        .index(1000)
                        .group(GROUP)
                        .up()
                        .request(),
                LinkRequest.change("caisfar").up().request());
        return 1000;
    }

    private static LinkRequest eth0(NetNamespace namespace, LinkKind kind) {
        return LinkRequest.add("eth0").namespace(namespace.fd()).index(ETH0).kind(kind);
    }

    @Test
    void macvlanLinksOfOneParentReachEachOther() {
        var parent = parent();
        host.execute(
                eth0(one, new Macvlan(parent, MacvlanMode.BRIDGE)).request(),
                eth0(two, new Macvlan(parent, MacvlanMode.BRIDGE)).request());
        configure(insideOne, ETH0, 1);
        configure(insideTwo, ETH0, 2);

        assertThat(insideOne.link(ETH0).orElseThrow().kind()).isEqualTo("macvlan");
        assertThat(connects(one, two, 2, CONNECT_MILLIS)).isTrue();
    }

    @Test
    void privateMacvlanLinksDoNot() {
        var parent = parent();
        host.execute(
                eth0(one, new Macvlan(parent, MacvlanMode.PRIVATE)).request(),
                eth0(two, new Macvlan(parent, MacvlanMode.PRIVATE)).request());
        configure(insideOne, ETH0, 1);
        configure(insideTwo, ETH0, 2);

        assertThat(connects(one, two, 2, DROPPED_MILLIS)).isFalse();
    }

    @Test
    void ipvlanLinksOfOneParentReachEachOtherWhereTheKernelHasThem() {
        var parent = parent();
        ifSupported(
                () -> {
                    host.execute(
                            eth0(one, new Ipvlan(parent, IpvlanMode.L2)).request(),
                            eth0(two, new Ipvlan(parent, IpvlanMode.L2)).request());
                    configure(insideOne, ETH0, 1);
                    configure(insideTwo, ETH0, 2);

                    assertThat(connects(one, two, 2, CONNECT_MILLIS)).isTrue();
                },
                "cannot make the ipvlan eth0: this kernel has no links of that kind; its module may have to be"
                        + " installed");
    }

    @Test
    void vlanLinksOfTwoEndsReachEachOtherWhereTheKernelHasThem() {
        host.execute(LinkRequest.add("eth0")
                .namespace(one.fd())
                .index(ETH0)
                .kind(new Veth(LinkRequest.add("eth0").namespace(two.fd()).index(ETH0)))
                .request());
        ifSupported(
                () -> {
                    insideOne.execute(
                            LinkRequest.change(ETH0).up().request(),
                            LinkRequest.add("v7")
                                    .index(3)
                                    .kind(new Vlan(ETH0, 7))
                                    .request());
                    insideTwo.execute(
                            LinkRequest.change(ETH0).up().request(),
                            LinkRequest.add("v7")
                                    .index(3)
                                    .kind(new Vlan(ETH0, 7))
                                    .request());
                    configure(insideOne, 3, 1);
                    configure(insideTwo, 3, 2);

                    assertThat(connects(one, two, 2, CONNECT_MILLIS)).isTrue();
                },
                "cannot make the vlan v7: this kernel has no links of that kind; its module may have to be installed");
    }

    /** Either the kernel can, and then it works, or it says so. */
    private static void ifSupported(Runnable test, String refusal) {
        try {
            test.run();
        } catch (UnsupportedHostException e) {
            assertThat(e).hasMessage(refusal);
        }
    }

    /** Two hosts on one wire, and a network of its own between them. */
    @Test
    void vxlanJoinsTwoHosts() {
        host.execute(LinkRequest.add("eth0")
                .namespace(one.fd())
                .index(ETH0)
                .kind(new Veth(LinkRequest.add("eth0").namespace(two.fd()).index(ETH0)))
                .request());
        var wire = List.of(Subnet.parseAddress("198.18.9.1"), Subnet.parseAddress("198.18.9.2"));
        for (var end = 0; end < 2; end++) {
            var inside = end == 0 ? insideOne : insideTwo;
            var vxlan = new Vxlan(42, wire.get(end), wire.get(1 - end), 4789, ETH0);
            inside.execute(
                    LinkRequest.change(1).up().request(),
                    LinkRequest.change(ETH0).up().request(),
                    new LinkAddress(ETH0, wire.get(end), 24).add(),
                    LinkRequest.add("vx").index(3).kind(vxlan).mtu(1450).request());
            configure(inside, 3, end + 1);
        }

        assertThat(connects(one, two, 2, CONNECT_MILLIS)).isTrue();
    }

    @Test
    void isolatedPortsReachTheBridgeOnly() {
        host.execute(
                LinkRequest.add("caisbr")
                        .kind(new Bridge(false))
                        .index(1000)
                        .group(GROUP)
                        .up()
                        .request(),
                new LinkAddress(1000, address(9), 24).add());
        port(one, 1001);
        port(two, 1002);
        configure(insideOne, ETH0, 1);
        configure(insideTwo, ETH0, 2);
        host.execute(
                LinkRequest.change(1001).isolated(true).request(),
                LinkRequest.change(1002).isolated(true).request());

        assertThat(connects(one, two, 2, DROPPED_MILLIS)).isFalse();
        assertThat(reachesHost(one)).isTrue();
        host.execute(LinkRequest.change(1002).isolated(false).request());
        // once the kernel no longer takes the other one for gone
        Eventually.isTrue(() -> connects(one, two, 2, CONNECT_MILLIS));
    }

    private void port(NetNamespace namespace, int index) {
        host.execute(LinkRequest.add("cais" + index)
                .kind(new Veth(LinkRequest.add("eth0").namespace(namespace.fd()).index(ETH0)))
                .index(index)
                .master(1000)
                .group(GROUP)
                .up()
                .request());
    }

    private static boolean reachesHost(NetNamespace from) {
        try (var server = new ServerSocket(0, 50, address(9))) {
            return from.call(() -> {
                try (var socket = new Socket()) {
                    socket.connect(new InetSocketAddress(address(9), server.getLocalPort()), CONNECT_MILLIS);
                    return true;
                }
            });
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void portsOfOneBridgeReachEachOtherInOneVlanOnlyWhereTheKernelFilters() {
        try {
            host.execute(LinkRequest.add("caisbr")
                    .kind(new Bridge(true))
                    .index(1000)
                    .group(GROUP)
                    .up()
                    .request());
        } catch (UnsupportedHostException e) {
            assertThat(e).hasMessage("cannot make the bridge caisbr: this kernel lacks something that was asked for");
            return;
        }
        port(one, 1001);
        port(two, 1002);
        configure(insideOne, ETH0, 1);
        configure(insideTwo, ETH0, 2);
        host.execute(
                LinkRequest.change(1001).vlan(7).request(),
                LinkRequest.change(1002).vlan(8).request());
        assertThat(connects(one, two, 2, DROPPED_MILLIS)).isFalse();

        host.execute(LinkRequest.change(1002).vlan(7).request());
        Eventually.isTrue(() -> connects(one, two, 2, CONNECT_MILLIS));
    }

    @Test
    void numbersOfVlansAndVxlansAreChecked() {
        assertThatThrownBy(() -> new Vlan(2, 4095))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use VLAN 4095: out of range; choose 1 to 4094");
        assertThatThrownBy(() -> new Vxlan(0, address(1), address(2), 4789, 0))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use VXLAN 0: out of range; choose 1 to 16777215");
        assertThatThrownBy(() -> new Vxlan(42, address(1), Subnet.parseAddress("fd00:18::1"), 4789, 0))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(
                        "cannot use VXLAN 42 between 198.18.1.1 and fd00:18:0:0:0:0:0:1: one is of IPv4, the other of"
                                + " IPv6");
    }
}
