package dev.cais.runtime.security;

import java.util.List;

/**
 * What a container does not see of the host through /proc and /sys, as Docker's default has it. A path that the kernel does not
 * offer is left out where it is applied.
 *
 * @see <a href="https://github.com/opencontainers/runtime-spec/blob/v1.2.0/config-linux.md#masked-paths">OCI runtime spec,
 *     Masked Paths and Readonly Paths</a>
 */
public final class ProtectedPaths {
    /** A file is covered by /dev/null, a directory by an empty read-only tmpfs. */
    public static final List<String> MASKED = List.of(
            "/proc/asound",
            "/proc/acpi",
            "/proc/interrupts",
            "/proc/kcore",
            "/proc/keys",
            "/proc/latency_stats",
            "/proc/timer_list",
            "/proc/timer_stats",
            "/proc/sched_debug",
            "/proc/scsi",
            "/sys/firmware",
            "/sys/devices/virtual/powercap");

    /** Bound over themselves and remounted read-only. */
    public static final List<String> READ_ONLY =
            List.of("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger");

    private ProtectedPaths() {}
}
