package dev.cais;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * How the containers of a build's {@code RUN} steps run, in the words of {@link ContainerSpec}: {@code docker build --network, --add-host,
 * --shm-size, --ulimit}, and {@code podman build --dns, --memory, --cpus}.
 *
 * <p>Networks and further hosts are part of what a step's outcome depends on; name servers and limits are not: a step that was carried out
 * with others is found in the cache.
 *
 * @param network of steps that name none ({@code RUN --network})
 * @param networks to join in place of the engine's default one; an empty list for no network
 * @param extraHosts names to addresses, for {@code /etc/hosts}
 * @param rlimits by name
 */
public record BuildRunOptions(
        NamespaceMode network,
        Optional<List<EndpointSpec>> networks,
        Map<String, String> extraHosts,
        Dns dns,
        Resources resources,
        Map<String, Rlimit> rlimits,
        ByteSize shmSize) {
    /** As a container is that nothing more is said of. */
    public static final BuildRunOptions DEFAULT = of(ContainerSpec.of("build"));

    public BuildRunOptions {
        networks = networks.map(List::copyOf);
        extraHosts = Collections.unmodifiableMap(new LinkedHashMap<>(extraHosts));
        rlimits = Collections.unmodifiableMap(new LinkedHashMap<>(rlimits));
    }

    /** Of a container whose checks they have passed. */
    private static BuildRunOptions of(ContainerSpec spec) {
        return new BuildRunOptions(
                spec.namespaces().network(),
                spec.networks(),
                spec.extraHosts(),
                spec.dns(),
                spec.resources(),
                spec.rlimits(),
                spec.shmSize());
    }

    /** The same, changed as a container's would be. */
    BuildRunOptions changed(UnaryOperator<ContainerSpec> change) {
        var before = ContainerSpec.of("build");
        var container = change.apply(on(before));
        var options = of(container);
        if (!options.on(before).equals(container)) {
            throw new InvalidSpecException(
                    "cannot build with containers of that kind: a RUN takes its network, further hosts, name servers and limits"
                            + " of its build, and nothing else",
                    "say in the Dockerfile what its program, user, variables and mounts are");
        }
        return options;
    }

    /**
     * A container that runs so.
     *
     * @throws InvalidSpecException if what it has already does not fit
     */
    public ContainerSpec on(ContainerSpec spec) {
        var changed = spec.network(network).resources(resources).shmSize(shmSize);
        if (networks.isPresent()) {
            changed = changed.noNetwork();
            for (var endpoint : networks.get()) {
                changed = changed.join(endpoint);
            }
        }
        for (var host : extraHosts.entrySet()) {
            changed = changed.extraHost(host.getKey(), host.getValue());
        }
        for (var limit : rlimits.values()) {
            changed = changed.rlimit(limit);
        }
        return changed.dns(dns);
    }
}
