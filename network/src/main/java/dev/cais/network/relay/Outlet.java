package dev.cais.network.relay;

import dev.cais.Protocol;
import dev.cais.Subnet;
import dev.cais.linux.Abi;
import dev.cais.linux.Acceptor;
import dev.cais.linux.Datagram;
import dev.cais.linux.EventLoop;
import dev.cais.linux.InetSocket;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The way to the outside for networks in a namespace that has none: the packet filter there leads connections of TCP and datagrams of
 * UDP, to whomever they are, to sockets of this ({@link dev.cais.network.Firewall#openWithOutlet}), and the event loop carries them on
 * from the namespace of this process.
 *
 * <p>Limits: 4,096 connections of TCP, of which further ones wait until others end, and 4,096 pairs of UDP's ends in each family, of
 * which the one that was silent the longest gives way. A connection is accepted before the outside has answered; where that refuses, it
 * is reset. Nobody learns that a datagram could not be delivered.
 *
 * @see <a href="https://docs.kernel.org/networking/tproxy.html">Linux, Transparent proxy support</a>
 */
public final class Outlet implements AutoCloseable {
    /** Where the sockets are, on all addresses of their namespace. */
    public static final int PORT = 15_001;

    private static final int MOST_CONNECTIONS = 4096;
    private static final List<InetAddress> ALL = List.of(Subnet.parseAddress("0.0.0.0"), Subnet.parseAddress("::"));

    private final EventLoop loop;
    private final SocketMaker inside;
    private final Way way;
    private final Duration idleOfUdp;
    private final Datagram datagram = new Datagram();
    private final Pipes pipes = new Pipes();
    private final List<Acceptor> acceptors = new ArrayList<>();
    private final List<Clients> clients = new ArrayList<>();
    private final Set<Connection> connections = new HashSet<>();
    /** Accepted, and not in {@link #connections} yet. */
    private int coming;

    private boolean closed;

    /** What somebody inside asks for, and where that is to be found from here. On the loop's thread. */
    @FunctionalInterface
    public interface Way {
        /** @return empty for what is to be refused */
        Optional<InetSocketAddress> to(InetSocketAddress asked);
    }

    private Outlet(EventLoop loop, SocketMaker inside, Way way, Duration idleOfUdp) {
        this.loop = loop;
        this.inside = inside;
        this.way = way;
        this.idleOfUdp = idleOfUdp;
    }

    /**
     * Begins to carry what the packet filter leads here.
     *
     * @param inside of the networks' namespace, where this process has CAP_NET_ADMIN and CAP_NET_BIND_SERVICE; waited for here, so not
     *     to be called on the loop's thread
     * @param ipv6 whether the kernel has that
     * @throws dev.cais.KernelException with {@code EPERM} if it has not
     */
    public static Outlet open(EventLoop loop, SocketMaker inside, boolean ipv6, Way way) {
        return open(loop, inside, ipv6, way, Relay.IDLE_OF_UDP);
    }

    /** @param idleOfUdp after how much silence two ends of UDP are forgotten */
    static Outlet open(EventLoop loop, SocketMaker inside, boolean ipv6, Way way, Duration idleOfUdp) {
        var tcp = new ArrayList<InetSocket>();
        var udp = new ArrayList<InetSocket>();
        try {
            for (var address : ipv6 ? ALL : ALL.subList(0, 1)) {
                tcp.add(listen(inside, address, Protocol.TCP));
                udp.add(listen(inside, address, Protocol.UDP));
            }
        } catch (RuntimeException e) {
            tcp.forEach(InetSocket::close);
            udp.forEach(InetSocket::close);
            throw e;
        }
        var outlet = new Outlet(loop, inside, way, idleOfUdp);
        loop.perform(() -> outlet.begin(tcp, udp));
        return outlet;
    }

    private static InetSocket listen(SocketMaker inside, InetAddress address, Protocol protocol) {
        var socket = made(inside, address, protocol);
        try {
            var place = new InetSocketAddress(address, PORT);
            if (address instanceof Inet6Address) {
                socket.option(Abi.IPPROTO_IPV6, Abi.IPV6_V6ONLY, 1);
            }
            transparent(socket, address);
            if (protocol == Protocol.UDP) {
                if (address instanceof Inet6Address) {
                    socket.option(Abi.IPPROTO_IPV6, Abi.IPV6_RECVORIGDSTADDR, 1);
                } else {
                    socket.option(Abi.IPPROTO_IP, Abi.IP_RECVORIGDSTADDR, 1);
                }
            } else { // what is accepted inherits them
                socket.option(Abi.SOL_SOCKET, Abi.SO_KEEPALIVE, 1).option(Abi.IPPROTO_TCP, Abi.TCP_NODELAY, 1);
            }
            Syscalls.checked("cannot bind to " + place, Syscall.BIND, socket.bind(place));
            if (protocol == Protocol.TCP) {
                Syscalls.checked("cannot listen on " + place, Syscall.LISTEN, socket.listen(Abi.SOMAXCONN));
            }
            return socket;
        } catch (RuntimeException e) {
            socket.close();
            throw e;
        }
    }

    private static InetSocket made(SocketMaker inside, InetAddress address, Protocol protocol) {
        try {
            return inside.open(address, protocol).toCompletableFuture().join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof RuntimeException cause ? cause : e;
        }
    }

    private static void transparent(InetSocket socket, InetAddress like) {
        if (like instanceof Inet6Address) {
            socket.option(Abi.IPPROTO_IPV6, Abi.IPV6_TRANSPARENT, 1);
        } else {
            socket.option(Abi.IPPROTO_IP, Abi.IP_TRANSPARENT, 1);
        }
    }

    private void begin(List<InetSocket> tcp, List<InetSocket> udp) {
        tcp.forEach(socket -> acceptors.add(Acceptor.begin(loop, socket, this::hasRoom, this::accepted)));
        udp.forEach(socket -> clients.add(new Clients(loop, socket, this::open, idleOfUdp, datagram)));
    }

    private boolean hasRoom() {
        return !closed && coming + connections.size() < MOST_CONNECTIONS;
    }

    private void accepted(InetSocket client) {
        var asked = client.localAddress();
        var found = way.to(asked);
        if (found.isEmpty()) {
            client.resetOnClose().close();
            return;
        }
        coming++;
        Relay.open(Target.at(found.get()), Protocol.TCP, loop, opened -> {
            coming--;
            if (opened == null || closed) {
                client.resetOnClose().close();
                if (opened != null) {
                    opened.close();
                }
            } else {
                connections.add(new Connection(loop, client, InetSocket.of(opened), pipes, this::gone));
            }
        });
    }

    private void gone(Connection connection) {
        var full = !hasRoom();
        connections.remove(connection);
        if (full && !closed) {
            loop.execute(() -> acceptors.forEach(Acceptor::accept));
        }
    }

    /** A socket of the client's own comes first, as who was asked: so all that comes later from there is led to it by the kernel. */
    private void open(Clients.Peer peer, Consumer<Clients.@Nullable Ends> opened) {
        var asked = peer.asked();
        var found = asked == null ? Optional.<InetSocketAddress>empty() : way.to(asked);
        if (asked == null || found.isEmpty()) {
            loop.execute(() -> opened.accept(null));
            return;
        }
        Relay.open(answering(asked, peer.address()), Protocol.UDP, loop, own -> {
            if (own == null) {
                opened.accept(null);
                return;
            }
            Relay.open(Target.at(found.get()), Protocol.UDP, loop, target -> {
                if (target == null) {
                    own.close();
                    opened.accept(null);
                } else {
                    opened.accept(new Clients.Ends(target, own));
                }
            });
        });
    }

    private Target answering(InetSocketAddress asked, InetSocketAddress client) {
        return protocol -> inside.open(asked.getAddress(), protocol).thenApply(socket -> {
            try {
                transparent(socket.option(Abi.SOL_SOCKET, Abi.SO_REUSEADDR, 1), asked.getAddress());
                Syscalls.checked("cannot answer as " + asked, Syscall.BIND, socket.bind(asked));
                Syscalls.checked("cannot answer " + client, Syscall.CONNECT, socket.connect(client));
                return socket.fd();
            } catch (RuntimeException e) {
                socket.close();
                throw e;
            }
        });
    }

    /** Ends all, and lets others have the port before it returns. Idempotent, from any thread. */
    @Override
    public void close() {
        loop.perform(() -> {
            if (!closed) {
                closed = true;
                acceptors.forEach(Acceptor::close);
                List.copyOf(connections).forEach(Connection::reset);
                clients.forEach(Clients::close);
                pipes.close();
            }
        });
    }

    /** Who is connected. */
    @Override
    public String toString() {
        return "Outlet[" + connections.size() + " connections, "
                + clients.stream().mapToInt(Clients::count).sum() + " of UDP]";
    }
}
