package dev.cais.runtime.cgroup;

import static java.util.stream.Collectors.joining;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cais.fixtures.RequiresRoot;
import dev.cais.linux.ControlFile;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;

/** The contract on v1 alone: where v1 is mounted at all, v2's tree is overlooked. */
@RequiresRoot
class CgroupWithoutV2Test extends CgroupContract {
    CgroupWithoutV2Test() {
        super(host());
    }

    private static Cgroups host() {
        var mounts = ControlFile.read(Path.of("/proc/self/mountinfo"))
                .lines()
                .filter(line -> !line.contains(" - cgroup2 "))
                .collect(joining("\n"));
        return Cgroups.detect(mounts, ControlFile.read(Path.of("/proc/self/cgroup")), true, true);
    }

    @BeforeAll
    static void needV1() {
        assumeTrue(host().controllers().contains(Controller.FREEZER), "v1 is not mounted here");
    }
}
