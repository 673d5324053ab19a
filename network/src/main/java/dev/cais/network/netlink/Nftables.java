package dev.cais.network.netlink;

import dev.cais.KernelException;
import dev.cais.linux.Fd;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The packet filter of one network namespace. Changes are transactions: all requests of one, or none.
 *
 * <p>A table that was made with {@link NftTable#add owner} goes with this socket. For any thread, one at a time.
 *
 * @see <a href="https://wiki.nftables.org/">nftables</a>
 */
public final class Nftables implements AutoCloseable {
    private static final int NFNL_MSG_BATCH_BEGIN = 0x10;
    private static final int NFNL_MSG_BATCH_END = 0x11;
    private static final int NFNL_SUBSYS_NFTABLES = 10;
    private static final int NFT_MSG_NEWCHAIN = 3;
    private static final int NFT_MSG_GETCHAIN = 4;
    private static final int NFT_MSG_NEWRULE = 6;
    private static final int NFT_MSG_GETRULE = 7;
    private static final int NF_DROP = 0;
    private static final int NFT_MSG_NEWOBJ = 18;
    private static final int NFT_MSG_GETOBJ = 19;
    private static final int NFT_MSG_NEWSETELEM = 12;
    private static final int NFT_MSG_GETSETELEM = 13;
    private static final int NFPROTO_INET = 1;
    private static final int BODY = 4;

    private final Netlink netlink;

    private Nftables(Netlink netlink) {
        this.netlink = netlink;
    }

    /**
     * Of the namespace that this thread is in. The socket is closed on exec, so that no other process keeps a table that it owns.
     *
     * @throws dev.cais.UnsupportedHostException if the kernel has no netfilter at all
     */
    public static Nftables open() {
        return new Nftables(Netlink.open(Netlink.Family.NETFILTER));
    }

    /** Of the namespace in which the socket was opened; its owner is this object now. */
    public static Nftables of(Fd socket) {
        return new Nftables(Netlink.of(socket));
    }

    /**
     * Carries out requests of {@link NftTable} in their order, all or none, in one round trip.
     *
     * @throws KernelException that of the first request that failed
     */
    public void transact(List<Request> requests) {
        netlink.transact(frame(NFNL_MSG_BATCH_BEGIN), requests, frame(NFNL_MSG_BATCH_END));
    }

    /** The same. */
    public void transact(Request... requests) {
        transact(List.of(requests));
    }

    static Request frame(int type) {
        var kind = type == NFNL_MSG_BATCH_BEGIN ? "NFNL_MSG_BATCH_BEGIN" : "NFNL_MSG_BATCH_END";
        return new Request(
                "cannot change the packet filter",
                kind,
                type,
                0,
                NftTable.body(0, NFNL_SUBSYS_NFTABLES).toBytes());
    }

    /** A chain of any table and family. */
    public record Chain(int family, String table, String name, String type, int hook, int priority, boolean drops) {}

    /** All base chains: what else filters or translates in this namespace. */
    public List<Chain> chains() {
        return chains(true);
    }

    /** All others, which have neither type nor hook. */
    public List<Chain> innerChains() {
        return chains(false);
    }

    private List<Chain> chains(boolean base) {
        var request = question("the chains", "NFT_MSG_GETCHAIN", NFT_MSG_GETCHAIN, NftTable.body(0, 0));
        var chains = new ArrayList<Chain>();
        for (var body : netlink.dump(request, NftTable.SUBSYSTEM | NFT_MSG_NEWCHAIN)) {
            if (body.remaining() >= BODY) {
                var attributes = attributes(body);
                var hook = attributes.nested(4);
                if (hook.has(1) == base) {
                    chains.add(new Chain(
                            body.get(0),
                            attributes.text(1),
                            attributes.text(3),
                            attributes.text(7),
                            hook.be32(1, 0),
                            hook.be32(2, 0),
                            attributes.be32(5, 1) == 0));
                }
            }
        }
        return chains;
    }

    /** Whether a packet that no other rule of the chain decides about is dropped or rejected by the last one. */
    public boolean endsInRefusal(Chain chain) {
        var request = question(
                "the rules of " + chain.table() + " " + chain.name(),
                "NFT_MSG_GETRULE",
                NFT_MSG_GETRULE,
                NftTable.body(chain.family(), 0).putString(1, chain.table()).putString(2, chain.name()));
        var last = Optional.<ByteBuffer>empty();
        for (var body : netlink.dump(request, NftTable.SUBSYSTEM | NFT_MSG_NEWRULE)) {
            var attributes = attributes(body);
            // an old kernel tells of other chains, too
            if (attributes.text(1).equals(chain.table()) && attributes.text(2).equals(chain.name())) {
                last = attributes.raw(4);
            }
        }
        var refuses = false;
        for (var element : last.map(Attributes::list).orElse(List.of())) {
            var expression = Attributes.parse(element);
            switch (expression.text(1)) {
                case "counter", "log" -> {}
                case "reject" -> refuses = true;
                case "immediate" ->
                    refuses = expression.nested(2).nested(2).nested(2).be32(1, -1) == NF_DROP;
                default -> {
                    return false; // it concerns some packets
                }
            }
        }
        return refuses;
    }

    /** What a counter has counted. */
    public record Counter(long packets, long bytes) {}

    /** The counters of a table, by name. */
    public Map<String, Counter> counters(NftTable table) {
        var request = question(
                "the counters of " + table.name(),
                "NFT_MSG_GETOBJ",
                NFT_MSG_GETOBJ,
                NftTable.body(NFPROTO_INET, 0).putString(1, table.name()));
        var counters = new TreeMap<String, Counter>();
        for (var body : netlink.dump(request, NftTable.SUBSYSTEM | NFT_MSG_NEWOBJ)) {
            var attributes = attributes(body);
            var data = attributes.nested(4);
            if (attributes.text(1).equals(table.name())) {
                counters.put(attributes.text(2), new Counter(data.be64(2, 0), data.be64(1, 0)));
            }
        }
        return counters;
    }

    /**
     * The keys of a set or map.
     *
     * @throws KernelException with {@code ENOENT} if there is no such set
     */
    public List<byte[]> keys(NftTable table, String set) {
        var request = question(
                "the set " + set,
                "NFT_MSG_GETSETELEM",
                NFT_MSG_GETSETELEM,
                NftTable.body(NFPROTO_INET, 0).putString(1, table.name()).putString(2, set));
        var keys = new ArrayList<byte[]>();
        for (var body : netlink.dump(request, NftTable.SUBSYSTEM | NFT_MSG_NEWSETELEM)) {
            attributes(body).raw(3).ifPresent(list -> {
                for (var element : Attributes.list(list)) {
                    Attributes.parse(element).nested(1).bytes(1).ifPresent(keys::add);
                }
            });
        }
        return keys;
    }

    private static Attributes attributes(ByteBuffer body) {
        var start = Math.min(BODY, body.remaining());
        return Attributes.parse(body.slice(start, body.remaining() - start));
    }

    private static Request question(String object, String kind, int message, MessageWriter body) {
        return new Request("cannot read " + object, kind, NftTable.SUBSYSTEM | message, 0, body.toBytes());
    }

    /** How often requests went to the kernel through this socket. */
    public int roundTrips() {
        return netlink.roundTrips();
    }

    @Override
    public void close() {
        netlink.close();
    }
}
