package dev.cais.runtime;

import dev.cais.ContainerSpec;
import dev.cais.Image;
import dev.cais.MountPoint;
import dev.cais.runtime.cgroup.Cgroup;
import dev.cais.storage.ContainerFiles;
import java.util.List;

/**
 * All that a container's launch program is made from: everything is looked up and checked, its directories exist.
 *
 * @param networked whether its network namespace is its own and the JVM configures it
 * @param mounts those above before those below
 */
record ContainerPlan(
        ContainerSpec spec,
        Image image,
        Blueprint blueprint,
        String hostname,
        Confinement confinement,
        SharedNamespaces namespaces,
        boolean networked,
        DeviceNodes devices,
        EtcFiles etc,
        ContainerFiles files,
        List<MountPoint> mounts,
        Cgroup cgroup) {}
