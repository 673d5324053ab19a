package dev.cais.linux;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.NonWritableChannelException;
import java.nio.channels.SeekableByteChannel;

/**
 * Reads an open regular file, whoever it is that may open it: through {@code /proc} it would be opened once more, which a plain user may be
 * refused. For one thread.
 */
public final class ReadChannel implements SeekableByteChannel {
    private static final int BUFFER = 32 * 1024;

    private final Fd file;
    private final NativeMemory buffer = NativeMemory.allocate(BUFFER);
    private long position;
    private boolean open = true;

    /** @param file open for reading, not closed with this */
    public ReadChannel(Fd file) {
        this.file = file;
    }

    /** @throws ClosedByInterruptException if the thread is interrupted */
    @Override
    public int read(ByteBuffer target) throws IOException {
        if (Thread.currentThread().isInterrupted()) {
            throw new ClosedByInterruptException();
        }
        var most = Math.min(target.remaining(), BUFFER);
        if (most == 0) {
            return 0;
        }
        long count;
        do {
            count = Syscalls.call(Syscall.PREAD64, file.number(), buffer.address(), most, position);
        } while (Errno.EINTR.is(count));
        if (count < 0) {
            throw new IOException(Errno.of(count).toString());
        }
        target.put(buffer.bytes().slice(0, (int) count));
        position += count;
        return count == 0 ? -1 : (int) count;
    }

    @Override
    public long position() {
        return position;
    }

    @Override
    public SeekableByteChannel position(long next) {
        if (next < 0) {
            throw new IllegalArgumentException("a position is not negative");
        }
        position = next;
        return this;
    }

    @Override
    public long size() throws IOException {
        var stat = new Statx();
        var looked = stat.of(file.number());
        if (looked < 0) {
            throw new IOException(Errno.of(looked).toString());
        }
        return stat.size();
    }

    @Override
    public int write(ByteBuffer source) {
        throw new NonWritableChannelException();
    }

    @Override
    public SeekableByteChannel truncate(long size) {
        throw new NonWritableChannelException();
    }

    @Override
    public boolean isOpen() {
        return open;
    }

    @Override
    public void close() {
        open = false;
    }
}
