package dev.cais.linux;

import dev.cais.KernelException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Files and directories of cgroupfs, /proc and /sys: small, made of text, each write one command to the kernel. Three system
 * calls each, with nothing of {@code java.nio.file} in between.
 */
public final class ControlFile {
    private static final int PAGE = 4096;
    private static final int MAX_SIZE = 1 << 24;

    private ControlFile() {}

    /**
     * Writes the text in one call.
     *
     * @throws KernelException if the kernel refuses
     */
    public static void write(Path file, String text) {
        var result = tryWrite(file, text);
        if (result < 0) {
            throw Errno.of(result).exception("cannot write '" + text + "' to " + file, Syscall.WRITE);
        }
    }

    /** The same; returns 0 or a negated error number. */
    public static long tryWrite(Path file, String text) {
        try (var scratch = Scratch.frame()) {
            var fd = open(scratch, file, Abi.O_WRONLY);
            if (fd < 0) {
                return fd;
            }
            var bytes = text.getBytes(StandardCharsets.UTF_8);
            var written = Syscalls.call(Syscall.WRITE, fd, scratch.bytes(bytes), bytes.length);
            Syscalls.call(Syscall.CLOSE, fd);
            return Math.min(written, 0);
        }
    }

    /**
     * The whole text.
     *
     * @throws KernelException if it cannot be read
     */
    public static String read(Path file) {
        try (var scratch = Scratch.frame()) {
            var fd = Syscalls.checked("cannot read " + file, Syscall.OPENAT, open(scratch, file, Abi.O_RDONLY));
            try {
                var content = new byte[PAGE];
                var length = 0;
                var buffer = scratch.take(PAGE);
                while (true) {
                    var count = Syscalls.call(Syscall.READ, fd, Scratch.address(buffer), PAGE);
                    if (Errno.EINTR.is(count)) {
                        continue;
                    }
                    Syscalls.checked("cannot read " + file, Syscall.READ, count);
                    if (count == 0 || length > MAX_SIZE) {
                        return new String(content, 0, length, StandardCharsets.UTF_8);
                    }
                    if (length + count > content.length) {
                        content = Arrays.copyOf(content, Math.max(content.length * 2, length + (int) count));
                    }
                    buffer.get(0, content, length, (int) count);
                    length += (int) count;
                }
            } finally {
                Syscalls.call(Syscall.CLOSE, fd);
            }
        }
    }

    /**
     * Makes a directory.
     *
     * @throws KernelException if the kernel refuses, {@code EEXIST} included
     */
    public static void makeDirectory(Path directory) {
        try (var scratch = Scratch.frame()) {
            Syscalls.checked(
                    "cannot make " + directory,
                    Syscall.MKDIRAT,
                    Syscalls.call(Syscall.MKDIRAT, Abi.AT_FDCWD, scratch.path(directory.toString()), 0755));
        }
    }

    /** Removes a directory; returns 0 or a negated error number. */
    public static long tryRemoveDirectory(Path directory) {
        try (var scratch = Scratch.frame()) {
            return Syscalls.call(Syscall.UNLINKAT, Abi.AT_FDCWD, scratch.path(directory.toString()), Abi.AT_REMOVEDIR);
        }
    }

    /** Takes hold of a directory, closed on exec. */
    public static Fd openDirectory(Path directory) {
        try (var scratch = Scratch.frame()) {
            return Fd.of(Syscalls.checked(
                    "cannot open " + directory,
                    Syscall.OPENAT,
                    open(scratch, directory, Abi.O_RDONLY | Abi.O_DIRECTORY)));
        }
    }

    private static long open(Scratch scratch, Path file, int flags) {
        long fd;
        do {
            fd = Syscalls.call(Syscall.OPENAT, Abi.AT_FDCWD, scratch.path(file.toString()), flags | Abi.O_CLOEXEC);
        } while (Errno.EINTR.is(fd));
        return fd;
    }
}
