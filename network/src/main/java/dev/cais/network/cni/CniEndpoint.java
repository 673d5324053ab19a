package dev.cais.network.cni;

import java.nio.file.Path;
import java.util.List;

/**
 * What a container is to its plugins.
 *
 * @param container its id: letters, digits, {@code _ . -}
 * @param namespace a path of its network namespace, as {@code /proc/<pid>/ns/net}
 * @param interfaceName in the container
 * @param ports to publish, for plugins with the capability {@code portMappings}
 */
public record CniEndpoint(String container, Path namespace, String interfaceName, List<Port> ports) {
    /**
     * A published port.
     *
     * @param host address to listen on; empty for all
     * @param protocol {@code tcp}, {@code udp} or {@code sctp}
     */
    public record Port(String host, int hostPort, int containerPort, String protocol) {}

    public CniEndpoint {
        ports = List.copyOf(ports);
    }
}
