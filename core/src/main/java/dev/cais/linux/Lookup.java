package dev.cais.linux;

/**
 * Look-ups of names within bounds that the kernel keeps.
 *
 * <p>If others rename something meanwhile, the kernel cannot always tell whether the bounds held. It then says {@code EAGAIN}, or {@code
 * EXDEV} if what it had found was moved out of them; such a look-up is made again. A mount point that must not be crossed is {@code
 * EXDEV} each time.
 *
 * @see <a href="https://man7.org/linux/man-pages/man2/openat2.2.html">openat2(2)</a>
 */
public final class Lookup {
    private static final int OPEN_HOW = 24;
    private static final int MOST_TRIES = 10_000;
    private static final int MOST_CROSSINGS = 5;

    private Lookup() {}

    /**
     * Opens a name.
     *
     * @param directory where relative names start
     * @param path address of a NUL-terminated name, not empty
     * @param flags of open(2); {@code O_CLOEXEC} is added
     * @param resolve {@code RESOLVE_} constants
     * @return a descriptor or the negated error number
     */
    public static long open(int directory, long path, int flags, int resolve) {
        try (var scratch = Scratch.frame()) {
            var how = scratch.take(OPEN_HOW);
            how.putLong(0, flags | Abi.O_CLOEXEC).putLong(16, resolve);
            var crossings = 0;
            for (var tries = 1; ; tries++) {
                var direct = Syscalls.call(Syscall.OPENAT2, directory, path, Scratch.address(how), OPEN_HOW);
                var opened = FileCalls.lookUp(direct, directory, path, flags, resolve);
                var again = Errno.EAGAIN.is(opened)
                        || Errno.EINTR.is(opened)
                        || Errno.EXDEV.is(opened) && ++crossings < MOST_CROSSINGS;
                if (!again || tries == MOST_TRIES) {
                    return opened;
                }
            }
        }
    }
}
