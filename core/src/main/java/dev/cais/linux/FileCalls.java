package dev.cais.linux;

import com.sun.jna.Pointer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * System calls on files that a plain user may be refused, although the files are the user's to deal with: those of subordinate ids, and
 * those whose mode keeps even their owner out, as it would not keep out root.
 *
 * <p>Each call is tried by this process first, as if there were nothing else. If it is not permitted, and a {@link FileDeputy} has been
 * appointed, that one is asked. Root is never refused, so for root these are the plain system calls. What a process may do, and who it is
 * taken for, is one thing for all of its threads; so is the deputy.
 *
 * <p>Ids are those that containers and images have: where there is a deputy, those of its user namespace. A user who means nothing there
 * becomes its root.
 */
public final class FileCalls {
    private static final int S_ISGID = 02000;
    private static final List<FileDeputy> APPOINTED = new ArrayList<>();

    private static volatile @Nullable FileDeputy deputy;

    private FileCalls() {}

    /** Ends an appointment. */
    public interface Appointment extends AutoCloseable {
        @Override
        void close();
    }

    /** Has somebody asked from now on. Of several who are appointed, all able to do the same, the last one is. */
    public static Appointment appoint(FileDeputy next) {
        synchronized (APPOINTED) {
            APPOINTED.add(next);
            deputy = next;
        }
        return () -> {
            synchronized (APPOINTED) {
                APPOINTED.remove(next);
                deputy = APPOINTED.isEmpty() ? null : APPOINTED.get(APPOINTED.size() - 1);
            }
        };
    }

    /** Whether files are dealt with as a plain user with a user namespace does: some things nobody can do there. */
    public static boolean areDeputized() {
        return deputy != null;
    }

    private static @Nullable FileDeputy after(long result) {
        return Errno.EPERM.is(result) || Errno.EACCES.is(result) ? deputy : null;
    }

    private static byte[] text(long address) {
        var memory = new Pointer(address);
        return memory.getByteArray(0, (int) memory.indexOf(0, (byte) 0));
    }

    // ---- names; an address is that of a NUL-terminated one

    /** openat(2), with {@code O_CLOEXEC}. */
    public static long open(int directory, long path, int flags, int mode) {
        var result = Syscalls.call(Syscall.OPENAT, directory, path, flags | Abi.O_CLOEXEC, mode);
        var other = after(result);
        return other == null ? result : other.openat2(directory, text(path), flags, mode, 0);
    }

    /** One try of openat2(2), made by somebody else. */
    static long lookUp(long refused, int directory, long path, long flags, long resolve) {
        var other = after(refused);
        return other == null ? refused : other.openat2(directory, text(path), flags, 0, resolve);
    }

    /** Opens what is held as a mere place, with {@code O_CLOEXEC}. */
    public static long reopen(int file, int flags) {
        try (var scratch = Scratch.frame()) {
            var path = scratch.path("/proc/self/fd/" + file);
            var result = Syscalls.call(Syscall.OPENAT, Abi.AT_FDCWD, path, flags | Abi.O_CLOEXEC, 0);
            var other = after(result);
            return other == null ? result : other.reopen(file, flags);
        }
    }

    /** Where a symbolic link leads to. */
    public static long readLink(int directory, long path, long target, int length) {
        var result = Syscalls.call(Syscall.READLINKAT, directory, path, target, length);
        if (!Errno.EACCES.is(result)) {
            return result;
        }
        var opened = open(directory, path, Abi.O_PATH | Abi.O_NOFOLLOW, 0);
        if (opened < 0) {
            return opened;
        }
        try (var link = Fd.of(opened);
                var scratch = Scratch.frame()) {
            return Syscalls.call(Syscall.READLINKAT, link.number(), scratch.path(""), target, length);
        }
    }

    public static long makeDirectory(int directory, long path, int mode) {
        var result = Syscalls.call(Syscall.MKDIRAT, directory, path, mode);
        var other = after(result);
        return other == null ? result : other.mkdirat(directory, text(path), mode);
    }

    /** @param device as the kernel packs major and minor number */
    public static long makeNode(int directory, long path, int mode, long device) {
        var result = Syscalls.call(Syscall.MKNODAT, directory, path, mode, device);
        var other = after(result);
        return other == null ? result : other.mknodat(directory, text(path), mode, device);
    }

    public static long makeLink(long target, int directory, long path) {
        var result = Syscalls.call(Syscall.SYMLINKAT, target, directory, path);
        var other = after(result);
        return other == null ? result : other.symlinkat(text(target), directory, text(path));
    }

    public static long link(int from, long existing, int directory, long path) {
        var result = Syscalls.call(Syscall.LINKAT, from, existing, directory, path, 0);
        var other = after(result);
        return other == null ? result : other.linkat(from, text(existing), directory, text(path), 0);
    }

    public static long rename(int from, long existing, int directory, long path, int flags) {
        var result = Syscalls.call(Syscall.RENAMEAT2, from, existing, directory, path, flags);
        var other = after(result);
        return other == null ? result : other.renameat2(from, text(existing), directory, text(path), flags);
    }

    public static long unlink(int directory, long path, int flags) {
        var result = Syscalls.call(Syscall.UNLINKAT, directory, path, flags);
        var other = after(result);
        return other == null ? result : other.unlinkat(directory, text(path), flags);
    }

