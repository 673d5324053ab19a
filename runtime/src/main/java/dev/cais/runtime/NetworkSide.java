package dev.cais.runtime;

import dev.cais.InvalidSpecException;
import dev.cais.KernelException;
import dev.cais.PortBinding;
import dev.cais.Subnet;
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
import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The network namespace of a container's run, configured from outside through sockets that were opened inside. Guarded by the lock of
 * its {@link ContainerNetworks}.
 */
final class NetworkSide implements AutoCloseable {
    private final int run;
    private final LocalNetworks networks;
    private final NetworkSteps.Sockets sockets;
    private final Rtnetlink inside;
    private final NameService names;
    private final Map<LocalEndpoint, Interface> interfaces = new LinkedHashMap<>();
    /** Names of the interfaces' networks, as others were told them. */
    private final Map<LocalEndpoint, ZoneEntry> told = new LinkedHashMap<>();

    /** For the event loop. */
    private volatile List<LocalNetwork> attached = List.of();

    private List<PublishedPort> published = List.of();

    /**
     * @param number in the name that the container knows: eth0
     * @param index in the container
     * @param removal takes it away
     */
    private record Interface(int number, int index, Runnable removal) {}

    NetworkSide(int run, LocalNetworks networks, NetworkSteps.Sockets sockets) {
        this.run = run;
        this.networks = networks;
        this.sockets = sockets;
        this.inside = Rtnetlink.of(sockets.route());
        this.names = networks.resolver().attach(sockets.udp(), sockets.tcp(), this::names);
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
        attachToBridge(endpoint);
        return endpoint;
    }

    private LocalEndpoint attach(LocalEndpoint endpoint, CniNetwork plugins, List<PortBinding> ports) {
        var number = freeNumber();
        var place = new CniEndpoint(
                endpoint.container().id(),
                Path.of("/proc/" + ProcessHandle.current().pid() + "/fd/"
                        + sockets.namespace().number()),
                "eth" + number,
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
            var link = inside.link("eth" + number).orElseThrow();
            var connected = endpoint.network()
                    .replace(
                            endpoint,
                            endpoint.with(
                                    made.addresses().stream()
                                            .map(CniResult.Address::address)
                                            .toList(),
                                    link.mac().map(MacAddress::toString).orElse("")));
            undo.addStep(() -> endpoint.network().replace(connected, endpoint));
            interfaces.put(connected, new Interface(number, link.index(), removal));
            undo.addStep(() -> interfaces.remove(connected));
            tellNames(connected);
            undo.keepAll();
            return connected;
        }
    }

    private int freeNumber() {
        var number = 0;
        while (has(number)) {
            number++;
        }
        return number;
    }

    /** In a network without IPv6 it has no addresses of that at all. */
    private void attachToBridge(LocalEndpoint endpoint) {
        var network = endpoint.network();
        var bridge = network.bridge();
        var number = freeNumber();
        var name = "eth" + number;
        var hostName = networks.newLinkName();
        var peer = LinkRequest.add(name)
                .mac(MacAddress.parse(endpoint.mac()))
                .mtu(network.spec().mtu())
                .namespace(sockets.namespace());
        var host = LinkRequest.add(hostName)
                .kind(new LinkKind.Veth(peer))
                .group(networks.group())
                .mtu(network.spec().mtu())
                .master(bridge.index());
        var port = LinkRequest.change(hostName).withoutLinkLocal();
        try (var undo = new Undo()) {
            networks.links().execute(host.request());
            undo.addStep(() -> delete(hostName));
            if (!network.spec().interContainer()) {
                port.isolated(true);
            }
            networks.links()
                    .execute(port.request(), LinkRequest.change(hostName).up().request());
            var index = inside.link(name).orElseThrow().index();
            var requests = new ArrayList<Request>();
            if (!network.spec().ipv6()) {
                requests.add(LinkRequest.change(index).withoutLinkLocal().request());
            }
            requests.add(LinkRequest.change(index).up().request());
            for (var address : endpoint.addresses()) {
                requests.add(new LinkAddress(
                                index, address, subnet(endpoint, address).prefix())
                        .add());
            }
            inside.execute(requests);
            interfaces.put(endpoint, new Interface(number, index, () -> delete(hostName)));
            undo.addStep(() -> interfaces.remove(endpoint));
            routeOutside();
            undo.keepAll();
        }
        tellNames(endpoint);
    }

