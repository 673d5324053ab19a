package dev.cais;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * A layer of files that a Java program gives, for a {@link BuildStage}, or for a {@linkplain BuildContext#files context}. It depends on
 * nothing below it: the same files give the same layer, whatever the image, the day and the machine. The methods return changed copies.
 *
 * <p>Paths are absolute, without {@code ..}. Directories above them that are not given are root's, with mode 0755; so do not write
 * below what is a symbolic link in the image, as {@code /lib} is in many: the directory would stand in its place. What comes later
 * with the same path stands in place of what came before.
 *
 * @param owner of what is added from here on
 * @param time of what is added from here on
 */
public record BuildLayer(List<Entry> entries, CopySource.Owner owner, Instant time) implements BuildInstruction {
    /** Nothing yet: of root, one second after 1970 began, as Jib has it, since some programs take 1970 itself for no time. */
    public static final BuildLayer EMPTY =
            new BuildLayer(List.of(), new CopySource.Owner(0, 0), Instant.ofEpochSecond(1));

    /** @param path absolute */
    public record Entry(String path, Node node, CopySource.Owner owner, Instant time) {
        public Entry {
            if (!path.startsWith("/")
                    || path.indexOf('\0') >= 0
                    || Arrays.asList(path.split("/")).contains("..")) {
                throw new InvalidSpecException("cannot add " + path.replace('\0', '?')
                        + " to a layer: a path is absolute, without '..' and without a NUL");
            }
        }
    }

    /** What stands at a path. */
    public sealed interface Node {}

    /** @param mode permission bits */
    public record File(Content content, int mode) implements Node {
        public File {
            requireMode(mode);
        }
    }

    /** @param mode permission bits */
    public record Directory(int mode) implements Node {
        public Directory {
            requireMode(mode);
        }
    }

    /** A symbolic link. */
    public record Link(String target) implements Node {
        public Link {
            if (target.isEmpty() || target.indexOf('\0') >= 0) {
                throw new InvalidSpecException("cannot add a link to a layer: its target is empty or has a NUL");
            }
        }
    }

    /** What a file holds. It is opened once to be hashed, and again if the store does not have the layer; it must be the same each time. */
    @FunctionalInterface
    public interface Content {
        InputStream open() throws IOException;
    }

    public BuildLayer {
        entries = List.copyOf(entries);
    }

    private static void requireMode(int mode) {
        if (mode < 0 || mode > 07777) {
            throw new InvalidSpecException(
                    "cannot give files mode 0" + Integer.toOctalString(mode) + ": a mode has twelve bits, 0 to 07777");
        }
    }

    /** Whose what is added from here on is. */
    public BuildLayer owner(long uid, long gid) {
        return new BuildLayer(entries, new CopySource.Owner(uid, gid), time);
    }

    /** When what is added from here on was changed. */
    public BuildLayer time(Instant changed) {
        return new BuildLayer(entries, owner, changed);
    }

    /** A file of mode 0644. */
    public BuildLayer file(String path, byte[] content) {
        return file(path, content, 0644);
    }

    /** A text in UTF-8, of mode 0644. */
    public BuildLayer file(String path, String text) {
        return file(path, text.getBytes(StandardCharsets.UTF_8));
    }

    /** @param content not copied */
    public BuildLayer file(String path, byte[] content, int mode) {
        return file(path, () -> new ByteArrayInputStream(content), mode);
    }

    /**
     * A file of the host, with mode 0755 if its owner may execute it, else 0644.
     *
     * @throws StorageException if it cannot be looked at
     */
    public BuildLayer file(String path, Path file) {
        try {
            return file(path, file, usualMode(file));
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    private static int usualMode(Path file) throws IOException {
        return Files.getPosixFilePermissions(file).contains(PosixFilePermission.OWNER_EXECUTE) ? 0755 : 0644;
    }

    private static StorageException unreadable(Path file, IOException cause) {
        return new StorageException("cannot add " + file + " to a layer: " + cause, Map.of(), "", cause);
    }

    public BuildLayer file(String path, Path file, int mode) {
        return file(path, () -> Files.newInputStream(file), mode);
    }

    public BuildLayer file(String path, Content content, int mode) {
        return add(path, new File(content, mode));
    }

    /** A directory of mode 0755. */
    public BuildLayer directory(String path) {
        return directory(path, 0755);
    }

    public BuildLayer directory(String path, int mode) {
        return add(path, new Directory(mode));
    }

    /** @param target of the symbolic link */
    public BuildLayer link(String path, String target) {
        return add(path, new Link(target));
    }

    /**
     * What is in a directory of the host: files as by {@link #file(String, Path)}, directories of mode 0755, symbolic links as they
     * are.
     *
     * @throws StorageException if it cannot be read, or something else is in it
     */
    public BuildLayer tree(String path, Path directory) {
        var all = new ArrayList<>(entries);
        try (var found = Files.walk(directory)) {
            for (var each : found.sorted().toList()) {
                var below = directory.relativize(each).toString();
                all.add(new Entry(below.isEmpty() ? path : path + "/" + below, node(each), owner, time));
            }
        } catch (IOException e) {
            throw unreadable(directory, e);
        }
        return new BuildLayer(all, owner, time);
    }

    private static Node node(Path file) throws IOException {
        if (Files.isSymbolicLink(file)) {
            return new Link(Files.readSymbolicLink(file).toString());
        } else if (Files.isDirectory(file, LinkOption.NOFOLLOW_LINKS)) {
            return new Directory(0755);
        } else if (Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
            return new File(() -> Files.newInputStream(file), usualMode(file));
        }
        throw new StorageException("cannot add " + file + " to a layer: it is a device or a pipe");
    }

    private BuildLayer add(String path, Node node) {
        var all = new ArrayList<>(entries);
        all.add(new Entry(path, node, owner, time));
        return new BuildLayer(all, owner, time);
    }

    /** As in {@code BuildLayer[/app/app.jar and 11 more]}. */
    @Override
    public String toString() {
        return "BuildLayer[" + (entries.isEmpty() ? "empty" : entries.get(0).path())
                + (entries.size() > 1 ? " and " + (entries.size() - 1) + " more" : "") + "]";
    }
}
