package dev.cais.network;

import static dev.cais.network.Wires.address;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cais.ConflictException;
import dev.cais.InvalidSpecException;
import dev.cais.KernelException;
import dev.cais.Protocol;
import dev.cais.Subnet;
import dev.cais.fixtures.Answering;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.NetNamespace;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.linux.Abi;
import dev.cais.linux.ControlFile;
import dev.cais.linux.Fd;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import dev.cais.network.netlink.Golden;
import dev.cais.network.netlink.LinkAddress;
import dev.cais.network.netlink.LinkRequest;
import dev.cais.network.netlink.LinkRequest.Ipv4Setting;
import dev.cais.network.netlink.NftTable;
import dev.cais.network.netlink.Nftables;
import dev.cais.network.netlink.Request;
import dev.cais.network.netlink.Route;
import dev.cais.network.netlink.Rtnetlink;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The rules at work: two bridges with two containers each, a neighbour of the host's on a link of its own, and real connections.
 *
 * <p>{@code red} is 198.18.1.0/24, {@code blue} 198.18.2.0/24; the outside is 198.18.9.0/24, where the host is .1 and the
 * neighbour .2. Each namespace has a server on port 80 that says who asked.
 */
@RequiresRoot
@RequiresFeature({Feature.OWN_NETWORK, Feature.NF_TABLES})
@LeakChecked
class FirewallTest {
    private static final int GROUP = 0x7a11;
    private static final int REFUSED_MILLIS = 300;
    private static final int CONNECT_MILLIS = 60_000;
    private static final InetAddress LOOPBACK = address("127.0.0.1");
    private static final InetAddress ALL = address("0.0.0.0");
    private static final FilteredNetwork RED = new FilteredNetwork("caisred", false, true, true);
    private static final FilteredNetwork BLUE = new FilteredNetwork("caisblue", false, true, true);

    private final Rtnetlink host = Rtnetlink.open();
    private final Wires wires = new Wires(host, GROUP);
    private final Firewall firewall = Firewall.open("cais-test");
    private final List<AutoCloseable> opened = new ArrayList<>();
    private final NetNamespace red1;
    private final NetNamespace red2;
    private final NetNamespace blue1;
    private final NetNamespace neighbour;

    FirewallTest() {
        red1 = namespace();
        red2 = namespace();
        blue1 = namespace();
        neighbour = namespace();
    }

    private NetNamespace namespace() {
        var namespace = NetNamespace.create();
        opened.add(namespace);
        return namespace;
    }

    @BeforeEach
    void connect() {
        ControlFile.write(Path.of("/proc/sys/net/ipv4/ip_forward"), "1");
        ControlFile.write(Path.of("/proc/sys/net/ipv6/conf/all/forwarding"), "1");
        wires.bridge("caisred", 1001, 1);
        wires.bridge("caisblue", 1002, 2);
        for (var bridge : List.of(1001, 1002)) {
            host.execute(LinkRequest.change(bridge)
                    .ipv4(Ipv4Setting.ROUTE_LOCALNET, 1)
                    .request());
        }
        wires.connect(red1, 1011, 1001, 1, 2);
        wires.connect(red2, 1012, 1001, 1, 3);
        wires.connect(blue1, 1021, 1002, 2, 2);
        wires.connect(neighbour, 1091, 0, 9, 2);
        wires.gateway(1091, 9);
        for (var namespace : List.of(red1, red2, blue1, neighbour)) {
            serve(namespace);
        }
    }

    /** Answers each connection with the address that it comes from. */
    private void serve(NetNamespace namespace) {
        var server = namespace.call(() -> new ServerSocket(80, 50, address("::")));
        opened.add(server);
        Answering.connections(
                server,
                client -> client.getOutputStream()
                        .write(client.getInetAddress().getHostAddress().getBytes(StandardCharsets.US_ASCII)));
    }

    @AfterEach
    void disconnect() throws Exception {
        firewall.close();
        wires.close();
        host.close();
        for (var resource : opened) {
            resource.close();
        }
    }

