package dev.cais.network.relay;

import dev.cais.linux.EventLoop;
import dev.cais.linux.InetSocket;
import java.util.function.Consumer;

/** A client's connection of TCP and the container's, joined. Lives on the event loop's thread. */
final class Connection {
    private final InetSocket client;
    private final InetSocket target;
    private final Flow request;
    private final Flow answer;
    private final EventLoop.Watch clientWatch;
    private final EventLoop.Watch targetWatch;
    private final Consumer<Connection> gone;
    private boolean closed;

    /** @param gone gets this when it is closed */
    Connection(EventLoop loop, InetSocket client, InetSocket target, Pipes pipes, Consumer<Connection> gone) {
        this.client = client;
        this.target = target;
        this.request = new Flow(client, target, pipes);
        this.answer = new Flow(target, client, pipes);
        this.gone = gone;
        this.clientWatch = loop.watchBoth(client.fd(), this::pump);
        this.targetWatch = loop.watchBoth(target.fd(), this::pump);
    }

    private void pump(EventLoop.Watch watch) {
        if (closed) {
            return;
        }
        var requested = request.pump();
        var answered = requested == Flow.Outcome.BROKEN ? requested : answer.pump();
        if (answered == Flow.Outcome.BROKEN) {
            reset();
        } else if (requested == Flow.Outcome.FINISHED && answered == Flow.Outcome.FINISHED) {
            close();
        } else if (requested == Flow.Outcome.MORE || answered == Flow.Outcome.MORE) {
            watch.resume();
        }
    }

    /** Whoever is still there learns that it did not end well. */
    void reset() {
        client.resetOnClose();
        target.resetOnClose();
        close();
    }

    private void close() {
        closed = true;
        clientWatch.close();
        targetWatch.close();
        request.close();
        answer.close();
        gone.accept(this);
    }
}
