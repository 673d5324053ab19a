package dev.cais.storage;

import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.FileCalls;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Removes a tree of any depth and size with a fixed number of descriptors and little memory, following nothing.
 *
 * <p>A directory is read once, front to back; what is found deeper than {@link #DEPTH} levels is moved up to the top, so that
 * a tree deeper than any path can name goes as well. A mount point ends the removal with {@code EBUSY}.
 */
final class TreeRemoval implements AutoCloseable {
    private static final int DEPTH = 32;
    private static final int READ_AGAIN_MOST = 100;
    private static final int LISTING = 16 * 1024;
    private static final int DT_UNKNOWN = 0;
    private static final int DT_DIR = 4;
    private static final int RENAME_NOREPLACE = 1;
    private static final byte[] DOT = {'.'};

    private final Scratch scratch = Scratch.frame();
    private final ByteBuffer listing = scratch.take(LISTING);
    private final long address = Scratch.address(listing);
    private final int[] open = new int[DEPTH];
    private final byte[][] names = new byte[DEPTH][];
    private final long[] cookies = new long[DEPTH];
    private final Place where;
    private int depth;
    private int moved;
    private int movedBefore;
    private int readAgain;

    private TreeRemoval(Place where) {
        this.where = where;
    }

    /**
     * Does nothing if nothing is there.
     *
     * @param directory descriptor of the directory that holds it
     * @param where for messages
     */
    static void remove(int directory, byte[] name, Place where) {
        try (var removal = new TreeRemoval(where)) {
            removal.run(directory, name);
        }
    }

    private void run(int directory, byte[] name) {
        try (var frame = Scratch.frame()) {
            var nameAddress = frame.path(name);
            var result = unlinkEntry(directory, nameAddress, DT_UNKNOWN);
            if (!Errno.ENOTEMPTY.is(result)) {
                check(result, Syscall.UNLINKAT, name);
                return;
            }
            enter(directory, nameAddress, name);
            while (depth > 0) {
                if (!readSome()) {
                    leave(directory);
                }
            }
        }
    }

    /** Whether there may be more to read at the depth reached now. */
    private boolean readSome() {
        var fd = open[depth - 1];
        var length = Syscalls.call(Syscall.GETDENTS64, fd, address, LISTING);
        if (Errno.ENOENT.is(length)) {
            return false; // removed by someone else
        }
        check(length, Syscall.GETDENTS64, names[depth - 1]);
        for (var at = 0; at < length; at += Short.toUnsignedInt(listing.getShort(at + 16))) {
            var name = at + 19;
            if (isDots(name)) {
                continue;
            }
            var result = unlinkEntry(fd, address + name, listing.get(at + 18));
            if (Errno.ENOTEMPTY.is(result)) {
                var bytes = name(name);
                if (depth == DEPTH) {
                    moveUp(fd, address + name, bytes);
                } else {
                    cookies[depth - 1] = listing.getLong(at + 8);
                    enter(fd, address + name, bytes);
                    return true;
                }
            } else if (result < 0) {
                throw Failures.of("cannot remove " + shown(name(name)), Syscall.UNLINKAT, result, where);
            }
        }
        return length > 0;
    }

    private static long unlinkEntry(int directory, long name, int type) {
        if (type != DT_DIR) {
            var result = FileCalls.unlink(directory, name, 0);
            if (!Errno.EISDIR.is(result)) {
                return Errno.ENOENT.is(result) ? 0 : result;
            }
        }
        var result = FileCalls.unlink(directory, name, Abi.AT_REMOVEDIR);
        return Errno.ENOENT.is(result) ? 0 : result;
    }

    private void enter(int directory, long nameAddress, byte[] name) {
        var fd = FileCalls.open(directory, nameAddress, Abi.O_RDONLY | Abi.O_DIRECTORY | Abi.O_NOFOLLOW, 0);
        check(fd, Syscall.OPENAT, name);
        open[depth] = (int) fd;
        names[depth] = name;
        depth++;
    }

    private void moveUp(int directory, long nameAddress, byte[] name) {
        try (var frame = Scratch.frame()) {
            long result;
            do {
                var fresh = frame.path(".removing-" + moved++);
                result = FileCalls.rename(directory, nameAddress, open[0], fresh, RENAME_NOREPLACE);
            } while (Errno.EEXIST.is(result));
            check(result, Syscall.RENAMEAT2, name);
        }
    }

    private void leave(int above) {
        var name = names[depth - 1];
        var parent = depth == 1 ? above : open[depth - 2];
        try (var frame = Scratch.frame()) {
            var result = FileCalls.unlink(parent, frame.path(name), Abi.AT_REMOVEDIR);
            if (Errno.ENOTEMPTY.is(result) && mayReadAgain()) {
                seek(open[depth - 1], 0);
                return;
            }
            if (!Errno.ENOENT.is(result)) {
                check(result, Syscall.UNLINKAT, name);
            }
        }
        depth--;
        Syscalls.call(Syscall.CLOSE, open[depth]);
        if (depth > 0) {
            seek(open[depth - 1], cookies[depth - 1]);
        }
    }

    /** Something came meanwhile: from below, moved up; or from outside, which is waited for only some times. */
    private boolean mayReadAgain() {
        var cameFromBelow = movedBefore != moved;
        movedBefore = moved;
        return cameFromBelow || readAgain++ < READ_AGAIN_MOST;
    }

    private static void seek(int fd, long cookie) {
        Syscalls.call(Syscall.LSEEK, fd, cookie, 0);
    }

    private boolean isDots(int name) {
        return listing.get(name) == '.'
                && (listing.get(name + 1) == 0 || listing.get(name + 1) == '.' && listing.get(name + 2) == 0);
    }

    private byte[] name(int start) {
        var end = start;
        while (listing.get(end) != 0) {
            end++;
        }
        var bytes = new byte[end - start];
        listing.get(start, bytes);
        return bytes;
    }

    private void check(long result, Syscall call, byte[] name) {
        if (result < 0) {
            throw Failures.of("cannot remove " + shown(name), call, result, where);
        }
    }

    private static String shown(byte[] name) {
        return new String(name.length == 0 ? DOT : name, StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        while (depth > 0) {
            depth--;
            Syscalls.call(Syscall.CLOSE, open[depth]);
        }
        scratch.close();
    }
}
