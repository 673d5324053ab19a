package dev.cais.runtime;

import dev.cais.Dns;
import dev.cais.EndpointSpec;
import dev.cais.InvalidSpecException;
import dev.cais.KernelException;
import dev.cais.NetworkDriver;
import dev.cais.NotFoundException;
import dev.cais.PortBinding;
import dev.cais.Protocol;
import dev.cais.Subnet;
import dev.cais.UnsupportedHostException;
import dev.cais.linux.Errno;
import dev.cais.network.PublishedPort;
import dev.cais.network.cni.CniEndpoint;
import dev.cais.network.cni.CniNetwork;
import dev.cais.network.cni.CniResult;
import dev.cais.network.dns.NameService;
import dev.cais.network.dns.Names;
import dev.cais.network.dns.Upstream;
import dev.cais.network.dns.ZoneEntry;
import dev.cais.network.netlink.LinkAddress;
import dev.cais.network.netlink.LinkKind;
import dev.cais.network.netlink.LinkRequest;
import dev.cais.network.netlink.MacAddress;
import dev.cais.network.netlink.Request;
import dev.cais.network.netlink.Route;
import dev.cais.network.netlink.Rtnetlink;
import dev.cais.network.relay.SocketMaker;
import dev.cais.network.relay.Target;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The network namespace of a container's run, configured from outside through sockets that were opened inside. Guarded by the lock of
 * its {@link ContainerNetworks}.
 */
final class NetworkSide implements AutoCloseable {
    private final int run;
    private final NetworkStack stack;
    private final NetworkSteps.Sockets sockets;
    private final Rtnetlink inside;
    private final Dns dns;
    private final NameService names;
    /** Makes sockets that reach the container. */
    private final SocketMaker reaching;

    private final Map<LocalEndpoint, Interface> interfaces = new LinkedHashMap<>();
    /** Names of the interfaces' networks, as others were told them. */
    private final Map<LocalEndpoint, ZoneEntry> told = new LinkedHashMap<>();

    /** For the event loop. */
    private volatile List<LocalNetwork> attached = List.of();

    /** The container's addresses, as far as the host reaches them; for the event loop. */
    private volatile List<InetAddress> reached = List.of();

    private List<PublishedPort> published = List.of();
    private Optional<InetAddress> relayedTo = Optional.empty();

    /**
     * @param name as the container knows it: eth0
     * @param index in the container
     * @param removal takes it away
     */
    private record Interface(String name, int index, Runnable removal) {}

    NetworkSide(int run, NetworkStack stack, NetworkSteps.Sockets sockets, Dns dns) {
        this.run = run;
        this.dns = dns;
        this.stack = stack;
        this.sockets = sockets;
        this.inside = Rtnetlink.of(sockets.route());
        this.reaching = stack.ground().sockets();
        this.names = stack.resolver().attach(sockets.udp(), sockets.tcp(), this::names);
    }

    /** The number of the run that it is of. */
    int run() {
        return run;
    }

    /**
     * Makes an interface.
     *
     * @param ports for plugins; a bridge's are for {@link #publish}
     * @return the endpoint with the addresses that it has got
     */
    LocalEndpoint attach(LocalEndpoint endpoint, List<PortBinding> ports) {
        var cni = endpoint.network().cni();
        if (cni.isPresent()) {
            return attach(endpoint, cni.get(), ports);
        }
        try (var undo = new Undo()) {
            if (endpoint.network().spec().driver() instanceof NetworkDriver.Bridge) {
                attachToBridge(endpoint, freeName(), undo);
            } else {
                attachToWire(endpoint, freeName(), undo);
            }
            undo.keepAll();
        }
        tellNames(endpoint);
        return endpoint;
    }

    private LocalEndpoint attach(LocalEndpoint endpoint, CniNetwork plugins, List<PortBinding> ports) {
        var name = freeName();
        var place = new CniEndpoint(
                endpoint.container().id(),
                Path.of("/proc/" + ProcessHandle.current().pid() + "/fd/"
                        + sockets.namespace().number()),
                name,
                ports.stream()
                        .map(port -> new CniEndpoint.Port(
                                port.address().getHostAddress(),
                                port.host(),
                                port.container(),
                                port.protocol().word()))
                        .toList());
        var made = plugins.add(place);
        try (var undo = new Undo()) {
            Runnable removal = () -> plugins.delete(place, Optional.of(made));
            undo.addStep(removal);
            var link = inside.link(name).orElseThrow();
            var connected = endpoint.network()
                    .replace(
                            endpoint,
                            endpoint.with(
                                    made.addresses().stream()
                                            .map(CniResult.Address::address)
                                            .toList(),
                                    link.mac().map(MacAddress::toString).orElse("")));
            undo.addStep(() -> endpoint.network().replace(connected, endpoint));
            note(connected, new Interface(name, link.index(), removal), undo);
            tellNames(connected);
            undo.keepAll();
            return connected;
        }
    }

    private String freeName() {
        var number = 0;
        while (has("eth" + number)) {
            number++;
        }
        return "eth" + number;
    }