    /** What the server says: who it thinks is asking. */
    private static String ask(String host, int port) throws IOException {
        try (var socket = new Socket()) {
            socket.connect(new InetSocketAddress(address(host), port), CONNECT_MILLIS);
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
        }
    }

    private static String askFrom(NetNamespace namespace, String host, int port) {
        return namespace.call(() -> ask(host, port));
    }

    /** Packets are dropped: nothing answers within a time in which it would have many times over. */
    private static boolean isUnreachable(NetNamespace namespace, String host, int port) {
        return namespace.call(() -> {
            try (var socket = new Socket()) {
                socket.connect(new InetSocketAddress(address(host), port), REFUSED_MILLIS);
                return false;
            } catch (SocketTimeoutException e) {
                return true;
            }
        });
    }

    /** Packets are dropped or rejected. */
    private static boolean isCutOff(NetNamespace namespace, String host, int port) {
        return namespace.call(() -> {
            try (var socket = new Socket()) {
                socket.connect(new InetSocketAddress(address(host), port), REFUSED_MILLIS);
                return false;
            } catch (IOException e) {
                return true;
            }
        });
    }

    /** The older iptables has one lock for all of the machine: somebody else may have it for a moment. */
    private static void shell(String commands) {
        Programs.output("sh", "-c", commands.replace("iptables-legacy -", "iptables-legacy -w -"));
    }

    private static boolean connects(NetNamespace namespace, String host, int port) {
        return namespace.call(() -> {
            try (var socket = new Socket()) {
                socket.connect(new InetSocketAddress(address(host), port), CONNECT_MILLIS);
                return true;
            }
        });
    }

