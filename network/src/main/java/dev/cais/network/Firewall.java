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
import dev.cais.network.netlink.NftExpression.Connection;
import dev.cais.network.netlink.NftExpression.Header;
import dev.cais.network.netlink.NftExpression.Meta;
import dev.cais.network.netlink.NftExpression.Verdict;
import dev.cais.network.netlink.NftSet;
import dev.cais.network.netlink.NftSet.Element;
import dev.cais.network.netlink.NftSet.Field;
import dev.cais.network.netlink.NftTable;
import dev.cais.network.netlink.NftTable.Hook;
import dev.cais.network.netlink.Nftables;
import dev.cais.network.netlink.Request;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What one engine has the kernel do with packets: one table, which goes with the engine's socket, however the JVM ends.
 *
 * <p>The rules are written once, when the table is made. Networks and published ports are elements of its sets and maps, so a
 * thousand ports cost a packet what one does. As {@code nft list table inet NAME} shows it:
 *
 * <ul>
 *   <li>{@code raw}: what comes from a container and has 127.0.0.0/8 at either end is dropped, since the bridges have
 *       {@code route_localnet}.
 *   <li>{@code input}: what a container tells the host about routers and better routes is dropped, or it would have the host's
 *       packets sent its way.
 *   <li>{@code prerouting}, {@code output}: new connections to the host's own addresses are looked up in the published ports.
 *       To 127.0.0.0/8 only from the host itself: others' packets there would be translated before the kernel sees that they are
 *       martians. To ::1 never: the kernel lets no such answer back in, so that address needs a relay.
 *   <li>{@code forward}: answers pass; within a network packets pass, unless its containers are not to reach each other; then
 *       translated connections pass; nothing else enters a network, and nothing leaves an internal one.
 *   <li>{@code postrouting}: what leaves for the outside, what came from 127.0.0.0/8, and what was published by a neighbour on the
 *       same network (the answer would not come by here otherwise) gets the host's address as its source. All else keeps its own.
 * </ul>
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

    private static final String ISOLATED = "isolated";
    static final String INTERNAL = "internal";
    private static final String MARTIANS = "martians";

    static final NftSet BRIDGES = new NftSet(1, "bridges", Field.LINK_NAME);
    static final NftSet INTERNAL_BRIDGES = new NftSet(2, "internal-bridges", Field.LINK_NAME);
    private static final NftSet OUTSIDE = new NftSet(3, "outside", Field.LINK_NAME);
    private static final NftSet WITHIN = new NftSet(4, "within", Field.LINK_NAME, Field.LINK_NAME);
    private static final NftSet TALKING = new NftSet(5, "talking", Field.LINK_NAME, Field.LINK_NAME);
    private static final NftSet PORTS4 =
            new NftSet(6, "ports4", List.of(Field.PROTOCOL, Field.PORT), List.of(Field.IPV4_ADDRESS, Field.PORT));
    private static final NftSet PORTS6 =
            new NftSet(7, "ports6", List.of(Field.PROTOCOL, Field.PORT), List.of(Field.IPV6_ADDRESS, Field.PORT));
    private static final NftSet ADDRESS_PORTS4 = new NftSet(
            8,
            "address-ports4",
            List.of(Field.IPV4_ADDRESS, Field.PROTOCOL, Field.PORT),
            List.of(Field.IPV4_ADDRESS, Field.PORT));
    private static final NftSet ADDRESS_PORTS6 = new NftSet(
            9,
            "address-ports6",
            List.of(Field.IPV6_ADDRESS, Field.PROTOCOL, Field.PORT),
            List.of(Field.IPV6_ADDRESS, Field.PORT));
    private static final List<NftSet> SETS = List.of(
            BRIDGES, INTERNAL_BRIDGES, OUTSIDE, WITHIN, TALKING, PORTS4, PORTS6, ADDRESS_PORTS4, ADDRESS_PORTS6);

    private static final byte IPV4 = 2;
    private static final byte IPV6 = 10;
    private static final byte LOOPBACK = 127;
    private static final byte ICMP = 1;
    private static final byte ICMPV6 = 58;
    private static final byte REDIRECT = 5;
    private static final byte REDIRECT6 = (byte) 137;
    private static final byte ROUTER_ADVERTISEMENT = (byte) 134;
    private static final byte[] LOOPBACK6 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    private static final byte[] NO_BITS = {0, 0, 0, 0};
    private static final byte[] LOCAL = {2, 0, 0, 0};
    private static final int SOURCE4 = 12;
    private static final int DESTINATION4 = 16;
    private static final int DESTINATION6 = 24;
    /** Those that see packets between links, as the program nft calls them. */
    private static final Map<Integer, String> FAMILIES = Map.of(1, "inet", 2, "ip", 10, "ip6");
    /** Chains of the program ufw, in the tables of iptables and ip6tables. */
    private static final Pattern UFW = Pattern.compile("ufw6?-before-forward");

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
        return open(Nftables::open, name, Firewall::ruleset);
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
            var requests = new ArrayList<>(ruleset(table));
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

    static List<Request> ruleset(NftTable table) {
        var requests = new ArrayList<Request>();
        requests.add(table.add(true));
        for (var counter : List.of(ISOLATED, INTERNAL, MARTIANS)) {
            requests.add(table.addCounter(counter));
        }
        for (var set : SETS) {
            requests.add(table.addSet(set));
        }
        requests.add(table.addChain("publish4"));
        requests.add(table.addChain("publish6"));
        requests.add(table.addChain("raw", "filter", Hook.PREROUTING, NftTable.PRIORITY_RAW));
        requests.add(table.addChain("prerouting", "nat", Hook.PREROUTING, NftTable.PRIORITY_DESTINATION));
        requests.add(table.addChain("output", "nat", Hook.OUTPUT, NftTable.PRIORITY_DESTINATION));
        requests.add(table.addChain("input", "filter", Hook.INPUT, NftTable.PRIORITY_FILTER));
        requests.add(table.addChain("forward", "filter", Hook.FORWARD, NftTable.PRIORITY_FILTER));
        requests.add(table.addChain("postrouting", "nat", Hook.POSTROUTING, NftTable.PRIORITY_SOURCE));
        publishing(requests, table);
        martians(requests, table);
        routers(requests, table);
        destinations(requests, table);
        forwarding(requests, table);
        sources(requests, table);
        return requests;
    }

    private static void publishing(List<Request> requests, NftTable table) {
        publishing(requests, table, false, "publish4", ADDRESS_PORTS4, PORTS4);
        publishing(requests, table, true, "publish6", ADDRESS_PORTS6, PORTS6);
    }

    /** Ports of one address first, then those of all. A register has 4 bytes: an address takes the first one or four. */
    private static void publishing(
            List<Request> requests, NftTable table, boolean ipv6, String chain, NftSet ofAddress, NftSet ofAll) {
        var words = ipv6 ? 4 : 1;
        requests.add(table.addRule(
                chain,
                NftExpression.meta(Meta.NFPROTO, 0),
                NftExpression.equal(0, ipv6 ? IPV6 : IPV4),
                NftExpression.payload(Header.NETWORK, ipv6 ? DESTINATION6 : DESTINATION4, 4 * words, 0),
                NftExpression.meta(Meta.L4PROTO, words),
                destinationPort(words + 1),
                NftExpression.map(ofAddress, 0, 0),
                NftExpression.destination(ipv6, 0, words)));
        requests.add(table.addRule(
                chain,
                NftExpression.meta(Meta.L4PROTO, 0),
                destinationPort(1),
                NftExpression.map(ofAll, 0, 0),
                NftExpression.destination(ipv6, 0, words)));
    }

    /** TCP, UDP and SCTP have it in the same place. */
    private static NftExpression destinationPort(int register) {
        return NftExpression.payload(Header.TRANSPORT, 2, 2, register);
    }

    private static void martians(List<Request> requests, NftTable table) {
        for (var offset : new int[] {SOURCE4, DESTINATION4}) {
            requests.add(table.addRule(
                    "raw",
                    NftExpression.meta(Meta.IIFNAME, 0),
                    NftExpression.in(BRIDGES, 0),
                    NftExpression.meta(Meta.NFPROTO, 0),
                    NftExpression.equal(0, IPV4),
                    NftExpression.payload(Header.NETWORK, offset, 1, 0),
                    NftExpression.equal(0, LOOPBACK),
                    NftExpression.count(MARTIANS),
                    NftExpression.verdict(Verdict.DROP)));
        }
    }

    private static void routers(List<Request> requests, NftTable table) {
        requests.add(dropFromContainers(table, IPV6, ICMPV6, ROUTER_ADVERTISEMENT));
        requests.add(dropFromContainers(table, IPV6, ICMPV6, REDIRECT6));
        requests.add(dropFromContainers(table, IPV4, ICMP, REDIRECT));
    }

    private static Request dropFromContainers(NftTable table, byte family, byte protocol, byte type) {
        return table.addRule(
                "input",
                NftExpression.meta(Meta.IIFNAME, 0),
                NftExpression.in(BRIDGES, 0),
                NftExpression.meta(Meta.NFPROTO, 0),
                NftExpression.equal(0, family),
                NftExpression.meta(Meta.L4PROTO, 0),
                NftExpression.equal(0, protocol),
                NftExpression.payload(Header.TRANSPORT, 0, 1, 0),
                NftExpression.equal(0, type),
                NftExpression.count(MARTIANS),
                NftExpression.verdict(Verdict.DROP));
    }

    private static void destinations(List<Request> requests, NftTable table) {
        requests.add(table.addRule(
                "prerouting",
                NftExpression.meta(Meta.NFPROTO, 0),
                NftExpression.equal(0, IPV4),
                NftExpression.payload(Header.NETWORK, DESTINATION4, 1, 0),
                NftExpression.differs(0, LOOPBACK),
                NftExpression.destinationKind(0),
                NftExpression.equal(0, LOCAL),
                NftExpression.verdict(Verdict.JUMP, "publish4")));
        requests.add(table.addRule(
                "output",
                NftExpression.meta(Meta.NFPROTO, 0),
                NftExpression.equal(0, IPV4),
                NftExpression.destinationKind(0),
                NftExpression.equal(0, LOCAL),
                NftExpression.verdict(Verdict.JUMP, "publish4")));
        for (var chain : List.of("prerouting", "output")) {
            requests.add(table.addRule(
                    chain,
                    NftExpression.meta(Meta.NFPROTO, 0),
                    NftExpression.equal(0, IPV6),
                    NftExpression.payload(Header.NETWORK, DESTINATION6, 16, 0),
                    NftExpression.differs(0, LOOPBACK6),
                    NftExpression.destinationKind(0),
                    NftExpression.equal(0, LOCAL),
                    NftExpression.verdict(Verdict.JUMP, "publish6")));
        }
    }

    private static void forwarding(List<Request> requests, NftTable table) {
        requests.add(table.addRule(
                "forward",
                NftExpression.connection(Connection.STATE, 0),
                NftExpression.mask(0, Connection.ESTABLISHED | Connection.RELATED),
                NftExpression.differs(0, NO_BITS),
                NftExpression.verdict(Verdict.ACCEPT)));
        requests.add(table.addRule(
                "forward",
                NftExpression.meta(Meta.IIFNAME, 0),
                NftExpression.meta(Meta.OIFNAME, 4),
                NftExpression.in(TALKING, 0),
                NftExpression.verdict(Verdict.ACCEPT)));
        for (var end : List.of(Meta.IIFNAME, Meta.OIFNAME)) {
            requests.add(table.addRule(
                    "forward",
                    NftExpression.meta(end, 0),
                    NftExpression.in(INTERNAL_BRIDGES, 0),
                    NftExpression.count(INTERNAL),
                    NftExpression.verdict(Verdict.DROP)));
        }
        requests.add(table.addRule(
                "forward",
                translated(),
                NftExpression.mask(0, Connection.DNAT),
                NftExpression.differs(0, NO_BITS),
                NftExpression.verdict(Verdict.ACCEPT)));
        requests.add(table.addRule(
                "forward",
                NftExpression.meta(Meta.OIFNAME, 0),
                NftExpression.in(BRIDGES, 0),
                NftExpression.count(ISOLATED),
                NftExpression.verdict(Verdict.DROP)));
    }

    private static NftExpression translated() {
        return NftExpression.connection(Connection.STATUS, 0);
    }

    private static void sources(List<Request> requests, NftTable table) {
        requests.add(table.addRule(
                "postrouting",
                NftExpression.meta(Meta.NFPROTO, 0),
                NftExpression.equal(0, IPV4),
                NftExpression.payload(Header.NETWORK, SOURCE4, 1, 0),
                NftExpression.equal(0, LOOPBACK),
                NftExpression.meta(Meta.OIFNAME, 0),
                NftExpression.in(BRIDGES, 0),
                NftExpression.masquerade()));
        requests.add(table.addRule(
                "postrouting",
                translated(),
                NftExpression.mask(0, Connection.DNAT),
                NftExpression.differs(0, NO_BITS),
                NftExpression.meta(Meta.IIFNAME, 0),
                NftExpression.meta(Meta.OIFNAME, 4),
                NftExpression.in(WITHIN, 0),
                NftExpression.masquerade()));
        // with br_netfilter the translated frame stays on the bridge, and names no link that it came by
        requests.add(table.addRule(
                "postrouting",
                translated(),
                NftExpression.mask(0, Connection.DNAT),
                NftExpression.differs(0, NO_BITS),
                NftExpression.meta(Meta.IIF, 0),
                NftExpression.equal(0, NO_BITS),
                NftExpression.sourceKind(0),
                NftExpression.differs(0, LOCAL),
                NftExpression.meta(Meta.OIFNAME, 0),
                NftExpression.in(BRIDGES, 0),
                NftExpression.masquerade()));
        requests.add(table.addRule(
                "postrouting",
                NftExpression.meta(Meta.IIFNAME, 0),
                NftExpression.in(OUTSIDE, 0),
                NftExpression.meta(Meta.OIFNAME, 0),
                NftExpression.notIn(BRIDGES, 0),
                NftExpression.masquerade()));
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
        requests.addAll(change.requests(what, BRIDGES, one));
        requests.addAll(change.requests(what, WITHIN, both));
        if (network.interContainer()) {
            requests.addAll(change.requests(what, TALKING, both));
        }
        if (network.internal()) {
            requests.addAll(change.requests(what, INTERNAL_BRIDGES, one));
        }
        if (network.masquerade() && !network.internal()) {
            requests.addAll(change.requests(what, OUTSIDE, one));
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
        return port.isIpv6() ? all ? PORTS6 : ADDRESS_PORTS6 : all ? PORTS4 : ADDRESS_PORTS4;
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
        return List.of(PORTS4, PORTS6, ADDRESS_PORTS4, ADDRESS_PORTS6).stream()
                .mapToInt(set -> nftables.keys(table, set.name()).size())
                .sum();
    }

    /** How many packets the rules dropped since the table was made. */
    public NetworkDrops drops() {
        var counters = nftables.counters(table);
        return new NetworkDrops(packets(counters, ISOLATED), packets(counters, INTERNAL), packets(counters, MARTIANS));
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
        var obstacles = new ArrayList<Obstacle>();
        var chains = nftables.chains();
        var ufw = nftables.innerChains().stream()
                .anyMatch(chain -> UFW.matcher(chain.name()).matches());
        for (var way : Obstacle.Way.values()) {
            chains.stream()
                    .filter(chain -> chain.hook() == way.hook()
                            && FAMILIES.containsKey(chain.family())
                            && !chain.table().equals(table.name())
                            && (chain.drops() || nftables.endsInRefusal(chain)))
                    .map(chain -> obstacle(way, chain, ufw))
                    .sorted(Comparator.comparing(Obstacle::chain))
                    .forEach(obstacles::add);
            for (var ipv6 : new boolean[] {false, true}) {
                if (LegacyIptables.drops(way, ipv6)) {
                    var program = ipv6 ? "ip6tables-legacy" : "iptables-legacy";
                    obstacles.add(Obstacle.ofIptables(way, program + " " + way, program));
                }
            }
        }
        return obstacles;
    }

    private static Obstacle obstacle(Obstacle.Way way, Nftables.Chain chain, boolean ufw) {
        var name = FAMILIES.get(chain.family()) + " " + chain.table() + " " + chain.name();
        if (ufw && (name.equals("ip filter " + way) || name.equals("ip6 filter " + way))) {
            return Obstacle.ofUfw(way, name);
        }
        if (name.equals("ip filter " + way)) {
            return Obstacle.ofIptables(way, name, "iptables");
        }
        if (name.equals("ip6 filter " + way)) {
            return Obstacle.ofIptables(way, name, "ip6tables");
        }
        return chain.table().equals("firewalld") ? Obstacle.ofFirewalld(way, name) : Obstacle.ofNft(way, name);
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
