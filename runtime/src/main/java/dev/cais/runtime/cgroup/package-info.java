/**
 * Control groups: limits, figures and the certain end of a container's processes, on cgroup v2 and on v1 (hybrid or alone).
 *
 * <p>{@link dev.cais.runtime.cgroup.Cgroups} says what this host offers. An engine makes one directory per hierarchy ({@link
 * dev.cais.runtime.cgroup.EngineCgroups}), with the device rules set once on it, and a {@link dev.cais.runtime.cgroup.Cgroup}
 * below for each container. Limits are written before any process is inside. A process enters by itself, as the launch
 * program starts it: on v1 it writes {@code 0} to each of {@link dev.cais.runtime.cgroup.Cgroup#taskFiles()}, on v2 it is cloned
 * into {@link dev.cais.runtime.cgroup.Cgroup#directory()}.
 *
 * <p>All types may be used by many threads. See cgroups(7), Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/.
 */
@NullMarked
package dev.cais.runtime.cgroup;

import org.jspecify.annotations.NullMarked;
