package dev.cais.runtime.launch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.ByteSize;
import dev.cais.Resources;
import dev.cais.SeccompProfile;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.linux.Abi;
import dev.cais.linux.Syscall;
import dev.cais.runtime.cgroup.Cgroup;
import dev.cais.runtime.cgroup.CgroupStats;
import dev.cais.runtime.cgroup.Cgroups;
import dev.cais.runtime.cgroup.DeviceRules;
import dev.cais.runtime.cgroup.EngineCgroups;
import dev.cais.runtime.security.Capability;
import dev.cais.runtime.security.SeccompFilter;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Filters and control groups as a start uses them: loaded and entered by a launch program, seen from inside. */
@RequiresRoot
@LeakChecked
class ConfinedStartTest {
    private static final int CGROUP = 9;
    private static final List<String> ENVIRONMENT = List.of("PATH=/usr/sbin:/usr/bin:/sbin:/bin");

    private EngineCgroups engine;

    @BeforeEach
    void openEngine() {
        engine = Cgroups.detect()
                .open("%012x"
                        .formatted(0xc0f1_0000_0000L | ProcessHandle.current().pid()));
    }

    @AfterEach
    void closeEngine() {
        engine.close();
    }

    /** Enters by the two cheap ways: {@code 0} to v1's files, a clone into v2's directory. */
    private static String runInside(Cgroup cgroup, String script) {
        var program = LaunchProgram.builder()
                .reportFailuresTo(3)
                .resetInherited(0, 1, 2, 3)
                .closeOnExec(3);
        cgroup.taskFiles().forEach(file -> program.writeFile(file.toString(), "0"));
        var flags = Abi.CLONE_NEWPID | Abi.CLONE_NEWNS;
        if (cgroup.directory().isPresent()) {
            program.open(cgroup.directory().get().toString(), Abi.O_PATH | Abi.O_DIRECTORY | Abi.O_CLOEXEC, 0);
            program.dup3(program.result(), CGROUP, Abi.O_CLOEXEC);
            program.clone3IntoCgroup(flags, Abi.SIGCHLD, CGROUP);
        } else {
            program.clone3(flags, Abi.SIGCHLD);
        }
        var filter =
                SeccompFilter.of(SeccompProfile.standard(), Capability.DEFAULT).orElseThrow();
        program.onZero("inside")
                .step(Syscall.WAIT4, Arg.of(-1), Arg.of(0), Arg.of(Abi.WALL), Arg.of(0))
                .exit(0)
                .label("inside")
                .unshare(Abi.CLONE_NEWCGROUP)
                .mount("", "/", "", Abi.MS_REC | Abi.MS_PRIVATE, "")
                .mount("proc", "/proc", "proc", 0, "")
                .seccomp(filter.program(), filter.flags());
        var built = program.execve("/bin/sh", List.of("sh", "-c", script + " 2>&1"), ENVIRONMENT)
                .build();
        var run = Run.of(built);
        if (run.report().length > 0) {
            throw built.failure(built.listing(), run.report());
        }
        return run.output();
    }

    @Test
    void theStandardFilterIsOnAndProgramsRun() {
        var cgroup = engine.create("web", Resources.UNLIMITED, DeviceRules.DEFAULT, true);

        var output = runInside(cgroup, """
                {
                grep '^Seccomp:' /proc/self/status
                unshare -u true || echo no unshare
                mount -t tmpfs none /mnt || echo no mount
                cat /etc/hostname | wc -l
                sh -c 'sh -c "echo nested $$"'
                }""");

        assertThat(output.lines().toList())
                .contains("Seccomp:\t2", "no unshare", "no mount", "1")
                .anyMatch(line -> line.startsWith("nested "));
        cgroup.remove();
    }

    @Test
    void theGroupIsEnteredAndIsTheTopFromInside() {
        var cgroup = engine.create(
                "web", Resources.UNLIMITED.memory(ByteSize.mib(32)).cpus(1).pids(20), DeviceRules.DEFAULT, true);

        var output = runInside(cgroup, "cat /proc/self/cgroup; head -c 99000000 /dev/zero | tail -c 99000000 | wc -c");

        assertThat(output.lines().filter(line -> line.contains(":") && !line.startsWith("1:name=")))
                .isNotEmpty()
                .allMatch(line -> line.endsWith(":/"));
        assertThat(output).doesNotContain("99000000");
        assertThat(cgroup.oomKilled()).isTrue();
        assertThat(new CgroupStats().measure(cgroup).cpu().total()).isPositive();
        cgroup.remove();
        assertThat(cgroup.directories())
                .noneMatch(directory -> directory.toFile().exists());
    }
}
