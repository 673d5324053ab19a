package dev.cais;

import java.io.OutputStream;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The containers of an engine. Names and id prefixes are unique per engine. */
public interface Containers {
    /**
     * Runs to completion and removes the container: when this returns, its process, cgroup and directory are gone.
     *
     * @throws NotFoundException if the image, user or program does not exist
     * @throws CancelledException if the calling thread is interrupted; the container is killed and removed
     */
    ProcessResult run(ContainerSpec spec);

    /** As {@link #run(ContainerSpec)}, with the whole output written to streams as it comes; the result holds none of it. */
    ProcessResult run(ContainerSpec spec, OutputStream stdout, OutputStream stderr);

    /**
     * Makes a container that does not run yet: it has its files and its name, and no process.
     *
     * @throws NotFoundException if the image or user does not exist
     * @throws ConflictException if another container of this engine has the name
     */
    Container create(ContainerSpec spec);

    /** Creates and starts a container: when this returns, its program has been executed. After a failure there is none. */
    Container start(ContainerSpec spec);

    /** One measurement of each running container, at some 0.1 ms each; one that ends meanwhile is left out. */
    Map<Container, Stats> stats();

    /** All containers, running or not, oldest first. */
    default List<Container> list() {
        return list(ContainerFilter.ALL);
    }

    /**
     * Those that fit, oldest first.
     *
     * @throws NotFoundException if the filter names a container to compare with that there is not, or several
     */
    List<Container> list(ContainerFilter filter);

    /**
     * By name, id or unique prefix of an id.
     *
     * @throws NotFoundException if there is none, or several
     */
    Container get(String name);

    /**
     * The same; empty if there is none.
     *
     * @throws NotFoundException if there are several
     */
    Optional<Container> find(String name);
}
