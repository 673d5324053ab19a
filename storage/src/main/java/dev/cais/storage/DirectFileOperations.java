package dev.cais.storage;

import dev.cais.ConflictException;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.FileCalls;
import dev.cais.linux.Lookup;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Statx;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * File operations by this process's own system calls.
 *
 * <p>Parents are opened with {@code openat2(RESOLVE_IN_ROOT)} and the last few are kept open: most files of a tar stand beside
 * the one before. A kept directory has one path only, no link led to it; so its times, which it gets back when it is let go
 * of, are known in one place. One that was reached through a link is let go of after one operation, and all kept ones before
 * it.
 *
 * <p>System calls are left out where their result is known: the owner of a new file is this process's, unless the directory
 * hands down its group, and its mode is what was asked for, less the umask, which is measured once.
 */
final class DirectFileOperations implements FileOperations {
    private static final int KEPT = 24;
    private static final int BUFFER = 256 * 1024;
    private static final int DEFERRED_LARGEST = 4 << 20;
    private static final int LINKS_FOLLOWED = 40;
    private static final int TRANSFER = 8 << 20;
    private static final int PERMISSIONS = 0777;
    private static final int MODE = 07777;
    private static final Attributes IMPLIED = Attributes.ofMode(0755);
    private static final String DEFAULT_ACL = "system.posix_acl_default";
    private static final int SEEK_CUR = 1;
    private static final int DIRECTORY = Abi.O_RDONLY | Abi.O_DIRECTORY | Abi.O_CLOEXEC;
    private static final int NEW_FILE = Abi.O_WRONLY | Abi.O_CREAT | Abi.O_EXCL | Abi.O_CLOEXEC;

    private static final int WITHIN =
            Abi.RESOLVE_BENEATH | Abi.RESOLVE_NO_SYMLINKS | Abi.RESOLVE_NO_MAGICLINKS | Abi.RESOLVE_NO_XDEV;

    /** Whose tree it is. */
    private enum Kind {
        /** The store's own: nobody else is there, and it becomes visible when it is whole. */
        LAYER,
        /** Somebody's, who may change it meanwhile: mounts are crossed, and what stands there gives way only to its like. */
        FOREIGN
    }

    private record Deferred(byte[] path, Xattr xattr) {}

    private final Place where;
    private final Fd root;
    private final Whiteouts whiteouts;
    private final Kind kind;
    /** Directories below this one keep their times. */
    private final byte[] base;

    private final XattrCalls xattrs;
    private final Statx stat = new Statx();
    private final NativeMemory words = NativeMemory.allocate(32);
    private final NativeMemory firstPath = NativeMemory.allocate(8192);
    private final NativeMemory secondPath = NativeMemory.allocate(8192);
    private final NativeMemory buffer = NativeMemory.allocate(BUFFER);
    private final @Nullable OpenDirectory[] kept = new @Nullable OpenDirectory[KEPT];
    private final List<OpenDirectory> letGo = new ArrayList<>();
    private final List<Deferred> deferred = new ArrayList<>();
    /** Paths of devices that could not be made, and of what would have been their other names. */
    private final Set<ByteBuffer> leftOut = new HashSet<>();

    private final long ownUid;
    private final long ownGid;
    private final int denied;
    private final Sink sink = new Sink();
    private @Nullable Fd shared;
    private @Nullable Fd sharedLayer;
    private byte[] sharedPath = {};
    private int deferredSize;
    private long clock;
    private long created;
    private boolean closed;

    /** Takes hold of a root of the store, which exists. */
    DirectFileOperations(Path root, Whiteouts whiteouts) {
        this(Disk.open(root, DIRECTORY, 0), Place.store(root), whiteouts, Kind.LAYER, Names.NONE);
    }

    /** Takes hold of somebody's tree; {@code root} is closed with this. */
    static DirectFileOperations ofForeign(Fd root, Place where, byte[] base) {
        return new DirectFileOperations(root, where, Whiteouts.TRUSTED, Kind.FOREIGN, base);
    }

