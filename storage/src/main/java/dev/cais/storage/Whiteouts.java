package dev.cais.storage;

import dev.cais.linux.Abi;
import dev.cais.linux.Fd;
import dev.cais.linux.FileCalls;
import dev.cais.linux.Scratch;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * The name space of the extended attributes in which overlayfs keeps its marks: a property of the whole store, since layers
 * are mounted together.
 *
 * @see <a href="https://docs.kernel.org/filesystems/overlayfs.html#whiteouts-and-opaque-directories">Linux, overlayfs,
 *     Whiteouts and opaque directories</a>
 */
public enum Whiteouts {
    /** Of a store that root made. */
    TRUSTED("trusted"),
    /** Of a store to be mounted with {@code userxattr}, inside a user namespace. */
    USER("user");

    private final String nameSpace;

    Whiteouts(String nameSpace) {
        this.nameSpace = nameSpace;
    }

    String nameSpace() {
        return nameSpace;
    }

    /** Marks a directory that hides all of its name in older layers. */
    Xattr opaque() {
        return new Xattr(nameSpace + ".overlay.opaque", new byte[] {'y'});
    }

    private boolean isSetOn(Fd directory) {
        try (var scratch = Scratch.frame()) {
            var value = scratch.take(8);
            var name = scratch.path(opaque().name());
            var length = FileCalls.attribute(directory.number(), name, Scratch.address(value), value.capacity());
            return length == 1 && value.get(0) == 'y';
        }
    }

    /** @param directory any descriptor of one that may hide all of its name in older layers, in a store of either kind */
    static boolean isOpaque(Fd directory) {
        return Arrays.stream(values()).anyMatch(form -> form.isSetOn(directory));
    }

    /** The same by name, no link being followed. */
    public static boolean isOpaque(Path directory) {
        try (var opened = Disk.open(directory, Abi.O_PATH | Abi.O_NOFOLLOW, 0)) {
            return isOpaque(opened);
        }
    }

    /** Whether overlayfs would take an attribute of this name for its own, here or after a copy of the store. */
    static boolean isMark(String xattr) {
        return xattr.startsWith("trusted.overlay.") || xattr.startsWith("user.overlay.");
    }
}
