package dev.cais.network.netlink;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * One step of a rule, as the kernel's machine for packet filters runs it: values are loaded into registers, compared or looked
 * up, and a step that does not match ends the rule.
 *
 * <p>A register is 4 bytes; longer values take those behind, so {@link #register} counts from 0 to 15.
 *
 * @see <a href="https://wiki.nftables.org/wiki-nftables/index.php/Portal:DeveloperDocs/nftables_internals">nftables internals</a>
 */
public final class NftExpression {
    private static final int NFTA_EXPR_NAME = 1;
    private static final int NFTA_EXPR_DATA = 2;
    private static final int NFTA_DATA_VALUE = 1;
    private static final int NFTA_DATA_VERDICT = 2;
    private static final int NFTA_VERDICT_CODE = 1;
    private static final int NFTA_VERDICT_CHAIN = 2;
    private static final int FIRST_WORD_REGISTER = 8;
    private static final int NFT_REG_VERDICT = 0;
    private static final int NFT_CMP_EQ = 0;
    private static final int NFT_CMP_NEQ = 1;
    private static final int NFT_LOOKUP_F_INV = 1;
    private static final int NFT_OBJECT_COUNTER = 1;
    private static final int NFT_NAT_DNAT = 1;
    private static final int NFT_FIB_RESULT_OIF = 1;
    private static final int NFT_FIB_RESULT_ADDRTYPE = 3;
    private static final int NFTA_FIB_F_SADDR = 1;
    private static final int NFTA_FIB_F_DADDR = 2;
    private static final int NFTA_FIB_F_IIF = 8;
    private static final int NFT_REJECT_ICMPX_UNREACH = 2;
    private static final int NFT_REJECT_ICMPX_ADMIN_PROHIBITED = 3;
    private static final int NAME_SIZE = 16;

    /** What is known about a packet besides its bytes. */
    public enum Meta {
        /** The index of the link that the packet came by; 0 for none, which frames between ports of a bridge have at its end, too. */
        IIF(4),
        IIFNAME(6),
        OIFNAME(7),
        NFPROTO(15),
        L4PROTO(16);

        private final int number;

        Meta(int number) {
            this.number = number;
        }
    }

    /** What is known about a packet's connection. */
    public enum Connection {
        STATE(0),
        STATUS(2);

        /** Bit of {@link #STATE}. */
        public static final int ESTABLISHED = 2;

        /** Bit of {@link #STATE}. */
        public static final int RELATED = 4;

        /** Bit of {@link #STATUS}: the destination was translated. */
        public static final int DNAT = 32;

        private final int number;

        Connection(int number) {
            this.number = number;
        }
    }

    /** Where in a packet. */
    public enum Header {
        NETWORK(1),
        TRANSPORT(2);

        private final int number;

        Header(int number) {
            this.number = number;
        }
    }

    /** How a rule ends. */
    public enum Verdict {
        DROP(0),
        ACCEPT(1),
        JUMP(-3),
        GOTO(-4),
        RETURN(-5);

        private final int number;

        Verdict(int number) {
            this.number = number;
        }
    }

    private final String name;
    private final Consumer<MessageWriter> data;

    private NftExpression(String name, Consumer<MessageWriter> data) {
        this.name = name;
        this.data = data;
    }

    void write(MessageWriter writer) {
        writer.putString(NFTA_EXPR_NAME, name).nest(NFTA_EXPR_DATA, data);
    }

    /** Registers that begin at a multiple of 16 bytes have an older number, which programs use. */
    private static int register(int word) {
        return word % 4 == 0 ? 1 + word / 4 : FIRST_WORD_REGISTER + word;
    }

    public static NftExpression meta(Meta what, int register) {
        return new NftExpression("meta", w -> w.putBe32(2, what.number).putBe32(1, register(register)));
    }

    public static NftExpression connection(Connection what, int register) {
        return new NftExpression("ct", w -> w.putBe32(2, what.number).putBe32(1, register(register)));
    }

    public static NftExpression payload(Header header, int offset, int length, int register) {
        return new NftExpression(
                "payload",
                w -> w.putBe32(1, register(register))
                        .putBe32(2, header.number)
                        .putBe32(3, offset)
                        .putBe32(4, length));
    }

    /** Of which kind the packet's destination is to this host. */
    public static NftExpression destinationKind(int register) {
        return addressKind(NFTA_FIB_F_DADDR, register);
    }

    /** Of which kind the packet's source is to this host. */
    public static NftExpression sourceKind(int register) {
        return addressKind(NFTA_FIB_F_SADDR, register);
    }

    /** Of which kind the packet's destination is to the link that it came by: an address of another one is not local. */
    public static NftExpression destinationKindOfLink(int register) {
        return addressKind(NFTA_FIB_F_DADDR | NFTA_FIB_F_IIF, register);
    }

    private static NftExpression addressKind(int which, int register) {
        return fib(which, NFT_FIB_RESULT_ADDRTYPE, register);
    }

    /** The index of the link by which the packet's destination is reached; 0 if it is this host, or nobody knows the way. */
    public static NftExpression destinationLink(int register) {
        return fib(NFTA_FIB_F_DADDR, NFT_FIB_RESULT_OIF, register);
    }

    private static NftExpression fib(int which, int result, int register) {
        return new NftExpression(
                "fib", w -> w.putBe32(3, which).putBe32(2, result).putBe32(1, register(register)));
    }

    public static NftExpression equal(int register, byte... value) {
        return compare(register, NFT_CMP_EQ, value);
    }

    public static NftExpression differs(int register, byte... value) {
        return compare(register, NFT_CMP_NEQ, value);
    }

    private static NftExpression compare(int register, int operator, byte[] value) {
        return new NftExpression(
                "cmp",
                w -> w.putBe32(1, register(register))
                        .putBe32(2, operator)
                        .nest(3, data -> data.put(NFTA_DATA_VALUE, value)));
    }

    /** Leaves only these bits, in the machine's byte order. */
    public static NftExpression mask(int register, int bits) {
        return new NftExpression(
                "bitwise",
                w -> w.putBe32(1, register(register))
                        .putBe32(2, register(register))
                        .putBe32(3, Integer.BYTES)
                        .nest(4, data -> data.putU32(NFTA_DATA_VALUE, bits))
                        .nest(5, data -> data.putU32(NFTA_DATA_VALUE, 0)));
    }

    /** Goes on if the value is in the set. */
    public static NftExpression in(NftSet set, int register) {
        return new NftExpression("lookup", w -> writeSet(w.putBe32(2, register(register)), set));
    }

    /** Goes on if the value is not in the set. */
    public static NftExpression notIn(NftSet set, int register) {
        return new NftExpression(
                "lookup", w -> writeSet(w.putBe32(2, register(register)), set).putBe32(5, NFT_LOOKUP_F_INV));
    }

    /** Goes on with what the map has for the value. */
    public static NftExpression map(NftSet map, int register, int result) {
        return new NftExpression(
                "lookup", w -> writeSet(w.putBe32(2, register(register)).putBe32(3, register(result)), map));
    }

    private static MessageWriter writeSet(MessageWriter writer, NftSet set) {
        return writer.putString(1, set.name()).putBe32(4, set.id());
    }

    /** Counts the packet with the table's counter of that name. */
    public static NftExpression count(String counter) {
        return new NftExpression("objref", w -> w.putBe32(1, NFT_OBJECT_COUNTER).putText(2, counter));
    }

    /** Translates the destination: address and port are in registers. */
    public static NftExpression destination(boolean ipv6, int addressRegister, int portRegister) {
        return new NftExpression(
                "nat",
                w -> w.putBe32(1, NFT_NAT_DNAT)
                        .putBe32(2, ipv6 ? 10 : 2)
                        .putBe32(3, register(addressRegister))
                        .putBe32(5, register(portRegister)));
    }

    /** Loads a value. */
    public static NftExpression value(int register, byte... value) {
        return new NftExpression(
                "immediate", w -> w.putBe32(1, register(register)).nest(2, data -> data.put(NFTA_DATA_VALUE, value)));
    }

    /**
     * Has a transparent socket of this host take the packet, whatever its destination: one of its own connection, or else one that is
     * bound to the port in a register. Goes on if there is one.
     */
    public static NftExpression socket(int portRegister) {
        return new NftExpression("tproxy", w -> w.putBe32(1, 0).putBe32(3, register(portRegister)));
    }

    /** Tells the sender that this is forbidden. */
    public static NftExpression reject() {
        return new NftExpression(
                "reject", w -> w.putBe32(1, NFT_REJECT_ICMPX_UNREACH).putU8(2, NFT_REJECT_ICMPX_ADMIN_PROHIBITED));
    }

    /** Translates the source to the address of the link by which the packet leaves. */
    public static NftExpression masquerade() {
        return new NftExpression("masq", w -> {});
    }

    public static NftExpression verdict(Verdict verdict) {
        return verdict(verdict, "");
    }

    /** @param chain for {@link Verdict#JUMP} and {@link Verdict#GOTO} */
    public static NftExpression verdict(Verdict verdict, String chain) {
        return new NftExpression(
                "immediate", w -> w.putBe32(1, NFT_REG_VERDICT).nest(2, data -> writeVerdict(data, verdict, chain)));
    }

    private static void writeVerdict(MessageWriter data, Verdict verdict, String chain) {
        data.nest(NFTA_DATA_VERDICT, code -> {
            code.putBe32(NFTA_VERDICT_CODE, verdict.number);
            if (!chain.isEmpty()) {
                code.putString(NFTA_VERDICT_CHAIN, chain);
            }
        });
    }

    /** A link's name as registers and sets have it: 16 bytes. */
    public static byte[] linkName(String name) {
        return Arrays.copyOf(name.getBytes(StandardCharsets.UTF_8), NAME_SIZE);
    }

    @Override
    public String toString() {
        return "NftExpression[" + name + "]";
    }
}
