package dev.cais.storage;

import dev.cais.EngineException;
import dev.cais.StorageException;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.OpenFlags;
import dev.cais.linux.Statx;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * File operations by this process's own system calls.
 *
 * <p>Parents are opened with {@code openat2(RESOLVE_IN_ROOT)} and the last few are kept open: most files of a tar stand beside
 * the one before. An open parent that no link led to has one path only, so its times, which it gets back when it is closed,
 * are known in one place; one that was reached through a link is let go after one operation, with all others before it.
 *
 * <p>System calls are left out where their result is known: the owner of a new file is this process's, unless the directory
 * hands down its group, and the mode is what was asked for, less the umask, which is measured once.
 */
final class DirectFileOperations implements FileOperations {
    private static final int KEPT = 24;
    private static final int BUFFER = 256 * 1024;
    private static final int XATTR_LARGEST = 64 * 1024;
    private static final int DEFERRED_LARGEST = 4 << 20;
    private static final int IMPLIED_MODE = 0755;
    private static final int LINKS_FOLLOWED = 40;
    private static final int S_ISGID = 02000;
    private static final String DEFAULT_ACL = "system.posix_acl_default";
    private static final byte[] NO_NAME = {};
    private static final byte[] DOT = {'.'};
    private static final int DIRECTORY = OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_CLOEXEC;

    /** Labels that mean something only on the host they were made on; umoci and containerd drop them too. */
    private static final Set<String> HOST_LABELS = Set.of(
            "security.selinux", "security.ima", "security.evm", "security.apparmor", "system.nfs4_acl");

    /** A directory that is open, and what its times shall be. */
    private static final class Parent {
        final byte[] path;
        final int hash;
        final int fd;
        long lastUse;
        long modifiedSeconds;
        int modifiedNanos;
        long accessedSeconds;
        int accessedNanos;
        long gid;
        boolean setgid;
        /** Whether the way here led over a link, so that the directory may be open under its own path, too. */
        final boolean alias;
        /** Whether its times are no longer ours to set. */
        boolean settled;

        Parent(byte[] path, long fd, boolean alias) {
            this.path = path;
            this.hash = Arrays.hashCode(path);
            this.fd = (int) fd;
            this.alias = alias;
        }

        void times(Attributes attributes) {
            modifiedSeconds = attributes.modified().getEpochSecond();
            modifiedNanos = attributes.modified().getNano();
            accessedSeconds = attributes.accessed().getEpochSecond();
            accessedNanos = attributes.accessed().getNano();
        }
    }

    private record Deferred(byte[] path, Xattr xattr) {}

    private final Path where;
    private final Fd root;
    private final Whiteouts whiteouts;
    private final Statx stat = new Statx();
    private final NativeMemory words = NativeMemory.allocate(64);
    private final NativeMemory firstPath = NativeMemory.allocate(8192);
    private final NativeMemory secondPath = NativeMemory.allocate(8192);
    private final NativeMemory buffer = NativeMemory.allocate(BUFFER);
    private final Parent[] kept = new Parent[KEPT];
    private final List<Parent> letGo = new ArrayList<>();
    private final List<Deferred> deferred = new ArrayList<>();
    private final long ownUid;
    private final long ownGid;
    private final int denied;
    private final Sink sink = new Sink();
    private int deferredSize;
    private long clock;
    private long created;
    private boolean closed;

    /** @param where the root, which exists */
    DirectFileOperations(Path where, Whiteouts whiteouts) {
        this.where = where;
        this.whiteouts = whiteouts;
        put(firstPath, where.toString().getBytes(StandardCharsets.UTF_8));
        root = Fd.of(check(
                Syscalls.call(Syscall.OPENAT, OpenFlags.AT_FDCWD, firstPath.address(), DIRECTORY),
                Syscall.OPENAT,
                "open",
                NO_NAME));
        ownUid = Syscalls.call(Syscall.GETEUID);
        ownGid = Syscalls.call(Syscall.GETEGID);
        denied = denied();
    }

