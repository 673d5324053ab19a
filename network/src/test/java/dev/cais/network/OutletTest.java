package dev.cais.network;

import static dev.cais.network.Wires.address;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
import dev.cais.linux.EventLoop;
import dev.cais.linux.Fd;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import dev.cais.network.netlink.LinkRequest;
import dev.cais.network.netlink.Netlink;
import dev.cais.network.netlink.Route;
import dev.cais.network.netlink.Rtnetlink;
import dev.cais.network.relay.Outlet;
import dev.cais.network.relay.SocketMaker;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
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
@Timeout(value = 300, unit = TimeUnit.SECONDS)
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
    private final Wires wires = new Wires(bridges, GROUP);
    private final Wires wireOutside = new Wires(host, GROUP);
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
        wires.bridge("caisred", 1001, 1);
        wires.bridge("caisblue", 1002, 2);
        wires.connect(red, 1011, 1001, 1, 2);
        wires.connect(blue, 1021, 1002, 2, 2);
        wireOutside.connect(outside, 1091, 0, 9, 2);
        wireOutside.gateway(1091, 9);
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

    @AfterEach
    void disconnect() throws Exception {
        wires.close();
        wireOutside.close();
        for (var resource : opened) {
            resource.close();
        }
    }

    /** On port 80: says who asked, and whom, with the bytes that came first. */
    private void serve(NetNamespace namespace) {
        var connections = keep(namespace.call(() -> new ServerSocket(80, 50, address("::"))));
        Answering.connections(connections, client -> {
            var in = client.getInputStream().readAllBytes();
            client.getOutputStream().write(told(client, in));
        });
        var datagrams = keep(namespace.call(() -> new DatagramSocket(new InetSocketAddress(address("::"), 80))));
        Answering.datagrams(datagrams, OutletTest::content);
    }

    private static byte[] content(DatagramPacket packet) {
        return Arrays.copyOf(packet.getData(), packet.getLength());
    }

    private static byte[] told(Socket connection, byte[] in) {
        var from = connection.getInetAddress().getHostAddress();
        var to = connection.getLocalAddress().getHostAddress();
        return (from + " asked " + to + ": " + in.length).getBytes(StandardCharsets.US_ASCII);
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
            Answering.connections(server, client -> client.getOutputStream().write(told(client, new byte[0])));
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
        Eventually.passes(() -> assertThat(firewall.drops().isolated()).isPositive());
        assertThat(ask(blue, "198.18.9.2", 1)).isEqualTo("198.18.9.1 asked 198.18.9.2: 1");
    }

    @Test
    void internalNetworkReachesTheHostAlone() throws Exception {
        firewall.add(new FilteredNetwork("caisred", true, true, true));

        assertThat(isUnreachable(red, "198.18.9.2")).isTrue();
        assertThat(isUnreachable(red, "fd00:18:9::2")).isTrue();
        Eventually.passes(() -> assertThat(firewall.drops().internal()).isGreaterThanOrEqualTo(2));
        try (var server = new ServerSocket(80, 50, address("198.18.9.1"))) {
            Answering.connections(server, client -> {});
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
