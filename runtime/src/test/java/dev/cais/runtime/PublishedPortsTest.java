package dev.cais.runtime;

import static dev.cais.Ready.listening;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ConflictException;
import dev.cais.ContainerSpec;
import dev.cais.EndpointSpec;
import dev.cais.Engine;
import dev.cais.NetworkSpec;
import dev.cais.NotFoundException;
import dev.cais.PortBinding;
import dev.cais.PortMapping;
import dev.cais.Protocol;
import dev.cais.Subnet;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.NetNamespace;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.network.netlink.LinkAddress;
import dev.cais.network.netlink.LinkKind;
import dev.cais.network.netlink.LinkRequest;
import dev.cais.network.netlink.Route;
import dev.cais.network.netlink.Rtnetlink;
import java.io.IOException;
import java.net.ConnectException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Ways into a network and out of it: from the host, from another host, between networks. */
@RequiresRoot
@RequiresFeature({Feature.OWN_NETWORK, Feature.NF_TABLES})
@LeakChecked
@Timeout(120)
class PublishedPortsTest {
    private static final Duration LONG = Duration.ofSeconds(30);
    private static final int PATIENCE = 30_000;
    private static final int MOMENT = 1_000;

    private static Engine engine;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
        engine.containers()
                .create(ECHO.publish(80))
                .close(); // the engine opens its sockets, and makes the default network
    }

    private static ContainerSpec sh(String script) {
        return ContainerSpec.of("busybox").command("sh", "-c", script);
    }

    /** Says who asks. */
    private static final ContainerSpec SERVER = sh("""
            mkdir -p /www/cgi-bin
            printf '#!/bin/sh\\necho\\necho from $REMOTE_ADDR\\n' >/www/cgi-bin/who
            chmod +x /www/cgi-bin/who
            exec httpd -f -p 80 -h /www
            """);

    private static final ContainerSpec ECHO = sh("exec nc -ll -p 80 -e cat");

    /** Inside a container, whose image has no program that answers datagrams. */
    static final class UdpEcho {
        private UdpEcho() {}

        public static void main(String[] arguments) throws IOException {
            try (var socket = new DatagramSocket(5353)) {
                System.out.println("ready");
                var packet = new DatagramPacket(new byte[100], 100);
                socket.receive(packet);
                socket.send(packet);
            }
        }
    }

    private static void assertEchoes(InetAddress address, int port) throws IOException {
        try (var socket = new Socket(address, port)) {
            socket.setSoTimeout(PATIENCE);
            socket.getOutputStream().write("ping\n".getBytes(StandardCharsets.US_ASCII));
            assertThat(socket.getInputStream().readNBytes(5)).asString().isEqualTo("ping\n");
        }
    }

    private static InetAddress address(String number) {
        return Subnet.parseAddress(number);
    }

    @Test
    void aPortOfLoopbackLeadsToTheContainers() throws Exception {
        try (var echo = engine.containers().start(ECHO.publish(80))) {
            echo.awaitReady(listening(80), LONG);

            assertThat(echo.ports())
                    .containsExactly(new PortBinding(address("127.0.0.1"), echo.hostPort(80), 80, Protocol.TCP, false));
            assertEchoes(address("127.0.0.1"), echo.hostPort(80));
            assertEchoes(echo.endpoints().get(0).addresses().get(0), 80);
            // no other address of the host
            var gateway = engine.networks().get("bridge").gateways().get(0);
            assertThatThrownBy(() -> new Socket(gateway, echo.hostPort(80)).close())
                    .isInstanceOf(ConnectException.class);
        }
    }

    @Test
    void aPortIsOfTheCallersChoiceAndOnlyOnes() throws Exception {
        int port;
        try (var socket = new ServerSocket(0, 1, address("127.0.0.1"))) {
            port = socket.getLocalPort();
            assertThatThrownBy(() -> engine.containers().start(ECHO.name("late").publish(port, 80)))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot start container late: 127.0.0.1:" + port + "/tcp is in use on this host;"
                            + " choose another port of the host, or leave it out for one that is free");
        }
        try (var echo = engine.containers().start(ECHO.publish(port, 80))) {
            echo.awaitReady(listening(80), LONG);
            assertEchoes(address("127.0.0.1"), port);
            assertThatThrownBy(() -> new ServerSocket(port, 1, address("127.0.0.1")).close())
                    .isInstanceOf(IOException.class);
            assertThatThrownBy(() -> engine.containers().start(ECHO.name("late").publish(port, 80)))
                    .isInstanceOf(ConflictException.class);

            echo.restart(Duration.ZERO);

            echo.awaitReady(listening(80), LONG);
            assertEchoes(address("127.0.0.1"), port);
        }
        // it is free again at once, for a container
        try (var echo = engine.containers().start(ECHO.publish(port, 80))) {
            assertThat(echo.hostPort(80)).isEqualTo(port);
        }
    }

    @Test
    void aPortThatWasChosenIsKeptWhenTheContainerIsStartedAgain() {
        try (var echo = engine.containers().start(ECHO.publish(80))) {
            var port = echo.hostPort(80);
            echo.stop(Duration.ZERO);
            assertThat(echo.ports()).isEmpty();
            assertThatThrownBy(() -> echo.hostPort(80)).isInstanceOf(ConflictException.class);
            echo.start();
            assertThat(echo.hostPort(80)).isEqualTo(port);
        }
    }

    @Test
    void ofARangeTheFirstFreeOneIsTaken() throws Exception {
        try (var socket = new ServerSocket(0, 1, address("127.0.0.1"))) {
            var taken = socket.getLocalPort();
            try (var echo =
                    engine.containers().start(ECHO.publish("127.0.0.1:" + taken + "-" + (taken + 20) + ":80"))) {
                assertThat(echo.hostPort(80)).isBetween(taken + 1, taken + 20);
            }
        }
    }

    @Test
    void datagramsComeAndGo() throws Exception {
        var spec = sh("exec sleep 1000").publish(PortMapping.of(5353).protocol(Protocol.UDP));
        try (var echo = engine.containers().start(spec);
                var server = ChildJvm.start(
                        List.of("nsenter", "--net=/proc/" + echo.pid() + "/ns/net"), List.of(), UdpEcho.class);
                var socket = new DatagramSocket()) {
            assertThat(server.readLine()).isEqualTo("ready");
            socket.setSoTimeout(PATIENCE);
            var port = echo.hostPort(5353, Protocol.UDP);
            socket.send(new DatagramPacket(new byte[] {1, 2, 3}, 3, address("127.0.0.1"), port));
            var answer = new DatagramPacket(new byte[10], 10);
            socket.receive(answer);
            assertThat(answer.getLength()).isEqualTo(3);
            assertThat(answer.getPort()).isEqualTo(port);
            assertThatThrownBy(() -> echo.hostPort(5353))
                    .isInstanceOf(NotFoundException.class)
                    .hasMessageStartingWith(
                            "cannot find port 5353/tcp of container " + echo.name() + ": it is not published");
        }
    }

    /** Starts a container, whose server answers one datagram. */
    private static void assertAnswers(DatagramSocket client, EndpointSpec place, int port) throws IOException {
        var spec = sh("exec sleep 1000").publish(PortMapping.of(port, 5353).protocol(Protocol.UDP));
        try (var container = engine.containers().start(spec.join(place));
                var server = ChildJvm.start(
                        List.of("nsenter", "--net=/proc/" + container.pid() + "/ns/net"), List.of(), UdpEcho.class)) {
            assertThat(server.readLine()).isEqualTo("ready");
            client.send(new DatagramPacket(new byte[] {1, 2, 3}, 3, address("127.0.0.1"), port));
            client.receive(new DatagramPacket(new byte[10], 10));
        }
        ((LocalEngine) engine).networks().departures().await();
    }

    @Test
    void aClientThatGoesOnSendingDatagramsReachesTheNextContainer() throws Exception {
        int port;
        try (var free = new DatagramSocket(0, address("127.0.0.1"))) {
            port = free.getLocalPort();
        }
        try (var net = engine.networks().create(NetworkSpec.of("udp").subnet("198.18.7.0/24"));
                var client = new DatagramSocket()) {
            client.setSoTimeout(PATIENCE);
            assertAnswers(client, EndpointSpec.of(net).address("198.18.7.10"), port);
            assertAnswers(client, EndpointSpec.of(net).address("198.18.7.20"), port);
        }
    }

    @Test
    void aDatagramThatComesTooEarlyKeepsNoneOfTheNext() throws Exception {
        int port;
        try (var free = new DatagramSocket(0, address("127.0.0.1"))) {
            port = free.getLocalPort();
        }
        try (var client = new DatagramSocket()) {
            client.setSoTimeout(PATIENCE);
            client.send(new DatagramPacket(new byte[] {1, 2, 3}, 3, address("127.0.0.1"), port));
            assertAnswers(client, EndpointSpec.of("bridge"), port);
        }
    }

    @Test
    void aNetworkIsNotReachedFromAnother() {
        try (var one = engine.networks().create("one");
                var two = engine.networks().create("two");
                var echo = engine.containers().start(ECHO.join(one).publish(80))) {
            echo.awaitReady(listening(80), LONG);
            var before = engine.networks().drops();
            var inOther = sh("nc -w 2 " + echo.address(one).getHostAddress() + " 80 </dev/null; echo $?")
                    .join(two);
            assertThat(engine.containers().run(inOther).stdout()).isEqualTo("1\n");
            assertThat(engine.networks().drops().isolated()).isGreaterThan(before.isolated());
            assertThat(engine.networks().drops().internal()).isEqualTo(before.internal());
            var inSame = sh("nc -w 60 " + echo.address(one).getHostAddress() + " 80 </dev/null; echo $?")
                    .join(one);
            assertThat(engine.containers().run(inSame).stdout()).isEqualTo("0\n");
        }
    }

    @Test
    void containersMayBeKeptFromEachOther() {
        try (var net = engine.networks().create(NetworkSpec.of("apart").withoutInterContainer());
                var echo = engine.containers().start(ECHO.join(net))) {
            echo.awaitReady(listening(80), LONG);
            var inSame = sh("nc -w 2 " + echo.address(net).getHostAddress() + " 80 </dev/null; echo $?")
                    .join(net);
            assertThat(engine.containers().run(inSame).stdout()).isEqualTo("1\n");
        }
    }

    @Test
    void anotherHostIsReachedButNotFromInside() throws Exception {
        try (var other = new OtherHost();
                var internal =
                        engine.networks().create(NetworkSpec.of("internal").asInternal());
                var server = other.listen()) {
            var there = " 198.19.0.2 " + server.getLocalPort() + " </dev/null";
            var inVain = "nc -w 5" + there;
            var seen = new FutureTask<>(() -> {
                try (var client = server.accept()) {
                    client.getOutputStream().write("seen\n".getBytes(StandardCharsets.US_ASCII));
                    return client.getInetAddress();
                }
            });
            new Thread(seen, "test-server").start();

            assertThat(engine.containers().run(sh(inVain)).stdout())
                    .isEmpty(); // no default network: nothing but loopback
            assertThat(engine.containers()
                            .run(sh(inVain + "; ip route").join(internal))
                            .stdout())
                    .doesNotContain("seen", "default");
            assertThat(engine.containers()
                            .run(sh("nc -w 60" + there).network("bridge"))
                            .stdout())
                    .isEqualTo("seen\n");
            assertThat(seen.get()).isEqualTo(address("198.19.0.1"));
        }
    }

    @Test
    void anotherHostReachesWhatIsPublishedForIt() throws Exception {
        try (var other = new OtherHost();
                var open = engine.containers().start(SERVER.publish("0.0.0.0::80"));
                var closed = engine.containers().start(SERVER.publish(80))) {
            open.awaitReady(listening(80), LONG);
            closed.awaitReady(listening(80), LONG);

            assertThat(other.ask(address("198.19.0.1"), open.hostPort(80), PATIENCE))
                    .contains("198.19.0.2");
            assertThatThrownBy(() -> other.ask(address("198.19.0.1"), closed.hostPort(80), PATIENCE))
                    .isInstanceOf(AssertionError.class)
                    .hasCauseInstanceOf(ConnectException.class);
            // nor does it come in behind
            var inside = closed.endpoints().get(0).addresses().get(0);
            other.routeHere(Subnet.around(inside, 24));
            assertThatThrownBy(() -> other.ask(inside, 80, MOMENT))
                    .isInstanceOf(AssertionError.class)
                    .hasCauseInstanceOf(SocketTimeoutException.class);
        }
    }

    /** A host beside this one: 198.19.0.2, where this one is 198.19.0.1. */
    private static final class OtherHost implements AutoCloseable {
        private static final String LINK = "testhost";

        private final NetNamespace namespace = NetNamespace.create();
        private final Rtnetlink here = Rtnetlink.open();
        private final Rtnetlink there = namespace.call(Rtnetlink::open);

        OtherHost() {
            var eth0 = LinkRequest.add("eth0").namespace(namespace.fd());
            here.execute(
                    LinkRequest.add(LINK).kind(new LinkKind.Veth(eth0)).up().request());
            here.execute(new LinkAddress(here.link(LINK).orElseThrow().index(), address("198.19.0.1"), 24).add());
            var index = there.link("eth0").orElseThrow().index();
            there.execute(
                    LinkRequest.change(index).up().request(), new LinkAddress(index, address("198.19.0.2"), 24).add());
        }

        ServerSocket listen() {
            return namespace.call(() -> new ServerSocket(0, 5, address("198.19.0.2")));
        }

        /** What the server says of who asks, if it takes the connection within that many milliseconds. */
        String ask(InetAddress host, int port, int patience) {
            return namespace.call(() -> {
                try (var socket = new Socket()) {
                    socket.connect(new InetSocketAddress(host, port), patience);
                    socket.setSoTimeout(PATIENCE);
                    socket.getOutputStream()
                            .write("GET /cgi-bin/who HTTP/1.0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
                    var answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
                    return answer.substring(answer.indexOf("from"));
                }
            });
        }

        void routeHere(Subnet subnet) {
            there.execute(Route.via(subnet, address("198.19.0.1")).add());
        }

        @Override
        public void close() {
            here.execute(LinkRequest.delete(LINK).request());
            here.close();
            there.close();
            namespace.close();
        }
    }
}
