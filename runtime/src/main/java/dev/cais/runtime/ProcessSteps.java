package dev.cais.runtime;

import dev.cais.Rlimit;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Syscall;
import dev.cais.runtime.launch.Arg;
import dev.cais.runtime.launch.LaunchBuilder;
import dev.cais.runtime.security.Capability;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/** The steps that a container's first process and those beside it share. */
final class ProcessSteps {
    /** Marks the step that enters the working directory, and says what helps. */
    static final String WORKDIR_HELP = "choose another workdir, or a user who may enter it";

    private static final int SIG_SETMASK = 2;
    private static final int SIGCHLD = 17;

    private ProcessSteps() {}

    /** What the process that executes the program sends with a pidfd of itself. */
    static final String STARTED = "started";

    /** What it sends with the JVM's end of its terminal. */
    static final String TERMINAL = "terminal";

    /** Above all descriptors that have a meaning. */
    private static final int HIGH = 10;

    /** The first process leads a group of its own: the JVM finds all that belong to a start there. */
    static void leadGroup(LaunchBuilder program) {
        program.step(Syscall.SETPGID, Arg.of(0), Arg.of(0));
    }

    /** Goes on in a child in the PID namespace of another process; only a member can make a namespace below. */
    static void enterPidNamespace(LaunchBuilder program, int pidfd) {
        program.setns(Arg.of(pidfd), Abi.CLONE_NEWPID);
        program.clone3(Abi.CLONE_PARENT, 0);
        goOnInChild(program, "member");
    }

    /** Goes on in a child with new namespaces, which tells the JVM of itself and executes the program; the parent exits. */
    static void cloneAndReport(LaunchBuilder program, long namespaces) {
        program.clone3(namespaces | Abi.CLONE_PARENT, 0);
        reportFromChild(program);
    }

    /** The same, in a child that is born in the v2 control group of a descriptor. */
    static void cloneAndReport(LaunchBuilder program, long namespaces, int cgroup) {
        program.clone3IntoCgroup(namespaces | Abi.CLONE_PARENT, 0, cgroup);
        reportFromChild(program);
    }

    private static void goOnInChild(LaunchBuilder program, String child) {
        program.onZero(child);
        program.exit(0);
        program.label(child);
    }

    /** Told by the child itself, while it is in the group: so there is no moment when a process is neither there nor told of. */
    private static void reportFromChild(LaunchBuilder program) {
        goOnInChild(program, "last");
        program.step(Syscall.GETPID);
        var message = program.message(STARTED, 1);
        program.step(Syscall.PIDFD_OPEN, program.result(), Arg.of(0)).storeTo(message.slot(0));
        var itself = program.result();
        program.sendmsg(Arg.of(ContainerProgram.REPORT), message);
        program.close(itself);
    }

    /** No signal but SIGKILL ends the process, the kernel looks elsewhere for memory first, and children collect themselves. */
    static void outliveTrouble(LaunchBuilder program) {
        program.rtSigprocmask(SIG_SETMASK, -1);
        program.rtSigaction(SIGCHLD, true);
        var after = "adjusted";
        program.open("/proc/self/oom_score_adj", Abi.O_WRONLY | Abi.O_CLOEXEC, 0)
                .onFailure(after);
        var file = program.result();
        program.write(file, "-900").ignoreFailure();
        program.close(file);
        program.label(after);
    }

    /** On v1: each hierarchy by itself. Writing 0 stands for the writing thread, which needs no grace period of the kernel's. */
    static void enterCgroup(LaunchBuilder program, List<Path> taskFiles) {
        for (var file : taskFiles) {
            program.writeFile(file.toString(), "0");
        }
    }

