package dev.cais;

/**
 * What a Dockerfile may do only if its build allows it.
 *
 * @see <a href="https://docs.docker.com/reference/cli/docker/buildx/build/#allow">docker buildx build --allow</a>
 */
public enum BuildEntitlement {
    /**
     * {@code network.host}: to speak to what listens on this host's loopback or link-local addresses, by {@code RUN --network=host} and by
     * {@code ADD} of addresses.
     */
    NETWORK_HOST,

    /** {@code security.insecure}: to run programs with all capabilities and devices, by {@code RUN --security=insecure}. */
    SECURITY_INSECURE,

    /** {@code device}: to use all devices that vendors describe for this host, by {@code RUN --device}. */
    DEVICE
}
