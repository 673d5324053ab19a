package dev.cais.runtime.build;

import dev.cais.BuildException;
import dev.cais.Digest;
import dev.cais.InvalidSpecException;
import dev.cais.KernelException;
import dev.cais.NotFoundException;
import dev.cais.image.dockerfile.Glob;
import dev.cais.image.dockerfile.PathPatterns;
import dev.cais.image.layer.Workers;
import dev.cais.image.oci.Shown;
import dev.cais.image.oci.Spelling;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.Syscall;
import dev.cais.storage.FileHashes;
import dev.cais.storage.InRoot;
import dev.cais.storage.TreeScan;
import dev.cais.storage.Xattr;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * A tree that files are copied from: a context, or what a stage has come to. Links of a path that the Dockerfile names are followed within
 * it; others are copied. For one thread.
 */
final class FileSource implements AutoCloseable {
    private static final int MOST_LINKS = 40;
    private static final int MANY = 64;
    private static final int MANY_DIRECTORIES = 8;
    private static final int MOST_THREADS = 4;

    private final Fd root;
    private final String name;
    private final PathPatterns ignored;
    private final boolean owners;
    private final FileHashes hashes;
    private final InRoot paths;
    private final TreeScan scan;

    /**
     * @param root closed with this
     * @param name for messages: {@code context app}
     * @param ignored what is not seen of it
     * @param owners whether files keep their owners, and extended attributes
     */
    FileSource(Fd root, String name, PathPatterns ignored, boolean owners, FileHashes hashes) {
        this.root = root;
        this.name = name;
        this.ignored = ignored;
        this.owners = owners;
        this.hashes = hashes;
        this.paths = new InRoot(root, name);
        this.scan = new TreeScan(root, name);
    }

    /**
     * A file or a directory that is copied with all below it.
     *
     * @param path as it was written, without {@code .} and {@code ..}
     * @param start where that leads to
     * @param entries what is copied of it, the start first unless it is left out
     */
    record Chosen(byte[] path, byte[] start, boolean directory, List<TreeScan.Entry> entries) {
        Chosen {
            entries = List.copyOf(entries);
        }

        /** A path below the start, relative to it; empty for the start itself. */
        byte[] relative(TreeScan.Entry entry) {
            var from = start.length == 0 ? 0 : Math.min(start.length + 1, entry.path().length);
            return Arrays.copyOfRange(entry.path(), from, entry.path().length);
        }
    }

    boolean hasOwners() {
        return owners;
    }

    /**
     * The extended attributes that a copy keeps, in order of their names: of a stage's or an image's files, which are made for containers.
     * Those of a context's are this host's: where a browser had a file from, who else of its users may read it.
     */
    List<Xattr> xattrs(TreeScan.Entry entry) {
        return xattrs(scan, entry);
    }

    /** @param by this thread's own */
    List<Xattr> xattrs(TreeScan by, TreeScan.Entry entry) {
        return owners ? by.xattrs(entry) : List.of();
    }

    /** @param file the entry's, open */
    List<Xattr> xattrs(TreeScan by, Fd file, TreeScan.Entry entry) {
        return owners ? by.xattrs(file, entry) : List.of();
    }

    TreeScan scan() {
        return scan;
    }

    /** For another thread; of use as long as this is open. */
    TreeScan anotherScan() {
        return new TreeScan(root, name);
    }

    /** Copied it would not be what the step's key says. */
    BuildException changed() {
        return new BuildException("files of " + name + " changed while they were copied", "build it again");
    }

    /** Works on files, of which those of a context may go meanwhile. */
    <T> T whileThere(Supplier<T> work) {
        try {
            return work.get();
        } catch (KernelException e) {
            if (!owners && Errno.of(e.errno()) == Errno.ENOENT) {
                throw changed();
            }
            throw e;
        }
    }

    /** What the files are now, to see whether they have changed when all is copied. */
    boolean isUnchanged(List<Chosen> before, PathPatterns excludes) {
        return before.stream().allMatch(chosen -> {
            var now = below(chosen.start(), chosen.directory(), excludes);
            if (now.size() != chosen.entries().size()) {
                return false;
            }
            for (var i = 0; i < now.size(); i++) {
                var one = now.get(i);
                var other = chosen.entries().get(i);
                if (!Arrays.equals(one.path(), other.path())
                        || one.inode() != other.inode()
                        || !one.changed().equals(other.changed())) {
                    return false;
                }
            }
            return true;
        });
    }

    /**
     * What a path of an instruction stands for.
     *
     * @throws NotFoundException if it is no pattern, and there is no such file
     */
    List<Chosen> choose(String source, PathPatterns excludes) {
        return choose(source, excludes, false);
    }

