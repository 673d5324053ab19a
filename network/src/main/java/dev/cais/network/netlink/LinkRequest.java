package dev.cais.network.netlink;

import dev.cais.InvalidSpecException;
import dev.cais.NetworkDriver;
import dev.cais.linux.Fd;
import dev.cais.network.netlink.LinkKind.Bridge;
import dev.cais.network.netlink.LinkKind.Ipvlan;
import dev.cais.network.netlink.LinkKind.Macvlan;
import dev.cais.network.netlink.LinkKind.Veth;
import dev.cais.network.netlink.LinkKind.Vlan;
import dev.cais.network.netlink.LinkKind.Vxlan;
import java.net.Inet4Address;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A link to make, to change or to delete, put together step by step:
 *
 * <pre>{@code
 * var eth0 = LinkRequest.add("eth0").namespace(container).index(2);
 * netlink.execute(LinkRequest.add("cais12").kind(new Veth(eth0)).master(bridge).up().request());
 * }</pre>
 *
 * <p>A link can have its index chosen, and be referred to by it in later requests of the same round trip. Requests about a link that
 * exists name it by index, or by name where the index is not known yet.
 *
 * @see <a href="https://man7.org/linux/man-pages/man8/ip-link.8.html">ip-link(8)</a>
 */
public final class LinkRequest {
    static final int RTM_NEWLINK = 16;
    static final int RTM_DELLINK = 17;
    private static final int RTM_SETLINK = 19;
    private static final int AF_BRIDGE = 7;
    private static final int IFLA_BRIDGE_FLAGS = 0;
    private static final int BRIDGE_FLAGS_SELF = 2;
    private static final int IFLA_BRIDGE_VLAN_INFO = 2;
    private static final byte BRIDGE_VLAN_INFO_PVID = 2;
    private static final byte BRIDGE_VLAN_INFO_UNTAGGED = 4;
    static final int IFLA_ADDRESS = 1;
    static final int IFLA_IFNAME = 3;
    static final int IFLA_MTU = 4;
    static final int IFLA_LINK = 5;
    static final int IFLA_MASTER = 10;
    static final int IFLA_LINKINFO = 18;
    static final int IFLA_AF_SPEC = 26;
    static final int IFLA_GROUP = 27;
    static final int IFLA_NET_NS_FD = 28;
    static final int IFLA_INFO_KIND = 1;
    static final int IFLA_INFO_DATA = 2;
    private static final int IFLA_INFO_SLAVE_DATA = 5;
    private static final int VETH_INFO_PEER = 1;
    private static final int IFLA_BR_VLAN_FILTERING = 7;
    private static final int IFLA_BR_VLAN_DEFAULT_PVID = 39;
    private static final int IFLA_BRPORT_MODE = 4;
    private static final int IFLA_BRPORT_ISOLATED = 33;
    private static final int IFLA_MACVLAN_MODE = 1;
    private static final int IFLA_IPVLAN_MODE = 1;
    private static final int IFLA_IPVLAN_FLAGS = 2;
    private static final int IFLA_VLAN_ID = 1;
    private static final int IFLA_VXLAN_ID = 1;
    private static final int IFLA_VXLAN_GROUP = 2;
    private static final int IFLA_VXLAN_LINK = 3;
    private static final int IFLA_VXLAN_LOCAL = 4;
    private static final int IFLA_VXLAN_LEARNING = 7;
    private static final int IFLA_VXLAN_PORT = 15;
    private static final int IFLA_VXLAN_GROUP6 = 16;
    private static final int IFLA_VXLAN_LOCAL6 = 17;
    private static final int IFLA_INET_CONF = 1;
    private static final int IFLA_INET6_ADDR_GEN_MODE = 8;
    private static final int IN6_ADDR_GEN_MODE_NONE = 1;
    private static final int AF_INET = 2;
    private static final int AF_INET6 = 10;
    private static final int IFF_UP = 1;
    private static final int LONGEST_NAME = 15;

