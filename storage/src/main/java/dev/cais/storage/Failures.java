package dev.cais.storage;

import dev.cais.CancelledException;
import dev.cais.EngineException;
import dev.cais.StorageException;
import dev.cais.linux.Errno;
import dev.cais.linux.Syscall;
import java.util.LinkedHashMap;

/** What a refused system call means to the user of a store. */
final class Failures {
    private Failures() {}

    /** @throws CancelledException if the thread is interrupted; the flag stays set */
    static void requireNotInterrupted(String what) {
        if (Thread.currentThread().isInterrupted()) {
            throw new CancelledException(what + ": the thread was interrupted");
        }
    }

    /**
     * @param what what could not be done, as in {@code cannot write usr/bin/env}
     * @param result the negated error number
     * @param where on the file system in question
     * @return {@link StorageException}, or {@link dev.cais.KernelException} if the names and what stands there are to blame
     */
    static EngineException of(String what, Syscall call, long result, Place where) {
        var errno = Errno.of(result);
        return switch (errno) {
            case ENOENT, ENOTDIR, EISDIR, EEXIST, ELOOP, ENAMETOOLONG, EINVAL, EXDEV, ENOTEMPTY, EFBIG ->
                errno.exception(what, call);
            default -> storage(what, call, result, where);
        };
    }

    /** @return the result of a call that writes a path, unless the kernel has refused it */
    static long check(long result, Syscall call, byte[] path, Place where) {
        if (result < 0) {
            throw of("cannot write " + Names.shown(path), call, result, where);
        }
        return result;
    }

    /** The same for the store's own files, whose names are right. */
    static StorageException storage(String what, Syscall call, long result, Place where) {
        var errno = Errno.of(result);
        return switch (errno) {
            case ENOSPC -> full(what, "no space is left on the file system of " + where, call, errno, where);
            case EDQUOT ->
                full(what, "the disk quota on the file system of " + where + " is used up", call, errno, where);
            case EROFS -> storage(what, "the file system of " + where + " is read-only", call, errno, where.other());
            case EPERM, EACCES -> storage(what, "permission denied in " + where, call, errno, where.own());
            case EMFILE -> storage(what, "too many open files", call, errno, "raise the limit with ulimit -n");
            case ENFILE -> storage(what, "too many open files", call, errno, "raise the sysctl fs.file-max");
            default -> storage(what, call + "(2) failed with " + errno, call, errno, "");
        };
    }

    private static StorageException full(String what, String why, Syscall call, Errno errno, Place where) {
        return storage(what, why, call, errno, "free some, or " + where.other());
    }

    private static StorageException storage(String what, String why, Syscall call, Errno errno, String help) {
        var facts = new LinkedHashMap<String, String>();
        facts.put("call", call.toString());
        facts.put("errno", errno.name());
        return new StorageException(what + ": " + why, facts, help);
    }
}
