package dev.cais.runtime.cgroup;

import dev.cais.UnsupportedHostException;
import java.nio.file.Path;
import java.util.List;

/** The directories of one engine, and the containers' below. */
public final class EngineCgroups implements AutoCloseable {
    private EngineCgroups() {}

    /**
     * Makes a container's group with its limits, before any process is in it.
     *
     * @param containerId unique in the engine, letters and digits
     * @throws UnsupportedHostException if a limit is asked for that this host cannot set; nothing is left then
     */
    public Cgroup create(String containerId, Limits limits) {
        throw new UnsupportedOperationException();
    }

    /** The engine's own directories; whoever cleans up after it removes what is below them and then them. */
    public List<Path> roots() {
        throw new UnsupportedOperationException();
    }

    /** Kills and removes what is left of the containers, then the engine's directories. Idempotent. */
    @Override
    public void close() {
        throw new UnsupportedOperationException();
    }
}
