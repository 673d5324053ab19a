package dev.cais.runtime;

import dev.cais.ConflictException;
import dev.cais.PortBinding;
import dev.cais.PortMapping;
import dev.cais.Protocol;
import dev.cais.linux.EventLoop;
import dev.cais.network.relay.Relay;
import dev.cais.network.relay.ReservedPort;
import dev.cais.network.relay.Target;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.Stream;

/**
 * The ports of the host that a container publishes during one run. Their sockets keep others away: what the kernel translates does
 * not come to them, and the engine's relay carries what does.
 */
final class ContainerPorts implements AutoCloseable {
    private final EventLoop loop;
    private final List<Kept> kept = new ArrayList<>();
    private final List<Relay.Served> served = new ArrayList<>();

    private record Kept(PortMapping mapping, ReservedPort port) {
        Stream<PortBinding> bindings() {
            return mapping.addresses().stream()
                    .map(address ->
                            new PortBinding(address, port.number(), mapping.container(), mapping.protocol(), false));
        }
    }

    private ContainerPorts(EventLoop loop) {
        this.loop = loop;
    }

    /**
     * Takes a port for each mapping.
     *
     * @param before those that were taken the last time, which will be taken again if they are free
     * @throws ConflictException that begins with {@code cannot} if none is free
     */
    static ContainerPorts reserve(String cannot, List<PortMapping> mappings, List<PortBinding> before, EventLoop loop) {
        var ports = new ContainerPorts(loop);
        try (var undo = new Undo()) {
            undo.add(ports);
            mappings.forEach(mapping -> ports.kept.add(new Kept(mapping, reserve(cannot, mapping, before))));
            undo.keepAll();
            return ports;
        }
    }

    private static ReservedPort reserve(String cannot, PortMapping mapping, List<PortBinding> before) {
        var last = mapping.host() != 0
                ? 0
                : before.stream()
                        .filter(binding -> binding.container() == mapping.container()
                                && binding.protocol() == mapping.protocol()
                                && mapping.addresses().contains(binding.address()))
                        .mapToInt(PortBinding::host)
                        .findFirst()
                        .orElse(0);
        if (last != 0) {
            try {
                return ReservedPort.reserve(cannot, mapping.protocol(), mapping.addresses(), last, last);
            } catch (ConflictException e) {
                // another has it now
            }
        }
        return ReservedPort.reserve(
                cannot, mapping.protocol(), mapping.addresses(), mapping.host(), mapping.lastHost());
    }

    /** In the order of the mappings and their addresses. */
    List<PortBinding> bindings() {
        return kept.stream().flatMap(Kept::bindings).toList();
    }

    /**
     * Lets in who comes to the sockets. Those of SCTP only keep others away.
     *
     * @param targets where the relay leads, by port of the container
     */
    void serve(Relay relay, IntFunction<Target> targets) {
        loop.perform(() -> {
            for (var each : kept) {
                if (each.port.protocol() != Protocol.SCTP) {
                    served.add(relay.serve(each.port, targets.apply(each.mapping.container())));
                }
            }
        });
    }

    /** Ends what the relay carries: who comes then is led to where its targets lead now. */
    void reset() {
        loop.perform(() -> served.forEach(Relay.Served::reset));
    }

    /** Gives all back. */
    @Override
    public void close() {
        loop.perform(() -> {
            served.forEach(Relay.Served::close);
            kept.forEach(each -> each.port.close());
        });
    }
}
