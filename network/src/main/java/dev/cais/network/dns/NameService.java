package dev.cais.network.dns;

import dev.cais.linux.Acceptor;
import dev.cais.linux.EventLoop;
import dev.cais.linux.InetSocket;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.Rcode;

/**
 * The name server of one container. Lives on the event loop's thread.
 *
 * <p>Limits: 64 questions with the host's servers at once and 1,000 that wait for them, then {@code SERVFAIL}; 32 connections of TCP,
 * then the kernel's queue; questions of 4,096 bytes. What is over a limit is the asking container's loss only.
 */
public final class NameService implements AutoCloseable {
    private static final int MOST_FORWARDED = 64;
    private static final int MOST_WAITING = 1000;
    private static final int MOST_CLIENTS = 32;
    /** Handled in a row, before others have their turn. */
    private static final int MOST_AT_ONCE = 16;

    private final Resolver resolver;
    private final InetSocket udp;
    private final InetSocket tcp;
    private final Supplier<Names> names;
    private final Set<Client> clients = new HashSet<>();
    private final Set<Forward> forwarded = new HashSet<>();
    private final Queue<Runnable> waiting = new ArrayDeque<>();
    private EventLoop.@Nullable Watch questions;
    private @Nullable Acceptor connections;
    private boolean forwardingWaiting;
    private boolean closed;
    private int turn;

    NameService(Resolver resolver, InetSocket udp, InetSocket tcp, Supplier<Names> names) {
        this.resolver = resolver;
        this.udp = udp;
        this.tcp = tcp;
        this.names = names;
    }

    void begin() {
        if (!closed) {
            questions = resolver.loop().watch(udp.fd(), ready -> receive());
            connections = Acceptor.begin(resolver.loop(), tcp, () -> clients.size() < MOST_CLIENTS, this::connected);
        }
    }

    private void receive() {
        var datagram = resolver.datagram();
        for (var i = 0; i < MOST_AT_ONCE && !closed; i++) {
            if (datagram.receive(udp.fd()) < 0) {
                return;
            }
            var sender = datagram.sender();
            serve(datagram.content(), false, answer -> {
                if (!closed) {
                    datagram.content(answer).send(udp.fd(), sender, null);
                }
            });
        }
    }

    private void connected(InetSocket socket) {
        clients.add(new Client(
                resolver.loop(),
                socket.fd(),
                resolver.buffer(),
                (message, answer) -> serve(message, true, answer),
                this::gone));
    }

    private void gone(Client client) {
        if (clients.remove(client) && connections != null) {
            connections.accept();
        }
    }

    private void serve(byte[] message, boolean stream, Consumer<byte[]> reply) {
        Query.parse(message, reply).ifPresent(query -> {
            var now = names.get();
            var limit = stream ? Query.LARGEST_ANSWER : query.limit();
            var local = query.answer(now.zones(), limit);
            if (local.isPresent()) {
                reply.accept(local.get());
            } else if (now.upstream().servers().isEmpty()) {
                reply.accept(query.answer(Rcode.NXDOMAIN));
            } else if (forwarded.size() < MOST_FORWARDED) {
                forward(query, now.upstream(), stream, limit, reply);
            } else if (waiting.size() < MOST_WAITING) {
                waiting.add(() -> forward(query, now.upstream(), stream, limit, reply));
            } else {
                reply.accept(query.answer(Rcode.SERVFAIL));
            }
        });
    }

    private void forward(Query query, Upstream upstream, boolean stream, int limit, Consumer<byte[]> reply) {
        var self = new Forward[1];
        var first = upstream.rotate() ? turn++ & Integer.MAX_VALUE : 0;
        self[0] = new Forward(resolver, query, upstream, stream, first, answer -> {
            forwarded.remove(self[0]);
            reply.accept(query.relayed(answer, limit));
            forwardWaiting();
        });
        forwarded.add(self[0]);
        self[0].start();
    }

    /** Not within itself: a question may have its answer at once, if no server can be reached. */
    private void forwardWaiting() {
        if (forwardingWaiting) {
            return;
        }
        forwardingWaiting = true;
        try {
            while (!waiting.isEmpty() && forwarded.size() < MOST_FORWARDED) {
                waiting.remove().run();
            }
        } finally {
            forwardingWaiting = false;
        }
    }

    /** Answers nothing any more, and closes the sockets before it returns. Idempotent, from any thread. */
    @Override
    public void close() {
        resolver.loop().perform(this::end);
    }

    private void end() {
        if (closed) {
            return;
        }
        closed = true;
        waiting.clear();
        forwarded.forEach(Forward::close);
        forwarded.clear();
        if (questions != null) {
            questions.close();
        }
        if (connections != null) {
            connections.close();
        }
        udp.close();
        tcp.close();
        List.copyOf(clients).forEach(Client::close);
    }

    /** How many questions wait for the host's servers, and how many connections are open. */
    @Override
    public String toString() {
        return "NameService[" + forwarded.size() + " questions forwarded, " + clients.size() + " connections]";
    }
}
