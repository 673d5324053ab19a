package dev.cais.runtime.build;

import dev.cais.ConflictException;
import dev.cais.ImageLimits;
import dev.cais.linux.Fd;
import dev.cais.storage.Attributes;
import dev.cais.storage.FileAttributes;
import dev.cais.storage.FileOperations;
import dev.cais.storage.InRoot;
import dev.cais.storage.NodeType;
import dev.cais.storage.TreeScan;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * Writes what a build copies or makes below a root. Directories that are there keep their times, so that the same files give the same
 * layer; those that are missing are made. For one thread.
 */
final class TreeWriting implements CopyTarget, AutoCloseable {

    private final String name;
    private final InRoot paths;
    private final FileOperations files;
    private final Stamp stamp;
    private final Set<String> made = new HashSet<>();

    /**
     * @param root not closed
     * @param name for messages
     */
    TreeWriting(Fd root, String name, Stamp stamp) {
        this.name = name;
        this.paths = new InRoot(root, name);
        this.files = FileOperations.in(root, name, new byte[0]);
        this.stamp = stamp;
    }

    /** What is copied is written at once. */
    @Override
    public void requireNow() {}

    @Override
    public boolean isDirectory(byte[] path) {
        return paths.isDirectory(path);
    }

    @Override
    public void requireNoFile(byte[] path) {
        var there = paths.find(path);
        if (there.isPresent()) {
            try (var found = there.get()) {
                if (!InRoot.isDirectory(found)) {
                    throw new ConflictException(
                            InRoot.shown(path) + " is a file, and a directory is to be copied there");
                }
            }
        }
    }

    @Override
    public byte[] followLast(byte[] path) {
        return paths.followLast(path);
    }

    @Override
    public void directories(byte[] path) {
        if (path.length == 0 || !made.add(FileSource.text(path))) {
            return;
        }
        directories(InRoot.parent(path));
        var there = paths.find(path);
        if (there.isPresent()) {
            try (var found = there.get()) {
                if (!InRoot.isDirectory(found)) {
                    throw new ConflictException(InRoot.shown(path) + " is no directory");
                }
            }
            return;
        }
        var to = paths.followLast(path);
        files.directory(to, stamp.directory());
    }

    @Override
    public void directories(byte[] below, byte[] path, FileSource source, List<TreeScan.Entry> alike) {
        directories(below);
        var at = below;
        var names = FileSource.text(path).split("/");
        for (var i = 0; i < alike.size(); i++) {
            at = InRoot.join(at, names[i].getBytes(StandardCharsets.UTF_8));
            requireKind(at, true);
            files.directory(at, stamp.of(alike.get(i), source.xattrs(alike.get(i))));
        }
    }

    @Override
    public void modified(byte[] path, Instant modified) {
        try (var there = paths.find(path).orElseThrow()) {
            var own = FileAttributes.of(there, path, name);
            files.directory(path, stamp.modified(own, modified));
        }
    }

    @Override
    public void file(byte[] path, byte[] content, int usualMode) {
        directories(InRoot.parent(path));
        try (var sink = files.file(path, stamp.file(usualMode))) {
            sink.write(content, 0, content.length);
            sink.finish();
        }
    }

    /** Names of one file stay that. */
    @Override
    public void copy(FileSource source, FileSource.Chosen chosen, byte[] target) {
        directories(InRoot.parent(target));
        var keepsTop = chosen.directory() && paths.isDirectory(target);
        var scan = source.scan();
        var names = new HashMap<String, byte[]>();
        for (var entry : chosen.entries()) {
            var relative = chosen.relative(entry);
            var path = relative.length == 0 ? target : InRoot.join(target, relative);
            if (entry.isDirectory()) {
                if (relative.length > 0 || !keepsTop) {
                    requireKind(path, true);
                    files.directory(path, stamp.of(entry, source.xattrs(entry)));
                }
            } else if (entry.isLink()) {
                files.symlink(path, entry.target(), stamp.of(entry, source.xattrs(entry)));
            } else if (entry.isFile()) {
                var known = entry.identity().map(identity -> names.putIfAbsent(identity, path));
                if (known.isPresent()) {
                    files.hardLink(path, known.get());
                } else {
                    copyFile(source, scan, entry, path);
                }
            } else {
                files.node(path, NodeType.FIFO, 0, 0, stamp.of(entry, source.xattrs(entry)));
            }
        }
        // a directory has other times once something was written into it
        for (var i = chosen.entries().size() - 1; i >= 0; i--) {
            var entry = chosen.entries().get(i);
            var relative = chosen.relative(entry);
            if (entry.isDirectory() && (relative.length > 0 || !keepsTop)) {
                files.directory(
                        relative.length == 0 ? target : InRoot.join(target, relative), stamp.of(entry, List.of()));
            }
        }
    }

    private void requireKind(byte[] path, boolean directory) {
        var there = paths.findItself(path);
        if (there.isPresent()) {
            try (var found = there.get()) {
                if (InRoot.isDirectory(found) != directory) {
                    throw new ConflictException(InRoot.shown(path) + " of " + name + " is no directory, and one is"
                            + " to be copied there");
                }
            }
        }
    }

    private void copyFile(FileSource source, TreeScan scan, TreeScan.Entry entry, byte[] path) {
        try (var from = scan.read(entry);
                var sink = files.file(path, stamp.of(entry, source.xattrs(scan, from, entry)))) {
            sink.transferFrom(from, entry.size());
            sink.finish();
        }
    }

    @Override
    public void unpack(
            FileSource source,
            TreeScan.Entry archive,
            byte[] target,
            UnaryOperator<Attributes> change,
            ImageLimits limits) {
        directories(target);
        Archives.unpack(source, archive, files, followLast(target), change, limits);
    }

    @Override
    public void close() {
        files.close();
    }
}
