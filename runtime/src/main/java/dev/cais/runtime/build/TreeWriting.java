package dev.cais.runtime.build;

import dev.cais.ConflictException;
import dev.cais.image.dockerfile.ModeChange;
import dev.cais.linux.Fd;
import dev.cais.linux.Scratch;
import dev.cais.linux.Statx;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import dev.cais.storage.Attributes;
import dev.cais.storage.FileOperations;
import dev.cais.storage.InRoot;
import dev.cais.storage.NodeType;
import dev.cais.storage.TreeScan;
import dev.cais.storage.Xattr;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * Writes what a build copies or makes below a root. Directories that are there keep their times, so that the same files give the same
 * layer; those that are missing are made. For one thread.
 */
final class TreeWriting implements AutoCloseable {
    private static final int LARGEST_CAPABILITY = 64;
    private static final String CAPABILITY = "security.capability";

    private final String name;
    private final InRoot paths;
    private final FileOperations files;
    private final Optional<BuildHost.Owner> owner;
    private final Optional<ModeChange> mode;
    private final int directoryMode;
    private final UnaryOperator<Instant> clamp;
    private final Instant now;
    private final Set<String> made = new HashSet<>();

    /**
     * @param root not closed
     * @param name for messages
     * @param owner of all that is written, if it is not the files' own
     * @param mode of all that is written; an octal one is that of directories that are made, too
     * @param clamp of files' times
     * @param now of directories that are made
     */
    TreeWriting(
            Fd root,
            String name,
            Optional<BuildHost.Owner> owner,
            Optional<ModeChange> mode,
            UnaryOperator<Instant> clamp,
            Instant now) {
        this.name = name;
        this.paths = new InRoot(root, name);
        this.files = FileOperations.in(root, name, new byte[0]);
        this.owner = owner;
        this.mode = mode;
        this.directoryMode =
                mode.flatMap(ModeChange::octal).map(bits -> bits & 0777).orElse(0755);
        this.clamp = clamp;
        this.now = now;
    }

    FileOperations files() {
        return files;
    }

    InRoot paths() {
        return paths;
    }

    /** Makes a directory with those above it, as far as they are missing. */
    void directories(byte[] path) {
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
        var as = owner.orElse(BuildHost.Owner.ROOT);
        files.directory(to, new Attributes(as.uid(), as.gid(), directoryMode, now, now, List.of()));
    }

    /** Makes the first directories of a path below another as those of a source are. */
    void directories(byte[] below, byte[] path, List<TreeScan.Entry> alike) {
        directories(below);
        var at = below;
        var names = FileSource.text(path).split("/");
        for (var i = 0; i < alike.size(); i++) {
            at = InRoot.join(at, names[i].getBytes(StandardCharsets.UTF_8));
            requireKind(at, true);
            files.directory(at, attributes(alike.get(i), List.of()));
        }
    }

    /** Gives a directory another time. */
    void modified(byte[] path, Instant modified) {
        var stat = new Statx();
        try (var there = paths.find(path).orElseThrow()) {
            Syscalls.checked("cannot look at " + InRoot.shown(path), Syscall.STATX, stat.of(there.number()));
        }
        var time = clamp.apply(modified);
        files.directory(path, new Attributes(stat.uid(), stat.gid(), stat.mode(), time, time, List.of()));
    }

    /** A small file. */
    void file(byte[] path, byte[] content, int usualMode) {
        directories(InRoot.parent(path));
        var as = owner.orElse(BuildHost.Owner.ROOT);
        var bits = mode.map(change -> change.apply(usualMode, false)).orElse(usualMode);
        try (var sink = files.file(path, new Attributes(as.uid(), as.gid(), bits, now, now, List.of()))) {
            sink.write(content, 0, content.length);
            sink.finish();
        }
    }

    /**
     * Copies a file, or what is in a directory and the directory itself if it is not there yet. Names of one file stay that.
     *
     * @param target of the chosen file or directory, links at its end followed
     */
    void copy(FileSource source, FileSource.Chosen chosen, byte[] target) {
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
                    files.directory(path, attributes(entry, List.of()));
                }
            } else if (entry.isLink()) {
                files.symlink(path, entry.target(), attributes(entry, List.of()));
            } else if (entry.isFile()) {
                var known = entry.identity().map(identity -> names.putIfAbsent(identity, path));
                if (known.isPresent()) {
                    files.hardLink(path, known.get());
                } else {
                    copyFile(source, scan, entry, path);
                }
            } else {
                files.node(path, NodeType.FIFO, 0, 0, attributes(entry, List.of()));
            }
        }
        // a directory has other times once something was written into it
        for (var i = chosen.entries().size() - 1; i >= 0; i--) {
            var entry = chosen.entries().get(i);
            var relative = chosen.relative(entry);
            if (entry.isDirectory() && (relative.length > 0 || !keepsTop)) {
                files.directory(
                        relative.length == 0 ? target : InRoot.join(target, relative), attributes(entry, List.of()));
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
                var sink =
                        files.file(path, attributes(entry, source.hasOwners() ? capability(from) : List.<Xattr>of()))) {
            sink.transferFrom(from, entry.size());
            sink.finish();
        }
    }

    private Attributes attributes(TreeScan.Entry entry, List<Xattr> xattrs) {
        var uid = owner.map(BuildHost.Owner::uid).orElse((int) entry.uid());
        var gid = owner.map(BuildHost.Owner::gid).orElse((int) entry.gid());
        var bits = entry.isLink()
                ? entry.mode()
                : mode.map(change -> change.apply(entry.mode(), entry.isDirectory()))
                        .orElse(entry.mode());
        var time = clamp.apply(entry.modified());
        return new Attributes(Integer.toUnsignedLong(uid), Integer.toUnsignedLong(gid), bits, time, time, xattrs);
    }

    private static List<Xattr> capability(Fd file) {
        try (var scratch = Scratch.frame()) {
            var value = scratch.take(LARGEST_CAPABILITY);
            var length = Syscalls.call(
                    Syscall.FGETXATTR,
                    file.number(),
                    scratch.path(CAPABILITY),
                    Scratch.address(value),
                    value.capacity());
            if (length <= 0) {
                return List.of();
            }
            var content = new byte[(int) length];
            value.get(0, content);
            return List.of(new Xattr(CAPABILITY, content));
        }
    }

    @Override
    public void close() {
        files.close();
    }
}
