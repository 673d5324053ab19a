package dev.cais.network.dns;

import dev.cais.linux.Errno;
import dev.cais.linux.EventLoop;
import dev.cais.linux.Fd;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Queue;

/**
 * Messages over a connection of TCP, each with its length before it. Lives on the event loop's thread.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc7766#section-8">RFC 7766, 8: TCP Message Length Field</a>
 */
final class MessageStream {
    /** Of memory that streams of one loop share: for one read or write. */
    static final int BUFFER = 1 << 16;

    private static final int LENGTH = 2;
    /** Handled in a row, before others have their turn. */
    private static final int MOST_AT_ONCE = 16;

    /** Whom a stream serves. */
    interface Owner {
        /** Whether another message may be handed over now; if not, {@link MessageStream#pump} goes on later. */
        boolean wantsMore();

        void received(byte[] message);

        /** Nothing more will be received: the other side ended it, or it broke. */
        void ended();
    }

    private final Fd socket;
    private final NativeMemory buffer;
    private final int largest;
    private final Owner owner;
    private final EventLoop.Watch watch;
    private final Queue<byte[]> output = new ArrayDeque<>();
    private int written;
    private byte[] input = new byte[LENGTH + 512];
    private int filled;
    private boolean ended;
    private boolean pumping;

    /**
     * @param socket connected or connecting, non-blocking; closed with the stream
     * @param buffer of {@link #BUFFER} bytes
     * @param largest message that is taken
     */
    MessageStream(EventLoop loop, Fd socket, NativeMemory buffer, int largest, Owner owner) {
        this.socket = socket;
        this.buffer = buffer;
        this.largest = largest;
        this.owner = owner;
        this.watch = loop.watchBoth(socket, ready -> pump());
    }

    /** Sends a message, or keeps it until there is room. */
    void send(byte[] message) {
        if (!socket.isOpen()) {
            return;
        }
        var framed = new byte[LENGTH + message.length];
        framed[0] = (byte) (message.length >> 8);
        framed[1] = (byte) message.length;
        System.arraycopy(message, 0, framed, LENGTH, message.length);
        output.add(framed);
        write();
    }

    /** Whether all that was sent is in the kernel's hands. */
    boolean flushed() {
        return output.isEmpty();
    }

    private void write() {
        for (var next = output.peek(); next != null; next = output.peek()) {
            var part = Math.min(BUFFER, next.length - written);
            buffer.bytes().put(0, next, written, part);
            var count = Syscalls.call(Syscall.WRITE, socket.number(), buffer.address(), part);
            if (count < 0) {
                if (!Errno.EAGAIN.is(count) && !Errno.EINTR.is(count)) {
                    output.clear(); // the other side is gone: reading tells
                }
                return;
            }
            written += (int) count;
            if (written == next.length) {
                output.remove();
                written = 0;
            }
        }
    }

    /** Writes and reads as much as can be. Does nothing within itself. */
    void pump() {
        if (pumping || !socket.isOpen()) {
            return;
        }
        pumping = true;
        try {
            write();
            var turns = MOST_AT_ONCE;
            while (socket.isOpen() && owner.wantsMore()) {
                if (turns-- == 0) {
                    watch.resume();
                    return;
                }
                if (!deliver() && !read()) {
                    return;
                }
            }
        } finally {
            pumping = false;
        }
    }

    /** @return whether a whole message was there */
    private boolean deliver() {
        if (filled < LENGTH) {
            return false;
        }
        var length = (input[0] & 0xff) << 8 | input[1] & 0xff;
        if (length > largest) {
            filled = 0;
            end();
            return false;
        }
        if (filled < LENGTH + length) {
            input = input.length < LENGTH + length ? Arrays.copyOf(input, LENGTH + length) : input;
            return false;
        }
        var message = Arrays.copyOfRange(input, LENGTH, LENGTH + length);
        System.arraycopy(input, LENGTH + length, input, 0, filled - LENGTH - length);
        filled -= LENGTH + length;
        owner.received(message);
        return true;
    }

    /** @return whether something was read */
    private boolean read() {
        if (ended) {
            return false;
        }
        var count =
                Syscalls.call(Syscall.READ, socket.number(), buffer.address(), Math.min(BUFFER, input.length - filled));
        if (count > 0) {
            buffer.bytes().get(0, input, filled, (int) count);
            filled += (int) count;
            return true;
        }
        if (!Errno.EAGAIN.is(count) && !Errno.EINTR.is(count)) {
            end();
        }
        return Errno.EINTR.is(count);
    }

    private void end() {
        if (!ended) {
            ended = true;
            owner.ended();
        }
    }

    void close() {
        watch.close();
    }
}