    private static PublishedPort tcp(InetAddress hostAddress, int hostPort, String address) {
        return new PublishedPort(Protocol.TCP, hostAddress, hostPort, address(address), 80);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void containersReachEachOtherAndTheOutsideButNotOtherNetworks(boolean bridgedToo) {
        filterBridgedFrames(bridgedToo);
        firewall.add(RED);
        firewall.add(BLUE);

        assertThat(askFrom(red1, "198.18.1.3", 80)).isEqualTo("198.18.1.2");
        assertThat(askFrom(red1, "198.18.9.2", 80)).as("masqueraded").isEqualTo("198.18.9.1");
        assertThat(askFrom(red1, "fd00:18:9::2", 80)).as("masqueraded").isEqualTo("fd00:18:9:0:0:0:0:1");
        assertThat(isUnreachable(red1, "198.18.2.2", 80)).isTrue();
        assertThat(isUnreachable(blue1, "fd00:18:1::2", 80)).isTrue();
        assertThat(isUnreachable(neighbour, "198.18.1.2", 80)).as("unpublished").isTrue();
        Eventually.passes(() -> assertThat(firewall.drops().isolated()).isGreaterThanOrEqualTo(3));
    }

    @Test
    void internalNetworkHasNoWayOutOrInButTheHostReachesIt() throws Exception {
        firewall.add(new FilteredNetwork("caisred", true, true, true));
        firewall.add(BLUE);
        firewall.publish(List.of(tcp(ALL, 8080, "198.18.1.2")));

        assertThat(askFrom(red1, "198.18.1.3", 80)).isEqualTo("198.18.1.2");
        assertThat(ask("198.18.1.2", 80)).isEqualTo("198.18.1.1");
        assertThat(ask("127.0.0.1", 8080)).isEqualTo("198.18.1.1");
        assertThat(isUnreachable(red1, "198.18.9.2", 80)).isTrue();
        assertThat(isUnreachable(neighbour, "198.18.9.1", 8080))
                .as("even if published")
                .isTrue();
        Eventually.passes(() -> assertThat(firewall.drops().internal()).isGreaterThanOrEqualTo(2));
    }

    /** Whether frames between ports of a bridge pass the packet filter too, as where Docker or Kubernetes has been. */
    private static void filterBridgedFrames(boolean value) {
        for (var name : List.of("bridge-nf-call-iptables", "bridge-nf-call-ip6tables")) {
            var result = ControlFile.tryWrite(Path.of("/proc/sys/net/bridge", name), value ? "1" : "0");
            assumeTrue(result == 0 || !value, "the kernel has no br_netfilter");
        }
    }

    @Test
    void containersThatShallNotTalkDoNotDoSoThroughTheHostEither() {
        filterBridgedFrames(false);
        firewall.add(new FilteredNetwork("caisred", false, false, true));
        host.execute(
                LinkRequest.change(1011).isolated(true).request(),
                LinkRequest.change(1012).isolated(true).request());
        try (var inside = red1.call(Rtnetlink::open)) {
            inside.execute(Route.via(Subnet.parse("198.18.1.3/32"), address("198.18.1.1"))
                    .add());
        }

        assertThat(isUnreachable(red1, "198.18.1.3", 80)).isTrue();
        assertThat(askFrom(red1, "198.18.9.2", 80)).isEqualTo("198.18.9.1");
        firewall.publish(List.of(tcp(ALL, 8080, "198.18.1.3")));
        assertThat(askFrom(red1, "198.18.1.1", 8080)).as("published").isEqualTo("198.18.1.1");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void publishedPortIsReachedFromEverywhereAndMostlyWithTheClientsAddress(boolean bridgedToo) throws Exception {
        filterBridgedFrames(bridgedToo);
        firewall.add(RED);
        firewall.add(BLUE);
        firewall.publish(List.of(tcp(ALL, 8080, "198.18.1.2"), tcp(address("::"), 8080, "fd00:18:1::2")));

        assertThat(ask("127.0.0.1", 8080)).as("loopback").isEqualTo("198.18.1.1");
        assertThat(ask("127.1.2.3", 8080)).as("loopback").isEqualTo("198.18.1.1");
        assertThat(ask("198.18.9.1", 8080)).as("the host's other address").isEqualTo("198.18.9.1");
        assertThat(askFrom(neighbour, "198.18.9.1", 8080)).as("outside").isEqualTo("198.18.9.2");
        assertThat(askFrom(neighbour, "fd00:18:9::1", 8080)).as("outside").isEqualTo("fd00:18:9:0:0:0:0:2");
        assertThat(askFrom(blue1, "198.18.9.1", 8080)).as("another network").isEqualTo("198.18.2.2");
        host.execute(LinkRequest.change(1011).hairpin(true).request());
        assertThat(askFrom(red2, "198.18.1.1", 8080)).as("a neighbour").isEqualTo("198.18.1.1");
        assertThat(askFrom(red1, "198.18.1.1", 8080)).as("itself").isEqualTo("198.18.1.1");
    }

    @Test
    void portPublishedOnLoopbackIsTheHostsAlone() throws Exception {
        firewall.add(RED);
        firewall.publish(List.of(tcp(LOOPBACK, 8080, "198.18.1.2")));

        assertThat(ask("127.0.0.1", 8080)).isEqualTo("198.18.1.1");
        assertThatThrownBy(() -> ask("198.18.9.1", 8080)).hasMessageContaining("refused");
        assertThatThrownBy(() -> askFrom(neighbour, "198.18.9.1", 8080)).hasMessageContaining("refused");
    }

    /** A neighbour and a container send to 127.0.0.1 by way of the host: neither is translated, none arrives. */
    @Test
    void loopbackOfTheHostIsNotReachedThroughALink() throws Exception {
        firewall.add(RED);
        firewall.publish(List.of(tcp(LOOPBACK, 8080, "198.18.1.2")));
        try (var local = new ServerSocket(8081, 50, LOOPBACK)) {
            for (var namespace : List.of(red2, neighbour)) {
                try (var inside = namespace.call(Rtnetlink::open)) {
                    var gateway = namespace == red2 ? "198.18.1.1" : "198.18.9.1";
                    inside.execute(
                            LinkRequest.change(2)
                                    .ipv4(Ipv4Setting.ROUTE_LOCALNET, 1)
                                    .request(),
                            new LinkAddress(1, LOOPBACK, 8).delete(),
                            Route.via(Subnet.parse("127.0.0.0/8"), address(gateway))
                                    .add());
                    inside.execute(localRoutes(inside));
                }
                assertThat(isUnreachable(namespace, "127.0.0.1", 8080)).isTrue();
                assertThat(isUnreachable(namespace, "127.0.0.1", local.getLocalPort()))
                        .isTrue();
            }
        }
        Eventually.passes(() -> assertThat(firewall.drops().martians()).isGreaterThanOrEqualTo(2));
        assertThat(ask("127.0.0.1", 8080)).isEqualTo("198.18.1.1");
    }

    /** A container that gives itself out as the host's router is not listened to. */
    @Test
    void routersAmongContainersAreNotHeard() throws Exception {
        firewall.add(RED);
        try (var inside = red1.call(Rtnetlink::open)) {
            inside.execute(new LinkAddress(2, address("fe80::2"), 64).add());
        }
        var advertisement = ByteBuffer.allocate(16).put((byte) 134).putShort(6, (short) 1800);
        var redirect6 = ByteBuffer.allocate(40).put((byte) 137);
        var redirect = ByteBuffer.allocate(36).put((byte) 5);
        sendRaw(red1, "ff02::1", advertisement.array());
        sendRaw(red1, "fe80::1", redirect6.array());
        sendRaw(red1, "198.18.1.1", redirect.array());

        Eventually.passes(() -> assertThat(firewall.drops().martians()).isGreaterThanOrEqualTo(3));
    }

    /** A packet of ICMP, with the hop limit that neighbours use. */
    private static void sendRaw(NetNamespace from, String to, byte[] content) {
        var target = address(to).getAddress();
        var ipv6 = target.length == 16;
        from.<Long>call(() -> {
            try (var fd = Fd.of(Syscalls.checked(
                            "cannot open a socket",
                            Syscall.SOCKET,
                            Syscalls.call(
                                    Syscall.SOCKET,
                                    ipv6 ? Abi.AF_INET6 : Abi.AF_INET,
                                    Abi.SOCK_RAW | Abi.SOCK_CLOEXEC,
                                    ipv6 ? 58 : 1)));
                    var scratch = Scratch.frame()) {
                var hops = scratch.words(255);
                for (var option : ipv6 ? new int[] {16, 18} : new int[0]) { // of unicast and of multicast
                    Syscalls.call(Syscall.SETSOCKOPT, fd.number(), 41, option, hops, 4);
                }
                var name = scratch.take(28);
                name.putShort(0, (short) (ipv6 ? Abi.AF_INET6 : Abi.AF_INET)).put(ipv6 ? 8 : 4, target);
                if (ipv6) {
                    name.putInt(24, 2);
                }
                return Syscalls.checked(
                        "cannot send",
                        Syscall.SENDTO,
                        Syscalls.call(
                                Syscall.SENDTO,
                                fd.number(),
                                scratch.bytes(content),
                                content.length,
                                0,
                                Scratch.address(name),
                                ipv6 ? 28 : 16));
            }
        });
    }

    private static List<Request> localRoutes(Rtnetlink inside) {
        return inside.routes().stream()
                .filter(route -> route.type() == Route.Type.LOCAL
                        && route.destination().toString().startsWith("127."))
                .map(Route::delete)
                .toList();
    }

    @Test
    void whatIsPublishedIsTakenBack() throws Exception {
        firewall.add(RED);
        var ports = List.of(tcp(ALL, 8080, "198.18.1.2"), tcp(LOOPBACK, 8081, "198.18.1.3"));
        firewall.publish(ports);
        assertThat(firewall.publishedPorts()).isEqualTo(2);
        assertThat(ask("127.0.0.1", 8081)).isEqualTo("198.18.1.1");

        firewall.unpublish(ports);

        assertThat(firewall.publishedPorts()).isZero();
        assertThatThrownBy(() -> ask("127.0.0.1", 8080)).hasMessageContaining("refused");
        assertThatThrownBy(() -> firewall.unpublish(ports))
                .isInstanceOf(KernelException.class)
                .hasMessage("cannot take back 0.0.0.0:8080/tcp and 1 more: sendto(2) of NFT_MSG_DELSETELEM failed with"
                        + " ENOENT (no such file or directory)");
    }

    @Test
    void secondPublicationOfAPortIsAConflictAndTheRestOfItsListIsUndone() {
        firewall.publish(List.of(tcp(ALL, 8080, "198.18.1.2")));

        assertThatThrownBy(() ->
                        firewall.publish(List.of(tcp(LOOPBACK, 8081, "198.18.1.2"), tcp(ALL, 8080, "198.18.1.3"))))
                .isInstanceOf(ConflictException.class)
                .hasMessage("cannot publish 127.0.0.1:8081/tcp and 1 more: it is published already");
        assertThat(firewall.publishedPorts()).isEqualTo(1);
    }

    @Test
    void thousandsOfPortsAreAFewMessages() {
        var ports = new ArrayList<PublishedPort>();
        for (var port = 10_000; port < 30_000; port++) {
            ports.add(tcp(ALL, port, "198.18.1.2"));
        }
        firewall.publish(ports);
        assertThat(firewall.publishedPorts()).isEqualTo(20_000);
        firewall.unpublish(ports);
        assertThat(firewall.publishedPorts()).isZero();
    }

    @Test
    void networkIsForgotten() {
        firewall.add(RED);
        assertThatThrownBy(() -> firewall.add(RED))
                .isInstanceOf(ConflictException.class)
                .hasMessage("cannot filter caisred: it is known already");
        firewall.remove(RED);
        assertThatThrownBy(() -> firewall.remove(RED))
                .isInstanceOf(KernelException.class)
                .hasMessage("cannot stop filtering caisred: sendto(2) of NFT_MSG_DELSETELEM failed with ENOENT"
                        + " (no such file or directory)");
        firewall.add(RED);
    }

    @Test
    void tableIsItsSocketsAndGoesWithIt() {
        assertThatThrownBy(() -> Firewall.open("cais-test"))
                .isInstanceOf(ConflictException.class)
                .hasMessage("cannot make the table cais-test: there is one of that name");
        try (var other = Nftables.open()) {
            assertThatThrownBy(() -> other.transact(new NftTable("cais-test").delete()))
                    .isInstanceOf(KernelException.class)
                    .hasMessage("cannot delete the table cais-test: sendto(2) of NFT_MSG_DELTABLE failed with"
                            + " EPERM (operation not permitted)");
            firewall.close();
            assertThat(other.chains()).extracting(Nftables.Chain::table).doesNotContain("cais-test");
        }
    }

    @Test
    @RequiresProgram("nft")
    void whoEmptiesTheHostsFirewallLeavesTheTable() throws Exception {
        firewall.add(RED);
        firewall.publish(List.of(tcp(ALL, 8080, "198.18.1.2")));
        Programs.output("sh", "-c", "nft 'add table ip other; flush ruleset'");

        assertThat(Programs.output("nft", "list", "tables").lines()).containsExactly("table inet cais-test");
        assertThat(firewall.publishedPorts()).isEqualTo(1);
        assertThat(ask("127.0.0.1", 8080)).isEqualTo("198.18.1.1");
        assertThat(askFrom(red1, "198.18.9.2", 80)).as("masqueraded").isEqualTo("198.18.9.1");
    }

    /** How others stand in the way, and how all they have made is taken away again. */
    enum Other {
        IPTABLES(
                "ip filter FORWARD",
                "iptables-nft -P FORWARD DROP",
                "iptables-nft -P FORWARD ACCEPT; nft delete table ip filter"),
        IPTABLES_LEGACY(
                "iptables-legacy FORWARD",
                "iptables-legacy -P FORWARD DROP; iptables-legacy -A FORWARD -p icmp -j ACCEPT",
                "iptables-legacy -P FORWARD ACCEPT; iptables-legacy -F FORWARD"),
        UFW_AND_DOCKER(
                "ip filter FORWARD",
                "iptables-nft -P FORWARD DROP; iptables-nft -N ufw-user-forward; iptables-nft -A FORWARD -j ufw-user-forward",
                "iptables-nft -P FORWARD ACCEPT; nft delete table ip filter"),
        REJECTING(
                "inet guard forwarded",
                "nft 'add table inet guard; add chain inet guard forwarded { type filter hook forward priority 10; };"
                        + " add rule inet guard forwarded ct state established,related accept;"
                        + " add rule inet guard forwarded counter reject with icmpx admin-prohibited'",
                "nft delete table inet guard");

        private final String chain;
        private final String begin;
        private final String end;

        Other(String chain, String begin, String end) {
            this.chain = chain;
            this.begin = begin;
            this.end = end;
        }
    }

    @ParameterizedTest
    @EnumSource(Other.class)
    @RequiresProgram({"nft", "iptables-nft", "iptables-legacy"})
    void othersThatStandInTheWayAreNamedWithWhatHelps(Other other) throws Exception {
        firewall.add(RED);
        firewall.publish(List.of(tcp(ALL, 8080, "198.18.1.2")));
        assertThat(firewall.obstacles()).isEmpty();
        shell(other.begin);
        try {
            assertThat(firewall.obstacles()).extracting(Obstacle::chain).containsExactly(other.chain);
            assertThat(isCutOff(red1, "198.18.9.2", 80)).isTrue();
            assertThat(isCutOff(neighbour, "198.18.9.1", 8080)).isTrue();
            assertThat(ask("127.0.0.1", 8080)).as("the host itself").isEqualTo("198.18.1.1");

            shell(firewall.obstacles().get(0).help().replace("iptables -", "iptables-nft -"));

            assertThat(askFrom(red1, "198.18.9.2", 80)).isEqualTo("198.18.9.1");
            assertThat(askFrom(neighbour, "198.18.9.1", 8080)).isEqualTo("198.18.9.2");
        } finally {
            shell(other.end);
        }
    }

    /** How others keep containers from the host, and how that is taken away again. */
    enum Guard {
        IPTABLES(
                "ip filter INPUT",
                "iptables-nft -P INPUT DROP",
                "iptables-nft -P INPUT ACCEPT; nft delete table ip filter"),
        IPTABLES_LEGACY(
                "iptables-legacy INPUT",
                "iptables-legacy -P INPUT DROP; iptables-legacy -A INPUT -p icmp -j ACCEPT",
                "iptables-legacy -P INPUT ACCEPT; iptables-legacy -F INPUT"),
        REJECTING(
                "inet guard incoming",
                "nft 'add table inet guard; add chain inet guard incoming { type filter hook input priority 10; };"
                        + " add rule inet guard incoming iifname lo accept;"
                        + " add rule inet guard incoming reject with icmpx admin-prohibited'",
                "nft delete table inet guard");

        private final String chain;
        private final String begin;
        private final String end;

        Guard(String chain, String begin, String end) {
            this.chain = chain;
            this.begin = begin;
            this.end = end;
        }
    }

    @ParameterizedTest
    @EnumSource(Guard.class)
    @RequiresProgram({"nft", "iptables-nft", "iptables-legacy"})
    void othersThatKeepContainersFromTheHostAreNamedWithWhatHelps(Guard guard) throws Exception {
        firewall.add(RED);
        try (var server = new ServerSocket(0, 50, address("198.18.1.1"))) {
            shell(guard.begin);
            try {
                assertThat(firewall.obstacles())
                        .extracting(Obstacle::way, Obstacle::chain)
                        .containsExactly(tuple(Obstacle.Way.INPUT, guard.chain));
                assertThat(isCutOff(red1, "198.18.1.1", server.getLocalPort())).isTrue();
                assertThat(askFrom(red1, "198.18.9.2", 80)).as("the outside").isEqualTo("198.18.9.1");

                shell(firewall.obstacles().get(0).help().replace("iptables -", "iptables-nft -"));

                assertThat(connects(red1, "198.18.1.1", server.getLocalPort())).isTrue();
            } finally {
                shell(guard.end);
            }
        }
    }

    @Test
    @RequiresProgram("nft")
    void helpForFirewalldIsInItsOwnWords() {
        Programs.output(
                "sh",
                "-c",
                "nft 'add table inet firewalld; add chain inet firewalld filter_FORWARD"
                        + " { type filter hook forward priority 10; }; add rule inet firewalld filter_FORWARD drop'");
        assertThat(firewall.obstacles())
                .containsExactly(new Obstacle(
                        Obstacle.Way.FORWARD,
                        "inet firewalld filter_FORWARD",
                        "firewall-cmd --permanent --zone=trusted --add-interface=cais+; firewall-cmd --reload"));
        Programs.output("nft", "delete table inet firewalld");
    }

    /** Rules that refuse some packets, and chains elsewhere, are nobody's obstacle. */
    @Test
    @RequiresProgram("nft")
    void whoRefusesOnlySomePacketsIsNoObstacle() {
        Programs.output(
                "sh",
                "-c",
                "nft 'add table ip some; add chain ip some f { type filter hook forward priority 0; };"
                        + " add rule ip some f tcp dport 22 drop;"
                        + " add chain ip some i { type filter hook input priority 0; }; add rule ip some i tcp dport 1 drop;"
                        + " add chain ip some o { type filter hook output priority 0; policy accept; };"
                        + " add rule ip some o ip daddr 192.0.2.1 drop'");
        assertThat(firewall.obstacles()).isEmpty();
        Programs.output("nft", "delete table ip some");
    }

    /** What the program nft reads in our table is what was meant. */
    @Test
    @RequiresProgram("nft")
    void nftReadsTheRulesThatItWouldHaveWritten() throws Exception {
        firewall.add(RED);
        firewall.publish(List.of(
                tcp(ALL, 8080, "198.18.1.2"),
                tcp(LOOPBACK, 8081, "198.18.1.3"),
                new PublishedPort(Protocol.UDP, address("fd00:18:9::1"), 53, address("fd00:18:1::2"), 5353)));

        try (var other = NetNamespace.create()) {
            var expected = other.call(() -> {
                Programs.output("nft", "-f", golden().toString());
                return Programs.output("nft", "list", "table", "inet", "cais-test");
            });
            assertThat(Programs.output("nft", "list", "table", "inet", "cais-test")
                            .replaceFirst(" # progname .*", "")
                            .replaceFirst("\tflags owner\n\n?", ""))
                    .isEqualTo(expected);
        }
    }

    private static Path golden() throws URISyntaxException {
        var file = FirewallTest.class.getResource("/netlink/firewall.nft");
        if (file == null) {
            throw new AssertionError("there is no golden file");
        }
        return Path.of(file.toURI());
    }

    /** Byte for byte; sets are left out, since nft puts in what only it reads. */
    @Test
    void chainsRulesAndCountersAreThoseThatNftWouldSend() {
        var ours = FilterRules.of(new NftTable("cais-test")).stream()
                .map(FirewallTest::sent)
                .filter(FirewallTest::isChainRuleOrCounter)
                .toList();
        assertThat(ours).hasSize(8 + 23 + 3);
        var theirs = new ArrayList<>(Golden.messages("firewall"));
        theirs.removeIf(message -> !isChainRuleOrCounter(message));
        theirs.removeAll(ours);
        assertThat(theirs).isEmpty();
    }

    private static String sent(Request request) {
        return HexFormat.of()
                .formatHex(ByteBuffer.allocate(16 + request.body().length)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putInt(16 + request.body().length)
                        .putShort((short) request.type())
                        .putShort((short) request.flags())
                        .putLong(0)
                        .put(request.body())
                        .array());
    }

    private static boolean isChainRuleOrCounter(String message) {
        return List.of("030a", "060a", "120a").contains(message.substring(8, 12));
    }

    @Test
    void portsAndFamiliesAreChecked() {
        assertThatThrownBy(() -> tcp(ALL, 0, "198.18.1.2"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot publish a port: host port 0 is out of range; choose 1 to 65535");
        assertThatThrownBy(() -> tcp(ALL, 80, "fd00:18:1::2"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot publish 0.0.0.0:80 for [fd00:18:1:0:0:0:0:2]:80: one address is of IPv4, the other"
                        + " of IPv6");
    }
}
