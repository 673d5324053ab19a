package dev.cais.runtime;

import dev.cais.StorageException;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Facts of the host, read when they are asked for. */
final class Host {
    private Host() {}

    static int effectiveUser() {
        return (int) Syscalls.call(Syscall.GETEUID);
    }

    static String name() {
        return read(Path.of("/proc/sys/kernel/hostname")).strip();
    }

    static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new StorageException("cannot read " + file + ": " + e.getMessage(), Map.of(), "", e);
        }
    }
}
