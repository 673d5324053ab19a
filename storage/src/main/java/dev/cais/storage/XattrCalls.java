package dev.cais.storage;

import dev.cais.EngineException;
import dev.cais.StorageException;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.FileCalls;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Syscall;
import java.util.Set;
import java.util.regex.Pattern;

/** Sets extended attributes; for one thread. */
final class XattrCalls {
    private static final int LARGEST = 64 * 1024; // XATTR_SIZE_MAX

    /** Labels that mean something only on the host they were made on. */
    private static final Set<String> HOST_LABELS =
            Set.of("security.selinux", "security.ima", "security.evm", "security.apparmor", "system.nfs4_acl");

    /** What Linux knows; anything else is its name's own fault. */
    private static final Pattern KNOWN = Pattern.compile("user\\.|trusted\\.|security\\.|system\\.posix_acl_");

    private final Place where;
    private final NativeMemory name = NativeMemory.allocate(512);
    private final NativeMemory value = NativeMemory.allocate(LARGEST);

    XattrCalls(Place where) {
        this.where = where;
    }

    /** Whether an attribute from outside is to be set: marks of overlayfs would let an image hide or redirect files. */
    static boolean isWanted(Xattr xattr) {
        return isWanted(xattr.name());
    }

    static boolean isWanted(String name) {
        return !Whiteouts.isMark(name) && !HOST_LABELS.contains(name);
    }

    /** Whether Linux lets only files and directories have it, so that no image can have got it from another kind of file. */
    static boolean isForFilesOnly(Xattr xattr) {
        return xattr.isOfUsers();
    }

    /**
     * Sets one on an open file.
     *
     * @param shown the file's name for messages
     */
    void set(int fd, byte[] shown, Xattr xattr) {
        put(shown, xattr);
        var length = xattr.value().length;
        var result = FileCalls.setAttribute(fd, name.address(), value.address(), length);
        if (isLeftOut(result, xattr)) {
            return;
        }
        check(result, Syscall.FSETXATTR, shown, xattr);
    }

    /**
     * Sets one on a file that cannot be opened but as a mere place: a link, a device. No call takes a directory and a name before Linux 6.13.
     */
    void set(int directory, byte[] lastName, byte[] shown, Xattr xattr) {
        var opened = FileCalls.open(directory, Names.put(name, lastName), Abi.O_PATH | Abi.O_NOFOLLOW, 0);
        check(opened, Syscall.OPENAT, shown, xattr);
        try (var file = Fd.of(opened)) {
            set(file.number(), shown, xattr);
        }
    }

    /**
     * In a user namespace nobody may set an attribute that the whole host trusts, and no access control list can name those who have no
     * number there: such are left out, as Podman does.
     */
    private static boolean isLeftOut(long result, Xattr xattr) {
        if (!FileCalls.areDeputized()) {
            return false;
        }
        return Errno.EPERM.is(result) && !xattr.isOfUsers()
                || Errno.EINVAL.is(result) && xattr.name().startsWith("system.posix_acl_");
    }

    void remove(int fd, String attribute) {
        FileCalls.removeAttribute(fd, Names.put(name, Names.of(attribute)));
    }

    private void put(byte[] shown, Xattr xattr) {
        if (xattr.value().length > LARGEST) {
            throw failure(-Errno.E2BIG.number(), Syscall.FSETXATTR, shown, xattr);
        }
        Names.put(name, Names.of(xattr.name()));
        value.bytes().put(0, xattr.value());
    }

    private void check(long result, Syscall call, byte[] shown, Xattr xattr) {
        if (result < 0) {
            throw failure(result, call, shown, xattr);
        }
    }

    private EngineException failure(long result, Syscall call, byte[] shown, Xattr xattr) {
        var what = "cannot set " + xattr.name() + " of " + Names.shown(shown);
        return switch (Errno.of(result)) {
            case ENOTSUP ->
                KNOWN.matcher(xattr.name()).lookingAt()
                        ? new StorageException(
                                what + ": the file system of " + where + " cannot hold it",
                                where.other() + " on ext4, xfs or btrfs")
                        : Errno.ENOTSUP.exception(what, call);
            case ENOSPC, E2BIG, ERANGE ->
                new StorageException(
                        what + ": the file system of " + where + " has no room for an attribute of "
                                + xattr.value().length + " bytes",
                        where.other() + " on xfs or btrfs, or free some space");
            default -> Failures.of(what, call, result, where);
        };
    }
}
