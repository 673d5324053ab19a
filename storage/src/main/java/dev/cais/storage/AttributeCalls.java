package dev.cais.storage;

import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.FileCalls;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Statx;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;

/**
 * Gives the files of one tree their attributes: owner, then mode, then extended attributes, then times.
 *
 * <p>System calls are left out where their result is known: the owner of a new file is this process's, unless the directory
 * hands down its group, and its mode is what was asked for, less the umask, which is measured once.
 */
final class AttributeCalls {
    /** Of parents that nobody has described. */
    static final Attributes IMPLIED = Attributes.ofMode(0755);

    static final int PERMISSIONS = 0777;
    static final int MODE = 07777;
    private static final int DEFERRED_LARGEST = 4 << 20;
    private static final String DEFAULT_ACL = "system.posix_acl_default";

    private record Deferred(byte[] path, Xattr xattr) {}

    private final Place where;
    private final XattrCalls xattrs;
    private final NativeMemory words = NativeMemory.allocate(32);
    private final List<Deferred> deferred = new ArrayList<>();
    private final long ownUid = FileCalls.ownUser();
    private final long ownGid = FileCalls.ownGroup();
    /** The permissions that a new file may lack although they were asked for. */
    private final int denied;

    private int deferredSize;

    private AttributeCalls(Place where, XattrCalls xattrs, int denied) {
        this.where = where;
        this.xattrs = xattrs;
        this.denied = denied;
    }

    /** Of a root that becomes this process's alone: it loses its ACLs. */
    static AttributeCalls ofLayer(Fd root, Place where) {
        var xattrs = new XattrCalls(where);
        xattrs.remove(root.number(), DEFAULT_ACL); // one from above the store would go down to every file
        xattrs.remove(root.number(), "system.posix_acl_access");
        return new AttributeCalls(where, xattrs, deniedIn(root));
    }

    static AttributeCalls ofForeign(Place where) {
        return new AttributeCalls(where, new XattrCalls(where), PERMISSIONS); // directories may have default ACLs
    }

    private static int deniedIn(Fd root) {
        var flags = Abi.O_TMPFILE | Abi.O_WRONLY | Abi.O_CLOEXEC;
        var name = NativeMemory.allocate(2);
        var probe = Syscalls.call(Syscall.OPENAT, root.number(), Names.put(name, Names.DOT), flags, PERMISSIONS);
        if (probe < 0) {
            return PERMISSIONS;
        }
        var stat = new Statx();
        var known = stat.of((int) probe) == 0 ? PERMISSIONS & ~stat.mode() : PERMISSIONS;
        Syscalls.call(Syscall.CLOSE, probe);
        return known;
    }

    /** Of a file whose content is whole. */
    void finish(int fd, byte[] path, Attributes attributes, boolean ownerIsRight) {
        if (!ownerIsRight) {
            setOwner(fd, path, attributes);
        }
        var mode = attributes.mode() & MODE;
        if (mode > PERMISSIONS || (mode & denied) != 0) { // after chown(2), which takes setuid away
            setMode(fd, path, mode);
        }
        for (var xattr : attributes.xattrs()) { // after write(2) and chown(2), which take security.capability away
            if (XattrCalls.isWanted(xattr)) {
                xattrs.set(fd, path, xattr);
            }
        }
        check(setTimes(fd, Times.of(attributes)), Syscall.UTIMENSAT, path);
    }

    /** Of a directory that was just made; its times come when it is let go of. */
    void finish(OpenDirectory made, OpenDirectory parent, Attributes attributes) {
        if (!ownerIsRight(attributes, parent)) {
            setOwner(made.fd, made.path, attributes);
        }
        var wanted = attributes.mode() & MODE;
        if (parent.setgid || wanted > PERMISSIONS || (wanted & denied) != 0) {
            setMode(made.fd, made.path, wanted);
        }
        setXattrs(made, attributes);
    }

    /** Gives a directory that was there new attributes. */
    void change(OpenDirectory directory, Attributes attributes) {
        setOwner(directory.fd, directory.path, attributes);
        setMode(directory.fd, directory.path, attributes.mode() & MODE);
        setXattrs(directory, attributes);
        directory.changed(attributes);
    }

