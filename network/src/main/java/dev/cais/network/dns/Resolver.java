package dev.cais.network.dns;

import dev.cais.linux.Datagram;
import dev.cais.linux.EventLoop;
import dev.cais.linux.Fd;
import dev.cais.linux.InetSocket;
import dev.cais.linux.NativeMemory;
import java.security.SecureRandom;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * Answers what containers ask of the name server at 127.0.0.11, in the engine's event loop. One serves all containers of an engine.
 * Needs no closing once all its {@linkplain NameService services} are closed.
 */
public final class Resolver {
    /** Once in a JVM: the event loop must not stand still for it. */
    private static final CompletableFuture<Void> READY = new CompletableFuture<>();

    static {
        var thread = new Thread(Resolver::loadClasses, "dns-message-classes");
        thread.setDaemon(true);
        thread.start();
    }

    private final EventLoop loop;
    private final Datagram datagram = new Datagram();
    private final NativeMemory buffer = NativeMemory.allocate(MessageStream.BUFFER);
    private final Random random = new SecureRandom();

    /** Answering begins as soon as the classes are loaded that read messages; questions wait in their sockets. */
    public Resolver(EventLoop loop) {
        this.loop = loop;
    }

    /**
     * Answers one container.
     *
     * <p>The sockets keep the container's network namespace alive: close the service when the container ends.
     *
     * @param udp bound to the address where the container asks; closed with the service
     * @param tcp bound likewise, and listening; closed with the service
     * @param names what the container can look up now; called on the loop's thread for each question, so it must not wait
     */
    public NameService attach(Fd udp, Fd tcp, Supplier<Names> names) {
        var service = new NameService(
                this, InetSocket.of(udp).nonBlocking(), InetSocket.of(tcp).nonBlocking(), names);
        var unused = READY.thenRun(() -> loop.execute(service::begin));
        return service;
    }

    private static void loadClasses() {
        try {
            Query.warmUp();
        } finally {
            READY.complete(null);
        }
    }

    EventLoop loop() {
        return loop;
    }

    /** For one datagram at a time, on the loop's thread. */
    Datagram datagram() {
        return datagram;
    }

    /** For one read or write at a time, on the loop's thread. */
    NativeMemory buffer() {
        return buffer;
    }

    Random random() {
        return random;
    }
}
