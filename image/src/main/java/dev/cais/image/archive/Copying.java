package dev.cais.image.archive;

import dev.cais.CancelledException;
import dev.cais.CorruptContentException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** Moving many bytes. */
public final class Copying {
    private static final int BUFFER = 1 << 17;

    private Copying() {}

    /**
     * Copies a stream to its end.
     *
     * @param what for messages, as in {@code cannot load app.tar}
     * @return number of bytes
     * @throws CorruptContentException if there are more than {@code limit} bytes
     * @throws CancelledException if the thread is interrupted
     */
    public static long copy(InputStream source, OutputStream target, long limit, String what) throws IOException {
        var buffer = new byte[BUFFER];
        var copied = 0L;
        for (var count = source.read(buffer); count >= 0; count = source.read(buffer)) {
            if (Thread.currentThread().isInterrupted()) {
                throw new CancelledException(what + ": the thread was interrupted");
            }
            copied += count;
            if (copied > limit) {
                throw new CorruptContentException(
                        what + ": it has more than " + limit + " bytes", "raise ImageLimits.layerSize");
            }
            target.write(buffer, 0, count);
        }
        return copied;
    }
}
