package dev.cais.runtime;

import dev.cais.ConflictException;
import dev.cais.EndpointSpec;
import dev.cais.KernelException;
import dev.cais.NetworkDriver;
import dev.cais.NetworkSpec;
import dev.cais.Stats;
import dev.cais.Subnet;
import dev.cais.UnsupportedHostException;
import dev.cais.linux.Errno;
import dev.cais.network.FilteredNetwork;
import dev.cais.network.HostSettings;
import dev.cais.network.esp.VxlanEncryption;
import dev.cais.network.netlink.Link;
import dev.cais.network.netlink.LinkAddress;
import dev.cais.network.netlink.LinkKind;
import dev.cais.network.netlink.LinkRequest;
import dev.cais.network.netlink.MacAddress;
import dev.cais.network.netlink.Request;
import dev.cais.network.netlink.Route;
import dev.cais.network.netlink.VxlanPeer;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/** Makes what networks are of on the host, bridges above all, and takes it away. */
final class NetworkSegments implements AutoCloseable {
    private static final InetAddress LINK_LOCAL = Subnet.parseAddress("fe80::1");
    private static final int IPV6_PREFIX = 64;
    private static final int ETHERNET_MTU = 1500;
    private static final int LEAST_MTU = 68;

    private final LocalEngine engine;
    private final NetworkStack stack;
    private final Supplier<Collection<LocalNetwork>> networks;
    private final EncryptedHosts encrypted;

    /** @param networks all of this engine */
    NetworkSegments(LocalEngine engine, NetworkStack stack, Supplier<Collection<LocalNetwork>> networks) {
        this.engine = engine;
        this.stack = stack;
        this.networks = networks;
        this.encrypted = new EncryptedHosts(engine.store().engineDirectory(), engine.loop(), engine.workers());
    }

    /** For a network that has none; after a failure, nothing of it is left. */
    NetworkSegment make(LocalNetwork network) {
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
        var name = stack.bridgeName(network);
        var host = stack.links();
        var mtu = mtu(spec, kind);
        var bridge = LinkRequest.add(name)
                .kind(new LinkKind.Bridge(kind.vlans()))
                .group(stack.group())
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
            stack.ground().shield(name, spec.ipv6());
            var requests = new ArrayList<Request>();
            // the firewall drops what containers send to or from loopback addresses; without one, nothing of theirs
            // goes on
            var filter = stack.firewall(cannot, spec);
            var switches = LinkRequest.change(index);
            if (filter.isEmpty()) {
                switches.ipv4(LinkRequest.Ipv4Setting.FORWARDING, 0);
            } else if (stack.ground().translates()) {
                switches.ipv4(LinkRequest.Ipv4Setting.ROUTE_LOCALNET, 1);
            }
            requests.add(NetworkStack.withoutLinkLocal(switches, mtu).request());
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
                    host, stack.ground()::routesElsewhere, engine.options().networks(), engine.id());
            for (var ipv6 : spec.ipv6() ? new boolean[] {false, true} : new boolean[] {false}) {
                var subnet = claims.claim(cannot, spec, index, ipv6);
                leases.put(subnet, new Leases(subnet, spec.gateway(subnet), spec.range(subnet), OptionalInt.empty()));
            }
            var filtered = new FilteredNetwork(name, spec.internal(), spec.interContainer(), !spec.internal());
            filter.ifPresent(firewall -> {
                firewall.add(filtered);
                undo.addStep(() -> firewall.remove(filtered));
            });
            if (!spec.internal() && filter.isPresent()) {
                stack.ground().passOn(spec.ipv6()).forEach(stack::note);
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
        var least = spec.ipv6() ? NetworkStack.LEAST_MTU_IPV6 : LEAST_MTU;
        var outside = spec.internal() ? IntStream.empty() : mtusOutside();
        var mtu = outside.filter(each -> each < ETHERNET_MTU && each - overhead >= least)
                        .min()
                        .orElse(ETHERNET_MTU)
                - overhead;
        return mtu == ETHERNET_MTU ? 0 : mtu;
    }

    /** Of the links that lead to everything, or to half of it as some tunnels have it. */
    private IntStream mtusOutside() {
        return stack.links().routes().stream()
                .filter(route -> route.type() == Route.Type.UNICAST
                        && route.destination().prefix() <= 1
                        && route.link() != 0)
                .map(Route::link)
                .distinct()
                .flatMap(link -> stack.links().link(link).stream())
                .mapToInt(Link::mtu);
    }

    /** An address and port of this host is for what is encrypted with one secret, or for what is in the clear. */
    private Optional<VxlanEncryption> encrypt(LocalNetwork network, NetworkDriver.Vxlan vxlan, String cannot) {
        for (var other : networks.get()) {
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
        var name = stack.newLinkName();
        var remotes = vxlan.remotes();
        var port = LinkRequest.add(name)
                .kind(new LinkKind.Vxlan(vxlan.id(), vxlan.local(), remotes.get(0), vxlan.port(), 0))
                .group(stack.group())
                .mtu(mtu)
                .master(bridge);
        try {
            stack.links().execute(port.request());
        } catch (KernelException e) {
            if (e.errno() == Errno.EEXIST.number()) {
                throw new ConflictException(
                        cannot + ": VXLAN " + vxlan.id() + " is in use on this host",
                        Map.of("port", vxlan.port()),
                        "choose another id, the same on all hosts");
            }
            throw e;
        }
        undo.addStep(() -> stack.links().execute(LinkRequest.delete(name).request()));
        var index = stack.links().link(name).orElseThrow().index();
        var requests = new ArrayList<Request>();
        requests.add(
                NetworkStack.withoutLinkLocal(LinkRequest.change(index), mtu).request());
        if (!network.spec().interContainer()) {
            requests.add(LinkRequest.change(index).isolated(true).request());
        }
        remotes.subList(1, remotes.size()).forEach(remote -> requests.add(new VxlanPeer(index, remote).add()));
        requests.add(LinkRequest.change(index).up().request());
        stack.links().execute(requests);
        return index;
    }

    /** Of a macvlan or ipvlan, which has nothing on the host but its parent. */
    private NetworkSegment makeOnWire(LocalNetwork network, String cannot) {
        var spec = network.spec();
        var parent = ParentLink.open(cannot, stack, spec.driver());
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

    /** One of its own, so that it does not take that of the first container for its. */
    private static MacAddress mac(LocalNetwork network) {
        var digits = "0242" + network.id().substring(0, 8);
        return MacAddress.parse(
                HexFormat.ofDelimiter(":").formatHex(HexFormat.of().parseHex(digits)));
    }

    /** The links of its containers are gone already. */
    void remove(NetworkSegment segment) {
        try (var undo = new Undo()) {
            segment.encryption().ifPresent(encryption -> undo.addStep(() -> encrypted.end(encryption)));
            segment.filtered()
                    .ifPresent(filtered ->
                            undo.addStep(() -> stack.firewall().ifPresent(firewall -> firewall.remove(filtered))));
            for (var link : segment.ours()) {
                undo.addStep(
                        () -> stack.links().execute(LinkRequest.delete(link).request()));
            }
        }
    }

    /** What has passed its bridge, if it has one. */
    Optional<Stats.Network> traffic(NetworkSegment segment) {
        return segment.filtered()
                .flatMap(bridge -> stack.links().link(segment.index()))
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

    /** After all containers are gone. */
    @Override
    public void close() {
        encrypted.close();
    }
}
