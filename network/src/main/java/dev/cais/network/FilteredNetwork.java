package dev.cais.network;

/**
 * What the packet filter knows of a network.
 *
 * @param bridge its link's name
 * @param internal whether nothing passes between it and other links; the host itself still reaches it
 * @param interContainer whether its containers reach each other through the host. Between ports of the bridge it is up to the ports:
 *     see {@code LinkRequest.isolated}
 * @param masquerade whether what leaves for other links gets the host's address as its source; without it, others must have
 *     routes to the network
 */
public record FilteredNetwork(String bridge, boolean internal, boolean interContainer, boolean masquerade) {}
