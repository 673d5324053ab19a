package dev.cais.runtime.log;

import dev.cais.LogStream;
import dev.cais.linux.NativeMemory;
import java.nio.ByteBuffer;

/** How output becomes records of a file, and records chunks again. Belongs to one log. */
interface LogFormat {
    /**
     * Writes what was read, or as much of it as makes whole records.
     *
     * @param buffer {@link OutputLog#HEADER} free bytes, then the content
     */
    void append(LogFile file, long nanos, LogStream stream, NativeMemory buffer, int length);

    /** Writes what was held back, since nothing more will come. */
    void finish(LogFile file);

    /** Whether records have the order of their times, rather than only those of one stream. */
    boolean isOrdered();

    /**
     * The length of the first record, or more than the block has if it must be read on to know.
     *
     * @param block with at least one byte
     */
    int length(ByteBuffer block);

    /**
     * Takes the first record off the block.
     *
     * @param length of the record
     * @return a chunk with nothing lost
     * @throws IllegalArgumentException if it is no record
     */
    Chunk decode(ByteBuffer block, int length);
}
