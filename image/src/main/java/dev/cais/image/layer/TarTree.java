package dev.cais.image.layer;

import dev.cais.EngineException;
import dev.cais.ImageLimits;
import dev.cais.StorageException;
import dev.cais.storage.Attributes;
import dev.cais.storage.FileContent;
import dev.cais.storage.FileOperations;
import dev.cais.storage.NodeType;
import dev.cais.storage.TreeVisitor;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * A tree as a tar stream, and back. Devices and fifos are entries like others; sockets have none. The same tree gives the same bytes.
 *
 * <p>What a layer hides is written as OCI image spec 1.1.1, layer.md, Whiteouts says. For one thread.
 */
public final class TarTree implements TreeVisitor {
    private static final int BUFFER = 256 * 1024;
    private static final byte[] NONE = {};
    private static final byte[] ROOT = {'.', '/'};
    private static final byte[] WHITEOUT = {'.', 'w', 'h', '.'};
    private static final byte[] OPAQUE = {'.', 'w', 'h', '.', '.', 'w', 'h', '.', '.', 'o', 'p', 'q'};

    private final TarWriter tar;
    private final String cannot;
    private final boolean showsRoot;

    private TarTree(TarWriter tar, String cannot, boolean showsRoot) {
        this.tar = tar;
        this.cannot = cannot;
        this.showsRoot = showsRoot;
    }

    /**
     * Writes an archive.
     *
     * @param target flushed, not closed
     * @param cannot for messages, as in {@code cannot export container web}
     * @param showsRoot whether the directory without a name has an entry
     * @param tree tells a visitor of a tree
     * @throws StorageException if the target cannot be written
     */
    public static void write(OutputStream target, String cannot, boolean showsRoot, Consumer<TreeVisitor> tree) {
        var open = new BufferedOutputStream(target, BUFFER) {
            @Override
            public void close() throws IOException {
                flush(); // the stream below is the caller's
            }
        };
        var tar = new TarWriter(open);
        tree.accept(new TarTree(tar, cannot, showsRoot));
        try {
            tar.close();
        } catch (IOException e) {
            throw unwritable(cannot, e);
        }
    }

    /**
     * Writes what an archive holds below a directory of somebody's tree, as {@code docker cp -} does. The directory itself stays as
     * it is; names of whiteouts are names like others.
     *
     * @param archive plain, gzip, zstd, bzip2 or xz; not closed
     * @param what for messages: {@code archive for container web}
     * @param below path of a directory in the target's root
     * @param change of each entry's attributes
     * @throws dev.cais.CorruptContentException if the archive is broken, or an entry's name climbs out of it
     * @throws dev.cais.CancelledException if the thread is interrupted
     */
    public static void extract(
            InputStream archive,
            String what,
            FileOperations files,
            byte[] below,
            UnaryOperator<Attributes> change,
            ImageLimits limits) {
        InputStream plain;
        try {
            plain = Compression.decompressArchive(archive, what);
        } catch (IOException e) {
            throw StreamChunks.unreadable(what, e);
        }
        LayerWriter.ofPlainTar(files, what, limits, below, entry -> changed(entry, change))
                .write(new TarReader(plain, what, limits));
    }

    private static TarEntry changed(TarEntry entry, UnaryOperator<Attributes> change) {
        return new TarEntry(
                entry.type(),
                entry.name(),
                entry.link(),
                entry.size(),
                change.apply(entry.attributes()),
                entry.major(),
                entry.minor());
    }

    @Override
    public void directory(byte[] path, Attributes attributes, boolean opaque) {
        if (path.length > 0 || showsRoot) {
            write(
                    TarType.DIRECTORY,
                    path.length == 0 ? ROOT : path,
                    NONE,
                    0,
                    attributes,
                    InputStream.nullInputStream());
        }
        if (opaque) {
            var marker = path.length == 0 ? OPAQUE : join(path, path.length, OPAQUE, NONE);
            write(TarType.FILE, marker, NONE, 0, ofMark(attributes), InputStream.nullInputStream());
        }
    }

    @Override
    public void file(byte[] path, Attributes attributes, FileContent content) {
        write(TarType.FILE, path, NONE, content.size(), attributes, content.stream());
    }

    @Override
    public void symlink(byte[] path, byte[] target, Attributes attributes) {
        write(TarType.SYMLINK, path, target, 0, attributes, InputStream.nullInputStream());
    }

    @Override
    public void hardLink(byte[] path, byte[] existing, Attributes attributes) {
        write(TarType.HARD_LINK, path, existing, 0, attributes, InputStream.nullInputStream());
    }

    @Override
    public void node(byte[] path, NodeType type, long major, long minor, Attributes attributes) {
        var kind = switch (type) {
            case CHARACTER_DEVICE -> TarType.CHARACTER_DEVICE;
            case BLOCK_DEVICE -> TarType.BLOCK_DEVICE;
            case FIFO -> TarType.FIFO;
        };
        write(new TarEntry(kind, path, NONE, 0, attributes, major, minor), InputStream.nullInputStream());
    }

    @Override
    public void whiteout(byte[] path, Attributes attributes) {
        var start = path.length;
        while (start > 0 && path[start - 1] != '/') {
            start--;
        }
        var name = Arrays.copyOfRange(path, start, path.length);
        var hidden = start == 0 ? join(NONE, 0, WHITEOUT, name) : join(path, start - 1, WHITEOUT, name);
        write(TarType.FILE, hidden, NONE, 0, ofMark(attributes), InputStream.nullInputStream());
    }

    /** A mark has its file's time, and nothing else of it. */
    private static Attributes ofMark(Attributes file) {
        return new Attributes(0, 0, 0, file.modified(), file.modified(), List.of());
    }

    private static byte[] join(byte[] directory, int length, byte[] prefix, byte[] name) {
        var slash = length > 0 ? 1 : 0;
        var joined = Arrays.copyOf(directory, length + slash + prefix.length + name.length);
        if (slash > 0) {
            joined[length] = '/';
        }
        System.arraycopy(prefix, 0, joined, length + slash, prefix.length);
        System.arraycopy(name, 0, joined, length + slash + prefix.length, name.length);
        return joined;
    }

    private void write(TarType type, byte[] path, byte[] link, long size, Attributes attributes, InputStream content) {
        write(new TarEntry(type, path, link, size, attributes, 0, 0), content);
    }

    private void write(TarEntry entry, InputStream content) {
        try {
            tar.write(entry, content);
        } catch (IOException e) {
            throw unwritable(cannot, e);
        }
    }

    private static EngineException unwritable(String cannot, IOException cause) {
        return new StorageException(cannot + ": " + cause.getMessage(), Map.of(), "", cause);
    }
}
