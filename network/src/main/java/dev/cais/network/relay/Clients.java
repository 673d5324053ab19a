package dev.cais.network.relay;

import dev.cais.linux.Datagram;
import dev.cais.linux.Errno;
import dev.cais.linux.EventLoop;
import dev.cais.linux.Fd;
import dev.cais.linux.InetSocket;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Who sends datagrams to a socket of UDP: each has a socket towards its target until it was silent for long. On the event loop's thread. */
final class Clients {
    private static final int MOST_CLIENTS = 4096;
    /** Of one client, while its socket is on its way. */
    private static final int MOST_KEPT = 16;
    /** Handled in a row, before others have their turn. */
    private static final int MOST_AT_ONCE = 64;

    private final EventLoop loop;
    private final InetSocket socket;
    private final Way way;
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
    Clients(EventLoop loop, InetSocket socket, Way way, Duration idle, Datagram datagram) {
        this.loop = loop;
        this.socket = socket;
        this.way = way;
        this.idle = idle;
        this.datagram = datagram;
        this.watch = loop.watch(socket.fd(), ready -> receive());
    }

    /** Who asks, and whom. */
    record Peer(InetSocketAddress address, @Nullable InetSocketAddress asked) {}

    /**
     * The sockets of one client.
     *
     * @param target where its datagrams go
     * @param own joins it alone, and is the way back; null if that is the socket that all send to
     */
    record Ends(Fd target, @Nullable Fd own) {
        void close() {
            target.close();
            if (own != null) {
                own.close();
            }
        }
    }

    /** Where a client's datagrams go. */
    @FunctionalInterface
    interface Way {
        /** @param opened gets the sockets, or null if there is no way, on the loop's thread */
        void open(Peer peer, Consumer<@Nullable Ends> opened);
    }

    private final class Client {
        private final Peer peer;
        private final Queue<byte[]> kept = new ArrayDeque<>();
        private long lastUsed = System.nanoTime();
        private @Nullable Ends ends;
        private EventLoop.@Nullable Watch watch;
        private EventLoop.@Nullable Watch ownWatch;
        private boolean closed;

        Client(Peer peer) {
            this.peer = peer;
        }

        void connected(@Nullable Ends connected) {
            if (connected == null || closed) {
                if (connected != null) {
                    connected.close();
                }
                forget(this);
                return;
            }
            ends = connected;
            watch = loop.watch(connected.target(), ready -> answer(connected));
            var own = connected.own();
            if (own != null) {
                ownWatch = loop.watch(own, ready -> pump(own, this::request));
            }
            for (var content : kept) {
                datagram.content(content).send(connected.target());
            }
            kept.clear();
        }

        /** Sends on what was received. */
        void request() {
            if (ends == null) {
                if (kept.size() < MOST_KEPT) {
                    kept.add(datagram.content());
                }
            } else if (datagram.send(ends.target()) < 0) {
                datagram.send(ends.target()); // the first may have told of an earlier one's fate
            }
        }

        private void answer(Ends connected) {
            var own = connected.own();
            var asked = peer.asked();
            pump(connected.target(), () -> {
                if (own != null) {
                    datagram.send(own);
                } else {
                    datagram.send(socket.fd(), peer.address(), asked == null ? null : asked.getAddress());
                }
            });
        }

        private void pump(Fd from, Runnable received) {
            for (var i = 0; i < MOST_AT_ONCE && !closed; i++) {
                var size = datagram.receive(from);
                if (size >= 0) {
                    used(peer);
                    received.run();
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
            if (ownWatch != null) {
                ownWatch.close();
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
        way.open(peer, client::connected);
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