    /** The permission bits that a new file may lack although they were asked for. */
    private int denied() {
        removeInheritedAcl("system.posix_acl_default");
        removeInheritedAcl("system.posix_acl_access");
        put(firstPath, DOT);
        var probe = Syscalls.call(
                Syscall.OPENAT,
                root.number(),
                firstPath.address(),
                OpenFlags.O_TMPFILE | OpenFlags.O_WRONLY | OpenFlags.O_CLOEXEC,
                0777);
        if (probe < 0) {
            return 0777;
        }
        var known = stat.of((int) probe) == 0 ? 0777 & ~stat.mode() : 0777;
        Syscalls.call(Syscall.CLOSE, probe);
        return known;
    }

    /** A default ACL above the store would be handed down to every file. */
    private void removeInheritedAcl(String name) {
        put(firstPath, name.getBytes(StandardCharsets.US_ASCII));
        Syscalls.call(Syscall.FREMOVEXATTR, root.number(), firstPath.address());
    }

    @Override
    public FileSink file(byte[] path, Attributes attributes) {
        begin();
        var parent = parent(path);
        var name = name(firstPath, path);
        var flags = OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_CLOEXEC;
        var mode = attributes.mode() & 0777;
        var fd = Syscalls.call(Syscall.OPENAT, parent.fd, name, flags, mode);
        if (Errno.EEXIST.is(fd)) {
            clear(parent, name, path);
            fd = Syscalls.call(Syscall.OPENAT, parent.fd, name, flags, mode);
        }
        check(fd, Syscall.OPENAT, "write", path);
        created++;
        sink.start((int) fd, path, attributes, parent);
        return sink;
    }

    @Override
    public void directory(byte[] path, Attributes attributes) {
        begin();
        if (path.length == 0) {
            change(parentAt(path), path, attributes);
            return;
        }
        var parent = parent(path);
        var name = name(firstPath, path);
        var result = Syscalls.call(Syscall.MKDIRAT, parent.fd, name, attributes.mode() & 0777);
        if (Errno.EEXIST.is(result)) {
            check(stat.of(parent.fd, name), Syscall.STATX, "write", path);
            if (stat.isDirectory()) {
                change(parentAt(path), path, attributes);
                return;
            }
            clear(parent, name, path);
            result = Syscalls.call(Syscall.MKDIRAT, parent.fd, name, attributes.mode() & 0777);
            check(result, Syscall.MKDIRAT, "write", path);
            // what was here a moment ago hid what older layers have
            markOpaque(remember(made(parent, name, path, attributes)), path);
            return;
        }
        check(result, Syscall.MKDIRAT, "write", path);
        remember(made(parent, name, path, attributes));
    }

    /** Opens a directory that was just made and gives it its attributes. */
    private Parent made(Parent parent, long name, byte[] path, Attributes attributes) {
        created++;
        var fd = check(
                Syscalls.call(Syscall.OPENAT, parent.fd, name, DIRECTORY | OpenFlags.O_NOFOLLOW),
                Syscall.OPENAT,
                "write",
                path);
        var fresh = new Parent(path, fd, parent.alias);
        fresh.times(attributes);
        var wanted = attributes.mode() & 07777;
        var has = attributes.mode() & 0777 & ~denied | (parent.setgid ? S_ISGID : 0);
        own(fresh.fd, path, attributes, parent);
        if (wanted != has || denied == 0777) {
            check(Syscalls.call(Syscall.FCHMOD, fresh.fd, wanted), Syscall.FCHMOD, "write", path);
        }
        describe(fresh, attributes, path);
        return fresh;
    }

    /** Gives a directory that was there new attributes. */
    private void change(Parent directory, byte[] path, Attributes attributes) {
        check(
                Syscalls.call(Syscall.FCHOWN, directory.fd, attributes.uid(), attributes.gid()),
                Syscall.FCHOWN,
                "write",
                path);
        check(
                Syscalls.call(Syscall.FCHMOD, directory.fd, attributes.mode() & 07777),
                Syscall.FCHMOD,
                "write",
                path);
        directory.times(attributes);
        describe(directory, attributes, path);
    }

