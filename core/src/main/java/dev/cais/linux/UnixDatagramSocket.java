package dev.cais.linux;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * Sends datagrams to a unix socket, such as {@code /dev/log}. For one thread.
 *
 * @see <a href="https://man7.org/linux/man-pages/man7/unix.7.html">unix(7)</a>
 */
public final class UnixDatagramSocket implements AutoCloseable {
    /** Of a path, without the NUL. */
    private static final int LONGEST_PATH = 107;

    private static final int SO_SNDTIMEO = 21;
    private static final int SECONDS_TO_SEND = 1;

    private final Fd fd;

    private UnixDatagramSocket(Fd fd) {
        this.fd = fd;
    }

    /**
     * @return empty if the socket there is no datagram socket
     * @throws IOException if there is none, or nobody listens
     */
    public static Optional<UnixDatagramSocket> connect(String path) throws IOException {
        var bytes = path.getBytes(StandardCharsets.UTF_8);
        if (bytes.length > LONGEST_PATH) {
            throw new IOException("the path " + path + " is longer than " + LONGEST_PATH + " bytes");
        }
        var number = Syscalls.call(Syscall.SOCKET, Abi.AF_UNIX, Abi.SOCK_DGRAM | Abi.SOCK_CLOEXEC, 0);
        if (number < 0) {
            throw failure("cannot make a socket", number);
        }
        var fd = Fd.of(number);
        try (var scratch = Scratch.frame()) {
            var address = scratch.take(2 + LONGEST_PATH + 1);
            address.putShort(0, (short) Abi.AF_UNIX).put(2, bytes);
            var time = scratch.words(SECONDS_TO_SEND, 0);
            Syscalls.call(Syscall.SETSOCKOPT, fd.number(), Abi.SOL_SOCKET, SO_SNDTIMEO, time, 16);
            var result = Syscalls.call(Syscall.CONNECT, fd.number(), Scratch.address(address), 2L + bytes.length + 1);
            if (result < 0) {
                fd.close();
            }
            if (Errno.EPROTOTYPE.is(result)) {
                return Optional.empty();
            }
            if (result < 0) {
                throw failure("cannot connect to " + path, result);
            }
            return Optional.of(new UnixDatagramSocket(fd));
        }
    }

    /**
     * Sends one datagram, waiting at most a second for room.
     *
     * @throws IOException if it was not sent
     */
    public void send(byte[] content) throws IOException {
        try (var scratch = Scratch.frame()) {
            var address = scratch.bytes(content);
            long result;
            do {
                result = Syscalls.call(Syscall.SENDTO, fd.number(), address, content.length, 0, 0, 0);
            } while (Errno.EINTR.is(result));
            if (result < 0) {
                throw failure("cannot send a datagram", result);
            }
        }
    }

    private static IOException failure(String what, long result) {
        return new IOException(what + ": " + Errno.of(result));
    }

    @Override
    public void close() {
        fd.close();
    }
}
