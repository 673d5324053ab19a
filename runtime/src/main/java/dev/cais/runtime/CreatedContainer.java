package dev.cais.runtime;

import dev.cais.ContainerSpec;
import dev.cais.Image;
import dev.cais.MountPoint;
import dev.cais.Warning;
import dev.cais.linux.Signal;
import dev.cais.runtime.log.OutputLog;
import dev.cais.storage.ContainerFiles;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What was decided about a container and made for it at its creation.
 *
 * @param files on the store, closed with the container
 * @param log closed with it, too
 * @param unable what this host cannot do of what the spec asks for
 * @param autoRemove whether it goes with its first end
 */
record CreatedContainer(
        String id,
        String name,
        Image image,
        ContainerSpec spec,
        Blueprint blueprint,
        String hostname,
        Confinement confinement,
        Signal stopSignal,
        ContainerFiles files,
        List<MountPoint> mounts,
        OutputLog log,
        List<Warning> unable,
        boolean autoRemove) {
    /** The spec's over the image's. */
    Map<String, String> labels() {
        return labels(spec, image);
    }

    static Map<String, String> labels(ContainerSpec spec, Image image) {
        var labels = new LinkedHashMap<>(image.config().labels());
        labels.putAll(spec.labels());
        return labels;
    }
}
