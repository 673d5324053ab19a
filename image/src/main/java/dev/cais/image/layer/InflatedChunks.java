package dev.cais.image.layer;

import dev.cais.ByteSize;
import dev.cais.CancelledException;
import dev.cais.CorruptContentException;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * Uncompresses a stream in a thread of its own, some pieces ahead of the thread that uses them, which hashes it.
 *
 * <p>Closing ends that thread, also in the middle of a read, and closes the source.
 */
final class InflatedChunks implements Chunks, AutoCloseable {
    private static final int CHUNK = 256 * 1024;
    private static final int AHEAD = 6;

    private final InputStream source;
    private final String what;
    private final ByteSize limit;
    private final MessageDigest hash;
    private final String algorithm;
    private final BlockingQueue<Chunk> free = new ArrayBlockingQueue<>(AHEAD);
    private final BlockingQueue<Chunk> ready = new ArrayBlockingQueue<>(AHEAD + 1);
    private final Chunk end = new Chunk(0);
    private final Thread thread;
    private int made;
    private @Nullable Chunk inUse;
    private volatile @Nullable Throwable failure;
    private boolean ended;

    /** Begins at once. */
    InflatedChunks(InputStream source, String what, String algorithm, ImageLimits limits) {
        this.source = source;
        this.what = what;
        this.limit = limits.layerSize();
        this.algorithm = algorithm;
        this.hash = hash(algorithm);
        thread = new Thread(this::inflate, "cais-inflate");
        thread.setDaemon(true);
        thread.start();
    }

    private static MessageDigest hash(String algorithm) {
        try {
            return MessageDigest.getInstance(algorithm.equals("sha512") ? "SHA-512" : "SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // both are in every JDK
        }
    }

    private void inflate() {
        try (var in = Compression.decompress(source, what)) {
            var total = 0L;
            while (true) {
                var chunk = freeChunk();
                chunk.length = in.readNBytes(chunk.bytes, 0, CHUNK);
                total += chunk.length;
                if (total > limit.bytes()) {
                    throw new CorruptContentException(
                            "cannot read " + what + ": it has more than " + limit + " uncompressed, the limit");
                }
                if (chunk.length > 0) {
                    ready.put(chunk);
                }
                if (chunk.length < CHUNK) {
                    break;
                }
            }
        } catch (InterruptedException e) {
            return; // nobody waits for more
        } catch (IOException | RuntimeException | Error e) {
            failure = e;
        }
        ready.add(end); // there is room for it beyond all pieces
    }

    /** Most layers are small and need one or two. */
    private Chunk freeChunk() throws InterruptedException {
        var used = free.poll();
        if (used != null || made == AHEAD) {
            return used != null ? used : free.take();
        }
        made++;
        return new Chunk(CHUNK);
    }

    @Override
    public @Nullable Chunk next() {
        if (inUse != null) {
            free.add(inUse);
            inUse = null;
        }
        if (ended) {
            return null;
        }
        Chunk chunk;
        try {
            chunk = ready.take();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancelledException("cannot unpack " + what + ": the thread was interrupted");
        }
        if (chunk == end) {
            ended = true;
            throwFailure();
            return null;
        }
        hash.update(chunk.bytes, 0, chunk.length); // by this thread, since the other has more to do
        inUse = chunk;
        return chunk;
    }

    private void throwFailure() {
        var thrown = failure;
        if (thrown instanceof IOException unreadable) {
            throw StreamChunks.unreadable(what, unreadable);
        }
        if (thrown instanceof RuntimeException exception) {
            throw exception;
        }
        if (thrown instanceof Error error) {
            throw error;
        }
    }

    /** The digest of the whole stream, read to its very end. */
    Digest digest() {
        while (next() != null) {
            // what stands behind the end of the archive belongs to the digest, too
        }
        return new Digest(algorithm, HexFormat.of().formatHex(hash.digest()));
    }

    @Override
    public void close() {
        var interrupted = false;
        thread.interrupt();
        try {
            source.close();
        } catch (IOException e) {
            // it was only read
        }
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
