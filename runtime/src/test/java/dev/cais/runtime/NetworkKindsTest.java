package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ConflictException;
import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.EndpointSpec;
import dev.cais.Engine;
import dev.cais.InvalidSpecException;
import dev.cais.Network;
import dev.cais.NetworkDriver;
import dev.cais.NetworkDriver.IpvlanMode;
import dev.cais.NetworkDriver.MacvlanMode;
import dev.cais.NetworkSpec;
import dev.cais.NotFoundException;
import dev.cais.Subnet;
import dev.cais.UnsupportedHostException;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.NetNamespace;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import dev.cais.network.netlink.LinkAddress;
import dev.cais.network.netlink.LinkKind;
import dev.cais.network.netlink.LinkRequest;
import dev.cais.network.netlink.Route;
import dev.cais.network.netlink.Rtnetlink;
import java.util.ArrayList;
import java.util.Optional;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Networks that are more than a bridge of their own, on a wire with another machine: a veth to a namespace, 198.18.30.1. */
@RequiresRoot
@RequiresFeature({Feature.OWN_NETWORK, Feature.NF_TABLES})
@LeakChecked
@Timeout(120)
class NetworkKindsTest {
    private static final String PARENT = "wire0";
    private static final String MACHINE = "198.18.30.1";
    private static final ContainerSpec IDLE = ContainerSpec.of("busybox").command("sleep", "1000");
    private static Engine engine;