    private void tellNames(LocalEndpoint endpoint) {
        var entry = endpoint.names();
        told.put(endpoint, entry);
        endpoint.network().tellNames(entry);
        attached = interfaces.keySet().stream().map(LocalEndpoint::network).toList();
    }

    private void forgetNames(LocalEndpoint endpoint) {
        var entry = told.remove(endpoint);
        if (entry != null) {
            endpoint.network().forgetNames(entry);
        }
        attached = interfaces.keySet().stream().map(LocalEndpoint::network).toList();
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
                now.stream().allMatch(network -> network.spec().internal()) ? Upstream.NONE : networks.upstream());
    }

    private boolean has(int number) {
        return interfaces.values().stream().anyMatch(each -> each.number() == number);
    }

    private static Subnet subnet(LocalEndpoint endpoint, InetAddress address) {
        return endpoint.network().bridge().subnets().stream()
                .filter(subnet -> subnet.contains(address))
                .findFirst()
                .orElseThrow();
    }

    /** By the first network that leads there, of IPv4 and of IPv6; those that are routed so already stay. */
    private void routeOutside() {
        for (var ipv6 : new boolean[] {false, true}) {
            for (var each : interfaces.entrySet()) {
                var network = each.getKey().network();
                if (network.cni().isPresent()) {
                    continue; // plugins make routes themselves
                }
                var subnet = network.bridge().subnets().stream()
                        .filter(one -> one.isIpv6() == ipv6)
                        .findFirst();
                if (subnet.isPresent() && !network.spec().internal()) {
                    var gateway = network.spec().gateway(subnet.get());
                    ignoring(
                            Errno.EEXIST,
                            () -> inside.execute(
                                    Route.byDefault(gateway, each.getValue().index())
                                            .add()));
                    break;
                }
            }
        }
    }

    /** Publishes ports, through the first network of each family. */
    void publish(List<PortBinding> bindings) {
        var wanted =
                bindings.stream().flatMap(binding -> forward(binding).stream()).toList();
        if (!wanted.equals(published)) {
            networks.firewall().unpublish(published);
            published = List.of();
            networks.firewall().publish(wanted);
            published = wanted;
        }
    }

    void requirePublishable(PortBinding binding) {
        if (binding.address() instanceof Inet6Address && binding.address().isLoopbackAddress()) {
            throw new InvalidSpecException(
                    "cannot publish " + binding + ": the kernel leads nothing from IPv6's loopback to another link",
                    "publish on 127.0.0.1, or on another address of IPv6");
        }
        if (forward(binding).isEmpty()
                && interfaces.keySet().stream()
                        .noneMatch(endpoint -> endpoint.network().cni().isPresent())) {
            throw new InvalidSpecException(
                    "cannot publish " + binding + ": the container has no address of that family",
                    "have it join a network with IPv6 (NetworkSpec.withIpv6), or publish on an IPv4 address");
        }
    }

    private Optional<PublishedPort> forward(PortBinding binding) {
        return interfaces.keySet().stream()
                .filter(endpoint -> endpoint.network().cni().isEmpty())
                .flatMap(endpoint -> endpoint.addresses().stream())
                .filter(address -> address.getClass() == binding.address().getClass())
                .findFirst()
                .map(address -> new PublishedPort(
                        binding.protocol(), binding.address(), binding.host(), address, binding.container()));
    }

    /** Takes an interface away; the kernel forgets what was routed through it. */
    void detach(LocalEndpoint endpoint) {
        var removed = interfaces.remove(endpoint);
        if (removed != null) {
            forgetNames(endpoint);
            removed.removal().run();
            routeOutside();
        }
    }

    private void delete(String hostName) {
        ignoring(
                Errno.ENODEV,
                () -> networks.links().execute(LinkRequest.delete(hostName).request()));
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
            for (var each : List.copyOf(interfaces.values())) {
                undo.addStep(() -> each.removal().run());
            }
            undo.addStep(() -> publish(List.of()));
            undo.add(names);
            List.copyOf(told.keySet()).forEach(endpoint -> undo.addStep(() -> forgetNames(endpoint)));
        }
    }
}
