package dev.cais.runtime;

import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Optional;

/**
 * An address on a wire that several engines of this host may have networks on. Who has it holds a socket with its name, of the kind that
 * is in no directory: the kernel gives a name out once in a network namespace, and takes it back from who dies.
 *
 * @see <a href="https://man7.org/linux/man-pages/man7/unix.7.html">unix(7), abstract</a>
 */
final class WireAddress implements AutoCloseable {
    private final Fd socket;

    private WireAddress(Fd socket) {
        this.socket = socket;
    }

    /**
     * Takes it.
     *
     * @param parent index of the link that the wire is behind
     * @return empty if somebody has it
     */
    static Optional<WireAddress> take(int parent, InetAddress address) {
        var what = "cannot take address " + address.getHostAddress();
        try (var undo = new Undo();
                var scratch = Scratch.frame()) {
            var socket = undo.add(Fd.of(Syscalls.checked(
                    what,
                    Syscall.SOCKET,
                    Syscalls.call(Syscall.SOCKET, Abi.AF_UNIX, Abi.SOCK_DGRAM | Abi.SOCK_CLOEXEC, 0))));
            var name = ("cais/address/" + parent + "/" + HexFormat.of().formatHex(address.getAddress()))
                    .getBytes(StandardCharsets.US_ASCII);
            var size = Short.BYTES + 1 + name.length; // with the NUL that such a name begins with
            var bound = scratch.take(size);
            bound.putShort(0, (short) Abi.AF_UNIX).put(Short.BYTES + 1, name);
            var result = Syscalls.call(Syscall.BIND, socket.number(), Scratch.address(bound), size);
            if (Errno.EADDRINUSE.is(result)) {
                return Optional.empty();
            }
            Syscalls.checked(what, Syscall.BIND, result);
            undo.keepAll();
            return Optional.of(new WireAddress(socket));
        }
    }

    @Override
    public void close() {
        socket.close();
    }
}
