package dev.cais.storage;

import dev.cais.Digest;
import dev.cais.linux.Fd;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A promised blob that comes in one or several attempts, by this engine and others: what came stays, also if the process is
 * killed, and the next attempt goes on behind it. Whoever has one is the only one on this machine. For one thread.
 *
 * <p>First {@link #earlier()} is read to its end, then the rest is written, then it is committed: so all of it is hashed, what an
 * earlier attempt left included.
 */
public final class PartialBlob extends OutputStream {
    private final Path file;
    private final Path lockFile;
    private final Fd lock;
    private final BlobWriter writer;
    private final long earlierSize;

    PartialBlob(Blobs blobs, Path file, Path lockFile, Fd lock, Digest expected, long size) {
        this.file = file;
        this.lockFile = lockFile;
        this.lock = lock;
        this.earlierSize = size(file, size);
        this.writer = BlobWriter.resumed(blobs, file, expected, size);
    }

    /** What is longer than the whole is nothing that can be gone on with. */
    private static long size(Path file, long expected) {
        try {
            var found = Disk.exists(file) ? Files.size(file) : 0;
            if (found > expected) {
                Disk.removeFile(file);
                return 0;
            }
            return found;
        } catch (IOException e) {
            throw Disk.unreadable(file, e);
        }
    }

    /** How many bytes earlier attempts have left. */
    public long earlierSize() {
        return earlierSize;
    }

    /** Those bytes. They are counted and hashed as they are read. */
    public InputStream earlier() throws IOException {
        return earlierSize == 0 ? InputStream.nullInputStream() : new Earlier(Files.newInputStream(file));
    }

    private final class Earlier extends InputStream {
        private final InputStream source;

        Earlier(InputStream source) {
            this.source = source;
        }

        @Override
        public int read() throws IOException {
            var one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : Byte.toUnsignedInt(one[0]);
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
            var left = earlierSize - writer.size();
            var count = left <= 0 ? -1 : source.read(bytes, offset, (int) Math.min(left, length));
            if (count > 0) {
                writer.count(bytes, offset, count);
            }
            return count;
        }

        @Override
        public void close() throws IOException {
            source.close();
        }
    }

    /** @throws dev.cais.CorruptContentException if this is more than was promised */
    @Override
    public void write(byte[] bytes, int offset, int length) {
        if (writer.size() < earlierSize) {
            throw new IllegalStateException("what is there already has not been read");
        }
        writer.write(bytes, offset, length);
    }

    @Override
    public void write(int value) {
        write(new byte[] {(byte) value}, 0, 1);
    }

    /** Bytes that were read or written. */
    public long size() {
        return writer.size();
    }

    /**
     * Checks digest and size, and makes the blob visible.
     *
     * @throws dev.cais.CorruptContentException if the content is not what was promised; nothing is kept
     */
    public void commit() {
        writer.commit();
    }

    /** Keeps nothing. */
    public void discard() {
        writer.close();
    }

    /** Keeps what was written for the next attempt, unless it was committed or discarded, and lets others try. */
    @Override
    public void close() {
        try {
            writer.keep();
            Disk.removeFile(lockFile);
        } finally {
            Disk.unlock(lock);
        }
    }
}
