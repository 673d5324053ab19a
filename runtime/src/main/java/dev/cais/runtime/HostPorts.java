package dev.cais.runtime;

import dev.cais.ConflictException;
import dev.cais.InvalidSpecException;
import dev.cais.PortBinding;
import dev.cais.PortMapping;
import dev.cais.Protocol;
import dev.cais.UnsupportedHostException;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.InetSocket;
import dev.cais.linux.Syscall;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Ports of the host, kept from others by sockets that nobody ever talks to: the kernel sends on what is for them before it comes
 * there. A socket of TCP listens, since two that do not may share a port.
 *
 * <p>Ports of SCTP are not kept: the kernel may lack its sockets and still translate its packets.
 */
final class HostPorts implements AutoCloseable {
    private static final int MOST_TRIES = 128;
    private static final int ON = 1;

    private final List<InetSocket> sockets = new ArrayList<>();
    private final List<PortBinding> bindings = new ArrayList<>();

    private HostPorts() {}

    /**
     * Takes a port for each mapping.
     *
     * @param before those that were taken the last time, which will be taken again if they are free
     * @throws ConflictException that begins with {@code cannot} if none is free
     */
    static HostPorts reserve(String cannot, List<PortMapping> mappings, List<PortBinding> before) {
        var ports = new HostPorts();
        try (var undo = new Undo()) {
            undo.add(ports);
            mappings.forEach(mapping -> ports.reserve(cannot, mapping, before));
            undo.keepAll();
            return ports;
        }
    }

    /** In the order of the mappings and their addresses. */
    List<PortBinding> bindings() {
        return List.copyOf(bindings);
    }

    private void reserve(String cannot, PortMapping mapping, List<PortBinding> before) {
        var refused = "";
        if (mapping.host() == 0) {
            var last = before.stream()
                    .filter(binding -> binding.container() == mapping.container()
                            && binding.protocol() == mapping.protocol()
                            && mapping.addresses().contains(binding.address()))
                    .findFirst();
            if (last.isPresent()
                    && tryToTake(cannot, mapping, last.get().host()).isEmpty()) {
                return;
            }
            for (var tries = 0; tries < MOST_TRIES; tries++) {
                var failed = tryToTake(cannot, mapping, 0);
                if (failed.isEmpty()) {
                    return;
                }
                refused = failed.get();
            }
        }
        for (var port = mapping.host(); port != 0 && port <= mapping.lastHost(); port++) {
            var failed = tryToTake(cannot, mapping, port);
            if (failed.isEmpty()) {
                return;
            }
            refused = failed.get();
        }
        throw new ConflictException(
                cannot + ": " + refused + " is in use on this host",
                "choose another port, or leave the choice to the engine: publish(" + mapping.container() + ")");
    }

    /**
     * Takes one port on all addresses of a mapping.
     *
     * @param port 0 for any that is free on the first of them
     * @return what was in use
     */
    private Optional<String> tryToTake(String cannot, PortMapping mapping, int port) {
        var taken = new ArrayList<InetSocket>();
        try (var undo = new Undo()) {
            undo.addStep(() -> taken.forEach(InetSocket::close));
            var chosen = port;
            for (var address : mapping.addresses()) {
                if (mapping.protocol() == Protocol.SCTP) {
                    requireNamed(cannot, chosen);
                    continue;
                }
                var socket = open(address, mapping.protocol());
                taken.add(socket);
                var result = socket.bind(new InetSocketAddress(address, chosen));
                if (result == 0 && mapping.protocol() == Protocol.TCP) {
                    result = socket.listen(ON);
                }
                if (Errno.EADDRINUSE.is(result)) {
                    return Optional.of(
                            "port " + chosen + "/" + mapping.protocol().word() + " of " + address.getHostAddress());
                }
                check(cannot, address, result);
                chosen = socket.localAddress().getPort();
            }
            for (var address : mapping.addresses()) {
                bindings.add(new PortBinding(address, chosen, mapping.container(), mapping.protocol()));
            }
            sockets.addAll(taken);
            undo.keepAll();
            return Optional.empty();
        }
    }

    private static void requireNamed(String cannot, int port) {
        if (port == 0) {
            throw new InvalidSpecException(
                    cannot + ": a port of SCTP is not chosen by the engine", "name the port of the host");
        }
    }

    private static InetSocket open(InetAddress address, Protocol protocol) {
        var socket = protocol == Protocol.TCP
                ? InetSocket.open(address, Abi.SOCK_STREAM, Abi.IPPROTO_TCP)
                        .option(Abi.SOL_SOCKET, Abi.SO_REUSEADDR, ON) // what is left of a server before must not count
                : InetSocket.open(address, Abi.SOCK_DGRAM, Abi.IPPROTO_UDP);
        return address instanceof Inet4Address ? socket : socket.option(Abi.IPPROTO_IPV6, Abi.IPV6_V6ONLY, ON);
    }

    private static void check(String cannot, InetAddress address, long result) {
        if (Errno.EADDRNOTAVAIL.is(result)) {
            throw new InvalidSpecException(
                    cannot + ": this host has no address " + address.getHostAddress() + " to publish on");
        }
        if (Errno.EACCES.is(result)) {
            throw new UnsupportedHostException(
                    cannot + ": this process may not use a port below 1024",
                    Map.of(),
                    "give it CAP_NET_BIND_SERVICE, or choose another port");
        }
        if (result < 0) {
            throw Errno.of(result).exception(cannot, Syscall.BIND);
        }
    }

    /** Gives all back. */
    @Override
    public void close() {
        sockets.forEach(InetSocket::close);
        sockets.clear();
    }
}
