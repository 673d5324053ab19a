package dev.cais.runtime.build;

import dev.cais.image.layer.TarTree;
import dev.cais.storage.BlobWriter;
import dev.cais.storage.TreeWalk;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Objects;
import java.util.Queue;

/**
 * Reads and hashes what a step has written, while another thread writes what was read before into the store. A few parts are in memory;
 * for what fits into one there is no thread.
 */
final class LayerReading extends OutputStream {
    private static final int PART = 512 * 1024;
    private static final int MOST_AHEAD = 4;
    private static final String CANNOT = "cannot make a layer";

    private final BlobWriter tar;
    private final InOrder<byte[]> parts;
    private final Queue<byte[]> free = new ArrayDeque<>();
    private byte[] part = new byte[PART];
    private int filled;

    private LayerReading(BlobWriter tar, InOrder<byte[]> parts) {
        this.tar = tar;
        this.parts = parts;
    }

    /**
     * Makes a tar of a layer's directory.
     *
     * @param tar has all of it when this returns, and is not used any more if this fails
     * @throws dev.cais.CancelledException if the thread is interrupted
     */
    static void read(Path directory, BlobWriter tar) {
        try (var parts = new InOrder<byte[]>("cais-build-layer", 1, CANNOT)) {
            var reading = new LayerReading(tar, parts);
            TarTree.write(
                    reading,
                    CANNOT,
                    false,
                    visitor -> TreeWalk.walk(directory, new byte[0], TreeWalk.Scope.LAYER, visitor));
            reading.end();
        }
    }

    @Override
    public void write(byte[] bytes, int offset, int length) {
        Objects.checkFromIndexSize(offset, length, bytes.length);
        for (int at = offset, left = length; left > 0; ) {
            var count = Math.min(left, PART - filled);
            System.arraycopy(bytes, at, part, filled, count);
            at += count;
            left -= count;
            filled += count;
            if (filled == PART) {
                handOn();
            }
        }
    }

    @Override
    public void write(int value) {
        write(new byte[] {(byte) value}, 0, 1);
    }

    private void handOn() {
        var full = part;
        tar.count(full, 0, PART);
        parts.submit(() -> {
            tar.append(full, 0, PART);
            return full;
        });
        if (parts.size() > MOST_AHEAD) {
            free.add(parts.take());
        }
        var next = free.poll();
        part = next == null ? new byte[PART] : next;
        filled = 0;
    }

    private void end() {
        while (parts.size() > 0) {
            free.add(parts.take());
        }
        tar.write(part, 0, filled);
    }
}
