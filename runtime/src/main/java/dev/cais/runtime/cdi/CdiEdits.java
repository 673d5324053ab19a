package dev.cais.runtime.cdi;

import dev.cais.ContainerSpec;
import dev.cais.Device;
import dev.cais.Mount;
import dev.cais.Warning;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a device adds to a container.
 *
 * @param devices nodes with the owner and mode they have on the host
 * @param groups supplementary ones of the container's process, as numbers
 * @param unable what a container does without
 */
record CdiEdits(
        Map<String, String> env,
        List<Device> devices,
        List<Mount.OfBind> mounts,
        List<String> groups,
        List<Warning> unable) {
    CdiEdits {
        env = Collections.unmodifiableMap(new LinkedHashMap<>(env));
        devices = List.copyOf(devices);
        mounts = List.copyOf(mounts);
        groups = List.copyOf(groups);
        unable = List.copyOf(unable);
    }

    /** What the spec says itself counts: its variables, and what it mounts at the same place. */
    ContainerSpec addTo(ContainerSpec spec) {
        var changed = spec.groupAdd(groups.toArray(String[]::new));
        for (var variable : env.entrySet()) {
            if (!spec.env().containsKey(variable.getKey())) {
                changed = changed.env(variable.getKey(), variable.getValue());
            }
        }
        for (var device : devices) {
            changed = changed.device(device);
        }
        for (var mount : mounts) {
            if (changed.mounts().stream().noneMatch(other -> other.target().equals(mount.target()))) {
                changed = changed.mount(mount);
            }
        }
        return changed;
    }
}
