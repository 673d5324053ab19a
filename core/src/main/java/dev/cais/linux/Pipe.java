package dev.cais.linux;

/**
 * A pipe: what is written to one end is read from the other. Both ends are closed on exec; the ends are closed apart.
 *
 * @see <a href="https://man7.org/linux/man-pages/man7/pipe.7.html">pipe(7)</a>
 */
public record Pipe(Fd readEnd, Fd writeEnd) implements AutoCloseable {
    public static Pipe create() {
        try (var scratch = Scratch.frame()) {
            var ends = scratch.take(8);
            Syscalls.checked(
                    "cannot make a pipe",
                    Syscall.PIPE2,
                    Syscalls.call(Syscall.PIPE2, Scratch.address(ends), Abi.O_CLOEXEC));
            return new Pipe(Fd.of(ends.getInt(0)), Fd.of(ends.getInt(4)));
        }
    }

    /** Lets reads return EAGAIN instead of waiting. */
    public Pipe nonBlockingReads() {
        setNonBlocking(readEnd);
        return this;
    }

    /** Lets writes return EAGAIN instead of waiting. */
    public Pipe nonBlockingWrites() {
        setNonBlocking(writeEnd);
        return this;
    }

    /** Asks for room for that many bytes; the kernel may refuse, which does no harm. */
    public Pipe capacity(int bytes) {
        Syscalls.call(Syscall.FCNTL, readEnd.number(), Abi.F_SETPIPE_SZ, bytes);
        return this;
    }

    /** Writes one zero byte; nothing happens if the other end is gone. */
    public void writeByte() {
        try (var scratch = Scratch.frame()) {
            Syscalls.call(Syscall.WRITE, writeEnd.number(), scratch.reserve(1), 1);
        }
    }

    private static void setNonBlocking(Fd end) {
        Syscalls.checked(
                "cannot make a pipe non-blocking",
                Syscall.FCNTL,
                Syscalls.call(Syscall.FCNTL, end.number(), Abi.F_SETFL, Abi.O_NONBLOCK));
    }

    @Override
    public void close() {
        readEnd.close();
        writeEnd.close();
    }
}
