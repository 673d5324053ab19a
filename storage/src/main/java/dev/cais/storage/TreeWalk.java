package dev.cais.storage;

import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.FileCalls;
import dev.cais.linux.Lookup;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Statx;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Reads a tree that others may change meanwhile, following nothing. What a name stands for is held before it is looked at, and
 * a file is opened only when it is known to be a regular one: so a fifo or a device that somebody puts in its place is
 * neither waited for nor touched. What goes away meanwhile is left out.
 *
 * <p>At most three descriptors are open. Memory grows with the names in the directories on the way down, and with the number of
 * files that have several names.
 *
 * @see <a href="https://man7.org/linux/man-pages/man2/openat2.2.html">openat2(2), RESOLVE_BENEATH</a>
 */
public final class TreeWalk implements AutoCloseable {
    private static final int BUFFER = 256 * 1024;
    /** How far a walk goes. */
    public enum Scope {
        /** A mount point in the tree ends the walk with {@code EXDEV}. */
        ONE_MOUNT,
        /** Into what is mounted in the tree, too. */
        ALL_MOUNTS,
        /** One mount, in which overlayfs's marks are told of as what they stand for. */
        LAYER
    }

    /** A directory on the way down. */
    private static final class Frame {
        final byte[] path;
        final Attributes attributes;
        final List<byte[]> names;
        int next;

        Frame(byte[] path, Attributes attributes, List<byte[]> names) {
            this.path = path;
            this.attributes = attributes;
            this.names = names;
        }
    }

    private final Fd start;
    private final byte[] prefix;
    private final Place where;
    private final Scope scope;
    private final TreeVisitor visitor;
    private final Statx stat = new Statx();
    private final NativeMemory name = NativeMemory.allocate(8192);
    private final NativeMemory buffer = NativeMemory.allocate(BUFFER);
    private final FileAttributes attributesOf;
    private final Map<String, byte[]> told = new HashMap<>();
    private final Deque<Frame> frames = new ArrayDeque<>();
    private @Nullable Fd current;

    private TreeWalk(Fd start, byte[] prefix, Place where, Scope scope, TreeVisitor visitor) {
        this.start = start;
        this.prefix = prefix;
        this.where = where;
        this.scope = scope;
        this.visitor = visitor;
        this.attributesOf = new FileAttributes(where, buffer);
    }

    /**
     * Walks.
     *
     * @param start any descriptor ({@code O_PATH} is enough) of a directory, or of a file that is then the only one; not closed
     * @param prefix stands before all paths; the start's own path
     * @param name for messages, as in {@code container web}
     * @throws dev.cais.StorageException if something cannot be read
     * @throws dev.cais.CancelledException if the thread is interrupted
     */
    public static void walk(Fd start, byte[] prefix, String name, Scope scope, TreeVisitor visitor) {
        try (var walk = new TreeWalk(start, prefix, Place.tree(name), scope, visitor)) {
            walk.run();
        }
    }

    /** The same from a directory or file of the host; a link there is not followed. */
    public static void walk(Path start, byte[] prefix, Scope scope, TreeVisitor visitor) {
        try (var opened = Disk.open(start, Abi.O_PATH | Abi.O_NOFOLLOW, 0)) {
            walk(opened, prefix, start.toString(), scope, visitor);
        }
    }

    private void run() {
        visit(start, Names.NONE);
        while (!frames.isEmpty()) {
            var frame = frames.element();
            if (frame.next == frame.names.size() || !isOpen(frame)) {
                frames.remove();
                visitor.left(Names.join(prefix, frame.path), frame.attributes);
                letGo();
                continue;
            }
            Failures.requireNotInterrupted("cannot read " + Names.shown(Names.join(prefix, frame.path)));
            var last = frame.names.get(frame.next++);
            var path = Names.join(frame.path, last);
            var opened = open(Objects.requireNonNull(current), last, Abi.O_PATH | Abi.O_NOFOLLOW);
            if (isGone(opened)) {
                continue;
            }
            check(opened, Syscall.OPENAT2, path);
            try (var child = Fd.of(opened)) {
                visit(child, path);
            }
        }
    }

