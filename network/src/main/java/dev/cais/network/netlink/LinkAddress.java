package dev.cais.network.netlink;

import dev.cais.Subnet;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * An IP address of a link.
 *
 * @param link its index
 * @param prefix how many bits of the address its neighbours share
 * @see <a href="https://man7.org/linux/man-pages/man8/ip-address.8.html">ip-address(8)</a>
 */
public record LinkAddress(int link, InetAddress address, int prefix) {
    static final int RTM_NEWADDR = 20;
    private static final int RTM_DELADDR = 21;
    private static final int IFA_ADDRESS = 1;
    private static final int IFA_LOCAL = 2;
    private static final int IFA_F_NODAD = 2;
    private static final int HEADER = 8;

    /**
     * Gives the link this address, for use at once: whether a neighbour has it too is not tried first.
     *
     * <p>The kernel answers {@code EEXIST} if the link has it.
     */
    public Request add() {
        return new Request(
                "cannot give " + this,
                "RTM_NEWADDR",
                RTM_NEWADDR,
                Request.NLM_F_CREATE | Request.NLM_F_EXCL,
                body(!isIpv4()));
    }

    /** The kernel answers {@code EADDRNOTAVAIL} if the link does not have it. */
    public Request delete() {
        return new Request("cannot take away " + this, "RTM_DELADDR", RTM_DELADDR, 0, body(false));
    }

    private byte[] body(boolean withoutDetection) {
        var bytes = address.getAddress();
        return new MessageWriter()
                .u8(isIpv4() ? 2 : 10)
                .u8(prefix)
                .u8(withoutDetection ? IFA_F_NODAD : 0)
                .u8(0)
                .u32(link)
                .put(IFA_LOCAL, bytes)
                .put(IFA_ADDRESS, bytes)
                .toBytes();
    }

    private boolean isIpv4() {
        return address instanceof Inet4Address;
    }

    static Optional<LinkAddress> parse(ByteBuffer body) {
        if (body.remaining() < HEADER) {
            return Optional.empty();
        }
        var attributes = Attributes.parse(body.slice(HEADER, body.remaining() - HEADER));
        var prefix = Byte.toUnsignedInt(body.get(1));
        return attributes
                .bytes(IFA_LOCAL)
                .or(() -> attributes.bytes(IFA_ADDRESS))
                .flatMap(LinkAddress::address)
                .filter(address -> prefix <= 8 * address.getAddress().length)
                .map(address -> new LinkAddress(body.getInt(4), address, prefix));
    }

    static Optional<InetAddress> address(byte[] bytes) {
        return bytes.length == 4 || bytes.length == 16 ? Optional.of(Subnet.address(bytes)) : Optional.empty();
    }

    /** The addresses that share its bits. */
    public Subnet subnet() {
        return Subnet.around(address, prefix);
    }

    /** {@code 198.18.0.2/24 on link 2}. */
    @Override
    public String toString() {
        return address.getHostAddress() + "/" + prefix + " on link " + link;
    }
}
