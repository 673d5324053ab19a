package dev.cais.network.netlink;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;

/**
 * A network link as it is now.
 *
 * @param name as the kernel has it; in a container's namespace the container's choice
 * @param kind {@code bridge}, {@code veth}; empty for hardware and loopback
 * @param up whether it is switched on, though maybe nothing is at its other end
 * @param mtu in bytes
 * @param master the bridge that it is a port of; 0 for none
 * @param parent the link below, or the far end's index in the far end's namespace; 0 for none
 */
public record Link(
        int index,
        String name,
        String kind,
        Optional<MacAddress> mac,
        boolean up,
        int mtu,
        int master,
        int parent,
        int group,
        LinkStatistics statistics) {
    private static final int IFLA_STATS64 = 23;
    private static final int HEADER = 16;
    private static final int STATISTICS = 8 * Long.BYTES;

    static Optional<Link> parse(ByteBuffer body) {
        if (body.remaining() < HEADER) {
            return Optional.empty();
        }
        var attributes = Attributes.parse(body.slice(HEADER, body.remaining() - HEADER));
        var info = attributes.nested(LinkRequest.IFLA_LINKINFO);
        return Optional.of(new Link(
                body.getInt(4),
                attributes.text(LinkRequest.IFLA_IFNAME),
                info.text(LinkRequest.IFLA_INFO_KIND),
                attributes
                        .bytes(LinkRequest.IFLA_ADDRESS)
                        .filter(bytes -> bytes.length == 6)
                        .map(MacAddress::of),
                (body.getInt(8) & 1) != 0,
                attributes.u32(LinkRequest.IFLA_MTU, 0),
                attributes.u32(LinkRequest.IFLA_MASTER, 0),
                attributes.u32(LinkRequest.IFLA_LINK, 0),
                attributes.u32(LinkRequest.IFLA_GROUP, 0),
                attributes.raw(IFLA_STATS64).map(Link::statistics).orElse(LinkStatistics.NONE)));
    }

    private static LinkStatistics statistics(ByteBuffer raw) {
        if (raw.remaining() < STATISTICS) {
            return LinkStatistics.NONE;
        }
        var words = raw.slice().order(ByteOrder.LITTLE_ENDIAN).asLongBuffer();
        return new LinkStatistics(
                words.get(2),
                words.get(0),
                words.get(4),
                words.get(6),
                words.get(3),
                words.get(1),
                words.get(5),
                words.get(7));
    }

    /** {@code Link[cais0, bridge, up, mtu 1500]}. */
    @Override
    public String toString() {
        return "Link[" + name + (kind.isEmpty() ? "" : ", " + kind) + (up ? ", up" : ", down") + ", mtu " + mtu + "]";
    }
}
