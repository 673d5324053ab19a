package dev.cais.runtime.cgroup;

import dev.cais.linux.ControlFile;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Part of a container's group, for a process beside the first one and all that it begins: see {@link Cgroup#branch}. */
public final class CgroupBranch {
    private final Optional<Path> directory;
    private final Optional<Path> place;
    private final List<Path> taskFiles;

    CgroupBranch(Optional<Path> directory, Optional<Path> place, List<Path> taskFiles) {
        this.directory = directory;
        this.place = place;
        this.taskFiles = taskFiles;
    }

    /** See {@link Cgroup#directory()}. */
    public Optional<Path> directory() {
        return directory;
    }

    /** See {@link Cgroup#taskFiles()}. */
    public List<Path> taskFiles() {
        return taskFiles;
    }

    /** Kills all that is inside; returns before it is gone. */
    public void kill() {
        place.ifPresent(CgroupTree::kill);
    }

    /** Whether there is a group that all that it will begin is in. */
    public boolean isThere() {
        return place.isPresent();
    }

    /** Kills all that is inside, and waits until it is gone. */
    public void killAndRemove() {
        place.ifPresent(CgroupTree::killAndRemove);
    }

    /** Removes it, unless processes are inside: they stay, and it goes with the container. */
    public void removeIfEmpty() {
        place.ifPresent(ControlFile::tryRemoveDirectory);
    }
}
