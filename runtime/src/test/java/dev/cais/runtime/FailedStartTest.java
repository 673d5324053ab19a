package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ContainerSpec;
import dev.cais.EngineException;
import dev.cais.KernelException;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestImages;
import dev.cais.fixtures.TestStore;
import dev.cais.linux.Fd;
import dev.cais.linux.Pidfd;
import dev.cais.runtime.launch.Launch;
import dev.cais.runtime.launch.LaunchProgram;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Whatever step of a start fails, nothing of it is left, and the message names the step. */
@RequiresRoot
@LeakChecked
class FailedStartTest {
    /** Fails a chosen step of each container's program, and lets all other programs pass. */
    private static final class Saboteur extends Launch {
        private int failing = -1;
        private int size;

        Saboteur(Path directory) {
            super(directory);
        }

        @Override
        public Pidfd start(String what, LaunchProgram program, Map<Integer, Fd> descriptors) {
            if (!what.contains("doomed") || failing < 0) {
                return super.start(what, program, descriptors);
            }
            size = program.size();
            return super.start(what, program.failingAt(failing), descriptors);
        }
    }

    @Test
    void everyStepCanFailAndLeavesNothing(TestStore store) throws IOException {
        failEachStep(store, ContainerSpec.of("busybox"));
    }

    @Test
    void everyStepOfAStartOnATerminalCanFailAndLeavesNothing(TestStore store) throws IOException {
        failEachStep(store, ContainerSpec.of("busybox").tty().openStdin());
    }

    @Test
    @RequiresFeature({Feature.OWN_NETWORK, Feature.NF_TABLES})
    void everyStepOfAStartOnANetworkCanFailAndLeavesNothing(TestStore store) throws IOException {
        failEachStep(store, ContainerSpec.of("busybox").publish(80));
    }

    private static void failEachStep(TestStore store, ContainerSpec base) throws IOException {
        var saboteur = new Saboteur[1];
        try (var engine = LocalEngine.open(store.options(), directory -> saboteur[0] = new Saboteur(directory))) {
            engine.images().load(TestImages.busyboxArchive());
            var spec = base.name("doomed")
                    .command("true")
                    .workdir("/made")
                    .user("1000")
                    .mount("data", "/data")
                    .bindReadOnly(Path.of("/etc/hostname"), "/in/hostname")
                    .tmpfs("/scratch");
            engine.containers().run(spec);
            engine.networks().departures().await();
            var descriptors = descriptors();
            var reported = 0;
            saboteur[0].size = 1;
            for (saboteur[0].failing = 0; saboteur[0].failing < saboteur[0].size; saboteur[0].failing++) {
                try {
                    assertThat(engine.containers().run(spec).exitCode()).isZero();
                } catch (EngineException e) {
                    // what can be explained better keeps the kernel's answer as its cause
                    var kernel = e.getCause() == null ? e : e.getCause();
                    assertThat(e)
                            .hasMessageStartingWith("cannot start doomed: ")
                            .hasMessageContaining("EBADF (bad file descriptor)");
                    assertThat(((KernelException) kernel).facts()).containsEntry("step", saboteur[0].failing);
                    reported++;
                }
                assertThat(engine.containers().list()).isEmpty();
                try (var containers = Files.list(
                        store.path().resolve("engines/" + engine.info().id() + "/containers"))) {
                    assertThat(containers).isEmpty();
                }
                Eventually.passes(() -> assertThat(children()).hasSize(2));
            }
            // the rest are steps behind the program's execution: other candidates, exits, the failure's own report
            assertThat(reported).isGreaterThan(saboteur[0].size - 60);
            engine.networks().departures().await();
            // fewer where something of before the first count was closed late
            Eventually.passes(() -> assertThat(descriptors()).isLessThanOrEqualTo(descriptors));
            saboteur[0].failing = -1;
            assertThat(engine.containers().run(spec).exitCode()).isZero();
        }
    }

    @Test
    void anEngineThatCannotStartItsGuardianOpensNothing(TestStore store) {
        assertThatThrownBy(() -> LocalEngine.open(store.options(), directory -> new Launch(directory) {
                    @Override
                    public Pidfd start(String what, LaunchProgram program, Map<Integer, Fd> descriptors) {
                        return super.start(
                                what, what.contains("guardian") ? program.failingAt(0) : program, descriptors);
                    }
                }))
                .isInstanceOf(KernelException.class)
                .hasMessage("cannot start the guardian of the containers: close_range(2) failed with EBADF (bad file"
                        + " descriptor) [step=0]");
        assertThat(store.path().resolve("engines")).isEmptyDirectory();
    }

    private static java.util.List<Long> children() {
        return ProcessHandle.current().children().map(ProcessHandle::pid).toList();
    }

    private static long descriptors() throws IOException {
        try (var open = Files.list(Path.of("/proc/self/fd"))) {
            return open.filter(descriptor -> !isOfClassPath(descriptor)).count();
        }
    }

    /** Opened when the first class of it is wanted, whoever wants it. */
    private static boolean isOfClassPath(Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor).toString().endsWith(".jar");
        } catch (IOException e) {
            return false; // closed meanwhile; it counts at this look
        }
    }
}
