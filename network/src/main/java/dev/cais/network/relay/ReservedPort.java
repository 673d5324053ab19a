package dev.cais.network.relay;

import dev.cais.ConflictException;
import dev.cais.EngineException;
import dev.cais.InvalidSpecException;
import dev.cais.KernelException;
import dev.cais.Protocol;
import dev.cais.UnsupportedHostException;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.InetSocket;
import dev.cais.linux.Syscall;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A port of the host, the same on one or more of its addresses, that nobody else can have until it is closed. Sockets of TCP listen
 * already, since a bound one alone does not keep others out; connections wait until a {@link Relay} serves them.
 */
public final class ReservedPort implements AutoCloseable {
    /** Of random ports: one may be free on the first address and taken on the second. */
    private static final int MOST_TRIES = 100;

    private final Protocol protocol;
    private final int number;
    private final List<InetSocket> sockets;

    private ReservedPort(Protocol protocol, int number, List<InetSocket> sockets) {
        this.protocol = protocol;
        this.number = number;
        this.sockets = List.copyOf(sockets);
    }

    /**
     * Reserves the first port from one to another that is free on all addresses.
     *
     * @param cannot what errors begin with, as in {@code cannot start container web}
     * @param addresses of the host, of IPv4, IPv6 or both; {@code 0.0.0.0} stands for all of IPv4, {@code ::} for all of IPv6 and for
     *     those only
     * @param first 0, and {@code last} too, for any port that is free
     * @throws ConflictException if all are in use
     * @throws InvalidSpecException if an address is not one of this host
     * @throws UnsupportedHostException if the kernel has no SCTP, or no IPv6
     * @throws KernelException with {@code EACCES} if the port is below those that plain users may have
     */
    public static ReservedPort reserve(
            String cannot, Protocol protocol, List<InetAddress> addresses, int first, int last) {
        if (first == 0) {
            for (var i = 0; i < MOST_TRIES; i++) {
                var attempt = attempt(cannot, protocol, addresses, 0);
                if (attempt.reserved != null) {
                    return attempt.reserved;
                }
            }
            throw new ConflictException(
                    cannot + ": no random port was free on all of " + shown(addresses),
                    Map.of("tries", MOST_TRIES),
                    "give a port of the host");
        }
        InetSocketAddress taken = null;
        for (var port = first; port <= last; port++) {
            var attempt = attempt(cannot, protocol, addresses, port);
            if (attempt.reserved != null) {
                return attempt.reserved;
            }
            taken = attempt.taken;
        }
        if (taken != null && first == last) {
            throw new ConflictException(
                    cannot + ": " + shown(taken, protocol) + " is in use on this host",
                    "choose another port of the host, or leave it out for one that is free");
        }
        throw new ConflictException(
                cannot + ": all of " + first + "-" + last + "/" + protocol.word() + " of " + shown(addresses)
                        + " are in use on this host",
                "choose other ports of the host, or leave them out for one that is free");
    }

    /** One of both. */
    private record Attempt(
            @Nullable ReservedPort reserved, @Nullable InetSocketAddress taken) {}

    private static Attempt attempt(String cannot, Protocol protocol, List<InetAddress> addresses, int wanted) {
        List<InetSocket> sockets = new ArrayList<>();
        var port = wanted;
        try {
            for (var address : addresses) {
                var place = new InetSocketAddress(address, port);
                var socket = open(cannot, protocol, address);
                sockets.add(socket);
                var result = socket.bind(place);
                if (result == 0 && protocol == Protocol.TCP) {
                    result = socket.listen(Abi.SOMAXCONN);
                }
                if (Errno.EADDRINUSE.is(result)) {
                    sockets.forEach(InetSocket::close);
                    return new Attempt(null, place);
                }
                if (result < 0) {
                    throw refused(cannot, place, protocol, result);
                }
                port = port == 0 ? socket.localAddress().getPort() : port;
            }
            return new Attempt(new ReservedPort(protocol, port, sockets), null);
        } catch (RuntimeException e) {
            sockets.forEach(InetSocket::close);
            throw e;
        }
    }

