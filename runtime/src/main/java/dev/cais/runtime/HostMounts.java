package dev.cais.runtime;

import dev.cais.runtime.cgroup.Cgroups;
import dev.cais.runtime.security.ProtectedPaths;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What of the host's kernel file systems a container's own mounts depend on; the same for all containers, so read once.
 *
 * @param cgroupHierarchies of v1, as mounted on the host; empty on v2
 * @param files protected paths that this kernel has as files
 * @param directories those that it has as directories
 */
record HostMounts(
        boolean cgroupVersion2, List<CgroupHierarchy> cgroupHierarchies, Set<String> files, Set<String> directories) {
    /** @param options of the mount: its controllers, or {@code none,name=…} */
    record CgroupHierarchy(String directory, String options) {}

    static HostMounts read(Cgroups.Version version) {
        var files = new HashSet<String>();
        var directories = new HashSet<String>();
        Stream.concat(ProtectedPaths.MASKED.stream(), ProtectedPaths.READ_ONLY.stream())
                .forEach(path -> {
                    if (Files.isDirectory(Path.of(path))) {
                        directories.add(path);
                    } else if (Files.exists(Path.of(path))) {
                        files.add(path);
                    }
                });
        var v2 = version == Cgroups.Version.V2;
        return new HostMounts(v2, v2 ? List.of() : hierarchies(), Set.copyOf(files), Set.copyOf(directories));
    }

    private static List<CgroupHierarchy> hierarchies() {
        var found = new ArrayList<CgroupHierarchy>();
        for (var line : Host.read(Path.of("/proc/self/cgroup")).lines().toList()) {
            var controllers = line.split(":", 3)[1];
            if (controllers.startsWith("name=")) {
                found.add(new CgroupHierarchy(controllers.substring(5), "none," + controllers));
            } else if (!controllers.isEmpty()) {
                found.add(new CgroupHierarchy(controllers, controllers));
            }
        }
        return List.copyOf(found);
    }

    boolean has(String path) {
        return files.contains(path) || directories.contains(path);
    }

    boolean isDirectory(String path) {
        return directories.contains(path);
    }
}
