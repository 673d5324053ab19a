package dev.cais.runtime;

import dev.cais.ConflictException;
import dev.cais.Endpoint;
import dev.cais.EndpointSpec;
import dev.cais.EventAction;
import dev.cais.Network;
import dev.cais.NotFoundException;
import dev.cais.PortBinding;
import dev.cais.Protocol;
import dev.cais.UnsupportedHostException;
import dev.cais.Warning;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A container's places on networks, from its creation to its removal, and its side of them while it runs.
 *
 * <p>Its lock is held while interfaces come and go, and taken before that of a network.
 */
final class ContainerNetworks {
    private final LocalNetworks networks;
    private final LocalContainer container;
    private volatile boolean networked;
    private final List<LocalEndpoint> endpoints = new ArrayList<>();
    private @Nullable NetworkSide side;
    private @Nullable ContainerPorts ports;
    /** First processes of this container and of those that share its network, some of which may have ended. */
    private final Set<ContainedProcess> followers = new LinkedHashSet<>();

    /** Of the run that is going on or was the last one. */
    private List<PortBinding> bindings = List.of();

    private volatile List<Warning> warnings = List.of();

    private volatile boolean gone;

    ContainerNetworks(LocalNetworks networks, LocalContainer container) {
        this.networks = networks;
        this.container = container;
        this.networked = networks.isNetworked(container.spec());
    }

    /** Whether its network namespace is its own, and for networks. */
    boolean isNetworked() {
        return networked;
    }

    /** What this host could not do that nobody asked for by name. */
    List<Warning> warnings() {
        return warnings;
    }

    /** Takes a place on each network that its spec names. */
    void join(String cannot) {
        for (var wanted : networks.endpoints(container.spec())) {
            var network = networks.get(cannot, wanted.network());
            try {
                var endpoint = networks.departures().patiently(cannot, () -> network.join(cannot, container, wanted));
                synchronized (this) {
                    endpoints.add(endpoint);
                }
            } catch (UnsupportedHostException e) {
                if (networks.isAskedFor(container.spec())) {
                    throw e;
                }
                networked = false;
                warnings = List.of(new Warning("the default network", String.valueOf(e.getMessage())));
                networks.noteMissing(e);
            }
        }
    }

    /** Before a run: takes the ports of the host that are to be published, if possible those that it had before. */
    void reservePorts(String cannot) {
        if (networked && !container.spec().ports().isEmpty()) {
            var reserved = networks.departures()
                    .patiently(
                            cannot,
                            () -> ContainerPorts.reserve(
                                    cannot, container.spec().ports(), bindings(), networks.loop()));
            synchronized (this) {
                ports = reserved;
                bindings = reserved.bindings();
            }
        }
    }

    private synchronized List<PortBinding> bindings() {
        return bindings;
    }

    private synchronized void giveBackPorts() {
        if (ports != null) {
            ports.close();
            ports = null;
        }
    }

    synchronized List<Endpoint> endpoints() {
        return endpoints.stream().map(LocalEndpoint::shown).toList();
    }

    synchronized List<LocalEndpoint> places() {
        return List.copyOf(endpoints);
    }

    synchronized InetAddress address(Network network) {
        return endpoints.stream()
                .filter(endpoint -> endpoint.network().equals(network))
                .map(endpoint -> endpoint.addresses().stream()
                        .findFirst()
                        .orElseThrow(() -> new ConflictException("cannot tell the address of container "
                                + container.name() + " on network " + network.name()
                                + ": its plugins give it one when it starts")))
                .findFirst()
                .orElseThrow(() -> new NotFoundException(
                        "cannot tell the address of container " + container.name() + " on network " + network.name()
                                + ": it is not connected to it",
                        Map.of(
                                "networks",
                                endpoints.stream()
                                        .map(endpoint -> endpoint.network().name())
                                        .toList()),
                        ""));
    }

    /** Configures the network namespace of a run that is about to begin. The sockets are this object's from now on. */
    synchronized void begin(int run, NetworkSteps.Sockets sockets) {
        var started =
                new NetworkSide(run, networks.stack(), sockets, container.spec().dns());
        try (var undo = new Undo()) {
            undo.add(started);
            for (var i = 0; i < endpoints.size(); i++) {
                endpoints.set(i, started.attach(endpoints.get(i), bindings));
                tell(endpoints.get(i), EventAction.CONNECT);
            }
            bindings.forEach(started::requirePublishable);
            started.publish(bindings);
            if (ports != null) {
                ports.serve(networks.stack().relay(), started::target);
            }
            undo.keepAll();
        }
        side = started;
    }