    /** Opens a directory again that was let go of for one below it; false if it is gone. */
    private boolean isOpen(Frame frame) {
        if (current == null) {
            var opened = open(start, frame.path.length == 0 ? Names.DOT : frame.path, Abi.O_PATH | Abi.O_DIRECTORY);
            if (isGone(opened)) {
                return false;
            }
            check(opened, Syscall.OPENAT2, frame.path);
            current = Fd.of(opened);
        }
        return true;
    }

    /** Also when something else stands there now. */
    private static boolean isGone(long result) {
        return Errno.ENOENT.is(result) || Errno.ENOTDIR.is(result) || Errno.ELOOP.is(result);
    }

    private void letGo() {
        if (current != null) {
            current.close();
            current = null;
        }
    }

    private void visit(Fd file, byte[] relative) {
        var path = Names.join(prefix, relative);
        check(stat.of(file.number()), Syscall.STATX, path);
        var type = stat.type();
        if (type == Abi.S_IFSOCK) {
            return;
        }
        var size = stat.size();
        var major = stat.rdevMajor();
        var minor = stat.rdevMinor();
        var isWhiteout = scope == Scope.LAYER && stat.isWhiteout();
        var identity = stat.links() > 1 && type != Abi.S_IFDIR && !isWhiteout ? stat.device() + ":" + stat.inode() : "";
        var attributes = attributesOf.read(file, stat, path);
        if (isWhiteout) {
            visitor.whiteout(path, attributes);
            return;
        }
        var first = identity.isEmpty() ? null : told.get(identity);
        if (first != null) {
            visitor.hardLink(path, first, attributes);
            return;
        }
        switch (type) {
            case Abi.S_IFDIR -> enter(file, relative, attributes);
            case Abi.S_IFREG -> {
                try (var content = reopen(file, Abi.O_RDONLY, path)) {
                    visitor.file(path, attributes, new FileContent(content, size, buffer, path, where));
                }
            }
            case Abi.S_IFLNK -> visitor.symlink(path, target(file, path), attributes);
            case Abi.S_IFCHR -> visitor.node(path, NodeType.CHARACTER_DEVICE, major, minor, attributes);
            case Abi.S_IFBLK -> visitor.node(path, NodeType.BLOCK_DEVICE, major, minor, attributes);
            case Abi.S_IFIFO -> visitor.node(path, NodeType.FIFO, 0, 0, attributes);
            default -> throw new IllegalStateException("no such kind of file: " + type);
        }
        if (!identity.isEmpty()) {
            told.put(identity, path);
        }
    }

    private void enter(Fd directory, byte[] relative, Attributes attributes) {
        var path = Names.join(prefix, relative);
        visitor.directory(path, attributes, scope == Scope.LAYER && Whiteouts.isOpaque(directory));
        try (var listing = reopen(directory, Abi.O_RDONLY | Abi.O_DIRECTORY, path)) {
            var names = Listing.read(listing.number(), buffer, result -> check(result, Syscall.GETDENTS64, path));
            frames.push(new Frame(relative, attributes, names));
        }
        letGo();
    }

    /** Opens what is held as a mere place. It is known what it is, so opening it neither waits nor does anything. */
    private Fd reopen(Fd held, int flags, byte[] path) {
        var opened = FileCalls.reopen(held.number(), flags | Abi.O_NOCTTY);
        return Fd.of(check(opened, Syscall.OPENAT, path));
    }

    private byte[] target(Fd link, byte[] path) {
        var length =
                Syscalls.call(Syscall.READLINKAT, link.number(), Names.put(name, Names.NONE), buffer.address(), BUFFER);
        var content = new byte[(int) check(length, Syscall.READLINKAT, path)];
        buffer.bytes().get(0, content);
        return content;
    }

    private long open(Fd directory, byte[] path, int flags) {
        var bounds = Abi.RESOLVE_BENEATH | Abi.RESOLVE_NO_SYMLINKS | Abi.RESOLVE_NO_MAGICLINKS;
        var resolve = scope == Scope.ALL_MOUNTS ? bounds : bounds | Abi.RESOLVE_NO_XDEV;
        return Lookup.open(directory.number(), Names.put(name, path), flags, resolve);
    }

    private long check(long result, Syscall call, byte[] path) {
        if (result < 0) {
            throw Failures.of("cannot read " + Names.shown(path), call, result, where);
        }
        return result;
    }

    @Override
    public void close() {
        letGo();
    }
}
