package dev.cais.network.dns;

import dev.cais.linux.EventLoop;
import dev.cais.linux.Fd;
import dev.cais.linux.NativeMemory;
import java.time.Duration;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * A container's connection of TCP. Lives on the event loop's thread.
 *
 * <p>Several questions may be on their way at once, and are answered as answers come.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc7766#section-6.2">RFC 7766, 6.2: Recommendations</a>
 */
final class Client implements MessageStream.Owner {
    private static final Duration IDLE = Duration.ofSeconds(10);
    private static final int MOST_ON_THEIR_WAY = 16;
    private static final int LARGEST_QUESTION = 4096;

    private final EventLoop loop;
    private final BiConsumer<byte[], Consumer<byte[]>> server;
    private final Consumer<Client> gone;
    private final MessageStream stream;
    private EventLoop.Timer idle;
    private long lastUsed = System.nanoTime();
    private int onTheirWay;
    private boolean ended;

    /**
     * @param server gets each message, and something that takes its one answer
     * @param gone gets this when it is closed
     */
    Client(
            EventLoop loop,
            Fd socket,
            NativeMemory buffer,
            BiConsumer<byte[], Consumer<byte[]>> server,
            Consumer<Client> gone) {
        this.loop = loop;
        this.server = server;
        this.gone = gone;
        this.stream = new MessageStream(loop, socket, buffer, LARGEST_QUESTION, this);
        this.idle = loop.schedule(IDLE, this::look);
    }

    @Override
    public boolean wantsMore() {
        return !ended && onTheirWay < MOST_ON_THEIR_WAY && stream.flushed();
    }

    @Override
    public void received(byte[] message) {
        lastUsed = System.nanoTime();
        onTheirWay++;
        server.accept(message, this::answer);
    }

    private void answer(byte[] answer) {
        lastUsed = System.nanoTime();
        onTheirWay--;
        stream.send(answer);
        closeIfDone();
        stream.pump(); // which may have waited for this
    }

    /** The client may have ended its side only, and still wait for answers. */
    @Override
    public void ended() {
        ended = true;
        closeIfDone();
    }

    private void closeIfDone() {
        if (ended && onTheirWay == 0 && stream.flushed()) {
            close();
        }
    }

    private void look() {
        var left = IDLE.toNanos() - (System.nanoTime() - lastUsed);
        if (left <= 0) {
            close();
        } else {
            idle = loop.schedule(Duration.ofNanos(left), this::look);
        }
    }

    void close() {
        idle.cancel();
        stream.close();
        gone.accept(this);
    }
}
