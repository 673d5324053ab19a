package dev.cais.network.netlink;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * A table of nf_tables for IPv4 and IPv6 together (family {@code inet}), as a maker of requests about it.
 *
 * @see <a href="https://www.netfilter.org/projects/nftables/manpage.html">nft(8)</a>
 */
public record NftTable(String name) {
    static final int SUBSYSTEM = 10 << 8;
    private static final int NFPROTO_INET = 1;
    private static final int NFT_MSG_NEWTABLE = 0;
    private static final int NFT_MSG_DELTABLE = 2;
    private static final int NFT_MSG_NEWCHAIN = 3;
    private static final int NFT_MSG_NEWRULE = 6;
    private static final int NFT_MSG_NEWSET = 9;
    private static final int NFT_MSG_NEWSETELEM = 12;
    private static final int NFT_MSG_DELSETELEM = 14;
    private static final int NFT_MSG_NEWOBJ = 18;
    private static final int NFT_TABLE_F_OWNER = 2;
    private static final int NFT_SET_MAP = 8;
    private static final int NFT_OBJECT_COUNTER = 1;
    private static final int NF_ACCEPT = 1;
    private static final int LIST_ELEMENT = 1;
    /** Says to the program nft, not to the kernel, that links' names are not numbers in network byte order. */
    private static final byte[] KEY_IN_HOST_ORDER = {0, 4, 1, 0, 0, 0};

    /** An attribute has at most 64 KiB: this many elements, of at most 80 bytes with their headers, fit. */
    private static final int ELEMENTS_IN_A_MESSAGE = 500;

    /** Where in a packet's way a base chain stands. */
    public enum Hook {
        PREROUTING(0),
        INPUT(1),
        FORWARD(2),
        OUTPUT(3),
        POSTROUTING(4);

        private final int number;

        Hook(int number) {
            this.number = number;
        }
    }

    /** Before connections are known. */
    public static final int PRIORITY_RAW = -300;

    /** When connections are known, before anything is translated. */
    public static final int PRIORITY_MANGLE = -150;

    /** Where destinations are translated. */
    public static final int PRIORITY_DESTINATION = -100;

    public static final int PRIORITY_FILTER = 0;

    /** Where sources are translated. */
    public static final int PRIORITY_SOURCE = 100;

    /** Fixed part of each message: family, version, resource. */
    static MessageWriter body(int family, int resource) {
        return new MessageWriter().u8(family).u8(0).u8(resource >> 8).u8(resource);
    }

    private Request request(String what, String kind, int message, int flags, Consumer<MessageWriter> attributes) {
        var body = body(NFPROTO_INET, 0);
        attributes.accept(body);
        return new Request(what, kind, SUBSYSTEM | message, flags, body.toBytes());
    }

    /**
     * Makes the table; {@code EEXIST} if there is one of that name.
     *
     * @param owned whether it goes with the socket that makes it, and nobody else can change it
     */
    public Request add(boolean owned) {
        return request(
                "cannot make the table " + name,
                "NFT_MSG_NEWTABLE",
                NFT_MSG_NEWTABLE,
                Request.NLM_F_CREATE | Request.NLM_F_EXCL,
                w -> w.putString(1, name).putBe32(2, owned ? NFT_TABLE_F_OWNER : 0));
    }

    public Request delete() {
        return request(
                "cannot delete the table " + name, "NFT_MSG_DELTABLE", NFT_MSG_DELTABLE, 0, w -> w.putString(1, name));
    }

    /** A chain that others jump to. */
    public Request addChain(String chain) {
        return request(
                "cannot make the chain " + chain,
                "NFT_MSG_NEWCHAIN",
                NFT_MSG_NEWCHAIN,
                Request.NLM_F_CREATE,
                w -> w.putString(1, name).putString(3, chain));
    }

