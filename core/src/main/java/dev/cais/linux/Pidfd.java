package dev.cais.linux;

import dev.cais.CancelledException;
import dev.cais.KernelException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * A process, held by a descriptor: its number may be used again by another process, this may not.
 *
 * <p>It is readable once the process has ended; each child is waited for alone, never with the JVM's other children.
 *
 * @see <a href="https://man7.org/linux/man-pages/man2/pidfd_open.2.html">pidfd_open(2)</a>
 */
public final class Pidfd implements AutoCloseable {
    private static final int SIGINFO = 128;
    private static final int SI_CODE = 8;
    private static final int SI_PID = 16;
    private static final int SI_STATUS = 24;
    private static final int P_PGID = 2;
    private static final int CLD_EXITED = 1;
    private static final int CLD_DUMPED = 3;

    private final Fd fd;
    /** The number that it was opened by; 0 if it was received. */
    private final int opened;

    private Pidfd(Fd fd, int opened) {
        this.fd = fd;
        this.opened = opened;
    }

    /**
     * How a process ended.
     *
     * @param code 0 to 255; 0 if a signal ended it
     * @param signal number of the signal that ended it; 0 if it exited
     * @param dumpedCore whether the kernel called for a core dump
     */
    public record Exit(int code, int signal, boolean dumpedCore) {
        /** {@code exit 3}, {@code killed by SIGSEGV (core dumped)}. */
        @Override
        public String toString() {
            return signal == 0
                    ? "exit " + code
                    : "killed by " + Abi.name("SIG", signal) + (dumpedCore ? " (core dumped)" : "");
        }
    }

    /** @throws KernelException with {@code ESRCH} if there is no such process */
    public static Pidfd open(int pid) {
        var result = Syscalls.call(Syscall.PIDFD_OPEN, pid, 0);
        if (result < 0) {
            throw Errno.of(result).exception("cannot watch process " + pid, Syscall.PIDFD_OPEN);
        }
        return new Pidfd(Fd.of(result), pid);
    }

    /** Takes hold of a pidfd that was received. */
    public static Pidfd of(Fd fd) {
        return new Pidfd(fd, 0);
    }

    /** For an epoll loop: readable once the process has ended. */
    public Fd fd() {
        return fd;
    }

    /**
     * Collects the process if it has ended. The process must be a child of this one that nobody has collected.
     *
     * @return empty while it runs
     * @throws KernelException with {@code ECHILD} if it is no child, or was collected before
     */
    public Optional<Exit> reap() {
        try (var scratch = Scratch.frame()) {
            var info = scratch.take(SIGINFO);
            long result;
            do {
                // __WALL: a process cloned with CLONE_PARENT and exit signal 0 is no ordinary child
                result = Syscalls.call(
                        Syscall.WAITID,
                        Abi.P_PIDFD,
                        fd.number(),
                        Scratch.address(info),
                        Abi.WEXITED | Abi.WNOHANG | Abi.WALL,
                        0);
            } while (Errno.EINTR.is(result));
            Syscalls.checked("cannot collect a child process", Syscall.WAITID, result);
            if (info.getInt(SI_PID) == 0) {
                return Optional.empty();
            }
            var code = info.getInt(SI_CODE);
            var status = info.getInt(SI_STATUS);
            return Optional.of(
                    code == CLD_EXITED ? new Exit(status, 0, false) : new Exit(0, status, code == CLD_DUMPED));
        }
    }

    /**
     * Waits for the process's end and collects it.
     *
     * @param what for messages, as in {@code cannot wait for web}
     * @throws CancelledException if the thread is interrupted
     */
    public Exit await(String what) {
        while (true) {
            Poll.readable(fd, what);
            var exit = reap();
            if (exit.isPresent()) {
                return exit.get();
            }
        }
    }

