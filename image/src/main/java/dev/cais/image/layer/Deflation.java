package dev.cais.image.layer;

import dev.cais.CancelledException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.zip.CRC32;
import java.util.zip.Deflater;

/**
 * Threads that compress streams as gzip: blocks of {@value #BLOCK} bytes at the same time, each of which knows the end of the one before, so
 * that little is lost. What comes is one member, and does not depend on the number of threads. Of all its streams no more than
 * three blocks for each thread are in memory. For many threads; each stream is for one.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc1952">RFC 1952, GZIP file format</a>
 */
public final class Deflation implements AutoCloseable {
    private static final int BLOCK = 256 * 1024;
    private static final int WINDOW = 32 * 1024;
    private static final int BLOCKS_OF_A_THREAD = 3;
    private static final byte[] HEADER = {0x1f, (byte) 0x8b, 8, 0, 0, 0, 0, 0, 0, (byte) 0xff};

    private final ExecutorService threads;
    private final Semaphore free;

    public Deflation(int threads) {
        this.threads = Workers.start("cais-deflate", threads);
        this.free = new Semaphore(threads * BLOCKS_OF_A_THREAD);
    }

    /**
     * Compresses.
     *
     * @param target closed with the result
     * @param level 1 to 9; 0 for the usual one (6)
     * @return whose methods throw {@link CancelledException} if the thread is interrupted
     */
    public OutputStream gzip(OutputStream target, int level) {
        return new Stream(target, level == 0 ? Deflater.DEFAULT_COMPRESSION : level);
    }

    /** Ends the threads; streams are closed before. */
    @Override
    public void close() {
        threads.shutdownNow();
    }

    private final class Stream extends OutputStream {
        private final OutputStream target;
        private final int level;
        private final Deque<Future<byte[]>> pending = new ArrayDeque<>();
        private final CRC32 checksum = new CRC32();
        private long size;
        private byte[] block = new byte[BLOCK];
        private int filled;
        private byte[] before = {};
        private boolean begun;
        private boolean closed;

        Stream(OutputStream target, int level) {
            this.target = target;
            this.level = level;
        }

        @Override
        public void write(int one) throws IOException {
            write(new byte[] {(byte) one}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            checksum.update(bytes, offset, length);
            size += length;
            var at = offset;
            while (at < offset + length) {
                if (filled == BLOCK) {
                    deflate(false);
                }
                var count = Math.min(BLOCK - filled, offset + length - at);
                System.arraycopy(bytes, at, block, filled, count);
                filled += count;
                at += count;
            }
        }

        private void deflate(boolean last) throws IOException {
            while (!free.tryAcquire()) {
                if (pending.isEmpty()) {
                    awaitFree();
                    break;
                }
                writeOldest();
            }
            var content = block;
            var length = filled;
            var dictionary = before;
            pending.add(threads.submit(() -> deflated(content, length, dictionary, last, level)));
            before = Arrays.copyOfRange(content, Math.max(0, length - WINDOW), length);
            block = new byte[last ? 0 : BLOCK];
            filled = 0;
            while (!pending.isEmpty() && pending.element().isDone()) {
                writeOldest();
            }
        }

        /** Others have all of them, and give them back. */
        private void awaitFree() {
            try {
                free.acquire();
            } catch (InterruptedException e) {
                throw interrupted();
            }
        }

        private CancelledException interrupted() {
            Thread.currentThread().interrupt();
            return new CancelledException("cannot compress: the thread was interrupted");
        }

        private void writeOldest() throws IOException {
            try {
                var deflated = pending.element().get();
                if (!begun) {
                    target.write(HEADER);
                    begun = true;
                }
                target.write(deflated);
            } catch (InterruptedException e) {
                throw interrupted();
            } catch (ExecutionException e) {
                throw new IOException("cannot compress", e.getCause());
            }
            pending.remove();
            free.release();
        }

        @Override
        public void flush() {
            // a block is written when it is whole
        }

        @Override
        public void close() throws IOException {
            if (closed) {
                return;
            }
            closed = true;
            try (target) {
                deflate(true);
                while (!pending.isEmpty()) {
                    writeOldest();
                }
                target.write(ByteBuffer.allocate(8)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putInt((int) checksum.getValue())
                        .putInt((int) size)
                        .array());
            } finally {
                pending.forEach(unwritten -> unwritten.cancel(true));
                free.release(pending.size());
                pending.clear();
            }
        }
    }

    /** A block that ends at a byte, so that the next one can follow. */
    private static byte[] deflated(byte[] block, int length, byte[] dictionary, boolean last, int level) {
        var deflater = new Deflater(level, true);
        try {
            if (dictionary.length > 0) {
                deflater.setDictionary(dictionary);
            }
            deflater.setInput(block, 0, length);
            if (last) {
                deflater.finish();
            }
            var packed = new ByteArrayOutputStream(length / 2 + 64);
            var buffer = new byte[WINDOW];
            int count;
            do {
                count = deflater.deflate(buffer, 0, buffer.length, last ? Deflater.NO_FLUSH : Deflater.SYNC_FLUSH);
                packed.write(buffer, 0, count);
            } while (last ? !deflater.finished() : count == buffer.length);
            return packed.toByteArray();
        } finally {
            deflater.end();
        }
    }
}
