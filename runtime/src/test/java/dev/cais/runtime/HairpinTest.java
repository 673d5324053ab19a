package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.NetworkSpec;
import dev.cais.PortBinding;
import dev.cais.PortMapping;
import dev.cais.Protocol;
import dev.cais.Subnet;
import dev.cais.fixtures.Answering;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.NetNamespace;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.linux.ControlFile;
import dev.cais.network.HostSettings;
import dev.cais.network.netlink.LinkAddress;
import dev.cais.network.netlink.LinkKind;
import dev.cais.network.netlink.LinkRequest;
import dev.cais.network.netlink.Rtnetlink;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Published ports as containers use them: their own, those of a neighbour, and those of another network. */
@RequiresRoot
@RequiresFeature({Feature.OWN_NETWORK, Feature.NF_TABLES})
@LeakChecked
@Timeout(120)
class HairpinTest {
    private static final int PORT = 7000;
    private static final int PATIENCE = 60_000;
    private static final ContainerSpec IDLE = ContainerSpec.of("busybox").command("sleep", "1000");
    private static final ContainerSpec PUBLISHED = IDLE.publish(
                    PortMapping.of(PORT).on("0.0.0.0", "::"))
            .publish(PortMapping.of(PORT).on("0.0.0.0", "::").protocol(Protocol.UDP));

    /** The host's own, beside those of the bridges. */
    private static final List<String> HOST = List.of("198.19.7.1", "fd00:19:7::1");

