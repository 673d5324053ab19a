package dev.cais.linux;

import java.util.concurrent.atomic.AtomicInteger;

/** An open descriptor of this process. Closing it twice is harmless; using it closed is an error of ours. */
public final class Fd implements AutoCloseable {
    private final AtomicInteger number;

    private Fd(int number) {
        this.number = new AtomicInteger(number);
    }

    /** Takes hold of a descriptor that a system call returned. */
    public static Fd of(long number) {
        if (number < 0 || number > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("not a descriptor: " + number);
        }
        return new Fd((int) number);
    }

    /** @throws IllegalStateException if it is closed */
    public int number() {
        var current = number.get();
        if (current < 0) {
            throw new IllegalStateException("descriptor is closed");
        }
        return current;
    }

    /** Another descriptor of the same open file, closed on exec. */
    public Fd duplicate() {
        var fcntlDuplicateCloexec = 1030;
        return of(Syscalls.checked(
                "cannot copy a descriptor",
                Syscall.FCNTL,
                Syscalls.call(Syscall.FCNTL, number(), fcntlDuplicateCloexec, 0)));
    }

    public boolean isOpen() {
        return number.get() >= 0;
    }

    @Override
    public void close() {
        var current = number.getAndSet(-1);
        if (current >= 0) {
            Syscalls.call(Syscall.CLOSE, current);
        }
    }

    @Override
    public String toString() {
        return "Fd[" + number + "]";
    }
}
