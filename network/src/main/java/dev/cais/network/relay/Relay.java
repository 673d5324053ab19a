package dev.cais.network.relay;

import dev.cais.Protocol;
import dev.cais.UnsupportedHostException;
import dev.cais.linux.Acceptor;
import dev.cais.linux.Datagram;
import dev.cais.linux.EventLoop;
import dev.cais.linux.Fd;
import dev.cais.linux.InetSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves published ports in the engine's event loop. One serves all ports of an engine.
 *
 * <p>Limits: connections as many as the process may have descriptors, two each; 4,096 clients of each port of UDP, of which the one that
 * was silent the longest gives way to a new one.
 */
public final class Relay implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Relay.class);
    /** As long as Docker's proxy. */
    static final Duration IDLE_OF_UDP = Duration.ofSeconds(90);

    private final EventLoop loop;
    private final Duration idleOfUdp;
    private final Datagram datagram = new Datagram();
    private final Pipes pipes = new Pipes();
    /** Touched on the loop's thread only. */
    private final Set<Served> served = new HashSet<>();

    public Relay(EventLoop loop) {
        this(loop, IDLE_OF_UDP);
    }

    /** @param idleOfUdp after how much silence a client of UDP is forgotten */
    Relay(EventLoop loop, Duration idleOfUdp) {
        this.loop = loop;
        this.idleOfUdp = idleOfUdp;
    }

    /**
     * Begins to serve a port: whoever waits there is let in.
     *
     * @param port closed with what is returned, or if this throws
     * @throws UnsupportedHostException for SCTP, whose messages splice(2) does not keep
     */
    public Served serve(ReservedPort port, Target target) {
        if (port.protocol() == Protocol.SCTP) {
            port.close();
            throw new UnsupportedHostException(
                    "cannot publish " + port.number() + "/sctp: a relay carries tcp and udp only",
                    "it needs nf_tables: load its module, or run on a kernel that has it");
        }
        var serving = new Served(port, target);
        loop.perform(() -> {
            try {
                serving.begin();
            } catch (RuntimeException e) {
                serving.end();
                throw e;
            }
        });
        return serving;
    }

    /** A port that is served. */
    public final class Served implements AutoCloseable {
        private final ReservedPort port;
        private final Target target;
        private final List<Acceptor> acceptors = new ArrayList<>();
        private final List<Clients> clients = new ArrayList<>();
        private final Set<Connection> connections = new HashSet<>();
        private boolean closed;

        private Served(ReservedPort port, Target target) {
            this.port = port;
            this.target = target;
        }

        private void begin() {
            served.add(this);
            for (var socket : port.sockets()) {
                if (port.protocol() == Protocol.UDP) {
                    clients.add(new Clients(
                            loop,
                            socket,
                            (peer, opened) -> open(
                                    target,
                                    Protocol.UDP,
                                    loop,
                                    fd -> opened.accept(fd == null ? null : new Clients.Ends(fd, null))),
                            idleOfUdp,
                            datagram));
                } else {
                    acceptors.add(Acceptor.begin(loop, socket, () -> !closed, this::accepted));
                }
            }
        }

        private void accepted(InetSocket client) {
            open(target, Protocol.TCP, loop, opened -> {
                if (opened == null || closed) {
                    client.resetOnClose().close();
                    if (opened != null) {
                        opened.close();
                    }
                } else {
                    connections.add(new Connection(loop, client, InetSocket.of(opened), pipes, connections::remove));
                }
            });
        }

        /** The port of the host, 1 to 65535. */
        public int port() {
            return port.number();
        }

        /** Ends all connections; the port is still served, also when this returns. From any thread. */
        public void reset() {
            loop.perform(this::endConnections);
        }

        private void endConnections() {
            clients.forEach(Clients::forgetAll);
            List.copyOf(connections).forEach(Connection::reset);
        }

        /** Ends all connections, and lets others have the port before it returns. Idempotent, from any thread. */
        @Override
        public void close() {
            loop.perform(this::end);
        }

        private void end() {
            if (!closed) {
                closed = true;
                acceptors.forEach(Acceptor::close);
                endConnections();
                clients.forEach(Clients::close);
                port.close();
                served.remove(this);
            }
        }

        /** The port, and who is connected. */
        @Override
        public String toString() {
            return "Served[" + port.number() + "/" + port.protocol().word() + ", "
                    + (connections.size()
                            + clients.stream().mapToInt(Clients::count).sum()) + " clients]";
        }
    }

    /** @param opened gets the socket, or null if there is none, on the loop's thread */
    static void open(Target target, Protocol protocol, EventLoop loop, Consumer<@Nullable Fd> opened) {
        CompletionStage<Fd> coming;
        try {
            coming = target.open(protocol);
        } catch (RuntimeException e) {
            coming = CompletableFuture.failedFuture(e);
        }
        var unused = coming.whenComplete((fd, failure) -> {
            if (failure != null) {
                LOG.debug("what is relayed leads nowhere", failure);
            }
            loop.execute(() -> opened.accept(failure == null ? fd : null));
        });
    }

    /** Stops serving all ports. */
    @Override
    public void close() {
        loop.perform(() -> {
            List.copyOf(served).forEach(Served::end);
            pipes.close();
        });
    }
}