    /**
     * A chain that packets come through; those that its rules leave alone are accepted.
     *
     * @param type {@code filter} or {@code nat}
     * @param priority where among other chains of the hook: lower is earlier
     */
    public Request addChain(String chain, String type, Hook hook, int priority) {
        return request(
                "cannot make the chain " + chain,
                "NFT_MSG_NEWCHAIN",
                NFT_MSG_NEWCHAIN,
                Request.NLM_F_CREATE,
                w -> w.putString(1, name)
                        .putString(3, chain)
                        .putString(7, type)
                        .putBe32(5, NF_ACCEPT)
                        .nest(4, h -> h.putBe32(1, hook.number).putBe32(2, priority)));
    }

    /** A rule behind the chain's others. */
    public Request addRule(String chain, NftExpression... expressions) {
        return request(
                "cannot add a rule to the chain " + chain,
                "NFT_MSG_NEWRULE",
                NFT_MSG_NEWRULE,
                Request.NLM_F_CREATE | Request.NLM_F_APPEND,
                w -> w.putString(1, name).putString(2, chain).nest(4, list -> {
                    for (var expression : expressions) {
                        list.nest(LIST_ELEMENT, expression::write);
                    }
                }));
    }

    public Request addSet(NftSet set) {
        return request(
                "cannot make the set " + set.name(), "NFT_MSG_NEWSET", NFT_MSG_NEWSET, Request.NLM_F_CREATE, w -> {
                    w.putString(1, name)
                            .putString(2, set.name())
                            .putBe32(3, set.isMap() ? NFT_SET_MAP : 0)
                            .putBe32(4, NftSet.number(set.key()))
                            .putBe32(5, NftSet.size(set.key()));
                    if (set.isMap()) {
                        w.putBe32(6, NftSet.number(set.data()));
                        w.putBe32(7, NftSet.size(set.data()));
                    }
                    w.putBe32(10, set.id());
                    if (set.key().equals(List.of(NftSet.Field.LINK_NAME))) {
                        w.put(13, KEY_IN_HOST_ORDER);
                    }
                });
    }

    /** @param what for errors, as in {@code cannot publish 127.0.0.1:8080} */
    public List<Request> addElements(String what, NftSet set, List<NftSet.Element> elements) {
        return elements(
                what,
                "NFT_MSG_NEWSETELEM",
                NFT_MSG_NEWSETELEM,
                Request.NLM_F_CREATE | Request.NLM_F_EXCL,
                set,
                elements);
    }

    /** Their keys alone count. */
    public List<Request> deleteElements(String what, NftSet set, List<NftSet.Element> elements) {
        return elements(what, "NFT_MSG_DELSETELEM", NFT_MSG_DELSETELEM, 0, set, elements);
    }

    private List<Request> elements(
            String what, String kind, int message, int flags, NftSet set, List<NftSet.Element> elements) {
        var requests = new ArrayList<Request>();
        for (var start = 0; start < elements.size(); start += ELEMENTS_IN_A_MESSAGE) {
            var some = elements.subList(start, Math.min(elements.size(), start + ELEMENTS_IN_A_MESSAGE));
            requests.add(request(
                    what,
                    kind,
                    message,
                    flags,
                    w -> w.putString(2, set.name())
                            .putBe32(4, set.id())
                            .putString(1, name)
                            .nest(
                                    3,
                                    list -> some.forEach(element -> list.nest(LIST_ELEMENT, e -> write(e, element))))));
        }
        return requests;
    }

    private static void write(MessageWriter writer, NftSet.Element element) {
        var data = element.data();
        writer.nest(1, key -> key.put(1, element.key()));
        if (data != null) {
            writer.nest(2, value -> value.put(1, data));
        }
    }

    public Request addCounter(String counter) {
        return request(
                "cannot make the counter " + counter,
                "NFT_MSG_NEWOBJ",
                NFT_MSG_NEWOBJ,
                Request.NLM_F_CREATE,
                w -> w.putString(1, name)
                        .putString(2, counter)
                        .putBe32(3, NFT_OBJECT_COUNTER)
                        .nest(4, data -> data.put(1, zero()).put(2, zero())));
    }

    private static byte[] zero() {
        return ByteBuffer.allocate(Long.BYTES).array();
    }
}