    private DirectFileOperations(Fd root, Place where, Whiteouts whiteouts, Kind kind, byte[] base) {
        this.root = root;
        this.where = where;
        this.whiteouts = whiteouts;
        this.kind = kind;
        this.base = base;
        this.xattrs = new XattrCalls(where);
        ownUid = FileCalls.ownUser();
        ownGid = FileCalls.ownGroup();
        if (kind == Kind.LAYER) {
            xattrs.remove(root.number(), DEFAULT_ACL); // one from above the store would go down to every file
            xattrs.remove(root.number(), "system.posix_acl_access");
            denied = deniedPermissions();
        } else {
            denied = PERMISSIONS; // directories may have default ACLs
        }
    }

    /** The permissions that a new file may lack although they were asked for. */
    private int deniedPermissions() {
        var flags = Abi.O_TMPFILE | Abi.O_WRONLY | Abi.O_CLOEXEC;
        var probe = Syscalls.call(Syscall.OPENAT, root.number(), Names.put(firstPath, Names.DOT), flags, PERMISSIONS);
        if (probe < 0) {
            return PERMISSIONS;
        }
        var known = stat.of((int) probe) == 0 ? PERMISSIONS & ~stat.mode() : PERMISSIONS;
        Syscalls.call(Syscall.CLOSE, probe);
        return known;
    }

    // Operations

    @Override
    public FileSink file(byte[] path, Attributes attributes) {
        begin();
        var parent = parent(path);
        var name = Names.putLast(firstPath, path);
        var mode = attributes.mode() & PERMISSIONS;
        var fd = FileCalls.open(parent.fd, name, NEW_FILE, mode);
        if (Errno.EEXIST.is(fd)) {
            if (clear(parent, name, path)) {
                fd = FileCalls.open(parent.fd, name, NEW_FILE, mode);
            } else {
                fd = openMounted(parent, name, path);
            }
        }
        check(fd, Syscall.OPENAT, path);
        created++;
        sink.start((int) fd, path, attributes, ownerIsRight(attributes, parent));
        return sink;
    }

    @Override
    public void directory(byte[] path, Attributes attributes) {
        begin();
        if (path.length == 0) {
            change(directoryAt(path), attributes);
            return;
        }
        var parent = parent(path);
        var name = Names.putLast(firstPath, path);
        var mode = attributes.mode() & PERMISSIONS;
        var result = FileCalls.makeDirectory(parent.fd, name, mode);
        if (!Errno.EEXIST.is(result)) {
            check(result, Syscall.MKDIRAT, path);
            remember(made(parent, name, path, attributes));
            return;
        }
        check(stat.of(parent.fd, name), Syscall.STATX, path);
        if (stat.isDirectory()) {
            change(directoryAt(path), attributes);
            return;
        }
        if (kind == Kind.FOREIGN) {
            throw new ConflictException(
                    "cannot make directory " + Names.shown(path) + " in " + where
                            + ": something else than a directory stands there",
                    "remove it first, or choose another name");
        }
        clear(parent, name, path);
        check(FileCalls.makeDirectory(parent.fd, name, mode), Syscall.MKDIRAT, path);
        // what was here a moment ago hid what older layers have
        markOpaque(remember(made(parent, name, path, attributes)));
    }

    @Override
    public void symlink(byte[] path, byte[] target, Attributes attributes) {
        begin();
        var parent = parent(path);
        var content = Names.put(secondPath, target);
        var name = Names.putLast(firstPath, path);
        var result = FileCalls.makeLink(content, parent.fd, name);
        if (Errno.EEXIST.is(result)) {
            clear(parent, name, path);
            result = FileCalls.makeLink(content, parent.fd, name);
        }
        check(result, Syscall.SYMLINKAT, path);
        created++;
        describe(parent, name, path, attributes);
    }

