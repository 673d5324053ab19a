package dev.cais;

import java.net.InetAddress;
import java.util.List;

/**
 * A container's place on a network.
 *
 * @param container its id
 * @param network its name
 * @param addresses of the container there, IPv4 before IPv6; kept until it is disconnected or removed
 * @param mac of its interface, as {@code 02:42:ac:11:00:02}
 * @param aliases further names that others find it by
 * @param link its interface in the container, as {@code eth0}, by which {@link Stats#networks} counts what comes and goes; empty while
 *     there is none
 */
public record Endpoint(
        String container, String network, List<InetAddress> addresses, String mac, List<String> aliases, String link) {
    public Endpoint {
        addresses = List.copyOf(addresses);
        aliases = List.copyOf(aliases);
    }
}
