package dev.cais.network.netlink;

import dev.cais.KernelException;
import dev.cais.UnsupportedHostException;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;

/**
 * Links, addresses and routes of one network namespace.
 *
 * <p>For any thread, one at a time.
 *
 * @see <a href="https://man7.org/linux/man-pages/man7/rtnetlink.7.html">rtnetlink(7)</a>
 */
public final class Rtnetlink implements AutoCloseable {
    private static final int RTM_GETLINK = 18;
    private static final int RTM_GETADDR = 22;
    private static final int RTM_GETROUTE = 26;

    private final Netlink netlink;

    private Rtnetlink(Netlink netlink) {
        this.netlink = netlink;
    }

    /** Of the namespace that this thread is in. */
    public static Rtnetlink open() {
        return new Rtnetlink(Netlink.open(Netlink.Family.ROUTE));
    }

    /** Of the namespace in which the socket was opened; its owner is this object now. */
    public static Rtnetlink of(Fd socket) {
        return new Rtnetlink(Netlink.of(socket));
    }

    /**
     * Carries out requests in their order, in one round trip unless they are many. The kernel does not stop at one that fails.
     *
     * @throws KernelException that of the first that failed, with the kernel's explanation
     * @throws UnsupportedHostException if the kernel lacks that kind of link
     */
    public void execute(List<Request> requests) {
        netlink.execute(requests);
    }

    /** The same. */
    public void execute(Request... requests) {
        execute(List.of(requests));
    }

    /** In the order of their indices, with their statistics. */
    public List<Link> links() {
        var body = new MessageWriter().u8(0).u8(0).u16(0).u32(0).u32(0).u32(0);
        return parsed(
                netlink.dump(request("the links", "RTM_GETLINK", RTM_GETLINK, body), LinkRequest.RTM_NEWLINK),
                Link::parse);
    }

    /** @return empty if there is none of that name */
    public Optional<Link> link(String name) {
        var body = new MessageWriter().u8(0).u8(0).u16(0).u32(0).u32(0).u32(0).putString(LinkRequest.IFLA_IFNAME, name);
        return link(request("the link " + name, "RTM_GETLINK", RTM_GETLINK, body));
    }

    /** @return empty if there is none with that index */
    public Optional<Link> link(int index) {
        var body = new MessageWriter().u8(0).u8(0).u16(0).u32(index).u32(0).u32(0);
        return link(request("link " + index, "RTM_GETLINK", RTM_GETLINK, body));
    }

    private Optional<Link> link(Request request) {
        try {
            return Link.parse(netlink.ask(request, LinkRequest.RTM_NEWLINK));
        } catch (KernelException e) {
            if (e.errno() == Errno.ENODEV.number()) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** Of all links, IPv4 first. */
    public List<LinkAddress> addresses() {
        var body = new MessageWriter().u8(0).u8(0).u8(0).u8(0).u32(0);
        return parsed(
                netlink.dump(request("the addresses", "RTM_GETADDR", RTM_GETADDR, body), LinkAddress.RTM_NEWADDR),
                LinkAddress::parse);
    }

    /** Of all tables, for IPv4 and IPv6. */
    public List<Route> routes() {
        var body = new MessageWriter().u32(0).u32(0).u32(0);
        return parsed(
                netlink.dump(request("the routes", "RTM_GETROUTE", RTM_GETROUTE, body), Route.RTM_NEWROUTE),
                Route::parse);
    }

    private static Request request(String object, String kind, int type, MessageWriter body) {
        return new Request("cannot read " + object, kind, type, 0, body.toBytes());
    }

    @FunctionalInterface
    private interface Parser<T> {
        Optional<T> parse(ByteBuffer body);
    }

    private static <T> List<T> parsed(List<ByteBuffer> bodies, Parser<T> parser) {
        return bodies.stream().flatMap(body -> parser.parse(body).stream()).toList();
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
