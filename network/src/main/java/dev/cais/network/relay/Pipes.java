package dev.cais.network.relay;

import dev.cais.linux.Pipe;
import java.util.ArrayDeque;
import java.util.Deque;

/** Empty pipes for bytes on their way, used over and over. Lives on the event loop's thread. */
final class Pipes implements AutoCloseable {
    /** Measured: less means more calls, and more does not stay in the processor's cache. */
    static final int CAPACITY = 1 << 18;

    private static final int MOST_KEPT = 16;

    private final Deque<Pipe> empty = new ArrayDeque<>();
    private boolean closed;

    Pipe take() {
        var pipe = empty.poll();
        return pipe != null
                ? pipe
                : Pipe.create().nonBlockingReads().nonBlockingWrites().capacity(CAPACITY);
    }

    /** @param pipe with nothing in it */
    void giveBack(Pipe pipe) {
        if (closed || empty.size() == MOST_KEPT) {
            pipe.close();
        } else {
            empty.push(pipe);
        }
    }

    @Override
    public void close() {
        closed = true;
        empty.forEach(Pipe::close);
        empty.clear();
    }
}
