package dev.cais.runtime;

import dev.cais.Connection;
import dev.cais.TimedOutException;
import dev.cais.linux.Abi;
import dev.cais.linux.DescriptorSocket;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.Poll;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import dev.cais.runtime.launch.Arg;
import dev.cais.runtime.launch.Launch;
import dev.cais.runtime.launch.LaunchProgram;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * A TCP connection inside a container's network namespace, held by this process.
 *
 * <p>A socket belongs for ever to the network namespace of the process that made it. So a launch program enters the container's, and
 * nothing else of it, makes the socket and sends it here; connecting and all that follows is done from here.
 */
final class ContainerConnection implements Connection {
    private static final int REPORT = ContainerProgram.REPORT;
    private static final int ENTERED = ContainerProgram.ENTERED;
    private static final int CHUNK = 1 << 14;
    private static final int SO_ERROR = 4;
    private static final int SHUT_RDWR = 2;

    private final Fd socket;
    private final Duration timeout;
    private final String peer;
    /** Held shared by whoever uses the socket, so that its number is not another file's meanwhile. */
    private final ReadWriteLock use = new ReentrantReadWriteLock();

    private ContainerConnection(Fd socket, Duration timeout, String peer) {
        this.socket = socket;
        this.timeout = timeout;
        this.peer = peer;
    }

    private static LaunchProgram program(int family, boolean entered) {
        var program = LaunchProgram.builder().reportFailuresTo(REPORT);
        program.resetInherited(REPORT, ENTERED);
        if (entered) {
            program.setns(Arg.of(ENTERED), Abi.CLONE_NEWNET);
        }
        var message = program.message("socket", 1);
        program.socket(family, Abi.SOCK_STREAM | Abi.SOCK_NONBLOCK | Abi.SOCK_CLOEXEC, 0)
                .storeTo(message.slot(0));
        program.sendmsg(Arg.of(REPORT), message);
        return program.build();
    }

    /**
     * Connects.
     *
     * @param process of the container, for setns(2), unless it has the network namespace of this process; stays the caller's
     * @param name of the container, for messages
     */
    static ContainerConnection open(
            Launch launch, Optional<Fd> process, String name, InetSocketAddress address, Duration timeout) {
        var peer = "port " + address.getPort() + " of container " + name;
        var cannot = "cannot connect to " + peer;
        try (var undo = new Undo()) {
            var socket = undo.add(make(launch, process, cannot, address.getAddress()));
            connect(socket, cannot, address, timeout);
            undo.keepAll();
            return new ContainerConnection(socket, timeout, peer);
        }
    }

    private static Fd make(Launch launch, Optional<Fd> process, String cannot, InetAddress address) {
        var family = address.getAddress().length == 4 ? Abi.AF_INET : Abi.AF_INET6;
        var program = program(family, process.isPresent());
        try (var socket = DescriptorSocket.pair();
                var maker = launch.start(cannot, program, given(socket.theirs(), process))) {
            try {
                socket.theirs().close();
                var message = socket.ours().receive(cannot);
                if (message.isPresent() && !message.get().descriptors().isEmpty()) {
                    return message.get().descriptors().get(0);
                }
                throw new StartFailure(cannot, program)
                        .explain(message.map(DescriptorSocket.Message::content).orElse(new byte[0]));
            } finally {
                maker.signal(Abi.SIGKILL);
                maker.awaitExit();
            }
        }
    }

    private static Map<Integer, Fd> given(Fd report, Optional<Fd> process) {
        return process.map(entered -> Map.of(REPORT, report, ENTERED, entered)).orElseGet(() -> Map.of(REPORT, report));
    }

