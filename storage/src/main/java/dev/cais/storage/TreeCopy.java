package dev.cais.storage;

import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Statx;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Copies a tree of the host through {@link FileOperations}: attributes, hard links and holes included; links are copied, not
 * followed, and a mount point ends the copy with {@code EXDEV}. Sockets are left out, as tar does. For one thread.
 *
 * <p>Memory grows with the number of directories not yet copied, and of files with more than one name.
 */
public final class TreeCopy implements AutoCloseable {
    private static final int BUFFER = 256 * 1024;
    private static final int SEEK_SET = 0;
    private static final int SEEK_DATA = 3;
    private static final int SEEK_HOLE = 4;
    private static final int RESOLVE =
            Abi.RESOLVE_BENEATH | Abi.RESOLVE_NO_SYMLINKS | Abi.RESOLVE_NO_MAGICLINKS | Abi.RESOLVE_NO_XDEV;

    private final Path where;
    private final Fd root;
    private final FileOperations target;
    private final byte[] targetPath;
    private final Statx stat = new Statx();
    private final NativeMemory words = NativeMemory.allocate(24);
    private final NativeMemory name = NativeMemory.allocate(8192);
    private final NativeMemory key = NativeMemory.allocate(512);
    private final NativeMemory buffer = NativeMemory.allocate(BUFFER);
    private final byte[] bytes = new byte[BUFFER];
    private final Map<String, byte[]> copied = new HashMap<>();

    private TreeCopy(Path source, FileOperations target, byte[] targetPath) {
        this.where = source;
        this.target = target;
        this.targetPath = targetPath;
        root = Disk.open(source, Abi.O_RDONLY | Abi.O_DIRECTORY, 0);
    }

    /**
     * Copies what is in a directory, and its attributes.
     *
     * @param source a directory that nobody changes meanwhile
     * @param path where in the target's root; merges with a directory that stands there
     * @throws dev.cais.StorageException if the one cannot be read or the other not be written
     */
    public static void copy(Path source, FileOperations target, byte[] path) {
        try (var copy = new TreeCopy(source, target, path)) {
            copy.run();
        }
    }

    private void run() {
        var todo = new ArrayDeque<byte[]>();
        todo.push(Names.NONE);
        while (!todo.isEmpty()) {
            var path = todo.pop();
            try (var directory = open(path, Abi.O_RDONLY | Abi.O_DIRECTORY)) {
                check(stat.of(directory.number()), Syscall.STATX, path);
                target.directory(Names.join(targetPath, path), attributes(directory));
                for (var child : names(directory, path)) {
                    if (copyChild(directory, child, Names.join(path, child))) {
                        todo.push(Names.join(path, child));
                    }
                }
            }
        }
    }

    /** Says whether it is a directory, which is left for later. */
    private boolean copyChild(Fd directory, byte[] last, byte[] path) {
        check(stat.of(directory.number(), Names.put(name, last)), Syscall.STATX, path);
        if (stat.isDirectory()) {
            return true;
        }
        var to = Names.join(targetPath, path);
        if (stat.links() > 1) {
            var first = copied.putIfAbsent(stat.device() + ":" + stat.inode(), to);
            if (first != null) {
                target.hardLink(to, first);
                return false;
            }
        }
        var major = stat.rdevMajor();
        var minor = stat.rdevMinor();
        switch (stat.type()) {
            case Abi.S_IFREG -> copyFile(path, to);
            case Abi.S_IFLNK -> {
                var attributes = attributes(directory, last);
                target.symlink(to, target(directory, last, path), attributes);
            }
            case Abi.S_IFCHR -> target.node(to, NodeType.CHARACTER_DEVICE, major, minor, attributes(directory, last));
            case Abi.S_IFBLK -> target.node(to, NodeType.BLOCK_DEVICE, major, minor, attributes(directory, last));
            case Abi.S_IFIFO -> target.node(to, NodeType.FIFO, 0, 0, attributes(directory, last));
            default -> {}
        }
        return false;
    }

    private void copyFile(byte[] path, byte[] to) {
        try (var file = open(path, Abi.O_RDONLY)) {
            check(stat.of(file.number()), Syscall.STATX, path);
            var size = stat.size();
            try (var sink = target.file(to, attributes(file))) {
                for (var at = 0L; at < size; ) {
                    var data = Syscalls.call(Syscall.LSEEK, file.number(), at, SEEK_DATA);
                    if (Errno.ENXIO.is(data)) {
                        sink.skip(size - at);
                        break;
                    }
                    check(data, Syscall.LSEEK, path);
                    var end = Syscalls.call(Syscall.LSEEK, file.number(), data, SEEK_HOLE);
                    check(end, Syscall.LSEEK, path);
                    sink.skip(data - at);
                    check(Syscalls.call(Syscall.LSEEK, file.number(), data, SEEK_SET), Syscall.LSEEK, path);
                    copyData(file, sink, end - data, path);
                    at = end;
                }
                sink.finish();
            }
        }
    }