    private static Engine engine;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
        engine.containers().create(PUBLISHED.network("bridge")).close();
    }

    /** What other classes of this JVM find. */
    private static final boolean BRIDGED_FRAMES_WERE_FILTERED = HostSettings.filtersBridgedFrames();

    @AfterEach
    void reset() {
        filterBridgedFrames(BRIDGED_FRAMES_WERE_FILTERED);
    }

    /** As where Docker or Kubernetes has been, or not. */
    private static void filterBridgedFrames(boolean value) {
        for (var name : List.of("bridge-nf-call-iptables", "bridge-nf-call-ip6tables")) {
            var result = ControlFile.tryWrite(Path.of("/proc/sys/net/bridge", name), value ? "1" : "0");
            assumeTrue(result == 0 || !value, "the kernel has no br_netfilter");
        }
    }

    private static NetworkSpec dual(String name, int number) {
        return NetworkSpec.of(name).subnet("198.18." + number + ".0/24").subnet("fd00:" + number + "::/64");
    }

    /** A link of the host's with {@link #HOST}. */
    private static final class HostLink implements AutoCloseable {
        private final Rtnetlink host = Rtnetlink.open();

        HostLink() {
            host.execute(LinkRequest.add("testlink")
                    .kind(new LinkKind.Bridge(false))
                    .up()
                    .request());
            var index = host.link("testlink").orElseThrow().index();
            for (var address : HOST) {
                var parsed = Subnet.parseAddress(address);
                host.execute(new LinkAddress(index, parsed, address.contains(":") ? 64 : 24).add());
            }
        }

        @Override
        public void close() {
            host.execute(LinkRequest.delete("testlink").request());
            host.close();
        }
    }

    /** In a container: tells who asks, by TCP and by UDP. */
    private static final class Server implements AutoCloseable {
        private final ServerSocket tcp;
        private final DatagramSocket udp;

        Server(NetNamespace namespace) {
            tcp = namespace.call(() -> new ServerSocket(PORT));
            udp = namespace.call(() -> new DatagramSocket(PORT));
            Answering.connections(tcp, client -> client.getOutputStream().write(shown(client.getInetAddress())));
            Answering.datagrams(udp, question -> shown(question.getAddress()));
        }

        private static byte[] shown(InetAddress address) {
            return address.getHostAddress().replaceFirst("%.*", "").getBytes(StandardCharsets.US_ASCII);
        }

        @Override
        public void close() throws IOException {
            tcp.close();
            udp.close();
        }
    }

    private static String askTcp(InetSocketAddress server) throws IOException {
        try (var socket = new Socket()) {
            socket.connect(server, PATIENCE);
            socket.setSoTimeout(PATIENCE);
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
        }
    }

    private static String askUdp(InetSocketAddress server) throws IOException {
        try (var socket = new DatagramSocket()) {
            socket.setSoTimeout(PATIENCE);
            socket.connect(server); // so that an answer from elsewhere is none
            socket.send(new DatagramPacket(new byte[1], 1));
            var answer = new DatagramPacket(new byte[100], 100);
            socket.receive(answer);
            return new String(answer.getData(), 0, answer.getLength(), StandardCharsets.US_ASCII);
        }
    }

    /** Whom the server sees: asked from inside a container, at an address of the host, by both protocols. */
    private static String ask(Container client, String host, Container server) {
        try (var namespace = NetNamespace.of(client.pid())) {
            return namespace.call(() -> {
                var address = Subnet.parseAddress(host);
                var tcp = askTcp(new InetSocketAddress(address, server.hostPort(PORT)));
                var udp = askUdp(new InetSocketAddress(address, server.hostPort(PORT, Protocol.UDP)));
                assertThat(udp).isEqualTo(tcp);
                return tcp;
            });
        }
    }

    private static String shown(String address) {
        return Subnet.parseAddress(address).getHostAddress();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aPublishedPortIsReachedFromEveryContainer(boolean bridgedFramesToo) throws Exception {
        filterBridgedFrames(bridgedFramesToo);
        try (var link = new HostLink();
                var net = engine.networks().create(dual("near", 71));
                var other = engine.networks().create(dual("far", 72));
                var server = engine.containers().start(PUBLISHED.join(net));
                var neighbour = engine.containers().start(IDLE.join(net));
                var stranger = engine.containers().start(IDLE.join(other));
                var inside = NetNamespace.of(server.pid());
                var serving = new Server(inside)) {
            assertThat(server.ports()).extracting(PortBinding::relayed).containsOnly(false);
            assertThat(link.host.link("testlink")).isPresent();
            assertThat(serving.tcp.isBound()).isTrue();
            for (var ipv6 : new boolean[] {false, true}) {
                var gateway = ipv6 ? "fd00:71::1" : "198.18.71.1";
                var gatewayOfOther = ipv6 ? "fd00:72::1" : "198.18.72.1";
                for (var address : List.of(gateway, HOST.get(ipv6 ? 1 : 0), gatewayOfOther)) {
                    // answers within a network would take the short way, so the host stands in between
                    assertThat(ask(server, address, server))
                            .as("its own at %s", address)
                            .isEqualTo(shown(gateway));
                    assertThat(ask(neighbour, address, server))
                            .as("a neighbour's at %s", address)
                            .isEqualTo(shown(gateway));
                    assertThat(ask(stranger, address, server))
                            .as("a stranger's at %s", address)
                            .isEqualTo(shown(ipv6 ? "fd00:72::2" : "198.18.72.2"));
                }
            }
        }
    }

    /** As when Docker is started beside containers that run. */
    @Test
    void ownPortsAreReachedWhenBridgedFramesAreFilteredLater() throws Exception {
        filterBridgedFrames(false);
        try (var net = engine.networks().create(dual("before", 74));
                var server = engine.containers().start(PUBLISHED.join(net));
                var inside = NetNamespace.of(server.pid());
                var serving = new Server(inside)) {
            assertThat(serving.tcp.isBound()).isTrue();
            filterBridgedFrames(true);
            try (var next = engine.containers().start(IDLE.join(net))) {
                for (var gateway : List.of("198.18.74.1", "fd00:74::1")) {
                    assertThat(ask(server, gateway, server))
                            .as("%s is here", next)
                            .isEqualTo(shown(gateway));
                }
            }
        }
    }

    @Test
    void whoIsKeptFromItsNeighboursReachesWhatTheyPublish() throws Exception {
        filterBridgedFrames(false);
        try (var net = engine.networks().create(dual("apart", 73).withoutInterContainer());
                var server = engine.containers().start(PUBLISHED.join(net));
                var neighbour = engine.containers().start(IDLE.join(net));
                var inside = NetNamespace.of(server.pid());
                var serving = new Server(inside)) {
            assertThat(serving.tcp.isBound()).isTrue();
            for (var gateway : List.of("198.18.73.1", "fd00:73::1")) {
                assertThat(ask(server, gateway, server)).isEqualTo(shown(gateway));
                assertThat(ask(neighbour, gateway, server)).isEqualTo(shown(gateway));
            }
        }
    }
}