    /** Switches of one link for IPv4, by their numbers in ip.h; the names are those in {@code /proc/sys/net/ipv4/conf}. */
    public enum Ipv4Setting {
        FORWARDING(1),
        RP_FILTER(8),
        ROUTE_LOCALNET(26);

        private final int number;

        Ipv4Setting(int number) {
            this.number = number;
        }
    }

    private enum Action {
        ADD,
        CHANGE,
        DELETE
    }

    private final Action action;
    private final String shown;
    private String name = "";
    private int index;
    private int upFlags;
    private int upMask;
    private int mtu;
    private int master = -1;
    private int group = -1;
    private @Nullable MacAddress mac;
    private @Nullable Fd namespace;
    private @Nullable LinkKind kind;
    private @Nullable Boolean isolated;
    private @Nullable Boolean hairpin;
    private boolean withoutLinkLocal;
    private int vlan;
    private boolean self;
    private final Map<Ipv4Setting, Integer> ipv4 = new LinkedHashMap<>();

    private LinkRequest(Action action, String shown) {
        this.action = action;
        this.shown = shown;
    }

    /** @throws InvalidSpecException if that cannot be a link's name */
    public static LinkRequest add(String name) {
        return new LinkRequest(Action.ADD, name).name(name);
    }

    public static LinkRequest change(int index) {
        return new LinkRequest(Action.CHANGE, "link " + index).index(index);
    }

    /** The form for a link whose index is not known yet. */
    public static LinkRequest change(String name) {
        return new LinkRequest(Action.CHANGE, name).name(name);
    }

    public static LinkRequest delete(int index) {
        return new LinkRequest(Action.DELETE, "link " + index).index(index);
    }

    public static LinkRequest delete(String name) {
        return new LinkRequest(Action.DELETE, name).name(name);
    }

    /** All links of a group. The kernel answers {@code ENODEV} if there are none. */
    public static LinkRequest deleteGroup(int group) {
        return new LinkRequest(Action.DELETE, "the links of group " + Integer.toUnsignedString(group)).group(group);
    }

    /** @throws InvalidSpecException if that cannot be a link's name */
    public LinkRequest name(String newName) {
        var length = newName.getBytes(StandardCharsets.UTF_8).length;
        if (length == 0
                || length > LONGEST_NAME
                || newName.equals(".")
                || newName.equals("..")
                || newName.chars().anyMatch(c -> c == '/' || c == ':' || c <= ' ' || c == 0x7f)) {
            throw new InvalidSpecException("cannot use '" + newName
                    + "' as the name of a link: it has 1 to 15 bytes, and no slash, colon or space");
        }
        name = newName;
        return this;
    }

    /**
     * Of a link to add: chosen by the caller instead of the kernel, which answers {@code EEXIST} or {@code EBUSY} if it is taken.
     * That of a veth's peer counts only if the other end's is chosen too; that of another link in another namespace must be free in
     * the socket's as well.
     */
    public LinkRequest index(int chosen) {
        index = chosen;
        return this;
    }

    public LinkRequest kind(LinkKind newKind) {
        kind = newKind;
        return this;
    }

    public LinkRequest up() {
        upFlags = IFF_UP;
        upMask = IFF_UP;
        return this;
    }

    public LinkRequest down() {
        upFlags = 0;
        upMask = IFF_UP;
        return this;
    }

    /** In bytes; 0 for the kernel's choice. */
    public LinkRequest mtu(int bytes) {
        mtu = bytes;
        return this;
    }

    public LinkRequest mac(MacAddress address) {
        mac = address;
        return this;
    }

    /** The bridge that the link becomes a port of; 0 for none. */
    public LinkRequest master(int bridge) {
        master = bridge;
        return this;
    }

    public LinkRequest group(int number) {
        group = number;
        return this;
    }

    /** Where the link is made, or moved to. The descriptor is the caller's, open until the request is executed. */
    public LinkRequest namespace(Fd descriptor) {
        namespace = descriptor;
        return this;
    }

    /** A port of a bridge: whether it reaches only those ports that are not isolated, and the bridge itself. */
    public LinkRequest isolated(boolean value) {
        isolated = value;
        return this;
    }

