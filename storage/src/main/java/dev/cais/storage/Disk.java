package dev.cais.storage;

import dev.cais.CancelledException;
import dev.cais.StorageException;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.FileCalls;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Scratch;
import dev.cais.linux.Statx;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The store's own files and directories, whose names are ours; by system calls, so that a refusal has a number. */
final class Disk {
    private static final int LOCK_SH = 1;
    private static final int LOCK_EX = 2;
    private static final int LOCK_NB = 4;
    private static final int LOCK_UN = 8;
    private static final int RENAME_NOREPLACE = 1;
    private static final int RENAME_EXCHANGE = 2;
    private static final long FS_IOC_GETFLAGS = 0x80086601L;
    private static final long FS_IOC_SETFLAGS = 0x40086602L;
    private static final int FS_TOPDIR_FL = 0x20000;
    static final int LONGEST_NAP_MILLIS = 20;
    private static final int LISTING = 32 * 1024;

    private Disk() {}

    static boolean exists(Path path) {
        try (var scratch = Scratch.frame()) {
            var result = Syscalls.call(
                    Syscall.FACCESSAT2, Abi.AT_FDCWD, scratch.path(path.toString()), 0, Abi.AT_SYMLINK_NOFOLLOW);
            if (result < 0 && !Errno.ENOENT.is(result)) {
                throw Failures.storage("cannot look for " + path, Syscall.FACCESSAT2, result, Place.store(path));
            }
            return result == 0;
        }
    }

    /** Makes a directory of exactly this mode; one that is there stays as it is. Says whether it was made. */
    static boolean makeDirectory(Path path, int mode) {
        try (var scratch = Scratch.frame()) {
            var name = scratch.path(path.toString());
            var result = Syscalls.call(Syscall.MKDIRAT, Abi.AT_FDCWD, name, mode);
            if (Errno.EEXIST.is(result)) {
                return false;
            }
            check(result, Syscall.MKDIRAT, "cannot make directory ", path);
            check(
                    Syscalls.call(Syscall.FCHMODAT, Abi.AT_FDCWD, name, mode),
                    Syscall.FCHMODAT,
                    "cannot make directory ",
                    path);
            return true;
        }
    }

    /**
     * Asks for directories that are made in one to lie far from each other, as trees that have nothing to do with each other should. On
     * ext4 a new file's inode is looked for beside its directory's, past all that were freed there in the last minutes: where thousands of
     * files were just removed, each new one would take half a millisecond. Does nothing where the file system knows no such thing.
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/ioctl_iflags.2.html">ioctl_iflags(2), FS_TOPDIR_FL</a>
     */
    static void spread(Path directory) {
        try (var opened = open(directory, Abi.O_RDONLY | Abi.O_DIRECTORY, 0);
                var scratch = Scratch.frame()) {
            var flags = scratch.take(Long.BYTES);
            var address = Scratch.address(flags);
            if (Syscalls.call(Syscall.IOCTL, opened.number(), FS_IOC_GETFLAGS, address) == 0) {
                flags.putInt(0, flags.getInt(0) | FS_TOPDIR_FL);
                Syscalls.call(Syscall.IOCTL, opened.number(), FS_IOC_SETFLAGS, address);
            }
        }
    }

    /** Gives a directory the owner and mode that another has. */
    static void makeAlike(Path path, Path example) {
        try (var scratch = Scratch.frame()) {
            var stat = new Statx();
            check(stat.of(Abi.AT_FDCWD, scratch.path(example.toString())), Syscall.STATX, "cannot read ", example);
            var name = scratch.path(path.toString());
            var opened = FileCalls.open(Abi.AT_FDCWD, name, Abi.O_RDONLY | Abi.O_DIRECTORY, 0);
            check(opened, Syscall.OPENAT, "cannot open ", path);
            try (var directory = Fd.of(opened)) {
                if (stat.uid() != FileCalls.ownUser() || stat.gid() != FileCalls.ownGroup()) {
                    check(
                            FileCalls.changeOwner(directory.number(), stat.uid(), stat.gid()),
                            Syscall.FCHOWN,
                            "cannot change the owner of ",
                            path);
                }
                check(
                        FileCalls.changeMode(directory.number(), stat.mode()),
                        Syscall.FCHMOD,
                        "cannot change the mode of ",
                        path);
            }
        }
    }