    /** @param deep whether {@code **} stands for any directories, and not only for one */
    List<Chosen> choose(String source, PathPatterns excludes, boolean deep) {
        if (Glob.isPattern(source)) {
            return matches(source, deep).stream()
                    .map(path -> chosen(path, excludes))
                    .filter(chosen -> !chosen.entries().isEmpty())
                    .toList();
        }
        var path = source.isEmpty() ? new byte[0] : InRoot.path(source);
        var chosen = chosen(path, PathPatterns.NONE);
        if (chosen.entries().isEmpty()) {
            throw missing(source, path, chosen.start());
        }
        return List.of(excludes.isEmpty() ? chosen : chosen(path, excludes));
    }

    /** @param start where the path leads to */
    private NotFoundException missing(String source, byte[] path, byte[] start) {
        if (path.length == 0) {
            return new NotFoundException(
                    name + " has no file at all", ignored.isEmpty() ? "" : "its .dockerignore leaves them out");
        }
        var what = name + " has no file " + Shown.text(text(path));
        if (source.contains("://")) {
            return new NotFoundException(what, "ADD fetches by http, https, git or ssh alone");
        }
        if (!ignored.isEmpty() && ignored.leaveOut(text(start))) {
            return new NotFoundException(what, "its .dockerignore leaves it out");
        }
        if (source.startsWith("..")) {
            return new NotFoundException(
                    what, "nothing above a context is copied: add that directory with BuildSpec.context");
        }
        if (!Arrays.equals(path, start)) {
            return new NotFoundException(
                    what + ": by links it is " + Shown.text(text(start)) + ", which is not there, either");
        }
        return new NotFoundException(what, like(path));
    }

    /** A file beside one that is not there, as {@code did you mean app.jar?}; empty if none has a name like it. */
    String like(byte[] path) {
        var parent = InRoot.parent(path);
        var start = resolve(parent);
        if (!paths.isDirectory(start)) {
            return "";
        }
        var names = scan.in(start, choice(start, true, PathPatterns.NONE)).stream()
                .map(entry -> text(InRoot.last(entry.path())))
                .toList();
        if (names.isEmpty() && parent.length == 0 && !owners) {
            return "it is empty: begin with BuildSpec.of and a directory";
        }
        return Spelling.nearest(text(InRoot.last(path)), names)
                .map(near -> near.equals(text(InRoot.last(path)))
                        ? "it is a link, and where it leads there is nothing"
                        : "did you mean " + Shown.text(parent.length == 0 ? near : text(parent) + "/" + near) + "?")
                .orElse("");
    }

    /** What a path stands for that is no pattern. */
    Chosen only(String path) {
        return choose(literally(path), PathPatterns.NONE).get(0);
    }

    /** A path as a source of files; what stands for other characters in a pattern stands for itself. */
    static String literally(String path) {
        return path.equals("/") || path.equals(".") ? "" : path.replaceAll("([*?\\[\\\\])", "\\\\$1");
    }

    private Chosen chosen(byte[] path, PathPatterns excludes) {
        var start = resolve(path);
        var isDirectory = paths.isDirectory(start);
        return new Chosen(path, start, isDirectory, below(start, isDirectory, excludes));
    }

    /** By several threads, if there are many directories. */
    private List<TreeScan.Entry> below(byte[] start, boolean isDirectory, PathPatterns excludes) {
        var look = scan.look(start, choice(start, isDirectory, excludes));
        if (!scan.carryOut(look, MANY_DIRECTORIES)) {
            inParallel("cais-build-scan", own -> own.carryOut(look));
        }
        return look.found();
    }

    private TreeScan.Choice choice(byte[] start, boolean isDirectory, PathPatterns excludes) {
        return ignored.isEmpty() && excludes.isEmpty()
                ? TreeScan.ALL
                : new Choosing(ignored, start, isDirectory, excludes);
    }

    /** The same by several threads, each with a scan of its own. */
    private void inParallel(String threads, Consumer<TreeScan> work) {
        var count = Math.min(MOST_THREADS, Runtime.getRuntime().availableProcessors());
        Callable<Boolean> each = () -> {
            work.accept(anotherScan());
            return true;
        };
        Workers.run(threads, count, Collections.nCopies(count, each), "cannot read " + name);
    }

    /** The directories on the way to a path, from the outermost in. */
    List<TreeScan.Entry> above(byte[] path) {
        var all = new ArrayList<TreeScan.Entry>();
        for (var parent = InRoot.parent(path); parent.length > 0; parent = InRoot.parent(parent)) {
            var start = resolve(parent);
            all.addAll(scan.below(start, new Alone(text(start))));
        }
        Collections.reverse(all);
        return all;
    }

    /** A directory without what is in it. */
    private record Alone(String directory) implements TreeScan.Choice {
        @Override
        public boolean wants(String path, boolean isDirectory) {
            return path.equals(directory);
        }