    /** A port of a bridge: whether frames may leave through the port that they came by. */
    public LinkRequest hairpin(boolean value) {
        hairpin = value;
        return this;
    }

    /**
     * Only for a port of a bridge with {@link Bridge#vlanFiltering}: its frames without a tag belong to that VLAN, and no others are
     * let in. A request of its own.
     *
     * @param id 1 to 4094
     */
    public LinkRequest vlan(int id) {
        vlan = id;
        return this;
    }

    /** The same for a bridge itself: in which VLAN the host is that has it. */
    public LinkRequest ownVlan(int id) {
        self = true;
        return vlan(id);
    }

    /** Only for a link that exists: sets a switch, as in {@code /proc/sys/net/ipv4/conf}. */
    public LinkRequest ipv4(Ipv4Setting setting, int value) {
        ipv4.put(setting, value);
        return this;
    }

    /** Only for a link that exists, and that a later request switches on: the kernel makes up no IPv6 address for it then. */
    public LinkRequest withoutLinkLocal() {
        withoutLinkLocal = true;
        return this;
    }

    /** The message. */
    public Request request() {
        var writer = new MessageWriter();
        write(writer);
        return switch (action) {
            case ADD ->
                new Request(
                        "cannot make " + describe(),
                        "RTM_NEWLINK",
                        RTM_NEWLINK,
                        Request.NLM_F_CREATE | Request.NLM_F_EXCL,
                        writer.toBytes());
            case CHANGE ->
                vlan != 0
                        ? new Request(
                                "cannot put " + shown + " in VLAN " + vlan, "RTM_SETLINK", RTM_SETLINK, 0, vlanBody())
                        : new Request("cannot change " + shown, "RTM_NEWLINK", RTM_NEWLINK, 0, writer.toBytes());
            case DELETE -> new Request("cannot delete " + shown, "RTM_DELLINK", RTM_DELLINK, 0, writer.toBytes());
        };
    }

    /** As {@code bridge vlan add}. */
    private byte[] vlanBody() {
        return new MessageWriter()
                .u8(AF_BRIDGE)
                .u8(0)
                .u16(0)
                .u32(index)
                .u32(0)
                .u32(0)
                .nestUnmarked(IFLA_AF_SPEC, spec -> {
                    if (self) {
                        spec.putU16(IFLA_BRIDGE_FLAGS, BRIDGE_FLAGS_SELF);
                    }
                    spec.put(IFLA_BRIDGE_VLAN_INFO, new byte[] {
                        BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED, 0, (byte) vlan, (byte) (vlan >> 8)
                    });
                })
                .toBytes();
    }

    private String describe() {
        return kind == null ? shown : "the " + kind.word() + " " + shown;
    }

    private void write(MessageWriter writer) {
        writer.u8(0).u8(0).u16(0).u32(index).u32(upFlags).u32(upMask);
        if (parent() != 0) {
            writer.putU32(IFLA_LINK, parent());
        }
        if (mac != null) {
            writer.put(IFLA_ADDRESS, mac.toBytes());
        }
        if (mtu != 0) {
            writer.putU32(IFLA_MTU, mtu);
        }
        if (master >= 0) {
            writer.putU32(IFLA_MASTER, master);
        }
        if (group != -1) {
            writer.putU32(IFLA_GROUP, group);
        }
        if (namespace != null) {
            writer.putU32(IFLA_NET_NS_FD, namespace.number());
        }
        if (!name.isEmpty()) {
            writer.putString(IFLA_IFNAME, name);
        }
        if (kind != null || isolated != null || hairpin != null) {
            writer.nestUnmarked(IFLA_LINKINFO, this::writeInfo);
        }
        if (withoutLinkLocal || !ipv4.isEmpty()) {
            writer.nestUnmarked(IFLA_AF_SPEC, this::writeFamilies);
        }
    }

    private int parent() {
        if (kind instanceof Macvlan macvlan) {
            return macvlan.parent();
        }
        if (kind instanceof Ipvlan ipvlan) {
            return ipvlan.parent();
        }
        return kind instanceof Vlan vlan ? vlan.parent() : 0;
    }

