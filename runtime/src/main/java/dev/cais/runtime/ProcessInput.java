package dev.cais.runtime;

import dev.cais.CancelledException;
import dev.cais.ConflictException;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.EventLoop;
import dev.cais.linux.Fd;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.io.IOException;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The JVM's end of what a process reads: of a pipe, or of a terminal.
 *
 * <p>Writers write by themselves and without blocking, holding the lock, so that the descriptor's number cannot be used again
 * meanwhile. When the kernel takes no more, they wait for the event loop to tell that it does.
 */
final class ProcessInput {
    private static final int CHUNK = 1 << 15;
    /** Of {@code struct termios}: four words, the line discipline, then the characters, of which this is the fifth. */
    private static final int VEOF = 21;

    private final String what;
    private final EventLoop loop;
    private @Nullable Fd fd;
    private boolean terminal;
    private EventLoop.@Nullable Watch watch;
    private boolean endWanted;
    private boolean closed;

    /** @param what as in {@code container web} */
    ProcessInput(EventLoop loop, String what) {
        this.loop = loop;
        this.what = what;
    }

    /** The other end is there, or will be: what is written from now on is kept for it. */
    synchronized void open(Fd writeEnd, boolean isTerminal) {
        fd = writeEnd;
        terminal = isTerminal;
        if (endWanted) {
            end();
        }
        notifyAll();
    }

    /**
     * Writes everything, and waits while it must.
     *
     * @param abandoned whether the writer has been told to stop, see {@link #wake}
     * @throws IOException if nobody reads any more
     * @throws CancelledException if the thread is interrupted while it waits
     */
    void write(byte[] bytes, int offset, int length, BooleanSupplier abandoned) throws IOException {
        for (var done = 0; done < length; ) {
            done += writeSome(bytes, offset + done, Math.min(CHUNK, length - done), abandoned);
        }
    }

    private synchronized int writeSome(byte[] bytes, int offset, int length, BooleanSupplier abandoned)
            throws IOException {
        while (true) {
            if (abandoned.getAsBoolean()) {
                throw refused("it is closed here");
            }
            if (closed) {
                throw refused("it is closed");
            }
            var target = fd;
            if (target != null) {
                var written = write(target, bytes, offset, length);
                if (written > 0) {
                    return (int) written;
                }
                if (written != 0 && !Errno.EAGAIN.is(written) && !Errno.EINTR.is(written)) {
                    throw refused(
                            Errno.EPIPE.is(written) || Errno.EIO.is(written)
                                    ? "nobody reads it any more"
                                    : Errno.of(written).toString());
                }
                reportWhenWritable(target);
            }
            try {
                wait();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new CancelledException(
                        "cannot go on writing to the stdin of " + what + ": the thread was interrupted",
                        Map.of(),
                        "",
                        e);
            }
        }
    }

    private static long write(Fd target, byte[] bytes, int offset, int length) {
        try (var scratch = Scratch.frame()) {
            var buffer = scratch.take(length);
            buffer.put(0, bytes, offset, length);
            return Syscalls.call(Syscall.WRITE, target.number(), Scratch.address(buffer), length);
        }
    }

    private void reportWhenWritable(Fd target) {
        if (watch == null) {
            watch = loop.watchWritable(target, writable -> wake());
        } else {
            watch.resume();
        }
    }

    /** Lets waiting writers look again. */
    synchronized void wake() {
        notifyAll();
    }

    /** The end of file: of a pipe for good, of a terminal the character that means it, if it takes one now. */
    synchronized void end() {
        var target = fd;
        if (target == null) {
            endWanted = true;
        } else if (!terminal) {
            close();
        } else if (!closed) {
            try (var scratch = Scratch.frame()) {
                var settings = scratch.take(64);
                var result = Syscalls.call(Syscall.IOCTL, target.number(), Abi.TCGETS, Scratch.address(settings));
                if (result == 0 && settings.get(VEOF) != 0) {
                    write(target, new byte[] {settings.get(VEOF)}, 0, 1);
                }
            }
        }
    }

    /** Sets the size of the terminal. */
    synchronized void resize(int columns, int rows) {
        var target = fd;
        if (closed || target == null) {
            throw new ConflictException("cannot resize the terminal of " + what + ": it has ended");
        }
        try (var scratch = Scratch.frame()) {
            var size = scratch.take(8).putShort((short) rows).putShort((short) columns);
            Syscalls.checked(
                    "cannot resize the terminal of " + what,
                    Syscall.IOCTL,
                    Syscalls.call(Syscall.IOCTL, target.number(), Abi.TIOCSWINSZ, Scratch.address(size)));
        }
    }

    /** Nobody reads any more, or nobody shall write. Idempotent. */
    synchronized void close() {
        closed = true;
        if (watch != null) {
            watch.close();
        } else if (fd != null) {
            fd.close();
        }
        notifyAll();
    }

    private IOException refused(String why) {
        return new IOException("cannot write to the stdin of " + what + ": " + why);
    }
}