    /** A veth, whose other end is a port of the network's bridge. */
    private void attachToBridge(LocalEndpoint endpoint, String name, Undo undo) {
        var network = endpoint.network();
        var hostName = stack.newLinkName();
        var peer = LinkRequest.add(name)
                .mac(MacAddress.parse(endpoint.mac()))
                .mtu(network.segment().mtu())
                .namespace(sockets.namespace());
        stack.links()
                .execute(LinkRequest.add(hostName)
                        .kind(new LinkKind.Veth(peer))
                        .group(stack.group())
                        .mtu(network.segment().mtu())
                        .master(network.segment().index())
                        .request());
        undo.addStep(() -> delete(hostName));
        var requests = new ArrayList<Request>();
        var port = NetworkStack.withoutLinkLocal(
                LinkRequest.change(hostName), network.segment().mtu());
        if (!network.spec().interContainer()) {
            port.isolated(true);
        }
        if (stack.filtersBridgedFrames()) {
            port.hairpin(true);
        }
        requests.add(port.request());
        if (network.spec().driver() instanceof NetworkDriver.Bridge bridge && bridge.vlans()) {
            var index = stack.links().link(hostName).orElseThrow().index();
            requests.add(LinkRequest.change(index)
                    .vlan(Math.max(endpoint.spec().vlan(), EndpointSpec.DEFAULT_VLAN))
                    .request());
        }
        requests.add(LinkRequest.change(hostName).up().request());
        stack.links().execute(requests);
        configure(endpoint, name, () -> delete(hostName), undo);
    }

    /** A macvlan or ipvlan, made in the container at once. */
    private void attachToWire(LocalEndpoint endpoint, String name, Undo undo) {
        var network = endpoint.network();
        var link = LinkRequest.add(name)
                .kind(ParentLink.kind(network.spec().driver(), network.segment().index()))
                .mtu(network.segment().mtu())
                .namespace(sockets.namespace());
        if (network.spec().driver() instanceof NetworkDriver.Macvlan) {
            link.mac(MacAddress.parse(endpoint.mac()));
        }
        stack.links().execute(link.request());
        var index = inside.link(name).orElseThrow().index();
        Runnable removal = () -> ignoring(
                Errno.ENODEV, () -> inside.execute(LinkRequest.delete(index).request()));
        undo.addStep(removal);
        configure(endpoint, name, removal, undo);
    }

    /** In a network without IPv6 it has no addresses of that at all. */
    private void configure(LocalEndpoint endpoint, String name, Runnable removal, Undo undo) {
        var made = inside.link(name).orElseThrow();
        var index = made.index();
        var requests = new ArrayList<Request>();
        if (!endpoint.network().spec().ipv6()) {
            requests.add(NetworkStack.withoutLinkLocal(LinkRequest.change(index), made.mtu())
                    .request());
        }
        requests.add(LinkRequest.change(index).up().request());
        for (var address : endpoint.addresses()) {
            requests.add(
                    new LinkAddress(index, address, subnet(endpoint, address).prefix()).add());
        }
        inside.execute(requests);
        note(endpoint, new Interface(name, index, removal), undo);
        routeOutside();
    }

    private void note(LocalEndpoint endpoint, Interface made, Undo undo) {
        interfaces.put(endpoint, made);
        endpoint.link().set(made.name());
        undo.addStep(() -> forget(endpoint));
    }

    private @Nullable Interface forget(LocalEndpoint endpoint) {
        endpoint.link().set("");
        return interfaces.remove(endpoint);
    }

    private void tellNames(LocalEndpoint endpoint) {
        var entry = endpoint.names();
        told.put(endpoint, entry);
        endpoint.network().tellNames(entry);
        noteInterfaces();
    }

    private void noteInterfaces() {
        attached = interfaces.keySet().stream().map(LocalEndpoint::network).toList();
        reached = interfaces.keySet().stream()
                .filter(endpoint ->
                        endpoint.reachesHost() || endpoint.network().cni().isPresent())
                .flatMap(endpoint -> endpoint.addresses().stream())
                .toList();
    }

    private void forgetNames(LocalEndpoint endpoint) {
        var entry = told.remove(endpoint);
        if (entry != null) {
            endpoint.network().forgetNames(entry);
        }
        noteInterfaces();
    }

    /** The container has another name. */
    void renamed() {
        for (var endpoint : List.copyOf(told.keySet())) {
            forgetNames(endpoint);
            tellNames(endpoint);
        }
    }

    /** What the container can look up now, for the event loop. */
    private Names names() {
        var now = attached;
        return new Names(
                now.stream().map(LocalNetwork::zone).toList(),
                now.stream().allMatch(network -> network.spec().internal()) ? Upstream.NONE : stack.upstream(dns));
    }

    private boolean has(String name) {
        return interfaces.values().stream().anyMatch(each -> each.name().equals(name));
    }

    private static Subnet subnet(LocalEndpoint endpoint, InetAddress address) {
        return endpoint.network().segment().subnets().stream()
                .filter(subnet -> subnet.contains(address))
                .findFirst()
                .orElseThrow();
    }

