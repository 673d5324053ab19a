package dev.cais.storage;

import dev.cais.linux.Fd;

/** A hold on the store; see {@link Store#lockShared()}. Closing it twice is harmless; any thread may. */
public final class StoreLock implements AutoCloseable {
    private final Fd file;

    StoreLock(Fd file) {
        this.file = file;
    }

    @Override
    public synchronized void close() {
        if (file.isOpen()) {
            Disk.unlock(file);
        }
    }
}
