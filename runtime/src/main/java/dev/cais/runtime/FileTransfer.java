package dev.cais.runtime;

import dev.cais.ByteSize;
import dev.cais.ConflictException;
import dev.cais.CopySource;
import dev.cais.FileStat;
import dev.cais.ImageLimits;
import dev.cais.NotFoundException;
import dev.cais.StorageException;
import dev.cais.image.layer.TarTree;
import dev.cais.linux.Abi;
import dev.cais.linux.Fd;
import dev.cais.linux.FileCalls;
import dev.cais.linux.Scratch;
import dev.cais.linux.Statx;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import dev.cais.storage.Attributes;
import dev.cais.storage.FileOperations;
import dev.cais.storage.InRoot;
import dev.cais.storage.TreeCopy;
import dev.cais.storage.TreeWalk;
import dev.cais.storage.Xattr;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Copies between the host and a container's root, with the rules of {@code docker cp}: what a path stands for depends on its end, and on
 * what is there.
 *
 * <p>Everything goes through {@link FileOperations} and {@link TreeWalk}, on both sides: neither a link of the container nor one
 * that it makes meanwhile leads anywhere else.
 */
final class FileTransfer {
    private static final int BUFFER = 256 * 1024;
    private static final int PERMISSIONS = 0777;
    private static final int STICKY = 01000;
    private static final int DEFAULT_MODE = 0644;

    private final Fd root;
    private final String name;
    private final InRoot paths;

    /**
     * @param root of the container
     * @param name for messages: {@code container web}
     */
    FileTransfer(Fd root, String name) {
        this.root = root;
        this.name = name;
        this.paths = new InRoot(root, name);
    }

    /** What is at a path, a link itself unless a directory is asked for. */
    Optional<FileStat> stat(String path) {
        var clean = InRoot.path(path);
        var asksForDirectory = InRoot.asksForDirectory(path);
        var found = asksForDirectory ? paths.find(clean) : paths.findItself(clean);
        if (found.isEmpty()) {
            return Optional.empty();
        }
        try (var file = found.get()) {
            var stat = new Statx();
            Syscalls.checked(
                    "cannot look at " + InRoot.shown(clean) + " in " + name, Syscall.STATX, stat.of(file.number()));
            if (asksForDirectory && !stat.isDirectory()) {
                return Optional.empty();
            }
            return Optional.of(new FileStat(
                    clean.length == 0 ? "/" : new String(InRoot.last(clean), StandardCharsets.UTF_8),
                    kind(stat),
                    ByteSize.bytes(stat.size()),
                    stat.mode(),
                    stat.uid(),
                    stat.gid(),
                    Instant.ofEpochSecond(stat.modifiedSeconds(), stat.modifiedNanos()),
                    InRoot.linkTarget(file)
                            .map(target -> new String(target, StandardCharsets.UTF_8))
                            .orElse("")));
        }
    }

    private static FileStat.Kind kind(Statx stat) {
        return switch (stat.type()) {
            case Abi.S_IFDIR -> FileStat.Kind.DIRECTORY;
            case Abi.S_IFLNK -> FileStat.Kind.LINK;
            case Abi.S_IFCHR -> FileStat.Kind.CHARACTER_DEVICE;
            case Abi.S_IFBLK -> FileStat.Kind.BLOCK_DEVICE;
            case Abi.S_IFIFO -> FileStat.Kind.FIFO;
            case Abi.S_IFSOCK -> FileStat.Kind.SOCKET;
            default -> FileStat.Kind.FILE;
        };
    }

    // ---- into the container

    void copyIn(CopySource source, String destination, ImageLimits limits) {
        var origin = source.origin();
        if (origin instanceof CopySource.HostPath host) {
            copyHostPath(source, host.path(), destination);
        } else if (origin instanceof CopySource.Tar tar) {
            extract(source, tar.stream(), destination, limits);
        } else if (origin instanceof CopySource.Resource resource) {
            copyResource(source, resource, destination);
        } else if (origin instanceof CopySource.Bytes bytes) {
            writeFile(source, new ByteArrayInputStream(bytes.content()), destination, "");
        }
    }

