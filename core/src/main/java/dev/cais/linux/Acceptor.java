package dev.cais.linux;

import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Takes the connections of a listening socket, as many as are wanted; the others wait in the kernel. Lives on the event loop's
 * thread. When the process has no descriptor left, it tries again a little later.
 */
public final class Acceptor implements AutoCloseable {
    /** Taken in a row, before others have their turn. */
    private static final int MOST_AT_ONCE = 64;

    private static final Duration UNTIL_IT_IS_BETTER = Duration.ofMillis(100);

    private final EventLoop loop;
    private final InetSocket socket;
    private final BooleanSupplier wanted;
    private final Consumer<InetSocket> taken;
    private final EventLoop.Watch watch;

    private Acceptor(EventLoop loop, InetSocket socket, BooleanSupplier wanted, Consumer<InetSocket> taken) {
        this.loop = loop;
        this.socket = socket;
        this.wanted = wanted;
        this.taken = taken;
        this.watch = loop.watchChanges(socket.fd(), ready -> accept());
    }

    /**
     * Begins, on the loop's thread.
     *
     * @param socket listening; closed with this
     * @param wanted asked before each connection; once it says no, {@link #accept} goes on
     * @param taken gets each connection, to close it
     */
    public static Acceptor begin(
            EventLoop loop, InetSocket socket, BooleanSupplier wanted, Consumer<InetSocket> taken) {
        return new Acceptor(loop, socket, wanted, taken);
    }

    /** Takes what is there and wanted. */
    public void accept() {
        for (var turns = MOST_AT_ONCE; socket.fd().isOpen() && wanted.getAsBoolean(); turns--) {
            if (turns == 0) {
                watch.resume();
                return;
            }
            var accepted = socket.accept();
            if (accepted >= 0) {
                taken.accept(InetSocket.of(Fd.of(accepted)));
            } else if (Errno.EAGAIN.is(accepted)) {
                return;
            } else if (!Errno.ECONNABORTED.is(accepted) && !Errno.EINTR.is(accepted)) {
                loop.schedule(UNTIL_IT_IS_BETTER, this::accept);
                return;
            }
        }
    }

    @Override
    public void close() {
        watch.close();
    }
}
