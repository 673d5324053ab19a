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
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

/**
 * File operations by this process's own system calls.
 *
 * <p>Parents are opened with {@code openat2(RESOLVE_IN_ROOT)}, and the {@link KeptDirectories last few are kept open}. What is written is
 * an {@link OpenFile}; {@link AttributeCalls} describe it.
 */
final class DirectFileOperations implements FileOperations {
    private static final int LINKS_FOLLOWED = 40;
    private static final int DIRECTORY = Abi.O_RDONLY | Abi.O_DIRECTORY | Abi.O_CLOEXEC;
    private static final int NEW_FILE = Abi.O_WRONLY | Abi.O_CREAT | Abi.O_EXCL | Abi.O_CLOEXEC;

    /** Whose tree it is. */
    private enum Kind {
        /** The store's own: nobody else is there, and it becomes visible when it is whole. */
        LAYER,
        /** Somebody's, who may change it meanwhile: mounts are crossed, and what stands there gives way only to its like. */
        FOREIGN
    }

    private final Place where;
    private final Fd root;
    private final Whiteouts whiteouts;
    private final Kind kind;
    /** Directories below this one keep their times. */
    private final byte[] base;

    private final AttributeCalls calls;
    private final KeptDirectories directories;
    private final SharedDirectory shared = new SharedDirectory();
    private final OpenFile file;
    private final Statx stat = new Statx();
    private final NativeMemory firstPath = NativeMemory.allocate(8192);
    private final NativeMemory secondPath = NativeMemory.allocate(8192);
    /** Paths of devices that could not be made, and of what would have been their other names. */
    private final Set<ByteBuffer> leftOut = new HashSet<>();

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
        this.calls = kind == Kind.LAYER ? AttributeCalls.ofLayer(root, where) : AttributeCalls.ofForeign(where);
        this.directories = new KeptDirectories(calls);
        this.file = new OpenFile(where, calls, this::removeHalf);
    }

    // Operations

    @Override
    public FileSink file(byte[] path, Attributes attributes) {
        directories.begin();
        var parent = parent(path);
        var name = Names.putLast(firstPath, path);
        var mode = attributes.mode() & AttributeCalls.PERMISSIONS;
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
        file.start((int) fd, path, attributes, calls.ownerIsRight(attributes, parent));
        return file;
    }

    @Override
    public void directory(byte[] path, Attributes attributes) {
        directories.begin();
        if (path.length == 0) {
            calls.change(directoryAt(path), attributes);
            return;
        }
        var parent = parent(path);
        var name = Names.putLast(firstPath, path);
        var mode = attributes.mode() & AttributeCalls.PERMISSIONS;
        var result = FileCalls.makeDirectory(parent.fd, name, mode);
        if (!Errno.EEXIST.is(result)) {
            check(result, Syscall.MKDIRAT, path);
            directories.remember(made(parent, name, path, attributes));
            return;
        }
        check(stat.of(parent.fd, name), Syscall.STATX, path);
        if (stat.isDirectory()) {
            calls.change(directoryAt(path), attributes);
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
        calls.markOpaque(directories.remember(made(parent, name, path, attributes)), whiteouts);
    }

    @Override
    public void symlink(byte[] path, byte[] target, Attributes attributes) {
        directories.begin();
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
        calls.describe(parent, name, path, attributes);
    }

    @Override
    public void hardLink(byte[] path, byte[] existing) {
        directories.begin();
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
        directories.begin();
        var parent = parent(path);
        var from = shared.of(layer, InRoot.parent(path));
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
                && stat.mode() == (attributes.mode() & AttributeCalls.MODE)
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

    @Override
    public void node(byte[] path, NodeType type, long major, long minor, Attributes attributes) {
        directories.begin();
        var parent = parent(path);
        var name = Names.putLast(firstPath, path);
        var mode = type.bits() | attributes.mode() & AttributeCalls.PERMISSIONS;
        var made = makeNode(parent, name, path, mode, device(type, major, minor, path));
        if (type != NodeType.FIFO && FileCalls.areDeputized() && Errno.EPERM.is(made)) {
            leftOut.add(ByteBuffer.wrap(path)); // the kernel refuses it to everybody in a user namespace
            return;
        }
        check(made, Syscall.MKNODAT, path);
        calls.describe(parent, name, path, attributes);
        calls.setModeOfNode(parent, name, path, attributes.mode() & AttributeCalls.MODE);
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
        directories.begin();
        var parent = parent(path);
        var name = Names.putLast(firstPath, path);
        if (!isThere(parent, name, path)) {
            check(makeNode(parent, name, path, Abi.S_IFCHR, 0), Syscall.MKNODAT, path);
            calls.setTimes(parent, name, path, Times.of(AttributeCalls.IMPLIED));
        } else if (stat.isDirectory()) {
            calls.markOpaque(directoryAt(path), whiteouts);
        }
    }

    @Override
    public void opaque(byte[] path) {
        requireLayer();
        directories.begin();
        calls.markOpaque(directoryAt(path), whiteouts);
    }

    private void requireLayer() {
        if (kind != Kind.LAYER) {
            throw new IllegalStateException("only layers have whiteouts");
        }
    }

    @Override
    public void remove(byte[] path) {
        directories.begin();
        var flags = Abi.O_PATH | Abi.O_NOFOLLOW | Abi.O_CLOEXEC;
        var probe = open(Names.put(secondPath, path), flags, Abi.RESOLVE_IN_ROOT);
        if (!Errno.ENOENT.is(probe)) {
            check(probe, Syscall.OPENAT2, path);
            Syscalls.call(Syscall.CLOSE, probe);
            var parent = parent(path);
            clear(parent, Names.putLast(firstPath, path), path);
        }
    }

    /** Half a file of somebody's helps nobody; a mount point has to stay. In a layer that is not whole, it stays unseen. */
    private void removeHalf(byte[] path) {
        if (kind == Kind.FOREIGN) {
            directories.begin();
            var parent = parent(path);
            FileCalls.unlink(parent.fd, Names.putLast(firstPath, path), 0);
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
            directories.forget(path);
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
        try {
            file.close();
            calls.setDeferred(path -> open(
                    Names.put(secondPath, path.length == 0 ? Names.DOT : path),
                    DIRECTORY | Abi.O_NOFOLLOW,
                    Abi.RESOLVE_IN_ROOT));
        } finally {
            directories.settleAll();
            directories.begin();
            shared.close();
            root.close();
        }
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
        var kept = directories.find(path, length);
        return kept != null ? kept : find(Arrays.copyOf(path, length));
    }

    private OpenDirectory find(byte[] path) {
        var fd = open(
                Names.put(secondPath, path.length == 0 ? Names.DOT : path),
                DIRECTORY,
                Abi.RESOLVE_IN_ROOT | Abi.RESOLVE_NO_SYMLINKS);
        if (fd >= 0) {
            return directories.remember(opened(path, fd, false));
        }
        if (Errno.ENOENT.is(fd) || Errno.ENOTDIR.is(fd) || Errno.ELOOP.is(fd)) {
            directories.settleAll();
            return directories.remember(walk(path));
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
                    calls.markOpaque(at, whiteouts);
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
            directories.release(at);
            throw e;
        }
    }

    private OpenDirectory step(OpenDirectory from, OpenDirectory to) {
        directories.release(from);
        return to;
    }

    private OpenDirectory rootAsAlias() {
        var fd = open(Names.put(secondPath, Names.DOT), DIRECTORY, Abi.RESOLVE_IN_ROOT);
        return opened(Names.NONE, check(fd, Syscall.OPENAT2, Names.NONE), true);
    }

    /** Opens a directory that was just made and gives it its attributes. */
    private OpenDirectory made(OpenDirectory parent, long name, byte[] path, Attributes attributes) {
        created++;
        var fd = check(FileCalls.open(parent.fd, name, DIRECTORY | Abi.O_NOFOLLOW, 0), Syscall.OPENAT, path);
        var fresh = OpenDirectory.of(path, fd, parent.alias, attributes);
        try {
            calls.finish(fresh, parent, attributes);
            return fresh;
        } catch (RuntimeException e) {
            Syscalls.call(Syscall.CLOSE, fd);
            throw e;
        }
    }

    private OpenDirectory implied(OpenDirectory parent, long name, byte[] path) {
        check(FileCalls.makeDirectory(parent.fd, name, AttributeCalls.IMPLIED.mode()), Syscall.MKDIRAT, path);
        return made(parent, name, path, AttributeCalls.IMPLIED);
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

    private long open(long path, int flags, int resolve) {
        var bounds = kind == Kind.LAYER ? Abi.RESOLVE_NO_XDEV : 0;
        return Lookup.open(root.number(), path, flags, resolve | Abi.RESOLVE_NO_MAGICLINKS | bounds);
    }

    private long check(long result, Syscall call, byte[] path) {
        return Failures.check(result, call, path, where);
    }
}
