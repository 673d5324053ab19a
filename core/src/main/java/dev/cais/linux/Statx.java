package dev.cais.linux;

/**
 * The result of statx(2), the one form of stat that looks alike on all processors. Reused from call to call; for one thread.
 *
 * @see <a href="https://man7.org/linux/man-pages/man2/statx.2.html">statx(2)</a>
 */
public final class Statx {
    private static final int BASIC_STATS = 0x7ff;
    private static final NativeMemory EMPTY = NativeMemory.allocate(1);

    private final NativeMemory memory = NativeMemory.allocate(256);

    /**
     * Fills this with what the name stands for, links not followed.
     *
     * @param name address of a NUL-terminated name relative to {@code directory}
     * @return 0 or the negated error number
     */
    public long of(int directory, long name) {
        var result =
                Syscalls.call(Syscall.STATX, directory, name, Abi.AT_SYMLINK_NOFOLLOW, BASIC_STATS, memory.address());
        if (!Errno.EACCES.is(result)) {
            return result;
        }
        var opened = FileCalls.open(directory, name, Abi.O_PATH | Abi.O_NOFOLLOW, 0);
        if (opened < 0) {
            return opened;
        }
        try (var file = Fd.of(opened)) {
            return of(file.number());
        }
    }

    /** Fills this with what is open as {@code fd}. */
    public long of(int fd) {
        return Syscalls.call(Syscall.STATX, fd, EMPTY.address(), Abi.AT_EMPTY_PATH, BASIC_STATS, memory.address());
    }

    /** One of the {@code S_IF} constants. */
    public int type() {
        return word(28) & Abi.S_IFMT;
    }

    /** The twelve permission bits. */
    public int mode() {
        return word(28) & 07777;
    }

    public boolean isDirectory() {
        return type() == Abi.S_IFDIR;
    }

    /** Whether this is overlayfs's mark of a file that is gone: the character device 0:0. */
    public boolean isWhiteout() {
        return type() == Abi.S_IFCHR && rdevMajor() == 0 && rdevMinor() == 0;
    }

    public long links() {
        return Integer.toUnsignedLong(word(16));
    }

    /** The owner, as {@link FileCalls} numbers users. */
    public long uid() {
        return FileCalls.userInside(Integer.toUnsignedLong(word(20)));
    }

    /** The group, as {@link FileCalls} numbers groups. */
    public long gid() {
        return FileCalls.groupInside(Integer.toUnsignedLong(word(24)));
    }

    public long inode() {
        return memory.bytes().getLong(32);
    }

    public long size() {
        return memory.bytes().getLong(40);
    }

    public long accessedSeconds() {
        return memory.bytes().getLong(64);
    }

    public int accessedNanos() {
        return word(72);
    }

    /** When anything of it changed last, its attributes included. */
    public long changedSeconds() {
        return memory.bytes().getLong(96);
    }

    public int changedNanos() {
        return word(104);
    }

    public long modifiedSeconds() {
        return memory.bytes().getLong(112);
    }

    public int modifiedNanos() {
        return word(120);
    }

    public int rdevMajor() {
        return word(128);
    }

    public int rdevMinor() {
        return word(132);
    }

    /** The file system's device number, major above minor. */
    public long device() {
        return (long) word(136) << 32 | Integer.toUnsignedLong(word(140));
    }

    private int word(int offset) {
        return memory.bytes().getInt(offset);
    }
}
