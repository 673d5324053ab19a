package dev.cais.image.layer;

import dev.cais.CorruptContentException;
import dev.cais.ImageLimits;
import dev.cais.KernelException;
import dev.cais.storage.FileOperations;
import dev.cais.storage.NodeType;
import java.util.Arrays;
import java.util.Map;
import java.util.function.UnaryOperator;

/** Carries out what a layer's entries say, or those of a tar that is no layer. For one thread. */
final class LayerWriter {
    private static final byte[] WHITEOUT = {'.', 'w', 'h', '.'};
    private static final byte[] AUFS = {'.', 'w', 'h', '.', '.', 'w', 'h', '.'};
    private static final byte[] OPAQUE = {'.', 'w', 'h', '.', '.', 'w', 'h', '.', '.', 'o', 'p', 'q'};

    private final FileOperations files;
    private final String what;
    private final ImageLimits limits;
    /** Where it all goes; empty for the root. */
    private final byte[] below;

    private final boolean isLayer;
    private final UnaryOperator<TarEntry> change;
    private long size;

    LayerWriter(FileOperations files, String what, ImageLimits limits) {
        this(files, what, limits, new byte[0], true, UnaryOperator.identity());
    }

    private LayerWriter(
            FileOperations files,
            String what,
            ImageLimits limits,
            byte[] below,
            boolean isLayer,
            UnaryOperator<TarEntry> change) {
        this.files = files;
        this.what = what;
        this.limits = limits;
        this.below = below;
        this.isLayer = isLayer;
        this.change = change;
    }

    /** For a tar that is no layer: names of whiteouts are names like others. */
    static LayerWriter ofPlainTar(
            FileOperations files, String what, ImageLimits limits, byte[] below, UnaryOperator<TarEntry> change) {
        return new LayerWriter(files, what, limits, below, false, change);
    }

    /** Writes all entries; gives the bytes of all their contents. */
    long write(TarReader reader) {
        for (var entry = reader.next(); entry != null; entry = reader.next()) {
            try {
                write(change.apply(entry), reader);
            } catch (KernelException e) { // what the names ask for cannot be
                throw new CorruptContentException(
                        "cannot unpack " + what + ": entry " + TarReader.shown(entry.name()) + ": " + e.call()
                                + "(2) failed with " + e.errnoName(),
                        Map.of(),
                        "fetch or save it again",
                        e);
            }
            if (files.created() > limits.layerEntries()) {
                throw corrupt(entry, "it makes more than " + limits.layerEntries() + " files, the limit");
            }
        }
        return size;
    }

    private void write(TarEntry entry, TarReader reader) {
        var path = cleaned(entry, entry.name());
        var start = lastStart(path);
        if (isLayer && startsWith(path, start, WHITEOUT)) {
            writeWhiteout(entry, path, start);
            return;
        }
        if (path.length == 0 && entry.type() != TarType.DIRECTORY) {
            throw corrupt(entry, "its name is that of the root, and it is no directory");
        }
        if (path.length == 0 && !isLayer) {
            return; // where a tar is unpacked stays as it is
        }
        path = join(below, path);
        var attributes = entry.attributes();
        switch (entry.type()) {
            case FILE -> {
                size += entry.size();
                if (size < 0 || size > limits.layerSize().bytes()) {
                    throw corrupt(entry, "its files have more than " + limits.layerSize() + ", the limit");
                }
                try (var sink = files.file(path, attributes)) {
                    reader.transferTo(sink);
                    sink.finish();
                }
            }
            case HARD_LINK -> files.hardLink(path, join(below, cleaned(entry, entry.link())));
            case SYMLINK -> files.symlink(path, entry.link(), attributes);
            case DIRECTORY -> files.directory(path, attributes);
            case CHARACTER_DEVICE ->
                files.node(path, NodeType.CHARACTER_DEVICE, entry.major(), entry.minor(), attributes);
            case BLOCK_DEVICE -> files.node(path, NodeType.BLOCK_DEVICE, entry.major(), entry.minor(), attributes);
            case FIFO -> files.node(path, NodeType.FIFO, 0, 0, attributes);
        }
    }

    /**
     * A whiteout's name is that of the file to hide behind a prefix.
     *
     * @see <a href="https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#whiteouts">OCI image spec 1.1.1,
     *     Whiteouts</a>
     */
    private void writeWhiteout(TarEntry entry, byte[] path, int start) {
        if (Arrays.equals(path, start, path.length, OPAQUE, 0, OPAQUE.length)) {
            files.opaque(Arrays.copyOf(path, Math.max(0, start - 1)));
            return;
        }
        if (startsWith(path, start, AUFS)) {
            return; // that file system's own notes, which some archives still carry
        }
        var hidden = Arrays.copyOfRange(path, start + WHITEOUT.length, path.length);
        if (hidden.length == 0 || isDots(hidden, 0, hidden.length)) {
            throw corrupt(entry, "it is a whiteout of no name");
        }
        var target = Arrays.copyOf(path, start + hidden.length);
        System.arraycopy(hidden, 0, target, start, hidden.length);
        files.whiteout(target);
    }

    /** A path without {@code /} at its ends, {@code .} and {@code ..}; one that climbs above the root is refused. */
    private byte[] cleaned(TarEntry entry, byte[] name) {
        var clean = new byte[name.length];
        var length = 0;
        for (var start = 0; start < name.length; ) {
            var end = start;
            while (end < name.length && name[end] != '/') {
                end++;
            }
            if (isDots(name, start, end)) {
                if (end - start == 2) {
                    if (length == 0) {
                        throw corrupt(entry, "its path climbs out of the root");
                    }
                    length = Math.max(0, lastStart(Arrays.copyOf(clean, length)) - 1);
                }
            } else if (end > start) {
                if (length > 0) {
                    clean[length++] = '/';
                }
                System.arraycopy(name, start, clean, length, end - start);
                length += end - start;
            }
            start = end + 1;
        }
        return length == name.length ? name : Arrays.copyOf(clean, length);
    }

    private static byte[] join(byte[] directory, byte[] path) {
        if (directory.length == 0 || path.length == 0) {
            return directory.length == 0 ? path : directory;
        }
        var joined = Arrays.copyOf(directory, directory.length + 1 + path.length);
        joined[directory.length] = '/';
        System.arraycopy(path, 0, joined, directory.length + 1, path.length);
        return joined;
    }

    private static boolean isDots(byte[] name, int start, int end) {
        return end - start == 1 && name[start] == '.'
                || end - start == 2 && name[start] == '.' && name[start + 1] == '.';
    }

    private static int lastStart(byte[] path) {
        for (var i = path.length - 1; i >= 0; i--) {
            if (path[i] == '/') {
                return i + 1;
            }
        }
        return 0;
    }

    private static boolean startsWith(byte[] path, int start, byte[] prefix) {
        return path.length - start >= prefix.length
                && Arrays.equals(path, start, start + prefix.length, prefix, 0, prefix.length);
    }

    private CorruptContentException corrupt(TarEntry entry, String why) {
        return new CorruptContentException(
                "cannot unpack " + what + ": entry " + TarReader.shown(entry.name()) + ": " + why);
    }
}
