package dev.cais.runtime.build;

import dev.cais.BuildException;
import dev.cais.StorageException;
import dev.cais.linux.Abi;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A socket for a step's program, behind which is the caller's ssh agent. A program may ask which keys there are, and have something signed;
 * whatever else it asks of the agent (to add keys, remove them, lock them, load libraries) is refused. An agent answers its own user alone,
 * and the program may be another: so it is spoken to from here.
 *
 * @see <a href="https://datatracker.ietf.org/doc/html/draft-miller-ssh-agent">SSH Agent Protocol</a>
 */
final class AgentSocket implements AutoCloseable {
    private static final String NAME = "agent";
    private static final int LARGEST = 256 * 1024;
    private static final int FAILURE = 5;
    private static final int REQUEST_IDENTITIES = 11;
    private static final int SIGN_REQUEST = 13;

    /** A program that opens more connections waits. */
    private static final int MOST_CONNECTIONS = 8;

    private final Path agent;
    private final Path directory;
    private final ServerSocketChannel server;
    private final List<SocketChannel> open = new ArrayList<>();
    private final List<Thread> threads = new ArrayList<>();
    private boolean closed;

    private AgentSocket(Path agent, Path directory, ServerSocketChannel server) {
        this.agent = agent;
        this.directory = directory;
        this.server = server;
        for (var i = 0; i < MOST_CONNECTIONS; i++) {
            var thread = new Thread(this::serve, "cais-ssh-agent");
            thread.setDaemon(true);
            threads.add(thread);
            thread.start();
        }
    }

    /**
     * @param agent the caller's own socket
     * @param directory empty, for the other one
     * @throws BuildException if there is no agent
     */
    static AgentSocket open(Path agent, Path directory, int mode, int uid, int gid) {
        try (var tried = SocketChannel.open(UnixDomainSocketAddress.of(agent))) {
            assert tried.isConnected();
        } catch (IOException | IllegalArgumentException e) {
            throw new BuildException(
                    "there is no ssh agent at " + agent, Map.of("cause", String.valueOf(e.getMessage())), "", e);
        }
        try (var root = Workplace.open("cannot serve an ssh agent", directory)) {
            var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
            try {
                // by descriptor: an address has 107 bytes, and a store may be deep
                server.bind(UnixDomainSocketAddress.of("/proc/self/fd/" + root.number() + "/" + NAME));
                own(directory.resolve(NAME), mode, uid, gid);
                return new AgentSocket(agent, directory, server);
            } catch (IOException | RuntimeException | Error e) {
                server.close();
                throw e;
            }
        } catch (IOException e) {
            throw new StorageException("cannot serve an ssh agent in " + directory + ": " + e, Map.of(), "", e);
        }
    }

    private static void own(Path socket, int mode, int uid, int gid) {
        try (var scratch = Scratch.frame()) {
            var path = scratch.path(socket.toString());
            Syscalls.checked(
                    "cannot serve an ssh agent",
                    Syscall.FCHMODAT,
                    Syscalls.call(Syscall.FCHMODAT, Abi.AT_FDCWD, path, mode));
            Syscalls.checked(
                    "cannot serve an ssh agent",
                    Syscall.FCHOWNAT,
                    Syscalls.call(Syscall.FCHOWNAT, Abi.AT_FDCWD, path, uid, gid, 0));
        }
    }

    Path path() {
        return directory.resolve(NAME);
    }

    private void serve() {
        while (true) {
            try (var client = take(server.accept());
                    var there = take(SocketChannel.open(UnixDomainSocketAddress.of(agent)))) {
                relay(client, there);
            } catch (IOException e) {
                if (isClosed()) {
                    return;
                }
            }
        }
    }

    private synchronized boolean isClosed() {
        return closed;
    }

    private synchronized SocketChannel take(SocketChannel channel) throws IOException {
        if (closed) {
            channel.close();
            throw new EOFException();
        }
        open.removeIf(each -> !each.isOpen());
        open.add(channel);
        return channel;
    }

    /** One question after the other. */
    private static void relay(SocketChannel client, SocketChannel there) throws IOException {
        while (true) {
            var question = read(client);
            var kind = question.get(Integer.BYTES);
            if (kind == REQUEST_IDENTITIES || kind == SIGN_REQUEST) {
                write(there, question);
                write(client, read(there));
            } else {
                write(
                        client,
                        ByteBuffer.allocate(5).putInt(1).put((byte) FAILURE).flip());
            }
        }
    }

    /** A message with its length before it. */
    private static ByteBuffer read(SocketChannel channel) throws IOException {
        var head = fill(channel, ByteBuffer.allocate(Integer.BYTES));
        var length = head.getInt(0);
        if (length < 1 || length > LARGEST) {
            throw new IOException("a message of " + length + " bytes");
        }
        var message = ByteBuffer.allocate(Integer.BYTES + length).putInt(length);
        return fill(channel, message);
    }

    private static ByteBuffer fill(SocketChannel channel, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            if (channel.read(buffer) < 0) {
                throw new EOFException();
            }
        }
        return buffer.flip();
    }

    private static void write(SocketChannel channel, ByteBuffer message) throws IOException {
        while (message.hasRemaining()) {
            channel.write(message);
        }
    }

    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            open.forEach(AgentSocket::closeQuietly);
        }
        closeQuietly(server);
        var interrupted = Thread.interrupted();
        for (var thread : threads) {
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static void closeQuietly(AutoCloseable channel) {
        try {
            channel.close();
        } catch (Exception e) {
            throw new IllegalStateException(e); // closing a socket does not fail
        }
    }
}
