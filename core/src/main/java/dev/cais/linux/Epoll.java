package dev.cais.linux;

import java.nio.ByteBuffer;
import java.util.Map;

/**
 * An epoll instance. Waiting belongs to one thread; adding and removing to any.
 *
 * @see <a href="https://man7.org/linux/man-pages/man7/epoll.7.html">epoll(7)</a>
 */
public final class Epoll implements AutoCloseable {
    public static final int EPOLLIN = 0x001;
    public static final int EPOLLOUT = 0x004;
    public static final int EPOLLERR = 0x008;
    public static final int EPOLLHUP = 0x010;
    public static final int EPOLLONESHOT = 1 << 30;
    public static final int EPOLLET = 1 << 31;

    private static final int CTL_ADD = 1;
    private static final int CTL_DEL = 2;
    private static final int CTL_MOD = 3;
    private static final int MOST_EVENTS = 64;
    /** struct epoll_event is packed on x86-64 only. */
    private static final int EVENT_SIZE = System.getProperty("os.arch").equals("aarch64") ? 16 : 12;

    private static final int DATA_OFFSET = EVENT_SIZE - 8;

    private final Fd fd;
    private final NativeMemory events = NativeMemory.allocate(MOST_EVENTS * EVENT_SIZE);

    private Epoll(Fd fd) {
        this.fd = fd;
    }

    public static Epoll create() {
        return new Epoll(Fd.of(Syscalls.checked(
                "cannot watch descriptors",
                Syscall.EPOLL_CREATE1,
                Syscalls.call(Syscall.EPOLL_CREATE1, Abi.O_CLOEXEC))));
    }

    /**
     * Watches a descriptor.
     *
     * @param key what {@link #await} reports for it
     */
    public void add(Fd watched, int interest, long key) {
        control(CTL_ADD, watched, interest, key);
    }

    public void modify(Fd watched, int interest, long key) {
        control(CTL_MOD, watched, interest, key);
    }

    public void remove(Fd watched) {
        control(CTL_DEL, watched, 0, 0);
    }

    private void control(int operation, Fd watched, int interest, long key) {
        try (var scratch = Scratch.frame()) {
            ByteBuffer event = scratch.take(EVENT_SIZE);
            event.putInt(0, interest).putLong(DATA_OFFSET, key);
            var result =
                    Syscalls.call(Syscall.EPOLL_CTL, fd.number(), operation, watched.number(), Scratch.address(event));
            if (result < 0) {
                throw Errno.of(result)
                        .exception(
                                "cannot watch a descriptor",
                                Syscall.EPOLL_CTL,
                                Map.of("fd", watched.number(), "operation", operation),
                                "");
            }
        }
    }

    /** Called for each ready descriptor. */
    @FunctionalInterface
    public interface Ready {
        void accept(long key, int events);
    }

    /**
     * Waits until something is ready and reports it.
     *
     * @param timeoutMillis -1 for ever
     * @return how many were ready
     */
    public int await(int timeoutMillis, Ready ready) {
        var count = Syscalls.call(Syscall.EPOLL_PWAIT, fd.number(), events.address(), MOST_EVENTS, timeoutMillis, 0, 8);
        if (Errno.EINTR.is(count)) {
            return 0;
        }
        Syscalls.checked("cannot wait for descriptors", Syscall.EPOLL_PWAIT, count);
        for (var i = 0; i < count; i++) {
            ready.accept(
                    events.bytes().getLong(i * EVENT_SIZE + DATA_OFFSET),
                    events.bytes().getInt(i * EVENT_SIZE));
        }
        return (int) count;
    }

    @Override
    public void close() {
        fd.close();
    }
}
