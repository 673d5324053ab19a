package dev.cais.runtime;

import dev.cais.Subnet;
import dev.cais.linux.Abi;
import dev.cais.linux.Fd;
import dev.cais.linux.Syscall;
import dev.cais.runtime.launch.Arg;
import dev.cais.runtime.launch.LaunchBuilder;
import java.net.InetAddress;
import java.util.List;

/**
 * A container's side of its networks: sockets that are opened inside its network namespace and sent to the JVM. A socket belongs to
 * the namespace of its maker for ever, so that the JVM configures interfaces and answers for names there, and no thread of it
 * ever changes namespaces.
 *
 * @see <a href="https://man7.org/linux/man-pages/man7/network_namespaces.7.html">network_namespaces(7)</a>
 */
final class NetworkSteps {
    /** What the sockets are sent with. */
    static final String SOCKETS = "network";

    static final int NETLINK_ROUTE = 0;
    private static final int BACKLOG = 128;

    /** Whom a container asks for names. */
    static final InetAddress RESOLVER_ADDRESS = Subnet.parseAddress("127.0.0.11");

    /** {@code struct sockaddr_in}: 127.0.0.11, port 53, where Docker's containers have it. */
    private static final byte[] RESOLVER = {Abi.AF_INET, 0, 0, 53, 127, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0};

    private NetworkSteps() {}

    /**
     * What the JVM holds of a network namespace, which lives as long as one of them is open.
     *
     * @param route of rtnetlink
     * @param udp bound to 127.0.0.11:53; not blocking
     * @param tcp listens there; not blocking
     * @param namespace itself, for others to move interfaces to
     */
    record Sockets(Fd route, Fd udp, Fd tcp, Fd namespace) implements AutoCloseable {
        static final int COUNT = 4;

        static Sockets of(List<Fd> sent) {
            return new Sockets(sent.get(0), sent.get(1), sent.get(2), sent.get(3));
        }

        @Override
        public void close() {
            route.close();
            udp.close();
            tcp.close();
            namespace.close();
        }
    }

    /** Brings loopback up, opens the sockets and sends them. While /proc is the host's. */
    static void open(LaunchBuilder program) {
        var message = program.message(SOCKETS, Sockets.COUNT);
        program.loopbackUp();
        program.socket(Abi.AF_NETLINK, Abi.SOCK_RAW | Abi.SOCK_CLOEXEC, NETLINK_ROUTE)
                .storeTo(message.slot(0));
        var route = program.result();
        var udp = bind(program, Abi.SOCK_DGRAM, message.slot(1));
        var tcp = bind(program, Abi.SOCK_STREAM, message.slot(2));
        program.step(Syscall.LISTEN, tcp, Arg.of(BACKLOG));
        program.open("/proc/self/ns/net", Abi.O_RDONLY | Abi.O_CLOEXEC, 0).storeTo(message.slot(3));
        var namespace = program.result();
        program.sendmsg(Arg.of(ContainerProgram.REPORT), message);
        program.close(route).close(udp).close(tcp).close(namespace);
    }

    private static Arg bind(LaunchBuilder program, int type, Arg.Pointer slot) {
        program.socket(Abi.AF_INET, type | Abi.SOCK_CLOEXEC | Abi.SOCK_NONBLOCK, 0)
                .storeTo(slot);
        var socket = program.result();
        program.step(Syscall.BIND, socket, program.bytes(RESOLVER), Arg.of(RESOLVER.length))
                .explain("of 127.0.0.11:53", "");
        return socket;
    }

    /**
     * Waits until the JVM has configured the interfaces. As Docker has it, every port may be bound and everyone may ping.
     *
     * @param lastGroup the last that there is
     */
    static void await(LaunchBuilder program, long lastGroup) {
        program.read(Arg.of(ContainerProgram.REPORT), program.reserve(Long.BYTES), Long.BYTES)
                .onZero("abandoned")
                .onSuccess("configured");
        program.label("abandoned");
        program.exit(1);
        program.label("configured");
        program.writeFile("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
        program.writeFile("/proc/sys/net/ipv4/ping_group_range", "0 " + lastGroup);
    }
}
