package dev.cais;

/**
 * How many packets were dropped to keep an engine's networks apart from each other, from others and from the host, since the first of
 * them was made.
 *
 * @param isolated they were for a network from elsewhere, and nothing was published there
 * @param internal they came from or were for an internal network
 * @param martians a container used a loopback address, or gave itself out as a router
 */
public record NetworkDrops(long isolated, long internal, long martians) {
    /** None. */
    public static final NetworkDrops NONE = new NetworkDrops(0, 0, 0);
}
