package dev.cais.runtime;

import dev.cais.Protocol;
import dev.cais.linux.Abi;
import dev.cais.linux.Fd;
import dev.cais.linux.InetSocket;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import dev.cais.network.relay.SocketMaker;
import dev.cais.runtime.launch.Deputy;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sockets of the engine's own network namespace, made beforehand by its deputy: who takes one on the event loop does not wait for the
 * deputy's answer, unless many come at once.
 */
final class SpareSockets implements SocketMaker, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SpareSockets.class);
    /** Of each kind, once one was asked for. */
    private static final int KEPT = 16;

    private final Deputy deputy;
    private final Executor workers;
    private final Map<Kind, Deque<InetSocket>> spares = new LinkedHashMap<>();
    private final Set<Kind> filling = new HashSet<>();
    private boolean closed;

    private record Kind(int family, Protocol protocol) {}

    SpareSockets(Deputy deputy, Executor workers) {
        this.deputy = deputy;
        this.workers = workers;
    }

    /** Makes the first of each kind at once, for who must not wait for others. */
    void begin(boolean ipv6) {
        for (var family : ipv6 ? List.of(Abi.AF_INET, Abi.AF_INET6) : List.of(Abi.AF_INET)) {
            for (var protocol : List.of(Protocol.TCP, Protocol.UDP)) {
                var kind = new Kind(family, protocol);
                keep(kind, make(kind));
            }
        }
    }

    @Override
    public CompletionStage<InetSocket> open(InetAddress like, Protocol protocol) {
        var kind = new Kind(like instanceof Inet6Address ? Abi.AF_INET6 : Abi.AF_INET, protocol);
        var spare = take(kind);
        return spare.isPresent()
                ? CompletableFuture.completedFuture(spare.get())
                : CompletableFuture.supplyAsync(() -> make(kind), workers);
    }

    private synchronized Optional<InetSocket> take(Kind kind) {
        var kept = spares.computeIfAbsent(kind, none -> new ArrayDeque<>());
        var spare = Optional.ofNullable(kept.poll());
        if (kept.size() < KEPT / 2 && !closed && filling.add(kind)) {
            workers.execute(() -> fill(kind));
        }
        return spare;
    }

    private void fill(Kind kind) {
        try {
            for (var more = true; more; ) {
                more = keep(kind, make(kind));
            }
        } catch (RuntimeException e) {
            LOG.debug("no sockets are made beforehand", e); // who asks for one is told
        } finally {
            synchronized (this) {
                filling.remove(kind);
            }
        }
    }

    /** @return whether there is room for more */
    private synchronized boolean keep(Kind kind, InetSocket made) {
        if (closed) {
            made.close();
            return false;
        }
        var kept = spares.computeIfAbsent(kind, none -> new ArrayDeque<>());
        kept.add(made);
        return kept.size() < KEPT;
    }

    private InetSocket make(Kind kind) {
        var type = SocketMaker.type(kind.protocol()) | Abi.SOCK_CLOEXEC | Abi.SOCK_NONBLOCK;
        return InetSocket.of(Fd.of(Syscalls.checked(
                "cannot make a socket in the engine's own network namespace",
                Syscall.SOCKET,
                deputy.socket(kind.family(), type, 0))));
    }

    @Override
    public synchronized void close() {
        closed = true;
        spares.values().forEach(kept -> kept.forEach(InetSocket::close));
        spares.clear();
    }
}