    @Override
    public void hardLink(byte[] path, byte[] existing) {
        begin();
        var from = parent(existing);
        var to = parent(path);
        var oldName = Names.putLast(secondPath, existing);
        var newName = Names.putLast(firstPath, path);
        var result = FileCalls.link(from.fd, oldName, to.fd, newName);
        if (Errno.EEXIST.is(result)) {
            check(stat.of(from.fd, oldName), Syscall.STATX, existing);
            var inode = stat.inode();
            if (stat.of(to.fd, newName) == 0 && stat.inode() == inode) {
                return;
            }
            clear(to, newName, path);
            result = FileCalls.link(from.fd, oldName, to.fd, newName);
        }
        if (Errno.EPERM.is(result) && stat.of(from.fd, oldName) == 0 && stat.isDirectory()) {
            result = -Errno.EISDIR.number();
        }
        if (Errno.ENOENT.is(result) && leftOut.contains(ByteBuffer.wrap(existing))) {
            leftOut.add(ByteBuffer.wrap(path));
            return;
        }
        if (result < 0) {
            var what = "cannot link " + Names.shown(path) + " to " + Names.shown(existing);
            throw Failures.of(what, Syscall.LINKAT, result, where);
        }
        created++;
    }

    @Override
    public boolean share(byte[] path, Fd layer, Attributes attributes, long size) {
        if (kind != Kind.LAYER) {
            throw new IllegalStateException("only layers share files");
        }
        begin();
        var parent = parent(path);
        var from = sharedDirectory(layer, InRoot.parent(path));
        if (from < 0) {
            return false;
        }
        var name = Names.putLast(firstPath, path);
        if (Syscalls.call(Syscall.LINKAT, from, name, parent.fd, name, 0) != 0) {
            return false;
        }
        var isLike = stat.of(parent.fd, name) == 0 // after that, so that it is the one that is here
                && stat.type() == Abi.S_IFREG
                && stat.size() == size
                && stat.mode() == (attributes.mode() & MODE)
                && stat.uid() == FileCalls.user(attributes.uid())
                && stat.gid() == FileCalls.group(attributes.gid())
                && Instant.ofEpochSecond(stat.modifiedSeconds(), stat.modifiedNanos())
                        .equals(attributes.modified());
        if (isLike) {
            created++;
        } else {
            check(Syscalls.call(Syscall.UNLINKAT, parent.fd, name, 0), Syscall.UNLINKAT, path);
        }
        return isLike;
    }

    /** A directory of another layer: the last one, or it is opened now and the last one closed. Negative if there is none. */
    private long sharedDirectory(Fd layer, byte[] path) {
        if (shared == null || sharedLayer != layer || !Arrays.equals(sharedPath, path)) {
            closeShared();
            var name = Names.put(secondPath, path.length == 0 ? Names.DOT : path);
            var opened = Lookup.open(layer.number(), name, Abi.O_PATH | Abi.O_DIRECTORY, WITHIN);
            if (opened < 0) {
                return opened;
            }
            shared = Fd.of(opened);
            sharedLayer = layer;
            sharedPath = path;
        }
        return shared.number();
    }

    private void closeShared() {
        if (shared != null) {
            shared.close();
            shared = null;
        }
    }

    @Override
    public void node(byte[] path, NodeType type, long major, long minor, Attributes attributes) {
        begin();
        var parent = parent(path);
        var name = Names.putLast(firstPath, path);
        var mode = type.bits() | attributes.mode() & PERMISSIONS;
        var made = makeNode(parent, name, path, mode, device(type, major, minor, path));
        if (type != NodeType.FIFO && FileCalls.areDeputized() && Errno.EPERM.is(made)) {
            leftOut.add(ByteBuffer.wrap(path)); // the kernel refuses it to everybody in a user namespace
            return;
        }
        check(made, Syscall.MKNODAT, path);
        describe(parent, name, path, attributes);
        setModeOfNode(parent, name, path, attributes.mode() & MODE);
    }

    /** By way of an open file, since fchmodat(2) would follow a link that somebody put in the node's place. */
    private void setModeOfNode(OpenDirectory parent, long name, byte[] path, int mode) {
        var fd = FileCalls.open(parent.fd, name, Abi.O_PATH | Abi.O_NOFOLLOW, 0);
        try (var node = Fd.of(check(fd, Syscall.OPENAT, path))) {
            check(stat.of(node.number()), Syscall.STATX, path);
            if (stat.type() != Abi.S_IFLNK) {
                check(FileCalls.changeMode(node.number(), mode), Syscall.FCHMODAT, path);
            }
        }
    }

