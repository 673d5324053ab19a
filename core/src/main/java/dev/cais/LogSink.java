package dev.cais;

import java.io.IOException;
import java.util.List;

/** The way of one container's lines to where a {@link LogDriver} keeps them. One thread at a time uses it, the same for all its life. */
public interface LogSink extends AutoCloseable {
    /**
     * Takes lines in order, at least one. May block; the thread is interrupted when the container is removed and this takes too long.
     *
     * @throws IOException if they should come again later, after a pause of 0.1 s that doubles up to 10 s. Any other exception drops
     *     and counts them.
     */
    void write(List<LogLine> lines) throws IOException;

    /** Called at the end, when nothing more is to come or the container is gone. */
    @Override
    void close() throws IOException;
}