    /**
     * Drops what the container may not have, becomes the user, and executes the program. Without no_new_privs the filter is
     * loaded while there is the right to, before the capabilities go; with it, last of all.
     *
     * @param stdio its terminal, if it is to have one, has been opened
     */
    static void becomeProgram(
            LaunchBuilder program,
            Blueprint blueprint,
            Confinement confinement,
            Collection<Rlimit> rlimits,
            Stdio stdio,
            Optional<Arg> terminal) {
        if (stdio instanceof Stdio.Given given && !given.stdin()) {
            program.open("/dev/null", Abi.O_RDWR, 0);
        }
        program.setsid();
        terminal.ifPresent(slave -> takeTerminal(program, slave));
        var identity = blueprint.identity();
        if (identity.uid() != 0) {
            giveStreams(program, stdio, identity.uid());
        }
        // closed, not only on exec: a working directory of /proc/self/fd/5 must not be a directory of the host
        program.closeOnExec(ContainerProgram.REPORT);
        program.closeRange(ContainerProgram.REPORT + 1, -1, 0);
        for (var limit : rlimits) {
            program.prlimit64(resource(limit), limit.soft(), limit.hard())
                    .explain(
                            "of " + limit.name(),
                            "a hard limit cannot be raised without CAP_SYS_RESOURCE; choose one that is not above the JVM's");
        }
        confine(program, blueprint, confinement);
        execute(program, blueprint);
    }

    /**
     * Has the program executed with the label of a security module. Written by the process itself.
     *
     * @param proc a directory with a proc file system that nobody else can have put something over
     */
    static void label(LaunchBuilder program, Confinement confinement, Arg proc) {
        confinement.label().ifPresent(label -> {
            program.openat(proc, label.file(), Abi.O_WRONLY | Abi.O_CLOEXEC, 0);
            var file = program.result();
            program.write(file, label.content())
                    .explain("of " + label.content(), "load the profile first, or choose one that is loaded")
                    .close(file);
        });
    }

    /** The part of it that counts for a container's init, too. */
    static void confine(LaunchBuilder program, Blueprint blueprint, Confinement confinement) {
        for (var capability : Capability.values()) {
            if (!confinement.bounding().contains(capability)) {
                program.prctl(Abi.PR_CAPBSET_DROP, capability.number());
            }
        }
        program.prctl(Abi.PR_CAP_AMBIENT, Abi.PR_CAP_AMBIENT_CLEAR_ALL);
        var filter = confinement.filter();
        if (!confinement.noNewPrivileges()) {
            filter.ifPresent(loaded -> program.seccomp(loaded.program(), loaded.flags()));
        }
        var identity = blueprint.identity();
        if (!identity.groups().isEmpty()) {
            program.setgroups(identity.groups());
        }
        program.setresgid(identity.gid(), identity.gid(), identity.gid());
        program.setresuid(identity.uid(), identity.uid(), identity.uid());
        program.capset(Capability.mask(confinement.effective()), Capability.mask(confinement.effective()), 0);
        program.chdir(blueprint.workdir()).explain("to " + blueprint.workdir(), WORKDIR_HELP);
        if (confinement.noNewPrivileges()) {
            program.prctl(Abi.PR_SET_NO_NEW_PRIVS, 1);
            filter.ifPresent(loaded -> program.seccomp(loaded.program(), loaded.flags()));
        }
    }

    /**
     * Opens a new terminal of the container's own and sends the JVM its end of it.
     *
     * @return the process's end
     */
    static Arg openTerminal(LaunchBuilder program, Stdio.Terminal terminal) {
        var message = program.message(TERMINAL, 1);
        var flags = Abi.O_RDWR | Abi.O_NOCTTY | Abi.O_CLOEXEC;
        program.open("/dev/pts/ptmx", flags | Abi.O_NONBLOCK, 0).storeTo(message.slot(0));
        var master = program.result();
        program.ioctl(master, Abi.TIOCSPTLCK, program.words("[0]", 0));
        var size = (long) terminal.columns() << 16 | terminal.rows();
        program.ioctl(
                master,
                Abi.TIOCSWINSZ,
                program.words("{" + terminal.rows() + " rows, " + terminal.columns() + " columns}", size));
        program.ioctl(master, Abi.TIOCGPTPEER, Arg.of(flags));
        var slave = program.result();
        program.sendmsg(Arg.of(ContainerProgram.REPORT), message);
        program.close(master);
        return slave;
    }

