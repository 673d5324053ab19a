package dev.cais.network.netlink;

import dev.cais.KernelException;
import dev.cais.linux.Errno;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The connections that the kernel keeps track of in one network namespace. Where a packet of one goes was decided by its first, so it
 * still goes there when the rules have changed.
 *
 * <p>For any thread, one at a time.
 *
 * @see <a href="https://conntrack-tools.netfilter.org/manual.html">conntrack-tools</a>
 */
public final class Conntrack implements AutoCloseable {
    private static final int SUBSYSTEM = 1 << 8;
    private static final int IPCTNL_MSG_CT_NEW = 0;
    private static final int IPCTNL_MSG_CT_GET = 1;
    private static final int IPCTNL_MSG_CT_DELETE = 2;
    private static final int CTA_TUPLE_ORIG = 1;
    private static final int CTA_TUPLE_REPLY = 2;
    private static final int CTA_ID = 12;
    private static final int CTA_ZONE = 18;
    private static final int CTA_FILTER = 25;
    private static final int CTA_FILTER_ORIG_FLAGS = 1;
    private static final int CTA_FILTER_REPLY_FLAGS = 2;
    private static final int SOURCE_ADDRESS = 1;
    private static final int NESTED = 0x8000;
    private static final int CTA_TUPLE_IP = 1;
    private static final int CTA_IP_V4_SRC = 1;
    private static final int CTA_IP_V6_SRC = 3;
    private static final int AF_INET = 2;
    private static final int AF_INET6 = 10;
    private static final int BODY = 4;

    private final Netlink netlink;

    private Conntrack(Netlink netlink) {
        this.netlink = netlink;
    }

    /**
     * Of the namespace that this thread is in.
     *
     * @throws dev.cais.UnsupportedHostException if the kernel has no netfilter at all
     */
    public static Conntrack open() {
        return new Conntrack(Netlink.open(Netlink.Family.NETFILTER));
    }

    /**
     * Forgets the connections that this address answers, translated ones too.
     *
     * @return how many there were
     * @throws KernelException with {@code EINVAL} or {@code ENOTSUP} if the kernel cannot tell what it keeps track of, with {@code EPERM}
     *     if it does not want to
     */
    public int forgetAnsweredBy(InetAddress address) {
        var forgotten = new ArrayList<Request>();
        for (var body : netlink.dump(answeredBy(address), SUBSYSTEM | IPCTNL_MSG_CT_NEW)) {
            if (body.remaining() > BODY) {
                forget(body, forgotten);
            }
        }
        if (!forgotten.isEmpty()) {
            try {
                netlink.execute(forgotten);
            } catch (KernelException e) {
                if (e.errno() != Errno.ENOENT.number()) { // which has gone by itself meanwhile
                    throw e;
                }
            }
        }
        return forgotten.size();
    }

    /** The kernel sorts out the others. */
    static Request answeredBy(InetAddress address) {
        var ipv4 = address instanceof Inet4Address;
        var body = NftTable.body(ipv4 ? AF_INET : AF_INET6, 0)
                .nest(
                        CTA_TUPLE_REPLY,
                        tuple -> tuple.nest(
                                CTA_TUPLE_IP, ip -> ip.put(ipv4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, address.getAddress())))
                .nest(
                        CTA_FILTER,
                        filter ->
                                filter.putU32(CTA_FILTER_ORIG_FLAGS, 0).putU32(CTA_FILTER_REPLY_FLAGS, SOURCE_ADDRESS));
        return new Request(
                "cannot read the connections of " + address.getHostAddress(),
                "IPCTNL_MSG_CT_GET",
                SUBSYSTEM | IPCTNL_MSG_CT_GET,
                0,
                body.toBytes());
    }

    /** By what the kernel told about it: a request without the connection's name would forget all there are. */
    private static void forget(ByteBuffer told, List<Request> requests) {
        var attributes = Attributes.parse(told.slice(BODY, told.remaining() - BODY));
        attributes.bytes(CTA_TUPLE_ORIG).filter(tuple -> tuple.length > 0).ifPresent(tuple -> {
            var body = NftTable.body(told.get(0), 0).put(CTA_TUPLE_ORIG | NESTED, tuple);
            attributes.bytes(CTA_ID).ifPresent(id -> body.put(CTA_ID, id));
            attributes.bytes(CTA_ZONE).ifPresent(zone -> body.put(CTA_ZONE, zone));
            requests.add(new Request(
                    "cannot forget a connection",
                    "IPCTNL_MSG_CT_DELETE",
                    SUBSYSTEM | IPCTNL_MSG_CT_DELETE,
                    0,
                    body.toBytes()));
        });
    }

    @Override
    public void close() {
        netlink.close();
    }
}
