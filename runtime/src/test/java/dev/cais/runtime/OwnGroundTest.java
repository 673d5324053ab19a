package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.NetworkDriver;
import dev.cais.Subnet;
import dev.cais.UnsupportedHostException;
import dev.cais.fixtures.AsPlainUser;
import dev.cais.fixtures.LeakChecked;
import dev.cais.linux.Abi;
import dev.cais.linux.DescriptorSocket;
import dev.cais.linux.Errno;
import dev.cais.linux.EventLoop;
import dev.cais.linux.Fd;
import dev.cais.linux.InetSocket;
import dev.cais.linux.Poll;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import dev.cais.network.FilteredNetwork;
import dev.cais.network.netlink.LinkAddress;
import dev.cais.network.netlink.LinkKind;
import dev.cais.network.netlink.LinkRequest;
import dev.cais.network.netlink.Netlink;
import dev.cais.network.netlink.Route;
import dev.cais.network.netlink.Rtnetlink;
import dev.cais.runtime.launch.Arg;
import dev.cais.runtime.launch.Deputy;
import dev.cais.runtime.launch.Launch;
import dev.cais.runtime.launch.LaunchProgram;
import dev.cais.runtime.launch.UserNamespace;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ForkJoinPool;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** A bridge as a plain user makes it, with one neighbour on it, in a namespace of its own: 198.18.1.2. */
@ExtendWith(OutsideHost.class)
@AsPlainUser(subordinateIds = false)
@LeakChecked
@Timeout(120)
class OwnGroundTest {
    private static final int BRIDGE = 1001;
    private static final Duration LONG = Duration.ofSeconds(30);

    @Test
    void whatIsOnABridgeReachesTheOutside() {
        var launch = new Launch(Path.of(System.getProperty("java.io.tmpdir")));
        try (var loop = new EventLoop("cais-test");
                var namespace = UserNamespace.create(launch);
                var neighbour = Neighbour.create(launch.inside(namespace));
                var ground = new OwnGround(
                        new Deputy(launch, namespace), loop, ForkJoinPool.commonPool(), address("198.18.1.1")::equals);
                var links = ground.openLinks();
                var firewall = ground.openFirewall("cais-test")) {
            links.execute(LinkRequest.add("caisred")
                    .kind(new LinkKind.Bridge(false))
                    .index(BRIDGE)
                    .request());
            ground.shield("caisred", true);
            links.execute(
                    LinkRequest.change(BRIDGE).withoutLinkLocal().request(),
                    LinkRequest.change(BRIDGE).up().request(),
                    new LinkAddress(BRIDGE, address("198.18.1.1"), 24).add(),
                    new LinkAddress(BRIDGE, address("fe80::1"), 64).add(),
                    new LinkAddress(BRIDGE, address("fd00:18:1::1"), 64).add(),
                    LinkRequest.add("caisv1")
                            .kind(new LinkKind.Veth(LinkRequest.add("eth0")
                                    .namespace(neighbour.namespace())
                                    .index(2)))
                            .master(BRIDGE)
                            .up()
                            .request());
            firewall.add(new FilteredNetwork("caisred", false, true, true));
            try (var own = Rtnetlink.of(neighbour.route())) {
                own.execute(
                        LinkRequest.change(2).up().request(),
                        new LinkAddress(2, address("198.18.1.2"), 24).add(),
                        new LinkAddress(2, address("fd00:18:1::2"), 64).add(),
                        Route.byDefault(address("198.18.1.1"), 2).add(),
                        Route.byDefault(address("fd00:18:1::1"), 2).add());
            }

            assertThat(ask(neighbour.tcp(), OutsideHost.THERE, 80)).isEqualTo(OutsideHost.HERE + "\n");
            assertThat(ask(neighbour.tcp6(), OutsideHost.THERE6, 80)).isEqualTo("fd00:19:9:0:0:0:0:1\n");
            assertThat(ask(neighbour.udp(), OutsideHost.THERE, 53)).isEqualTo("ping");
            assertThat(ask(neighbour.udp6(), OutsideHost.THERE6, 53)).isEqualTo("ping");
            assertThat(ground.routesElsewhere())
                    .anyMatch(route -> route.destination().toString().equals("198.19.9.0/24"));
        }
    }