    /** By the first network that leads there, of IPv4 and of IPv6; those that are routed so already stay. */
    private void routeOutside() {
        for (var ipv6 : new boolean[] {false, true}) {
            for (var each : interfaces.entrySet()) {
                var network = each.getKey().network();
                if (network.cni().isPresent()
                        || network.spec().driver() instanceof NetworkDriver.Bridge
                                && !each.getKey().reachesHost()) {
                    continue; // plugins make routes themselves, and other VLANs have none
                }
                var subnet = network.segment().subnets().stream()
                        .filter(one -> one.isIpv6() == ipv6)
                        .findFirst();
                if (subnet.isPresent() && !network.spec().internal()) {
                    var link = each.getValue().index();
                    var route = network.gateways().isEmpty()
                            ? Route.to(Subnet.around(subnet.get().address(), 0), link) // the parent routes
                            : Route.byDefault(network.spec().gateway(subnet.get()), link);
                    ignoring(Errno.EEXIST, () -> inside.execute(route.add()));
                    break;
                }
            }
        }
    }

    /**
     * Publishes ports, through the first network of each family.
     *
     * @return whether the relay leads elsewhere than before
     */
    boolean publish(List<PortBinding> bindings) {
        var wanted =
                bindings.stream().flatMap(binding -> forward(binding).stream()).toList();
        if (!wanted.equals(published)) {
            stack.firewall().ifPresent(firewall -> {
                firewall.unpublish(published);
                published = List.of();
                firewall.publish(wanted);
                published = wanted;
            });
        }
        var target = reached.stream().findFirst();
        var moved = !target.equals(relayedTo);
        relayedTo = target;
        return moved;
    }

    /** @throws UnsupportedHostException if only the relay could carry it, which cannot */
    void requirePublishable(PortBinding binding) {
        if (reached.isEmpty()) {
            throw new InvalidSpecException(
                    "cannot publish " + binding + ": the container has no address that this host reaches",
                    "have it join a bridge network, too");
        }
        if (binding.protocol() == Protocol.SCTP && shown(binding).relayed()) {
            throw new UnsupportedHostException(
                    "cannot publish " + binding + ": a relay carries tcp and udp only",
                    stack.translates()
                            ? "publish on another address, where nf_tables leads to one of the container's"
                            : "it needs nf_tables, and a JVM that root runs");
        }
    }

    /** A port with how it is served now. */
    PortBinding shown(PortBinding binding) {
        var translated = forward(binding).isPresent()
                || interfaces.keySet().stream()
                        .flatMap(endpoint -> endpoint.network().cni().stream())
                        .anyMatch(CniNetwork::publishes);
        return new PortBinding(binding.address(), binding.host(), binding.container(), binding.protocol(), !translated);
    }

    /** What the kernel is to translate, which is nothing from IPv6's loopback: no such answer comes back in. */
    private Optional<PublishedPort> forward(PortBinding binding) {
        if (binding.address() instanceof Inet6Address && binding.address().isLoopbackAddress()) {
            return Optional.empty();
        }
        return interfaces.keySet().stream()
                .filter(LocalEndpoint::reachesHost)
                .flatMap(endpoint -> endpoint.addresses().stream())
                .filter(address -> address.getClass() == binding.address().getClass())
                .findFirst()
                .filter(address -> stack.translates())
                .map(address -> new PublishedPort(
                        binding.protocol(), binding.address(), binding.host(), address, binding.container()));
    }

    /** For the relay: the container's first address, whichever that is when somebody comes. */
    Target target(int port) {
        return protocol -> {
            var addresses = reached;
            return addresses.isEmpty()
                    ? CompletableFuture.failedFuture(
                            new NotFoundException("cannot reach the container: it has no address"))
                    : Target.at(new InetSocketAddress(addresses.get(0), port), reaching)
                            .open(protocol);
        };
    }

    /** Takes an interface away; the kernel forgets what was routed through it. */
    void detach(LocalEndpoint endpoint) {
        var removed = forget(endpoint);
        if (removed != null) {
            forgetNames(endpoint);
            removed.removal().run();
            routeOutside();
        }
    }

    private void delete(String hostName) {
        ignoring(
                Errno.ENODEV,
                () -> stack.links().execute(LinkRequest.delete(hostName).request()));
    }

    private static void ignoring(Errno expected, Runnable action) {
        try {
            action.run();
        } catch (KernelException e) {
            if (e.errno() != expected.number()) {
                throw e;
            }
        }
    }

    /** Takes all away: both ends of an interface go at once. */
    @Override
    public void close() {
        try (var undo = new Undo()) {
            undo.add(sockets);
            undo.add(inside);
            interfaces.forEach((endpoint, each) -> {
                endpoint.link().set("");
                undo.addStep(() -> each.removal().run());
            });
            undo.addStep(() -> publish(List.of()));
            undo.add(names);
            List.copyOf(told.keySet()).forEach(endpoint -> undo.addStep(() -> forgetNames(endpoint)));
        }
    }
}
