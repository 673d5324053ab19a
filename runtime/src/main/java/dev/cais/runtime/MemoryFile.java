package dev.cais.runtime;

import dev.cais.linux.Abi;
import dev.cais.linux.Fd;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;

/** Bytes as a file without a name, for a process to read as its standard input; it can neither change nor execute it. */
final class MemoryFile {
    private static final int CHUNK = 1 << 15;

    private MemoryFile() {}

    static Fd of(byte[] content) {
        try (var scratch = Scratch.frame();
                var undo = new Undo()) {
            var name = scratch.path("cais-stdin");
            var flags = Abi.MFD_CLOEXEC | Abi.MFD_ALLOW_SEALING;
            var created = Syscalls.call(Syscall.MEMFD_CREATE, name, flags | Abi.MFD_NOEXEC_SEAL);
            if (created < 0) {
                // before Linux 6.3
                created = Syscalls.call(Syscall.MEMFD_CREATE, name, flags);
            }
            var file = undo.add(
                    Fd.of(Syscalls.checked("cannot keep standard input in memory", Syscall.MEMFD_CREATE, created)));
            for (var done = 0; done < content.length; ) {
                try (var frame = Scratch.frame()) {
                    var chunk = frame.take(Math.min(CHUNK, content.length - done));
                    chunk.put(content, done, chunk.capacity());
                    done += (int) Syscalls.checked(
                            "cannot keep standard input in memory",
                            Syscall.PWRITE64,
                            Syscalls.call(
                                    Syscall.PWRITE64, file.number(), Scratch.address(chunk), chunk.capacity(), done));
                }
            }
            Syscalls.call(
                    Syscall.FCNTL,
                    file.number(),
                    Abi.F_ADD_SEALS,
                    Abi.F_SEAL_SEAL | Abi.F_SEAL_SHRINK | Abi.F_SEAL_GROW | Abi.F_SEAL_WRITE);
            undo.keepAll();
            return file;
        }
    }
}
