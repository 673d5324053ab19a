package dev.cais.network.relay;

import dev.cais.KernelException;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.InetSocket;
import dev.cais.linux.Pipe;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import org.jspecify.annotations.Nullable;

/**
 * One direction of a connection: bytes go from a socket to a pipe to a socket without being looked at. Lives on the event loop's
 * thread.
 *
 * @see <a href="https://man7.org/linux/man-pages/man2/splice.2.html">splice(2)</a>
 */
final class Flow {
    /** In a row, before others have their turn: a megabyte at most, half a millisecond. */
    private static final int MOST_AT_ONCE = 4;

    private final InetSocket from;
    private final InetSocket to;
    private final Pipes pipes;
    private @Nullable Pipe pipe;
    private long inPipe;
    private boolean ended;
    private boolean finished;

    Flow(InetSocket from, InetSocket to, Pipes pipes) {
        this.from = from;
        this.to = to;
        this.pipes = pipes;
    }

    /** How moving on went. */
    enum Outcome {
        /** Nothing more can be moved now. */
        WAITING,
        /** More can be moved, but others come first. */
        MORE,
        /** All is moved, and the end passed on. */
        FINISHED,
        /** A side is broken. */
        BROKEN
    }

    /** Moves on until one side has no bytes or the other no room. */
    Outcome pump() {
        for (var i = 0; i < MOST_AT_ONCE; i++) {
            if (finished) {
                return from.error() == 0 ? Outcome.FINISHED : Outcome.BROKEN;
            }
            var result = inPipe == 0 && !ended ? take() : 0;
            if (result == 0) {
                result = give();
            }
            if (Errno.EAGAIN.is(result)) {
                return Outcome.WAITING;
            }
            if (result < 0 && !Errno.EINTR.is(result)) {
                return Outcome.BROKEN;
            }
        }
        return Outcome.MORE;
    }

    /** @return 0, or an error negated */
    private long take() {
        if (pipe == null) {
            try {
                pipe = pipes.take();
            } catch (KernelException e) { // no descriptor left
                return -e.errno();
            }
        }
        var count = splice(from.fd().number(), pipe.writeEnd().number(), Pipes.CAPACITY);
        if (count > 0) {
            inPipe = count;
            return 0;
        }
        giveBack();
        ended = count == 0;
        return count;
    }

    /** @return 0, or an error negated */
    private long give() {
        while (inPipe > 0 && pipe != null) {
            var count = splice(pipe.readEnd().number(), to.fd().number(), inPipe);
            if (count < 0) {
                return count;
            }
            inPipe -= count;
        }
        if (ended) {
            giveBack();
            to.shutdownOutput();
            finished = true;
        }
        return 0;
    }

    private static long splice(int from, int to, long size) {
        return Syscalls.call(Syscall.SPLICE, from, 0, to, 0, size, Abi.SPLICE_F_MOVE | Abi.SPLICE_F_NONBLOCK);
    }

    private void giveBack() {
        if (pipe != null) {
            pipes.giveBack(pipe);
            pipe = null;
        }
    }

    /** Gives up what is on its way. */
    void close() {
        if (pipe != null) {
            pipe.close();
            pipe = null;
        }
    }
}
