package dev.cais.runtime.cgroup;

import dev.cais.Stats;
import dev.cais.UnsupportedHostException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** One container's group: a directory on v2, one in each needed hierarchy on v1. */
public final class Cgroup {
    private Cgroup() {}

    public String id() {
        throw new UnsupportedOperationException();
    }

    /** v1: the files that a single-threaded process writes {@code 0} to, in this order, to enter. Empty on v2. */
    public List<Path> taskFiles() {
        throw new UnsupportedOperationException();
    }

    /** v2: the directory that a process is cloned into. Empty on v1. */
    public Optional<Path> directory() {
        throw new UnsupportedOperationException();
    }

    /** This container's own directories, for whoever removes them if this process cannot. */
    public List<Path> directories() {
        throw new UnsupportedOperationException();
    }

    /** @throws UnsupportedHostException if the host has no memory controller for us */
    public Stats.Memory memory() {
        throw new UnsupportedOperationException();
    }

    /** Processor time of all processes since the start, ended ones included. */
    public Duration cpuTotal() {
        throw new UnsupportedOperationException();
    }

    /** Processes and threads now; empty if the group does not count them. */
    public OptionalLong pids() {
        throw new UnsupportedOperationException();
    }

    /** Whether the kernel killed a process of the container for want of memory. */
    public boolean oomKilled() {
        throw new UnsupportedOperationException();
    }

    /** Ids, as this process sees them, of all processes in the group and in groups made below it. */
    public List<Integer> processes() {
        throw new UnsupportedOperationException();
    }

    /** Stops all processes where they are, later ones too. */
    public void freeze() {
        throw new UnsupportedOperationException();
    }

    /** The opposite of {@link #freeze}. */
    public void thaw() {
        throw new UnsupportedOperationException();
    }

    /** Kills all processes, frozen ones too, none escaping by forking; returns before they are gone. */
    public void killAll() {
        throw new UnsupportedOperationException();
    }

    /**
     * Removes the directories, those made inside the container included. Its processes must have been killed; their last moments
     * are waited for. Idempotent.
     */
    public void remove() {
        throw new UnsupportedOperationException();
    }
}
