package dev.cais.runtime.launch;

import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.util.Arrays;

/**
 * What a process has from its parent across fork(2) and execve(2), and the steps that give it back.
 *
 * <p>posix_spawn(3) did the signals: all at their default action, none blocked. A step whose failure is ignored may lack a
 * privilege (a higher priority, a lower oom score) or a feature of the kernel; the process is then as the JVM was.
 *
 * <p>What stays, since nothing gives it back: no_new_privs, system call filters, Landlock rules, the root directory, the
 * login user ID of audit(8). Limits, groups, capabilities and cgroups are a matter of what the process is to be.
 */
final class Inheritance {
    private static final int MOST_PROCESSORS = 8192;
    private static final int DEFAULT_TIMER_SLACK_NANOS = 50_000;
    private static final int COMMON_OPEN_FILES = 1024;

    private Inheritance() {}

    static void reset(LaunchBuilder program, int... keptDescriptors) {
        closeAllBut(program, keptDescriptors);
        program.umask(022);
        program.chdir("/");
        // EDQUOT and ENOMEM are not ignored: the JVM's keys would stay in reach
        program.joinSessionKeyring().ignore(Errno.ENOSYS, Errno.EPERM, Errno.EACCES);
        program.name("cais");
        scheduling(program);
        memory(program);
        program.step(Syscall.PERSONALITY, Arg.of(0, "PER_LINUX")).ignoreFailure();
        program.prctl(Abi.PR_SET_SECUREBITS, 0).ignoreFailure();
        openFiles(program);
        program.tryToWriteFile("/proc/self/oom_score_adj", "0");
        // HotSpot adds shared mappings to its core dumps
        program.tryToWriteFile("/proc/self/coredump_filter", "0x33");
        // last: it makes /proc/self root's
        program.prctl(Abi.PR_SET_DUMPABLE, 0);
    }

    private static void closeAllBut(LaunchBuilder program, int... kept) {
        var sorted = Arrays.stream(kept).sorted().distinct().toArray();
        var next = 0;
        for (var descriptor : sorted) {
            if (descriptor > next) {
                program.closeRange(next, descriptor - 1, 0);
            }
            next = descriptor + 1;
        }
        program.closeRange(next, -1, 0);
    }

    private static void scheduling(LaunchBuilder program) {
        program.schedSetscheduler(Abi.SCHED_OTHER, 0).ignoreFailure();
        program.setpriority(0).ignoreFailure();
        program.ioprioSet(0).ignoreFailure();
        var all = new byte[MOST_PROCESSORS / 8];
        Arrays.fill(all, (byte) 0xff);
        program.schedSetaffinity(all).ignoreFailure();
        program.prctl(Abi.PR_SET_TIMERSLACK, DEFAULT_TIMER_SLACK_NANOS).ignoreFailure();
    }

    private static void memory(LaunchBuilder program) {
        program.step(Syscall.SET_MEMPOLICY, Arg.of(0, "MPOL_DEFAULT"), Arg.of(0, "NULL"), Arg.of(0))
                .ignoreFailure();
        program.prctl(Abi.PR_SET_THP_DISABLE, 0).ignoreFailure();
        program.prctl(Abi.PR_SET_MEMORY_MERGE, 0).ignoreFailure();
    }

    /** HotSpot raises its soft limit to the hard one; many programs close or allocate for as many as the soft limit says. */
    private static void openFiles(LaunchBuilder program) {
        try (var scratch = Scratch.frame()) {
            var limits = scratch.take(16);
            var result = Syscalls.call(Syscall.PRLIMIT64, 0, Abi.RLIMIT_NOFILE, 0, Scratch.address(limits));
            if (result == 0) {
                var hard = limits.getLong(8);
                var soft = Long.compareUnsigned(hard, COMMON_OPEN_FILES) < 0 ? hard : COMMON_OPEN_FILES;
                program.prlimit64(Abi.RLIMIT_NOFILE, soft, hard).ignoreFailure();
            }
        }
    }
}
