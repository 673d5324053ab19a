package dev.cais.network;

import dev.cais.ConflictException;
import dev.cais.EngineException;
import dev.cais.KernelException;
import dev.cais.NetworkDrops;
import dev.cais.Protocol;
import dev.cais.UnsupportedHostException;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.network.netlink.Conntrack;
import dev.cais.network.netlink.NftExpression;
import dev.cais.network.netlink.NftSet;
import dev.cais.network.netlink.NftSet.Element;
import dev.cais.network.netlink.NftTable;
import dev.cais.network.netlink.Nftables;
import dev.cais.network.netlink.Request;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What one engine has the kernel do with packets: one table, which goes with the engine's socket, however the JVM ends.
 *
 * <p>The {@link FilterRules} are written once, when the table is made. Networks and published ports are elements of its sets and maps, so a
 * thousand ports cost a packet what one does.
 *
 * <p>Other tables' chains see the packets too, and what one drops is dropped: {@link #obstacles} names those.
 *
 * <p>For any thread, one at a time.
 */
public final class Firewall implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Firewall.class);
    private static final Set<Integer> FORBIDDEN = Set.of(Errno.EPERM.number(), Errno.EACCES.number());
    /** Of sockets, of messages to a part of netfilter that is not there, of expressions without a module. */
    private static final Set<Integer> MISSING =
            Set.of(Errno.EAFNOSUPPORT.number(), Errno.EINVAL.number(), Errno.ENOTSUP.number(), Errno.ENOENT.number());

    private final NftTable table;
    private final Nftables nftables;

    private Firewall(NftTable table, Nftables nftables) {
        this.table = table;
        this.nftables = nftables;
    }

    /**
     * Makes the table, in this thread's network namespace.
     *
     * @param name of the table, unique on this host
     * @throws UnsupportedHostException if nf_tables is missing, lacks what is needed, or is forbidden to this process
     * @throws ConflictException if there is a table of that name
     */
    public static Firewall open(String name) {
        return open(Nftables::open, name, FilterRules::of);
    }

    /**
     * Makes the table in a network namespace that has no way to the outside but an {@link dev.cais.network.relay.Outlet}: what
     * containers send there is led to its sockets.
     *
     * @param netfilter a socket of netlink that was opened there; closed with this, or if this throws
     * @throws UnsupportedHostException if nf_tables is missing, or lacks what is needed
     */
    public static Firewall openWithOutlet(String name, Fd netfilter) {
        return open(() -> Nftables.of(netfilter), name, table -> {
            var requests = new ArrayList<>(FilterRules.of(table));
            requests.addAll(OutletRules.of(table));
            return requests;
        });
    }

    private static Firewall open(Supplier<Nftables> socket, String name, Function<NftTable, List<Request>> rules) {
        var table = new NftTable(name);
        try {
            var nftables = socket.get();
            try {
                if (nftables.chains().stream().anyMatch(chain -> chain.table().equals(name))) {
                    throw new ConflictException("cannot make the table " + name + ": there is one of that name");
                }
                nftables.transact(rules.apply(table));
                return new Firewall(table, nftables);
            } catch (RuntimeException e) {
                nftables.close();
                throw e;
            }
        } catch (KernelException e) {
            throw refused(e);
        }
    }

    private static EngineException refused(KernelException cause) {
        if (FORBIDDEN.contains(cause.errno())) {
            return new UnsupportedHostException(
                    "cannot translate addresses: nf_tables is forbidden to this process",
                    cause.facts(),
                    "it needs CAP_NET_ADMIN in its network namespace",
                    cause);
        }
        if (MISSING.contains(cause.errno())) {
            return new UnsupportedHostException(
                    "cannot translate addresses: this kernel's nf_tables is missing or lacks something: "
                            + cause.getMessage(),
                    Map.of(),
                    "the modules nf_tables, nft_nat, nft_masq, nft_ct, nft_fib_inet, and without root nft_tproxy and"
                            + " nft_reject_inet, may have to be installed",
                    cause);
        }
        return cause;
    }

    /** @throws ConflictException if that bridge is known already */
    public void add(FilteredNetwork network) {
        change(network, table::addElements, "cannot filter " + network.bridge());
    }

    /** @throws KernelException with {@code ENOENT} if it was not added just so */
    public void remove(FilteredNetwork network) {
        change(network, table::deleteElements, "cannot stop filtering " + network.bridge());
    }

    @FunctionalInterface
    private interface Change {
        List<Request> requests(String what, NftSet set, List<Element> elements);
    }

    private void change(FilteredNetwork network, Change change, String what) {
        var name = NftExpression.linkName(network.bridge());
        var one = List.of(new Element(name));
        var both = List.of(new Element(
                ByteBuffer.allocate(2 * name.length).put(name).put(name).array()));
        var requests = new ArrayList<Request>();
        requests.addAll(change.requests(what, FilterRules.BRIDGES, one));
        requests.addAll(change.requests(what, FilterRules.WITHIN, both));
        if (network.interContainer()) {
            requests.addAll(change.requests(what, FilterRules.TALKING, both));
        }
        if (network.internal()) {
            requests.addAll(change.requests(what, FilterRules.INTERNAL_BRIDGES, one));
        }
        if (network.masquerade() && !network.internal()) {
            requests.addAll(change.requests(what, FilterRules.OUTSIDE, one));
        }
        transact(requests, what + ": it is known already");
    }

    /**
     * Publishes all of these or none. The host's ports should be bound by a socket meanwhile, or another process takes them.
     *
     * @throws ConflictException if one is published already
     */
    public void publish(List<PublishedPort> ports) {
        change(ports, table::addElements, "cannot publish ");
    }

    /**
     * Takes back what was published, all or none. Who goes on sending datagrams from one port would go on reaching a container that is
     * gone, or the next one with its address: so the kernel forgets about them. Connections of TCP and SCTP go on until one side ends
     * them, as a container's kernel does.
     *
     * @throws KernelException with {@code ENOENT} if one is not published
     */
    public void unpublish(List<PublishedPort> ports) {
        change(ports, table::deleteElements, "cannot take back ");
        if (ports.stream().anyMatch(port -> port.protocol() == Protocol.UDP)) {
            forget(ports);
        }
    }

    /** Looks at all connections of the host, which takes 10 ms or more. */
    private static void forget(List<PublishedPort> ports) {
        try (var conntrack = Conntrack.open()) {
            ports.stream()
                    .filter(port -> port.protocol() == Protocol.UDP)
                    .map(PublishedPort::address)
                    .distinct()
                    .forEach(conntrack::forgetAnsweredBy);
        } catch (KernelException e) {
            if (!FORBIDDEN.contains(e.errno()) && !MISSING.contains(e.errno())) {
                throw e;
            }
            LOG.debug("connections to published ports are not forgotten", e);
        }
    }

    private void change(List<PublishedPort> ports, Change change, String verb) {
        if (ports.isEmpty()) {
            return;
        }
        var what = verb + ports.get(0).host() + (ports.size() > 1 ? " and " + (ports.size() - 1) + " more" : "");
        var bySet = new LinkedHashMap<NftSet, List<Element>>();
        for (var port : ports) {
            bySet.computeIfAbsent(set(port), set -> new ArrayList<>()).add(element(port));
        }
        var requests = new ArrayList<Request>();
        bySet.forEach((set, elements) -> requests.addAll(change.requests(what, set, elements)));
        transact(requests, what + ": it is published already");
    }

    private void transact(List<Request> requests, String conflict) {
        try {
            nftables.transact(requests);
        } catch (KernelException e) {
            if (e.errno() == Errno.EEXIST.number()) {
                throw new ConflictException(conflict, Map.of(), "", e);
            }
            throw e;
        }
    }

    private static NftSet set(PublishedPort port) {
        var all = port.hostAddress().isAnyLocalAddress();
        return port.isIpv6()
                ? all ? FilterRules.PORTS6 : FilterRules.ADDRESS_PORTS6
                : all ? FilterRules.PORTS4 : FilterRules.ADDRESS_PORTS4;
    }

    private static Element element(PublishedPort port) {
        var host = port.hostAddress().isAnyLocalAddress()
                ? new byte[0]
                : port.hostAddress().getAddress();
        var key = ByteBuffer.allocate(host.length + 8)
                .put(host)
                .put(protocolNumber(port))
                .position(host.length + 4)
                .putShort((short) port.hostPort());
        var address = port.address().getAddress();
        var data = ByteBuffer.allocate(address.length + 4).put(address).putShort((short) port.port());
        return new Element(key.array(), data.array());
    }

    private static byte protocolNumber(PublishedPort port) {
        return switch (port.protocol()) {
            case TCP -> 6;
            case UDP -> 17;
            case SCTP -> (byte) 132;
        };
    }

    /** How many ports are published. */
    public int publishedPorts() {
        return List.of(FilterRules.PORTS4, FilterRules.PORTS6, FilterRules.ADDRESS_PORTS4, FilterRules.ADDRESS_PORTS6)
                .stream()
                .mapToInt(set -> nftables.keys(table, set.name()).size())
                .sum();
    }

    /** How many packets the rules dropped since the table was made. */
    public NetworkDrops drops() {
        var counters = nftables.counters(table);
        return new NetworkDrops(
                packets(counters, FilterRules.ISOLATED),
                packets(counters, FilterRules.INTERNAL),
                packets(counters, FilterRules.MARTIANS));
    }

    private static long packets(Map<String, Nftables.Counter> counters, String name) {
        return counters.getOrDefault(name, new Nftables.Counter(0, 0)).packets();
    }

    /**
     * Chains of others that drop what they do not know, by their policy or their last rule, on the ways that packets of containers take:
     * {@code ip filter FORWARD} where Docker or ufw is active, {@code inet firewalld filter_FORWARD}. What the host itself sends to a
     * published port does not come by them.
     */
    public List<Obstacle> obstacles() {
        return Obstacles.among(nftables, table);
    }

    @Override
    public void close() {
        nftables.close();
    }

    /** {@code Firewall[cais-1a2b3c]}. */
    @Override
    public String toString() {
        return "Firewall[" + table.name() + "]";
    }
}
