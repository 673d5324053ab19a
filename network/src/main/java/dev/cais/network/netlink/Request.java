package dev.cais.network.netlink;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * One message to the kernel, but for its sequence number.
 *
 * @param what for errors, as in {@code cannot make the bridge cais0}
 * @param kind the type's name for errors, as in {@code RTM_NEWLINK}
 * @param flags {@code NLM_F_REQUEST} is always among them; {@link Netlink} adds {@code NLM_F_ACK}
 * @param body what follows the header, its attributes aligned
 */
public record Request(String what, String kind, int type, int flags, byte[] body) {
    static final int HEADER = 16;
    static final int NLM_F_REQUEST = 0x1;
    static final int NLM_F_MULTI = 0x2;
    static final int NLM_F_ACK = 0x4;
    static final int NLM_F_DUMP_INTR = 0x10;
    static final int NLM_F_REPLACE = 0x100;
    static final int NLM_F_DUMP = 0x300;
    static final int NLM_F_EXCL = 0x200;
    static final int NLM_F_CREATE = 0x400;
    static final int NLM_F_APPEND = 0x800;

    public Request {
        flags |= NLM_F_REQUEST;
        body = body.clone();
    }

    @Override
    public byte[] body() {
        return body.clone();
    }

    int size() {
        return HEADER + body.length;
    }

    /** The whole message, for somebody to send who wants no answer. */
    public byte[] message() {
        return toBytes(0, 0);
    }

    /** The whole message as it is sent. */
    byte[] toBytes(int moreFlags, int sequence) {
        return ByteBuffer.allocate(size())
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(size())
                .putShort((short) type)
                .putShort((short) (flags | moreFlags))
                .putInt(sequence)
                .putInt(0)
                .put(body)
                .array();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Request request
                && what.equals(request.what)
                && type == request.type
                && flags == request.flags
                && Arrays.equals(body, request.body);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(body);
    }

    /** {@code RTM_NEWLINK, 64 bytes}. */
    @Override
    public String toString() {
        return kind + ", " + size() + " bytes";
    }
}