    private void describe(Parent directory, Attributes attributes, byte[] path) {
        directory.gid = attributes.gid();
        directory.setgid = (attributes.mode() & S_ISGID) != 0;
        for (var xattr : attributes.xattrs()) {
            if (xattr.name().equals(DEFAULT_ACL)) {
                defer(path, xattr);
            } else {
                setXattr(directory.fd, path, xattr);
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

    @Override
    public void symlink(byte[] path, byte[] target, Attributes attributes) {
        begin();
        var parent = parent(path);
        put(secondPath, target);
        var name = name(firstPath, path);
        var result = Syscalls.call(Syscall.SYMLINKAT, secondPath.address(), parent.fd, name);
        if (Errno.EEXIST.is(result)) {
            clear(parent, name, path);
            result = Syscalls.call(Syscall.SYMLINKAT, secondPath.address(), parent.fd, name);
        }
        check(result, Syscall.SYMLINKAT, "write", path);
        created++;
        ownByName(parent, name, path, attributes);
        setXattrsByName(parent, path, attributes);
        setTimesByName(parent, path, attributes);
    }

    @Override
    public void hardLink(byte[] path, byte[] existing) {
        begin();
        var from = parent(existing);
        var to = parent(path);
        var oldName = name(secondPath, existing);
        var newName = name(firstPath, path);
        var result = Syscalls.call(Syscall.LINKAT, from.fd, oldName, to.fd, newName, 0);
        if (Errno.EEXIST.is(result)) {
            check(stat.of(from.fd, oldName), Syscall.STATX, "link to " + shown(existing) + " from", path);
            var inode = stat.inode();
            if (stat.of(to.fd, newName) == 0 && stat.inode() == inode) {
                return;
            }
            clear(to, newName, path);
            result = Syscalls.call(Syscall.LINKAT, from.fd, oldName, to.fd, newName, 0);
        }
        if (Errno.EPERM.is(result) && stat.of(from.fd, oldName) == 0 && stat.isDirectory()) {
            throw Errno.EISDIR.exception("cannot link " + shown(path) + " to " + shown(existing), Syscall.LINKAT);
        }
        if (result < 0) {
            throw Failures.of(
                    "cannot link " + shown(path) + " to " + shown(existing), Syscall.LINKAT, result, where);
        }
        created++;
    }

    @Override
    public void node(byte[] path, NodeType type, long major, long minor, Attributes attributes) {
        begin();
        var parent = parent(path);
        var name = name(firstPath, path);
        makeNode(parent, name, path, type.bits() | attributes.mode() & 0777, device(type, major, minor));
        ownByName(parent, name, path, attributes);
        check(
                Syscalls.call(Syscall.FCHMODAT, parent.fd, name, attributes.mode() & 07777),
                Syscall.FCHMODAT,
                "write",
                path);
        setXattrsByName(parent, path, attributes);
        setTimesByName(parent, path, attributes);
    }

    private void makeNode(Parent parent, long name, byte[] path, int mode, long device) {
        var result = Syscalls.call(Syscall.MKNODAT, parent.fd, name, mode, device);
        if (Errno.EEXIST.is(result)) {
            clear(parent, name, path);
            result = Syscalls.call(Syscall.MKNODAT, parent.fd, name, mode, device);
        }
        check(result, Syscall.MKNODAT, "write", path);
        created++;
    }

    /** The kernel's own packing: 12 bits of major, 20 of minor. */
    private static long device(NodeType type, long major, long minor) {
        if (type == NodeType.FIFO) {
            return 0;
        }
        if (major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff) {
            throw Errno.EINVAL.exception("cannot make device " + major + ":" + minor, Syscall.MKNODAT);
        }
        return minor & 0xff | major << 8 | (minor & ~0xffL) << 12;
    }

    @Override
    public void whiteout(byte[] path) {
        begin();
        var parent = parent(path);
        var name = name(firstPath, path);
        var result = stat.of(parent.fd, name);
        if (Errno.ENOENT.is(result)) {
            makeNode(parent, name, path, Statx.S_IFCHR, 0);
            setTimesByName(parent, path, Attributes.ofMode(0));
        } else {
            check(result, Syscall.STATX, "write", path);
            if (stat.isDirectory()) {
                markOpaque(parentAt(path), path);
            }
        }
    }

    @Override
    public void opaque(byte[] path) {
        begin();
        markOpaque(path.length == 0 ? parentAt(path) : directoryAt(path), path);
    }

    private void markOpaque(Parent directory, byte[] path) {
        setXattr(directory.fd, path, whiteouts.opaqueName(), new byte[] {'y'});
    }

    @Override
    public void remove(byte[] path) {
        begin();
        put(secondPath, path);
        var probe = open(secondPath.address(), OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW, OpenFlags.RESOLVE_IN_ROOT);
        if (Errno.ENOENT.is(probe)) {
            return;
        }
        check(probe, Syscall.OPENAT2, "remove", path);
        Syscalls.call(Syscall.CLOSE, probe);
        var parent = parent(path);
        clear(parent, name(firstPath, path), path);
    }

    /** Makes room for what comes at a name where something stands. */
    private void clear(Parent parent, long name, byte[] path) {
        var result = Syscalls.call(Syscall.UNLINKAT, parent.fd, name, 0);
        if (Errno.EISDIR.is(result)) {
            forget(path);
            TreeRemoval.remove(parent.fd, Arrays.copyOfRange(path, nameStart(path), path.length), where);
        } else if (!Errno.ENOENT.is(result)) {
            check(result, Syscall.UNLINKAT, "replace", path);
        }
    }

    /** Lets go of the open directories that are about to be removed. */
    private void forget(byte[] path) {
        for (var i = 0; i < KEPT; i++) {
            var parent = kept[i];
            if (parent != null && isAtOrBelow(parent.path, path)) {
                kept[i] = null;
                parent.settled = true;
                letGo.add(parent);
            }
        }
    }

    private static boolean isAtOrBelow(byte[] path, byte[] ancestor) {
        return path.length >= ancestor.length
                && Arrays.equals(path, 0, ancestor.length, ancestor, 0, ancestor.length)
                && (path.length == ancestor.length || path[ancestor.length] == '/');
    }

    @Override
    public long created() {
        return created;
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        sink.close();
        try {
            for (var each : deferred) {
                setDeferred(each);
            }
        } finally {
            settleAll();
            begin();
            root.close();
        }
    }

    /** A directory that is gone by now needs no ACL. */
    private void setDeferred(Deferred each) {
        put(secondPath, each.path.length == 0 ? DOT : each.path);
        var fd = open(secondPath.address(), DIRECTORY | OpenFlags.O_NOFOLLOW, OpenFlags.RESOLVE_IN_ROOT);
        if (fd >= 0) {
            try {
                setXattr((int) fd, each.path, each.xattr);
            } finally {
                Syscalls.call(Syscall.CLOSE, fd);
            }
        }
    }

    /** Gives all open directories their times; those that the current operation uses stay open until it ends. */
    private void settleAll() {
        for (var i = 0; i < KEPT; i++) {
            var parent = kept[i];
            if (parent != null) {
                kept[i] = null;
                settle(parent);
                letGo.add(parent);
            }
        }
    }

    /** Ends what the last operation left open. */
    private void begin() {
        for (var parent : letGo) {
            release(parent);
        }
        letGo.clear();
    }

    private void settle(Parent parent) {
        if (!parent.settled) {
            parent.settled = true;
            setTimes(
                    parent.fd,
                    parent.accessedSeconds,
                    parent.accessedNanos,
                    parent.modifiedSeconds,
                    parent.modifiedNanos);
        }
    }

    private void release(Parent parent) {
        settle(parent);
        Syscalls.call(Syscall.CLOSE, parent.fd);
    }

    // Parents

    private Parent parent(byte[] path) {
        var end = Math.max(0, nameStart(path) - 1);
        if (path.length == nameStart(path)) {
            throw Errno.EINVAL.exception("cannot write " + shown(path), Syscall.OPENAT);
        }
        var found = keptAt(path, end);
        return found != null ? found : directoryAt(Arrays.copyOf(path, end));
    }

    private Parent parentAt(byte[] path) {
        var found = keptAt(path, path.length);
        return found != null ? found : directoryAt(path);
    }

    private @Nullable Parent keptAt(byte[] path, int length) {
        var hash = 1;
        for (var i = 0; i < length; i++) {
            hash = 31 * hash + path[i];
        }
        for (var each : kept) {
            if (each != null
                    && each.hash == hash
                    && Arrays.equals(each.path, 0, each.path.length, path, 0, length)) {
                each.lastUse = ++clock;
                return each;
            }
        }
        return null;
    }

    /** Opens a directory, making what is missing of it. */
    private Parent directoryAt(byte[] path) {
        put(secondPath, path.length == 0 ? DOT : path);
        var strict = OpenFlags.RESOLVE_IN_ROOT | OpenFlags.RESOLVE_NO_SYMLINKS;
        var fd = open(secondPath.address(), DIRECTORY, strict);
        if (fd >= 0) {
            return remember(known(new Parent(path, fd, false)));
        }
        if (Errno.ENOENT.is(fd) || Errno.ENOTDIR.is(fd) || Errno.ELOOP.is(fd)) {
            settleAll();
            return remember(walk(path));
        }
        throw Failures.of("cannot write " + shown(path), Syscall.OPENAT2, fd, where);
    }

    /**
     * Goes down component by component, as a process with this root would, making what is missing: also where a link points
     * to nothing yet. A whiteout gives way to an opaque directory.
     */
    private Parent walk(byte[] path) {
        var at = openAlias(NO_NAME, path);
        try {
            var rest = path;
            var links = 0;
            while (rest.length > 0) {
                var slash = indexOfSlash(rest);
                var component = Arrays.copyOf(rest, slash);
                rest = slash == rest.length ? NO_NAME : Arrays.copyOfRange(rest, slash + 1, rest.length);
                if (component.length == 0) {
                    continue;
                }
                var next = join(at.path, component);
                put(secondPath, next);
                var fd = open(secondPath.address(), DIRECTORY, OpenFlags.RESOLVE_IN_ROOT);
                put(firstPath, component);
                if (fd >= 0) {
                    at = step(at, known(new Parent(next, fd, true)));
                } else if (!Errno.ENOENT.is(fd) && !Errno.ENOTDIR.is(fd)) {
                    throw Failures.of("cannot write " + shown(path), Syscall.OPENAT2, fd, where);
                } else if (!isThere(at, path)) {
                    at = step(at, implied(at, next));
                } else if (stat.isWhiteout()) {
                    clear(at, firstPath.address(), next);
                    at = step(at, implied(at, next));
                    markOpaque(at, next);
                } else if (stat.type() == Statx.S_IFLNK && Errno.ENOENT.is(fd)) {
                    if (++links > LINKS_FOLLOWED) {
                        throw Errno.ELOOP.exception("cannot write " + shown(path), Syscall.OPENAT2);
                    }
                    var target = target(at, path);
                    rest = join(target, rest);
                    if (target[0] == '/') {
                        at = step(at, openAlias(NO_NAME, path));
                    }
                } else {
                    throw Errno.ENOTDIR.exception("cannot write below " + shown(next), Syscall.OPENAT2);
                }
            }
            return at;
        } catch (RuntimeException e) {
            release(at);
            throw e;
        }
    }

    /** Whether something stands at the name in {@link #firstPath}; {@link #stat} then has it. */
    private boolean isThere(Parent parent, byte[] path) {
        var result = stat.of(parent.fd, firstPath.address());
        if (!Errno.ENOENT.is(result)) {
            check(result, Syscall.STATX, "write", path);
        }
        return result == 0;
    }

    private Parent step(Parent from, Parent to) {
        release(from);
        return to;
    }

    private Parent openAlias(byte[] path, byte[] shown) {
        put(secondPath, path.length == 0 ? DOT : path);
        var fd = open(secondPath.address(), DIRECTORY, OpenFlags.RESOLVE_IN_ROOT);
        return known(new Parent(path, check(fd, Syscall.OPENAT2, "write", shown), true));
    }

    /** The name is in {@link #firstPath}. */
    private Parent implied(Parent parent, byte[] path) {
        check(
                Syscalls.call(Syscall.MKDIRAT, parent.fd, firstPath.address(), IMPLIED_MODE),
                Syscall.MKDIRAT,
                "write",
                path);
        return made(parent, firstPath.address(), path, Attributes.ofMode(IMPLIED_MODE));
    }

    /** What the link in {@link #firstPath} says. */
    private byte[] target(Parent parent, byte[] path) {
        var length = check(
                Syscalls.call(
                        Syscall.READLINKAT, parent.fd, firstPath.address(), secondPath.address(), secondPath.size()),
                Syscall.READLINKAT,
                "write",
                path);
        var target = new byte[(int) length];
        secondPath.bytes().get(0, target);
        return target;
    }

    private Parent known(Parent parent) {
        check(stat.of(parent.fd), Syscall.STATX, "write", parent.path);
        parent.modifiedSeconds = stat.modifiedSeconds();
        parent.modifiedNanos = stat.modifiedNanos();
        parent.accessedSeconds = stat.accessedSeconds();
        parent.accessedNanos = stat.accessedNanos();
        parent.gid = stat.gid();
        parent.setgid = (stat.mode() & S_ISGID) != 0;
        return parent;
    }

    /** Keeps a directory open for the next operations, or for this one if it may have another path. */
    private Parent remember(Parent fresh) {
        if (fresh.alias) {
            letGo.add(fresh);
            return fresh;
        }
        fresh.lastUse = ++clock;
        var slot = 0;
        var oldest = Long.MAX_VALUE;
        for (var i = 0; i < KEPT; i++) {
            var each = kept[i];
            var use = each == null ? -1 : each.lastUse;
            if (use < oldest) {
                oldest = use;
                slot = i;
            }
        }
        var evicted = kept[slot];
        if (evicted != null) {
            release(evicted);
        }
        kept[slot] = fresh;
        return fresh;
    }

    private long open(long path, int flags, int resolve) {
        words.bytes()
                .putLong(0, flags)
                .putLong(8, 0)
                .putLong(16, resolve | OpenFlags.RESOLVE_NO_MAGICLINKS | OpenFlags.RESOLVE_NO_XDEV);
        long result;
        do {
            result = Syscalls.call(Syscall.OPENAT2, root.number(), path, words.address(), 24);
        } while (Errno.EAGAIN.is(result) || Errno.EINTR.is(result)); // somebody renamed something, somewhere
        return result;
    }

    // Attributes

    /** Sets the owner of what was just made in {@code parent}, unless it has it already. */
    private void own(int fd, byte[] path, Attributes attributes, Parent parent) {
        if (!ownerIsRight(attributes, parent)) {
            check(Syscalls.call(Syscall.FCHOWN, fd, attributes.uid(), attributes.gid()), Syscall.FCHOWN, "write", path);
        }
    }

    private void ownByName(Parent parent, long name, byte[] path, Attributes attributes) {
        if (!ownerIsRight(attributes, parent)) {
            check(
                    Syscalls.call(
                            Syscall.FCHOWNAT,
                            parent.fd,
                            name,
                            attributes.uid(),
                            attributes.gid(),
                            OpenFlags.AT_SYMLINK_NOFOLLOW),
                    Syscall.FCHOWNAT,
                    "write",
                    path);
        }
    }

    /** A file's group is its directory's where that has the setgid bit, or the file system is mounted with {@code grpid}. */
    private boolean ownerIsRight(Attributes attributes, Parent parent) {
        return attributes.uid() == ownUid && attributes.gid() == ownGid && parent.gid == ownGid;
    }

    private void setXattr(int fd, byte[] path, Xattr xattr) {
        if (isKept(xattr)) {
            setXattr(fd, path, xattr.name().getBytes(StandardCharsets.UTF_8), xattr.value());
        }
    }

    private static boolean isKept(Xattr xattr) {
        return !Whiteouts.isMark(xattr.name()) && !HOST_LABELS.contains(xattr.name());
    }

    private void setXattr(int fd, byte[] path, byte[] name, byte[] value) {
        putXattr(path, name, value);
        xattrSet(
                Syscalls.call(
                        Syscall.FSETXATTR, fd, secondPath.address(), buffer.address(), value.length, 0),
                Syscall.FSETXATTR,
                path,
                name);
    }

    /** There is no call that takes a directory, a name and no link before Linux 6.13. */
    private void setXattrsByName(Parent parent, byte[] path, Attributes attributes) {
        for (var xattr : attributes.xattrs()) {
            if (isKept(xattr)) {
                var name = xattr.name().getBytes(StandardCharsets.UTF_8);
                var prefix = ("/proc/self/fd/" + parent.fd).getBytes(StandardCharsets.US_ASCII);
                put(firstPath, join(prefix, Arrays.copyOfRange(path, nameStart(path), path.length)));
                putXattr(path, name, xattr.value());
                xattrSet(
                        Syscalls.call(
                                Syscall.LSETXATTR,
                                firstPath.address(),
                                secondPath.address(),
                                buffer.address(),
                                xattr.value().length,
                                0),
                        Syscall.LSETXATTR,
                        path,
                        name);
            }
        }
    }

    private void putXattr(byte[] path, byte[] name, byte[] value) {
        if (value.length > XATTR_LARGEST || name.length > 255) {
            throw Errno.E2BIG.exception("cannot set an extended attribute of " + shown(path), Syscall.FSETXATTR);
        }
        put(secondPath, name);
        buffer.bytes().put(0, value);
    }

    private void xattrSet(long result, Syscall call, byte[] path, byte[] name) {
        if (result < 0) {
            throw xattrFailure(result, call, "cannot set " + shown(name) + " of " + shown(path));
        }
    }

    private EngineException xattrFailure(long result, Syscall call, String what) {
        return switch (Errno.of(result)) {
            case ENOTSUP -> new StorageException(
                    what + ": the file system of " + where + " cannot hold it",
                    "choose a store on ext4, xfs or btrfs");
            case ENOSPC, E2BIG, ERANGE -> new StorageException(
                    what + ": the file system of " + where + " has no room for an attribute of this size",
                    "choose a store on xfs or btrfs, or free some space");
            default -> Failures.of(what, call, result, where);
        };
    }

    private void setTimesByName(Parent parent, byte[] path, Attributes attributes) {
        var name = name(firstPath, path);
        putTimes(
                attributes.accessed().getEpochSecond(),
                attributes.accessed().getNano(),
                attributes.modified().getEpochSecond(),
                attributes.modified().getNano());
        check(
                Syscalls.call(
                        Syscall.UTIMENSAT, parent.fd, name, words.address(), OpenFlags.AT_SYMLINK_NOFOLLOW),
                Syscall.UTIMENSAT,
                "write",
                path);
    }

    private long setTimes(int fd, long accessed, int accessedNanos, long modified, int modifiedNanos) {
        putTimes(accessed, accessedNanos, modified, modifiedNanos);
        return Syscalls.call(Syscall.UTIMENSAT, fd, 0, words.address(), 0);
    }

    private void putTimes(long accessed, int accessedNanos, long modified, int modifiedNanos) {
        words.bytes()
                .putLong(0, accessed)
                .putLong(8, accessedNanos)
                .putLong(16, modified)
                .putLong(24, modifiedNanos);
    }

    // Names

    private static int nameStart(byte[] path) {
        for (var i = path.length - 1; i >= 0; i--) {
            if (path[i] == '/') {
                return i + 1;
            }
        }
        return 0;
    }

    private static int indexOfSlash(byte[] path) {
        for (var i = 0; i < path.length; i++) {
            if (path[i] == '/') {
                return i;
            }
        }
        return path.length;
    }

    private static byte[] join(byte[] directory, byte[] name) {
        if (directory.length == 0) {
            return name;
        }
        if (name.length == 0) {
            return directory;
        }
        var joined = Arrays.copyOf(directory, directory.length + 1 + name.length);
        joined[directory.length] = '/';
        System.arraycopy(name, 0, joined, directory.length + 1, name.length);
        return joined;
    }

    /** Puts the last component into {@code memory} and returns its address. */
    private static long name(NativeMemory memory, byte[] path) {
        var start = nameStart(path);
        var length = Math.min(path.length - start, 4095); // the kernel refuses more than 255 in its own words
        memory.bytes().put(0, path, start, length).put(length, (byte) 0);
        return memory.address();
    }

    private static void put(NativeMemory memory, byte[] path) {
        var length = Math.min(path.length, memory.size() - 1); // more than PATH_MAX, so refused by the kernel
        memory.bytes().put(0, path, 0, length).put(length, (byte) 0);
    }

    private long check(long result, Syscall call, String what, byte[] path) {
        if (result < 0) {
            throw Failures.of("cannot " + what + " " + shown(path), call, result, where);
        }
        return result;
    }

    private static String shown(byte[] path) {
        return path.length == 0 ? "the root" : new String(path, StandardCharsets.UTF_8);
    }

    /** The one file that is being written. */
    private final class Sink extends FileSink {
        private int fd = -1;
        private byte[] path = NO_NAME;
        private Attributes attributes = Attributes.ofMode(0);
        private boolean ownerIsRight;
        private boolean holeAtEnd;
        private long offset;
        private int pending;

        void start(int opened, byte[] name, Attributes wanted, Parent parent) {
            fd = opened;
            path = name;
            attributes = wanted;
            ownerIsRight = ownerIsRight(wanted, parent);
            holeAtEnd = false;
            offset = 0;
            pending = 0;
        }

        @Override
        public void write(byte[] bytes, int from, int length) {
            Objects.checkFromIndexSize(from, length, bytes.length);
            var at = from;
            var left = length;
            while (left > 0) {
                var part = Math.min(left, BUFFER - pending);
                buffer.bytes().put(pending, bytes, at, part);
                pending += part;
                at += part;
                left -= part;
                if (pending == BUFFER) {
                    flush();
                }
            }
            holeAtEnd = holeAtEnd && length == 0;
        }

        @Override
        public void flush() {
            var done = 0;
            while (done < pending) {
                var written = Syscalls.call(Syscall.WRITE, fd, buffer.address() + done, pending - done);
                if (!Errno.EINTR.is(written)) {
                    done += (int) check(written, Syscall.WRITE, "write", path);
                }
            }
            offset += done;
            pending = 0;
        }

        @Override
        public void skip(long length) {
            if (length > 0) {
                flush();
                offset = check(Syscalls.call(Syscall.LSEEK, fd, length, 1), Syscall.LSEEK, "write", path);
                holeAtEnd = true;
            }
        }

        @Override
        public void finish() {
            flush();
            if (holeAtEnd) {
                check(Syscalls.call(Syscall.FTRUNCATE, fd, offset), Syscall.FTRUNCATE, "write", path);
            }
            if (!ownerIsRight) {
                check(
                        Syscalls.call(Syscall.FCHOWN, fd, attributes.uid(), attributes.gid()),
                        Syscall.FCHOWN,
                        "write",
                        path);
            }
            var mode = attributes.mode() & 07777;
            if ((mode & ~0777) != 0 || (mode & denied) != 0) { // after chown(2), which takes setuid away
                check(Syscalls.call(Syscall.FCHMOD, fd, mode), Syscall.FCHMOD, "write", path);
            }
            for (var xattr : attributes.xattrs()) { // after write(2) and chown(2), which take security.capability away
                setXattr(fd, path, xattr);
            }
            check(
                    setTimes(
                            fd,
                            attributes.accessed().getEpochSecond(),
                            attributes.accessed().getNano(),
                            attributes.modified().getEpochSecond(),
                            attributes.modified().getNano()),
                    Syscall.UTIMENSAT,
                    "write",
                    path);
            close();
        }

        @Override
        public void close() {
            if (fd >= 0) {
                Syscalls.call(Syscall.CLOSE, fd);
                fd = -1;
            }
        }
    }
}
