package dev.cais.storage;

import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.FileCalls;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Statx;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** Reads what files have besides their content. Marks of overlayfs and labels of this host are left out. For one thread. */
public final class FileAttributes {
    private static final int BUFFER = 64 * 1024;

    private final Place where;
    private final NativeMemory name = NativeMemory.allocate(64);
    private final NativeMemory key = NativeMemory.allocate(512);
    private final NativeMemory buffer;

    FileAttributes(Place where, NativeMemory buffer) {
        this.where = where;
        this.buffer = buffer;
    }

    /**
     * Of one file of any kind.
     *
     * @param file any descriptor of it
     * @param path for messages
     * @param tree for messages: {@code container web}
     */
    public static Attributes of(Fd file, byte[] path, String tree) {
        var reader = new FileAttributes(Place.tree(tree), NativeMemory.allocate(BUFFER));
        var stat = new Statx();
        reader.check(stat.of(file.number()), Syscall.STATX, path);
        return reader.read(file, stat, path);
    }

    /** @param stat of the same file */
    Attributes read(Fd file, Statx stat, byte[] path) {
        var modified = Instant.ofEpochSecond(stat.modifiedSeconds(), stat.modifiedNanos());
        var accessed = Instant.ofEpochSecond(stat.accessedSeconds(), stat.accessedNanos());
        return new Attributes(stat.uid(), stat.gid(), stat.mode(), modified, accessed, xattrs(file, path));
    }

    /**
     * Names of all extended attributes, in no order.
     *
     * @param file any descriptor
     */
    private List<String> names(Fd file, byte[] path) {
        var length = Syscalls.call(Syscall.FLISTXATTR, file.number(), buffer.address(), buffer.size());
        if (Errno.EBADF.is(length)) { // a mere place
            var opened = Names.put(name, Names.of("/proc/self/fd/" + file.number()));
            length = Syscalls.call(Syscall.LISTXATTR, opened, buffer.address(), buffer.size());
        }
        if (Errno.ENOTSUP.is(length) || length == 0) {
            return List.of();
        }
        check(length, Syscall.LISTXATTR, path);
        var names = new byte[(int) length];
        buffer.bytes().get(0, names);
        return List.of(new String(names, StandardCharsets.UTF_8).split("\0"));
    }

    /** In order of their names. */
    List<Xattr> xattrs(Fd file, byte[] path) {
        var names = names(file, path);
        if (names.isEmpty()) {
            return List.of();
        }
        var xattrs = new ArrayList<Xattr>();
        for (var xattr : names.stream().sorted().toList()) {
            var size = XattrCalls.isWanted(xattr)
                    ? FileCalls.attribute(
                            file.number(), Names.put(key, Names.of(xattr)), buffer.address(), buffer.size())
                    : -Errno.ENODATA.number();
            if (!Errno.ENODATA.is(size)) {
                var value = new byte[(int) check(size, Syscall.GETXATTR, path)];
                buffer.bytes().get(0, value);
                xattrs.add(new Xattr(xattr, value));
            }
        }
        return xattrs;
    }

    private long check(long result, Syscall call, byte[] path) {
        if (result < 0) {
            throw Failures.of("cannot read " + Names.shown(path), call, result, where);
        }
        return result;
    }
}