    // ---- attributes

    /** Of an open file. */
    public static long changeOwner(int file, long uid, long gid) {
        var other = deputy;
        return other == null
                ? Syscalls.call(Syscall.FCHOWN, file, uid, gid)
                : other.fchownat(file, new byte[0], user(uid), group(gid), Abi.AT_EMPTY_PATH);
    }

    /** Of what a name stands for, be it a link. */
    public static long changeOwner(int directory, long path, long uid, long gid) {
        var other = deputy;
        return other == null
                ? Syscalls.call(Syscall.FCHOWNAT, directory, path, uid, gid, Abi.AT_SYMLINK_NOFOLLOW)
                : other.fchownat(directory, text(path), user(uid), group(gid), Abi.AT_SYMLINK_NOFOLLOW);
    }

    /** Of a file that may be open as a mere place. */
    public static long changeMode(int file, int mode) {
        var sure = deputy;
        if (sure != null && (mode & S_ISGID) != 0) {
            return sure.chmod(file, mode); // who is not in the file's group is not refused: the bit is left out
        }
        var result = Syscalls.call(Syscall.FCHMOD, file, mode);
        if (Errno.EBADF.is(result)) {
            try (var scratch = Scratch.frame()) {
                var path = scratch.path("/proc/self/fd/" + file);
                result = Syscalls.call(Syscall.FCHMODAT, Abi.AT_FDCWD, path, mode);
            }
        }
        var other = after(result);
        return other == null ? result : other.chmod(file, mode);
    }

    /** @param times address of two timespecs: last access, last change of content */
    public static long setTimes(int file, long times) {
        var result = Syscalls.call(Syscall.UTIMENSAT, file, 0, times, 0);
        var other = after(result);
        return other == null ? result : other.utimensat(file, new byte[0], words(times), Abi.AT_EMPTY_PATH);
    }

    /** Of what a name stands for, be it a link. */
    public static long setTimes(int directory, long path, long times) {
        var result = Syscalls.call(Syscall.UTIMENSAT, directory, path, times, Abi.AT_SYMLINK_NOFOLLOW);
        var other = after(result);
        return other == null ? result : other.utimensat(directory, text(path), words(times), Abi.AT_SYMLINK_NOFOLLOW);
    }

    private static long[] words(long times) {
        return new Pointer(times).getLongArray(0, 4);
    }

    /**
     * Sets an extended attribute.
     *
     * @param file any descriptor, {@code O_PATH} will do
     */
    public static long setAttribute(int file, long name, long value, int length) {
        var other = numbered(name);
        if (other == null) {
            var result = Syscalls.call(Syscall.FSETXATTR, file, name, value, length, 0);
            if (Errno.EBADF.is(result)) {
                result = attribute(Syscall.SETXATTR, file, name, value, length);
            }
            other = after(result);
            if (other == null) {
                return result;
            }
        }
        return other.setxattr(file, text(name), new Pointer(value).getByteArray(0, length));
    }

    /**
     * Reads an extended attribute.
     *
     * @param file any descriptor, {@code O_PATH} will do
     */
    public static long attribute(int file, long name, long value, int length) {
        var other = numbered(name);
        if (other == null) {
            var result = attribute(Syscall.GETXATTR, file, name, value, length);
            other = after(result);
            if (other == null) {
                return result;
            }
        }
        var bytes = new byte[length];
        var result = other.getxattr(file, text(name), bytes);
        if (result > 0) {
            new Pointer(value).write(0, bytes, 0, (int) result);
        }
        return result;
    }

    public static long removeAttribute(int file, long name) {
        var result = Syscalls.call(Syscall.FREMOVEXATTR, file, name);
        var other = after(result);
        return other == null ? result : other.removexattr(file, text(name));
    }

    /** Likewise through a name in {@code /proc}. */
    private static long attribute(Syscall call, int file, long name, long value, int length) {
        try (var scratch = Scratch.frame()) {
            return Syscalls.call(call, scratch.path("/proc/self/fd/" + file), name, value, length, 0);
        }
    }

    /** The deputy, for an attribute that may name ids: capabilities, access control lists. They read differently to each user namespace. */
    private static @Nullable FileDeputy numbered(long name) {
        var other = deputy;
        return other == null || new Pointer(name).getByte(0) == 'u' ? null : other;
    }

    // ---- ids

    /** Which ids of the host stand for those of containers, in one line; empty if they are the same. */
    public static String ids() {
        var other = deputy;
        return other == null ? "" : other.ids();
    }

    /** Who this process is: new files are this user's. */
    public static long ownUser() {
        return deputy == null ? Syscalls.call(Syscall.GETEUID) : 0;
    }

    public static long ownGroup() {
        return deputy == null ? Syscalls.call(Syscall.GETEGID) : 0;
    }

    /** The user that a file of this one's will belong to. */
    public static long user(long uid) {
        var other = deputy;
        return other == null || other.hasUser(uid) ? uid : 0;
    }

    public static long group(long gid) {
        var other = deputy;
        return other == null || other.hasGroup(gid) ? gid : 0;
    }

    /** Who a user of the host is in containers. */
    public static long userInside(long uid) {
        var other = deputy;
        return other == null ? uid : other.userInside(uid);
    }

    static long groupInside(long gid) {
        var other = deputy;
        return other == null ? gid : other.groupInside(gid);
    }
}
