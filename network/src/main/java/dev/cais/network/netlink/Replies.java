package dev.cais.network.netlink;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** What one datagram from the kernel holds. */
final class Replies {
    static final int NLMSG_NOOP = 1;
    static final int NLMSG_ERROR = 2;
    static final int NLMSG_DONE = 3;
    static final int NLMSG_OVERRUN = 4;

    private static final int NLM_F_CAPPED = 0x100;
    private static final int NLM_F_ACK_TLVS = 0x200;
    private static final int NLMSGERR_ATTR_MSG = 1;
    private static final int LONGEST_TEXT = 256;

    private Replies() {}

    /**
     * One message.
     *
     * @param body what follows the header
     */
    record Reply(int type, int flags, int sequence, ByteBuffer body) {
        /** Of NLMSG_ERROR and NLMSG_DONE: 0 or a negated error number. */
        int error() {
            return body.remaining() < Integer.BYTES ? 0 : body.getInt(body.position());
        }

        /** The kernel's explanation, if there is one: printable, at most 256 characters. */
        String explanation() {
            if ((flags & NLM_F_ACK_TLVS) == 0) {
                return "";
            }
            var skipped = Integer.BYTES;
            if (type == NLMSG_ERROR) { // the request follows, whole or just its header
                if (body.remaining() < Integer.BYTES + Request.HEADER) {
                    return "";
                }
                var size = (flags & NLM_F_CAPPED) != 0 ? Request.HEADER : body.getInt(body.position() + Integer.BYTES);
                if (size < Request.HEADER || size > body.remaining()) {
                    return "";
                }
                skipped += MessageWriter.aligned(size);
            }
            if (skipped > body.remaining()) {
                return "";
            }
            var text = Attributes.parse(body.slice(body.position() + skipped, body.remaining() - skipped))
                    .text(NLMSGERR_ATTR_MSG);
            return text.substring(0, Math.min(LONGEST_TEXT, text.length())).replaceAll("[^\\x20-\\x7e]", "?");
        }
    }

    /** A message that does not fit in the datagram ends the list. */
    static List<Reply> parse(ByteBuffer datagram) {
        var replies = new ArrayList<Reply>();
        var bytes = datagram.slice().order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.remaining() >= Request.HEADER) {
            var start = bytes.position();
            var length = bytes.getInt(start);
            if (length < Request.HEADER || length > bytes.remaining()) {
                break;
            }
            replies.add(new Reply(
                    Short.toUnsignedInt(bytes.getShort(start + 4)),
                    Short.toUnsignedInt(bytes.getShort(start + 6)),
                    bytes.getInt(start + 8),
                    bytes.slice(start + Request.HEADER, length - Request.HEADER).order(ByteOrder.LITTLE_ENDIAN)));
            bytes.position(Math.min(bytes.limit(), start + MessageWriter.aligned(length)));
        }
        return replies;
    }
}