    private void setXattrs(OpenDirectory directory, Attributes attributes) {
        for (var xattr : attributes.xattrs()) {
            if (xattr.name().equals(DEFAULT_ACL)) {
                defer(directory.path, xattr);
            } else if (XattrCalls.isWanted(xattr)) {
                xattrs.set(directory.fd, directory.path, xattr);
            }
        }
    }

    /** Keeps a default ACL until the end, since new files would inherit it. */
    private void defer(byte[] path, Xattr xattr) {
        deferredSize += path.length + xattr.value().length + 64;
        if (deferredSize > DEFERRED_LARGEST) {
            throw Errno.E2BIG.exception("cannot keep the default ACLs of so many directories", Syscall.FSETXATTR);
        }
        deferred.add(new Deferred(path, xattr));
    }

    /**
     * Sets the default ACLs that were kept for the end.
     *
     * @param opener opens a directory; one that is gone by now needs no ACL
     */
    void setDeferred(ToLongFunction<byte[]> opener) {
        for (var each : deferred) {
            var fd = opener.applyAsLong(each.path);
            if (fd >= 0) {
                try {
                    xattrs.set((int) fd, each.path, each.xattr);
                } finally {
                    Syscalls.call(Syscall.CLOSE, fd);
                }
            }
        }
    }

    void markOpaque(OpenDirectory directory, Whiteouts whiteouts) {
        xattrs.set(directory.fd, directory.path, whiteouts.opaque());
    }

    /** Sets the attributes of what cannot be opened, but for its mode. */
    void describe(OpenDirectory parent, long name, byte[] path, Attributes attributes) {
        if (!ownerIsRight(attributes, parent)) {
            check(FileCalls.changeOwner(parent.fd, name, attributes.uid(), attributes.gid()), Syscall.FCHOWNAT, path);
        }
        for (var xattr : attributes.xattrs()) {
            if (XattrCalls.isWanted(xattr) && !XattrCalls.isForFilesOnly(xattr)) {
                xattrs.set(parent.fd, Names.last(path), path, xattr);
            }
        }
        setTimes(parent, name, path, Times.of(attributes));
    }

    /** A file's group is its directory's where that has the setgid bit, or the file system is mounted with {@code grpid}. */
    boolean ownerIsRight(Attributes attributes, OpenDirectory parent) {
        return FileCalls.user(attributes.uid()) == ownUid
                && FileCalls.group(attributes.gid()) == ownGid
                && parent.gid == ownGid;
    }

    private void setOwner(int fd, byte[] path, Attributes attributes) {
        check(FileCalls.changeOwner(fd, attributes.uid(), attributes.gid()), Syscall.FCHOWN, path);
    }

    private void setMode(int fd, byte[] path, int mode) {
        check(FileCalls.changeMode(fd, mode), Syscall.FCHMOD, path);
    }

    void setTimes(OpenDirectory parent, long name, byte[] path, Times times) {
        check(FileCalls.setTimes(parent.fd, name, times.put(words)), Syscall.UTIMENSAT, path);
    }

    long setTimes(int fd, Times times) {
        return FileCalls.setTimes(fd, times.put(words));
    }

    /** By way of an open file, since fchmodat(2) would follow a link that somebody put in the node's place. */
    void setModeOfNode(OpenDirectory parent, long name, byte[] path, int mode) {
        var fd = FileCalls.open(parent.fd, name, Abi.O_PATH | Abi.O_NOFOLLOW, 0);
        try (var node = Fd.of(check(fd, Syscall.OPENAT, path))) {
            var stat = new Statx();
            check(stat.of(node.number()), Syscall.STATX, path);
            if (stat.type() != Abi.S_IFLNK) {
                check(FileCalls.changeMode(node.number(), mode), Syscall.FCHMODAT, path);
            }
        }
    }

    private long check(long result, Syscall call, byte[] path) {
        return Failures.check(result, call, path, where);
    }
}
