package dev.cais.storage;

import dev.cais.linux.Fd;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.util.Optional;

/**
 * An extended attribute, as in xattr(7).
 *
 * @param name with its name space, as in {@code security.capability}
 * @param value not copied
 */
public record Xattr(String name, byte[] value) {
    private static final int LARGEST_CAPABILITY = 64;
    private static final String CAPABILITY = "security.capability";

    /**
     * What lets a program do more than its user may (capabilities(7), "File capabilities"); empty for most files.
     *
     * @param file open for reading
     */
    public static Optional<Xattr> capability(Fd file) {
        try (var scratch = Scratch.frame()) {
            var value = scratch.take(LARGEST_CAPABILITY);
            var length = Syscalls.call(
                    Syscall.FGETXATTR,
                    file.number(),
                    scratch.path(CAPABILITY),
                    Scratch.address(value),
                    value.capacity());
            if (length <= 0) {
                return Optional.empty();
            }
            var content = new byte[(int) length];
            value.get(0, content);
            return Optional.of(new Xattr(CAPABILITY, content));
        }
    }
}
