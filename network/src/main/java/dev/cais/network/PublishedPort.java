package dev.cais.network;

import dev.cais.InvalidSpecException;
import dev.cais.Protocol;
import java.net.Inet4Address;
import java.net.InetAddress;

/**
 * Connections to an address and port of the host go to an address and port of a container.
 *
 * @param hostAddress one of the host's, or {@code 0.0.0.0} or {@code ::} for all of that family
 * @param address the container's, of the same family
 */
public record PublishedPort(Protocol protocol, InetAddress hostAddress, int hostPort, InetAddress address, int port) {
    public PublishedPort {
        if (hostAddress instanceof Inet4Address != address instanceof Inet4Address) {
            throw new InvalidSpecException("cannot publish " + text(hostAddress, hostPort) + " for "
                    + text(address, port) + ": one address is of IPv4, the other of IPv6");
        }
        requirePort("host", hostPort);
        requirePort("container", port);
    }

    private static void requirePort(String name, int port) {
        if (port < 1 || port > 65535) {
            throw new InvalidSpecException(
                    "cannot publish a port: " + name + " port " + port + " is out of range; choose 1 to 65535");
        }
    }

    boolean isIpv6() {
        return !(address instanceof Inet4Address);
    }

    private static String text(InetAddress address, int port) {
        var text = address.getHostAddress();
        return (address instanceof Inet4Address ? text : "[" + text + "]") + ":" + port;
    }

    /** {@code 127.0.0.1:8080/tcp}. */
    String host() {
        return text(hostAddress, hostPort) + "/" + protocol.word();
    }

    /** {@code 127.0.0.1:8080/tcp to 198.18.0.2:80}. */
    @Override
    public String toString() {
        return host() + " to " + text(address, port);
    }
}
