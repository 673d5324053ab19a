package dev.cais.network.relay;

import dev.cais.Protocol;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.InetSocket;
import dev.cais.linux.Syscall;
import java.net.InetSocketAddress;
import java.util.concurrent.CompletableFuture;
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

    /** Connects from the host's network namespace. */
    static Target at(InetSocketAddress address) {
        return protocol -> {
            var tcp = protocol == Protocol.TCP;
            var socket = InetSocket.open(
                    address.getAddress(),
                    tcp ? Abi.SOCK_STREAM : Abi.SOCK_DGRAM,
                    tcp ? Abi.IPPROTO_TCP : Abi.IPPROTO_UDP);
            try {
                if (tcp) {
                    socket.option(Abi.IPPROTO_TCP, Abi.TCP_NODELAY, 1).option(Abi.SOL_SOCKET, Abi.SO_KEEPALIVE, 1);
                }
                var connected = socket.connect(address);
                if (connected < 0 && !Errno.EINPROGRESS.is(connected)) {
                    throw Errno.of(connected).exception("cannot connect to " + address, Syscall.CONNECT);
                }
                return CompletableFuture.completedFuture(socket.fd());
            } catch (RuntimeException e) {
                socket.close();
                throw e;
            }
        };
    }
}
