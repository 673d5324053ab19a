package dev.cais.runtime;

import dev.cais.CancelledException;
import dev.cais.linux.NativeMemory;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * What one attachment has not read yet of one stream: the oldest of it in memory, the rest in a file without a name.
 *
 * <p>The event loop appends, any thread reads. What cannot be written to the file is a gap, of which the reader is told when it
 * comes there.
 */
final class UnreadOutput {
    /** What is kept in memory before a file is made. */
    static final int MEMORY = 1 << 18;

    private static final int LEAST = 1 << 12;
    private static final byte[] NOTHING = {};
    private static final AtomicLong FILES = new AtomicLong();

    private final String what;
    private final Path directory;
    private byte[] memory = NOTHING;
    private int from;
    private int to;
    /** What is in it comes after what is in memory. Closed by the JVM's own cleaner if the attachment is forgotten. */
    private @Nullable RandomAccessFile file;

    private long fileFrom;
    private long fileTo;
    private long missed;
    private String missedWhy = "";
    private boolean ended;
    private boolean closed;

    /**
     * @param what as in {@code stdout of container web}
     * @param directory for the file
     */
    UnreadOutput(String what, Path directory) {
        this.what = what;
        this.directory = directory;
    }

    synchronized void append(NativeMemory source, int offset, int count) {
        if (closed || ended) {
            return;
        }
        if (missed > 0) {
            missed += count;
        } else if (fileTo == fileFrom && to - from + count <= MEMORY) {
            makeRoom(count);
            source.bytes().get(offset, memory, to, count);
            to += count;
        } else {
            appendToFile(source, offset, count);
        }
        notifyAll();
    }

    private void makeRoom(int count) {
        if (to + count <= memory.length) {
            return;
        }
        var unread = to - from;
        var target = memory;
        if (unread + count > memory.length) {
            target = new byte[Math.max(LEAST, Integer.highestOneBit(unread + count - 1) << 1)];
        }
        System.arraycopy(memory, from, target, 0, unread);
        memory = target;
        from = 0;
        to = unread;
    }

    private void appendToFile(NativeMemory source, int offset, int count) {
        try {
            var content = new byte[count];
            source.bytes().get(offset, content);
            var target = file == null ? create() : file;
            file = target;
            target.seek(fileTo);
            target.write(content);
            fileTo += count;
        } catch (IOException e) {
            missed = count;
            missedWhy = String.valueOf(e.getMessage());
        }
    }

    private RandomAccessFile create() throws IOException {
        var path = directory.resolve("unread-" + FILES.incrementAndGet());
        try {
            var created = new RandomAccessFile(path.toFile(), "rw");
            Files.delete(path);
            return created;
        } catch (FileNotFoundException e) {
            throw new IOException("cannot create " + path + ": " + e.getMessage(), e);
        }
    }

    /** Nothing more will come. */
    synchronized void end() {
        ended = true;
        notifyAll();
    }

    /** Nobody reads any more: what is there goes, and who waits for more is at the end. */
    synchronized void close() {
        closed = true;
        release();
        notifyAll();
    }

    private void release() {
        memory = NOTHING;
        from = 0;
        to = 0;
        fileFrom = 0;
        fileTo = 0;
        if (file != null) {
            try {
                file.close();
            } catch (IOException e) {
                throw new UncheckedIOException("cannot close a file with " + what + ": " + e.getMessage(), e);
            }
            file = null;
        }
    }

    /** As {@link java.io.InputStream#available}. */
    synchronized int available() {
        return (int) Math.min(Integer.MAX_VALUE, to - from + (fileTo - fileFrom));
    }

    /**
     * As {@link java.io.InputStream#read(byte[], int, int)}; {@code length} is not 0.
     *
     * @throws IOException where a gap is
     */
    synchronized int read(byte[] target, int offset, int length) throws IOException {
        while (true) {
            if (from == to) {
                refill();
            }
            if (from < to) {
                var count = Math.min(length, to - from);
                System.arraycopy(memory, from, target, offset, count);
                from += count;
                if (from == to) {
                    from = 0;
                    to = 0;
                    if (memory.length > LEAST) {
                        memory = NOTHING;
                    }
                }
                return count;
            }
            if (missed > 0) {
                var count = missed;
                missed = 0;
                throw new IOException("cannot read " + what + " without a gap: " + count
                        + " bytes could not be kept until they were read: " + missedWhy);
            }
            if (ended || closed) {
                release();
                return -1;
            }
            try {
                wait();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new CancelledException(
                        "cannot go on reading " + what + ": the thread was interrupted", Map.of(), "", e);
            }
        }
    }

    /** Takes from the file what fits into memory; an emptied file gives its room back. */
    private void refill() throws IOException {
        var source = file;
        if (source == null || fileFrom == fileTo) {
            return;
        }
        memory = new byte[(int) Math.min(MEMORY, fileTo - fileFrom)];
        source.seek(fileFrom);
        source.readFully(memory);
        to = memory.length;
        fileFrom += to;
        if (fileFrom == fileTo) {
            source.setLength(0);
            fileFrom = 0;
            fileTo = 0;
        }
    }
}
