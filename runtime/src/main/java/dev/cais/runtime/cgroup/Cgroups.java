package dev.cais.runtime.cgroup;

import dev.cais.UnsupportedHostException;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/** What this host offers of control groups to this process. */
public final class Cgroups {
    /** Which interface the controllers are on. */
    public enum Version {
        V1,
        V2;

        /** {@code v1} or {@code v2}. */
        @Override
        public String toString() {
            return this == V1 ? "v1" : "v2";
        }
    }

    private Cgroups() {}

    /**
     * Reads /proc/self/mountinfo and /proc/self/cgroup.
     *
     * @throws UnsupportedHostException if no cgroup file system is mounted
     */
    public static Cgroups detect() {
        throw new UnsupportedOperationException();
    }

    public Version version() {
        throw new UnsupportedOperationException();
    }

    /** Those that limits and figures can be had of. */
    public Set<Controller> controllers() {
        throw new UnsupportedOperationException();
    }

    /** Why others cannot be used: half a sentence each. */
    public Map<Controller, String> missing() {
        throw new UnsupportedOperationException();
    }

    /**
     * Makes the engine's own directories, {@code cais-ENGINE}, and sets the device rules.
     *
     * @param engineId 12 hexadecimal digits
     * @throws UnsupportedHostException if devices cannot be confined although containers could make device nodes, or no
     *     directory can be made
     */
    public EngineCgroups open(String engineId) {
        throw new UnsupportedOperationException();
    }

    /**
     * Removes what engines left that are no more: kills what is inside and removes the directories.
     *
     * @param engineAlive told the id of an engine, says whether it still lives
     * @return the ids of the engines whose directories are gone
     */
    public Set<String> sweep(Predicate<String> engineAlive) {
        throw new UnsupportedOperationException();
    }
}
