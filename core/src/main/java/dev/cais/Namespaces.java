package dev.cais;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * The namespaces of a container that may be someone else's. Mount and cgroup namespaces are always its own.
 *
 * @param network with one of its own it may join networks; without, there is only loopback
 * @param time empty for the host's clocks
 */
public record Namespaces(
        NamespaceMode pid, NamespaceMode ipc, NamespaceMode uts, NamespaceMode network, Optional<TimeOffsets> time) {
    public Namespaces {
        for (var mode : List.of(pid, ipc, uts)) {
            if (mode.kind() == NamespaceMode.Kind.PATH) {
                throw new InvalidSpecException("cannot share the namespace at " + mode.target()
                        + ": only that of the network may be one at a path");
            }
        }
    }

    /** All its own, and the host's clocks. */
    public static final Namespaces PRIVATE = new Namespaces(
            NamespaceMode.PRIVATE,
            NamespaceMode.PRIVATE,
            NamespaceMode.PRIVATE,
            NamespaceMode.PRIVATE,
            Optional.empty());

    /**
     * A time namespace.
     *
     * @param monotonic added to {@code CLOCK_MONOTONIC}; may be negative
     * @param boottime added to {@code CLOCK_BOOTTIME}; may be negative
     */
    public record TimeOffsets(Duration monotonic, Duration boottime) {}
}
