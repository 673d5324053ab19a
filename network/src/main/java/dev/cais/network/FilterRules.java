package dev.cais.network;

import dev.cais.network.netlink.NftExpression;
import dev.cais.network.netlink.NftExpression.Connection;
import dev.cais.network.netlink.NftExpression.Header;
import dev.cais.network.netlink.NftExpression.Meta;
import dev.cais.network.netlink.NftExpression.Verdict;
import dev.cais.network.netlink.NftSet;
import dev.cais.network.netlink.NftSet.Field;
import dev.cais.network.netlink.NftTable;
import dev.cais.network.netlink.NftTable.Hook;
import dev.cais.network.netlink.Request;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * The rules of an engine's table, and the sets that they look into. As {@code nft list table inet NAME} shows it:
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
 */
final class FilterRules {
    static final String ISOLATED = "isolated";
    static final String INTERNAL = "internal";
    static final String MARTIANS = "martians";

    static final NftSet BRIDGES = new NftSet(1, "bridges", Field.LINK_NAME);
    static final NftSet INTERNAL_BRIDGES = new NftSet(2, "internal-bridges", Field.LINK_NAME);
    static final NftSet OUTSIDE = new NftSet(3, "outside", Field.LINK_NAME);
    static final NftSet WITHIN = new NftSet(4, "within", Field.LINK_NAME, Field.LINK_NAME);
    static final NftSet TALKING = new NftSet(5, "talking", Field.LINK_NAME, Field.LINK_NAME);
    static final NftSet PORTS4 =
            new NftSet(6, "ports4", List.of(Field.PROTOCOL, Field.PORT), List.of(Field.IPV4_ADDRESS, Field.PORT));
    static final NftSet PORTS6 =
            new NftSet(7, "ports6", List.of(Field.PROTOCOL, Field.PORT), List.of(Field.IPV6_ADDRESS, Field.PORT));
    static final NftSet ADDRESS_PORTS4 = new NftSet(
            8,
            "address-ports4",
            List.of(Field.IPV4_ADDRESS, Field.PROTOCOL, Field.PORT),
            List.of(Field.IPV4_ADDRESS, Field.PORT));
    static final NftSet ADDRESS_PORTS6 = new NftSet(
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

    private FilterRules() {}

    /** Everything of a table that has no networks and no ports yet. */
    static List<Request> of(NftTable table) {
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
        requests.add(table.addRule("forward", translated(NftExpression.verdict(Verdict.ACCEPT))));
        requests.add(table.addRule(
                "forward",
                NftExpression.meta(Meta.OIFNAME, 0),
                NftExpression.in(BRIDGES, 0),
                NftExpression.count(ISOLATED),
                NftExpression.verdict(Verdict.DROP)));
    }

    /** In front of what follows: of connections with a translated target alone. */
    private static NftExpression[] translated(NftExpression... behind) {
        return Stream.concat(
                        Stream.of(
                                NftExpression.connection(Connection.STATUS, 0),
                                NftExpression.mask(0, Connection.DNAT),
                                NftExpression.differs(0, NO_BITS)),
                        Stream.of(behind))
                .toArray(NftExpression[]::new);
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
                translated(
                        NftExpression.meta(Meta.IIFNAME, 0),
                        NftExpression.meta(Meta.OIFNAME, 4),
                        NftExpression.in(WITHIN, 0),
                        NftExpression.masquerade())));
        // with br_netfilter the translated frame stays on the bridge, and names no link that it came by
        requests.add(table.addRule(
                "postrouting",
                translated(
                        NftExpression.meta(Meta.IIF, 0),
                        NftExpression.equal(0, NO_BITS),
                        NftExpression.sourceKind(0),
                        NftExpression.differs(0, LOCAL),
                        NftExpression.meta(Meta.OIFNAME, 0),
                        NftExpression.in(BRIDGES, 0),
                        NftExpression.masquerade())));
        requests.add(table.addRule(
                "postrouting",
                NftExpression.meta(Meta.IIFNAME, 0),
                NftExpression.in(OUTSIDE, 0),
                NftExpression.meta(Meta.OIFNAME, 0),
                NftExpression.notIn(BRIDGES, 0),
                NftExpression.masquerade()));
    }
}
