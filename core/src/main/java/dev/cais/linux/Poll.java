package dev.cais.linux;

import dev.cais.CancelledException;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.spi.AbstractInterruptibleChannel;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * Waiting for one descriptor, by a thread that can be interrupted.
 *
 * <p>A native call does not notice {@link Thread#interrupt}. So an eventfd is waited for beside the descriptor, and the JDK's
 * own hook for interruptible channels writes to it: an interruption wakes the thread at once, and nothing is polled.
 */
public final class Poll {
    private static final int POLLFD = 8;

    private Poll() {}

    /**
     * Waits until the descriptor is readable, or its other end is gone; for a pidfd: until the process has ended.
     *
     * @param what for messages, as in {@code cannot wait for web}
     * @return whether it is ready, rather than the time being up
     * @throws CancelledException if the thread is or gets interrupted; the flag stays set
     */
    public static boolean readable(Fd fd, Duration timeout, String what) {
        return ready(fd) || await(fd, Abi.POLLIN, timeout, what);
    }

    /** The same, until it takes bytes; for a socket that connects: until it is connected or has failed. */
    public static boolean writable(Fd fd, Duration timeout, String what) {
        return await(fd, Abi.POLLOUT, timeout, what);
    }

    private static boolean await(Fd fd, int events, Duration timeout, String what) {
        var wakeUp = new WakeUp();
        try {
            return wakeUp.await(fd, events, timeout, what);
        } finally {
            wakeUp.discard();
        }
    }

    /** Waits without a limit. */
    public static void readable(Fd fd, String what) {
        var ready = false;
        while (!ready) {
            ready = readable(fd, Duration.ofDays(1), what);
        }
    }

    /** Whether the descriptor is readable now. */
    public static boolean ready(Fd fd) {
        try (var scratch = Scratch.frame()) {
            var polled = scratch.take(POLLFD + 16);
            polled.putInt(0, fd.number()).putShort(4, (short) Abi.POLLIN);
            var address = Scratch.address(polled);
            return Syscalls.call(Syscall.PPOLL, address, 1, address + POLLFD, 0, 8) > 0;
        }
    }

    /** What {@link Thread#interrupt} closes: closing it writes to an eventfd. */
    private static final class WakeUp extends AbstractInterruptibleChannel {
        private final Fd event = Fd.of(Syscalls.checked(
                "cannot wait",
                Syscall.EVENTFD2,
                Syscalls.call(Syscall.EVENTFD2, 0, Abi.EFD_CLOEXEC | Abi.EFD_NONBLOCK)));

        boolean await(Fd fd, int events, Duration timeout, String what) {
            var ready = false;
            try {
                begin();
                ready = isOpen() && poll(fd, events, System.nanoTime() + TimeUnit.NANOSECONDS.convert(timeout), what);
                end(true);
                return ready;
            } catch (ClosedByInterruptException e) {
                if (ready) {
                    return true;
                }
                throw new CancelledException(what + ": the thread was interrupted");
            } catch (AsynchronousCloseException e) {
                throw new IllegalStateException(e);
            }
        }

        private boolean poll(Fd fd, int events, long deadline, String what) {
            try (var scratch = Scratch.frame()) {
                var polled = scratch.take(2 * POLLFD);
                polled.putInt(0, fd.number()).putShort(4, (short) events);
                polled.putInt(POLLFD, event.number()).putShort(POLLFD + 4, (short) Abi.POLLIN);
                var time = scratch.take(16);
                while (true) {
                    var left = Math.max(0, deadline - System.nanoTime());
                    time.putLong(0, left / 1_000_000_000).putLong(8, left % 1_000_000_000);
                    var count = Syscalls.call(Syscall.PPOLL, Scratch.address(polled), 2, Scratch.address(time), 0, 8);
                    if (!Errno.EINTR.is(count)) {
                        Syscalls.checked(what, Syscall.PPOLL, count);
                        return polled.getShort(6) != 0;
                    }
                }
            }
        }

        /** Runs on the interrupting thread, maybe when the waiting one is done already. */
        @Override
        protected synchronized void implCloseChannel() {
            if (event.isOpen()) {
                try (var scratch = Scratch.frame()) {
                    Syscalls.call(Syscall.WRITE, event.number(), scratch.words(1), 8);
                }
            }
        }

        synchronized void discard() {
            event.close();
        }
    }
}
