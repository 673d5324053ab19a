package dev.cais.runtime;

import dev.cais.NetworkDriver;
import dev.cais.UnsupportedHostException;
import dev.cais.network.Firewall;
import dev.cais.network.netlink.Route;
import dev.cais.network.netlink.Rtnetlink;
import dev.cais.network.relay.SocketMaker;
import java.util.List;

/** The network namespace that an engine's bridges stand in: the host's, or without root one of the engine's own. */
interface NetworkGround extends AutoCloseable {
    /** @throws UnsupportedHostException that begins with {@code cannot}, if networks of that kind cannot be here */
    void requireSupported(String cannot, NetworkDriver driver);

    /** A socket of this namespace, the caller's to close. */
    Rtnetlink openLinks();

    /**
     * The table of an engine, the caller's to close.
     *
     * @throws UnsupportedHostException if this kernel's nf_tables lacks what is needed
     */
    Firewall openFirewall(String name);

    /** Whether the kernel leads what comes to published ports to containers, unless it lacks nf_tables. */
    boolean translates();

    /** For connections to containers. */
    SocketMaker sockets();

    /** What the host has routes to, if it is not told by {@link #openLinks}. */
    List<Route> routesElsewhere();

    /** Prepares for a bridge, that is made and still switched off. */
    void shield(String bridge, boolean ipv6);

    /**
     * Prepares for a network with a way to the outside.
     *
     * @return what users may want to know of it
     */
    List<String> passOn(boolean ipv6);

    @Override
    void close();
}
