package dev.cais.network.netlink;

import dev.cais.InvalidSpecException;
import dev.cais.NetworkDriver.IpvlanMode;
import dev.cais.NetworkDriver.MacvlanMode;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.Locale;

/** What a new link is, with what is particular to its kind. */
public sealed interface LinkKind {
    /** As the kernel names it: {@code bridge}. */
    default String word() {
        return getClass().getSimpleName().toLowerCase(Locale.ROOT);
    }

    /**
     * A switch.
     *
     * @param vlanFiltering whether a port carries only its VLANs' frames: none, until {@link LinkRequest#vlan} names one
     * @see <a href="https://man7.org/linux/man-pages/man8/ip-link.8.html">ip-link(8), Bridge Type Support</a>
     */
    record Bridge(boolean vlanFiltering) implements LinkKind {}

    /**
     * One of two links that are each other's far end.
     *
     * @param peer the other: {@link LinkRequest#add} with {@link LinkRequest#namespace}; the kernel switches it on only by a
     *     request of its own
     */
    record Veth(LinkRequest peer) implements LinkKind {}

    /**
     * A link with a MAC address of its own on the parent's wire.
     *
     * @param parent its index, in the namespace of the socket
     */
    record Macvlan(int parent, MacvlanMode mode) implements LinkKind {}

    /** A link with the parent's MAC address and IP addresses of its own. */
    record Ipvlan(int parent, IpvlanMode mode) implements LinkKind {}

    /**
     * The frames of one VLAN on the parent's wire.
     *
     * @param id 1 to 4094
     */
    record Vlan(int parent, int id) implements LinkKind {
        public Vlan {
            if (id < 1 || id > 4094) {
                throw new InvalidSpecException("cannot use VLAN " + id + ": out of range; choose 1 to 4094");
            }
        }
    }

    /**
     * Frames in UDP datagrams between hosts.
     *
     * @param id 1 to 16777215
     * @param local this host's address
     * @param remote the other host's, or that of a multicast group
     * @param port of UDP, 4789 by custom
     * @param parent the index of the link through which the datagrams go; 0 if the routes say
     */
    record Vxlan(int id, InetAddress local, InetAddress remote, int port, int parent) implements LinkKind {
        public Vxlan {
            if (id < 1 || id > 0xffffff) {
                throw new InvalidSpecException("cannot use VXLAN " + id + ": out of range; choose 1 to 16777215");
            }
            if (local instanceof Inet4Address != remote instanceof Inet4Address) {
                throw new InvalidSpecException("cannot use VXLAN " + id + " between " + local.getHostAddress() + " and "
                        + remote.getHostAddress() + ": one is of IPv4, the other of IPv6");
            }
        }
    }
}
