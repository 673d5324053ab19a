package dev.cais;

import java.util.List;
import java.util.Optional;

/**
 * The networks of an engine; they go with it. Names and id prefixes are unique per engine.
 *
 * <p>One is there from the beginning: {@link #DEFAULT}, which a container is on whose spec says nothing of networks (see {@link
 * NetworkOptions}). It takes nothing of the host until the first container is on it.
 */
public interface Networks {
    /** The name of the default network. */
    String DEFAULT = "bridge";

    /** {@link #create(NetworkSpec)} with a subnet that nobody uses. */
    default Network create(String name) {
        return create(NetworkSpec.of(name));
    }

    /**
     * Makes a network.
     *
     * @throws ConflictException if another one of this engine has the name; if a subnet is taken, by it, another engine or a route of
     *     the host
     * @throws UnsupportedHostException if the host can have no bridges, or this process may not make one
     */
    Network create(NetworkSpec spec);

    /** All, the default one first, then the oldest. */
    default List<Network> list() {
        return list(NetworkFilter.ALL);
    }

    /** Those that match, in the same order. */
    List<Network> list(NetworkFilter filter);

    /**
     * By name, id or unique prefix of an id.
     *
     * @throws NotFoundException if there is none, or several
     */
    Network get(String name);

    Optional<Network> find(String name);

    /** What was dropped for all of them; none where this host filters nothing. */
    NetworkDrops drops();

    /** {@link Network#remove()} by name or id. */
    default void remove(String name) {
        get(name).remove();
    }

    /**
     * Removes those that no container is connected to, running or not.
     *
     * @return their names, in order
     */
    default List<String> prune() {
        return prune(NetworkFilter.ALL);
    }

    /** The same of those that match. */
    List<String> prune(NetworkFilter filter);
}
