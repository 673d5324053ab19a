package dev.cais.storage;

import dev.cais.linux.Errno;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The names in a directory of strangers': bytes, in any number. */
final class Listing {
    private static final int LENGTH = 16;
    private static final int NAME = 19;
    private static final int ALIGNMENT = 8;
    private static final byte[] DOTS = {'.', '.'};

    private Listing() {}

    /** Takes the result of a system call that failed. */
    @FunctionalInterface
    interface Check {
        void check(long result);
    }

    /**
     * Whether a directory has none.
     *
     * @param directory open, at its beginning
     */
    static boolean isEmpty(int directory, NativeMemory buffer, Check check) {
        while (true) {
            var length = some(directory, buffer, check);
            if (length <= 0) {
                return true;
            }
            if (!names(buffer, length).isEmpty()) {
                return false;
            }
        }
    }

    /**
     * All names, in the order of their bytes, so that a copy of a copy is made in the same order.
     *
     * @param directory open, at its beginning
     * @param buffer for the kernel's answers
     */
    static List<byte[]> read(int directory, NativeMemory buffer, Check check) {
        return read(directory, buffer, check, Integer.MAX_VALUE);
    }

    /**
     * The same of a directory that may have more names than can be held.
     *
     * @return all, or any that are more than so many
     */
    static List<byte[]> read(int directory, NativeMemory buffer, Check check, int most) {
        var names = new ArrayList<byte[]>();
        while (names.size() <= most) {
            var length = some(directory, buffer, check);
            if (length <= 0) {
                names.sort(Arrays::compareUnsigned);
                break;
            }
            names.addAll(names(buffer, length));
        }
        return names;
    }

    private static long some(int directory, NativeMemory buffer, Check check) {
        var length = Syscalls.call(Syscall.GETDENTS64, directory, buffer.address(), buffer.size());
        if (!Errno.ENOENT.is(length)) { // else somebody has removed the directory
            check.check(length);
        }
        return length;
    }

    private static List<byte[]> names(NativeMemory buffer, long length) {
        var names = new ArrayList<byte[]>();
        var entries = buffer.bytes();
        for (int at = 0, next; at < length; at = next) {
            next = at + Short.toUnsignedInt(entries.getShort(at + LENGTH));
            var end = Math.max(at + NAME, next - ALIGNMENT); // no earlier, since entries end with their names
            while (entries.get(end) != 0) {
                end++;
            }
            var last = new byte[end - at - NAME];
            entries.get(at + NAME, last);
            if (!Arrays.equals(last, Names.DOT) && !Arrays.equals(last, DOTS)) {
                names.add(last);
            }
        }
        return names;
    }
}