    private void copyHostPath(CopySource source, Path path, String destination) {
        var what = "cannot copy " + path + " to " + destination + " of " + name;
        var last = path.getFileName();
        var isContents = last == null || last.toString().equals(".");
        try (var opened = open(what, path, isContents ? 0 : Abi.O_NOFOLLOW)) {
            var isDirectory = InRoot.isDirectory(opened);
            var own = last == null ? "" : last.toString();
            var target = target(what, destination, isDirectory, isContents, own);
            var keepsTop = isContents && paths.isDirectory(target);
            try (var files = FileOperations.in(root, name, isDirectory ? target : InRoot.parent(target))) {
                TreeCopy.copy(
                        opened,
                        path.toString(),
                        files,
                        target,
                        new TreeCopy.Rules(
                                file -> attributes(source, file, true),
                                directory -> attributes(source, directory, false),
                                true,
                                keepsTop));
            }
        }
    }

    /** Where something goes that has a name of its own. */
    private byte[] target(String what, String destination, boolean isDirectory, boolean isContents, String own) {
        var path = InRoot.path(destination);
        var found = paths.find(path);
        if (found.isPresent()) {
            try (var there = found.get()) {
                if (InRoot.isDirectory(there)) {
                    return isContents ? path : InRoot.join(path, own.getBytes(StandardCharsets.UTF_8));
                }
            }
            if (isDirectory || InRoot.asksForDirectory(destination)) {
                throw new ConflictException(what + ": " + destination + " is no directory", "choose another name");
            }
            return paths.followLast(path);
        }
        var target = paths.followLast(path);
        var missing = !isDirectory && InRoot.asksForDirectory(destination) ? target : InRoot.parent(target);
        if (!paths.isDirectory(missing)) {
            throw new NotFoundException(
                    what + ": there is no directory " + InRoot.shown(missing) + " in it", "make it first");
        }
        return target;
    }

    private void copyResource(CopySource source, CopySource.Resource resource, String destination) {
        try (var stream = resource.beside().getResourceAsStream(resource.name())) {
            if (stream == null) {
                throw new NotFoundException("cannot copy " + source + " to " + destination + " of " + name
                        + ": the class path has none of that name beside "
                        + resource.beside().getName());
            }
            writeFile(
                    source,
                    stream,
                    destination,
                    resource.name().substring(resource.name().lastIndexOf('/') + 1));
        } catch (IOException e) {
            throw unreadable(source, e);
        }
    }

    /** @param own its name if the destination is a directory; empty if it has none */
    private void writeFile(CopySource source, InputStream content, String destination, String own) {
        var what = "cannot copy " + source + " to " + destination + " of " + name;
        var target = target(what, destination, false, false, own);
        if (own.isEmpty() && paths.isDirectory(target)) {
            throw new ConflictException(what + ": it is a directory", "name the file");
        }
        var now = Instant.now();
        var plain = new Attributes(0, 0, DEFAULT_MODE, now, now, List.of());
        try (var files = FileOperations.in(root, name, InRoot.parent(target));
                var sink = files.file(target, attributes(source, plain, true))) {
            var buffer = new byte[BUFFER];
            for (var count = content.read(buffer); count >= 0; count = content.read(buffer)) {
                sink.write(buffer, 0, count);
            }
            sink.finish();
        } catch (IOException e) {
            throw unreadable(source, e);
        }
    }

    private void extract(CopySource source, InputStream tar, String destination, ImageLimits limits) {
        var path = InRoot.path(destination);
        if (!paths.isDirectory(path)) {
            var what = "cannot unpack an archive in " + destination + " of " + name;
            if (paths.find(path).map(FileTransfer::close).isPresent()) {
                throw new ConflictException(what + ": it is no directory", "choose another name");
            }
            throw new NotFoundException(what + ": there is no such directory", "make it first");
        }
        try (var files = FileOperations.in(root, name, path)) {
            TarTree.extract(tar, "archive for " + name, files, path, each -> ofEntry(source, each), limits);
        }
    }

    private static boolean close(Fd file) {
        file.close();
        return true;
    }

    private static Attributes ofEntry(CopySource source, Attributes own) {
        var owner = source.owner();
        return new Attributes(
                owner.map(CopySource.Owner::uid).orElse(own.uid()),
                owner.map(CopySource.Owner::gid).orElse(own.gid()),
                own.mode(),
                own.modified(),
                own.accessed(),
                own.xattrs());
    }

    /** Of extended attributes capabilities alone, as in Docker: others may mean nothing to the container's file systems. */
    private static Attributes attributes(CopySource source, Attributes own, boolean isFile) {
        var owner = source.owner();
        var keeps = source.keepsOwner();
        return new Attributes(
                owner.map(CopySource.Owner::uid).orElse(keeps ? own.uid() : 0),
                owner.map(CopySource.Owner::gid).orElse(keeps ? own.gid() : 0),
                isFile ? source.mode().orElse(own.mode()) : own.mode(),
                own.modified(),
                own.accessed(),
                own.xattrs().stream().filter(FileTransfer::isCapability).toList());
    }