    /**
     * Waits for the end of a process that is about to exit, and collects it, unless that was done before. Does not notice an
     * interruption, so that no child stays uncollected.
     */
    public void awaitExit() {
        try (var scratch = Scratch.frame()) {
            collect(Abi.P_PIDFD, fd.number(), scratch);
        }
    }

    /**
     * Waits for the end of all members of the process group that this process leads that are this process's children, and collects
     * them, the leader too. Does not notice an interruption. The leader must not have been collected, so that no other group has
     * its number.
     */
    public void collectGroup() {
        try (var scratch = Scratch.frame()) {
            while (!Errno.ECHILD.is(collect(P_PGID, leader(), scratch))) {
                Thread.onSpinWait();
            }
        }
    }

    /** Kills this process and the group that it leads, if it leads one, and then does as {@link #collectGroup}. */
    public void killAndCollectGroup() {
        var group = leader();
        signal(Abi.SIGKILL);
        if (Syscalls.call(Syscall.KILL, -group, Abi.SIGKILL) == 0) {
            collectGroup();
        } else {
            awaitExit();
        }
    }

    private int leader() {
        return opened > 0 ? opened : pid();
    }

    private static long collect(int kind, int number, Scratch scratch) {
        var info = scratch.reserve(SIGINFO);
        long result;
        do {
            result = Syscalls.call(Syscall.WAITID, kind, number, info, Abi.WEXITED | Abi.WALL, 0);
        } while (Errno.EINTR.is(result));
        return result;
    }

    /**
     * Waits for the process's end, but no longer than that, and collects it.
     *
     * @return empty if it still runs
     * @throws CancelledException if the thread is interrupted
     */
    public Optional<Exit> await(Duration timeout, String what) {
        return Poll.readable(fd, timeout, what) ? reap() : Optional.empty();
    }

    /**
     * Sends a signal.
     *
     * @return whether the process was there to receive it
     */
    public boolean signal(int number) {
        var result = Syscalls.call(Syscall.PIDFD_SEND_SIGNAL, fd.number(), number, 0, 0);
        if (Errno.ESRCH.is(result)) {
            return false;
        }
        if (result < 0) {
            throw Errno.of(result)
                    .exception(
                            "cannot send " + Abi.name("SIG", number) + " to a process",
                            Syscall.PIDFD_SEND_SIGNAL,
                            Map.of("pid", pid()),
                            "");
        }
        return true;
    }

    /**
     * The process's number as this process sees it.
     *
     * @return -1 once it has been collected, 0 if its PID namespace cannot be seen from here
     */
    public int pid() {
        // file contents of /proc are tiny: one read is all
        var path = "/proc/self/fdinfo/" + fd.number();
        try (var scratch = Scratch.frame()) {
            var opened = Syscalls.checked(
                    "cannot open " + path,
                    Syscall.OPENAT,
                    Syscalls.call(Syscall.OPENAT, Abi.AT_FDCWD, scratch.path(path), Abi.O_CLOEXEC));
            try (var info = Fd.of(opened)) {
                var buffer = scratch.take(1024);
                var size = (int) Syscalls.checked(
                        "cannot read " + path,
                        Syscall.READ,
                        Syscalls.call(Syscall.READ, info.number(), Scratch.address(buffer), 1024));
                var text = new byte[size];
                buffer.get(0, text);
                return new String(text, StandardCharsets.US_ASCII)
                        .lines()
                        .filter(line -> line.startsWith("Pid:"))
                        .map(line -> Integer.parseInt(line.substring(4).strip()))
                        .findFirst()
                        .orElseThrow(() -> new IllegalStateException("not a pidfd: " + fd));
            }
        }
    }

    /** Lets go of the process; it is neither killed nor collected. */
    @Override
    public void close() {
        fd.close();
    }

    @Override
    public String toString() {
        return fd.isOpen() ? "Pidfd[" + fd.number() + ", pid " + pid() + "]" : "Pidfd[closed]";
    }
}