    static void rename(Path from, Path to) {
        check(renameAs(from, to, 0), Syscall.RENAMEAT2, "cannot rename " + from.getFileName() + " to ", to);
    }

    /** Says whether there was nothing at {@code to}, and so it was renamed. */
    static boolean renameIfFree(Path from, Path to) {
        var result = renameAs(from, to, RENAME_NOREPLACE);
        if (Errno.EEXIST.is(result)) {
            return false;
        }
        check(result, Syscall.RENAMEAT2, "cannot rename " + from.getFileName() + " to ", to);
        return true;
    }

    /** Nothing if there is nothing at {@code from}. */
    static void renameIfThere(Path from, Path to) {
        var result = renameAs(from, to, 0);
        if (!Errno.ENOENT.is(result)) {
            check(result, Syscall.RENAMEAT2, "cannot rename " + from.getFileName() + " to ", to);
        }
    }

    /** Each takes the other's place, in one step. */
    static void exchange(Path one, Path other) {
        check(
                renameAs(one, other, RENAME_EXCHANGE),
                Syscall.RENAMEAT2,
                "cannot exchange " + one.getFileName() + " with ",
                other);
    }

    private static long renameAs(Path from, Path to, int flags) {
        try (var scratch = Scratch.frame()) {
            var existing = scratch.path(from.toString());
            return FileCalls.rename(Abi.AT_FDCWD, existing, Abi.AT_FDCWD, scratch.path(to.toString()), flags);
        }
    }

    /** Removes a file; nothing if it is not there. */
    static void removeFile(Path path) {
        unlink(path, 0);
    }

    static void removeEmptyDirectory(Path path) {
        unlink(path, Abi.AT_REMOVEDIR);
    }

    private static void unlink(Path path, int flags) {
        try (var scratch = Scratch.frame()) {
            var result = FileCalls.unlink(Abi.AT_FDCWD, scratch.path(path.toString()), flags);
            if (!Errno.ENOENT.is(result)) {
                check(result, Syscall.UNLINKAT, "cannot remove ", path);
            }
        }
    }

    /** Removes whatever is there with all below it; nothing if nothing is. */
    static void removeTree(Path path) {
        TreeRemoval.remove(Abi.AT_FDCWD, path.toString().getBytes(StandardCharsets.UTF_8), Place.store(path));
    }

    static Fd open(Path path, int flags, int mode) {
        try (var scratch = Scratch.frame()) {
            var fd = FileCalls.open(Abi.AT_FDCWD, scratch.path(path.toString()), flags, mode);
            check(fd, Syscall.OPENAT, "cannot open ", path);
            return Fd.of(fd);
        }
    }

    static void write(Fd file, NativeMemory memory, int length, Path path) {
        var done = 0;
        while (done < length) {
            var written = Syscalls.call(Syscall.WRITE, file.number(), memory.address() + done, length - done);
            if (!Errno.EINTR.is(written)) {
                check(written, Syscall.WRITE, "cannot write ", path);
                done += (int) written;
            }
        }
    }

    /** Writes a new file, 0600, whole or not at all. */
    static void writeNew(Path path, byte[] content) {
        try (var file = open(path, Abi.O_WRONLY | Abi.O_CREAT | Abi.O_EXCL, 0600)) {
            write(file, content, path);
        } catch (RuntimeException e) {
            removeFile(path);
            throw e;
        }
    }

    /** Writes behind what a file has. Whoever reads it meanwhile may see a part. */
    static void append(Path path, byte[] content) {
        try (var file = open(path, Abi.O_WRONLY | Abi.O_APPEND, 0600)) {
            write(file, content, path);
        }
    }

    private static void write(Fd file, byte[] content, Path path) {
        var memory = NativeMemory.allocate(content.length);
        memory.bytes().put(0, content);
        write(file, memory, content.length, path);
    }

    /** The names in a directory of ours, in order; none if it is not there. */
    static List<String> list(Path directory) {
        var names = new ArrayList<String>();
        try (var entries = Files.newDirectoryStream(directory)) {
            entries.forEach(entry -> names.add(entry.getFileName().toString()));
        } catch (NoSuchFileException e) {
            return List.of();
        } catch (IOException | DirectoryIteratorException e) {
            throw unreadable(directory, e);
        }
        Collections.sort(names);
        return names;
    }

