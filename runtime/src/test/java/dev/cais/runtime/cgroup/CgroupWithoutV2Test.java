package dev.cais.runtime.cgroup;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cais.Resources;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.linux.ControlFile;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

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

    /** As on a machine that is so busy that they do not stand still in time. */
    @Test
    void processesThatCannotBeFrozenAreKilledAllTheSame() throws Exception {
        var cgroup = engine.create("web", Resources.UNLIMITED, DeviceRules.DEFAULT, true);
        var process = start(cgroup, "echo ready; (setsid sleep 1000 &); while :; do (:); done");
        awaitLine(process);
        var place = cgroup.directories().stream()
                .map(directory -> directory.resolve("freezer.state"))
                .filter(Files::exists)
                .findFirst()
                .orElseThrow();
        var never = Files.writeString(scratch.resolve("state"), "FREEZING\n");
        Programs.output("mount", "--bind", never.toString(), place.toString());
        try {
            Programs.output("mount", "-o", "remount,bind,ro", place.toString());
            cgroup.killAll();

            assertThat(process.waitFor()).isEqualTo(SIGKILLED);
            Eventually.passes(() -> assertThat(cgroup.processes()).isEmpty());
        } finally {
            Programs.output("umount", place.toString());
        }
        cgroup.remove();
    }
}
