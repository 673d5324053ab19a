package dev.cais.network.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.KernelException;
import dev.cais.Subnet;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.NetNamespace;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.linux.ControlFile;
import dev.cais.network.netlink.LinkKind.Bridge;
import dev.cais.network.netlink.LinkKind.Veth;
import dev.cais.network.netlink.LinkRequest.Ipv4Setting;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Against the kernel, in this JVM's own network namespace and others made for a test. */
@RequiresRoot
@RequiresFeature(Feature.OWN_NETWORK)
@LeakChecked
class RtnetlinkTest {
    private static final int GROUP = 0x7a11;

    private final Rtnetlink host = Rtnetlink.open();

    @AfterEach
    void deleteLinks() {
        if (host.links().stream().anyMatch(link -> link.group() == GROUP)) {
            host.execute(LinkRequest.deleteGroup(GROUP).request());
        }
        host.close();
    }

    @Test
    void bridgeIsMadeChangedRenamedAndDeleted() {
        host.execute(LinkRequest.add("caisbr")
                .kind(new Bridge(false))
                .group(GROUP)
                .mtu(1400)
                .up()
                .request());
        var made = host.link("caisbr").orElseThrow();

        assertThat(made.kind()).isEqualTo("bridge");
        assertThat(made.mtu()).isEqualTo(1400);
        assertThat(made.up()).isTrue();
        assertThat(made.group()).isEqualTo(GROUP);

        host.execute(
                LinkRequest.change(made.index()).down().request(),
                LinkRequest.change(made.index())
                        .name("caisother")
                        .mac(MacAddress.parse("02:00:00:00:00:01"))
                        .request(),
                LinkRequest.change(made.index()).up().request());
        var changed = host.link(made.index()).orElseThrow();

        assertThat(changed.name()).isEqualTo("caisother");
        assertThat(changed.mac()).contains(MacAddress.parse("02:00:00:00:00:01"));

        host.execute(LinkRequest.delete(made.index()).request());
        assertThat(host.link(made.index())).isEmpty();
        assertThat(host.link("caisother")).isEmpty();
    }

    /** One round trip on the host's side and one on the container's: all that a container's start needs. */
    @Test
    void containerIsConnectedInTwoRoundTrips() {
        try (var container = NetNamespace.create();
                var inside = container.call(Rtnetlink::open)) {
            host.execute(LinkRequest.add("caisbr")
                    .kind(new Bridge(false))
                    .index(1000)
                    .group(GROUP)
                    .up()
                    .request());
            var before = host.roundTrips();
            var eth0 = LinkRequest.add("eth0")
                    .namespace(container.fd())
                    .index(2)
                    .mac(MacAddress.parse("02:42:c6:12:00:02"))
                    .mtu(1400);
            host.execute(
                    LinkRequest.add("caisv1")
                            .kind(new Veth(eth0))
                            .index(1001)
                            .master(1000)
                            .group(GROUP)
                            .mtu(1400)
                            .up()
                            .request(),
                    LinkRequest.change(1001)
                            .isolated(true)
                            .hairpin(true)
                            .withoutLinkLocal()
                            .request());
            inside.execute(
                    LinkRequest.change(2).up().request(),
                    new LinkAddress(2, Subnet.parseAddress("198.18.0.2"), 24).add(),
                    new LinkAddress(2, Subnet.parseAddress("fd00:18::2"), 64).add(),
                    Route.byDefault(Subnet.parseAddress("198.18.0.1"), 2).add(),
                    Route.byDefault(Subnet.parseAddress("fd00:18::1"), 2).add(),
                    Route.blackhole(Subnet.parse("198.19.0.0/16")).add(),
                    LinkRequest.change(1).up().request());

            assertThat(host.roundTrips() - before + inside.roundTrips()).isEqualTo(2);
            assertThat(host.link("caisv1").orElseThrow().master()).isEqualTo(1000);
            assertThat(inside.links()).extracting(Link::name).containsExactly("lo", "eth0");
            assertThat(inside.link("eth0").orElseThrow())
                    .returns(2, Link::index)
                    .returns(1400, Link::mtu)
                    .returns(true, Link::up)
                    .returns("veth", Link::kind)
                    .returns(1001, Link::parent);
            assertThat(inside.addresses())
                    .contains(
                            new LinkAddress(2, Subnet.parseAddress("198.18.0.2"), 24),
                            new LinkAddress(2, Subnet.parseAddress("fd00:18::2"), 64));
            assertThat(inside.routes().stream()
                            .filter(route -> route.table() == Route.MAIN)
                            .map(Route::toString))
                    .contains(
                            "0.0.0.0/0 via 198.18.0.1 on link 2",
                            "blackhole 198.19.0.0/16",
                            "198.18.0.0/24 on link 2",
                            "0:0:0:0:0:0:0:0/0 via fd00:18:0:0:0:0:0:1 on link 2");
        }
    }