    private void copyData(Fd file, FileSink sink, long length, byte[] path) {
        for (var left = length; left > 0; ) {
            var count = Syscalls.call(Syscall.READ, file.number(), buffer.address(), Math.min(BUFFER, left));
            if (Errno.EINTR.is(count)) {
                continue;
            }
            check(count, Syscall.READ, path);
            if (count == 0) {
                return; // it became shorter
            }
            buffer.bytes().get(0, bytes, 0, (int) count);
            sink.write(bytes, 0, (int) count);
            left -= count;
        }
    }

    /** Of what is open, by its {@link #stat}. */
    private Attributes attributes(Fd file) {
        return attributes("/proc/self/fd/" + file.number(), Names.NONE, Syscall.LISTXATTR, Syscall.GETXATTR);
    }

    /** Of what cannot be opened, likewise. */
    private Attributes attributes(Fd directory, byte[] last) {
        return attributes("/proc/self/fd/" + directory.number(), last, Syscall.LLISTXATTR, Syscall.LGETXATTR);
    }

    private Attributes attributes(String directory, byte[] last, Syscall list, Syscall get) {
        var modified = Instant.ofEpochSecond(stat.modifiedSeconds(), stat.modifiedNanos());
        var accessed = Instant.ofEpochSecond(stat.accessedSeconds(), stat.accessedNanos());
        var path = Names.join(Names.of(directory), last);
        return new Attributes(stat.uid(), stat.gid(), stat.mode(), modified, accessed, xattrs(path, list, get));
    }

    private List<Xattr> xattrs(byte[] path, Syscall list, Syscall get) {
        var length = Syscalls.call(list, Names.put(name, path), buffer.address(), BUFFER);
        if (Errno.ENOTSUP.is(length) || length == 0) {
            return List.of();
        }
        check(length, list, path);
        var names = new byte[(int) length];
        buffer.bytes().get(0, names);
        var xattrs = new ArrayList<Xattr>();
        for (var xattr : new String(names, StandardCharsets.UTF_8).split("\0")) {
            if (!Whiteouts.isMark(xattr)) {
                Names.put(name, path);
                var size =
                        Syscalls.call(get, name.address(), Names.put(key, Names.of(xattr)), buffer.address(), BUFFER);
                check(size, get, path);
                var value = new byte[(int) size];
                buffer.bytes().get(0, value);
                xattrs.add(new Xattr(xattr, value));
            }
        }
        return xattrs;
    }

    private byte[] target(Fd directory, byte[] last, byte[] path) {
        var length =
                Syscalls.call(Syscall.READLINKAT, directory.number(), Names.put(name, last), buffer.address(), BUFFER);
        check(length, Syscall.READLINKAT, path);
        var content = new byte[(int) length];
        buffer.bytes().get(0, content);
        return content;
    }

    /** In order, so that a copy of a copy is made in the same order. */
    private List<byte[]> names(Fd directory, byte[] path) {
        var names = new ArrayList<byte[]>();
        while (true) {
            var length = Syscalls.call(Syscall.GETDENTS64, directory.number(), buffer.address(), BUFFER);
            check(length, Syscall.GETDENTS64, path);
            if (length == 0) {
                names.sort(Arrays::compareUnsigned);
                return names;
            }
            var entries = buffer.bytes();
            for (var at = 0; at < length; at += Short.toUnsignedInt(entries.getShort(at + 16))) {
                var end = at + 19;
                while (entries.get(end) != 0) {
                    end++;
                }
                var last = new byte[end - at - 19];
                entries.get(at + 19, last);
                if (!Arrays.equals(last, Names.DOT) && !Arrays.equals(last, new byte[] {'.', '.'})) {
                    names.add(last);
                }
            }
        }
    }

    private Fd open(byte[] path, int flags) {
        words.bytes()
                .putLong(0, flags | Abi.O_CLOEXEC | Abi.O_NOFOLLOW)
                .putLong(8, 0)
                .putLong(16, RESOLVE);
        var shown = path.length == 0 ? Names.DOT : path;
        var fd = Syscalls.call(Syscall.OPENAT2, root.number(), Names.put(name, shown), words.address(), 24);
        check(fd, Syscall.OPENAT2, path);
        return Fd.of(fd);
    }

    private void check(long result, Syscall call, byte[] path) {
        if (result < 0) {
            throw Failures.of("cannot copy " + Names.shown(path), call, result, where);
        }
    }

    @Override
    public void close() {
        root.close();
    }
}
