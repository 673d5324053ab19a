package dev.cais.image.layer;

import dev.cais.CorruptContentException;
import java.util.function.Supplier;

/** The bytes of a tar stream, chunk by chunk. */
final class TarBytes {
    private final Chunks chunks;
    private final Supplier<CorruptContentException> ended;
    private byte[] bytes = {};
    private int at;
    private int end;
    private long position;

    /** @param ended what is wrong if the stream ends where something is missing */
    TarBytes(Chunks chunks, Supplier<CorruptContentException> ended) {
        this.chunks = chunks;
        this.ended = ended;
    }

    /** Whether there is nothing more. */
    boolean isAtEnd() {
        return at == end && !fill();
    }

    /** How many bytes are at hand. */
    int available() {
        return end - at;
    }

    /** Those at hand, from {@link #at} on. */
    byte[] bytes() {
        return bytes;
    }

    int at() {
        return at;
    }

    /** Goes on behind some of those at hand. */
    void pass(int count) {
        at += count;
    }

    /** The offset of the next byte in the stream. */
    long position() {
        return position + at;
    }

    private boolean fill() {
        position += end;
        at = 0;
        end = 0;
        var chunk = chunks.next();
        if (chunk == null) {
            return false;
        }
        bytes = chunk.bytes;
        end = chunk.length;
        return true;
    }

    /** @throws CorruptContentException if the stream ends here */
    void require() {
        if (at == end && !fill()) {
            throw ended.get();
        }
    }

    void read(byte[] target, int length) {
        for (var done = 0; done < length; ) {
            require();
            var part = Math.min(end - at, length - done);
            System.arraycopy(bytes, at, target, done, part);
            at += part;
            done += part;
        }
    }

    void skip(long length) {
        for (var left = length; left > 0; ) {
            left -= passOver(left);
            if (left > 0) {
                require();
                var part = (int) Math.min(end - at, left);
                at += part;
                left -= part;
            }
        }
    }

    /** Has the source skip what is not read yet, if it can. */
    private long passOver(long length) {
        var wanted = length - (end - at);
        if (wanted <= 0) {
            return 0;
        }
        var unread = end - at;
        var passed = chunks.skip(wanted);
        position += end + passed;
        at = 0;
        end = 0;
        return unread + passed;
    }
}
