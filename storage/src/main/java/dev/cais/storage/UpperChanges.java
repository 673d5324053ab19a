package dev.cais.storage;

import dev.cais.FileChange;
import dev.cais.FileChange.Kind;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.Lookup;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Statx;
import dev.cais.linux.Syscall;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a container or a layer has changed, as {@code docker diff} tells it, read from its directory and looked up in the layers
 * below: the work grows with what was written, not with the image.
 *
 * <p>A file that a container opened for writing and that has its old size, time, owner and mode is not changed, though overlayfs
 * has copied it. What a layer brings is changed in any case: equal times of such files say nothing about their content.
 *
 * @see <a href="https://docs.kernel.org/filesystems/overlayfs.html#upper-and-lower">Linux, overlayfs, Upper and Lower</a>
 */
public final class UpperChanges implements TreeVisitor, AutoCloseable {
    /** Where the engine mounts something: made by it if the image has nothing there. */
    private static final Set<String> MOUNT_POINTS =
            Set.of("dev", "proc", "sys", "etc/hostname", "etc/hosts", "etc/resolv.conf");

    private static final int RESOLVE =
            Abi.RESOLVE_BENEATH | Abi.RESOLVE_NO_SYMLINKS | Abi.RESOLVE_NO_MAGICLINKS | Abi.RESOLVE_NO_XDEV;

    /** A directory of the upper, and the layers that are merged there, newest first. */
    private static final class Level {
        final byte[] path;
        final List<Fd> lowers;
        final boolean opaque;
        final Set<String> names = new HashSet<>();
        boolean told;

        Level(byte[] path, List<Fd> lowers, boolean opaque, boolean told) {
            this.path = path;
            this.lowers = lowers;
            this.opaque = opaque;
            this.told = told;
        }
    }

    /**
     * What older layers have at a name.
     *
     * @param directories the layers in which it is a directory that shows
     */
    private record Below(int type, int mode, long uid, long gid, long size, Instant modified, List<Fd> directories) {}

    private final Place where;
    private final boolean ofContainer;
    private final List<Fd> lowers = new ArrayList<>();
    private final List<FileChange> changes = new ArrayList<>();
    private final Deque<Level> levels = new ArrayDeque<>();
    private final Statx stat = new Statx();
    private final NativeMemory name = NativeMemory.allocate(8192);
    private final NativeMemory listing = NativeMemory.allocate(64 * 1024);

    private UpperChanges(Path upper, boolean ofContainer) {
        this.where = Place.store(upper);
        this.ofContainer = ofContainer;
    }

    /**
     * What a container's upper directory changes of the layers below it, in order of paths. What the engine mounts on is left out.
     *
     * @param oldestFirst the layers' directories
     */
    public static List<FileChange> of(Path upper, List<Path> oldestFirst) {
        return of(upper, oldestFirst, true);
    }

    /** The same for a layer. */
    static List<FileChange> ofLayer(Path layer, List<Path> oldestFirst) {
        return of(layer, oldestFirst, false);
    }

    private static List<FileChange> of(Path upper, List<Path> oldestFirst, boolean ofContainer) {
        try (var changes = new UpperChanges(upper, ofContainer)) {
            for (var i = oldestFirst.size() - 1; i >= 0; i--) {
                changes.lowers.add(Disk.open(oldestFirst.get(i), Abi.O_PATH | Abi.O_DIRECTORY, 0));
            }
            TreeWalk.walk(upper, Names.NONE, TreeWalk.Scope.LAYER, changes);
            changes.changes.sort(Comparator.comparing(FileChange::path));
            return List.copyOf(changes.changes);
        }
    }

    @Override
    public void directory(byte[] path, Attributes attributes, boolean opaque) {
        if (path.length == 0) {
            levels.push(new Level(path, lowers, opaque, true));
            return;
        }
        seen(path);
        var below = below(path);
        var isDirectory = below.filter(each -> each.type == Abi.S_IFDIR);
        var isTold = below.isEmpty()
                ? tell(Kind.ADDED, path)
                : isDirectory
                                .filter(each -> isSameOwnerAndMode(each, attributes))
                                .isEmpty()
                        && tell(Kind.CHANGED, path);
        var merged = isDirectory.map(Below::directories).orElse(List.of());
        levels.push(new Level(path, merged, opaque, isTold || below.isEmpty()));
    }

    @Override
    public void left(byte[] path, Attributes attributes) {
        var level = levels.element();
        if (level.opaque) {
            for (var hidden : names(level)) {
                if (!level.names.contains(text(hidden))) {
                    tell(Kind.DELETED, Names.join(path, hidden));
                }
            }
        }
        levels.pop();
    }

    @Override
    public void file(byte[] path, Attributes attributes, FileContent content) {
        compare(path, attributes, Abi.S_IFREG, content.size());
    }

    @Override
    public void symlink(byte[] path, byte[] target, Attributes attributes) {
        compare(path, attributes, Abi.S_IFLNK, target.length);
    }

