package dev.cais.runtime.cgroup;

import java.util.Locale;

/** The parts of the kernel's resource control that Cais uses. */
public enum Controller {
    MEMORY,
    CPU,
    /** Of v1; v2 counts processor time in every group. */
    CPUACCT,
    PIDS,
    CPUSET,
    /** Of block devices; {@code blkio} on v1. */
    IO,
    /** Of v1; on v2 a BPF program decides on devices. */
    DEVICES,
    /** Of v1; v2 freezes every group. */
    FREEZER;

    /** As the kernel writes it on v1. */
    String onV1() {
        return this == IO ? "blkio" : toString();
    }

    /** As the kernel writes it: {@code memory}. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
