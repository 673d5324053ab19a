package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ConflictException;
import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.Endpoint;
import dev.cais.EndpointSpec;
import dev.cais.Engine;
import dev.cais.EventFilter;
import dev.cais.EventType;
import dev.cais.InvalidSpecException;
import dev.cais.NamespaceMode;
import dev.cais.Network;
import dev.cais.NetworkFilter;
import dev.cais.NetworkInfo;
import dev.cais.NetworkSpec;
import dev.cais.NotFoundException;
import dev.cais.Ready;
import dev.cais.Stats;
import dev.cais.Subnet;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.network.netlink.LinkAddress;
import dev.cais.network.netlink.LinkKind;
import dev.cais.network.netlink.LinkRequest;
import dev.cais.network.netlink.Route;
import dev.cais.network.netlink.Rtnetlink;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Networks as containers on them see them. */
@RequiresRoot
@RequiresFeature({Feature.OWN_NETWORK, Feature.NF_TABLES})
@LeakChecked
@Timeout(120)
class NetworksTest {
    private static Engine engine;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
        // the engine opens its sockets, and makes the default network
        engine.containers().create(IDLE.network("bridge")).close();
    }

    private static final ContainerSpec BUSYBOX = ContainerSpec.of("busybox");

    private static ContainerSpec sh(String script) {
        return BUSYBOX.command("sh", "-c", script);
    }

    private static final ContainerSpec IDLE = BUSYBOX.command("sleep", "1000");

    private static String output(Container container, String script) {
        var result = container.exec("sh", "-c", script);
        return result.stdout() + result.stderr();
    }

    private static String ip(Container container) {
        return container.endpoints().get(0).addresses().get(0).getHostAddress();
    }

    @Test
    void aContainerHasAnInterfaceBeforeItsProgramBegins() {
        try (var net = engine.networks().create(NetworkSpec.of("first").subnet("198.18.1.0/24"))) {
            var result = engine.containers()
                    .run(sh("ip -o -4 address show dev eth0; ip route; cat /sys/class/net/eth0/address; cat"
                                    + " /etc/hosts | tail -n 1")
                            .hostname("web")
                            .join(net));

            assertThat(result.stdout() + result.stderr()).matches("""
                \\d+: eth0    inet 198.18.1.2/24 scope global eth0.*
                default via 198.18.1.1 dev eth0\\s
                198.18.1.0/24 dev eth0 scope link  src 198.18.1.2\\s
                02:42:c6:12:01:02
                198.18.1.2\tweb
                """);
        }
    }

    @Test
    void containersReachEachOtherByAddress() {
        try (var net = engine.networks().create("pair");
                var web = engine.containers()
                        .start(sh("echo hi >index.html; exec httpd -f -p 80").join(net))) {
            web.awaitReady(Ready.listening(80), Duration.ofSeconds(60));

            assertThat(engine.containers()
                            .run(sh("wget -qO- http://" + ip(web) + "/").join(net))
                            .stdout())
                    .isEqualTo("hi\n");
            assertThat(web.address(net).isSiteLocalAddress()).isTrue();
        }
    }

    @Test
    void aContainerIsConnectedAndDisconnectedWhileItRuns() {
        try (var first = engine.networks().create(NetworkSpec.of("one").subnet("198.18.2.0/24"));
                var second = engine.networks()
                        .create(NetworkSpec.of("two").subnet("198.18.3.0/24").mtu(1400));
                var box = engine.containers().start(IDLE.join(first))) {
            assertThat(output(box, "ls /sys/class/net")).isEqualTo("eth0\nlo\n");

            var endpoint = second.connect(
                    box, EndpointSpec.of("two").address("198.18.3.77").mac("02:00:00:00:00:77"));

            assertThat(endpoint)
                    .isEqualTo(new Endpoint(
                            box.id(), "two", List.of(box.address(second)), "02:00:00:00:00:77", List.of(), "eth1"));
            assertThat(output(
                            box,
                            "ip -o -4 address show dev eth1; cat /sys/class/net/eth1/mtu /sys/class/net/eth1/address"))
                    .matches("\\d+: eth1    inet 198.18.3.77/24 scope global eth1.*\n1400\n02:00:00:00:00:77\n");
            assertThat(output(box, "ip route | head -n 1")).isEqualTo("default via 198.18.2.1 dev eth0 \n");

            first.disconnect(box);

            assertThat(output(box, "ls /sys/class/net")).isEqualTo("eth1\nlo\n");
            assertThat(output(box, "ip route | head -n 1")).isEqualTo("default via 198.18.3.1 dev eth1 \n");
            assertThat(first.endpoints()).isEmpty();
            assertThat(box.endpoints()).containsExactly(endpoint);
            first.connect(box);
            assertThat(output(box, "ls /sys/class/net")).isEqualTo("eth0\neth1\nlo\n");
        }
    }

    @Test
    void aContainerKeepsItsAddressWhenItIsStartedAgain() {
        try (var net = engine.networks().create("kept");
                var box = engine.containers().start(IDLE.join(net));
                var other = engine.containers().create(IDLE.join(net))) {
            var before = box.endpoints();

            box.restart(Duration.ZERO);

            assertThat(box.endpoints()).isEqualTo(before);
            assertThat(output(box, "ip -o -4 address show dev eth0")).contains(ip(box) + "/24");
            assertThat(output(box, "ping -c 1 -W 30 " + net.gateways().get(0).getHostAddress()))
                    .contains(" 0% packet loss");
            assertThat(ip(other)).isNotEqualTo(ip(box));
        }
    }

    @Test
    void aNetworkOfIpv6HasBoth() {
        try (var net = engine.networks()
                        .create(NetworkSpec.of("six").subnet("198.18.4.0/24").withIpv6());
                var web = engine.containers().start(IDLE.join(net));
                var box = engine.containers().start(IDLE.join(net))) {
            var addresses = web.endpoints().get(0).addresses();
            assertThat(addresses).hasSize(2);
            assertThat(net.subnets().get(1).contains(addresses.get(1))).isTrue();
            assertThat(output(box, "ping -6 -c 1 -W 30 " + addresses.get(1).getHostAddress()))
                    .contains(" 0% packet loss");
            assertThat(output(box, "ping -c 1 -W 30 " + addresses.get(0).getHostAddress()))
                    .contains(" 0% packet loss");
            assertThat(output(box, "ip -6 route"))
                    .contains("default via "
                            + net.gateways().get(1).getHostAddress().replaceFirst("(:0)+:", "::"));
        }
    }

    @Test
    void withoutIpv6ThereIsNoAddressOfIt() {
        try (var net = engine.networks().create("four")) {
            assertThat(engine.containers()
                            .run(sh("ip -6 address show dev eth0").join(net))
                            .stdout())
                    .isEmpty();
        }
    }

    @Test
    void anotherContainersNetworkIsSharedWithItsName() {
        try (var net = engine.networks().create("shared");
                var web = engine.containers().start(IDLE.name("owner").join(net))) {
            var inside = engine.containers()
                    .run(sh("ip -o -4 address show dev eth0; cat /etc/hosts | tail -n 1")
                            .network("container:owner"))
                    .stdout();

            assertThat(inside).contains("inet " + ip(web) + "/24");
        }
    }

    @Test
    void hostsAreToldOfNetworksThatComeAndGo() {
        try (var first = engine.networks().create(NetworkSpec.of("first").subnet("198.18.60.0/24"));
                var later = engine.networks().create(NetworkSpec.of("later").subnet("198.18.61.0/24"));
                var box = engine.containers().start(IDLE.hostname("box").join(first))) {
            assertThat(hosts(box)).endsWith("\n198.18.60.2\tbox\n");
            output(box, "printf '198.18.0.9\tmine' >>/etc/hosts");

            later.connect(box);
            assertThat(hosts(box)).endsWith("\n198.18.60.2\tbox\n198.18.0.9\tmine\n198.18.61.2\tbox\n");

            first.disconnect(box);
            assertThat(hosts(box)).endsWith("\nff02::2\tip6-allrouters\n198.18.0.9\tmine\n198.18.61.2\tbox\n");

            box.stop();
            first.connect(box);
            box.start();
            assertThat(hosts(box)).endsWith("\nff02::2\tip6-allrouters\n198.18.61.2\tbox\n198.18.60.3\tbox\n");
        }
    }

    @Test
    void aSharedNetworkIsThatOfTheSameContainerWhateverItIsCalledLater() {
        try (var first = engine.containers().start(IDLE.name("first"));
                var sharing = engine.containers().start(IDLE.name("sharing").network("container:first"))) {
            first.rename("another");
            sharing.restart(Duration.ZERO);
            assertThat(output(sharing, "cat /etc/hosts")).isEqualTo(output(first, "cat /etc/hosts"));
            assertThat(sharing.spec().namespaces().network()).isEqualTo(NamespaceMode.container(first.id()));

            first.close();
            try (var newFirst = engine.containers().start(IDLE.name("first").network("container:sharing"))) {
                assertThat(output(newFirst, "cat /etc/hostname")).isEqualTo(output(sharing, "cat /etc/hostname"));
            }
        }
    }

    @Test
    void whoSharesANetworkIsToldOfItsNetworksToo() {
        try (var first = engine.networks().create(NetworkSpec.of("first").subnet("198.18.60.0/24"));
                var later = engine.networks().create(NetworkSpec.of("later").subnet("198.18.61.0/24"));
                var owner = engine.containers().start(IDLE.name("owner").join(first));
                var sharing = engine.containers().start(IDLE.name("sharing").network("container:owner"));
                var third = engine.containers().start(IDLE.network("container:sharing"))) {
            later.connect(owner);
            assertThat(hosts(third)).contains("\n198.18.61.2\t");
            for (var file : List.of("/etc/hosts", "/etc/hostname", "/etc/resolv.conf")) {
                assertThat(output(sharing, "cat " + file)).isEqualTo(output(owner, "cat " + file));
                assertThat(output(third, "cat " + file)).isEqualTo(output(owner, "cat " + file));
            }
            first.disconnect(owner);
            assertThat(hosts(third)).isEqualTo(hosts(owner)).doesNotContain("198.18.60.");
        }
    }

    @Test
    void hostsOfTheUsersOwnAreLeftAlone(@TempDir Path directory) throws Exception {
        var file = Files.writeString(directory.resolve("hosts"), "mine\n");
        try (var net = engine.networks().create(NetworkSpec.of("first").subnet("198.18.60.0/24"));
                var box = engine.containers()
                        .start(IDLE.hostname("box").network("bridge").bind(file, "/etc/hosts"));
                var full = engine.containers().start(IDLE.network("bridge"))) {
            net.connect(box);
            assertThat(hosts(box)).isEqualTo("mine\n");
            output(full, "head -c 70000 /dev/zero >/etc/hosts");
            net.connect(full);
            net.disconnect(full);
            assertThat(output(full, "wc -c </etc/hosts")).isEqualTo("70000\n");
        }
        assertThat(file).hasContent("mine\n");
    }

    private static String hosts(Container container) {
        return output(container, "cat /etc/hosts");
    }

    @Test
    void whatCannotBeIsRefused() {
        try (var net = engine.networks().create(NetworkSpec.of("small").subnet("198.18.5.0/30"));
                var taken = engine.containers().create(IDLE.name("taken").join(net));
                var without = engine.containers().start(IDLE.name("without").noNetwork())) {
            assertThatThrownBy(
                            () -> engine.containers().create(IDLE.name("late").join(net)))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot create container late: all addresses are taken [subnet=198.18.5.0/30]; make the"
                            + " network with a larger subnet");
            assertThatThrownBy(() -> engine.containers()
                            .create(IDLE.name("late").join(EndpointSpec.of(net).address("198.18.5.2"))))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot create container late: address 198.18.5.2 is taken [subnet=198.18.5.0/30]");
            assertThatThrownBy(() -> engine.containers()
                            .create(IDLE.name("late").join(EndpointSpec.of(net).address("198.18.6.2"))))
                    .isInstanceOf(InvalidSpecException.class)
                    .hasMessage("cannot create container late with address 198.18.6.2: network small has no such subnet"
                            + " [subnets=[198.18.5.0/30]]");
            assertThatThrownBy(
                            () -> engine.containers().create(IDLE.name("late").network("nowhere")))
                    .isInstanceOf(NotFoundException.class)
                    .hasMessage("cannot create container late: this engine has no network nowhere [networks=[bridge,"
                            + " small]]");
            assertThatThrownBy(() -> engine.networks().create("small"))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage(
                            "cannot make network small: another one of this engine has that name; close it first, or"
                                    + " choose another name");
            assertThatThrownBy(() ->
                            engine.networks().create(NetworkSpec.of("again").subnet("198.18.5.0/30")))
                    .isInstanceOf(ConflictException.class)
                    .hasMessageStartingWith("cannot make network again: subnet 198.18.5.0/30 is in use on this host"
                            + " [route=198.18.5.0/30 on link");
            assertThatThrownBy(() -> engine.networks().create("host"))
                    .isInstanceOf(InvalidSpecException.class)
                    .hasMessage("cannot make network host: the word means something else; choose another name");
            assertThatThrownBy(net::remove)
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot remove network small: containers are connected to it [containers=[taken]];"
                            + " disconnect or close them first, or close the network");
            assertThatThrownBy(() -> net.connect(taken))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot connect container taken to network small: it is connected to network small"
                            + " already");
            assertThatThrownBy(() -> net.connect(without))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage(
                            "cannot connect container without to network small: it was made without a network; make it"
                                    + " with join(…), or with nothing said of networks");
            assertThatThrownBy(() -> net.disconnect(without))
                    .isInstanceOf(NotFoundException.class)
                    .hasMessage("cannot disconnect container without from network small: it is not connected to it");
            assertThatThrownBy(() -> without.address(net))
                    .isInstanceOf(NotFoundException.class)
                    .hasMessage(
                            "cannot tell the address of container without on network small: it is not connected to it"
                                    + " [networks=[]]");
        }
        assertThat(engine.networks().find("again")).isEmpty();
    }

    @Test
    void networksAreFoundListedAndPruned() {
        var one = engine.networks().create(NetworkSpec.of("a-network").label("k", "v"));
        var two = engine.networks().create("b-network");
        try (var box = engine.containers().create(IDLE.join(two))) {
            assertThat(engine.networks().list())
                    .extracting(network -> network.name())
                    .containsExactly("bridge", "a-network", "b-network");
            assertThat(engine.networks().get(one.id().substring(0, 12))).isSameAs(one);
            assertThat(one).hasToString("Network[a-network, " + one.subnets().get(0) + ", 0 containers]");
            assertThat(two.endpoints()).isEqualTo(box.endpoints());

            assertThat(names(NetworkFilter.ALL.label("k"))).containsExactly("a-network");
            assertThat(names(NetworkFilter.ALL.label("k", "v").driver("bridge")))
                    .containsExactly("a-network");
            assertThat(names(NetworkFilter.ALL.label("k", "w"))).isEmpty();
            assertThat(names(NetworkFilter.ALL.driver("macvlan"))).isEmpty();
            assertThat(names(NetworkFilter.ALL.dangling(false))).containsExactly("b-network");
            assertThat(names(NetworkFilter.ALL.dangling(true))).containsExactly("bridge", "a-network");

            assertThat(names(NetworkFilter.ALL.withoutLabel("k"))).containsExactly("bridge", "b-network");
            assertThat(names(NetworkFilter.ALL.withoutLabel("k", "w"))).contains("a-network");
            assertThat(names(NetworkFilter.ALL.withoutLabel("k", "v"))).doesNotContain("a-network");
            assertThat(names(NetworkFilter.ALL.olderThan(Duration.ofHours(1)))).isEmpty();

            assertThat(engine.networks().prune(NetworkFilter.ALL.label("another")))
                    .isEmpty();
            assertThat(engine.networks().prune(NetworkFilter.ALL.withoutLabel("k")))
                    .isEmpty();
            assertThat(engine.networks().prune(NetworkFilter.ALL.olderThan(Duration.ofHours(1))))
                    .isEmpty();
            var age = NetworkFilter.ALL.olderThan(Duration.ofNanos(1));
            assertThat(engine.networks().prune(age.label("k", "v"))).containsExactly("a-network");
        }
        assertThat(engine.networks().prune()).containsExactly("b-network");
        assertThat(engine.networks().list())
                .extracting(network -> network.name())
                .containsExactly("bridge");
        assertThatThrownBy(one::remove)
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot remove network a-network: it is removed already");
    }

    private static List<String> names(NetworkFilter filter) {
        return engine.networks().list(filter).stream().map(Network::name).toList();
    }

    @Test
    void inspectionTellsOfAddressesPlacesAndTraffic() {
        var spec = NetworkSpec.of("seen")
                .subnet("198.18.12.0/24")
                .range("198.18.12.128/28")
                .subnet("fd00:12::/64")
                .label("k", "v");
        var net = engine.networks().create(spec);
        try (net;
                var one = engine.containers().start(IDLE.join(net));
                var two = engine.containers()
                        .create(IDLE.join(EndpointSpec.of(net).address("198.18.12.9")))) {
            one.exec("ping", "-c", "3", "-s", "1000", "198.18.12.1");
            var info = net.inspect();

            assertThat(info.id()).isEqualTo(net.id());
            assertThat(info.spec()).isEqualTo(spec);
            assertThat(info.created()).isEqualTo(net.created());
            assertThat(info.subnets())
                    .containsExactly(
                            new NetworkInfo.Addresses(
                                    Subnet.parse("198.18.12.0/24"),
                                    Optional.of(Subnet.parseAddress("198.18.12.1")),
                                    2,
                                    15),
                            new NetworkInfo.Addresses(
                                    Subnet.parse("fd00:12::/64"),
                                    Optional.of(Subnet.parseAddress("fd00:12::1")),
                                    2,
                                    65_532));
            assertThat(info.endpoints())
                    .containsExactly(one.endpoints().get(0), two.endpoints().get(0));
            var bridge = info.bridge().orElseThrow();
            assertThat(bridge.received().bytes()).isBetween(3 * 1000L, 20_000L);
            assertThat(bridge.sent().packets()).isGreaterThanOrEqualTo(3);
        }
        assertThatThrownBy(net::inspect)
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot inspect network seen: it is removed");
    }

    private static String mtu(NetworkSpec spec) {
        try (var net = engine.networks().create(spec)) {
            return engine.containers()
                    .run(sh("cat /sys/class/net/eth0/mtu").join(net))
                    .stdout()
                    .strip();
        }
    }

    @Test
    void packetsAreAsLongAsTheWayToTheOutsideLetsThem() {
        assertThat(mtu(NetworkSpec.of("usual"))).isEqualTo("1500");
        assertThat(mtu(NetworkSpec.of("short").mtu(1000)))
                .as("too short for IPv6")
                .isEqualTo("1000");
        try (var host = Rtnetlink.open()) {
            host.execute(LinkRequest.add("testtunnel")
                    .kind(new LinkKind.Bridge(false))
                    .mtu(1380)
                    .up()
                    .request());
            var tunnel = host.link("testtunnel").orElseThrow().index();
            try {
                host.execute(new LinkAddress(tunnel, Subnet.parseAddress("198.19.3.1"), 24).add());
                assertThat(mtu(NetworkSpec.of("beside"))).isEqualTo("1500");
                host.execute(Route.byDefault(Subnet.parseAddress("198.19.3.2"), tunnel)
                        .add());

                assertThat(mtu(NetworkSpec.of("through").withIpv6())).isEqualTo("1380");
                assertThat(mtu(NetworkSpec.of("inside").asInternal())).isEqualTo("1500");
                assertThat(mtu(NetworkSpec.of("asked").mtu(1450))).isEqualTo("1450");
                host.execute(LinkRequest.change(tunnel).mtu(1200).request());
                assertThat(mtu(NetworkSpec.of("narrow"))).isEqualTo("1200");
                assertThat(mtu(NetworkSpec.of("too-narrow").withIpv6())).isEqualTo("1500");
            } finally {
                host.execute(LinkRequest.delete(tunnel).request());
            }
        }
    }

    @Test
    void whatAnInterfaceDropsIsCounted() {
        try (var net = engine.networks().create("dropping");
                var narrow = engine.containers().start(IDLE.capAdd("NET_ADMIN").join(net));
                var box = engine.containers().start(IDLE.join(net))) {
            assertThat(output(narrow, "ip link set eth0 mtu 600")).isEmpty();
            assertThat(output(box, "ping -c 1 -W 30 -s 500 " + ip(narrow))).contains(" 0% packet loss");
            var before = traffic(narrow, net).received();

            assertThat(output(box, "ping -c 3 -i 0.1 -W 1 -s 1000 " + ip(narrow)))
                    .contains("100% packet loss");

            assertThat(traffic(narrow, net).received().dropped()).isGreaterThanOrEqualTo(before.dropped() + 3);
            assertThat(traffic(narrow, net).received().errors()).isZero();
        }
    }

    @Test
    void eventsTellOfNetworks() {
        var begin = Instant.now();
        String container;
        try (var net = engine.networks().create(NetworkSpec.of("told").label("k", "v"));
                var box = engine.containers().start(IDLE.join(net))) {
            net.disconnect(box);
            container = box.id();
        }
        // and not of others, which containers of earlier tests may be leaving still
        var told = EventFilter.ALL.type(EventType.NETWORK).network("told").since(begin);
        var events = engine.events().past(told);
        assertThat(events)
                .extracting(event -> event.action().word())
                .containsExactly("create", "connect", "disconnect", "destroy");
        assertThat(events)
                .allSatisfy(event -> assertThat(event.attributes())
                        .containsEntry("name", "told")
                        .containsEntry("type", "bridge")
                        .containsEntry("k", "v"));
        assertThat(events)
                .extracting(event -> event.attributes().get("container"))
                .containsExactly(null, container, container, null);
    }

    @Test
    void specsThatContradictThemselvesAreRefused() {
        assertThatThrownBy(() -> IDLE.hostNetwork().join(EndpointSpec.of("x")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot join a network: the network namespace is not the container's own (host)");
        assertThatThrownBy(() -> IDLE.join(EndpointSpec.of("x")).join(EndpointSpec.of("x")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot join network x twice");
        assertThat(IDLE.network("container:web").namespaces().network()).isEqualTo(NamespaceMode.container("web"));
        assertThat(IDLE.join(EndpointSpec.of("x")).noNetwork().networks()).contains(List.of());
    }

    @Test
    void othersAreFoundByNameAliasAndShortId() {
        try (var net = engine.networks().create(NetworkSpec.of("named").subnet("198.18.8.0/24"));
                var other = engine.networks().create("other");
                var web = engine.containers().start(IDLE.name("web_1").join(net, "www", "WWW.example.org"));
                var box = engine.containers().start(IDLE.join(net))) {
            for (var name :
                    List.of("web_1", "WEB_1", "www", "www.example.org", web.id().substring(0, 12))) {
                assertThat(output(box, "ping -c 1 -W 30 " + name)).as(name).contains("(198.18.8.2)", " 0% packet loss");
            }
            assertThat(output(box, "nslookup 198.18.8.2")).contains("name = web_1");
            assertThat(output(box, "ping -c 1 -W 30 host.internal")).contains("(198.18.8.1)", " 0% packet loss");
            assertThat(output(box, "cat /etc/resolv.conf")).contains("nameserver 127.0.0.11\n", "ndots:");

            web.rename("renamed");
            assertThat(output(box, "ping -c 1 -W 30 renamed")).contains(" 0% packet loss");
            assertThat(output(box, "nslookup web_1.")).doesNotContain("198.18.8.2");
            assertThat(engine.containers().run(sh("nslookup www.").join(other)).stdout())
                    .doesNotContain("198.18.8.2");

            net.disconnect(web);
            assertThat(output(box, "nslookup www.")).doesNotContain("198.18.8.2");
        }
    }

    @Test
    void twoOfOneAliasHaveTheirTurns() {
        try (var net = engine.networks().create("turns");
                var one = engine.containers().start(IDLE.join(net, "service"));
                var two = engine.containers().start(IDLE.join(net, "service"));
                var box = engine.containers().start(IDLE.join(net))) {
            assertThat(output(box, "nslookup service.")).contains(ip(one), ip(two));
        }
    }

    @Test
    void anInternalNetworkLeadsNowhereElse() {
        try (var net = engine.networks()
                        .create(NetworkSpec.of("inner").subnet("198.18.10.0/24").asInternal());
                var open = engine.networks().create(NetworkSpec.of("open").subnet("198.18.11.0/24"));
                var outer = engine.containers().start(IDLE.name("outer").join(open));
                var one = engine.containers().start(IDLE.name("inner-1").join(net));
                var two = engine.containers().start(IDLE.name("inner-2").join(net))) {
            assertThat(output(one, "ping -c 1 -W 30 inner-2")).contains(" 0% packet loss");
            assertThat(output(one, "ping -c 1 -W 30 host.internal")).contains(" 0% packet loss");
            assertThat(output(one, "ip route")).isEqualTo("198.18.10.0/24 dev eth0 scope link  src 198.18.10.2 \n");
            assertThat(output(one, "nslookup -type=a outer.; nslookup -type=a example.org."))
                    .contains("can't find outer.: NXDOMAIN", "can't find example.org.: NXDOMAIN");

            // not by a route of its own making either
            var privileged = IDLE.name("sly").capAdd("NET_ADMIN").join(net);
            try (var sly = engine.containers().start(privileged)) {
                assertThat(output(sly, "ip route add default via 198.18.10.1; ping -c 1 -W 1 " + ip(outer)))
                        .contains("100% packet loss");
                open.connect(sly);
                assertThat(output(sly, "ip route del default; ping -c 1 -W 30 " + ip(outer)))
                        .contains(" 0% packet loss");
            }
            assertThat(two.endpoints()).hasSize(1);
        }
    }

    @Test
    void whatComesAndGoesIsCountedByNetwork() {
        try (var one = engine.networks().create("one-counted");
                var two = engine.networks().create("two-counted");
                var box = engine.containers().start(IDLE.join(one).join(two))) {
            box.exec("ping", "-c", "3", "-s", "1000", two.gateways().get(0).getHostAddress());

            assertThat(traffic(box, two).received().bytes()).isBetween(3 * 1000L, 20_000L);
            assertThat(traffic(box, two).sent().packets()).isGreaterThanOrEqualTo(3);
            assertThat(traffic(box, one).received().bytes()).isLessThan(3000);
            box.kill("KILL");
            box.await();
            box.start();
            assertThat(box.inspect().endpoints()).extracting(Endpoint::link).containsExactly("eth0", "eth1");
        }
        try (var box = engine.containers().create(IDLE.network("bridge"))) {
            assertThat(box.endpoints()).extracting(Endpoint::link).containsExactly("");
        }
    }

    private static Stats.Network traffic(Container container, Network network) {
        var link = network.endpoints().stream()
                .filter(endpoint -> endpoint.container().equals(container.id()))
                .findFirst()
                .orElseThrow()
                .link();
        return container.stats().networks().stream()
                .filter(each -> each.name().equals(link))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void manyConnectAndDisconnectAtOnce() throws Exception {
        try (var one = engine.containers().create(IDLE.network("bridge"));
                var box = engine.containers().start(IDLE.network("bridge"))) {
            var threads = new ArrayList<FutureTask<Void>>();
            for (var i = 0; i < 8; i++) {
                var name = "storm-" + i;
                var task = new FutureTask<Void>(() -> {
                    try (var net = engine.networks().create(name)) {
                        for (var round = 0; round < 5; round++) {
                            net.connect(box, name);
                            net.connect(one);
                            net.disconnect(box);
                            net.disconnect(one);
                        }
                        net.connect(box);
                    }
                    return null;
                });
                threads.add(task);
                new Thread(task, name).start();
            }
            for (var task : threads) {
                task.get();
            }
            assertThat(output(box, "ls /sys/class/net")).isEqualTo("eth0\nlo\n");
            assertThat(box.endpoints()).hasSize(1);
            assertThat(one.endpoints()).hasSize(1);
            assertThat(engine.networks().list()).hasSize(1);
        }
    }

    @Test
    void extraHostsMayNameTheHost() {
        try (var net = engine.networks()
                .create(NetworkSpec.of("extra").subnet("198.18.9.0/24").gateway("198.18.9.254"))) {
            assertThat(engine.containers()
                            .run(sh("tail -n 2 /etc/hosts; ping -c 1 -W 30 the-host")
                                    .extraHost("the-host", ContainerSpec.HOST_GATEWAY)
                                    .hostname("me")
                                    .join(net))
                            .stdout())
                    .startsWith("198.18.9.254\tthe-host\n198.18.9.1\tme\n")
                    .contains(" 0% packet loss");
        }
    }
}