    /** Of what the other name stands for, only what attributes tell. */
    @Override
    public void hardLink(byte[] path, byte[] existing, Attributes attributes) {
        compare(path, attributes, -1, -1);
    }

    @Override
    public void node(byte[] path, NodeType type, long major, long minor, Attributes attributes) {
        compare(path, attributes, type.bits(), 0);
    }

    @Override
    public void whiteout(byte[] path, Attributes attributes) {
        seen(path);
        if (below(path).isPresent()) {
            tell(Kind.DELETED, path);
        }
    }

    private void compare(byte[] path, Attributes attributes, int type, long size) {
        seen(path);
        var below = below(path);
        if (below.isEmpty()) {
            if (size > 0 || !isMountPoint(path)) {
                tell(Kind.ADDED, path);
            }
            return;
        }
        var old = below.get();
        var isSame = ofContainer
                && isSameOwnerAndMode(old, attributes)
                && (type < 0 || type == old.type)
                && (size < 0 || size == old.size)
                && attributes.modified().equals(old.modified)
                && !hasCapabilities(attributes);
        if (!isSame) {
            tell(Kind.CHANGED, path);
        }
    }

    private static boolean isSameOwnerAndMode(Below old, Attributes now) {
        return old.mode == now.mode() && old.uid == now.uid() && old.gid == now.gid();
    }

    /** Setting them changes no time, and nobody copies such a file for nothing. */
    private static boolean hasCapabilities(Attributes attributes) {
        return attributes.xattrs().stream().anyMatch(xattr -> xattr.name().equals("security.capability"));
    }

    private boolean isMountPoint(byte[] path) {
        return ofContainer && MOUNT_POINTS.contains(text(path));
    }

    private void seen(byte[] path) {
        levels.element().names.add(text(Names.last(path)));
    }

    /** Tells of a change, and of the directories that it is in; true unless it is a mount point of the engine's own. */
    private boolean tell(Kind kind, byte[] path) {
        if (kind == Kind.ADDED && isMountPoint(path) && path.length < 5) {
            return false;
        }
        for (var level : levels) {
            if (!level.told) {
                level.told = true;
                changes.add(change(Kind.CHANGED, level.path));
            }
        }
        changes.add(change(kind, path));
        return true;
    }

    private static FileChange change(Kind kind, byte[] path) {
        return new FileChange(kind, "/" + new String(path, StandardCharsets.UTF_8));
    }

    /** Byte by byte, so that different names stay different. */
    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    /** What the layers that are merged in the current directory have at a path. */
    private Optional<Below> below(byte[] path) {
        @Nullable Below found = null;
        var directories = new ArrayList<Fd>();
        for (var lower : levels.element().lowers) {
            var opened = open(lower, path, Abi.O_PATH | Abi.O_NOFOLLOW);
            if (Errno.ENOENT.is(opened) || Errno.ENOTDIR.is(opened)) {
                continue;
            }
            try (var file = Fd.of(check(opened, path))) {
                check(stat.of(file.number()), path);
                if (stat.isWhiteout() || found != null && !stat.isDirectory()) {
                    break;
                }
                if (found == null) {
                    found = new Below(
                            stat.type(),
                            stat.mode(),
                            stat.uid(),
                            stat.gid(),
                            stat.type() == Abi.S_IFREG || stat.type() == Abi.S_IFLNK ? stat.size() : 0,
                            Instant.ofEpochSecond(stat.modifiedSeconds(), stat.modifiedNanos()),
                            directories);
                }
                if (!stat.isDirectory()) {
                    break;
                }
                directories.add(lower);
                if (Whiteouts.isOpaque(file)) {
                    break;
                }
            }
        }
        return Optional.ofNullable(found);
    }

    /** What the layers below show in a directory. */
    private List<byte[]> names(Level level) {
        var shown = new ArrayList<byte[]>();
        var known = new HashSet<String>();
        for (var lower : level.lowers) {
            var opened = open(lower, level.path.length == 0 ? Names.DOT : level.path, Abi.O_RDONLY | Abi.O_DIRECTORY);
            try (var directory = Fd.of(check(opened, level.path))) {
                for (var each : Listing.read(directory.number(), listing, result -> check(result, level.path))) {
                    check(stat.of(directory.number(), Names.put(name, each)), each);
                    if (known.add(text(each)) && !stat.isWhiteout()) {
                        shown.add(each);
                    }
                }
            }
        }
        return shown;
    }

    private long open(Fd root, byte[] path, int flags) {
        return Lookup.open(root.number(), Names.put(name, path), flags, RESOLVE);
    }

    private long check(long result, byte[] path) {
        if (result < 0) {
            throw Failures.of("cannot look up " + Names.shown(path), Syscall.OPENAT2, result, where);
        }
        return result;
    }

    @Override
    public void close() {
        lowers.forEach(Fd::close);
    }
}