    private static boolean isCapability(Xattr xattr) {
        return xattr.name().equals("security.capability");
    }

    private static StorageException unreadable(CopySource source, IOException cause) {
        return new StorageException("cannot read " + source + ": " + cause.getMessage(), Map.of(), "", cause);
    }

    // ---- out of the container

    /** What a user's path stands for, open as a place. */
    private Fd source(String what, String source) {
        var path = InRoot.path(source);
        var followed = InRoot.asksForDirectory(source);
        var found = (followed ? paths.find(path) : paths.findItself(path))
                .orElseThrow(() -> new NotFoundException(what + ": there is no such file or directory in " + name));
        if (followed && !InRoot.isDirectory(found)) {
            found.close();
            throw new ConflictException(what + " of " + name + ": it is no directory");
        }
        return found;
    }

    void copyOut(String source, Path destination) {
        var what = "cannot copy " + source + " to " + destination;
        var last = InRoot.last(InRoot.path(source));
        var isContents = InRoot.asksForContents(source) || last.length == 0;
        try (var found = source(what, source)) {
            var isDirectory = InRoot.isDirectory(found);
            var real = real(what, destination);
            var isInto = Files.isDirectory(real);
            if (!isInto && isDirectory && Files.exists(real, LinkOption.NOFOLLOW_LINKS)) {
                throw new ConflictException(what + ": " + destination + " is no directory", "choose another name");
            }
            var parent = isInto ? real : Optional.ofNullable(real.getParent()).orElse(Path.of("/"));
            var target = isInto ? (isContents ? new byte[0] : last) : name(real);
            if (!Files.isDirectory(parent)) {
                throw new NotFoundException(what + ": there is no directory " + parent, "make it first");
            }
            try (var directory = open(what, parent, 0);
                    var files = FileOperations.in(directory, parent.toString(), isDirectory ? target : new byte[0])) {
                TreeCopy.copy(
                        found,
                        name,
                        files,
                        target,
                        new TreeCopy.Rules(
                                FileTransfer::ofHostFile, FileTransfer::ofHostDirectory, false, isInto && isContents));
            }
        }
    }

    private static byte[] name(Path path) {
        return String.valueOf(path.getFileName()).getBytes(StandardCharsets.UTF_8);
    }

    private static Path real(String what, Path destination) {
        try {
            return Files.exists(destination)
                    ? destination.toRealPath()
                    : destination.toAbsolutePath().normalize();
        } catch (IOException e) {
            throw new StorageException(what + ": " + e.getMessage(), Map.of(), "", e);
        }
    }

    /** The JVM's user's, and so without bits that would let others act for that user. */
    private static Attributes ofHostFile(Attributes own) {
        return ofHost(own, PERMISSIONS);
    }

    private static Attributes ofHostDirectory(Attributes own) {
        return ofHost(own, PERMISSIONS | STICKY);
    }

    private static Attributes ofHost(Attributes own, int bits) {
        return new Attributes(
                FileCalls.ownUser(),
                FileCalls.ownGroup(),
                own.mode() & bits,
                own.modified(),
                own.accessed(),
                List.of());
    }

    void copyOut(String source, OutputStream tar) {
        var cannot = "cannot copy " + source + " of " + name;
        var last = InRoot.asksForContents(source) ? new byte[0] : InRoot.last(InRoot.path(source));
        try (var found = source(cannot, source)) {
            TarTree.write(
                    tar, cannot, true, visitor -> TreeWalk.walk(found, last, name, TreeWalk.Scope.ALL_MOUNTS, visitor));
        }
    }

    /** The whole tree, without what is mounted in it. */
    void export(OutputStream tar) {
        TarTree.write(
                tar,
                "cannot export " + name,
                false,
                visitor -> TreeWalk.walk(root, new byte[0], name, TreeWalk.Scope.ONE_MOUNT, visitor));
    }

    private static Fd open(String what, Path path, int flags) {
        try (var scratch = Scratch.frame()) {
            var opened = Syscalls.call(
                    Syscall.OPENAT, Abi.AT_FDCWD, scratch.path(path.toString()), Abi.O_PATH | Abi.O_CLOEXEC | flags);
            if (opened < 0 && !Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
                throw new NotFoundException(what + ": the host has no such file or directory");
            }
            return Fd.of(Syscalls.checked(what, Syscall.OPENAT, opened));
        }
    }
}
