package dev.cais.runtime.cgroup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ByteSize;
import dev.cais.Resources;
import dev.cais.UnsupportedHostException;
import dev.cais.Warning;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is chosen on hosts of other kinds than this one: trees of plain files stand for cgroupfs. */
class CgroupsTest {
    @TempDir
    Path top;

    private Path user;
    private Path scope;

    @BeforeEach
    void makeTree() throws IOException {
        user = top.resolve("user.slice");
        scope = user.resolve("run.scope");
        group(top, "cpu io memory pids", "cpu memory pids", "");
        Files.delete(top.resolve("cgroup.type")); // the real top has none
        group(user, "cpu io memory pids", "memory pids", "");
        group(scope, "memory pids", "", "4711\n");
    }

    private static void group(Path directory, String controllers, String passed, String processes) throws IOException {
        Files.createDirectories(directory);
        Files.writeString(directory.resolve("cgroup.controllers"), controllers + "\n");
        Files.writeString(directory.resolve("cgroup.subtree_control"), passed + "\n");
        Files.writeString(directory.resolve("cgroup.procs"), processes);
        Files.writeString(directory.resolve("cgroup.type"), "domain\n");
    }

    private Cgroups detect(boolean root, String place) {
        return Cgroups.detect("9 1 0:5 / " + top + " rw - cgroup2 cgroup rw\n", "0::" + place + "\n", root, false);
    }

    @Test
    void rootUsesTheTop() {
        var cgroups = detect(true, "/user.slice/run.scope");

        assertThat(cgroups.version()).isEqualTo(Cgroups.Version.V2);
        assertThat(cgroups.unified().orElseThrow().base()).isEqualTo(top);
        assertThat(cgroups.controllers())
                .containsExactly(Controller.MEMORY, Controller.CPU, Controller.PIDS, Controller.IO);
        assertThat(cgroups.missing()).containsOnlyKeys(Controller.CPUSET);
    }

    @Test
    void aUserUsesTheNearestThatPassesAllOn() {
        var cgroups = detect(false, "/user.slice/run.scope");

        assertThat(cgroups.unified().orElseThrow().base()).isEqualTo(user);
        assertThat(cgroups.controllers())
                .containsExactly(Controller.MEMORY, Controller.CPU, Controller.PIDS, Controller.IO);
    }

    @Test
    void whatIsNotDelegatedIsMissingAndRefused() throws IOException {
        Files.writeString(top.resolve("cgroup.type"), "domain\n");
        Files.writeString(top.resolve("cgroup.controllers"), "memory\n");
        Files.writeString(top.resolve("cgroup.subtree_control"), "");
        group(user, "memory", "memory", "");
        var cgroups = detect(false, "/user.slice/run.scope");

        assertThat(cgroups.controllers()).containsExactly(Controller.MEMORY);
        assertThat(cgroups.missing())
                .containsEntry(Controller.CPU, "it is not delegated to " + user)
                .containsEntry(Controller.PIDS, "it is not delegated to " + user);
        assertThat(new EngineCgroups(cgroups, "0123456789ab").lacks("cannot limit processes to 5", Controller.PIDS))
                .hasMessage(
                        "cannot limit processes to 5: the pids controller cannot be used, since it is not delegated to "
                                + user
                                + "; run the program in a delegated cgroup, as systemd-run --user --scope -p Delegate=yes"
                                + " gives it, or as root");
    }

    @Test
    void aGroupWithProcessesPassesNothingOnUnlessItIsTheTop() throws IOException {
        var cgroups = Cgroups.detect(
                "9 1 0:5 /user.slice/run.scope " + scope + " rw - cgroup2 cgroup rw\n",
                "0::/user.slice/run.scope\n",
                true,
                false);

        assertThat(cgroups.controllers()).isEmpty();
        assertThat(cgroups.missing())
                .containsEntry(Controller.MEMORY, scope + " has processes in it, so it cannot pass the controller on")
                .containsEntry(Controller.CPU, "it is not delegated to " + scope);

        Files.delete(scope.resolve("cgroup.type"));
        Files.writeString(scope.resolve("cgroup.controllers"), "memory cpu pids\n");
        assertThat(detect(true, "/user.slice/run.scope").controllers()).hasSize(4);
    }

    @Test
    void limitsAreRefusedWhereNothingIsMounted() {
        var cgroups = Cgroups.detect("23 28 0:21 / /proc rw - proc proc rw\n", "0::/\n", false, false);

        assertThat(cgroups.controllers()).isEmpty();
        try (var engine = cgroups.open("0123456789ab")) {
            assertThat(engine.roots()).isEmpty();
            assertThatThrownBy(() -> engine.create(
                            "web", Resources.UNLIMITED.memory(ByteSize.mib(8)), DeviceRules.DEFAULT, true))
                    .isInstanceOf(UnsupportedHostException.class)
                    .hasMessage(
                            "cannot set memory 8.0 MiB of container web: the memory controller cannot be used, since no"
                                    + " cgroup file system is mounted; run the program as root on a host that mounts it");
            assertThat(engine.create("lax", Resources.UNLIMITED.memory(ByteSize.mib(8)), DeviceRules.DEFAULT, false)
                            .warnings())
                    .extracting(Warning::toString)
                    .containsExactly("cannot set memory 8.0 MiB: the memory controller cannot be used, since no cgroup"
                            + " file system is mounted");
            var cgroup = engine.create("web", Resources.UNLIMITED, DeviceRules.DEFAULT, true);
            assertThat(cgroup.directory()).isEmpty();
            assertThat(cgroup.taskFiles()).isEmpty();
            assertThat(cgroup.processes()).isEmpty();
            assertThat(cgroup.oomKilled()).isFalse();
            assertThatThrownBy(() -> new CgroupStats().measure(cgroup))
                    .isInstanceOf(UnsupportedHostException.class)
                    .hasMessageStartingWith("cannot measure processor time: the cpuacct controller cannot be used");
            cgroup.killAll();
            cgroup.remove();
        }
    }

    @Test
    void rootDoesNotStartWithoutAHoldOnDevices() {
        var cgroups = Cgroups.detect("23 28 0:21 / /proc rw - proc proc rw\n", "0::/\n", true, true);

        assertThatThrownBy(() -> cgroups.open("0123456789ab"))
                .isInstanceOf(UnsupportedHostException.class)
                .hasMessage(
                        "cannot keep containers from the host's disks and other devices: there is no cgroup directory that"
                                + " could; mount cgroup v2 writable for this process, or run it without CAP_MKNOD in a user namespace");
    }

    @Test
    void v1MountedReadOnlyIsMissing() {
        var cgroups = Cgroups.detect(
                "9 1 0:5 / " + top + " ro - cgroup cgroup rw,memory\n10 1 0:6 / " + user
                        + " rw - cgroup cgroup rw,cpu,cpuacct\n",
                "3:memory:/\n4:cpu,cpuacct:/\n",
                true,
                false);

        assertThat(cgroups.version()).isEqualTo(Cgroups.Version.V1);
        assertThat(cgroups.controllers()).containsExactly(Controller.CPU, Controller.CPUACCT);
        assertThat(cgroups.missing())
                .containsEntry(Controller.MEMORY, top + " is mounted read-only")
                .containsEntry(Controller.PIDS, "no cgroup file system is mounted");
    }

    @Test
    void anEnginesIdIsTwelveDigits() {
        var cgroups = Cgroups.detect("", "", false, false);

        assertThatThrownBy(() -> cgroups.open("../../etc"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("not an engine's id: ../../etc");
    }
}
