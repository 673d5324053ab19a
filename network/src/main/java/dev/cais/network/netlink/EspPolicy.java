package dev.cais.network.netlink;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.Optional;

/**
 * What is to happen to datagrams of UDP for one port between this host and others: only what a state encrypts goes out, and only what one
 * has decrypted comes in; or nothing does.
 *
 * @param local this host's address
 * @param remote another host's, which datagrams are encrypted to and from; empty for all, which they are dropped to and from, unless
 *     another policy is about that host
 * @param group of the states; 0 where there are none
 * @see <a href="https://man7.org/linux/man-pages/man8/ip-xfrm.8.html">ip-xfrm(8), policy</a>
 */
public record EspPolicy(Direction direction, InetAddress local, Optional<InetAddress> remote, int port, int group) {
    /** Of datagrams, as this host sees it. */
    public enum Direction {
        IN,
        OUT
    }

    private static final int XFRM_MSG_NEWPOLICY = 0x13;
    private static final int XFRM_MSG_DELPOLICY = 0x14;
    private static final int XFRMA_TMPL = 5;
    private static final int UDP = 17;
    private static final int ALL_BITS = 0xffff;
    private static final int BLOCK = 1;
    private static final int BEFORE_OTHERS = 1;

    /** Tells the kernel about it. */
    public Request add() {
        var body = new MessageWriter();
        select(body);
        XfrmWriting.forever(body);
        body.u32(remote.isPresent() ? BEFORE_OTHERS : BEFORE_OTHERS + 1)
                .u32(0)
                .u8(direction.ordinal())
                .u8(remote.isPresent() ? 0 : BLOCK)
                .zeros(6);
        remote.ifPresent(host -> body.put(XFRMA_TMPL, template(host)));
        return request("cannot encrypt", "XFRM_MSG_NEWPOLICY", XFRM_MSG_NEWPOLICY, body);
    }

    /** Makes the kernel forget it. */
    public Request delete() {
        var body = new MessageWriter();
        select(body);
        return request(
                "cannot stop encrypting",
                "XFRM_MSG_DELPOLICY",
                XFRM_MSG_DELPOLICY,
                body.u32(0).u8(direction.ordinal()).zeros(3));
    }

    private void select(MessageWriter body) {
        var everybody = new byte[local.getAddress().length];
        var out = direction == Direction.OUT;
        var bits = local instanceof Inet4Address ? Integer.SIZE : 4 * Integer.SIZE;
        var remoteBits = remote.isPresent() ? bits : 0;
        var other = remote.map(InetAddress::getAddress).orElse(everybody);
        var padding = new byte[16 - other.length];
        body.bytes(out ? other : local.getAddress())
                .bytes(padding)
                .bytes(out ? local.getAddress() : other)
                .bytes(padding)
                .u8(port >> 8)
                .u8(port)
                .u16(ALL_BITS)
                .u32(0) // any port that they come from
                .u16(XfrmWriting.family(local))
                .u8(out ? remoteBits : bits)
                .u8(out ? bits : remoteBits)
                .u8(UDP)
                .zeros(11);
    }

    /** Any state of the group, in transport mode. */
    private byte[] template(InetAddress host) {
        var out = direction == Direction.OUT;
        var template = new MessageWriter();
        XfrmWriting.address(template, out ? host : local);
        template.u32(0).u32(EspState.PROTOCOL).u32(XfrmWriting.family(local));
        XfrmWriting.address(template, out ? local : host);
        return template.u32(group).u32(0).u32(-1).u32(-1).u32(-1).toBytes();
    }

    private Request request(String what, String kind, int type, MessageWriter body) {
        return new Request(
                what + " what "
                        + (direction == Direction.OUT ? "leaves " : "comes to ")
                        + local.getHostAddress() + " for port " + port
                        + remote.map(host -> (direction == Direction.OUT ? " of " : " from ") + host.getHostAddress())
                                .orElse(""),
                kind,
                type,
                0,
                body.toBytes());
    }
}
