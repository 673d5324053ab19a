package dev.cais.runtime;

import static dev.cais.Ready.listening;
import static dev.cais.runtime.EchoServer.assertEchoes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.EngineOptions;
import dev.cais.NetworkSpec;
import dev.cais.PortBinding;
import dev.cais.PortMapping;
import dev.cais.Protocol;
import dev.cais.Subnet;
import dev.cais.UnsupportedHostException;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.io.IOException;
import java.net.ConnectException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Published ports that the engine's process carries itself. */
@RequiresRoot
@RequiresFeature({Feature.OWN_NETWORK, Feature.NF_TABLES})
@LeakChecked
@Timeout(120)
class RelayedPortsTest {
    private static final Duration LONG = Duration.ofSeconds(30);
    private static final int PATIENCE = 30_000;
    private static final InetAddress LOOPBACK = Subnet.parseAddress("127.0.0.1");
    private static final InetAddress LOOPBACK6 = Subnet.parseAddress("::1");

    private Engine engine;

    /** Each its own: a relay keeps the pipes that it has made. */
    @BeforeEach
    void open(Engine opened) {
        engine = opened;
    }

    @Test
    void aPortOfBothLoopbacksIsTheSameAndLeadsToTheContainer() throws Exception {
        int port;
        try (var echo = engine.containers()
                .start(EchoServer.SPEC.publish(PortMapping.of(80).on("127.0.0.1", "::1")))) {
            echo.awaitReady(listening(80), LONG);
            port = echo.hostPort(80);

            assertThat(echo.ports())
                    .containsExactly(
                            new PortBinding(LOOPBACK, port, 80, Protocol.TCP, false),
                            new PortBinding(LOOPBACK6, port, 80, Protocol.TCP, true));
            assertThat(echo.ports().get(1)).hasToString("[0:0:0:0:0:0:0:1]:" + port + "->80/tcp, relayed");
            assertEchoes(LOOPBACK, port);
            assertEchoes(LOOPBACK6, port);

            echo.restart(Duration.ZERO);

            echo.awaitReady(listening(80), LONG);
            assertThat(echo.hostPort(80)).isEqualTo(port);
            assertEchoes(LOOPBACK, port);
            assertEchoes(LOOPBACK6, port);
        }
        try (var free = engine.containers().start(EchoServer.SPEC.publish("[::1]:" + port + ":80"))) {
            assertThat(free.hostPort(80)).isEqualTo(port);
        }
    }

    @Test
    void aPortOfAllOfIpv6LeadsToAContainerThatHasNone() throws Exception {
        try (var echo = engine.containers()
                .start(EchoServer.SPEC.publish(PortMapping.of(80).on("::", "0.0.0.0")))) {
            echo.awaitReady(listening(80), LONG);

            assertThat(echo.ports()).extracting(PortBinding::relayed).containsExactly(true, false);
            assertEchoes(LOOPBACK6, echo.hostPort(80));
            assertEchoes(LOOPBACK, echo.hostPort(80));
        }
    }

    @Test
    void aPortOfAllOfIpv6IsOnItsLoopbackToo() throws Exception {
        try (var net = engine.networks().create(NetworkSpec.of("six").withIpv6());
                var echo = engine.containers().start(EchoServer.SPEC.join(net).publish("[::]::80"))) {
            echo.awaitReady(listening(80), LONG);

            assertThat(echo.ports()).extracting(PortBinding::relayed).containsExactly(false);
            assertEchoes(LOOPBACK6, echo.hostPort(80));
            assertEchoes(net.gateways().get(1), echo.hostPort(80));
        }
    }

    @Test
    void datagramsAreRelayed() throws Exception {
        var spec = ContainerSpec.of("busybox")
                .command("sleep", "1000")
                .publish(PortMapping.of(5353).protocol(Protocol.UDP).on("::1"));
        try (var container = engine.containers().start(spec);
                var server = ChildJvm.start(
                        List.of("nsenter", "--net=/proc/" + container.pid() + "/ns/net"),
                        List.of(),
                        PublishedPortsTest.UdpEcho.class);
                var socket = new DatagramSocket()) {
            assertThat(server.readLine()).isEqualTo("ready");
            socket.setSoTimeout(PATIENCE);
            socket.send(new DatagramPacket(new byte[] {1, 2, 3}, 3, LOOPBACK6, container.hostPort(5353, Protocol.UDP)));
            var answer = new DatagramPacket(new byte[10], 10);
            socket.receive(answer);
            assertThat(answer.getLength()).isEqualTo(3);
        }
    }

    @Test
    void aRelayLeadsToWhereTheContainerIsNow() throws Exception {
        try (var one = engine.networks().create("here");
                var two = engine.networks().create("there");
                var echo = engine.containers().start(EchoServer.SPEC.join(one).publish("[::1]::80"))) {
            echo.awaitReady(listening(80), LONG);
            var port = echo.hostPort(80);
            try (var held = new Socket(LOOPBACK6, port)) {
                held.setSoTimeout(PATIENCE);
                held.getOutputStream().write('x');
                assertThat(held.getInputStream().read()).isEqualTo('x');

                one.disconnect(echo);
                two.connect(echo);

                assertThatThrownBy(() -> held.getInputStream().read()).isExactlyInstanceOf(SocketException.class);
            }
            assertEchoes(LOOPBACK6, port);
        }
    }

