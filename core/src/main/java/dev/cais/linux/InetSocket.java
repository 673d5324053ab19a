package dev.cais.linux;

import dev.cais.KernelException;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/**
 * A socket of TCP, UDP or SCTP that never makes its caller wait. What often fails returns the kernel's result: a number, or the
 * negated error number.
 *
 * @see <a href="https://man7.org/linux/man-pages/man7/ip.7.html">ip(7)</a>
 */
public final class InetSocket implements AutoCloseable {
    private final Fd fd;

    private InetSocket(Fd fd) {
        this.fd = fd;
    }

    /**
     * Makes a socket, closed on exec.
     *
     * @param like an address of the family wanted
     * @param type such as {@link Abi#SOCK_STREAM}
     * @param protocol such as {@link Abi#IPPROTO_TCP}
     * @throws KernelException with {@code EMFILE} if this process has no descriptors left, with {@code EPROTONOSUPPORT} or
     *     {@code EAFNOSUPPORT} if the kernel lacks the protocol
     */
    public static InetSocket open(InetAddress like, int type, int protocol) {
        var family = SocketAddresses.family(like);
        return new InetSocket(Fd.of(Syscalls.checked(
                "cannot make a socket",
                Syscall.SOCKET,
                Syscalls.call(Syscall.SOCKET, family, type | Abi.SOCK_CLOEXEC | Abi.SOCK_NONBLOCK, protocol))));
    }

    /** Takes over a socket that someone else made, non-blocking already. */
    public static InetSocket of(Fd fd) {
        return new InetSocket(fd);
    }

    /** Makes a socket that someone else made non-blocking. */
    public InetSocket nonBlocking() {
        Syscalls.checked(
                "cannot make a socket non-blocking",
                Syscall.FCNTL,
                Syscalls.call(Syscall.FCNTL, fd.number(), Abi.F_SETFL, Abi.O_NONBLOCK));
        return this;
    }

    public Fd fd() {
        return fd;
    }

    /** Sets an option whose value is an {@code int}. */
    public InetSocket option(int level, int name, int value) {
        try (var scratch = Scratch.frame()) {
            Syscalls.checked(
                    "cannot set a socket's option",
                    Syscall.SETSOCKOPT,
                    Syscalls.call(Syscall.SETSOCKOPT, fd.number(), level, name, scratch.words(value), Integer.BYTES));
        }
        return this;
    }

    /** @return 0, or an error such as {@code EADDRINUSE}, negated */
    public long bind(InetSocketAddress address) {
        return withAddress(Syscall.BIND, address);
    }

    /** @return 0, {@code EINPROGRESS} if the answer is to come, or another error, negated */
    public long connect(InetSocketAddress address) {
        return withAddress(Syscall.CONNECT, address);
    }

    private long withAddress(Syscall call, InetSocketAddress address) {
        try (var scratch = Scratch.frame()) {
            var memory = scratch.take(SocketAddresses.SIZE);
            var size = SocketAddresses.put(memory, address);
            return Syscalls.call(call, fd.number(), Scratch.address(memory), size);
        }
    }

    /** @return 0, or an error such as {@code EADDRINUSE}, negated */
    public long listen(int backlog) {
        return Syscalls.call(Syscall.LISTEN, fd.number(), backlog);
    }

    /** @return the number of the next connection's descriptor, closed on exec and non-blocking; or an error, negated */
    public long accept() {
        return Syscalls.call(Syscall.ACCEPT4, fd.number(), 0, 0, Abi.SOCK_CLOEXEC | Abi.SOCK_NONBLOCK);
    }

    public InetSocketAddress localAddress() {
        try (var scratch = Scratch.frame()) {
            var memory = scratch.take(SocketAddresses.SIZE);
            Syscalls.checked(
                    "cannot ask for a socket's address",
                    Syscall.GETSOCKNAME,
                    Syscalls.call(
                            Syscall.GETSOCKNAME,
                            fd.number(),
                            Scratch.address(memory),
                            scratch.words(SocketAddresses.SIZE)));
            return SocketAddresses.read(memory);
        }
    }

    /**
     * The error that happened to the socket since it was asked last.
     *
     * @return 0 if none did; else negated
     */
    public long error() {
        try (var scratch = Scratch.frame()) {
            var value = scratch.take(8);
            var result = Syscalls.call(
                    Syscall.GETSOCKOPT,
                    fd.number(),
                    Abi.SOL_SOCKET,
                    Abi.SO_ERROR,
                    Scratch.address(value),
                    scratch.words(Integer.BYTES));
            return result < 0 ? result : -value.getInt(0);
        }
    }

    /** Says that nothing more will be sent: the other side reads an end, and may go on sending. */
    public void shutdownOutput() {
        Syscalls.call(Syscall.SHUTDOWN, fd.number(), Abi.SHUT_WR);
    }

    /** Lets the other side of a connection of TCP see it reset, not ended, when it is closed. */
    public InetSocket resetOnClose() {
        try (var scratch = Scratch.frame()) {
            var linger = scratch.words(1); // struct linger: on, for no time
            Syscalls.call(Syscall.SETSOCKOPT, fd.number(), Abi.SOL_SOCKET, Abi.SO_LINGER, linger, 8);
        }
        return this;
    }

    @Override
    public void close() {
        fd.close();
    }

    @Override
    public String toString() {
        return "InetSocket[" + fd + "]";
    }
}
