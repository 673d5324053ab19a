package dev.cais.storage;

import dev.cais.linux.Abi;
import dev.cais.linux.Fd;
import dev.cais.linux.FileCalls;
import dev.cais.linux.Lookup;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Statx;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What was made for something to be mounted on, in an upper directory whose container has ended: empty files and directories that the
 * layers below do not have, and directories above them that hold nothing else. Links are not followed.
 */
public final class MountStubs implements AutoCloseable {
    private static final int RESOLVE =
            Abi.RESOLVE_BENEATH | Abi.RESOLVE_NO_SYMLINKS | Abi.RESOLVE_NO_MAGICLINKS | Abi.RESOLVE_NO_XDEV;
    private static final int AT_REMOVEDIR = 0x200;

    private final Fd upper;
    private final List<Fd> newestFirst = new ArrayList<>();
    private final NativeMemory name = NativeMemory.allocate(8192);

    private MountStubs(Path upper) {
        this.upper = Disk.open(upper, Abi.O_PATH | Abi.O_DIRECTORY, 0);
    }

    /**
     * Removes them.
     *
     * @param oldestFirst the layers' directories
     * @param targets absolute paths
     */
    public static void remove(Path upper, List<Path> oldestFirst, Iterable<String> targets) {
        try (var stubs = new MountStubs(upper)) {
            for (var layer : oldestFirst) {
                stubs.newestFirst.add(0, Disk.open(layer, Abi.O_PATH | Abi.O_DIRECTORY, 0));
            }
            for (var target : targets) {
                stubs.remove(InRoot.path(target));
            }
        }
    }

    private void remove(byte[] target) {
        for (var path = target; path.length > 0; path = InRoot.parent(path)) {
            if (!removeOne(path)) {
                return;
            }
        }
    }

    /** Whether there is nothing at this name any more. */
    private boolean removeOne(byte[] path) {
        var stub = look(upper, path);
        if (stub == null) {
            return true;
        }
        if (!stub.isDirectory() && (stub.type() != Abi.S_IFREG || stub.size() > 0)) {
            return false;
        }
        for (var layer : newestFirst) {
            var below = look(layer, path);
            if (below != null && !below.isWhiteout()) {
                if (!isSame(stub, below)) {
                    return false;
                }
                break;
            }
        }
        var parent = Lookup.open(upper.number(), Names.put(name, parent(path)), Abi.O_PATH | Abi.O_DIRECTORY, RESOLVE);
        if (parent < 0) {
            return false;
        }
        try (var directory = Fd.of(parent)) {
            return FileCalls.unlink(
                            directory.number(), Names.putLast(name, path), stub.isDirectory() ? AT_REMOVEDIR : 0)
                    == 0;
        }
    }

    private static byte[] parent(byte[] path) {
        var parent = InRoot.parent(path);
        return parent.length == 0 ? Names.DOT : parent;
    }

    /** A directory that overlayfs has copied for what was made in it. */
    private static boolean isSame(Statx upper, Statx below) {
        return upper.isDirectory()
                && below.isDirectory()
                && upper.mode() == below.mode()
                && upper.uid() == below.uid()
                && upper.gid() == below.gid();
    }

    private @Nullable Statx look(Fd root, byte[] path) {
        var opened = Lookup.open(root.number(), Names.put(name, path), Abi.O_PATH | Abi.O_NOFOLLOW, RESOLVE);
        if (opened < 0) {
            return null;
        }
        try (var file = Fd.of(opened)) {
            var stat = new Statx();
            return stat.of(file.number()) == 0 ? stat : null;
        }
    }

    @Override
    public void close() {
        upper.close();
        newestFirst.forEach(Fd::close);
    }
}