    /** Opens a file that is a mount point, and so cannot give way; its content does. */
    private long openMounted(OpenDirectory parent, long name, byte[] path) {
        var fd = FileCalls.open(parent.fd, name, Abi.O_PATH | Abi.O_NOFOLLOW, 0);
        try (var file = Fd.of(check(fd, Syscall.OPENAT, path))) {
            check(stat.of(file.number()), Syscall.STATX, path);
            if (stat.type() != Abi.S_IFREG) { // opening anything else could wait, or do something
                return -Errno.EBUSY.number();
            }
            return FileCalls.reopen(file.number(), Abi.O_WRONLY | Abi.O_TRUNC);
        }
    }

    private long makeNode(OpenDirectory parent, long name, byte[] path, int mode, long device) {
        var result = FileCalls.makeNode(parent.fd, name, mode, device);
        if (Errno.EEXIST.is(result)) {
            clear(parent, name, path);
            result = FileCalls.makeNode(parent.fd, name, mode, device);
        }
        created += result == 0 ? 1 : 0;
        return result;
    }

    /** The kernel's own packing: 12 bits of major, 20 of minor. */
    private long device(NodeType type, long major, long minor, byte[] path) {
        if (type == NodeType.FIFO) {
            return 0;
        }
        if (major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff) {
            check(-Errno.EINVAL.number(), Syscall.MKNODAT, path);
        }
        return minor & 0xff | major << 8 | (minor & ~0xffL) << 12;
    }

    @Override
    public void whiteout(byte[] path) {
        requireLayer();
        begin();
        var parent = parent(path);
        var name = Names.putLast(firstPath, path);
        if (!isThere(parent, name, path)) {
            check(makeNode(parent, name, path, Abi.S_IFCHR, 0), Syscall.MKNODAT, path);
            setTimes(parent, name, path, Times.of(IMPLIED));
        } else if (stat.isDirectory()) {
            markOpaque(directoryAt(path));
        }
    }

    @Override
    public void opaque(byte[] path) {
        requireLayer();
        begin();
        markOpaque(directoryAt(path));
    }

    private void requireLayer() {
        if (kind != Kind.LAYER) {
            throw new IllegalStateException("only layers have whiteouts");
        }
    }

    private void markOpaque(OpenDirectory directory) {
        xattrs.set(directory.fd, directory.path, whiteouts.opaque());
    }

    @Override
    public void remove(byte[] path) {
        begin();
        var flags = Abi.O_PATH | Abi.O_NOFOLLOW | Abi.O_CLOEXEC;
        var probe = open(Names.put(secondPath, path), flags, Abi.RESOLVE_IN_ROOT);
        if (!Errno.ENOENT.is(probe)) {
            check(probe, Syscall.OPENAT2, path);
            Syscalls.call(Syscall.CLOSE, probe);
            var parent = parent(path);
            clear(parent, Names.putLast(firstPath, path), path);
        }
    }

