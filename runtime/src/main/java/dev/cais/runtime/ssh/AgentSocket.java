package dev.cais.runtime.ssh;

import dev.cais.StorageException;
import dev.cais.image.layer.Workers;
import dev.cais.linux.Abi;
import dev.cais.linux.Fd;
import dev.cais.linux.FileCalls;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutorService;

/**
 * A socket of an agent for programs. A program may ask which keys there are, and have something signed; whatever else it asks of the agent
 * (to add keys, remove them, lock them, load libraries) is refused.
 */
public final class AgentSocket implements AutoCloseable {
    private static final String NAME = "agent";

    /** A program that opens more connections waits. */
    private static final int MOST_CONNECTIONS = 8;

    private final SshAgent agent;
    private final Fd root;
    private final Path directory;
    private final ServerSocketChannel server;
    private final Map<SocketChannel, SshAgent.Talk> open = new HashMap<>();
    private final ExecutorService threads = Workers.start("cais-ssh-agent", MOST_CONNECTIONS);
    private boolean closed;

    private AgentSocket(SshAgent agent, Fd root, Path directory, ServerSocketChannel server) {
        this.agent = agent;
        this.root = root;
        this.directory = directory;
        this.server = server;
        for (var i = 0; i < MOST_CONNECTIONS; i++) {
            threads.execute(this::serve);
        }
    }

    /**
     * Serves until it is closed.
     *
     * @param root the directory that the socket will be in, which is empty; goes with the socket
     * @param directory where that is
     */
    public static AgentSocket open(SshAgent agent, Fd root, Path directory, int mode, int uid, int gid) {
        try {
            return new AgentSocket(agent, root, directory, bind(root, directory, mode, uid, gid));
        } catch (IOException e) {
            root.close();
            throw new StorageException("cannot serve an ssh agent in " + directory + ": " + e, Map.of(), "", e);
        } catch (RuntimeException | Error e) {
            root.close();
            throw e;
        }
    }

    private static ServerSocketChannel bind(Fd root, Path directory, int mode, int uid, int gid) throws IOException {
        var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            // by descriptor: an address has 107 bytes, and a store may be deep
            server.bind(UnixDomainSocketAddress.of("/proc/self/fd/" + root.number() + "/" + NAME));
            own(directory.resolve(NAME), mode, uid, gid);
            return server;
        } catch (IOException | RuntimeException | Error e) {
            server.close();
            throw e;
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
                    "cannot serve an ssh agent", Syscall.FCHOWNAT, FileCalls.changeOwner(Abi.AT_FDCWD, path, uid, gid));
        }
    }

    public Path path() {
        return directory.resolve(NAME);
    }

    /** The same place in a few bytes, for this user's programs on this host. */
    public String shortPath() {
        return "/proc/" + ProcessHandle.current().pid() + "/fd/" + root.number() + "/" + NAME;
    }

    private void serve() {
        while (true) {
            try (var client = server.accept();
                    var talk = agent.talk()) {
                take(client, talk);
                relay(client, talk);
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

    private synchronized void take(SocketChannel client, SshAgent.Talk talk) throws IOException {
        if (closed) {
            throw new EOFException();
        }
        open.keySet().removeIf(each -> !each.isOpen());
        open.put(client, talk);
    }

    /** One question after the other. */
    private static void relay(SocketChannel client, SshAgent.Talk talk) throws IOException {
        while (true) {
            var question = Messages.read(client);
            var isAllowed = question[0] == Messages.REQUEST_IDENTITIES || question[0] == Messages.SIGN_REQUEST;
            Messages.write(client, isAllowed ? talk.answer(question) : Messages.failure());
        }
    }

    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            open.forEach((client, talk) -> {
                closeQuietly(client);
                closeQuietly(talk);
            });
        }
        closeQuietly(server);
        Workers.end(threads);
        root.close();
    }

    private static void closeQuietly(AutoCloseable channel) {
        try {
            channel.close();
        } catch (Exception e) {
            throw new IllegalStateException(e); // closing a socket does not fail
        }
    }
}
