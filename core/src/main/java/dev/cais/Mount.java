package dev.cais;

import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Something of a file system at a path of a container, as {@code --mount type=…}.
 *
 * <p>A target is made if it is missing, in the container's own files and by root: a directory, or an empty file to bind a file on.
 * Symbolic links on its way are followed as the container's processes would follow them. Of two targets, the one above is mounted
 * first.
 */
public sealed interface Mount {
    /** Where in the container: absolute, without {@code .} and {@code ..}, not {@code /}, not in {@code /proc}. */
    String target();

    boolean readOnly();

    static OfVolume volume(String name, String target) {
        return new OfVolume(name, "", target, false, true);
    }

    /** An anonymous volume. */
    static OfVolume volume(String target) {
        return volume("", target);
    }

    static OfBind bind(Path source, String target) {
        return new OfBind(source.toAbsolutePath(), target, false, false, Propagation.PRIVATE);
    }

    static OfImage image(String image, String target) {
        return new OfImage(image, "", target);
    }

    static OfTmpfs tmpfs(String target) {
        return new OfTmpfs(target, false, ByteSize.UNLIMITED, 01777, false);
    }

    /**
     * A volume of the store; made if there is none of that name.
     *
     * @param name empty for an anonymous one, which goes with the container
     * @param subpath directory or file in the volume, which must be there, with no link on the way; empty for all of it
     * @param readOnly with all that is mounted in it
     * @param copy whether an empty volume is first filled with what the image has there: files with owner, mode, times and extended
     *     attributes. Not for a subpath.
     */
    record OfVolume(String name, String subpath, String target, boolean readOnly, boolean copy) implements Mount {
        public OfVolume {
            target = checked(target);
            subpath = checkedSubpath(subpath, "a volume", target);
            if (!name.isEmpty()) {
                Volume.requireName(name);
            } else if (!subpath.isEmpty()) {
                throw new InvalidSpecException("cannot mount " + subpath + " of an anonymous volume at " + target
                        + ": such a volume is empty before its container starts");
            }
        }

        public OfVolume subpath(String changed) {
            return new OfVolume(name, changed, target, readOnly, copy);
        }

        public OfVolume readOnly(boolean changed) {
            return new OfVolume(name, subpath, target, changed, copy);
        }

        public OfVolume copy(boolean changed) {
            return new OfVolume(name, subpath, target, readOnly, changed);
        }
    }

    /**
     * A file or directory of the host, with all that is mounted in it. Symbolic links in the source are followed on the host, but
     * for those of {@code /proc} that stand for open files.
     *
     * @param source absolute
     * @param readOnly with all that is mounted in it
     * @param createSource whether a missing source is made, as a directory; refused otherwise
     */
    record OfBind(Path source, String target, boolean readOnly, boolean createSource, Propagation propagation)
            implements Mount {
        public OfBind {
            target = checked(target);
            if (!source.isAbsolute() || !source.getFileSystem().equals(FileSystems.getDefault())) {
                throw new InvalidSpecException(
                        "cannot bind " + source + " at " + target + ": it is not an absolute path of this host");
            }
        }

        public OfBind readOnly(boolean changed) {
            return new OfBind(source, target, changed, createSource, propagation);
        }

        public OfBind createSource(boolean changed) {
            return new OfBind(source, target, readOnly, changed, propagation);
        }

        public OfBind propagation(Propagation changed) {
            return new OfBind(source, target, readOnly, createSource, changed);
        }
    }

    /**
     * The files of an image of the store, as {@code --mount type=image}: read-only, and the image is in use as long as the container
     * is there.
     *
     * @param image name or id, of an image for any platform
     * @param subpath directory or file in the image, which must be there, with no link on the way; empty for all of it
     */
    record OfImage(String image, String subpath, String target) implements Mount {
        public OfImage {
            target = checked(target);
            subpath = checkedSubpath(subpath, "image " + image, target);
            if (image.isEmpty()) {
                throw new InvalidSpecException("cannot mount an image at " + target + ": its name is empty");
            }
        }

        public OfImage subpath(String changed) {
            return new OfImage(image, changed, target);
        }

        /** Always. */
        @Override
        public boolean readOnly() {
            return true;
        }
    }

    /**
     * Memory, empty at each start. Set-user-id bits and devices have no effect there.
     *
     * @param size {@link ByteSize#UNLIMITED} for the kernel's default: half of the memory
     * @param mode of its top directory, as {@code 01777}
     * @param executable whether programs there can be executed
     */
    record OfTmpfs(String target, boolean readOnly, ByteSize size, int mode, boolean executable) implements Mount {
        public OfTmpfs {
            target = checked(target);
            if ((mode & ~07777) != 0) {
                throw new InvalidSpecException("cannot mount tmpfs at " + target + " with mode "
                        + Integer.toOctalString(mode) + ": a mode has four octal digits");
            }
            if (size.bytes() == 0) {
                throw new InvalidSpecException("cannot mount tmpfs at " + target + " with no room at all");
            }
        }

        public OfTmpfs readOnly(boolean changed) {
            return new OfTmpfs(target, changed, size, mode, executable);
        }

        public OfTmpfs size(ByteSize limit) {
            return new OfTmpfs(target, readOnly, limit, mode, executable);
        }

        public OfTmpfs mode(int changed) {
            return new OfTmpfs(target, readOnly, size, changed, executable);
        }

        public OfTmpfs executable(boolean changed) {
            return new OfTmpfs(target, readOnly, size, mode, changed);
        }
    }

    /**
     * What becomes of file systems that are mounted in a bound directory later, here or there; for all mounts in it.
     *
     * @see <a href="https://docs.kernel.org/filesystems/sharedsubtree.html">Linux, Shared Subtrees</a>
     */
    enum Propagation {
        /** Neither side sees the other's, as Docker's {@code rprivate}. */
        PRIVATE,
        /** The container sees the host's, if they are on a shared mount there: {@code rslave}. */
        SLAVE,
        /** Each sees the other's, if the host's mount is shared: {@code rshared}. */
        SHARED
    }

    private static String checked(String target) {
        if (target.indexOf('\0') >= 0) {
            throw new InvalidSpecException("cannot mount at '" + target.replace('\0', '?') + "': it has a NUL");
        }
        var names = names(target);
        if (!target.startsWith("/") || names.isEmpty() || names.contains(".") || names.contains("..")) {
            throw new InvalidSpecException(
                    "cannot mount at '" + target + "': a target is absolute, without . and .., and not /");
        }
        if (names.get(0).equals("proc")) {
            throw new InvalidSpecException(
                    "cannot mount at " + target + ": /proc is the kernel's alone", "choose another target");
        }
        return "/" + String.join("/", names);
    }

    private static String checkedSubpath(String subpath, String whole, String target) {
        var names = names(subpath);
        if (subpath.startsWith("/")
                || subpath.indexOf('\0') >= 0
                || names.contains(".")
                || names.contains("..")
                || names.isEmpty() && !subpath.isEmpty()) {
            throw new InvalidSpecException("cannot mount '" + subpath.replace('\0', '?') + "' of " + whole + " at "
                    + target + ": a subpath is relative, without . and ..");
        }
        return String.join("/", names);
    }

    private static List<String> names(String path) {
        var names = new ArrayList<String>();
        for (var name : path.split("/")) {
            if (!name.isEmpty()) {
                names.add(name);
            }
        }
        return names;
    }
}
