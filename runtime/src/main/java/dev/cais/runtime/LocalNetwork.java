package dev.cais.runtime;

import dev.cais.ConflictException;
import dev.cais.Container;
import dev.cais.Endpoint;
import dev.cais.EndpointSpec;
import dev.cais.InvalidSpecException;
import dev.cais.Network;
import dev.cais.NetworkDriver;
import dev.cais.NetworkInfo;
import dev.cais.NetworkSpec;
import dev.cais.NotFoundException;
import dev.cais.Subnet;
import dev.cais.network.cni.CniNetwork;
import dev.cais.network.dns.Zone;
import dev.cais.network.dns.ZoneEntry;
import java.net.InetAddress;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A network of this engine. The default one has nothing on the host before the first container joins it.
 *
 * <p>Its lock guards who is on it; its segment is made under it, too.
 */
final class LocalNetwork implements Network {
    private final LocalNetworks owner;
    private final String id;
    private final NetworkSpec spec;
    private final Optional<CniNetwork> cni;
    private final Instant created = Instant.now();
    private final Map<LocalContainer, LocalEndpoint> endpoints = new LinkedHashMap<>();
    private volatile @Nullable NetworkSegment segment;
    /** The names of those that run. */
    private volatile Zone zone = Zone.EMPTY;

    private boolean removed;

    /** @param cni what connects its containers in place of a segment of the engine's */
    LocalNetwork(LocalNetworks owner, String id, NetworkSpec spec, Optional<CniNetwork> cni) {
        this.owner = owner;
        this.id = id;
        this.spec = spec;
        this.cni = cni;
    }

    @Override
    public String id() {
        return id;
    }

    @Override
    public String name() {
        return spec.name();
    }

    @Override
    public NetworkSpec spec() {
        return spec;
    }

    @Override
    public Instant created() {
        return created;
    }

    @Override
    public List<Subnet> subnets() {
        var made = segment;
        return made == null ? spec.subnets() : made.subnets();
    }

    @Override
    public List<InetAddress> gateways() {
        return spec.driver() instanceof NetworkDriver.Ipvlan ipvlan && ipvlan.mode() != NetworkDriver.IpvlanMode.L2
                ? List.of()
                : subnets().stream().map(spec::gateway).toList();
    }

    /** The host's addresses on it, by which containers reach the host. */
    List<InetAddress> hostAddresses() {
        return spec.driver() instanceof NetworkDriver.Bridge ? gateways() : List.of();
    }

    @Override
    public synchronized List<Endpoint> endpoints() {
        return endpoints.values().stream()
                .filter(endpoint -> !endpoint.container().networks().isGone())
                .map(LocalEndpoint::shown)
                .toList();
    }

    @Override
    public NetworkInfo inspect() {
        var cannot = "cannot inspect network " + name();
        owner.requireOpen(cannot);
        synchronized (this) {
            if (removed) {
                throw new NotFoundException(cannot + ": it is removed");
            }
            var made = segment;
            var addresses = new ArrayList<NetworkInfo.Addresses>();
            if (made != null) {
                made.leases().forEach((subnet, leases) -> {
                    var gateway = gateways().stream().filter(subnet::contains).findFirst();
                    addresses.add(new NetworkInfo.Addresses(subnet, gateway, leases.inUse(), leases.available()));
                });
            }
            return new NetworkInfo(
                    id,
                    spec,
                    created,
                    addresses,
                    endpoints(),
                    Optional.ofNullable(made).flatMap(owner.segments()::traffic));
        }
    }

    Optional<CniNetwork> cni() {
        return cni;
    }

    /** What it has on the host, made if there is nothing. Not of a network of plugins. */
    synchronized NetworkSegment segment() {
        var made = segment;
        if (made == null) {
            made = owner.segments().make(this);
            segment = made;
            if (!hostAddresses().isEmpty()) {
                zone = zone.with(new ZoneEntry(Zone.HOST_NAMES, hostAddresses()));
            }
        }
        return made;
    }

    /**
     * Takes a place for a container.
     *
     * @throws ConflictException that begins with {@code cannot}
     */
    synchronized LocalEndpoint join(String cannot, LocalContainer container, EndpointSpec wanted) {
        if (removed) {
            throw new ConflictException(cannot + ": network " + name() + " is removed");
        }
        if (endpoints.containsKey(container)) {
            throw new ConflictException(cannot + ": it is connected to network " + name() + " already");
        }
        if (cni.isPresent()) {
            return joinPlugins(cannot, container, wanted);
        }
        requireSupported(cannot, wanted);
        try (var undo = new Undo()) {
            var addresses = new ArrayList<InetAddress>();
            undo.addStep(() -> addresses.forEach(address -> giveBack(address)));
            for (var address : wanted.addresses()) {
                if (subnets().stream().noneMatch(subnet -> subnet.contains(address))) {
                    segment(); // the subnet may not have been chosen yet
                }
                if (subnets().stream().noneMatch(subnet -> subnet.contains(address))) {
                    throw new InvalidSpecException(
                            cannot + " with address " + address.getHostAddress() + ": network " + name()
                                    + " has no such subnet",
                            Map.of("subnets", subnets()),
                            "");
                }
            }
            segment().leases().forEach((subnet, leases) -> {
                var asked = wanted.addresses().stream().filter(subnet::contains).findFirst();
                asked.ifPresent(address -> leases.take(cannot, address));
                addresses.add(asked.orElseGet(() -> leases.take(cannot)));
            });
            var endpoint = LocalEndpoint.of(
                    this,
                    container,
                    wanted,
                    List.copyOf(addresses),
                    wanted.mac().orElseGet(() -> mac(addresses)));
            endpoints.put(container, endpoint);
            undo.keepAll();
            return endpoint;
        }
    }

