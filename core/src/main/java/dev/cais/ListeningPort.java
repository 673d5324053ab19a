package dev.cais;

import java.net.InetAddress;

/**
 * A port on which some process of a container waits for others: a TCP socket that listens, or a UDP socket that is bound and connected
 * to nobody.
 *
 * @param address of the container's that it is bound to; {@code 0.0.0.0} or {@code ::} for all
 */
public record ListeningPort(Protocol protocol, InetAddress address, int port) {
    /** Whether it is bound to loopback alone, so that only processes in the same network namespace reach it. */
    public boolean isOnLoopbackOnly() {
        return address.isLoopbackAddress();
    }

    /** {@code 127.0.0.1:6379/tcp}. */
    @Override
    public String toString() {
        var text = address.getHostAddress();
        return (text.indexOf(':') >= 0 ? "[" + text + "]" : text) + ":" + port + "/" + protocol.word();
    }
}
