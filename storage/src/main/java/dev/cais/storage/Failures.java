package dev.cais.storage;

import dev.cais.EngineException;
import dev.cais.StorageException;
import dev.cais.linux.Errno;
import dev.cais.linux.Syscall;
import java.nio.file.Path;
import java.util.LinkedHashMap;

/** What a refused system call means to the user of a store. */
final class Failures {
    private Failures() {}

    /**
     * @param what what could not be done, as in {@code cannot write usr/bin/env}
     * @param result the negated error number
     * @param where a path on the file system in question
     * @return {@link StorageException}, or {@link dev.cais.KernelException} if the names and what stands there are to blame
     */
    static EngineException of(String what, Syscall call, long result, Path where) {
        var errno = Errno.of(result);
        return switch (errno) {
            case ENOENT, ENOTDIR, EISDIR, EEXIST, ELOOP, ENAMETOOLONG, EINVAL, EXDEV, ENOTEMPTY, EFBIG ->
                errno.exception(what, call);
            default -> storage(what, call, result, where);
        };
    }

    /** The same for the store's own files, whose names are right. */
    static StorageException storage(String what, Syscall call, long result, Path where) {
        var errno = Errno.of(result);
        return switch (errno) {
            case ENOSPC -> full(what, "no space is left on the file system of " + where, call, errno);
            case EDQUOT -> full(what, "the disk quota on the file system of " + where + " is used up", call, errno);
            case EROFS ->
                storage(what, "the file system of " + where + " is read-only", call, errno, "choose another store");
            case EPERM, EACCES ->
                storage(
                        what,
                        "permission denied in " + where,
                        call,
                        errno,
                        "run as root, or choose a store of your own");
            case EMFILE -> storage(what, "too many open files", call, errno, "raise the limit with ulimit -n");
            case ENFILE -> storage(what, "too many open files", call, errno, "raise the sysctl fs.file-max");
            default -> storage(what, call + "(2) failed with " + errno, call, errno, "");
        };
    }

    private static StorageException full(String what, String why, Syscall call, Errno errno) {
        return storage(what, why, call, errno, "free some, or choose another store");
    }

    private static StorageException storage(String what, String why, Syscall call, Errno errno, String help) {
        var facts = new LinkedHashMap<String, String>();
        facts.put("call", call.toString());
        facts.put("errno", errno.name());
        return new StorageException(what + ": " + why, facts, help);
    }
}