    @Test
    void linksOfOneGroupGoWithOneMessageAndOthersStay() {
        host.execute(
                LinkRequest.add("caisa").kind(new Bridge(false)).group(GROUP).request(),
                LinkRequest.add("caisb").kind(new Bridge(false)).group(GROUP).request(),
                LinkRequest.add("caisc")
                        .kind(new Bridge(false))
                        .group(GROUP + 1)
                        .request());

        host.execute(LinkRequest.deleteGroup(GROUP).request());

        assertThat(host.links()).extracting(Link::name).contains("caisc").doesNotContain("caisa", "caisb");
        host.execute(LinkRequest.delete("caisc").request());
    }

    @Test
    void switchesOfALinkAreSetByMessage() {
        host.execute(
                LinkRequest.add("caisbr")
                        .kind(new Bridge(false))
                        .index(1000)
                        .group(GROUP)
                        .request(),
                LinkRequest.change(1000)
                        .ipv4(Ipv4Setting.ROUTE_LOCALNET, 1)
                        .ipv4(Ipv4Setting.RP_FILTER, 2)
                        .withoutLinkLocal()
                        .request(),
                LinkRequest.change(1000).up().request());

        assertThat(setting("route_localnet")).isEqualTo("1");
        assertThat(setting("rp_filter")).isEqualTo("2");
        assertThat(host.addresses()).extracting(LinkAddress::link).doesNotContain(1000);
    }

    private static String setting(String name) {
        return ControlFile.read(Path.of("/proc/sys/net/ipv4/conf/caisbr", name)).strip();
    }

    @Test
    void addressIsTakenAway() {
        host.execute(LinkRequest.add("caisbr")
                .kind(new Bridge(false))
                .index(1000)
                .group(GROUP)
                .up()
                .request());
        var address = new LinkAddress(1000, Subnet.parseAddress("198.18.0.1"), 24);
        host.execute(address.add());
        assertThat(host.addresses()).contains(address);
        host.execute(address.delete());
        assertThat(host.addresses()).doesNotContain(address);
    }

    @Test
    void refusalSaysWhatTheKernelSays() {
        var request = LinkRequest.add("caisbr").kind(new Bridge(false)).group(GROUP);
        host.execute(request.request());

        assertThatThrownBy(() -> host.execute(request.request()))
                .isInstanceOf(KernelException.class)
                .hasMessage("cannot make the bridge caisbr: sendto(2) of RTM_NEWLINK failed with EEXIST (file exists)");
        assertThatThrownBy(() -> host.execute(
                        Route.byDefault(Subnet.parseAddress("198.18.0.1"), 4711).add()))
                .isInstanceOf(KernelException.class)
                .hasMessage(
                        "cannot add the route 0.0.0.0/0 via 198.18.0.1 on link 4711: sendto(2) of RTM_NEWROUTE failed with"
                                + " ENETUNREACH (network is unreachable) [kernel=Nexthop has invalid gateway]");
    }

    @Test
    void oneThatFailsDoesNotKeepTheKernelFromThoseBehindIt() {
        assertThatThrownBy(() -> host.execute(
                        LinkRequest.delete("caisnone").request(),
                        LinkRequest.add("caisbr")
                                .kind(new Bridge(false))
                                .group(GROUP)
                                .request(),
                        LinkRequest.delete("caisnone2").request()))
                .isInstanceOf(KernelException.class)
                .hasMessage("cannot delete caisnone: sendto(2) of RTM_DELLINK failed with ENODEV (no such device)")
                .satisfies(
                        e -> assertThat(e.getSuppressed())
                                .singleElement()
                                .extracting(Throwable::getMessage)
                                .isEqualTo(
                                        "cannot delete caisnone2: sendto(2) of RTM_DELLINK failed with ENODEV (no such device)"));
        assertThat(host.link("caisbr")).isPresent();
    }

    @Test
    void hundredsOfRequestsAndAnswersAreManyDatagrams() {
        List<Request> requests = new ArrayList<>();
        for (var i = 0; i < 300; i++) {
            requests.add(LinkRequest.add("cais" + i)
                    .kind(new Bridge(false))
                    .group(GROUP)
                    .request());
        }
        host.execute(requests);

        assertThat(host.links()).hasSizeGreaterThanOrEqualTo(301);
        assertThat(host.roundTrips()).isLessThan(8);
    }
}
