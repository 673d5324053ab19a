package dev.cais.network.relay;

import dev.cais.Protocol;
import dev.cais.linux.Abi;
import dev.cais.linux.InetSocket;
import java.net.InetAddress;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** Makes sockets in one network namespace: a socket belongs to that of its maker for ever, whoever uses it. */
@FunctionalInterface
public interface SocketMaker {
    /** In this process's own. */
    SocketMaker HERE = (like, protocol) -> CompletableFuture.completedFuture(
            InetSocket.open(like, type(protocol), protocol == Protocol.TCP ? Abi.IPPROTO_TCP : Abi.IPPROTO_UDP));

    /**
     * Called on the event loop's thread too, so it must not wait; the socket may come later, from any thread.
     *
     * @param like an address of the family wanted
     * @param protocol TCP or UDP
     * @return a socket, not blocking and closed on exec, the caller's to close; or a failure, which may also be thrown
     */
    CompletionStage<InetSocket> open(InetAddress like, Protocol protocol);

    /** The second argument of socket(2). */
    static int type(Protocol protocol) {
        return protocol == Protocol.UDP ? Abi.SOCK_DGRAM : Abi.SOCK_STREAM;
    }
}
