package dev.cais;

import java.nio.file.Path;

/** Something of a file system at a path of a container, as {@code --mount type=…}. */
public sealed interface Mount {
    /** Where in the container: absolute, without {@code .} and {@code ..}, not {@code /}. */
    String target();

    boolean readOnly();

    /**
     * A volume of the store; made if there is none of that name.
     *
     * @param name empty for an anonymous one, which goes with the container
     * @param subpath directory or file in the volume; empty for all of it
     * @param copy whether an empty volume is first filled with what the image has there
     */
    record OfVolume(String name, String subpath, String target, boolean readOnly, boolean copy) implements Mount {
        public OfVolume {
            target = checked(target);
        }
    }

    /**
     * A file or directory of the host.
     *
     * @param source absolute
     * @param createSource whether a missing source is made, as a directory; refused otherwise
     */
    record OfBind(Path source, String target, boolean readOnly, boolean createSource) implements Mount {
        public OfBind {
            target = checked(target);
            if (!source.isAbsolute()) {
                throw new InvalidSpecException("cannot bind " + source + " at " + target + ": it is not absolute");
            }
        }
    }

    /**
     * Memory, empty at each start.
     *
     * @param size {@link ByteSize#UNLIMITED} for the kernel's default: half of the memory
     * @param mode of its top directory, as {@code 01777}
     */
    record OfTmpfs(String target, boolean readOnly, ByteSize size, int mode) implements Mount {
        public OfTmpfs {
            target = checked(target);
            if ((mode & ~07777) != 0) {
                throw new InvalidSpecException("cannot mount tmpfs at " + target + " with mode "
                        + Integer.toOctalString(mode) + ": a mode has four octal digits");
            }
        }
    }

    private static String checked(String target) {
        var path = Path.of(target.isEmpty() ? "." : target);
        var normal = path.normalize();
        if (!path.isAbsolute()
                || normal.getNameCount() == 0
                || target.indexOf('\0') >= 0
                || path.getNameCount() != normal.getNameCount()) {
            throw new InvalidSpecException(
                    "cannot mount at '" + target + "': a target is absolute, without . and .., and not /");
        }
        return normal.toString();
    }
}
