package dev.cais;

import java.time.Duration;
import java.util.OptionalLong;

/** One measurement of a container's use. */
public record Stats(Memory memory, Cpu cpu, OptionalLong pids) {
    /**
     * @param bytes in use, without page cache that the kernel can drop at once (as {@code docker stats} shows it)
     * @param cache bytes of page cache
     * @param limit or {@link ByteSize#UNLIMITED}
     */
    public record Memory(long bytes, long cache, ByteSize limit) {}

    /** @param total time on all processors since the start */
    public record Cpu(Duration total) {}
}
