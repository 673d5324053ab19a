package dev.cais.network.relay;

import dev.cais.Protocol;
import dev.cais.linux.Datagram;
import dev.cais.linux.Errno;
import dev.cais.linux.EventLoop;
import dev.cais.linux.Fd;
import dev.cais.linux.InetSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/** The clients of a port of UDP: each has a socket towards the container until it was silent for long. On the event loop's thread. */
final class Clients {
    private static final int MOST_CLIENTS = 4096;
    /** Of one client, while its socket is on its way. */
    private static final int MOST_KEPT = 16;
    /** Handled in a row, before others have their turn. */
    private static final int MOST_AT_ONCE = 64;

    private final EventLoop loop;
    private final InetSocket socket;
    private final Target target;
    private final Duration idle;
    private final Datagram datagram;
    private final EventLoop.Watch watch;
    /** Those that were silent the longest come first. */
    private final Map<Peer, Client> clients = new LinkedHashMap<>(16, 0.75f, true);

    private EventLoop.@Nullable Timer timer;
    private boolean closed;

    /**
     * @param idle after how much silence a client is forgotten
     * @param datagram that the loop's relays share
     */
    Clients(EventLoop loop, InetSocket socket, Target target, Duration idle, Datagram datagram) {
        this.loop = loop;
        this.socket = socket;
        this.target = target;
        this.idle = idle;
        this.datagram = datagram;
        this.watch = loop.watch(socket.fd(), ready -> receive());
    }

    /** Who asks, and which of the host's addresses. */
    private record Peer(InetSocketAddress address, @Nullable InetAddress asked) {}

    private final class Client {
        private final Peer peer;
        private final Queue<byte[]> kept = new ArrayDeque<>();
        private long lastUsed = System.nanoTime();
        private @Nullable Fd fd;
        private EventLoop.@Nullable Watch watch;
        private boolean closed;

        Client(Peer peer) {
            this.peer = peer;
        }

        void connected(@Nullable Fd connected) {
            if (connected == null || closed) {
                if (connected != null) {
                    connected.close();
                }
                forget(this);
                return;
            }
            fd = connected;
            watch = loop.watch(connected, ready -> answer(connected));
            for (var content : kept) {
                datagram.content(content).send(connected);
            }
            kept.clear();
        }

        /** Sends on what was received. */
        void request() {
            if (fd == null) {
                if (kept.size() < MOST_KEPT) {
                    kept.add(datagram.content());
                }
            } else if (datagram.send(fd) < 0) {
                datagram.send(fd); // the first may have told of an earlier one's fate
            }
        }

        private void answer(Fd connected) {
            for (var i = 0; i < MOST_AT_ONCE && !closed; i++) {
                var size = datagram.receive(connected);
                if (size >= 0) {
                    used(peer);
                    datagram.send(socket.fd(), peer.address, peer.asked);
                } else if (!Errno.ECONNREFUSED.is(size)) {
                    return;
                }
            }
        }

        void close() {
            closed = true;
            if (watch != null) {
                watch.close();
            }
        }
    }

    private void receive() {
        for (var i = 0; i < MOST_AT_ONCE && !closed; i++) {
            if (datagram.receive(socket.fd()) < 0) {
                return;
            }
            var peer = new Peer(datagram.sender(), datagram.destination());
            var known = used(peer);
            if (known == null) {
                open(peer).request();
            } else {
                known.request();
            }
        }
    }

    private @Nullable Client used(Peer peer) {
        var client = clients.get(peer);
        if (client != null) {
            client.lastUsed = System.nanoTime();
        }
        return client;
    }

    private Client open(Peer peer) {
        if (clients.size() == MOST_CLIENTS) {
            forget(clients.values().iterator().next());
        }
        var client = new Client(peer);
        clients.put(peer, client);
        Relay.open(target, Protocol.UDP, loop, client::connected);
        if (timer == null) {
            timer = loop.schedule(idle, this::forgetSilent);
        }
        return client;
    }

    private void forgetSilent() {
        timer = null;
        var now = System.nanoTime();
        while (!closed && !clients.isEmpty()) {
            var eldest = clients.values().iterator().next();
            var left = idle.toNanos() - (now - eldest.lastUsed);
            if (left > 0) {
                timer = loop.schedule(Duration.ofNanos(left), this::forgetSilent);
                return;
            }
            forget(eldest);
        }
    }

    private void forget(Client client) {
        client.close();
        clients.remove(client.peer, client);
    }

    void forgetAll() {
        List.copyOf(clients.values()).forEach(this::forget);
    }

    int count() {
        return clients.size();
    }

    void close() {
        closed = true;
        if (timer != null) {
            timer.cancel();
        }
        forgetAll();
        watch.close();
    }
}