    /** Whether there is nothing in a directory, which may be somebody else's. */
    static boolean isEmpty(Path directory) {
        try (var opened = open(directory, Abi.O_RDONLY | Abi.O_DIRECTORY, 0)) {
            return Listing.isEmpty(
                    opened.number(),
                    NativeMemory.allocate(LISTING),
                    result -> check(result, Syscall.GETDENTS64, "cannot read ", directory));
        }
    }

    /**
     * Moves all that is in a directory to another one; what has a name that is taken there is removed. The directory keeps its own
     * times.
     */
    static void moveChildren(Path from, Path to) {
        try (var source = open(from, Abi.O_RDONLY | Abi.O_DIRECTORY, 0);
                var target = open(to, Abi.O_PATH | Abi.O_DIRECTORY, 0)) {
            var buffer = NativeMemory.allocate(LISTING);
            var stat = new Statx();
            check(stat.of(source.number()), Syscall.STATX, "cannot read ", from);
            for (var name : Listing.read(
                    source.number(), buffer, result -> check(result, Syscall.GETDENTS64, "cannot read ", from))) {
                var address = Names.put(buffer, name);
                var result = FileCalls.rename(source.number(), address, target.number(), address, RENAME_NOREPLACE);
                if (Errno.EEXIST.is(result)) {
                    TreeRemoval.remove(source.number(), name, Place.store(from));
                } else {
                    check(result, Syscall.RENAMEAT2, "cannot move " + Names.shown(name) + " to ", to);
                }
            }
            var times = Times.of(stat).put(buffer);
            check(FileCalls.setTimes(source.number(), times), Syscall.UTIMENSAT, "cannot set the times of ", from);
        }
    }

    static Optional<String> readText(Path file) {
        try {
            return Optional.of(Files.readString(file));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    static StorageException unreadable(Path path, Exception cause) {
        return new StorageException("cannot read " + path + ": " + cause.getMessage(), Map.of(), "", cause);
    }

    /**
     * Takes a lock, waiting for it: in naps, so that an interrupt is heard, which flock(2) itself would not hear.
     *
     * @throws CancelledException if the thread is interrupted
     */
    static Fd lock(Path path, boolean exclusive) {
        for (var nap = 1; ; nap = Math.min(2 * nap, LONGEST_NAP_MILLIS)) {
            var lock = tryLock(path, exclusive);
            if (lock.isPresent()) {
                return lock.get();
            }
            nap(nap, path);
        }
    }

    /** Waits a little before a lock is tried again. */
    static void nap(int millis, Path path) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancelledException("cannot lock " + path + ": the thread was interrupted");
        }
    }

    /** Takes a lock, unless it is held; makes the file if it is missing. */
    static Optional<Fd> tryLock(Path path, boolean exclusive) {
        while (true) {
            var file = open(path, Abi.O_RDONLY | Abi.O_CREAT, 0600);
            @Nullable Fd unused = file;
            try {
                var result = Syscalls.call(Syscall.FLOCK, file.number(), (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB);
                if (Errno.EAGAIN.is(result)) {
                    return Optional.empty();
                }
                check(result, Syscall.FLOCK, "cannot lock ", path);
                if (isSame(file, path)) { // else the last holder has removed it meanwhile
                    unused = null;
                    return Optional.of(file);
                }
            } finally {
                if (unused != null) {
                    unused.close();
                }
            }
        }
    }

    private static boolean isSame(Fd file, Path path) {
        try (var scratch = Scratch.frame()) {
            var held = new Statx();
            var named = new Statx();
            check(held.of(file.number()), Syscall.STATX, "cannot read ", path);
            return named.of(Abi.AT_FDCWD, scratch.path(path.toString())) == 0
                    && held.inode() == named.inode()
                    && held.device() == named.device();
        }
    }

    /** Lets go of a lock now, though a process that is just being started may still have the descriptor. */
    static void unlock(Fd lock) {
        Syscalls.call(Syscall.FLOCK, lock.number(), LOCK_UN);
        lock.close();
    }

    private static void check(long result, Syscall call, String what, Path path) {
        if (result < 0) {
            throw Failures.storage(what + path, call, result, Place.store(path));
        }
    }
}
