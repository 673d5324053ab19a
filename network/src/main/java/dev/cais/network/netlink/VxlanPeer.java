package dev.cais.network.netlink;

import java.net.InetAddress;

/**
 * Another host of a VXLAN: it gets what is for everybody, and what is for somebody whose host is not known yet.
 *
 * @param link index of the vxlan here
 * @see <a href="https://man7.org/linux/man-pages/man8/bridge.8.html">bridge(8), fdb append</a>
 */
public record VxlanPeer(int link, InetAddress address) {
    private static final int RTM_NEWNEIGH = 28;
    private static final int AF_BRIDGE = 7;
    private static final int NUD_NOARP = 0x40;
    private static final int NUD_PERMANENT = 0x80;
    private static final int NTF_SELF = 2;
    private static final int NDA_DST = 1;
    private static final int NDA_LLADDR = 2;
    private static final byte[] EVERYBODY = new byte[6];

    public Request add() {
        return new Request(
                "cannot add " + address.getHostAddress() + " to the vxlan of link " + link,
                "RTM_NEWNEIGH",
                RTM_NEWNEIGH,
                Request.NLM_F_CREATE | Request.NLM_F_APPEND,
                new MessageWriter()
                        .u8(AF_BRIDGE)
                        .u8(0)
                        .u16(0)
                        .u32(link)
                        .u16(NUD_NOARP | NUD_PERMANENT)
                        .u8(NTF_SELF)
                        .u8(0)
                        .put(NDA_LLADDR, EVERYBODY)
                        .put(NDA_DST, address.getAddress())
                        .toBytes());
    }
}
