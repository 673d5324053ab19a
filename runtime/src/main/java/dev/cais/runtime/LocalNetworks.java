package dev.cais.runtime;

import dev.cais.ConflictException;
import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.Dns;
import dev.cais.EndpointSpec;
import dev.cais.EventAction;
import dev.cais.EventType;
import dev.cais.InvalidSpecException;
import dev.cais.KernelException;
import dev.cais.Network;
import dev.cais.NetworkDriver;
import dev.cais.NetworkDrops;
import dev.cais.NetworkFilter;
import dev.cais.NetworkSpec;
import dev.cais.Networks;
import dev.cais.NotFoundException;
import dev.cais.Stats;
import dev.cais.Subnet;
import dev.cais.UnsupportedHostException;
import dev.cais.linux.Errno;
import dev.cais.linux.EventLoop;
import dev.cais.network.FilteredNetwork;
import dev.cais.network.Firewall;
import dev.cais.network.HostSettings;
import dev.cais.network.Obstacle;
import dev.cais.network.cni.CniConfiguration;
import dev.cais.network.cni.CniNetwork;
import dev.cais.network.dns.HostUpstream;
import dev.cais.network.dns.ResolvConf;
import dev.cais.network.dns.Resolver;
import dev.cais.network.dns.Upstream;
import dev.cais.network.esp.VxlanEncryption;
import dev.cais.network.netlink.Link;
import dev.cais.network.netlink.LinkAddress;
import dev.cais.network.netlink.LinkKind;
import dev.cais.network.netlink.LinkRequest;
import dev.cais.network.netlink.MacAddress;
import dev.cais.network.netlink.Request;
import dev.cais.network.netlink.Route;
import dev.cais.network.netlink.Rtnetlink;
import dev.cais.network.netlink.VxlanPeer;
import dev.cais.network.relay.Relay;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The networks of one engine, and what they share on the host: a socket of rtnetlink, and a group that all links are in, so that the
 * will can delete them with one message.
 */
