package dev.cais.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.Subnet;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.NetNamespace;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.linux.Abi;
import dev.cais.linux.ControlFile;
import dev.cais.linux.EventLoop;
import dev.cais.linux.Fd;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import dev.cais.network.netlink.LinkAddress;
import dev.cais.network.netlink.LinkKind.Bridge;
import dev.cais.network.netlink.LinkKind.Veth;
import dev.cais.network.netlink.LinkRequest;
import dev.cais.network.netlink.Netlink;
import dev.cais.network.netlink.Route;
import dev.cais.network.netlink.Rtnetlink;
import dev.cais.network.relay.Outlet;
import dev.cais.network.relay.SocketMaker;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Two bridges in a namespace that has no way to the outside, as that of an engine without root: 198.18.1.0/24 ({@code red}) and
 * 198.18.2.0/24 ({@code blue}). This process is on the host, 198.18.9.1, and the outside is 198.18.9.2. What stands for the host inside
 * is a gateway.
 */
@RequiresRoot
@RequiresFeature({Feature.OWN_NETWORK, Feature.NF_TABLES})
@LeakChecked
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class OutletTest {
    private static final int GROUP = 0x7a12;
    private static final int REFUSED_MILLIS = 300;
    private static final int LONG_MILLIS = 30_000;
    private static final FilteredNetwork RED = new FilteredNetwork("caisred", false, true, true);
    private static final FilteredNetwork BLUE = new FilteredNetwork("caisblue", false, true, true);

    private final List<AutoCloseable> opened = new ArrayList<>();
    private final NetNamespace side = keep(NetNamespace.create());
    private final NetNamespace red = keep(NetNamespace.create());
    private final NetNamespace blue = keep(NetNamespace.create());
    private final NetNamespace outside = keep(NetNamespace.create());
    private final Rtnetlink host = keep(Rtnetlink.open());
    private final Rtnetlink bridges = keep(side.call(Rtnetlink::open));
    private final Firewall firewall = keep(Firewall.openWithOutlet("cais-test", side.call(OutletTest::netfilter)));
    private final EventLoop loop = keep(new EventLoop("cais-test"));

    private <T extends AutoCloseable> T keep(T resource) {
        opened.add(0, resource);
        return resource;
    }

    private static Fd netfilter() {
        return Fd.of(Syscalls.checked(
                "cannot open a socket",
                Syscall.SOCKET,
                Syscalls.call(
                        Syscall.SOCKET,
                        Abi.AF_NETLINK,
                        Abi.SOCK_RAW | Abi.SOCK_CLOEXEC,
                        Netlink.Family.NETFILTER.number())));
    }

    @BeforeEach
    void connect() {
        side.call(() -> {
            HostSettings.ofOwnNamespace().forEach(ControlFile::tryWrite);
            return 0;
        });
        bridges.execute(
                LinkRequest.change(1).up().request(),
                Route.allIsHere(false).add(),
                Route.allIsHere(true).add());
        bridge("caisred", 1001, 1);
        bridge("caisblue", 1002, 2);
        container(bridges, red, 1011, 1001, 1);
        container(bridges, blue, 1021, 1002, 2);
        container(host, outside, 1091, 0, 9);
        host.execute(
                new LinkAddress(1091, address("198.18.9.1"), 24).add(),
                new LinkAddress(1091, address("fd00:18:9::1"), 64).add());
        keep(Outlet.open(
                loop,
                (like, protocol) -> side.call(() -> SocketMaker.HERE.open(like, protocol)),
                true,
                OutletTest::way));
        serve(outside);
    }

    /** Gateways stand for the host's own address. */
    private static Optional<InetSocketAddress> way(InetSocketAddress asked) {
        return switch (asked.getAddress().getHostAddress()) {
            case "198.18.1.1", "198.18.2.1" ->
                Optional.of(new InetSocketAddress(address("198.18.9.1"), asked.getPort()));
            case "198.18.9.66" -> Optional.empty();
            default -> Optional.of(asked);
        };
    }

    private void bridge(String name, int index, int subnet) {
        bridges.execute(
                LinkRequest.add(name)
                        .kind(new Bridge(false))
                        .index(index)
                        .group(GROUP)
                        .request(),
                LinkRequest.change(index).withoutLinkLocal().request(),
                LinkRequest.change(index).up().request(),
                new LinkAddress(index, address("198.18." + subnet + ".1"), 24).add(),
                new LinkAddress(index, address("fe80::1"), 64).add(),
                new LinkAddress(index, address("fd00:18:" + subnet + "::1"), 64).add());
    }

    private static void container(Rtnetlink from, NetNamespace namespace, int index, int master, int subnet) {
        var eth0 = LinkRequest.add("eth0").namespace(namespace.fd()).index(2);
        from.execute(LinkRequest.add("caisv" + index)
                .kind(new Veth(eth0))
                .index(index)
                .master(master)
                .group(GROUP)
                .up()
                .request());
        try (var inside = namespace.call(Rtnetlink::open)) {
            inside.execute(
                    LinkRequest.change(1).up().request(),
                    LinkRequest.change(2).up().request(),
                    new LinkAddress(2, address("198.18." + subnet + ".2"), 24).add(),
                    new LinkAddress(2, address("fd00:18:" + subnet + "::2"), 64).add(),
                    Route.byDefault(address("198.18." + subnet + ".1"), 2).add(),
                    Route.byDefault(address("fd00:18:" + subnet + "::1"), 2).add());
        }
    }

    @AfterEach
    void disconnect() throws Exception {
        for (var socket : List.of(bridges, host)) {
            if (socket.links().stream().anyMatch(link -> link.group() == GROUP)) {
                socket.execute(LinkRequest.deleteGroup(GROUP).request());
            }
        }
        for (var resource : opened) {
            resource.close();
        }
    }

    private static InetAddress address(String text) {
        return Subnet.parseAddress(text);
    }

    /** On port 80: says who asked, and whom, with the bytes that came first. */
    private void serve(NetNamespace namespace) {
        var connections = keep(namespace.call(() -> new ServerSocket(80, 50, address("::"))));
        background(() -> {
            try (var connection = connections.accept()) {
                var in = connection.getInputStream().readAllBytes();
                connection.getOutputStream().write(told(connection, in));
            }
        });
        var datagrams = keep(namespace.call(() -> new DatagramSocket(new InetSocketAddress(address("::"), 80))));
        background(() -> {
            var packet = new DatagramPacket(new byte[100], 100);
            datagrams.receive(packet);
            datagrams.send(packet);
        });
    }

    private static byte[] told(Socket connection, byte[] in) {
        var from = connection.getInetAddress().getHostAddress();
        var to = connection.getLocalAddress().getHostAddress();
        return (from + " asked " + to + ": " + in.length).getBytes(StandardCharsets.US_ASCII);
    }

    private interface Turn {
        void run() throws IOException;
    }

    private static void background(Turn turn) {
        var thread = new Thread(
                () -> {
                    try {
                        while (true) {
                            turn.run();
                        }
                    } catch (IOException e) {
                        return; // closed
                    }
                },
                "test-server");
        thread.setDaemon(true);
        thread.start();
    }

    private static String ask(NetNamespace from, String whom, int size) {
        return from.call(() -> {
            try (var socket = new Socket()) {
                socket.connect(new InetSocketAddress(address(whom), 80), LONG_MILLIS);
                socket.getOutputStream().write(new byte[size]);
                socket.shutdownOutput();
                return new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
            }
        });
    }

    /** Connected, so that only answers from whom was asked are seen. */
    private DatagramSocket datagrams(NetNamespace from, String whom) {
        return keep(from.call(() -> {
            var socket = new DatagramSocket();
            socket.connect(new InetSocketAddress(address(whom), 80));
            socket.setSoTimeout(LONG_MILLIS);
            return socket;
        }));
    }

    private static String exchange(DatagramSocket socket, String content) throws IOException {
        var bytes = content.getBytes(StandardCharsets.US_ASCII);
        socket.send(new DatagramPacket(bytes, bytes.length));
        var packet = new DatagramPacket(new byte[100], 100);
        socket.receive(packet);
        return new String(packet.getData(), 0, packet.getLength(), StandardCharsets.US_ASCII);
    }

    private static boolean isUnreachable(NetNamespace namespace, String whom) {
        return namespace.call(() -> {
            try (var socket = new Socket()) {
                socket.connect(new InetSocketAddress(address(whom), 80), REFUSED_MILLIS);
                return false;
            } catch (SocketTimeoutException e) {
                return true;
            }
        });
    }

    @ParameterizedTest
    @CsvSource({"198.18.9.2, 198.18.9.1", "fd00:18:9::2, fd00:18:9:0:0:0:0:1"})
    void connectionsReachTheOutsideFromTheHost(String whom, String who) {
        firewall.add(RED);

        assertThat(ask(red, whom, 3_000_000))
                .isEqualTo(who + " asked " + address(whom).getHostAddress() + ": 3000000");
    }

    @ParameterizedTest
    @ValueSource(strings = {"198.18.9.2", "fd00:18:9::2"})
    void datagramsAreAnsweredByWhomWasAsked(String whom) throws Exception {
        firewall.add(RED);
        var first = datagrams(red, whom);
        var second = datagrams(red, whom);

        assertThat(exchange(first, "one")).isEqualTo("one");
        assertThat(exchange(second, "two")).isEqualTo("two");
        assertThat(exchange(first, "three")).as("by a socket of its own").isEqualTo("three");
        assertThat(exchange(second, "four")).isEqualTo("four");
    }

    @Test
    void theGatewayStandsForTheHost() throws Exception {
        firewall.add(RED);
        try (var local = new ServerSocket(80, 50, address("127.0.0.1"))) {
            assertThatThrownBy(() -> ask(red, "198.18.1.1", 1))
                    .as("only on loopback: %s", local)
                    .hasCauseInstanceOf(SocketException.class);
        }
        try (var server = new ServerSocket(80, 50, address("198.18.9.1"))) {
            background(() -> {
                try (var connection = server.accept()) {
                    connection.getOutputStream().write(told(connection, new byte[0]));
                }
            });
            assertThat(ask(red, "198.18.1.1", 0)).isEqualTo("198.18.9.1 asked 198.18.9.1: 0");
        }
    }

    @Test
    void whatIsRefusedIsReset() {
        firewall.add(RED);

        assertThatThrownBy(() -> ask(red, "198.18.9.66", 1)).as("no way").hasCauseInstanceOf(SocketException.class);
        assertThatThrownBy(() -> ask(red, "198.18.9.1", 1))
                .as("nobody listens")
                .hasCauseInstanceOf(SocketException.class);
    }

    @Test
    void networksDoNotReachEachOther() {
        firewall.add(RED);
        firewall.add(BLUE);
        serve(blue);

        assertThat(isUnreachable(red, "198.18.2.2")).isTrue();
        assertThat(firewall.drops().isolated()).isPositive();
        assertThat(ask(blue, "198.18.9.2", 1)).isEqualTo("198.18.9.1 asked 198.18.9.2: 1");
    }

    @Test
    void internalNetworkReachesTheHostAlone() throws Exception {
        firewall.add(new FilteredNetwork("caisred", true, true, true));

        assertThat(isUnreachable(red, "198.18.9.2")).isTrue();
        assertThat(isUnreachable(red, "fd00:18:9::2")).isTrue();
        assertThat(firewall.drops().internal()).isGreaterThanOrEqualTo(2);
        try (var server = new ServerSocket(80, 50, address("198.18.9.1"))) {
            background(() -> server.accept().close());
            assertThat(ask(red, "198.18.1.1", 0)).isEmpty();
        }
    }

    /** All the world is local there, so without a rule the kernel would answer. */
    @ParameterizedTest
    @ValueSource(strings = {"198.18.9.2", "fd00:18:9::2"})
    void anEchoIsNotAnsweredInTheNameOfOthers(String whom) {
        firewall.add(RED);

        assertThat(red.<Boolean>call(() -> address(whom).isReachable(REFUSED_MILLIS)))
                .isFalse();
        assertThat(red.<Boolean>call(() -> address("198.18.1.1").isReachable(LONG_MILLIS)))
                .as("the gateway's own")
                .isTrue();
    }

    /** The program nft reads the same as where it was told them itself. */
    @ParameterizedTest
    @ValueSource(strings = {"outlet", "input"})
    @RequiresProgram("nft")
    void rulesAreThoseThatNftWouldBeTold(String chain) throws Exception {
        var file = OutletTest.class.getResource("/netlink/outlet.nft");
        var told = keep(NetNamespace.create());
        var expected = told.call(() -> {
            Programs.output(
                    "nft", "-f", Path.of(Objects.requireNonNull(file).toURI()).toString());
            return Programs.output("nft", "list", "chain", "inet", "cais-test", chain);
        });

        assertThat(side.call(() -> Programs.output("nft", "list", "chain", "inet", "cais-test", chain))
                        .replaceFirst(" # progname .*", "")
                        .replaceFirst("\tflags owner\n\n?", ""))
                .isEqualTo(expected);
    }
}
