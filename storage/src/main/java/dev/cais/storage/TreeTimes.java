package dev.cais.storage;

import dev.cais.linux.Abi;
import dev.cais.linux.Fd;
import dev.cais.linux.FileCalls;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Syscall;
import java.nio.file.Path;
import java.time.Instant;

/** Gives files of a tree another time. */
public final class TreeTimes implements TreeVisitor {
    private static final long UTIME_OMIT = (1 << 30) - 2;

    private final Fd root;
    private final Path tree;
    private final Instant latest;
    private final NativeMemory name = NativeMemory.allocate(8192);
    private final NativeMemory times = NativeMemory.allocate(32);

    private TreeTimes(Fd root, Path tree, Instant latest) {
        this.root = root;
        this.tree = tree;
        this.latest = latest;
        times.bytes().putLong(0, 0).putLong(8, UTIME_OMIT);
        times.bytes().putLong(16, latest.getEpochSecond()).putLong(24, latest.getNano());
    }

    /**
     * Whatever in a layer's directory was modified later than a time was modified just then. Nobody else changes it meanwhile.
     *
     * @throws dev.cais.StorageException if it cannot be done
     */
    public static void clamp(Path layer, Instant latest) {
        try (var root = Disk.open(layer, Abi.O_PATH | Abi.O_DIRECTORY, 0)) {
            TreeWalk.walk(layer, Names.NONE, TreeWalk.Scope.LAYER, new TreeTimes(root, layer, latest));
        }
    }

    private void clamp(byte[] path, Attributes attributes) {
        if (path.length > 0 && attributes.modified().isAfter(latest)) {
            var result = FileCalls.setTimes(root.number(), Names.put(name, path), times.address());
            if (result < 0) {
                throw Failures.of(
                        "cannot change the time of " + Names.shown(path),
                        Syscall.UTIMENSAT,
                        result,
                        Place.tree(tree.toString()));
            }
        }
    }

    @Override
    public void directory(byte[] path, Attributes attributes, boolean opaque) {
        clamp(path, attributes);
    }

    @Override
    public void file(byte[] path, Attributes attributes, FileContent content) {
        clamp(path, attributes);
    }

    @Override
    public void symlink(byte[] path, byte[] target, Attributes attributes) {
        clamp(path, attributes);
    }

    @Override
    public void hardLink(byte[] path, byte[] existing, Attributes attributes) {
        clamp(path, attributes);
    }

    @Override
    public void node(byte[] path, NodeType type, long major, long minor, Attributes attributes) {
        clamp(path, attributes);
    }

    @Override
    public void whiteout(byte[] path, Attributes attributes) {
        clamp(path, attributes);
    }
}
