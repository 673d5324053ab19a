package dev.cais.storage;

import dev.cais.linux.Abi;
import dev.cais.linux.Fd;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * Copies a tree through {@link FileOperations}: attributes, hard links and holes included; links are copied, not followed.
 * Sockets are left out, as tar does.
 */
public final class TreeCopy implements TreeVisitor {
    private final FileOperations target;
    private final Rules rules;
    private final byte[] top;
    /** Devices that were not made. */
    private final Set<ByteBuffer> leftOut = new HashSet<>();

    /**
     * What becomes of what is copied.
     *
     * @param files what attributes a file, a link or a node gets instead of its own
     * @param directories likewise a directory
     * @param devices whether device nodes are made; fifos are in any case
     * @param keepsTop whether the directory that all goes to is there and keeps its own attributes
     */
    public record Rules(
            UnaryOperator<Attributes> files, UnaryOperator<Attributes> directories, boolean devices, boolean keepsTop) {
        /** A copy is the same. */
        public static final Rules SAME = new Rules(UnaryOperator.identity(), UnaryOperator.identity(), true, false);
    }

    private TreeCopy(FileOperations target, Rules rules, byte[] top) {
        this.target = target;
        this.rules = rules;
        this.top = top;
    }

    /**
     * Copies what is in a directory, and its attributes. A mount point ends the copy with {@code EXDEV}.
     *
     * @param source a directory
     * @param path where in the target's root; merges with a directory that stands there
     * @throws dev.cais.StorageException if the one cannot be read or the other not be written
     * @throws dev.cais.CancelledException if the thread is interrupted
     */
    public static void copy(Path source, FileOperations target, byte[] path) {
        try (var opened = Disk.open(source, Abi.O_PATH | Abi.O_DIRECTORY, 0)) {
            copy(opened, source, target, path);
        }
    }

    /**
     * The same from an open directory, which need not be visible anywhere.
     *
     * @param where for messages
     */
    public static void copy(Fd source, Path where, FileOperations target, byte[] path) {
        TreeWalk.walk(source, path, where.toString(), TreeWalk.Scope.ONE_MOUNT, new TreeCopy(target, Rules.SAME, path));
    }

    /** The same for a layer's directory into another one: what is hidden of older layers is hidden by the copy. */
    public static void copyLayer(Path source, FileOperations target) {
        TreeWalk.walk(source, Names.NONE, TreeWalk.Scope.LAYER, new TreeCopy(target, Rules.SAME, Names.NONE));
    }

    /**
     * Copies a directory or a single file of any kind, what is mounted in it included.
     *
     * @param source any descriptor of it
     * @param name of the source, for messages
     */
    public static void copy(Fd source, String name, FileOperations target, byte[] path, Rules rules) {
        TreeWalk.walk(source, path, name, TreeWalk.Scope.ALL_MOUNTS, new TreeCopy(target, rules, path));
    }

    @Override
    public void directory(byte[] path, Attributes attributes, boolean opaque) {
        left(path, attributes);
        if (opaque) {
            target.opaque(path);
        }
    }

    /** Its attributes once more: it may have been let go of meanwhile, and got other times. */
    @Override
    public void left(byte[] path, Attributes attributes) {
        if (!rules.keepsTop || !Arrays.equals(path, top)) {
            target.directory(path, rules.directories.apply(attributes));
        }
    }

    @Override
    public void file(byte[] path, Attributes attributes, FileContent content) {
        try (var sink = target.file(path, rules.files.apply(attributes))) {
            content.copyTo(sink);
            sink.finish();
        }
    }

    @Override
    public void symlink(byte[] path, byte[] link, Attributes attributes) {
        target.symlink(path, link, rules.files.apply(attributes));
    }

    @Override
    public void hardLink(byte[] path, byte[] existing, Attributes attributes) {
        if (!leftOut.contains(ByteBuffer.wrap(existing))) {
            target.hardLink(path, existing);
        }
    }

    @Override
    public void node(byte[] path, NodeType type, long major, long minor, Attributes attributes) {
        if (type == NodeType.FIFO || rules.devices) {
            target.node(path, type, major, minor, rules.files.apply(attributes));
        } else {
            leftOut.add(ByteBuffer.wrap(path));
        }
    }

    @Override
    public void whiteout(byte[] path, Attributes attributes) {
        target.whiteout(path);
    }
}
