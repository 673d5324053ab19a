package dev.cais.runtime.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.KernelException;
import dev.cais.linux.Abi;
import dev.cais.linux.Syscall;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What holds of a plain user's namespace with and without subordinate ids. */
abstract class UserNamespaceContract {
    private static final int STDOUT = 1;
    private static final int REPORT = 3;
    private static final int MOST = 4096;

    final Launch launch = new Launch(Path.of(System.getProperty("java.io.tmpdir")));

    /** What a program reads there. */
    final String read(String file) {
        var program = program();
        program.open(file, Abi.O_RDONLY | Abi.O_CLOEXEC, 0);
        var place = program.reserve(MOST);
        program.read(program.result(), place, MOST);
        program.step(Syscall.WRITE, Arg.of(STDOUT), place, program.result());
        return run(program);
    }

    private static LaunchBuilder program() {
        var program = LaunchProgram.builder().reportFailuresTo(REPORT);
        program.resetInherited(0, STDOUT, 2, REPORT);
        return program;
    }

    private String run(LaunchBuilder builder) {
        var program = builder.build();
        try (var namespace = UserNamespace.create(launch)) {
            var run = Run.of(launch.inside(namespace), program);
            if (run.report().length > 0) {
                throw program.failure("cannot try it", run.report());
            }
            assertThat(run.exit().code()).isZero();
            return run.output();
        }
    }

    @Test
    void programsAreRootThere() {
        assertThat(read("/proc/self/status")).contains("\nUid:\t0\t0\t0\t0\n", "\nGid:\t0\t0\t0\t0\n");
    }

    @Test
    void programsMayMountAndChangeTheNetworkAndWriteTheirOwnFilesInProc() {
        var program = program();
        program.unshare(Abi.CLONE_NEWNS);
        program.mount("tmpfs", "/tmp", "tmpfs", 0, "");
        program.writeFile("/proc/sys/net/ipv4/ip_forward", "1");
        program.writeFile("/proc/self/oom_score_adj", "500");

        assertThat(run(program)).isEmpty();
    }

    @Test
    void loopbackIsUp() {
        assertThat(read("/proc/self/net/if_inet6")).contains(" lo\n");
    }

    @Test
    void aFailingStepIsReportedAsEver() {
        var program = program();
        program.mount("", "/nowhere", "tmpfs", 0, "").explain("of nothing", "");

        assertThatThrownBy(() -> run(program))
                .isInstanceOf(KernelException.class)
                .hasMessageStartingWith("cannot try it: mount(2) of nothing failed with ENOENT");
    }
}