    private final Rtnetlink host = Rtnetlink.open();
    private final NetNamespace machine = NetNamespace.create();
    private final Rtnetlink atMachine = machine.call(Rtnetlink::open);
    private int machineLink;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
        engine.containers().create(IDLE.network("bridge")).close();
    }

    @BeforeEach
    void makeWire() {
        var far = LinkRequest.add("eth0").namespace(machine.fd());
        host.execute(LinkRequest.add(PARENT).kind(new LinkKind.Veth(far)).up().request());
        machineLink = atMachine.link("eth0").orElseThrow().index();
        atMachine.execute(
                LinkRequest.change(machineLink).up().request(),
                new LinkAddress(machineLink, Subnet.parseAddress(MACHINE), 24).add());
    }

    @AfterEach
    void removeWire() {
        host.execute(LinkRequest.delete(PARENT).request());
        host.close();
        atMachine.close();
        machine.close();
    }

    private static NetworkSpec onWire(String name) {
        return NetworkSpec.of(name).subnet("198.18.30.0/24").gateway(MACHINE).range("198.18.30.128/25");
    }

    private static String output(Container container, String script) {
        var result = container.exec("sh", "-c", script);
        return result.stdout() + result.stderr();
    }

    private static String ip(Container container) {
        return container.endpoints().get(0).addresses().get(0).getHostAddress();
    }

    private static boolean reaches(Container from, String address) {
        return from.exec("ping", "-c", "1", "-W", "30", address).exitCode() == 0;
    }

    /** For what a slow machine must not turn into a success. */
    private static boolean misses(Container from, String address) {
        return from.exec("ping", "-c", "1", "-W", "1", address).exitCode() == 1;
    }

    @Test
    void containersOfAMacvlanAreNeighboursOfTheMachinesOnTheWire() {
        try (var net = engine.networks().create(onWire("lan").macvlan(PARENT));
                var one = engine.containers().start(IDLE.name("one").join(net));
                var two = engine.containers()
                        .start(IDLE.join(
                                EndpointSpec.of(net).address("198.18.30.77").mac("02:00:00:00:00:77")))) {
            assertThat(ip(one)).isEqualTo("198.18.30.128");
            assertThat(reaches(one, MACHINE)).isTrue();
            assertThat(reaches(two, "one")).isTrue();
            assertThat(output(two, "cat /sys/class/net/eth0/address; ip route")).isEqualTo("""
                02:00:00:00:00:77
                default via 198.18.30.1 dev eth0\s
                198.18.30.0/24 dev eth0 scope link  src 198.18.30.77\s
                """);
            assertThat(net.gateways()).containsExactly(Subnet.parseAddress(MACHINE));

            net.disconnect(one);

            assertThat(output(one, "ls /sys/class/net")).isEqualTo("lo\n");
            net.connect(one);
            assertThat(reaches(one, "198.18.30.77")).isTrue();
        }
        assertThat(host.links()).noneMatch(link -> link.kind().equals("macvlan"));
    }

    @Test
    void aMacvlanMayBeASecondNetwork() {
        try (var net = engine.networks().create(onWire("side").macvlan(PARENT).asInternal());
                var box = engine.containers().start(IDLE.network("bridge"))) {
            var before = output(box, "ip route | head -n 1");

            net.connect(box);

            assertThat(reaches(box, MACHINE)).isTrue();
            assertThat(output(box, "ip route | head -n 1")).isEqualTo(before);
        }
    }

    @Test
    void enginesOfOneHostShareTheAddressesOfAWire(TestStore store) {
        var small = onWire("lan").macvlan(PARENT);
        try (var other = store.openEngineWithBusybox();
                var here = engine.networks().create(small);
                var there = other.networks().create(small);
                var one = engine.containers().create(IDLE.join(here))) {
            try (var two = other.containers().create(IDLE.name("two").join(there))) {
                assertThat(ip(one)).isEqualTo("198.18.30.128");
                assertThat(ip(two)).isEqualTo("198.18.30.129");
                var wanted = EndpointSpec.of(here).address(ip(two));
                assertThatThrownBy(() ->
                                engine.containers().create(IDLE.name("late").join(wanted)))
                        .isInstanceOf(ConflictException.class)
                        .hasMessage("cannot create container late: address 198.18.30.129 is taken"
                                + " [subnet=198.18.30.0/24]");
            }
            other.networks().prune(); // after what containers left has gone
            try (var three =
                    engine.containers().create(IDLE.join(EndpointSpec.of(here).address("198.18.30.129")))) {
                assertThat(ip(three)).isEqualTo("198.18.30.129");
            }
        }
    }

    @Test
    void containersOfAPrivateMacvlanMissEachOther() {
        try (var net = engine.networks()
                        .create(onWire("private").driver(new NetworkDriver.Macvlan(PARENT, MacvlanMode.PRIVATE)));
                var one = engine.containers().start(IDLE.join(net));
                var two = engine.containers().start(IDLE.join(net))) {
            assertThat(reaches(one, MACHINE)).isTrue();
            assertThat(misses(one, ip(two))).isTrue();
        }
    }

    @Test
    void aMacvlanHasIpv6IfItsSubnetIsNamed() {
        atMachine.execute(new LinkAddress(machineLink, Subnet.parseAddress("fd00:30::1"), 64).add());
        try (var net = engine.networks().create(onWire("six").macvlan(PARENT).subnet("fd00:30::/64"));
                var box = engine.containers().start(IDLE.join(net))) {
            assertThat(box.endpoints().get(0).addresses()).hasSize(2);
            assertThat(reaches(box, "fd00:30::1")).isTrue();
            assertThat(output(box, "ip -6 route")).contains("default via fd00:30::1 dev eth0");
        }
    }

    /** Empty, if this kernel lacks that kind and the engine says so in these words. */
    private static Optional<Network> ifSupported(Supplier<Network> creation, String refusal) {
        try {
            return Optional.of(creation.get());
        } catch (UnsupportedHostException e) {
            assertThat(e).hasMessage(refusal);
            return Optional.empty();
        }
    }

    @Test
    void containersOfAnIpvlanAreNeighboursOfTheMachinesWhereTheKernelHasIt() {
        var made = ifSupported(
                () -> engine.networks().create(onWire("ipvlan").ipvlan(PARENT, IpvlanMode.L2)),
                "cannot make network ipvlan: this kernel has no links of kind ipvlan; its module may have to be"
                        + " installed: modprobe ipvlan");
        made.ifPresent(net -> {
            try (net;
                    var one = engine.containers().start(IDLE.join(net));
                    var two = engine.containers().start(IDLE.join(net))) {
                assertThat(reaches(one, MACHINE)).isTrue();
                assertThat(reaches(one, ip(two))).isTrue();
                assertThat(output(one, "ip route | head -n 1")).isEqualTo("default via 198.18.30.1 dev eth0 \n");
                assertThatThrownBy(() -> engine.containers()
                                .create(IDLE.name("late")
                                        .join(EndpointSpec.of(net).mac("02:00:00:00:00:77"))))
                        .isInstanceOf(InvalidSpecException.class)
                        .hasMessage(
                                "cannot create container late with a MAC address of its own: on network ipvlan all have"
                                        + " that of its parent, which is what ipvlan is for");
            }
        });
    }

    @Test
    void theParentRoutesForAnIpvlanOfLayer3WhereTheKernelHasIt() {
        var made = ifSupported(
                () -> engine.networks()
                        .create(NetworkSpec.of("layer3")
                                .subnet("198.18.31.0/24")
                                .ipvlan(PARENT, IpvlanMode.L3)),
                "cannot make network layer3: this kernel has no links of kind ipvlan; its module may have to be"
                        + " installed: modprobe ipvlan");
        made.ifPresent(net -> {
            host.execute(
                    new LinkAddress(host.link(PARENT).orElseThrow().index(), Subnet.parseAddress("198.18.30.2"), 24)
                            .add());
            atMachine.execute(Route.via(Subnet.parse("198.18.31.0/24"), Subnet.parseAddress("198.18.30.2"))
                    .add());
            try (net;
                    var one = engine.containers().start(IDLE.join(net));
                    var two = engine.containers().start(IDLE.join(net))) {
                assertThat(reaches(one, ip(two))).isTrue();
                assertThat(reaches(one, MACHINE)).isTrue();
                assertThat(output(one, "ip route | head -n 1")).isEqualTo("default dev eth0 scope link \n");
                assertThat(net.gateways()).isEmpty();
            }
        });
    }

    @Test
    void aVlanOfTheParentIsMadeAndRemovedWhereTheKernelHasIt() {
        var made = ifSupported(
                () -> engine.networks()
                        .create(NetworkSpec.of("tagged")
                                .subnet("198.18.32.0/24")
                                .gateway("198.18.32.254")
                                .macvlan(PARENT + ".7")),
                "cannot make network tagged: this kernel has no links of kind vlan; its module may have to be"
                        + " installed: modprobe 8021q");
        made.ifPresent(net -> {
            atMachine.execute(LinkRequest.add("v7")
                    .kind(new LinkKind.Vlan(machineLink, 7))
                    .up()
                    .request());
            atMachine.execute(
                    new LinkAddress(atMachine.link("v7").orElseThrow().index(), Subnet.parseAddress("198.18.32.1"), 24)
                            .add());
            try (net;
                    var box = engine.containers().start(IDLE.join(net))) {
                assertThat(reaches(box, "198.18.32.1")).isTrue();
                assertThatThrownBy(() -> engine.networks()
                                .create(NetworkSpec.of("again")
                                        .subnet("198.18.33.0/24")
                                        .macvlan(PARENT + ".7")))
                        .isInstanceOf(ConflictException.class)
                        .hasMessage(
                                "cannot make network again: another link than wire0.7 has VLAN 7 already; name that one"
                                        + " as the parent");
            }
            assertThat(host.links()).noneMatch(link -> link.kind().equals("vlan"));
        });
    }

    @Test
    void containersOfOneVlanReachEachOtherWhereTheKernelFilters() {
        var made = ifSupported(
                () -> engine.networks()
                        .create(NetworkSpec.of("vlans").subnet("198.18.34.0/24").withVlans()),
                "cannot make network vlans: this kernel has no bridges with VLANs; it was built without"
                        + " CONFIG_BRIDGE_VLAN_FILTERING");
        made.ifPresent(net -> {
            try (net;
                    var plain = engine.containers().start(IDLE.join(net));
                    var one = engine.containers()
                            .start(IDLE.join(EndpointSpec.of(net).vlan(7)));
                    var two = engine.containers()
                            .start(IDLE.join(EndpointSpec.of(net).vlan(7)));
                    var other = engine.containers()
                            .start(IDLE.join(EndpointSpec.of(net).vlan(8)))) {
                assertThat(reaches(one, ip(two))).isTrue();
                assertThat(reaches(plain, "198.18.34.1")).isTrue();
                assertThat(misses(one, ip(plain))).isTrue();
                assertThat(misses(one, ip(other))).isTrue();
                assertThat(misses(one, "198.18.34.1")).isTrue();
                assertThat(output(one, "ip route")).doesNotContain("default");
            }
        });
    }

    @Test
    void whatCannotBeIsRefused() {
        assertThatThrownBy(() -> engine.networks().create(onWire("lan").macvlan("wire9")))
                .isInstanceOf(NotFoundException.class)
                .hasMessageMatching("cannot make network lan: this host has no link wire9 \\[links=\\[lo, .*wire0.*]]");
        assertThatThrownBy(() -> engine.networks().create(onWire("lan").macvlan("lo")))
                .isInstanceOf(ConflictException.class)
                .hasMessageStartingWith("cannot make network lan: link lo can carry no macvlan: ")
                .hasMessageEndingWith("or it is itself a macvlan or loopback: choose another parent");
        host.execute(LinkRequest.change(PARENT).down().request());
        assertThatThrownBy(() -> engine.networks().create(onWire("lan").macvlan(PARENT)))
                .isInstanceOf(ConflictException.class)
                .hasMessage("cannot make network lan: link wire0 is switched off; switch it on");
        host.execute(LinkRequest.change(PARENT).up().request());
        try (var net = engine.networks().create(onWire("lan").macvlan(PARENT))) {
            assertThatThrownBy(() -> engine.containers()
                            .create(IDLE.name("late").join(EndpointSpec.of(net).vlan(7))))
                    .isInstanceOf(InvalidSpecException.class)
                    .hasMessage("cannot create container late in VLAN 7: network lan is not one with VLANs; make it so:"
                            + " NetworkSpec.withVlans()");
        }
        assertThat(engine.networks().list()).hasSize(1);
    }

    @Test
    void specsThatContradictThemselvesAreRefused() {
        var lan = NetworkSpec.of("lan");
        assertThatThrownBy(() -> lan.macvlan("eth0"))
                .hasMessage(
                        "cannot make network lan: macvlan takes part in a subnet, which the engine cannot choose; name"
                                + " it");
        assertThatThrownBy(() -> lan.subnet("198.18.1.0/24").withIpv6().macvlan("eth0"))
                .hasMessage(
                        "cannot make network lan: macvlan takes part in a subnet, which the engine cannot choose; name"
                                + " it");
        assertThatThrownBy(() ->
                        lan.subnet("198.18.1.0/24").withoutInterContainer().ipvlan("eth0", IpvlanMode.L2))
                .hasMessage(
                        "cannot make network lan without traffic between its containers: ipvlan cannot tell them from"
                                + " others; choose macvlan in mode PRIVATE, or a bridge");
        assertThatThrownBy(
                        () -> lan.subnet("198.18.1.0/24").gateway("198.18.1.1").ipvlan("eth0", IpvlanMode.L3))
                .hasMessage("cannot make network lan: ipvlan in mode L3 has no gateway, since its parent routes");
        assertThatThrownBy(() -> lan.subnet("198.18.1.0/24").range("198.18.2.0/25"))
                .hasMessage("cannot make network lan: range 198.18.2.0/25 is in none of its subnets"
                        + " [subnets=[198.18.1.0/24]]; name the subnet too");
        assertThatThrownBy(() -> lan.subnet("198.18.1.0/24").withVlans().vxlan(7, "192.0.2.1", "192.0.2.2"))
                .hasMessage(
                        "cannot have VLANs on a network of several hosts: VXLAN 7 carries one of them; make a network"
                                + " for each");
        assertThatThrownBy(() -> lan.vxlan(7, "192.0.2.1", "192.0.2.2"))
                .hasMessage("cannot make network lan: hosts that share a network agree about a subnet, which the engine"
                        + " cannot choose; name it");
        assertThatThrownBy(() -> lan.vxlan(0, "192.0.2.1", "192.0.2.2"))
                .hasMessage("cannot use VXLAN 0: out of range; choose 1 to 16777215");
        assertThatThrownBy(() -> lan.vxlan(7, "192.0.2.1"))
                .hasMessage("cannot use VXLAN 7: there is no other host; name an address of each");
        assertThatThrownBy(() -> lan.vxlan(7, "192.0.2.1", "192.0.2.1"))
                .hasMessage(
                        "cannot use VXLAN 7 from 192.0.2.1 to 192.0.2.1: that is no address of another host and of the"
                                + " same family");
        assertThatThrownBy(() -> EndpointSpec.of("lan").vlan(4095))
                .hasMessage("cannot join network lan in VLAN 4095: out of range; choose 1 to 4094");
    }

    @Test
    void aRangeIsWhereAddressesAreChosen() {
        var spec = NetworkSpec.of("ranged").subnet("198.18.35.0/24").range("198.18.35.64/31");
        try (var net = engine.networks().create(spec);
                var one = engine.containers().create(IDLE.join(net));
                var two = engine.containers().create(IDLE.join(net));
                var other = engine.containers()
                        .create(IDLE.join(EndpointSpec.of(net).address("198.18.35.200")))) {
            var addresses = new ArrayList<String>();
            for (var each : new Container[] {one, two, other}) {
                addresses.add(ip(each));
            }
            assertThat(addresses).containsExactly("198.18.35.64", "198.18.35.65", "198.18.35.200");
            assertThatThrownBy(
                            () -> engine.containers().create(IDLE.name("late").join(net)))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot create container late: all addresses are taken"
                            + " [range=198.18.35.64/31]; make the network with a larger range");
        }
    }
}