        @Override
        public boolean enters(String path) {
            return false;
        }
    }

    private List<byte[]> matches(String pattern, boolean deep) {
        var found = List.of(new byte[0]);
        for (var part : pattern.split("/")) {
            if (part.isEmpty() || part.equals(".")) {
                continue;
            }
            if (part.equals("..")) {
                throw new InvalidSpecException("pattern " + pattern + " leads out of its context");
            }
            if (deep && part.equals("**")) {
                found = found.stream().flatMap(this::directories).toList();
                continue;
            }
            var glob = Glob.parse(part);
            var next = new ArrayList<byte[]>();
            for (var directory : found) {
                var start = resolve(directory);
                for (var entry : scan.in(start, choice(start, true, PathPatterns.NONE))) {
                    var last = InRoot.last(entry.path());
                    if (glob.matches(text(last))) {
                        next.add(InRoot.join(directory, last));
                    }
                }
            }
            found = next;
        }
        return found;
    }

    /** A directory and all those below it, by no link. */
    private Stream<byte[]> directories(byte[] directory) {
        var start = resolve(directory);
        var below = below(start, true, PathPatterns.NONE).stream()
                .filter(entry -> entry.isDirectory() && entry.path().length > start.length)
                .map(entry -> InRoot.join(
                        directory,
                        Arrays.copyOfRange(
                                entry.path(), start.length == 0 ? 0 : start.length + 1, entry.path().length)));
        return Stream.concat(Stream.of(directory), below);
    }

    /** A path without links that leads to the same; where there is nothing, as far as there is. */
    private byte[] resolve(byte[] path) {
        var at = path;
        for (var links = 0; links < MOST_LINKS; links++) {
            var followed = followOne(at);
            if (Arrays.equals(followed, at)) {
                return at;
            }
            at = followed;
        }
        throw Errno.ELOOP.exception("cannot follow " + text(path) + " in " + name, Syscall.OPENAT2);
    }

    private byte[] followOne(byte[] path) {
        for (var end = 0; end <= path.length; end++) {
            if (end > 0 && (end == path.length || path[end] == '/')) {
                var prefix = Arrays.copyOf(path, end);
                var target = paths.followLast(prefix);
                if (!Arrays.equals(target, prefix)) {
                    var rest = Arrays.copyOfRange(path, Math.min(path.length, end + 1), path.length);
                    return rest.length == 0 ? target : InRoot.join(target, rest);
                }
            }
        }
        return path;
    }

    static String text(byte[] path) {
        return new String(path, StandardCharsets.UTF_8);
    }

    /** Says all that matters of what is copied. */
    Digest digest(Chosen chosen) {
        for (var entry : chosen.entries()) {
            if (!entry.isDirectory() && !entry.isFile() && !entry.isLink() && (!owners || entry.isDevice())) {
                var kind = entry.isDevice() ? "a device" : entry.type() == Abi.S_IFSOCK ? "a socket" : "a pipe";
                throw new InvalidSpecException(
                        entry + " of " + name + " is " + kind + ", which a build does not copy",
                        "leave it out with .dockerignore");
            }
        }
        readUnknown(chosen.entries());
        return scan.digest(chosen.entries(), chosen.start().length, owners, hashes);
    }

    /** By several threads, if there are many. */
    private void readUnknown(List<TreeScan.Entry> entries) {
        var unknown = entries.stream()
                .filter(entry -> entry.isFile() && !hashes.knows(entry))
                .toList();
        if (unknown.size() < MANY) {
            return;
        }
        var next = new AtomicInteger();
        inParallel("cais-build-hash", own -> {
            for (var i = next.getAndIncrement(); i < unknown.size(); i = next.getAndIncrement()) {
                own.hash(unknown.get(i), hashes);
            }
        });
    }

    /** What a file of a context held when it was found, if that is known: its sha256. */
    Optional<byte[]> known(TreeScan.Entry entry) {
        return owners || !entry.isFile() ? Optional.empty() : hashes.find(entry);
    }

    /** What files of a context hold, by path. */
    Map<String, String> listing(List<Chosen> all) {
        var listing = new LinkedHashMap<String, String>();
        for (var chosen : all) {
            for (var entry : chosen.entries()) {
                var attributes = Integer.toOctalString(entry.type() | entry.mode());
                var content = entry.isFile()
                        ? scan.hash(entry, hashes).hex().substring(0, 16)
                        : entry.type() == Abi.S_IFLNK ? text(entry.target()) : "";
                listing.put(entry.name(), attributes + " " + content);
            }
        }
        return listing;
    }

    @Override
    public void close() {
        root.close();
    }

    @Override
    public String toString() {
        return name;
    }
}