    private static void connect(Fd socket, String cannot, InetSocketAddress address, Duration timeout) {
        try (var scratch = Scratch.frame()) {
            var bytes = address.getAddress().getAddress();
            var name = scratch.take(bytes.length == 4 ? 16 : 28);
            name.putShort(0, (short) (bytes.length == 4 ? Abi.AF_INET : Abi.AF_INET6));
            name.putShort(2, Short.reverseBytes((short) address.getPort()));
            name.put(bytes.length == 4 ? 4 : 8, bytes);
            var result = Syscalls.call(Syscall.CONNECT, socket.number(), Scratch.address(name), name.capacity());
            if (Errno.EINPROGRESS.is(result)) {
                if (!Poll.writable(socket, timeout, cannot)) {
                    throw new TimedOutException(cannot + ": nobody has accepted the connection after " + timeout);
                }
                var value = scratch.take(8);
                var length = scratch.take(8).putInt(0, 4);
                Syscalls.checked(
                        cannot,
                        Syscall.GETSOCKOPT,
                        Syscalls.call(
                                Syscall.GETSOCKOPT,
                                socket.number(),
                                Abi.SOL_SOCKET,
                                SO_ERROR,
                                Scratch.address(value),
                                Scratch.address(length)));
                result = -value.getInt(0);
            }
            Syscalls.checked(cannot, Syscall.CONNECT, result);
        }
    }

    @Override
    public InputStream input() {
        return new InputStream() {
            @Override
            public int read() throws IOException {
                var one = new byte[1];
                return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
            }

            @Override
            public int read(byte[] target, int offset, int length) throws IOException {
                Objects.checkFromIndexSize(offset, length, target.length);
                return length == 0 ? 0 : receive(target, offset, length);
            }
        };
    }

    private int receive(byte[] target, int offset, int length) throws IOException {
        use.readLock().lock();
        try (var scratch = Scratch.frame()) {
            var chunk = scratch.take(Math.min(length, CHUNK));
            while (true) {
                var count = Syscalls.call(
                        Syscall.RECVFROM, number(), Scratch.address(chunk), chunk.capacity(), Abi.MSG_DONTWAIT, 0, 0);
                if (count > 0) {
                    chunk.get(0, target, offset, (int) count);
                    return (int) count;
                }
                if (count == 0) {
                    return -1;
                }
                if (Errno.EAGAIN.is(count)) {
                    if (!Poll.readable(socket, timeout, "cannot read from " + peer)) {
                        throw new TimedOutException("cannot read from " + peer + ": nothing came in " + timeout);
                    }
                } else if (!Errno.EINTR.is(count)) {
                    throw new IOException("cannot read from " + peer + ": " + Errno.of(count));
                }
            }
        } finally {
            use.readLock().unlock();
        }
    }

    @Override
    public OutputStream output() {
        return new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                write(new byte[] {(byte) b}, 0, 1);
            }

            @Override
            public void write(byte[] bytes, int offset, int length) throws IOException {
                Objects.checkFromIndexSize(offset, length, bytes.length);
                for (var done = 0; done < length; ) {
                    var from = offset + done;
                    done += send(Arrays.copyOfRange(bytes, from, from + Math.min(length - done, CHUNK)));
                }
            }
        };
    }

    private int send(byte[] bytes) throws IOException {
        use.readLock().lock();
        try (var scratch = Scratch.frame()) {
            var chunk = scratch.bytes(bytes);
            while (true) {
                var count = Syscalls.call(
                        Syscall.SENDTO, number(), chunk, bytes.length, Abi.MSG_DONTWAIT | Abi.MSG_NOSIGNAL, 0, 0);
                if (count >= 0) {
                    return (int) count;
                }
                if (Errno.EAGAIN.is(count)) {
                    if (!Poll.writable(socket, timeout, "cannot write to " + peer)) {
                        throw new TimedOutException("cannot write to " + peer + ": nobody has read for " + timeout);
                    }
                } else if (!Errno.EINTR.is(count)) {
                    throw new IOException("cannot write to " + peer + ": " + Errno.of(count));
                }
            }
        } finally {
            use.readLock().unlock();
        }
    }

    private int number() throws IOException {
        if (!socket.isOpen()) {
            throw new IOException("the connection to " + peer + " is closed");
        }
        return socket.number();
    }

    @Override
    public void close() {
        use.readLock().lock();
        try {
            if (socket.isOpen()) {
                Syscalls.call(Syscall.SHUTDOWN, socket.number(), SHUT_RDWR); // wakes whoever waits for it
            }
        } finally {
            use.readLock().unlock();
        }
        use.writeLock().lock();
        try {
            socket.close();
        } finally {
            use.writeLock().unlock();
        }
    }

    /** {@code Connection[port 80 of container web]}. */
    @Override
    public String toString() {
        return "Connection[" + peer + "]";
    }
}
