package dev.cais.network;

import dev.cais.network.netlink.NftExpression;
import dev.cais.network.netlink.NftExpression.Meta;
import dev.cais.network.netlink.NftExpression.Verdict;
import dev.cais.network.netlink.NftTable;
import dev.cais.network.netlink.NftTable.Hook;
import dev.cais.network.netlink.Request;
import dev.cais.network.relay.Outlet;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Rules of a {@link Firewall} whose namespace has no way to the outside: its routes say that whoever is nowhere else is here, so that
 * packets come this far, and then they are led to an {@link Outlet}.
 *
 * <ul>
 *   <li>{@code outlet}: connections and datagrams from bridges to the outside, or to this side's own addresses, which stand for the
 *       host, are taken by the outlet's sockets. From an internal network only the latter are; the rest is dropped.
 *   <li>{@code input}: what the outlet does not carry, as an echo of ICMP, is rejected, or the kernel would answer in the name of all
 *       the world.
 * </ul>
 */
final class OutletRules {
    private static final byte TCP = 6;
    private static final byte UDP = 17;
    private static final byte[] NO_LINK = {0, 0, 0, 0};
    private static final byte[] UNICAST = {1, 0, 0, 0};

    private OutletRules() {}

    static List<Request> of(NftTable table) {
        var requests = new ArrayList<Request>();
        requests.add(table.addChain("outlet", "filter", Hook.PREROUTING, NftTable.PRIORITY_MANGLE));
        requests.add(table.addRule(
                "outlet",
                NftExpression.meta(Meta.IIFNAME, 0),
                NftExpression.in(FilterRules.INTERNAL_BRIDGES, 0),
                NftExpression.destinationLink(0),
                NftExpression.equal(0, NO_LINK),
                NftExpression.destinationKindOfLink(0),
                NftExpression.equal(0, UNICAST),
                NftExpression.count(FilterRules.INTERNAL),
                NftExpression.verdict(Verdict.DROP)));
        var port =
                ByteBuffer.allocate(Short.BYTES).putShort((short) Outlet.PORT).array();
        for (var protocol : new byte[] {TCP, UDP}) {
            requests.add(table.addRule(
                    "outlet",
                    NftExpression.meta(Meta.IIFNAME, 0),
                    NftExpression.in(FilterRules.BRIDGES, 0),
                    NftExpression.meta(Meta.L4PROTO, 0),
                    NftExpression.equal(0, protocol),
                    NftExpression.destinationLink(0),
                    NftExpression.equal(0, NO_LINK),
                    NftExpression.value(0, port),
                    NftExpression.socket(0),
                    NftExpression.verdict(Verdict.ACCEPT)));
        }
        requests.add(table.addRule(
                "input",
                NftExpression.meta(Meta.IIFNAME, 0),
                NftExpression.in(FilterRules.BRIDGES, 0),
                NftExpression.meta(Meta.L4PROTO, 0),
                NftExpression.differs(0, TCP),
                NftExpression.meta(Meta.L4PROTO, 0),
                NftExpression.differs(0, UDP),
                NftExpression.destinationKindOfLink(0),
                NftExpression.equal(0, UNICAST),
                NftExpression.reject()));
        return requests;
    }
}
