package dev.cais.runtime.cgroup;

import dev.cais.ByteSize;

/**
 * What a container may use.
 *
 * @param memory with swap included: a container gets no swap beyond it; {@link ByteSize#UNLIMITED} for no limit
 * @param cpus processors' worth of time in each 100 ms; 0 for no limit
 * @param pids number of processes and threads; 0 for no limit
 */
public record Limits(ByteSize memory, double cpus, long pids) {
    public static final Limits NONE = new Limits(ByteSize.UNLIMITED, 0, 0);
}
