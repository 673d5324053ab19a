package dev.cais.runtime.log;

import dev.cais.LogStream;
import dev.cais.linux.NativeMemory;
import java.nio.ByteBuffer;

/**
 * The compact form: a header of 16 bytes and what was read, in one call.
 *
 * <p>The header, little endian: time of reading in nanoseconds since the epoch (8 bytes), length of the content (4), stream (1; 0
 * stdout, 1 stderr), zeros (3).
 */
final class ChunkFormat implements LogFormat {
    private static final LogStream[] STREAMS = LogStream.values();

    private int unfinished;

    @Override
    public void append(LogFile file, long nanos, LogStream stream, NativeMemory buffer, int length) {
        var bytes = buffer.bytes();
        bytes.putLong(0, nanos).putInt(8, length).putInt(12, stream.ordinal());
        var ended = bytes.get(OutputLog.HEADER + length - 1) == '\n';
        unfinished = unfinished & ~(1 << stream.ordinal()) | (ended ? 0 : 1 << stream.ordinal());
        file.write(buffer.address(), OutputLog.HEADER + length, length, nanos, unfinished);
    }

    @Override
    public void finish(LogFile file) {
        // each read was written at once
    }

    @Override
    public boolean isOrdered() {
        return true;
    }

    @Override
    public int length(ByteBuffer block) {
        if (block.remaining() < OutputLog.HEADER) {
            return OutputLog.HEADER;
        }
        return OutputLog.HEADER + Math.max(0, block.getInt(block.position() + 8));
    }

    @Override
    public Chunk decode(ByteBuffer block, int length) {
        var nanos = block.getLong();
        var size = block.getInt();
        var stream = block.getInt();
        if (size <= 0 || stream < 0 || stream >= STREAMS.length) {
            throw new IllegalArgumentException("no chunk");
        }
        var content = new byte[size];
        block.get(content);
        return new Chunk(nanos, STREAMS[stream], content, 0);
    }
}
