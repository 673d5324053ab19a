package dev.cais.network.netlink;

import java.net.Inet4Address;
import java.net.InetAddress;

/** What messages about encrypted packets have in common: {@code linux/xfrm.h}. */
final class XfrmWriting {
    /** Of {@code struct xfrm_selector}, in bytes. */
    static final int SELECTOR = 56;

    private static final int AF_INET = 2;
    private static final int AF_INET6 = 10;
    private static final int ADDRESS = 16;
    private static final int WORDS_WITHOUT_LIMIT = 8;
    private static final int WORDS_OF_USE = 16;

    private XfrmWriting() {}

    static int family(InetAddress address) {
        return address instanceof Inet4Address ? AF_INET : AF_INET6;
    }

    static void address(MessageWriter body, InetAddress address) {
        var bytes = address.getAddress();
        body.bytes(bytes).zeros(ADDRESS - bytes.length);
    }

    /** No limit of bytes and packets, no end, and nothing that was used so far. */
    static void forever(MessageWriter body) {
        for (var i = 0; i < WORDS_WITHOUT_LIMIT; i++) {
            body.u32(-1);
        }
        body.zeros(WORDS_OF_USE * Integer.BYTES);
    }
}
