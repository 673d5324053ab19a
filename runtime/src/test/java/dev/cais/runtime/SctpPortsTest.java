package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ConflictException;
import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.NetworkSpec;
import dev.cais.PortBinding;
import dev.cais.PortMapping;
import dev.cais.Protocol;
import dev.cais.Subnet;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.NetNamespace;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import dev.cais.linux.Abi;
import dev.cais.linux.Fd;
import dev.cais.linux.InetSocket;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.net.InetSocketAddress;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Published ports of SCTP carry messages. */
@RequiresRoot
@RequiresFeature({Feature.OWN_NETWORK, Feature.NF_TABLES, Feature.SCTP})
@LeakChecked
@Timeout(120)
class SctpPortsTest {
    private static final int PORT = 7000;
    private static final ContainerSpec IDLE = ContainerSpec.of("busybox").command("sleep", "1000");

    /** Sockets as the seam makes them do not wait, those of this test do. */
    private static InetSocket socket(String like) {
        return waiting(InetSocket.open(Subnet.parseAddress(like), Abi.SOCK_STREAM, Abi.IPPROTO_SCTP));
    }

    private static InetSocket waiting(InetSocket socket) {
        Syscalls.checked(
                "cannot make a socket wait",
                Syscall.FCNTL,
                Syscalls.call(Syscall.FCNTL, socket.fd().number(), Abi.F_SETFL, 0));
        return socket;
    }

    private static long move(Syscall call, InetSocket socket, byte[] bytes) {
        try (var scratch = Scratch.frame()) {
            var memory = scratch.take(bytes.length);
            memory.put(0, bytes);
            var moved = Syscalls.checked(
                    "cannot move bytes",
                    call,
                    Syscalls.call(call, socket.fd().number(), Scratch.address(memory), bytes.length));
            memory.get(0, bytes);
            return moved;
        }
    }

    /** In a container: sends back the first message of each who comes, until there were some. */
    private static FutureTask<Void> serve(InetSocket listening, int clients) {
        var task = new FutureTask<Void>(() -> {
            for (var i = 0; i < clients; i++) {
                try (var client = waiting(InetSocket.of(Fd.of(listening.accept())))) {
                    var message = new byte[4];
                    assertThat(move(Syscall.READ, client, message)).isEqualTo(message.length);
                    move(Syscall.WRITE, client, message);
                    assertThat(move(Syscall.READ, client, message)).isZero();
                }
            }
            return null;
        });
        new Thread(task, "server-of-test").start();
        return task;
    }

    private static void assertEchoes(String host, int port) {
        try (var socket = socket(host)) {
            assertThat(socket.connect(new InetSocketAddress(Subnet.parseAddress(host), port)))
                    .as("association with %s", host)
                    .isZero();
            move(Syscall.WRITE, socket, new byte[] {1, 2, 3, 4});
            var answer = new byte[4];
            assertThat(move(Syscall.READ, socket, answer)).isEqualTo(answer.length);
            assertThat(answer).containsExactly(1, 2, 3, 4);
        }
    }

    private static void assertEchoesFrom(Container client, String host, int port) {
        try (var namespace = NetNamespace.of(client.pid())) {
            namespace.call(() -> {
                assertEchoes(host, port);
                return true;
            });
        }
    }

    @Test
    void messagesComeAndGo(TestStore store) throws Exception {
        try (var engine = store.openEngineWithBusybox();
                var net = engine.networks()
                        .create(NetworkSpec.of("sctp").subnet("198.18.75.0/24").subnet("fd00:75::/64"));
                var other = engine.networks()
                        .create(NetworkSpec.of("other").subnet("198.18.76.0/24").subnet("fd00:76::/64"));
                var server = engine.containers()
                        .start(IDLE.join(net)
                                .publish(PortMapping.of(PORT)
                                        .protocol(Protocol.SCTP)
                                        .on("0.0.0.0", "::")));
                var stranger = engine.containers().start(IDLE.join(other));
                var inside = NetNamespace.of(server.pid());
                var listening = inside.call(() -> socket("::"))) {
            assertThat(listening.bind(new InetSocketAddress(Subnet.parseAddress("::"), PORT)))
                    .isZero();
            assertThat(listening.listen(5)).isZero();
            var port = server.hostPort(PORT, Protocol.SCTP);
            assertThat(server.ports()).extracting(PortBinding::relayed).containsExactly(false, false);
            assertThatThrownBy(() -> engine.containers()
                            .start(IDLE.name("late").join(net).publish("0.0.0.0:" + port + ":80/sctp")))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot start container late: 0.0.0.0:" + port + "/sctp is in use on this host;"
                            + " choose another port of the host, or leave it out for one that is free");

            var serving = serve(listening, 5);
            assertEchoes("127.0.0.1", port);
            assertEchoes("198.18.75.1", port);
            assertEchoes("fd00:75::1", port);
            assertEchoesFrom(stranger, "198.18.76.1", port);
            assertEchoesFrom(stranger, "fd00:76::1", port);
            serving.get();
        }
    }
}
