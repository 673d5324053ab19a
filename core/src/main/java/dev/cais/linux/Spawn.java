package dev.cais.linux;

import dev.cais.KernelException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * posix_spawn(3): a new process from an executable file, without the memory of this one.
 *
 * <p>The child begins with every signal at its default action, none blocked, an empty environment, and the descriptors that
 * were named for it beside those of this process that are not closed on exec. All else it inherits.
 */
public final class Spawn {
    /** More than glibc's and musl's {@code posix_spawnattr_t} (336) and {@code posix_spawn_file_actions_t} (80) need. */
    private static final int ATTRIBUTES = 512;

    private static final int FILE_ACTIONS = 256;
    private static final int SIGNALS = 128;
    private static final short SETSIGDEF = 0x04;
    private static final short SETSIGMASK = 0x08;

    private static final long SIG_DFL = 0;
    private static final long SIG_IGN = 1;
    private static final long SA_NOCLDWAIT = 2;

    static {
        keepExitStatuses();
    }

    private Spawn() {}

    /**
     * Starts an executable.
     *
     * @param what for messages, as in {@code cannot start web}
     * @param executable an open file; it may be closed on exec
     * @param argument the program's own name, its only argument
     * @param descriptors the child's numbers and the descriptors of this process they stand for
     * @return the child's number: it must be collected, for instance through {@link Pidfd}
     * @throws KernelException with what execve(2) failed with, {@code EAGAIN} or {@code ENOMEM} from clone(2)
     */
    public static int start(String what, Fd executable, String argument, Map<Integer, Fd> descriptors) {
        var highest =
                descriptors.keySet().stream().mapToInt(Integer::intValue).max().orElse(-1);
        List<Fd> moved = new ArrayList<>(0);
        try (var scratch = Scratch.frame()) {
            var program = above(highest, executable, moved);
            var actions = scratch.reserve(FILE_ACTIONS);
            Libc.posix_spawn_file_actions_init(actions);
            try {
                for (var mapping : descriptors.entrySet()) {
                    var ours = above(highest, mapping.getValue(), moved);
                    check(what, Libc.posix_spawn_file_actions_adddup2(actions, ours, mapping.getKey()));
                }
                return start(what, scratch, "/proc/self/fd/" + program, argument, actions);
            } finally {
                Libc.posix_spawn_file_actions_destroy(actions);
            }
        } finally {
            moved.forEach(Fd::close);
        }
    }

    private static int start(String what, Scratch scratch, String path, String argument, long actions) {
        var attributes = scratch.reserve(ATTRIBUTES);
        Libc.posix_spawnattr_init(attributes);
        try {
            Libc.posix_spawnattr_setflags(attributes, (short) (SETSIGDEF | SETSIGMASK));
            // set by hand: sigfillset(3) leaves out libc's own signals 32 and 33, which an exec would keep ignored
            var all = scratch.take(SIGNALS);
            all.putLong(0, -1L);
            Libc.posix_spawnattr_setsigdefault(attributes, Scratch.address(all));
            Libc.posix_spawnattr_setsigmask(attributes, scratch.reserve(SIGNALS));
            var pid = scratch.take(Integer.BYTES);
            var arguments = scratch.words(scratch.path(argument), 0);
            check(
                    what,
                    Libc.posix_spawn(
                            Scratch.address(pid),
                            scratch.path(path),
                            actions,
                            attributes,
                            arguments,
                            scratch.words(0)));
            return pid.getInt(0);
        } finally {
            Libc.posix_spawnattr_destroy(attributes);
        }
    }

    /** A number for the same file that no number of the child's can overwrite. */
    private static int above(int highest, Fd fd, List<Fd> moved) {
        if (fd.number() > highest) {
            return fd.number();
        }
        var copy = Fd.of(Syscalls.checked(
                "cannot copy a descriptor",
                Syscall.FCNTL,
                Syscalls.call(Syscall.FCNTL, fd.number(), Abi.F_DUPFD_CLOEXEC, highest + 1)));
        moved.add(copy);
        return copy.number();
    }

    private static void check(String what, int error) {
        if (Errno.EAGAIN.number() == error) {
            throw Errno.EAGAIN.exception(
                    what,
                    Syscall.CLONE,
                    Map.of(),
                    "there are as many processes as RLIMIT_NPROC or the cgroup's pids.max allow");
        }
        if (error != 0) {
            throw Errno.of(error).exception(what, Syscall.EXECVE);
        }
    }

    /**
     * A JVM can inherit an ignored SIGCHLD; then the kernel collects children itself and their exit statuses are lost. The
     * JDK sets it back too, when it starts its own first process.
     */
    private static void keepExitStatuses() {
        try (var scratch = Scratch.frame()) {
            var action = scratch.take(32);
            var address = Scratch.address(action);
            Syscalls.checked(
                    "cannot read the action for SIGCHLD",
                    Syscall.RT_SIGACTION,
                    Syscalls.call(Syscall.RT_SIGACTION, Abi.SIGCHLD, 0, address, 8));
            if (action.getLong(0) == SIG_IGN || (action.getLong(8) & SA_NOCLDWAIT) != 0) {
                action.putLong(0, SIG_DFL).putLong(8, 0).putLong(16, 0).putLong(24, 0);
                Syscalls.checked(
                        "cannot set the action for SIGCHLD",
                        Syscall.RT_SIGACTION,
                        Syscalls.call(Syscall.RT_SIGACTION, Abi.SIGCHLD, address, 0, 8));
            }
        }
    }
}