    /** Makes room for what comes at a name where something stands; false if that is a mount point in somebody's tree. */
    private boolean clear(OpenDirectory parent, long name, byte[] path) {
        var result = FileCalls.unlink(parent.fd, name, 0);
        if (Errno.EISDIR.is(result)) {
            if (kind == Kind.FOREIGN) {
                throw new ConflictException(
                        "cannot write " + Names.shown(path) + " in " + where + ": a directory stands there",
                        "remove it first, or choose another name");
            }
            forget(path);
            TreeRemoval.remove(parent.fd, Names.last(path), where);
        } else if (Errno.EBUSY.is(result) && kind == Kind.FOREIGN) {
            return false;
        } else if (!Errno.ENOENT.is(result)) {
            check(result, Syscall.UNLINKAT, path);
        }
        return true;
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
            deferred.forEach(this::setDeferred);
        } finally {
            settleAll();
            begin();
            closeShared();
            root.close();
        }
    }

    // Attributes

    /** Opens a directory that was just made and gives it its attributes. */
    private OpenDirectory made(OpenDirectory parent, long name, byte[] path, Attributes attributes) {
        created++;
        var fd = check(FileCalls.open(parent.fd, name, DIRECTORY | Abi.O_NOFOLLOW, 0), Syscall.OPENAT, path);
        var fresh = OpenDirectory.of(path, fd, parent.alias, attributes);
        try {
            if (!ownerIsRight(attributes, parent)) {
                setOwner(fresh.fd, path, attributes);
            }
            var wanted = attributes.mode() & MODE;
            if (parent.setgid || wanted > PERMISSIONS || (wanted & denied) != 0) {
                setMode(fresh.fd, path, wanted);
            }
            setXattrs(fresh, attributes);
            return fresh;
        } catch (RuntimeException e) {
            Syscalls.call(Syscall.CLOSE, fd);
            throw e;
        }
    }

    /** Gives a directory that was there new attributes. */
    private void change(OpenDirectory directory, Attributes attributes) {
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

    /** A directory that is gone by now needs no ACL. */
    private void setDeferred(Deferred each) {
        var path = Names.put(secondPath, each.path.length == 0 ? Names.DOT : each.path);
        var fd = open(path, DIRECTORY | Abi.O_NOFOLLOW, Abi.RESOLVE_IN_ROOT);
        if (fd >= 0) {
            try {
                xattrs.set((int) fd, each.path, each.xattr);
            } finally {
                Syscalls.call(Syscall.CLOSE, fd);
            }
        }
    }

    /** Sets the attributes of what cannot be opened, but for its mode. */
    private void describe(OpenDirectory parent, long name, byte[] path, Attributes attributes) {
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
    private boolean ownerIsRight(Attributes attributes, OpenDirectory parent) {
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

    private void setTimes(OpenDirectory parent, long name, byte[] path, Times times) {
        check(FileCalls.setTimes(parent.fd, name, times.put(words)), Syscall.UTIMENSAT, path);
    }

    private long setTimes(int fd, Times times) {
        return FileCalls.setTimes(fd, times.put(words));
    }

    // Open directories

    private OpenDirectory parent(byte[] path) {
        var start = Names.lastStart(path);
        if (start == path.length) {
            check(-Errno.EINVAL.number(), Syscall.OPENAT2, path);
        }
        return directoryAt(path, Math.max(0, start - 1));
    }

    private OpenDirectory directoryAt(byte[] path) {
        return directoryAt(path, path.length);
    }

    /** The directory that the first bytes of a path name, made if it is missing. */
    private OpenDirectory directoryAt(byte[] path, int length) {
        var hash = Names.hash(path, length);
        for (var each : kept) {
            if (each != null && each.hash == hash && Arrays.equals(each.path, 0, each.path.length, path, 0, length)) {
                each.lastUse = ++clock;
                return each;
            }
        }
        return find(Arrays.copyOf(path, length));
    }

    private OpenDirectory find(byte[] path) {
        var fd = open(
                Names.put(secondPath, path.length == 0 ? Names.DOT : path),
                DIRECTORY,
                Abi.RESOLVE_IN_ROOT | Abi.RESOLVE_NO_SYMLINKS);
        if (fd >= 0) {
            return remember(opened(path, fd, false));
        }
        if (Errno.ENOENT.is(fd) || Errno.ENOTDIR.is(fd) || Errno.ELOOP.is(fd)) {
            settleAll();
            return remember(walk(path));
        }
        throw Failures.of("cannot write " + Names.shown(path), Syscall.OPENAT2, fd, where);
    }

    /**
     * Goes down component by component, as a process with this root would, making what is missing: also where a link points
     * to nothing yet. A whiteout gives way to an opaque directory.
     */
    private OpenDirectory walk(byte[] path) {
        var at = rootAsAlias();
        try {
            var rest = path;
            var links = 0;
            while (rest.length > 0) {
                var end = Names.firstEnd(rest);
                var component = Arrays.copyOf(rest, end);
                rest = end == rest.length ? Names.NONE : Arrays.copyOfRange(rest, end + 1, rest.length);
                if (component.length == 0) {
                    continue;
                }
                var next = Names.join(at.path, component);
                var fd = open(Names.put(secondPath, next), DIRECTORY, Abi.RESOLVE_IN_ROOT);
                var name = Names.put(firstPath, component);
                if (fd >= 0) {
                    at = step(at, opened(next, fd, true));
                } else if (!Errno.ENOENT.is(fd) && !Errno.ENOTDIR.is(fd)) {
                    throw Failures.of("cannot write " + Names.shown(path), Syscall.OPENAT2, fd, where);
                } else if (!isThere(at, name, path)) {
                    at = step(at, implied(at, name, next));
                } else if (stat.isWhiteout() && kind == Kind.LAYER) {
                    clear(at, name, next);
                    at = step(at, implied(at, name, next));
                    markOpaque(at);
                } else if (stat.type() == Abi.S_IFLNK && Errno.ENOENT.is(fd) && ++links <= LINKS_FOLLOWED) {
                    var target = target(at, name, path);
                    rest = Names.join(target, rest);
                    if (target[0] == '/') {
                        at = step(at, rootAsAlias());
                    }
                } else {
                    var errno = links > LINKS_FOLLOWED ? Errno.ELOOP : Errno.ENOTDIR;
                    throw errno.exception("cannot write below " + Names.shown(next), Syscall.OPENAT2);
                }
            }
            return at;
        } catch (RuntimeException e) {
            release(at);
            throw e;
        }
    }

    private OpenDirectory step(OpenDirectory from, OpenDirectory to) {
        release(from);
        return to;
    }

    private OpenDirectory rootAsAlias() {
        var fd = open(Names.put(secondPath, Names.DOT), DIRECTORY, Abi.RESOLVE_IN_ROOT);
        return opened(Names.NONE, check(fd, Syscall.OPENAT2, Names.NONE), true);
    }

    private OpenDirectory implied(OpenDirectory parent, long name, byte[] path) {
        check(FileCalls.makeDirectory(parent.fd, name, IMPLIED.mode()), Syscall.MKDIRAT, path);
        return made(parent, name, path, IMPLIED);
    }

    /** Whether something stands at the name; {@link #stat} then has it. */
    private boolean isThere(OpenDirectory parent, long name, byte[] path) {
        var result = stat.of(parent.fd, name);
        if (Errno.ENOENT.is(result)) {
            return false;
        }
        check(result, Syscall.STATX, path);
        return true;
    }

    private byte[] target(OpenDirectory parent, long name, byte[] path) {
        var length = check(
                FileCalls.readLink(parent.fd, name, secondPath.address(), secondPath.size()), Syscall.READLINKAT, path);
        var target = new byte[(int) length];
        secondPath.bytes().get(0, target);
        return target;
    }

    private OpenDirectory opened(byte[] path, long fd, boolean alias) {
        check(stat.of((int) fd), Syscall.STATX, path);
        var directory = OpenDirectory.of(path, fd, alias, stat);
        var isBelowBase = path.length > base.length && (base.length == 0 || Names.isAtOrBelow(path, base));
        directory.settled = kind == Kind.FOREIGN && !isBelowBase;
        return directory;
    }

    /** Keeps a directory open for the next operations, or for this one if it may have another path. */
    private OpenDirectory remember(OpenDirectory fresh) {
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

    /** Lets go of the directories that are about to be removed. */
    private void forget(byte[] path) {
        for (var i = 0; i < KEPT; i++) {
            var each = kept[i];
            if (each != null && Names.isAtOrBelow(each.path, path)) {
                kept[i] = null;
                each.settled = true;
                letGo.add(each);
            }
        }
    }

    /** Gives all kept directories their times; those that the current operation uses stay open until it ends. */
    private void settleAll() {
        for (var i = 0; i < KEPT; i++) {
            var each = kept[i];
            if (each != null) {
                kept[i] = null;
                settle(each);
                letGo.add(each);
            }
        }
    }

    /** Ends what the last operation left open. */
    private void begin() {
        letGo.forEach(this::release);
        letGo.clear();
    }

    private void settle(OpenDirectory directory) {
        if (!directory.settled) {
            directory.settled = true;
            setTimes(directory.fd, directory.times);
        }
    }

    private void release(OpenDirectory directory) {
        settle(directory);
        Syscalls.call(Syscall.CLOSE, directory.fd);
    }

    private long open(long path, int flags, int resolve) {
        var bounds = kind == Kind.LAYER ? Abi.RESOLVE_NO_XDEV : 0;
        return Lookup.open(root.number(), path, flags, resolve | Abi.RESOLVE_NO_MAGICLINKS | bounds);
    }

    private long check(long result, Syscall call, byte[] path) {
        if (result < 0) {
            throw Failures.of("cannot write " + Names.shown(path), call, result, where);
        }
        return result;
    }

    /** The one file that is being written. */
    private final class Sink extends FileSink {
        private int fd = -1;
        private byte[] path = Names.NONE;
        private Attributes attributes = IMPLIED;
        private boolean ownerIsRight;
        private boolean holeAtEnd;
        private boolean finished = true;
        private boolean rangeRefused;
        private long offset;
        private int pending;

        void start(int opened, byte[] name, Attributes wanted, boolean rightOwner) {
            fd = opened;
            path = name;
            attributes = wanted;
            ownerIsRight = rightOwner;
            holeAtEnd = false;
            finished = false;
            rangeRefused = false;
            offset = 0;
            pending = 0;
        }

        @Override
        public void write(byte[] bytes, int from, int length) {
            Objects.checkFromIndexSize(from, length, bytes.length);
            var at = from;
            var end = from + length;
            while (at < end) {
                var part = Math.min(end - at, BUFFER - pending);
                buffer.bytes().put(pending, bytes, at, part);
                pending += part;
                at += part;
                holeAtEnd = false;
                if (pending == BUFFER) {
                    flush();
                }
            }
        }

        @Override
        public void flush() {
            var done = 0;
            while (done < pending) {
                var written = Syscalls.call(Syscall.WRITE, fd, buffer.address() + done, pending - done);
                if (!Errno.EINTR.is(written)) {
                    done += (int) check(written, Syscall.WRITE, path);
                }
            }
            offset += done;
            pending = 0;
        }

        /** Inside the kernel: by sharing blocks or copying pages where the file systems can, else by way of this process. */
        @Override
        public long transferFrom(Fd source, long length) {
            flush();
            var done = 0L;
            while (done < length) {
                Failures.requireNotInterrupted("cannot write " + Names.shown(path));
                var count = transferSome(source.number(), Math.min(TRANSFER, length - done));
                if (count == 0) {
                    break;
                }
                done += count;
                offset += count;
                holeAtEnd = false;
            }
            return done;
        }

        private long transferSome(int source, long length) {
            if (!rangeRefused) {
                var count = Syscalls.call(Syscall.COPY_FILE_RANGE, source, 0, fd, 0, length, 0);
                if (count >= 0) {
                    return count;
                }
                rangeRefused = true;
            }
            long count;
            do {
                count = Syscalls.call(Syscall.READ, source, buffer.address(), Math.min(BUFFER, length));
            } while (Errno.EINTR.is(count));
            pending = (int) check(count, Syscall.READ, path);
            var before = offset;
            flush();
            offset = before;
            return count;
        }

        @Override
        public void skip(long length) {
            if (length > 0) {
                flush();
                offset = check(Syscalls.call(Syscall.LSEEK, fd, length, SEEK_CUR), Syscall.LSEEK, path);
                holeAtEnd = true;
            }
        }

        @Override
        public void finish() {
            flush();
            if (holeAtEnd) {
                check(Syscalls.call(Syscall.FTRUNCATE, fd, offset), Syscall.FTRUNCATE, path);
            }
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
            finished = true;
            release();
        }

        @Override
        public void close() {
            release();
            if (kind == Kind.FOREIGN && !finished) {
                finished = true;
                removeHalf();
            }
        }

        private void release() {
            if (fd >= 0) {
                Syscalls.call(Syscall.CLOSE, fd);
                fd = -1;
            }
        }

        /** Half a file helps nobody; a mount point has to stay. */
        private void removeHalf() {
            begin();
            var parent = parent(path);
            FileCalls.unlink(parent.fd, Names.putLast(firstPath, path), 0);
        }
    }
}
