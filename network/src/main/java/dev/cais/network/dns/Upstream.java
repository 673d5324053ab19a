package dev.cais.network.dns;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;

/**
 * Whom to ask for names that no zone has.
 *
 * @param servers in order of preference; nobody is asked if there are none
 * @param patience how long the servers may take for one question, all attempts together
 * @param rotate whether the next question begins with the next server
 * @param tcpOnly whether questions go over TCP at once
 */
public record Upstream(List<InetSocketAddress> servers, Duration patience, boolean rotate, boolean tcpOnly) {
    /** For networks that are internal: other names do not exist. */
    public static final Upstream NONE = new Upstream(List.of(), Duration.ZERO, false, false);

    public Upstream {
        servers = List.copyOf(servers);
    }
}