    /** Makes it what the new session is controlled by, and descriptors 0, 1 and 2, which the terminal itself may be one of. */
    private static void takeTerminal(LaunchBuilder program, Arg terminal) {
        program.ioctl(terminal, Abi.TIOCSCTTY, Arg.of(0));
        program.step(Syscall.FCNTL, terminal, Arg.of(Abi.F_DUPFD_CLOEXEC, "F_DUPFD_CLOEXEC"), Arg.of(HIGH));
        var copy = program.result();
        for (var descriptor = 0; descriptor < 3; descriptor++) {
            program.dup3(copy, descriptor, 0);
        }
    }

    /** So that the user may open {@code /dev/stdout} and the like. */
    private static void giveStreams(LaunchBuilder program, Stdio stdio, int uid) {
        var first = stdio instanceof Stdio.Given given && !given.stdin() ? 1 : 0;
        for (var descriptor = first; descriptor < 3; descriptor++) {
            program.step(Syscall.FCHOWN, Arg.of(descriptor), Arg.of(uid), Arg.of(-1));
        }
    }

    private static int resource(Rlimit limit) {
        return switch (limit.name()) {
            case "cpu" -> Abi.RLIMIT_CPU;
            case "fsize" -> Abi.RLIMIT_FSIZE;
            case "data" -> Abi.RLIMIT_DATA;
            case "stack" -> Abi.RLIMIT_STACK;
            case "core" -> Abi.RLIMIT_CORE;
            case "rss" -> Abi.RLIMIT_RSS;
            case "nproc" -> Abi.RLIMIT_NPROC;
            case "nofile" -> Abi.RLIMIT_NOFILE;
            case "memlock" -> Abi.RLIMIT_MEMLOCK;
            case "as" -> Abi.RLIMIT_AS;
            case "locks" -> Abi.RLIMIT_LOCKS;
            case "sigpending" -> Abi.RLIMIT_SIGPENDING;
            case "msgqueue" -> Abi.RLIMIT_MSGQUEUE;
            case "nice" -> Abi.RLIMIT_NICE;
            case "rtprio" -> Abi.RLIMIT_RTPRIO;
            case "rttime" -> Abi.RLIMIT_RTTIME;
            default -> throw new IllegalArgumentException(limit.name());
        };
    }

    /**
     * Tries each candidate, as execvp(3) does: one that is missing is passed over; one that may not be executed too, but if no
     * other is found, that is what went wrong.
     */
    private static void execute(LaunchBuilder program, Blueprint blueprint) {
        var environment = blueprint.environment();
        var candidates = blueprint.candidates();
        for (var i = 0; i < candidates.size(); i++) {
            program.label("try." + i);
            program.execve(candidates.get(i), blueprint.arguments(), environment);
            if (i + 1 < candidates.size()) {
                program.on(Errno.ENOENT, "try." + (i + 1));
                program.on(Errno.ENOTDIR, "try." + (i + 1));
                program.on(Errno.EACCES, "denied." + (i + 1));
            }
        }
        if (candidates.size() > 1) {
            for (var i = 1; i < candidates.size(); i++) {
                program.label("denied." + i);
                program.execve(candidates.get(i), blueprint.arguments(), environment);
                program.on(Errno.ENOENT, "denied." + (i + 1));
                program.on(Errno.ENOTDIR, "denied." + (i + 1));
                program.on(Errno.EACCES, "denied." + (i + 1));
            }
            // executing a directory fails with EACCES, which is the failure to report
            program.label("denied." + candidates.size());
            program.execve("/", blueprint.arguments(), environment);
        }
    }
}
