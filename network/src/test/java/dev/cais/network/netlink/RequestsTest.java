package dev.cais.network.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.InvalidSpecException;
import dev.cais.NetworkDriver.IpvlanMode;
import dev.cais.NetworkDriver.MacvlanMode;
import dev.cais.Subnet;
import dev.cais.network.netlink.LinkKind.Bridge;
import dev.cais.network.netlink.LinkKind.Ipvlan;
import dev.cais.network.netlink.LinkKind.Macvlan;
import dev.cais.network.netlink.LinkKind.Veth;
import dev.cais.network.netlink.LinkKind.Vlan;
import dev.cais.network.netlink.LinkKind.Vxlan;
import java.net.InetAddress;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Our messages are, byte for byte, those of iproute2: each file names its command. */
class RequestsTest {
    private static final InetAddress FIRST = Subnet.parseAddress("198.18.0.1");
    private static final InetAddress SECOND = Subnet.parseAddress("198.18.0.2");
    private static final InetAddress FIRST6 = Subnet.parseAddress("fd00:18::1");
    private static final InetAddress SECOND6 = Subnet.parseAddress("fd00:18::2");

    private static EspState esp(InetAddress from, InetAddress to, int sent) {
        var key = new byte[36];
        for (var i = 0; i < key.length; i++) {
            key[i] = (byte) i;
        }
        return new EspState(from, to, 0x1001, 42, key, sent);
    }

    static Stream<Map.Entry<String, Request>> requests() {
        var eth0 = LinkRequest.add("eth0")
                .mac(MacAddress.parse("02:42:c6:12:00:02"))
                .mtu(1400);
        var vxlan = new Vxlan(42, Subnet.parseAddress("198.18.0.1"), SECOND, 4789, 0);
        var neighbours = Route.to(Subnet.parse("198.18.9.0/24"), 2);
        var esp = esp(FIRST, SECOND, 5000);
        var encrypted = new EspPolicy(EspPolicy.Direction.OUT, FIRST, Optional.of(SECOND), 4789, 42);
        return Map.ofEntries(
                Map.entry("xfrm-state-add-out", esp.add()),
                Map.entry("xfrm-state-add-6", esp(FIRST6, SECOND6, 0).add()),
                Map.entry("xfrm-state-delete", esp.delete()),
                Map.entry("xfrm-policy-add-out", encrypted.add()),
                Map.entry("xfrm-policy-delete", encrypted.delete()),
                Map.entry(
                        "xfrm-policy-add-in",
                        new EspPolicy(EspPolicy.Direction.IN, FIRST, Optional.of(SECOND), 4789, 42).add()),
                Map.entry(
                        "xfrm-policy-add-in-6",
                        new EspPolicy(EspPolicy.Direction.IN, FIRST6, Optional.of(SECOND6), 4789, 42).add()),
                Map.entry(
                        "xfrm-policy-block",
                        new EspPolicy(EspPolicy.Direction.IN, FIRST, Optional.empty(), 4789, 0).add()),
                Map.entry(
                        "xfrm-policy-block-out",
                        new EspPolicy(EspPolicy.Direction.OUT, FIRST, Optional.empty(), 4789, 0).add()),
                Map.entry(
                        "link-add-bridge",
                        LinkRequest.add("caisbr")
                                .kind(new Bridge(false))
                                .mtu(1400)
                                .request()),
                Map.entry(
                        "link-add-bridge-vlan",
                        LinkRequest.add("caisbv").kind(new Bridge(true)).request()),
                Map.entry(
                        "link-add-veth",
                        LinkRequest.add("caisv0").kind(new Veth(eth0)).mtu(1400).request()),
                Map.entry(
                        "link-add-macvlan",
                        LinkRequest.add("caismv")
                                .kind(new Macvlan(4, MacvlanMode.BRIDGE))
                                .request()),
                Map.entry(
                        "link-add-ipvlan",
                        LinkRequest.add("caisiv")
                                .kind(new Ipvlan(4, IpvlanMode.L3))
                                .request()),
                Map.entry(
                        "link-add-vlan",
                        LinkRequest.add("caisvl").kind(new Vlan(4, 7)).request()),
                Map.entry(
                        "link-add-vxlan", LinkRequest.add("caisvx").kind(vxlan).request()),
                Map.entry("link-set-up", LinkRequest.change(2).up().request()),
                Map.entry("link-set-master", LinkRequest.change(4).master(2).request()),
                Map.entry(
                        "link-set-isolated",
                        LinkRequest.change(4).isolated(true).request()),
                Map.entry(
                        "link-set-hairpin", LinkRequest.change(4).hairpin(true).request()),
                Map.entry("link-set-vlan", LinkRequest.change(4).vlan(7).request()),
                Map.entry("link-set-vlan-self", LinkRequest.change(4).ownVlan(1).request()),
                Map.entry("fdb-append", new VxlanPeer(4, SECOND).add()),
                Map.entry("fdb-append-6", new VxlanPeer(4, Subnet.parseAddress("fd00:18::2")).add()),
                Map.entry(
                        "route-add-default-link",
                        Route.to(Subnet.parse("0.0.0.0/0"), 3).add()),
                Map.entry("link-set-name", LinkRequest.change(3).name("eth7").request()),
                Map.entry(
                        "link-set-address",
                        LinkRequest.change(4)
                                .mac(MacAddress.parse("02:00:00:00:00:01"))
                                .request()),
                Map.entry(
                        "link-set-addrgenmode",
                        LinkRequest.change(2).withoutLinkLocal().request()),
                Map.entry("link-del", LinkRequest.delete(8).request()),
                Map.entry("link-del-group", LinkRequest.deleteGroup(31249).request()),
                Map.entry("address-add-4", new LinkAddress(2, SECOND, 24).add()),
                Map.entry("address-del-4", new LinkAddress(2, SECOND, 24).delete()),
                Map.entry("address-add-6", new LinkAddress(2, Subnet.parseAddress("fd00:18::2"), 64).add()),
                Map.entry(
                        "route-add-default",
                        Route.byDefault(Subnet.parseAddress("198.18.0.1"), 2).add()),
                Map.entry(
                        "route-add-6",
                        Route.via(Subnet.parse("fd00:19::/64"), Subnet.parseAddress("fd00:18::1"))
                                .add()),
                Map.entry(
                        "route-add-blackhole",
                        Route.blackhole(Subnet.parse("198.19.0.0/16")).add()),
                Map.entry("route-add-link", neighbours.add()),
                Map.entry("route-del", neighbours.delete()))
                .entrySet()
                .stream();
    }

    @ParameterizedTest
    @MethodSource("requests")
    void messageIsThatOfIproute2(Map.Entry<String, Request> request) {
        assertThat(Golden.messages(request.getKey()))
                .containsExactly(Golden.sent(request.getValue(), Request.NLM_F_ACK));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".", "..", "a/b", "a b", "eth0:1", "abcdefghijklmnop", "ääääääää"})
    void whatCannotBeANameIsRefused(String name) {
        assertThatThrownBy(() -> LinkRequest.add(name))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use '" + name
                        + "' as the name of a link: it has 1 to 15 bytes, and no slash, colon or space");
    }

    @Test
    void hugeAttributeIsAnErrorOfOurs() {
        assertThatThrownBy(() -> new MessageWriter().put(1, new byte[0x10000]))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("attribute 1 has 65536 bytes");
    }
}
