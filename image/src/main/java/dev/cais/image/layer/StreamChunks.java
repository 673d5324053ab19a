package dev.cais.image.layer;

import dev.cais.CancelledException;
import dev.cais.EngineException;
import dev.cais.StorageException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.ClosedByInterruptException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The pieces of a stream, read by the thread that asks for them. */
final class StreamChunks implements Chunks {
    private final InputStream source;
    private final String what;
    private final Chunk chunk = new Chunk(64 * 1024);

    StreamChunks(InputStream source, String what) {
        this.source = source;
        this.what = what;
    }

    @Override
    public @Nullable Chunk next() {
        if (Thread.currentThread().isInterrupted()) {
            throw new CancelledException("cannot read " + what + ": the thread was interrupted");
        }
        try {
            chunk.length = source.read(chunk.bytes);
            return chunk.length > 0 ? chunk : null;
        } catch (IOException e) {
            throw unreadable(what, e);
        }
    }

    @Override
    public long skip(long count) {
        try {
            return source.skip(count);
        } catch (IOException e) {
            throw unreadable(what, e);
        }
    }

    static EngineException unreadable(String what, IOException cause) {
        if (cause instanceof ClosedByInterruptException) {
            return new CancelledException("cannot read " + what + ": the thread was interrupted", Map.of(), "", cause);
        }
        return new StorageException("cannot read " + what + ": " + cause.getMessage(), Map.of(), "", cause);
    }
}
