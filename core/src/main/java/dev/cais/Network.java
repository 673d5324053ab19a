package dev.cais;

import java.net.InetAddress;
import java.time.Instant;
import java.util.List;

/**
 * A network of an engine, until it is closed: its containers reach each other by address, name and alias, and no container of
 * another network does.
 */
public interface Network extends AutoCloseable {
    /** 64 hexadecimal digits. */
    String id();

    String name();

    NetworkSpec spec();

    Instant created();

    /** Those it has, IPv4 before IPv6, whether they were asked for or chosen. */
    List<Subnet> subnets();

    /**
     * The way to the outside, in the order of the subnets: on a bridge the host's own addresses. Empty where there is none to be known,
     * as with plugins and an ipvlan of layer 3.
     */
    List<InetAddress> gateways();

    /** Its containers' places, those of containers that do not run included, in the order in which they came. */
    List<Endpoint> endpoints();

    /**
     * All that is known of it.
     *
     * @throws NotFoundException if it is removed
     */
    NetworkInfo inspect();

    /** {@link #connect(Container, EndpointSpec)} with names that others find it by. */
    default Endpoint connect(Container container, String... aliases) {
        return connect(container, EndpointSpec.of(this).alias(aliases));
    }

    /**
     * Connects a container that runs, or will be started. It has another interface when this returns.
     *
     * @param spec of this network
     * @throws ConflictException if it is connected already, if its network namespace is not its own or was to be empty, if an address
     *     is taken or there is none left
     */
    Endpoint connect(Container container, EndpointSpec spec);

    /**
     * Takes a container off it: its interface there is gone when this returns, with all connections over it and the ports that were
     * published through it.
     *
     * @throws NotFoundException if it is not connected
     */
    void disconnect(Container container);

    /**
     * Removes it.
     *
     * @throws ConflictException if containers are connected to it, running or not; if it is the default network
     */
    void remove();

    /** Disconnects all containers and removes it. Idempotent. */
    @Override
    void close();
}
