package dev.cais.runtime;

import dev.cais.StorageException;
import dev.cais.linux.Abi;
import dev.cais.linux.Fd;
import dev.cais.linux.Lookup;
import dev.cais.linux.Scratch;
import dev.cais.linux.Statx;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.io.ByteArrayOutputStream;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Looks into the root file system of a running container, whose processes may change it meanwhile: the kernel resolves each path
 * within that root, so that no link leads out of it, and only regular files are read or written.
 *
 * @see <a href="https://man7.org/linux/man-pages/man2/openat2.2.html">openat2(2), RESOLVE_IN_ROOT</a>
 */
final class RunningRoot {
    private static final int WITHIN = Abi.RESOLVE_IN_ROOT | Abi.RESOLVE_NO_MAGICLINKS;
    private static final int STATX_MODE_OFFSET = 28;
    private static final int STATX_TYPE = 1;
    private static final int S_IFMT = 0170000;
    private static final int CHUNK = 1 << 14;

    private RunningRoot() {}

    static Accounts accounts(int pid) {
        try (var root = open(pid)) {
            return Accounts.parse(
                    read(root, "/etc/passwd").orElse(new byte[0]),
                    read(root, "/etc/group").orElse(new byte[0]));
        }
    }

    private static Fd open(int pid) {
        try (var scratch = Scratch.frame()) {
            return Fd.of(Syscalls.checked(
                    "cannot look into a container",
                    Syscall.OPENAT,
                    Syscalls.call(
                            Syscall.OPENAT,
                            Abi.AT_FDCWD,
                            scratch.path("/proc/" + pid + "/root"),
                            Abi.O_PATH | Abi.O_DIRECTORY | Abi.O_CLOEXEC)));
        }
    }

    /** Whether a file of any kind is there, at the end of all links. */
    static boolean has(int pid, String path) {
        try (var root = open(pid);
                var scratch = Scratch.frame()) {
            var opened = Lookup.open(root.number(), scratch.path(path), Abi.O_PATH, WITHIN);
            if (opened >= 0) {
                Fd.of(opened).close();
            }
            return opened >= 0;
        }
    }

    private static Optional<byte[]> read(Fd root, String path) {
        try (var scratch = Scratch.frame()) {
            // O_NONBLOCK: a fifo in the file's place must not make this wait
            var opened = Lookup.open(root.number(), scratch.path(path), Abi.O_NONBLOCK | Abi.O_NOCTTY, WITHIN);
            if (opened < 0) {
                return Optional.empty();
            }
            try (var file = Fd.of(opened)) {
                return isRegular(file)
                        ? Optional.of(content(file, path + " of a container", Accounts.LARGEST_FILE))
                        : Optional.empty();
            }
        }
    }

    /**
     * Opens a file for reading and writing that is mounted there and has no name anywhere, as those of {@link EtcFiles}; so it is none that
     * a container's processes could have put in the place of another.
     *
     * @param work not done if the file is missing or of another kind
     */
    static void withUnnamed(int pid, String path, Consumer<Fd> work) {
        try (var root = open(pid);
                var scratch = Scratch.frame()) {
            var opened = Lookup.open(
                    root.number(),
                    scratch.path(path),
                    Abi.O_RDWR | Abi.O_NONBLOCK | Abi.O_NOCTTY,
                    WITHIN | Abi.RESOLVE_NO_SYMLINKS);
            if (opened >= 0) {
                try (var file = Fd.of(opened)) {
                    var status = new Statx();
                    if (status.of(file.number()) == 0 && status.type() == Abi.S_IFREG && status.links() == 0) {
                        work.accept(file);
                    }
                }
            }
        }
    }

    private static boolean isRegular(Fd file) {
        try (var scratch = Scratch.frame()) {
            var statx = scratch.take(256);
            var result = Syscalls.call(
                    Syscall.STATX,
                    file.number(),
                    scratch.path(""),
                    Abi.AT_EMPTY_PATH,
                    STATX_TYPE,
                    Scratch.address(statx));
            return result == 0 && (statx.getShort(STATX_MODE_OFFSET) & S_IFMT) == Abi.S_IFREG;
        }
    }

    /**
     * What is left to read of a file.
     *
     * @throws StorageException if that is more than {@code limit} bytes
     */
    static byte[] content(Fd file, String name, int limit) {
        var content = new ByteArrayOutputStream();
        try (var scratch = Scratch.frame()) {
            var chunk = scratch.take(CHUNK);
            while (true) {
                var count = (int) Syscalls.checked(
                        "cannot read " + name,
                        Syscall.READ,
                        Syscalls.call(Syscall.READ, file.number(), Scratch.address(chunk), CHUNK));
                if (count == 0) {
                    return content.toByteArray();
                }
                if (content.size() + count > limit) {
                    throw new StorageException("cannot read " + name + ": it is larger than " + limit + " bytes");
                }
                var bytes = new byte[count];
                chunk.get(0, bytes);
                content.writeBytes(bytes);
            }
        }
    }
}
