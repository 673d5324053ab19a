package dev.cais.network.relay;

import dev.cais.Protocol;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.InetSocket;
import dev.cais.linux.Syscall;
import java.net.InetSocketAddress;
import java.util.concurrent.CompletionStage;

/** Where a published port leads: gives a socket for each connection of TCP, and for each client of UDP. */
@FunctionalInterface
public interface Target {
    /**
     * Called on the event loop's thread, so it must not wait; the socket may come later, from any thread.
     *
     * @return a non-blocking socket that is connected or connecting, the caller's to close; or a failure, and the client is turned away
     */
    CompletionStage<Fd> open(Protocol protocol);

    /** Connects from this process's network namespace. */
    static Target at(InetSocketAddress address) {
        return at(address, SocketMaker.HERE);
    }

    /** Connects from where the sockets are made. */
    static Target at(InetSocketAddress address, SocketMaker sockets) {
        return protocol ->
                sockets.open(address.getAddress(), protocol).thenApply(socket -> connect(socket, address, protocol));
    }

    private static Fd connect(InetSocket socket, InetSocketAddress address, Protocol protocol) {
        try {
            if (protocol == Protocol.TCP) {
                socket.option(Abi.IPPROTO_TCP, Abi.TCP_NODELAY, 1).option(Abi.SOL_SOCKET, Abi.SO_KEEPALIVE, 1);
            }
            var connected = socket.connect(address);
            if (connected < 0 && !Errno.EINPROGRESS.is(connected)) {
                throw Errno.of(connected).exception("cannot connect to " + address, Syscall.CONNECT);
            }
            return socket.fd();
        } catch (RuntimeException e) {
            socket.close();
            throw e;
        }
    }
}
