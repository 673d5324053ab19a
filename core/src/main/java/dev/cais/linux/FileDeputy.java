package dev.cais.linux;

/**
 * Somebody who makes system calls on files for this process, and may do more: a process that is root of a user namespace in which this
 * process's user has more ids than one.
 *
 * <p>Methods are named after the calls and return what those return: a result, or a negated error number. Descriptors are this process's, in and
 * out. Names are bytes relative to a descriptor. Ids are those of the user namespace. For many threads.
 */
public interface FileDeputy {
    /** @param mode 0 unless a file is to be made; {@code O_CLOEXEC} is implied */
    long openat2(int directory, byte[] path, long flags, int mode, long resolve);

    /** Opens what is open, once more, as it is meant to be used. */
    long reopen(int file, long flags);

    long mkdirat(int directory, byte[] path, int mode);

    /** @param device as the kernel packs major and minor number */
    long mknodat(int directory, byte[] path, int mode, long device);

    long symlinkat(byte[] target, int directory, byte[] path);

    long linkat(int from, byte[] existing, int directory, byte[] path, int flags);

    long renameat2(int from, byte[] existing, int directory, byte[] path, int flags);

    long unlinkat(int directory, byte[] path, int flags);

    long fchownat(int directory, byte[] path, long uid, long gid, int flags);

    /** @param file any descriptor, {@code O_PATH} will do, but not of a symbolic link */
    long chmod(int file, int mode);

    /** @param times seconds and nanoseconds of the last access and the last change of content */
    long utimensat(int directory, byte[] path, long[] times, int flags);

    /** @param file any descriptor, {@code O_PATH} will do */
    long setxattr(int file, byte[] name, byte[] value);

    /**
     * @param file any descriptor, {@code O_PATH} will do
     * @param value takes as many bytes as the result says
     */
    long getxattr(int file, byte[] name, byte[] value);

    long removexattr(int file, byte[] name);

    /** Which ids of the host stand for those of the user namespace, in one line. */
    String ids();

    /** Whether a user means anything in the user namespace. */
    boolean hasUser(long uid);

    boolean hasGroup(long gid);

    /** Who a user of the host is in the user namespace; 65534 who is nobody there. */
    long userInside(long uid);

    long groupInside(long gid);
}
