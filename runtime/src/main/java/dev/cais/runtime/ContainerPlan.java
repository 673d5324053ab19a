package dev.cais.runtime;

import dev.cais.ContainerSpec;
import dev.cais.Image;
import dev.cais.runtime.cgroup.Cgroup;
import dev.cais.storage.ContainerFiles;

/** All that a container's launch program is made from: everything is looked up and checked, its directories exist. */
record ContainerPlan(
        ContainerSpec spec,
        Image image,
        Blueprint blueprint,
        String hostname,
        Confinement confinement,
        SharedNamespaces namespaces,
        DeviceNodes devices,
        EtcFiles etc,
        ContainerFiles files,
        Cgroup cgroup) {}