    private void requireSupported(String cannot, EndpointSpec wanted) {
        if (wanted.vlan() != 0 && !(spec.driver() instanceof NetworkDriver.Bridge bridge && bridge.vlans())) {
            throw new InvalidSpecException(
                    cannot + " in VLAN " + wanted.vlan() + ": network " + name() + " is not one with VLANs",
                    "make it so: NetworkSpec.withVlans()");
        }
        if (wanted.mac().isPresent() && spec.driver() instanceof NetworkDriver.Ipvlan) {
            throw new InvalidSpecException(cannot + " with a MAC address of its own: on network " + name()
                    + " all have that of its parent, which is what ipvlan is for");
        }
    }

    private LocalEndpoint joinPlugins(String cannot, LocalContainer container, EndpointSpec wanted) {
        if (!wanted.addresses().isEmpty() || wanted.mac().isPresent() || wanted.vlan() != 0) {
            throw new InvalidSpecException(
                    cannot + " with an address or VLAN of its own: the plugins of network " + name() + " choose it");
        }
        var endpoint = LocalEndpoint.of(this, container, wanted, List.of(), "");
        endpoints.put(container, endpoint);
        return endpoint;
    }

    /** Plugins have connected a container, which has its place already. */
    synchronized LocalEndpoint replace(LocalEndpoint endpoint, LocalEndpoint made) {
        endpoints.put(endpoint.container(), made);
        return made;
    }

    /** Made of the first address, as Docker does: who remembers a neighbour's for an address is right for the next one, too. */
    private static String mac(List<InetAddress> addresses) {
        var bytes = addresses.get(0).getAddress();
        var text = new StringBuilder("02:42");
        for (var i = bytes.length - 4; i < bytes.length; i++) {
            text.append(String.format(":%02x", bytes[i]));
        }
        return text.toString();
    }

    /** What containers on it can look up; for any thread, at once. */
    Zone zone() {
        return zone;
    }

    /** From now on others find somebody by these names. */
    synchronized void tellNames(ZoneEntry entry) {
        zone = zone.with(entry);
    }

    synchronized void forgetNames(ZoneEntry entry) {
        zone = zone.without(entry);
    }

    /** Gives a container's place back, once its interface is gone. */
    synchronized void leave(LocalEndpoint endpoint) {
        if (endpoints.remove(endpoint.container(), endpoint)) {
            endpoint.addresses().forEach(this::giveBack);
        }
    }

    private void giveBack(InetAddress address) {
        if (cni.isPresent()) {
            return;
        }
        segment().leases().forEach((subnet, leases) -> {
            if (subnet.contains(address)) {
                leases.giveBack(address);
            }
        });
    }

    @Override
    public Endpoint connect(Container container, EndpointSpec endpoint) {
        var cannot = "cannot connect container " + container.name() + " to network " + name();
        owner.requireOpen(cannot);
        if (!endpoint.network().equals(name()) && !id.startsWith(endpoint.network())) {
            throw new InvalidSpecException(cannot + ": the endpoint is of network " + endpoint.network());
        }
        return owner.require(cannot, container)
                .networks()
                .connect(cannot, this, endpoint)
                .shown();
    }

    @Override
    public void disconnect(Container container) {
        var cannot = "cannot disconnect container " + container.name() + " from network " + name();
        if (!owner.require(cannot, container).networks().disconnect(this)) {
            throw new NotFoundException(cannot + ": it is not connected to it");
        }
    }

    @Override
    public void remove() {
        var cannot = "cannot remove network " + name();
        if (owner.isDefault(this)) {
            throw new ConflictException(cannot + ": it is the default network");
        }
        owner.departures().await(cannot);
        synchronized (this) {
            if (removed) {
                throw new NotFoundException(cannot + ": it is removed already");
            }
            if (!endpoints.isEmpty()) {
                throw new ConflictException(
                        cannot + ": containers are connected to it",
                        Map.of(
                                "containers",
                                endpoints.keySet().stream()
                                        .map(LocalContainer::name)
                                        .toList()),
                        "disconnect or close them first, or close the network");
            }
            removeNow();
        }
    }

    @Override
    public void close() {
        if (owner.isDefault(this)) {
            return;
        }
        List<LocalContainer> connected;
        synchronized (this) {
            connected = List.copyOf(endpoints.keySet());
        }
        connected.forEach(container -> container.networks().disconnect(this));
        owner.departures().await();
        synchronized (this) {
            if (!removed) {
                removeNow();
            }
        }
    }

    /** Under its lock. */
    private void removeNow() {
        removed = true;
        giveUpSegment();
        owner.forget(this);
    }

    /** At the engine's end, when no container is left. */
    synchronized void giveUpSegment() {
        var made = segment;
        if (made != null) {
            owner.segments().remove(made);
        }
    }

    synchronized boolean isUnused() {
        return endpoints.isEmpty();
    }

    /** {@code Network[backend, 10.200.3.0/24, 2 containers]}. */
    @Override
    public String toString() {
        var count = endpoints().size();
        var shown = subnets().toString();
        return "Network[" + name() + ", " + (subnets().isEmpty() ? "" : shown.substring(1, shown.length() - 1) + ", ")
                + count + (count == 1 ? " container]" : " containers]");
    }
}