    @Test
    void aPortOfSctpIsNotRelayed() {
        assertThatThrownBy(() -> engine.containers()
                        .start(EchoServer.SPEC
                                .name("sctp")
                                .publish(PortMapping.of(80)
                                        .protocol(Protocol.SCTP)
                                        .on("::1"))))
                .isExactlyInstanceOf(UnsupportedHostException.class)
                .hasMessageMatching(
                        "cannot start container sctp: this kernel has no SCTP; load its module: modprobe sctp"
                                + "|cannot publish \\[0:0:0:0:0:0:0:1]:\\d+->80/sctp: a relay carries tcp and udp only;"
                                + " publish on another address, where nf_tables leads to one of the container's");
        assertThat(engine.containers().list()).isEmpty();
    }

    /** An engine where the kernel seems to have no netfilter. ARGS are the store. */
    static final class Unfiltered {
        private Unfiltered() {}

        public static void main(String[] arguments) throws IOException {
            forbidNetfilter();
            try (var engine = Engine.open(EngineOptions.defaults().store(Path.of(arguments[0])));
                    var net = engine.networks().create("unfiltered");
                    var echo = engine.containers()
                            .start(EchoServer.SPEC
                                    .join(net)
                                    .publish(PortMapping.of(80).on("127.0.0.1", "::1")))) {
                echo.awaitReady(listening(80), LONG);
                assertThat(echo.ports()).extracting(PortBinding::relayed).containsExactly(true, true);
                assertEchoes(LOOPBACK, echo.hostPort(80));
                assertEchoes(LOOPBACK6, echo.hostPort(80));
                var neighbour = ContainerSpec.of("busybox")
                        .command("sh", "-c", "nc " + echo.address(net).getHostAddress() + " 80 </dev/null; echo $?")
                        .join(net);
                assertThat(engine.containers().run(neighbour).stdout()).isEqualTo("0\n");
                try (var own = engine.containers()
                        .start(EchoServer.SPEC
                                .join(net)
                                .publish(PortMapping.of(80).on("0.0.0.0")))) {
                    own.awaitReady(listening(80), LONG);
                    var gateway = net.gateways().get(0).getHostAddress();
                    assertThat(own.exec("sh", "-c", "echo mine | nc -w 60 " + gateway + " " + own.hostPort(80))
                                    .stdout())
                            .isEqualTo("mine\n");
                }
                assertThatThrownBy(() ->
                                engine.networks().create(NetworkSpec.of("six").withIpv6()))
                        .isInstanceOf(UnsupportedHostException.class)
                        .hasMessage(
                                "cannot make network six with IPv6: without nf_tables, nothing keeps others out of it;"
                                        + " have it without IPv6");
                engine.info().notes().forEach(System.out::println);
                System.out.println("port " + echo.hostPort(80));
            }
            var strict = EngineOptions.defaults().store(Path.of(arguments[0])).strictLimits(true);
            try (var engine = Engine.open(strict)) {
                assertThatThrownBy(() -> engine.networks().create("strict"))
                        .isInstanceOf(UnsupportedHostException.class)
                        .hasMessage("cannot configure networks: this kernel has no netlink family NETFILTER");
            }
            System.out.println("done");
        }

        private static void forbidNetfilter() {
            var filter = ByteBuffer.allocate(48).order(ByteOrder.nativeOrder());
            put(filter, 0x20, 0, 0, 0); // load the call's number
            put(filter, 0x15, 0, 3, socketCall());
            put(filter, 0x20, 0, 0, 32); // load its third argument
            put(filter, 0x15, 0, 1, 12); // NETLINK_NETFILTER
            put(filter, 0x06, 0, 0, 0x0005_0000 | Errno.EPROTONOSUPPORT.number());
            put(filter, 0x06, 0, 0, 0x7fff_0000);
            try (var scratch = Scratch.frame()) {
                var program = scratch.words(6, scratch.bytes(filter.array()));
                var allThreads = 1;
                Syscalls.checked(
                        "cannot filter system calls",
                        Syscall.SECCOMP,
                        Syscalls.call(Syscall.SECCOMP, Abi.SECCOMP_SET_MODE_FILTER, allThreads, program));
            }
        }

        private static int socketCall() {
            return System.getProperty("os.arch").equals("aarch64") ? Syscall.SOCKET.aarch64() : Syscall.SOCKET.x86_64();
        }

        private static void put(ByteBuffer filter, int code, int whenTrue, int whenFalse, int operand) {
            filter.putShort((short) code)
                    .put((byte) whenTrue)
                    .put((byte) whenFalse)
                    .putInt(operand);
        }
    }

    @Test
    void withoutNfTablesAllPortsAreRelayed(TestStore store) {
        try (var jvm = ChildJvm.start(
                List.of(), List.of(), Unfiltered.class, store.path().toString())) {
            assertThat(jvm.readLine())
                    .isEqualTo(
                            "networks have no way to the outside, and this process relays what comes to published ports:"
                                    + " cannot configure networks: this kernel has no netlink family NETFILTER");
            var port = Integer.parseInt(jvm.readLine().substring("port ".length()));
            assertThat(jvm.readLine()).isEqualTo("done");
            assertThatThrownBy(() -> new Socket(LOOPBACK, port).close()).isInstanceOf(ConnectException.class);
        }
    }
}
