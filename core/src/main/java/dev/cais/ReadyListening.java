package dev.cais;

import java.util.Optional;

/**
 * Somebody listens on a port.
 *
 * @param beyondLoopback whether a listener on loopback alone does not count
 */
public record ReadyListening(Protocol protocol, int port, boolean beyondLoopback) implements Ready {
    public ReadyListening {
        requirePort(port);
    }

    static void requirePort(int port) {
        if (port < 1 || port > 65535) {
            throw new InvalidSpecException("cannot wait for port " + port + ": it is not 1 to 65535");
        }
    }

    /** A UDP socket that is bound and connected to nobody, instead. */
    public ReadyListening udp() {
        return new ReadyListening(Protocol.UDP, port, beyondLoopback);
    }

    /** Only listeners that others outside the container can reach. */
    public ReadyListening onlyBeyondLoopback() {
        return new ReadyListening(protocol, port, true);
    }

    @Override
    public Optional<String> missing(Container container) {
        var onLoopback = false;
        for (var listener : container.listeningPorts()) {
            if (listener.port() == port && listener.protocol() == protocol) {
                if (!beyondLoopback || !listener.isOnLoopbackOnly()) {
                    return Optional.empty();
                }
                onLoopback = true;
            }
        }
        return Optional.of(
                "nothing listens on " + port + "/" + protocol.word() + (onLoopback ? " but on loopback" : ""));
    }

    /** {@code listening on 80/tcp}. */
    @Override
    public String toString() {
        return "listening on " + port + "/" + protocol.word() + (beyondLoopback ? " beyond loopback" : "");
    }
}