    /**
     * From now on the {@code /etc/hosts} of that process's container, this one or one that shares its network, is told of what comes and
     * goes.
     *
     * @param told those that it has been told of already
     */
    synchronized void follow(ContainedProcess process, List<LocalEndpoint> told) {
        var before = told.stream().flatMap(place -> lines(place).stream()).toList();
        var now = endpoints.stream().flatMap(place -> lines(place).stream()).toList();
        if (!before.equals(now)) {
            HostsFile.remove(
                    process, before.stream().filter(line -> !now.contains(line)).toList());
            HostsFile.add(
                    process, now.stream().filter(line -> !before.contains(line)).toList());
        }
        followers.removeIf(each -> !each.isRunning());
        followers.add(process);
    }

    private List<String> lines(LocalEndpoint place) {
        return EtcFiles.lines(container, place.addresses());
    }

    private void tellHosts(LocalEndpoint place) {
        followers.forEach(process -> HostsFile.add(process, lines(place)));
    }

    private void forgetInHosts(LocalEndpoint place) {
        followers.forEach(process -> HostsFile.remove(process, lines(place)));
    }

    /** That run is over, and all that it had here goes. */
    synchronized void end(int run) {
        var ended = side;
        if (ended != null && ended.run() == run) {
            side = null;
            ended.close();
            giveBackPorts();
            endpoints.forEach(endpoint -> tell(endpoint, EventAction.DISCONNECT));
        }
    }

    /** A start has failed. */
    synchronized void giveUp(int run) {
        end(run);
        giveBackPorts();
    }

    /** The container is no more: in the background, its interfaces go, and then its places are free. */
    void leave() {
        gone = true;
        if (networked) {
            networks.departures().later(this::leaveNow);
        }
    }

    /** The container is no more, and its places are to be free soon: nobody is shown them. */
    boolean isGone() {
        return gone;
    }

    private synchronized void leaveNow() {
        var ended = side;
        if (ended != null) {
            end(ended.run());
        }
        endpoints.forEach(endpoint -> endpoint.network().leave(endpoint));
        endpoints.clear();
    }

    private void tell(LocalEndpoint endpoint, EventAction action) {
        networks.tell(endpoint.network(), action, "container", container.id());
    }

    synchronized LocalEndpoint connect(String cannot, LocalNetwork network, EndpointSpec wanted) {
        if (!networked) {
            throw new ConflictException(
                    cannot + ": "
                            + (container.spec().namespaces().network().isPrivate()
                                    ? "it was made without a network"
                                    : "its network namespace is not its own ("
                                            + container.spec().namespaces().network() + ")"),
                    "make it with join(…), or with nothing said of networks");
        }
        if (gone) {
            throw new ConflictException(cannot + ": it is removed");
        }
        try (var undo = new Undo()) {
            var place = network.join(cannot, container, wanted);
            undo.addStep(() -> network.leave(place));
            var running = side;
            if (running == null) {
                endpoints.add(place);
                undo.keepAll();
                return place;
            }
            var endpoint = running.attach(place, bindings);
            undo.addStep(() -> network.leave(endpoint));
            undo.addStep(() -> running.detach(endpoint));
            republish(running);
            tell(endpoint, EventAction.CONNECT);
            endpoints.add(endpoint);
            tellHosts(endpoint);
            undo.keepAll();
            return endpoint;
        }
    }

    private void republish(NetworkSide running) {
        if (running.publish(bindings) && ports != null) {
            ports.reset();
        }
    }

    /** @return whether it was connected */
    synchronized boolean disconnect(LocalNetwork network) {
        var found = endpoints.stream()
                .filter(endpoint -> endpoint.network().equals(network))
                .findFirst();
        found.ifPresent(endpoint -> {
            endpoints.remove(endpoint);
            if (side != null) {
                side.detach(endpoint);
                republish(side);
                forgetInHosts(endpoint);
                tell(endpoint, EventAction.DISCONNECT);
            }
            network.leave(endpoint);
        });
        return found.isPresent();
    }

    /** The container has another name. */
    synchronized void renamed() {
        if (side != null) {
            side.renamed();
        }
    }

    /** Those of the run that is going on. */
    synchronized List<PortBinding> ports() {
        var running = side;
        return running == null
                ? List.of()
                : bindings.stream().map(running::shown).toList();
    }

    int hostPort(int containerPort, Protocol protocol) {
        return ports().stream()
                .filter(binding -> binding.container() == containerPort && binding.protocol() == protocol)
                .mapToInt(PortBinding::host)
                .findFirst()
                .orElseThrow(() -> new NotFoundException(
                        "cannot find port " + containerPort + "/" + protocol.word() + " of container "
                                + container.name() + ": it is not published",
                        Map.of("ports", ports()),
                        "publish it by the container's spec, or connect to the container's address"));
    }
}