    /** A namespace as a container has it, with sockets that were made there. */
    private record Neighbour(Fd namespace, Fd route, Fd tcp, Fd tcp6, Fd udp, Fd udp6) implements AutoCloseable {
        private static final int REPORT = 3;

        static Neighbour create(Launch launch) {
            var program = LaunchProgram.builder().reportFailuresTo(REPORT);
            program.unshare(Abi.CLONE_NEWNET);
            var message = program.message("sockets", 6);
            program.open("/proc/self/ns/net", Abi.O_RDONLY | Abi.O_CLOEXEC, 0).storeTo(message.slot(0));
            program.socket(Abi.AF_NETLINK, Abi.SOCK_RAW, Netlink.Family.ROUTE.number())
                    .storeTo(message.slot(1));
            program.socket(Abi.AF_INET, Abi.SOCK_STREAM, 0).storeTo(message.slot(2));
            program.socket(Abi.AF_INET6, Abi.SOCK_STREAM, 0).storeTo(message.slot(3));
            program.socket(Abi.AF_INET, Abi.SOCK_DGRAM, 0).storeTo(message.slot(4));
            program.socket(Abi.AF_INET6, Abi.SOCK_DGRAM, 0).storeTo(message.slot(5));
            program.sendmsg(Arg.of(REPORT), message);
            program.exit(0);
            try (var sockets = DescriptorSocket.pair();
                    var child = launch.start("cannot start", program.build(), Map.of(REPORT, sockets.theirs()))) {
                var sent = sockets.ours().receive("cannot start").orElseThrow().descriptors();
                child.awaitExit();
                return new Neighbour(sent.get(0), sent.get(1), sent.get(2), sent.get(3), sent.get(4), sent.get(5));
            }
        }

        @Override
        public void close() {
            List.of(namespace, route, tcp, tcp6, udp, udp6).forEach(Fd::close);
        }
    }

    private static String ask(Fd fd, String whom, int port) {
        var to = new InetSocketAddress(address(whom), port);
        try (var socket = InetSocket.of(fd);
                var scratch = Scratch.frame()) {
            assertThat(socket.connect(to)).isZero();
            Syscalls.call(
                    Syscall.SENDTO,
                    socket.fd().number(),
                    scratch.bytes("ping".getBytes(StandardCharsets.US_ASCII)),
                    4,
                    Abi.MSG_NOSIGNAL,
                    0,
                    0);
            assertThat(Poll.readable(socket.fd(), LONG, "cannot wait for an answer"))
                    .isTrue();
            var buffer = scratch.take(100);
            var size = Syscalls.call(Syscall.READ, socket.fd().number(), Scratch.address(buffer), 100);
            assertThat(Errno.ECONNRESET.is(size)).isFalse();
            var bytes = new byte[(int) size];
            buffer.get(0, bytes);
            return new String(bytes, StandardCharsets.US_ASCII);
        }
    }

    @Test
    void whatNeedsTheHostsNetworkIsRefused() {
        var launch = new Launch(Path.of(System.getProperty("java.io.tmpdir")));
        try (var loop = new EventLoop("cais-test");
                var namespace = UserNamespace.create(launch);
                var ground =
                        new OwnGround(new Deputy(launch, namespace), loop, ForkJoinPool.commonPool(), any -> false)) {
            assertThatThrownBy(() -> ground.requireSupported(
                            "cannot make network wire",
                            new NetworkDriver.Macvlan("eth0", NetworkDriver.MacvlanMode.BRIDGE)))
                    .isInstanceOf(UnsupportedHostException.class)
                    .hasMessage("cannot make network wire: one of type macvlan needs the host's own network, which only"
                            + " root may change; have a bridge, or run the JVM as root");
        }
    }

    private static InetAddress address(String text) {
        return Subnet.parseAddress(text);
    }
}
