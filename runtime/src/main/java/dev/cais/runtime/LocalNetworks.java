package dev.cais.runtime;

import dev.cais.ConflictException;
import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.EndpointSpec;
import dev.cais.EventAction;
import dev.cais.EventType;
import dev.cais.InvalidSpecException;
import dev.cais.Network;
import dev.cais.NetworkDriver;
import dev.cais.NetworkDrops;
import dev.cais.NetworkFilter;
import dev.cais.NetworkSpec;
import dev.cais.Networks;
import dev.cais.NotFoundException;
import dev.cais.UnsupportedHostException;
import dev.cais.linux.EventLoop;
import dev.cais.network.cni.CniConfiguration;
import dev.cais.network.cni.CniNetwork;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The networks of one engine: made, found by name and id, listed and pruned; and which of them a container joins. */
final class LocalNetworks implements Networks, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LocalNetworks.class);

    private static final Duration PLUGIN_LIMIT = Duration.ofSeconds(60);
    /** Words that stand for something else where a network is named. */
    private static final Set<String> RESERVED = Set.of("host", "none", "default");

    private final LocalEngine engine;
    private final LocalNetwork standard;
    private final Map<String, LocalNetwork> byName = new ConcurrentHashMap<>();
    private final NetworkStack stack;
    private final NetworkSegments segments;
    private final Departures departures;

    LocalNetworks(LocalEngine engine) {
        this.engine = engine;
        this.stack = new NetworkStack(engine, this::isGateway);
        this.segments = new NetworkSegments(engine, stack, byName::values);
        this.departures = new Departures(engine.workers());
        this.standard = new LocalNetwork(this, LocalContainers.newId(), NetworkSpec.of(DEFAULT), Optional.empty());
        byName.put(DEFAULT, standard);
    }

    // ---- what users ask for

    @Override
    public LocalNetwork create(NetworkSpec spec) {
        var cannot = "cannot make network " + spec.name();
        engine.requireOpen(cannot);
        if (RESERVED.contains(spec.name())) {
            throw new InvalidSpecException(cannot + ": the word means something else", "choose another name");
        }
        stack.ground().requireSupported(cannot, spec.driver());
        Optional<CniNetwork> cni = spec.driver() instanceof NetworkDriver.Cni plugins
                ? Optional.of(new CniNetwork(
                        CniConfiguration.read(plugins.configuration()), CniNetwork.DEFAULT_DIRECTORIES, PLUGIN_LIMIT))
                : Optional.empty();
        var network = new LocalNetwork(this, LocalContainers.newId(), spec, cni);
        if (byName.putIfAbsent(spec.name(), network) != null) {
            throw new ConflictException(
                    cannot + ": another one of this engine has that name", "close it first, or choose another name");
        }
        try (var undo = new Undo()) {
            undo.addStep(() -> byName.remove(spec.name(), network));
            if (cni.isEmpty()) {
                network.segment();
            }
            undo.addStep(network::giveUpSegment);
            engine.requireOpen(cannot); // or it does not know of this one
            undo.keepAll();
        }
        tell(network, EventAction.CREATE);
        return network;
    }

    @Override
    public List<Network> list(NetworkFilter filter) {
        return byName.values().stream()
                .filter(filter::matches)
                .sorted(Comparator.comparing((LocalNetwork network) -> !isDefault(network))
                        .thenComparing(LocalNetwork::created)
                        .thenComparing(LocalNetwork::id))
                .<Network>map(network -> network)
                .toList();
    }

    @Override
    public LocalNetwork get(String name) {
        return get("cannot find network " + name, name);
    }

    /** @throws NotFoundException that begins with {@code cannot} */
    LocalNetwork get(String cannot, String name) {
        return lookUp(cannot, name)
                .orElseThrow(() -> new NotFoundException(
                        cannot + ": this engine has no network " + name,
                        Map.of("networks", byName.keySet().stream().sorted().toList()),
                        ""));
    }

    @Override
    public Optional<Network> find(String name) {
        return lookUp("cannot find network " + name, name).map(network -> network);
    }

    private Optional<LocalNetwork> lookUp(String cannot, String name) {
        var exact = byName.get(name);
        if (exact != null) {
            return Optional.of(exact);
        }
        var matching = name.isEmpty()
                ? List.<LocalNetwork>of()
                : byName.values().stream()
                        .filter(network -> network.id().startsWith(name))
                        .toList();
        if (matching.size() > 1) {
            throw new NotFoundException(
                    cannot + ": several ids begin with " + name,
                    Map.of(
                            "networks",
                            matching.stream().map(LocalNetwork::id).sorted().toList()),
                    "write more of the id");
        }
        return matching.stream().findFirst();
    }

    @Override
    public List<String> prune(NetworkFilter filter) {
        departures.await("cannot prune networks");
        var removed = new ArrayList<String>();
        for (var network : byName.values().stream()
                .filter(each -> !isDefault(each) && each.isUnused() && filter.matches(each))
                .sorted(Comparator.comparing(LocalNetwork::name))
                .toList()) {
            try {
                network.remove();
                removed.add(network.name());
            } catch (ConflictException | NotFoundException e) {
                LOG.debug("network {} is used meanwhile, or gone", network.name(), e);
            }
        }
        return removed;
    }

    @Override
    public NetworkDrops drops() {
        engine.requireOpen("cannot tell what networks have dropped");
        return stack.drops();
    }

    boolean isDefault(LocalNetwork network) {
        return network == standard;
    }

    void forget(LocalNetwork network) {
        byName.remove(network.name(), network);
        tell(network, EventAction.DESTROY);
    }

    /** @param more names and values of further attributes */
    void tell(LocalNetwork network, EventAction action, String... more) {
        var attributes = new LinkedHashMap<>(network.spec().labels());
        attributes.put("name", network.name());
        attributes.put("type", network.spec().driver().word());
        for (var i = 0; i < more.length; i += 2) {
            attributes.put(more[i], more[i + 1]);
        }
        engine.events().tell(EventType.NETWORK, action, network.id(), attributes);
    }

    // ---- what containers need

    /** Whether a container has a network namespace for networks. */
    boolean isNetworked(ContainerSpec spec) {
        return spec.namespaces().network().isPrivate()
                && (spec.networks().isPresent()
                        ? !spec.networks().get().isEmpty()
                        : engine.options().networks().defaultNetwork()
                                || !spec.ports().isEmpty());
    }

    /** What a container joins when it is made. */
    List<EndpointSpec> endpoints(ContainerSpec spec) {
        return isNetworked(spec) ? spec.networks().orElse(List.of(EndpointSpec.of(DEFAULT))) : List.of();
    }

    /** Whether a container must not go without its networks. */
    boolean isAskedFor(ContainerSpec spec) {
        return spec.networks().isPresent()
                || !spec.ports().isEmpty()
                || engine.options().strictLimits();
    }

    /** This host can have no networks, and nobody has asked for one. */
    void noteMissing(UnsupportedHostException cause) {
        stack.note("containers that ask for nothing else have an empty network namespace: " + cause.getMessage());
    }

    void requireOpen(String cannot) {
        engine.requireOpen(cannot);
    }

    /** @throws InvalidSpecException that begins with {@code cannot} if it is another engine's */
    LocalContainer require(String cannot, Container container) {
        if (container instanceof LocalContainer local
                && engine.containers().find(local.id()).filter(local::equals).isPresent()) {
            return local;
        }
        throw new InvalidSpecException(cannot + ": this engine has no such container");
    }

    /** For any thread, at once. */
    private boolean isGateway(InetAddress address) {
        return byName.values().stream()
                .anyMatch(network -> network.hostAddresses().contains(address));
    }

    EventLoop loop() {
        return engine.loop();
    }

    NetworkStack stack() {
        return stack;
    }

    NetworkSegments segments() {
        return segments;
    }

    Departures departures() {
        return departures;
    }

    /** After all containers are gone. */
    @Override
    public void close() {
        try (var undo = new Undo()) {
            undo.add(segments);
            undo.add(stack);
            undo.add(departures);
        }
    }
}