    private static InetSocket open(String cannot, Protocol protocol, InetAddress address) {
        var socket = make(cannot, protocol, address);
        if (address instanceof Inet6Address) {
            socket.option(Abi.IPPROTO_IPV6, Abi.IPV6_V6ONLY, 1);
        }
        if (protocol == Protocol.TCP) {
            // for a port whose last connections are not forgotten yet; accepted sockets inherit the others
            socket.option(Abi.SOL_SOCKET, Abi.SO_REUSEADDR, 1)
                    .option(Abi.SOL_SOCKET, Abi.SO_KEEPALIVE, 1)
                    .option(Abi.IPPROTO_TCP, Abi.TCP_NODELAY, 1);
        } else if (protocol == Protocol.UDP && address.isAnyLocalAddress()) {
            // answers must come from the address that was asked
            if (address instanceof Inet6Address) {
                socket.option(Abi.IPPROTO_IPV6, Abi.IPV6_RECVPKTINFO, 1);
            } else {
                socket.option(Abi.IPPROTO_IP, Abi.IP_PKTINFO, 1);
            }
        }
        return socket;
    }

    private static InetSocket make(String cannot, Protocol protocol, InetAddress address) {
        try {
            return switch (protocol) {
                case TCP -> InetSocket.open(address, Abi.SOCK_STREAM, Abi.IPPROTO_TCP);
                case UDP -> InetSocket.open(address, Abi.SOCK_DGRAM, Abi.IPPROTO_UDP);
                case SCTP -> InetSocket.open(address, Abi.SOCK_STREAM, Abi.IPPROTO_SCTP);
            };
        } catch (KernelException e) {
            if (e.errno() == Errno.EPROTONOSUPPORT.number()) {
                throw new UnsupportedHostException(
                        cannot + ": this kernel has no " + protocol, Map.of(), "load its module: modprobe sctp", e);
            }
            if (e.errno() == Errno.EAFNOSUPPORT.number()) {
                throw new UnsupportedHostException(
                        cannot + ": this kernel has no IPv6", Map.of(), "publish on an address of IPv4", e);
            }
            throw e;
        }
    }

    private static EngineException refused(String cannot, InetSocketAddress place, Protocol protocol, long result) {
        if (Errno.EADDRNOTAVAIL.is(result)) {
            return new InvalidSpecException(
                    cannot + ": this host has no address " + place.getAddress().getHostAddress() + " to publish on",
                    "choose one of the host's, or 0.0.0.0 for all");
        }
        var help = Errno.EACCES.is(result)
                ? "ports below net.ipv4.ip_unprivileged_port_start (1024) need root or CAP_NET_BIND_SERVICE"
                : "";
        return Errno.of(result)
                .exception(cannot + ": " + shown(place, protocol) + " is refused", Syscall.BIND, Map.of(), help);
    }

    private static String shown(List<InetAddress> addresses) {
        return addresses.stream().map(InetAddress::getHostAddress).collect(Collectors.joining(" and "));
    }

    private static String shown(InetSocketAddress place, Protocol protocol) {
        var address = place.getAddress().getHostAddress();
        return (address.contains(":") ? "[" + address + "]" : address) + ":" + place.getPort() + "/" + protocol.word();
    }

    public Protocol protocol() {
        return protocol;
    }

    /** The port, 1 to 65535. */
    public int number() {
        return number;
    }

    /** One for each address, in their order. */
    List<InetSocket> sockets() {
        return sockets;
    }

    /** Lets others have the port. Not while a relay serves it: closing what {@link Relay#serve} gave does both. */
    @Override
    public void close() {
        sockets.forEach(InetSocket::close);
    }

    @Override
    public String toString() {
        return "ReservedPort[" + number + "/" + protocol.word() + "]";
    }
}
