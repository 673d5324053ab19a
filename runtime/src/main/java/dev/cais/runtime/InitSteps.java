package dev.cais.runtime;

import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Syscall;
import dev.cais.runtime.launch.Arg;
import dev.cais.runtime.launch.LaunchBuilder;
import java.util.List;

/**
 * The small init that a container may ask for: the launch program itself goes on as PID 1, with the rights of the container's
 * program, which is its child.
 *
 * <p>All signals are blocked and waited for. Each but SIGCHLD is sent on to the child; at SIGCHLD all processes that have ended are
 * collected, orphans of the container too. When the child is among them, init ends as it did: with its exit code, or 128 and the
 * number of its signal, as a shell. Steps have no arithmetic: umask(2) hands back what it was given, so that a step can branch on
 * it, and lseek(2) adds.
 */
final class InitSteps {
    /** Calls that init makes with the container's filter loaded. */
    static final List<Syscall> CALLS = List.of(
            Syscall.CLOSE,
            Syscall.RT_SIGTIMEDWAIT,
            Syscall.PIDFD_SEND_SIGNAL,
            Syscall.WAITID,
            Syscall.UMASK,
            Syscall.LSEEK,
            Syscall.EXIT_GROUP);

    private static final String PROGRAM = "program";
    private static final String WAIT = "init.wait";
    private static final String COLLECT = "init.collect";
    private static final String CHILD_ENDED = "init.childEnded";
    private static final String EXITED = "init.exited";

    /** Beyond all numbers that were given or that the kernel takes next. */
    private static final int CHILD = 62;

    private static final int SUM = 63;

    private static final int SIGINFO = 128;
    private static final int SI_CODE = 8;
    private static final int SI_STATUS = 24;
    private static final int CLD_EXITED = 1;
    private static final int KILLED = 128;
    private static final Arg NULL = Arg.of(0, "NULL");

    private InitSteps() {}

    /** Goes on in a child; the process itself becomes its init. */
    static void fork(LaunchBuilder program, Blueprint blueprint, Confinement confinement, boolean ownPid) {
        if (!ownPid) {
            program.prctl(Abi.PR_SET_CHILD_SUBREAPER, 1);
        }
        program.rtSigprocmask(Abi.SIG_SETMASK, -1);
        var pidfd = program.reserve(Long.BYTES);
        program.clone3(0, Abi.SIGCHLD, pidfd).onZero(PROGRAM);
        program.name("cais-init");
        program.setsid();
        program.dup3(pidfd.word32(), CHILD, Abi.O_CLOEXEC);
        program.step(Syscall.MEMFD_CREATE, program.text("cais-init"), Arg.of(Abi.MFD_CLOEXEC, "MFD_CLOEXEC"));
        program.dup3(program.result(), SUM, Abi.O_CLOEXEC);
        program.lseek(Arg.of(SUM), Arg.of(KILLED), Abi.SEEK_SET);
        program.closeRange(ContainerProgram.REPORT + 1, CHILD - 1, 0);
        program.closeRange(SUM + 1, -1, 0);
        ProcessSteps.confine(program, blueprint, confinement);
        program.close(Arg.of(ContainerProgram.REPORT));
        serve(program);
        program.label(PROGRAM);
        program.rtSigprocmask(Abi.SIG_SETMASK, 0);
    }

    private static void serve(LaunchBuilder program) {
        var all = program.words("[~0]", -1);
        var ended = program.reserve(SIGINFO);
        var code = ended.word32(SI_CODE);
        var status = ended.word32(SI_STATUS);

        program.label(WAIT);
        program.step(Syscall.RT_SIGTIMEDWAIT, all, NULL, NULL, Arg.of(Long.BYTES))
                .onResult(Abi.SIGCHLD, COLLECT)
                .onFailure(WAIT);
        program.step(Syscall.PIDFD_SEND_SIGNAL, Arg.of(CHILD), program.result(), NULL, Arg.of(0))
                .ignoreFailure()
                .goTo(WAIT);

        program.label(COLLECT);
        program.step(
                        Syscall.WAITID,
                        Arg.of(Abi.P_ALL, "P_ALL"),
                        Arg.of(0),
                        ended,
                        Arg.of(Abi.WEXITED | Abi.WNOHANG | Abi.WALL, "WEXITED|WNOHANG|__WALL"),
                        NULL)
                .onFailure(WAIT);
        // a child that has ended can be signalled until it is collected
        program.step(Syscall.PIDFD_SEND_SIGNAL, Arg.of(CHILD), Arg.of(0), NULL, Arg.of(0))
                .on(Errno.ESRCH, CHILD_ENDED)
                .ignoreFailure();
        branchOn(program, code).onZero(WAIT).goTo(COLLECT);

        program.label(CHILD_ENDED);
        branchOn(program, code).onResult(CLD_EXITED, EXITED);
        program.lseek(Arg.of(SUM), status, Abi.SEEK_CUR);
        program.step(Syscall.EXIT_GROUP, program.result());
        program.label(EXITED);
        program.step(Syscall.EXIT_GROUP, status);
    }

    /** A step whose result is a number below 512 that is not known before. */
    private static LaunchBuilder branchOn(LaunchBuilder program, Arg number) {
        program.step(Syscall.UMASK, number);
        return program.umask(022);
    }
}
