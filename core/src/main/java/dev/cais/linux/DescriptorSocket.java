package dev.cais.linux;

import dev.cais.CancelledException;
import dev.cais.KernelException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * One end of a pair of connected sockets that carry messages with descriptors.
 *
 * <p>Receiving belongs to one thread at a time.
 *
 * @see <a href="https://man7.org/linux/man-pages/man7/unix.7.html">unix(7), SCM_RIGHTS</a>
 */
public final class DescriptorSocket implements AutoCloseable {
    private static final int MOST_BYTES = 256;
    private static final int MOST_DESCRIPTORS = 16;
    private static final int MSGHDR = 56;
    private static final int IOVEC = 16;
    private static final int CMSGHDR = 16;

    private final Fd fd;

    private DescriptorSocket(Fd fd) {
        this.fd = fd;
    }

    /** Two ends, both closed on exec; a message keeps its limits and arrives whole. */
    public record Pair(DescriptorSocket ours, Fd theirs) implements AutoCloseable {
        @Override
        public void close() {
            ours.close();
            theirs.close();
        }
    }

    /**
     * A message that arrived.
     *
     * @param content at most 256 bytes
     * @param descriptors in order, closed on exec, the receiver's to close
     */
    public record Message(byte[] content, List<Fd> descriptors) {}

    /** @throws KernelException with {@code EMFILE} if this process has no descriptors left */
    public static Pair pair() {
        try (var scratch = Scratch.frame()) {
            var ends = scratch.take(8);
            Syscalls.checked(
                    "cannot make a pair of sockets",
                    Syscall.SOCKETPAIR,
                    Syscalls.call(
                            Syscall.SOCKETPAIR,
                            Abi.AF_UNIX,
                            Abi.SOCK_SEQPACKET | Abi.SOCK_CLOEXEC,
                            0,
                            Scratch.address(ends)));
            return new Pair(new DescriptorSocket(Fd.of(ends.getInt(0))), Fd.of(ends.getInt(4)));
        }
    }

    public Fd fd() {
        return fd;
    }

    /**
     * Waits for the next message.
     *
     * @param what for messages of errors, as in {@code cannot start web}
     * @return empty when all other ends are closed and nothing is left to read
     * @throws CancelledException if the thread is interrupted
     */
    public Optional<Message> receive(String what) {
        Poll.readable(fd, what);
        return receiveNow(what);
    }

    /**
     * Waits until all other ends are closed: one wake-up, however many messages come meanwhile. Does not notice an interruption.
     */
    public void awaitHangUp() {
        try (var scratch = Scratch.frame()) {
            var polled = scratch.take(8);
            polled.putInt(0, fd.number());
            while (polled.getShort(6) == 0) {
                var result = Syscalls.call(Syscall.PPOLL, Scratch.address(polled), 1, 0, 0, 8);
                if (result < 0 && !Errno.EINTR.is(result)) {
                    Syscalls.checked("cannot wait for a socket's end", Syscall.PPOLL, result);
                }
            }
        }
    }

    /** The next message; blocks in the kernel if {@link #fd} is not readable. */
    public Optional<Message> receiveNow(String what) {
        try (var scratch = Scratch.frame()) {
            var bytes = scratch.take(MOST_BYTES);
            var vector = scratch.take(IOVEC);
            vector.putLong(0, Scratch.address(bytes)).putLong(8, MOST_BYTES);
            var control = scratch.take(CMSGHDR + MOST_DESCRIPTORS * Integer.BYTES);
            var header = scratch.take(MSGHDR);
            header.putLong(16, Scratch.address(vector))
                    .putLong(24, 1)
                    .putLong(32, Scratch.address(control))
                    .putLong(40, control.capacity());
            long size;
            do {
                size = Syscalls.call(Syscall.RECVMSG, fd.number(), Scratch.address(header), Abi.MSG_CMSG_CLOEXEC);
                // a peer that went without reading what it was sent is told of once, before what it sent itself
            } while (Errno.EINTR.is(size) || Errno.ECONNRESET.is(size));
            Syscalls.checked(what, Syscall.RECVMSG, size);
            var descriptors = new ArrayList<Fd>();
            var controlSize = header.getLong(40);
            if (controlSize >= CMSGHDR && control.getInt(8) == Abi.SOL_SOCKET && control.getInt(12) == Abi.SCM_RIGHTS) {
                for (var at = CMSGHDR; at + Integer.BYTES <= control.getLong(0); at += Integer.BYTES) {
                    descriptors.add(Fd.of(control.getInt(at)));
                }
            }
            if ((header.getInt(48) & (Abi.MSG_CTRUNC | Abi.MSG_TRUNC)) != 0) {
                descriptors.forEach(Fd::close);
                throw Errno.EMSGSIZE.exception(what, Syscall.RECVMSG);
            }
            if (size == 0 && descriptors.isEmpty()) {
                return Optional.empty();
            }
            var text = new byte[(int) size];
            bytes.get(0, text);
            return Optional.of(new Message(text, List.copyOf(descriptors)));
        }
    }

    /**
     * Sends a message of bytes alone. If all other ends are closed, it is nobody's.
     *
     * @param content at most 256 bytes, not empty
     */
    public void send(byte[] content) {
        try (var scratch = Scratch.frame()) {
            long sent;
            do {
                sent = Syscalls.call(
                        Syscall.SENDTO, fd.number(), scratch.bytes(content), content.length, Abi.MSG_NOSIGNAL, 0, 0);
            } while (Errno.EINTR.is(sent));
            if (!Errno.EPIPE.is(sent) && !Errno.ECONNRESET.is(sent)) {
                Syscalls.checked("cannot send a message", Syscall.SENDTO, sent);
            }
        }
    }

    @Override
    public void close() {
        fd.close();
    }

    @Override
    public String toString() {
        return "DescriptorSocket[" + fd + "]";
    }
}
