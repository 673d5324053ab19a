package dev.cais.runtime.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.cais.KernelException;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.linux.NativeMemory;
import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The conditions that a JVM can find itself in. */
@RequiresRoot
@RequiresProgram({"unshare", "mount"})
@LeakChecked
class HostsTest {
    private static final String MEMORY_FILE = "/memfd:cais-init (deleted), exit 7";
    private static final List<String> NAMESPACES =
            List.of("unshare", "--pid", "--fork", "--mount-proc", "--mount", "sh", "-c");

    @TempDir
    private Path directory;

    private List<String> start(int programs, List<String> wrapper) {
        try (var jvm =
                ChildJvm.start(wrapper, List.of(), Starting.class, directory.toString(), Integer.toString(programs))) {
            return jvm.readLines();
        }
    }

    private static List<String> namespaces(String preparation) {
        var wrapper = new ArrayList<>(NAMESPACES);
        wrapper.addAll(List.of(preparation + " && exec \"$@\"", "sh"));
        return wrapper;
    }

    @Test
    @RequiresProgram("bash")
    void whereSigchldIsIgnoredExitStatusesAreKeptAllTheSame() {
        assertThat(start(0, List.of("bash", "-c", "trap '' CHLD; exec \"$@\"", "bash")))
                .containsExactly("SIGCHLD ignored", MEMORY_FILE, "0 more");
    }

    @Test
    void whereMemoryFilesAreNotExecutableUnlessAskedForOneIsAskedFor() {
        assumeMemoryFilesCanBeForbidden();

        assertThat(start(0, namespaces("echo 1 > /proc/sys/vm/memfd_noexec")))
                .containsExactly("SIGCHLD not ignored", MEMORY_FILE, "0 more");
    }

    @Test
    void whereMemoryFilesAreNeverExecutableAFileThatHasLostItsNameIs() {
        assumeMemoryFilesCanBeForbidden();

        var lines = start(50, namespaces("echo 2 > /proc/sys/vm/memfd_noexec"));

        assertThat(lines).hasSize(3);
        assertThat(lines.get(1))
                .matches(Pattern.quote(directory.toString()) + "/\\.cais-init-\\w+ \\(deleted\\), exit 7");
        assertThat(lines.get(2)).isEqualTo("50 more");
        assertThat(directory).isEmptyDirectory();
    }

    @ParameterizedTest
    @ValueSource(strings = {"/proc", "/tmp"})
    void aFileSystemMountedNoexecDoesNotMatter(String place) {
        var preparation = "mount --bind %1$s %1$s && mount -o remount,bind,noexec %1$s".formatted(place);

        assertThat(start(0, namespaces(preparation))).containsExactly("SIGCHLD not ignored", MEMORY_FILE, "0 more");
    }

    @Test
    void whereNoMoreProcessesAreAllowedTheErrorSaysSo() throws IOException {
        var controller = Path.of("/sys/fs/cgroup/pids");
        assumeThat(controller.resolve("tasks")).exists();
        var own = controller.resolve(
                "cais-launch-hosts-" + ProcessHandle.current().pid());
        Files.createDirectory(own);
        var held = NativeMemory.allocate(
                8); // keeps JNA's cleaner, so that the program's memory needs no new thread for it
        try {
            Files.writeString(own.resolve("pids.max"), "1");
            // the writing thread alone
            Files.writeString(own.resolve("tasks"), "0");
            assertThatThrownBy(() -> Run.of(LaunchProgram.builder().build()))
                    .isExactlyInstanceOf(KernelException.class)
                    .hasMessage(
                            "cannot start the test's program: clone(2) failed with EAGAIN (resource temporarily"
                                    + " unavailable); there are as many processes as RLIMIT_NPROC or the cgroup's pids.max allow");
        } finally {
            Files.writeString(controller.resolve("tasks"), "0");
            Files.delete(own);
            Reference.reachabilityFence(held);
        }
    }

    private static void assumeMemoryFilesCanBeForbidden() {
        var command = new ArrayList<>(NAMESPACES);
        command.add("echo 2 > /proc/sys/vm/memfd_noexec");
        assumeThat(Programs.run(command.toArray(String[]::new)).exitCode())
                .as("vm.memfd_noexec can be set")
                .isZero();
    }
}
