package dev.cais.runtime;

import dev.cais.ListeningPort;
import dev.cais.Protocol;
import dev.cais.linux.Figures;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * The sockets of a network namespace that wait for others, as the kernel lists them for a process in it. Nothing is executed there.
 *
 * @see <a href="https://man7.org/linux/man-pages/man5/proc_pid_net.5.html">proc_pid_net(5): tcp, tcp6, udp, udp6</a>
 */
final class NetworkTables {
    private static final int TCP_LISTEN = 10;
    /** What the kernel says of a UDP socket that is connected to nobody. */
    private static final int TCP_CLOSE = 7;

    private final Figures figures = new Figures();

    /** By port, TCP first. */
    List<ListeningPort> listening(int pid) {
        var listening = new ArrayList<ListeningPort>();
        for (var table : List.of("tcp", "tcp6", "udp", "udp6")) {
            if (figures.read("/proc/" + pid + "/net/" + table)) { // there are no tables of IPv6 where it is off
                add(listening, table.startsWith("tcp") ? Protocol.TCP : Protocol.UDP);
            }
        }
        listening.sort(Comparator.comparing(ListeningPort::port).thenComparing(ListeningPort::protocol));
        return listening;
    }

    /** Where to connect to a TCP port: on loopback if somebody listens on all addresses, and by IPv4 where there is a choice. */
    static Optional<InetSocketAddress> reachable(List<ListeningPort> listening, int port) {
        return listening.stream()
                .filter(each -> each.protocol() == Protocol.TCP && each.port() == port)
                .map(ListeningPort::address)
                .min(Comparator.comparing((InetAddress address) -> address.getAddress().length)
                        .thenComparing(address -> !address.isAnyLocalAddress() && !address.isLoopbackAddress()))
                .map(address -> new InetSocketAddress(
                        address.isAnyLocalAddress() ? loopback(address.getAddress().length) : address, port));
    }

    private static InetAddress loopback(int length) {
        var bytes = new byte[length];
        bytes[0] = length == 4 ? (byte) 127 : 0;
        bytes[length - 1] = 1;
        return address(bytes);
    }

    /** A line of headings, then {@code 0: 0100007F:1F90 00000000:0000 0A …}. */
    private void add(List<ListeningPort> listening, Protocol protocol) {
        var wanted = protocol == Protocol.TCP ? TCP_LISTEN : TCP_CLOSE;
        while (figures.nextLine()) {
            figures.skipWords(1);
            var address = figures.nextWord(':');
            var port = (int) figures.nextHex();
            figures.skipWords(1);
            if (figures.nextHex() == wanted && port > 0) {
                listening.add(new ListeningPort(protocol, address(address), port));
            }
        }
    }

    /** Words of 32 bits, each as a number of this machine's whose bytes are in the network's order. */
    private static InetAddress address(String hex) {
        var bytes = ByteBuffer.allocate(hex.length() / 2).order(ByteOrder.nativeOrder());
        for (var at = 0; at + 8 <= hex.length(); at += 8) {
            bytes.putInt(Integer.parseUnsignedInt(hex, at, at + 8, 16));
        }
        return address(bytes.array());
    }

    private static InetAddress address(byte[] bytes) {
        try {
            return InetAddress.getByAddress(bytes);
        } catch (UnknownHostException e) {
            throw new IllegalStateException(e); // of neither four nor sixteen bytes
        }
    }
}