final class LocalNetworks implements Networks, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LocalNetworks.class);

    private static final InetAddress LINK_LOCAL = Subnet.parseAddress("fe80::1");
    private static final Duration LOOK_AGAIN = Duration.ofSeconds(10);
    private static final Duration PLUGIN_LIMIT = Duration.ofSeconds(60);
    private static final int IPV6_PREFIX = 64;
    private static final int ETHERNET_MTU = 1500;
    private static final int LEAST_MTU = 68;
    private static final int LEAST_MTU_IPV6 = 1280;

    /** Words that stand for something else where a network is named. */
    private static final Set<String> RESERVED = Set.of("host", "none", "default");

    private final LocalEngine engine;
    private final LocalNetwork standard;
    private final Map<String, LocalNetwork> byName = new ConcurrentHashMap<>();
    private final EncryptedHosts encrypted;
    private final AtomicInteger linkNumbers = new AtomicInteger();
    private final CopyOnWriteArrayList<String> notes = new CopyOnWriteArrayList<>();
    private @Nullable NetworkGround ground;
    private @Nullable Rtnetlink links;
    private @Nullable Firewall firewall;
    /** Why there is none. */
    private @Nullable UnsupportedHostException noFirewall;

    private boolean framesFiltered;
    private boolean looksAgain;
    private @Nullable Relay relay;
    private @Nullable Resolver resolver;
    private final HostUpstream upstream = new HostUpstream(ResolvConf.FILE);
    /** Done when all that containers left has gone. */
    private CompletableFuture<Void> leaving = CompletableFuture.completedFuture(null);

    LocalNetworks(LocalEngine engine) {
        this.engine = engine;
        this.encrypted = new EncryptedHosts(engine.store().engineDirectory(), engine.loop(), engine.workers());
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
        ground().requireSupported(cannot, spec.driver());
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
        awaitLeaving();
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
    public synchronized NetworkDrops drops() {
        engine.requireOpen("cannot tell what networks have dropped");
        return firewall == null ? NetworkDrops.NONE : firewall.drops();
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
        notes.addIfAbsent(
                "containers that ask for nothing else have an empty network namespace: " + cause.getMessage());
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

    /** Does what nobody waits for, in the background. */
    synchronized void later(Runnable task) {
        leaving = CompletableFuture.allOf(leaving, CompletableFuture.runAsync(logged(task), engine.workers()));
    }

    private static Runnable logged(Runnable task) {
        return () -> {
            try {
                task.run();
            } catch (RuntimeException e) {
                LOG.warn("something of a container's network could not be removed", e);
            }
        };
    }

    /** Waits until what containers left has gone. */
    void awaitLeaving() {
        CompletableFuture<Void> pending;
        synchronized (this) {
            pending = leaving;
        }
        pending.join();
    }

    // ---- the host

    /** What bridges stand in; made by the first who needs it. */
    synchronized NetworkGround ground() {
        if (ground == null) {
            ground = engine.newNetworkGround(this::isGateway);
        }
        return ground;
    }

    /** For any thread, at once. */
    private boolean isGateway(InetAddress address) {
        return byName.values().stream()
                .anyMatch(network -> network.hostAddresses().contains(address));
    }

    /** Whether the kernel leads what comes to published ports to containers. */
    boolean translates() {
        return ground().translates() && firewall().isPresent();
    }

    /** Of the namespace that bridges stand in; opened by the first who needs it. */
    synchronized Rtnetlink links() {
        if (links == null) {
            links = ground().openLinks();
        }
        return links;
    }

    /** In the namespace that bridges stand in; made by the first who needs it. Empty if the kernel has no nf_tables, which the notes tell. */
    synchronized Optional<Firewall> firewall() {
        if (firewall == null && noFirewall == null) {
            try {
                firewall = ground().openFirewall("cais-" + engine.id());
            } catch (UnsupportedHostException e) {
                if (engine.options().strictLimits()) {
                    throw e;
                }
                noFirewall = e;
            }
        }
        return Optional.ofNullable(firewall);
    }

    /**
     * Whether frames between ports of a bridge are filtered, so that a port must send some back. Somebody may switch that on at any time, as
     * Docker does when it starts: ports that were made before are told then, within some seconds or by the next one.
     */
    synchronized boolean filtersBridgedFrames() {
        var now = ground().translates() && HostSettings.filtersBridgedFrames();
        if (now && !framesFiltered && links != null) {
            links.links().stream()
                    .filter(link -> link.group() == group() && link.kind().equals("veth"))
                    .forEach(this::sendFramesBack);
        }
        framesFiltered = now;
        if (!looksAgain) {
            looksAgain = true;
            lookAgain();
        }
        return now;
    }

    private void sendFramesBack(Link port) {
        try {
            links().execute(LinkRequest.change(port.index()).hairpin(true).request());
        } catch (KernelException e) {
            LOG.debug("{} is gone meanwhile", port.name(), e);
        }
    }

    private synchronized void look() {
        if (links != null) { // or it is closed by now
            filtersBridgedFrames();
        }
    }

    private void lookAgain() {
        engine.loop().schedule(LOOK_AGAIN, () -> {
            engine.workers().execute(logged(this::look));
            lookAgain();
        });
    }

    /** Of what comes to published ports and the kernel does not translate; made by the first that needs it. */
    synchronized Relay relay() {
        if (relay == null) {
            relay = new Relay(engine.loop());
        }
        return relay;
    }

    EventLoop loop() {
        return engine.loop();
    }

    /** Of all its containers; made by the first that needs it. */
    synchronized Resolver resolver() {
        if (resolver == null) {
            resolver = new Resolver(engine.loop());
        }
        return resolver;
    }

    /** Whom the host asks for names that no network has. */
    Upstream upstream(Dns dns) {
        return upstream.current(dns);
    }

    /** All links of this engine are in it. */
    int group() {
        return group(engine.id());
    }

    /** @return none that the kernel or others use */
    static int group(String engineId) {
        return Integer.parseUnsignedInt(engineId.substring(0, 8), 16) | 1 << 16;
    }

    /** For the host's end of an interface. */
    String newLinkName() {
        return linkPrefix() + Integer.toString(linkNumbers.incrementAndGet() & 0xffffff, 36);
    }

    /** What the names of all links of this engine begin with. */
    private String linkPrefix() {
        return "cais" + engine.id().substring(0, 6);
    }

    /** What has passed its bridge, if it has one. */
    Optional<Stats.Network> traffic(NetworkSegment segment) {
        return segment.filtered()
                .flatMap(bridge -> links().link(segment.index()))
                .map(link -> {
                    var counted = link.statistics();
                    return new Stats.Network(
                            link.name(),
                            new Stats.Traffic(
                                    counted.receivedBytes(),
                                    counted.receivedPackets(),
                                    counted.receiveErrors(),
                                    counted.receiveDrops()),
                            new Stats.Traffic(
                                    counted.sentBytes(),
                                    counted.sentPackets(),
                                    counted.sendErrors(),
                                    counted.sendDrops()));
                });
    }

    NetworkSegment makeSegment(LocalNetwork network) {
        var cannot = "cannot make network " + network.name();
        if (network.spec().ipv6() && !HostSettings.hasIpv6()) {
            throw new UnsupportedHostException(
                    cannot + " with IPv6: this kernel has none",
                    Map.of(),
                    "have it without, or start the kernel without ipv6.disable=1");
        }
        try {
            return network.spec().driver() instanceof NetworkDriver.Bridge kind
                    ? makeBridge(network, kind, cannot)
                    : makeOnWire(network, cannot);
        } catch (KernelException e) {
            if (e.errno() == Errno.EPERM.number()) {
                throw new UnsupportedHostException(
                        cannot + ": this process may not configure the host's network",
                        Map.of(),
                        "give it CAP_NET_ADMIN, or use noNetwork() or hostNetwork()",
                        e);
            }
            throw e;
        }
    }

    private NetworkSegment makeBridge(LocalNetwork network, NetworkDriver.Bridge kind, String cannot) {
        var spec = network.spec();
        var name = linkPrefix() + network.id().substring(0, 5);
        var host = links();
        var mtu = mtu(spec, kind);
        var bridge = LinkRequest.add(name)
                .kind(new LinkKind.Bridge(kind.vlans()))
                .group(group())
                .mtu(mtu)
                .mac(mac(network));
        try {
            host.execute(bridge.request());
        } catch (UnsupportedHostException e) {
            throw kind.vlans()
                    ? new UnsupportedHostException(
                            cannot + ": this kernel has no bridges with VLANs",
                            Map.of(),
                            "it was built without CONFIG_BRIDGE_VLAN_FILTERING",
                            e)
                    : e;
        }
        try (var undo = new Undo()) {
            undo.addStep(() -> host.execute(LinkRequest.delete(name).request()));
            var index = host.link(name).orElseThrow().index();
            ground().shield(name, spec.ipv6());
            var requests = new ArrayList<Request>();
            // the firewall drops what containers send to or from loopback addresses; without one, nothing of theirs
            // goes on
            var filter = filter(cannot, spec);
            var switches = LinkRequest.change(index);
            if (filter.isEmpty()) {
                switches.ipv4(LinkRequest.Ipv4Setting.FORWARDING, 0);
            } else if (ground().translates()) {
                switches.ipv4(LinkRequest.Ipv4Setting.ROUTE_LOCALNET, 1);
            }
            requests.add(withoutLinkLocal(switches, mtu).request());
            if (kind.vlans()) {
                requests.add(LinkRequest.change(index)
                        .ownVlan(EndpointSpec.DEFAULT_VLAN)
                        .request());
            }
            requests.add(LinkRequest.change(index).up().request());
            if (spec.ipv6()) {
                requests.add(new LinkAddress(index, LINK_LOCAL, IPV6_PREFIX)
                        .add()); // the kernel's own would be valid seconds later
            }
            host.execute(requests);
            var leases = new LinkedHashMap<Subnet, Leases>();
            var claims = new Subnets(
                    host, ground()::routesElsewhere, engine.options().networks(), engine.id());
            for (var ipv6 : spec.ipv6() ? new boolean[] {false, true} : new boolean[] {false}) {
                var subnet = claims.claim(cannot, spec, index, ipv6);
                leases.put(subnet, new Leases(subnet, spec.gateway(subnet), spec.range(subnet), OptionalInt.empty()));
            }
            var filtered = new FilteredNetwork(name, spec.internal(), spec.interContainer(), !spec.internal());
            filter.ifPresent(firewall -> firewall.add(filtered));
            if (!spec.internal() && filter.isPresent()) {
                notes.addAllAbsent(ground().passOn(spec.ipv6()));
            }
            var ours = new ArrayList<>(List.of(index));
            var encryption = kind.vxlan().flatMap(vxlan -> encrypt(network, vxlan, cannot));
            encryption.ifPresent(begun -> undo.addStep(() -> encrypted.end(begun)));
            kind.vxlan().ifPresent(vxlan -> ours.add(joinHosts(network, vxlan, index, mtu, cannot, undo)));
            undo.keepAll();
            return new NetworkSegment(
                    index, mtu, ours, Optional.of(filtered), encryption, Collections.unmodifiableMap(leases));
        }
    }

    /**
     * What the host's way to the outside passes whole, if that is less than usual, as with a VPN: containers tell their peers so when
     * they connect, while messages that a packet was too long get lost on many ways.
     *
     * @return 0 for the kernel's choice
     */
    private int mtu(NetworkSpec spec, NetworkDriver.Bridge kind) {
        if (spec.mtu() != 0) {
            return spec.mtu();
        }
        int overhead = kind.vxlan().map(NetworkDriver.Vxlan::overhead).orElse(0);
        var least = spec.ipv6() ? LEAST_MTU_IPV6 : LEAST_MTU;
        var outside = spec.internal() ? IntStream.empty() : mtusOutside();
        var mtu = outside.filter(each -> each < ETHERNET_MTU && each - overhead >= least)
                        .min()
                        .orElse(ETHERNET_MTU)
                - overhead;
        return mtu == ETHERNET_MTU ? 0 : mtu;
    }

    /** Of the links that lead to everything, or to half of it as some tunnels have it. */
    private IntStream mtusOutside() {
        return links().routes().stream()
                .filter(route -> route.type() == Route.Type.UNICAST
                        && route.destination().prefix() <= 1
                        && route.link() != 0)
                .map(Route::link)
                .distinct()
                .flatMap(link -> links().link(link).stream())
                .mapToInt(Link::mtu);
    }

    /**
     * So that the kernel gives it no address of IPv6 by itself. Where IPv6 cannot be, for want of it in the kernel or with packets too
     * short for it, the kernel would not even understand that.
     *
     * @param mtu of the link, or 0
     */
    static LinkRequest withoutLinkLocal(LinkRequest link, int mtu) {
        return HostSettings.hasIpv6() && (mtu == 0 || mtu >= LEAST_MTU_IPV6) ? link.withoutLinkLocal() : link;
    }

    /** An address and port of this host is for what is encrypted with one secret, or for what is in the clear. */
    private Optional<VxlanEncryption> encrypt(LocalNetwork network, NetworkDriver.Vxlan vxlan, String cannot) {
        for (var other : byName.values()) {
            if (!other.equals(network)
                    && other.spec().driver() instanceof NetworkDriver.Bridge bridge
                    && bridge.vxlan().isPresent()
                    && bridge.vxlan().get().local().equals(vxlan.local())
                    && bridge.vxlan().get().port() == vxlan.port()
                    && (bridge.vxlan().get().secret().isPresent()
                            || vxlan.secret().isPresent())) {
                throw new ConflictException(
                        cannot + ": network " + other.name() + " has port " + vxlan.port() + " of "
                                + vxlan.local().getHostAddress() + ", and is encrypted for itself or not at all",
                        "choose another port, the same on all hosts: vxlanPort(…)");
            }
        }
        return vxlan.secret().map(secret -> encrypted.begin(cannot, vxlan, secret));
    }

    /** A port of the bridge, to all that are on it elsewhere. */
    private int joinHosts(
            LocalNetwork network, NetworkDriver.Vxlan vxlan, int bridge, int mtu, String cannot, Undo undo) {
        var name = newLinkName();
        var remotes = vxlan.remotes();
        var port = LinkRequest.add(name)
                .kind(new LinkKind.Vxlan(vxlan.id(), vxlan.local(), remotes.get(0), vxlan.port(), 0))
                .group(group())
                .mtu(mtu)
                .master(bridge);
        try {
            links().execute(port.request());
        } catch (KernelException e) {
            if (e.errno() == Errno.EEXIST.number()) {
                throw new ConflictException(
                        cannot + ": VXLAN " + vxlan.id() + " is in use on this host",
                        Map.of("port", vxlan.port()),
                        "choose another id, the same on all hosts");
            }
            throw e;
        }
        undo.addStep(() -> links().execute(LinkRequest.delete(name).request()));
        var index = links().link(name).orElseThrow().index();
        var requests = new ArrayList<Request>();
        requests.add(withoutLinkLocal(LinkRequest.change(index), mtu).request());
        if (!network.spec().interContainer()) {
            requests.add(LinkRequest.change(index).isolated(true).request());
        }
        remotes.subList(1, remotes.size()).forEach(remote -> requests.add(new VxlanPeer(index, remote).add()));
        requests.add(LinkRequest.change(index).up().request());
        links().execute(requests);
        return index;
    }

    /** Of a macvlan or ipvlan, which has nothing on the host but its parent. */
    private NetworkSegment makeOnWire(LocalNetwork network, String cannot) {
        var spec = network.spec();
        var parent = ParentLink.open(cannot, this, spec.driver());
        var leases = new LinkedHashMap<Subnet, Leases>();
        spec.subnets().stream()
                .sorted(Comparator.comparing(Subnet::isIpv6))
                .forEach(subnet -> leases.put(
                        subnet,
                        new Leases(subnet, spec.gateway(subnet), spec.range(subnet), OptionalInt.of(parent.index()))));
        return new NetworkSegment(
                parent.index(),
                spec.mtu(),
                parent.made() ? List.of(parent.index()) : List.of(),
                Optional.empty(),
                Optional.empty(),
                Collections.unmodifiableMap(leases));
    }

    private Optional<Firewall> filter(String cannot, NetworkSpec spec) {
        var found = firewall();
        if (found.isEmpty() && spec.ipv6()) {
            throw new UnsupportedHostException(
                    cannot + " with IPv6: without nf_tables, nothing keeps others out of it",
                    Map.of(),
                    "have it without IPv6",
                    noFirewall);
        }
        return found;
    }

    /** What was changed on this host, and who stands in the way. */
    List<String> notes() {
        var all = new ArrayList<>(notes);
        synchronized (this) {
            if (noFirewall != null) {
                all.add("networks have no way to the outside, and this process relays what comes to published ports: "
                        + noFirewall.getMessage());
            }
            if (firewall != null && ground().translates()) { // nobody else has rules in a namespace of the engine's own
                firewall.obstacles().forEach(obstacle -> all.add(told(obstacle)));
            }
        }
        return all;
    }

    private static String told(Obstacle obstacle) {
        var missing = switch (obstacle.way()) {
            case FORWARD ->
                "networks may have no way to the outside, and others none to published ports"
                        + (HostSettings.filtersBridgedFrames() ? ", nor containers to each other" : "");
            case INPUT -> "containers may not reach this host itself (host.internal)";
        };
        return "the firewall's chain " + obstacle + " drops what it does not know, so " + missing + "; allow it: "
                + obstacle.help();
    }

    /** One of its own, so that it does not take that of the first container for its. */
    private static MacAddress mac(LocalNetwork network) {
        var digits = "0242" + network.id().substring(0, 8);
        return MacAddress.parse(
                HexFormat.ofDelimiter(":").formatHex(HexFormat.of().parseHex(digits)));
    }

    /** The links of its containers are gone already. */
    void removeSegment(NetworkSegment segment) {
        try (var undo = new Undo()) {
            segment.encryption().ifPresent(encryption -> undo.addStep(() -> encrypted.end(encryption)));
            segment.filtered()
                    .ifPresent(filtered ->
                            undo.addStep(() -> firewall().ifPresent(firewall -> firewall.remove(filtered))));
            for (var link : segment.ours()) {
                undo.addStep(() -> links().execute(LinkRequest.delete(link).request()));
            }
        }
    }

    /** After all containers are gone: the rest with one message, and the table with its socket. */
    @Override
    public void close() {
        awaitLeaving();
        synchronized (this) {
            try (var undo = new Undo()) {
                undo.add(encrypted);
                if (ground != null) {
                    undo.add(ground);
                }
                if (links != null) {
                    undo.add(links);
                    undo.addStep(this::deleteLinks);
                }
                if (firewall != null) {
                    undo.add(firewall);
                }
                if (relay != null) {
                    undo.add(relay);
                }
            }
            links = null;
            ground = null;
            firewall = null;
            relay = null;
        }
    }

    private void deleteLinks() {
        try {
            links().execute(LinkRequest.deleteGroup(group()).request());
        } catch (KernelException e) {
            if (e.errno() != Errno.ENODEV.number() && e.errno() != Errno.EPERM.number()) {
                throw e; // or there were none, or this process may not make any
            }
        }
    }

    /** Tries once more what others stood in the way of, when those are gone that are about to go. */
    <T> T patiently(Supplier<T> attempt) {
        try {
            return attempt.get();
        } catch (ConflictException e) {
            awaitLeaving();
            return attempt.get();
        }
    }
}
