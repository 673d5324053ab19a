package dev.cais.runtime.log;

import dev.cais.LogStream;

/**
 * Output as a log keeps it: what was read at once, or one piece of a line.
 *
 * @param nanos when it was read, in nanoseconds since the epoch
 * @param lost how many bytes of output between the chunk before and this one were rotated away before they were read
 */
public record Chunk(long nanos, LogStream stream, byte[] content, long lost) {
    /** Stands where a run ended: a line that has no end by then gets none. Only for who waits for further runs. */
    static final Chunk END_OF_RUN = new Chunk(0, LogStream.STDOUT, new byte[0], 0);
}
