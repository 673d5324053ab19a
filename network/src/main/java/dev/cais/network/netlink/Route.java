package dev.cais.network.netlink;

import dev.cais.Subnet;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.Locale;
import java.util.Optional;

/**
 * Where packets to some addresses go.
 *
 * @param destination {@code 0.0.0.0/0} or {@code ::/0} for all that no other route is for
 * @param gateway the neighbour that takes them on; empty if they are neighbours themselves
 * @param link the index of the link they leave by; 0 if the gateway says, or for none
 * @param type what becomes of them
 * @param table 254 is the main one
 * @param metric of two routes to one destination the lower counts; 0 for the kernel's choice
 * @see <a href="https://man7.org/linux/man-pages/man8/ip-route.8.html">ip-route(8)</a>
 */
public record Route(Subnet destination, Optional<InetAddress> gateway, int link, Type type, int table, int metric) {
    static final int RTM_NEWROUTE = 24;
    private static final int RTM_DELROUTE = 25;
    static final int MAIN = 254;
    private static final int LOOPBACK = 1;
    /** A metric behind all others to the same destination. */
    private static final int LAST = 4096;

    private static final int LOCAL = 255;
    private static final int RTPROT_BOOT = 3;
    private static final int RT_SCOPE_UNIVERSE = 0;
    private static final int RT_SCOPE_LINK = 253;
    private static final int RT_SCOPE_HOST = 254;
    private static final int RT_SCOPE_NOWHERE = 255;
    private static final int RTA_DST = 1;
    private static final int RTA_OIF = 4;
    private static final int RTA_GATEWAY = 5;
    private static final int RTA_PRIORITY = 6;
    private static final int RTA_TABLE = 15;
    private static final int HEADER = 12;

    /** What becomes of packets. */
    public enum Type {
        UNICAST(1),
        LOCAL(2),
        BROADCAST(3),
        ANYCAST(4),
        MULTICAST(5),
        BLACKHOLE(6),
        UNREACHABLE(7),
        PROHIBIT(8),
        /** Some other that the kernel has. */
        OTHER(0);

        private final int number;

        Type(int number) {
            this.number = number;
        }

        private static Type of(int number) {
            for (var type : values()) {
                if (type.number == number) {
                    return type;
                }
            }
            return OTHER;
        }
    }

    /** All that no other route is for goes to the gateway, a neighbour on that link. */
    public static Route byDefault(InetAddress gateway, int link) {
        return new Route(Subnet.around(gateway, 0), Optional.of(gateway), link, Type.UNICAST, MAIN, 0);
    }

    /** Through a gateway. */
    public static Route via(Subnet destination, InetAddress gateway) {
        return new Route(destination, Optional.of(gateway), 0, Type.UNICAST, MAIN, 0);
    }

    /** Neighbours on that link. */
    public static Route to(Subnet destination, int link) {
        return new Route(destination, Optional.empty(), link, Type.UNICAST, MAIN, 0);
    }

    /** All that no other route is for is taken for this host's own; the link is that of loopback. */
    public static Route allIsHere(boolean ipv6) {
        return new Route(Subnet.parse(ipv6 ? "::/0" : "0.0.0.0/0"), Optional.empty(), LOOPBACK, Type.LOCAL, MAIN, LAST);
    }

    /** Dropped without a word. */
    public static Route blackhole(Subnet destination) {
        return new Route(destination, Optional.empty(), 0, Type.BLACKHOLE, MAIN, 0);
    }

    public Route metric(int value) {
        return new Route(destination, gateway, link, type, table, value);
    }

    /** Whether the kernel made it for an address of this host, or for all in a subnet (broadcast). */
    public boolean isLocal() {
        return table == LOCAL;
    }

    /** The kernel answers {@code EEXIST} if there is one to that destination, {@code ENETUNREACH} if the gateway is no neighbour. */
    public Request add() {
        return new Request(
                "cannot add the route " + this,
                "RTM_NEWROUTE",
                RTM_NEWROUTE,
                Request.NLM_F_CREATE | Request.NLM_F_EXCL,
                body(RTPROT_BOOT, scope(), type.number));
    }

    /** The kernel answers {@code ESRCH} if there is none. */
    public Request delete() {
        return new Request(
                "cannot delete the route " + this,
                "RTM_DELROUTE",
                RTM_DELROUTE,
                0,
                body(0, RT_SCOPE_NOWHERE, type == Type.UNICAST ? 0 : type.number));
    }

    private int scope() {
        if (destination.isIpv6() || gateway.isPresent()) {
            return RT_SCOPE_UNIVERSE;
        }
        return switch (type) {
            case UNICAST -> RT_SCOPE_LINK;
            case LOCAL -> RT_SCOPE_HOST;
            default -> RT_SCOPE_UNIVERSE;
        };
    }

    private byte[] body(int protocol, int scope, int typeNumber) {
        var writer = new MessageWriter()
                .u8(destination.isIpv6() ? 10 : 2)
                .u8(destination.prefix())
                .u8(0)
                .u8(0)
                .u8(table < 256 ? table : 0)
                .u8(protocol)
                .u8(scope)
                .u8(typeNumber)
                .u32(0);
        if (destination.prefix() > 0) {
            writer.put(RTA_DST, destination.address().getAddress());
        }
        gateway.ifPresent(address -> writer.put(RTA_GATEWAY, address.getAddress()));
        if (link != 0) {
            writer.putU32(RTA_OIF, link);
        }
        if (metric != 0) {
            writer.putU32(RTA_PRIORITY, metric);
        }
        if (table >= 256) {
            writer.putU32(RTA_TABLE, table);
        }
        return writer.toBytes();
    }

    static Optional<Route> parse(ByteBuffer body) {
        if (body.remaining() < HEADER) {
            return Optional.empty();
        }
        var size = body.get(0) == 2 ? 4 : body.get(0) == 10 ? 16 : 0;
        var prefix = Byte.toUnsignedInt(body.get(1));
        var attributes = Attributes.parse(body.slice(HEADER, body.remaining() - HEADER));
        var first = attributes.bytes(RTA_DST).orElse(new byte[size]);
        if (size == 0 || first.length != size || prefix > 8 * size) {
            return Optional.empty();
        }
        return LinkAddress.address(first)
                .map(address -> new Route(
                        Subnet.around(address, prefix),
                        attributes.bytes(RTA_GATEWAY).flatMap(LinkAddress::address),
                        attributes.u32(RTA_OIF, 0),
                        Type.of(Byte.toUnsignedInt(body.get(7))),
                        attributes.u32(RTA_TABLE, Byte.toUnsignedInt(body.get(4))),
                        attributes.u32(RTA_PRIORITY, 0)));
    }

    /** {@code 0.0.0.0/0 via 198.18.0.1 on link 2}. */
    @Override
    public String toString() {
        return (type == Type.UNICAST ? "" : type.name().toLowerCase(Locale.ROOT) + " ")
                + destination
                + gateway.map(address -> " via " + address.getHostAddress()).orElse("")
                + (link == 0 ? "" : " on link " + link);
    }
}
