package dev.cais.network.netlink;

import java.net.InetAddress;

/**
 * One direction between two hosts in which packets are encrypted: by ESP in transport mode, with AES-GCM and 16 bytes that prove where
 * they come from. Both hosts have one that is equal but for where it begins to count.
 *
 * @param spi what packets name it by; 256 or more
 * @param group the number of all states that a policy may choose from
 * @param key of AES, and four bytes of salt behind it
 * @param sent packets that count as sent already, as an unsigned number: the first one that is sent has the next number, and the other
 *     host takes no number twice
 * @see <a href="https://www.rfc-editor.org/rfc/rfc4303">RFC 4303: IP Encapsulating Security Payload</a>
 * @see <a href="https://www.rfc-editor.org/rfc/rfc4106">RFC 4106: Galois/Counter Mode in ESP</a>
 * @see <a href="https://man7.org/linux/man-pages/man8/ip-xfrm.8.html">ip-xfrm(8), state</a>
 */
public record EspState(InetAddress from, InetAddress to, int spi, int group, byte[] key, int sent) {
    static final int PROTOCOL = 50;

    private static final int XFRM_MSG_NEWSA = 0x10;
    private static final int XFRM_MSG_DELSA = 0x11;
    private static final int XFRMA_SRCADDR = 13;
    private static final int XFRMA_ALG_AEAD = 18;
    private static final int XFRMA_REPLAY_ESN_VAL = 23;
    private static final String ALGORITHM = "rfc4106(gcm(aes))";
    private static final int ALGORITHM_NAME = 64;
    private static final int PROOF_BITS = 128;
    private static final int WINDOW = 128;

    public EspState {
        key = key.clone();
    }

    /** Tells the kernel about it. */
    public Request add() {
        var body = new MessageWriter().zeros(XfrmWriting.SELECTOR);
        XfrmWriting.address(body, to);
        body.be32(spi).u32(PROTOCOL);
        XfrmWriting.address(body, from);
        XfrmWriting.forever(body);
        body.zeros(3 * Integer.BYTES) // statistics
                .u32(0)
                .u32(group)
                .u16(XfrmWriting.family(to))
                .zeros(10)
                .put(XFRMA_ALG_AEAD, algorithm());
        body.put(
                XFRMA_REPLAY_ESN_VAL,
                new MessageWriter()
                        .u32(WINDOW / Integer.SIZE)
                        .u32(sent)
                        .zeros(3 * Integer.BYTES)
                        .u32(WINDOW)
                        .toBytes());
        return request("cannot encrypt", "XFRM_MSG_NEWSA", XFRM_MSG_NEWSA, body);
    }

    private byte[] algorithm() {
        return new MessageWriter()
                .text(ALGORITHM, ALGORITHM_NAME)
                .u32(key.length * Byte.SIZE)
                .u32(PROOF_BITS)
                .bytes(key)
                .toBytes();
    }

    /** Makes the kernel forget it. */
    public Request delete() {
        var body = new MessageWriter();
        XfrmWriting.address(body, to);
        body.be32(spi).u16(XfrmWriting.family(to)).u16(PROTOCOL);
        var source = new MessageWriter();
        XfrmWriting.address(source, from);
        return request(
                "cannot stop encrypting", "XFRM_MSG_DELSA", XFRM_MSG_DELSA, body.put(XFRMA_SRCADDR, source.toBytes()));
    }

    private Request request(String what, String kind, int type, MessageWriter body) {
        return new Request(
                what + " from " + from.getHostAddress() + " to " + to.getHostAddress(), kind, type, 0, body.toBytes());
    }

    /** Equal is what the kernel tells apart: one with another key is the same. */
    @Override
    public boolean equals(Object other) {
        return other instanceof EspState state && spi == state.spi && from.equals(state.from) && to.equals(state.to);
    }

    @Override
    public int hashCode() {
        return spi;
    }

    /** Without the key. */
    @Override
    public String toString() {
        return "EspState[" + from.getHostAddress() + " to " + to.getHostAddress() + ", " + Integer.toHexString(spi)
                + "]";
    }
}