    private void writeInfo(MessageWriter info) {
        if (kind != null) {
            info.putText(IFLA_INFO_KIND, kind.word());
            writeKind(info, kind);
        }
        if (isolated != null || hairpin != null) {
            info.putText(IFLA_INFO_KIND, "bridge_slave");
            info.nestUnmarked(IFLA_INFO_SLAVE_DATA, port -> {
                if (hairpin != null) {
                    port.putU8(IFLA_BRPORT_MODE, hairpin ? 1 : 0);
                }
                if (isolated != null) {
                    port.putU8(IFLA_BRPORT_ISOLATED, isolated ? 1 : 0);
                }
            });
        }
    }

    private static void writeKind(MessageWriter info, LinkKind kind) {
        if (kind instanceof Bridge bridge && bridge.vlanFiltering()) {
            info.nestUnmarked(
                    IFLA_INFO_DATA,
                    data -> data.putU8(IFLA_BR_VLAN_FILTERING, 1).putU16(IFLA_BR_VLAN_DEFAULT_PVID, 0));
        } else if (kind instanceof Veth veth) {
            info.nestUnmarked(
                    IFLA_INFO_DATA,
                    data -> data.nestUnmarked(
                            VETH_INFO_PEER, peer -> veth.peer().write(peer)));
        } else if (kind instanceof Macvlan macvlan) {
            info.nestUnmarked(IFLA_INFO_DATA, data -> data.putU32(IFLA_MACVLAN_MODE, number(macvlan.mode())));
        } else if (kind instanceof Ipvlan ipvlan) {
            info.nestUnmarked(
                    IFLA_INFO_DATA,
                    data -> data.putU16(IFLA_IPVLAN_MODE, number(ipvlan.mode())).putU16(IFLA_IPVLAN_FLAGS, 0));
        } else if (kind instanceof Vlan vlan) {
            info.nestUnmarked(IFLA_INFO_DATA, data -> data.putU16(IFLA_VLAN_ID, vlan.id()));
        } else if (kind instanceof Vxlan vxlan) {
            info.nestUnmarked(IFLA_INFO_DATA, data -> writeVxlan(data, vxlan));
        }
    }

    /** {@code MACVLAN_MODE_…} of if_link.h. */
    private static int number(NetworkDriver.MacvlanMode mode) {
        return switch (mode) {
            case PRIVATE -> 1;
            case VEPA -> 2;
            case BRIDGE -> 4;
            case PASSTHRU -> 8;
        };
    }

    /** {@code IPVLAN_MODE_…} of if_link.h. */
    private static int number(NetworkDriver.IpvlanMode mode) {
        return switch (mode) {
            case L2 -> 0;
            case L3 -> 1;
            case L3S -> 2;
        };
    }

    private static void writeVxlan(MessageWriter data, Vxlan vxlan) {
        var ipv4 = vxlan.local() instanceof Inet4Address;
        data.putU32(IFLA_VXLAN_ID, vxlan.id());
        data.put(ipv4 ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6, vxlan.local().getAddress());
        data.put(ipv4 ? IFLA_VXLAN_GROUP : IFLA_VXLAN_GROUP6, vxlan.remote().getAddress());
        if (vxlan.parent() != 0) {
            data.putU32(IFLA_VXLAN_LINK, vxlan.parent());
        }
        data.putU8(IFLA_VXLAN_LEARNING, 1);
        data.putBe16(IFLA_VXLAN_PORT, vxlan.port());
    }

    private void writeFamilies(MessageWriter families) {
        if (!ipv4.isEmpty()) {
            families.nestUnmarked(
                    AF_INET,
                    inet -> inet.nestUnmarked(
                            IFLA_INET_CONF,
                            settings -> ipv4.forEach((setting, value) -> settings.putU32(setting.number, value))));
        }
        if (withoutLinkLocal) {
            families.nestUnmarked(AF_INET6, inet6 -> inet6.putU8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE));
        }
    }

    @Override
    public String toString() {
        return "LinkRequest[" + action + " " + describe() + "]";
    }
}
