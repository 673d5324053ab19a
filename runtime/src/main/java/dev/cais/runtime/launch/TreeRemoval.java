package dev.cais.runtime.launch;

import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Syscall;
import java.time.Duration;

/**
 * Steps that remove a tree of directories of any depth, with no stack but the working directory.
 *
 * <p>One entry at a time is read, since a step can only look at a fixed place of the buffer, and the position is set behind it
 * ({@code d_off}). A directory that is not empty is entered; at its end the walk goes up and reads the parent again from
 * the beginning: the directory is empty now and goes at once. So each way down is paid for by at least one removal, and
 * the walk ends. It ends early when nothing can be removed for some time, which a timer tells.
 *
 * <p>The tree is the process's root directory for the while, so that {@code ..} cannot lead out of it, and getcwd(2) with room
 * for two bytes succeeds at its top alone.
 */
final class TreeRemoval {
    private static final int DIRENT = 280;
    private static final int D_OFF = 8;
    private static final int D_NAME = 19;
    private static final int DIRECTORY = Abi.O_DIRECTORY | Abi.O_CLOEXEC;
    private static final Duration PAUSE = Duration.ofMillis(2);
    private static final Arg CWD = Arg.of(Abi.AT_FDCWD, "AT_FDCWD");
    private static final Arg REMOVEDIR = Arg.of(Abi.AT_REMOVEDIR, "AT_REMOVEDIR");
    private static final Arg NULL = Arg.of(0, "NULL");
    private static final Arg ZERO = Arg.of(0);

    private final LaunchBuilder program;
    private final String path;
    private final boolean cgroups;
    private final Arg.Pointer time;
    private final Arg.Pointer buffer;

    private TreeRemoval(LaunchBuilder program, String path, boolean cgroups, Duration patience) {
        this.program = program;
        this.path = path;
        this.cgroups = cgroups;
        this.time = program.words(
                "{" + patience.toMillis() + " ms}", 0, 0, patience.toSeconds(), Math.max(1, patience.toNanosPart()));
        this.buffer = program.reserve(8);
    }

    static void files(LaunchBuilder program, String path, Duration patience) {
        new TreeRemoval(program, path, false, patience).write();
    }

    static void cgroups(LaunchBuilder program, String path, Duration patience) {
        new TreeRemoval(program, path, true, patience).write();
    }

    private void write() {
        var name = program.fresh("remove");
        var again = name + ".again";
        var scan = name + ".scan";
        var next = name + ".next";
        var up = name + ".up";
        var top = name + ".top";
        var obstacle = name + ".obstacle";
        var outside = name + ".outside";
        var closeTimer = name + ".timer";
        var closeRoot = name + ".root";
        var end = name + ".end";

        program.unlink(path, Abi.AT_REMOVEDIR)
                .on(Errno.ENOENT, end)
                .onSuccess(end)
                .ignoreFailure();
        program.open("/", Abi.O_PATH | DIRECTORY, 0).onFailure(end);
        var root = program.result();
        program.step(
                        Syscall.TIMERFD_CREATE,
                        Arg.of(Abi.CLOCK_MONOTONIC, "CLOCK_MONOTONIC"),
                        Arg.of(Abi.TFD_CLOEXEC | Abi.TFD_NONBLOCK, "TFD_CLOEXEC|TFD_NONBLOCK"))
                .onFailure(closeRoot);
        var timer = program.result();
        restart(timer);

        program.label(again);
        program.open(path, DIRECTORY | Abi.O_NOFOLLOW, 0).onFailure(closeTimer);
        var tree = program.result();
        program.fchdir(tree).ignoreFailure().close(tree);
        program.chroot(".").onFailure(outside);

        program.label(scan);
        program.open(".", DIRECTORY, 0).onFailure(outside);
        var directory = program.result();
        removeEntries(directory, timer, next, up, obstacle);

        program.label(up).close(directory);
        if (cgroups) {
            program.nanosleep(PAUSE);
        }
        ifTimeIsUp(timer, outside);
        program.step(Syscall.GETCWD, buffer, Arg.of(2)).onSuccess(top).ignoreFailure();
        program.chdir("..").onSuccess(scan).onFailure(outside);

        program.label(top);
        leave(root);
        program.unlink(path, Abi.AT_REMOVEDIR)
                .onSuccess(closeTimer)
                .on(Errno.ENOENT, closeTimer)
                .ignoreFailure();
        program.nanosleep(PAUSE);
        ifTimeIsUp(timer, closeTimer);
        program.goTo(again);

        program.label(obstacle).close(directory);
        program.label(outside);
        leave(root);
        program.label(closeTimer).close(timer);
        program.label(closeRoot).close(root);
        program.label(end);
    }

    private void removeEntries(Arg directory, Arg timer, String next, String up, String obstacle) {
        var entry = program.reserve(DIRENT);
        var name = entry.plus(D_NAME);
        var removed = next + ".removed";

        program.label(next);
        program.step(Syscall.GETDENTS64, directory, entry, Arg.of(DIRENT))
                .onZero(up)
                .onFailure(obstacle);
        program.lseek(directory, entry.word(D_OFF), Abi.SEEK_SET).onFailure(obstacle);
        if (!cgroups) {
            // EISDIR for . and .. too
            unlink(name, ZERO)
                    .onSuccess(removed)
                    .on(Errno.ENOENT, next)
                    .ignore(Errno.EISDIR)
                    .onFailure(obstacle);
        }
        // EINVAL for . and ENOTEMPTY for ..
        unlink(name, REMOVEDIR).onSuccess(removed).on(Errno.EINVAL, next);
        if (cgroups) {
            // EBUSY for one that has others below it, or processes
            program.on(Errno.ENOTDIR, next).ignoreFailure();
        } else {
            program.on(Errno.ENOENT, next).ignore(Errno.ENOTEMPTY).onFailure(obstacle);
        }
        // EXDEV for .. and for what is mounted there
        program.openat2(CWD, name, Abi.O_CLOEXEC, Abi.RESOLVE_BENEATH | Abi.RESOLVE_NO_SYMLINKS | Abi.RESOLVE_NO_XDEV)
                .on(Errno.EXDEV, next)
                .on(Errno.ENOENT, next)
                .onFailure(obstacle);
        var below = program.result();
        program.close(directory);
        program.fchdir(below).ignoreFailure().close(below).goTo(next.replace(".next", ".scan"));

        program.label(removed);
        restart(timer);
        program.goTo(next);
    }

    private LaunchBuilder unlink(Arg name, Arg flags) {
        return program.step(Syscall.UNLINKAT, CWD, name, flags);
    }

    private void restart(Arg timer) {
        program.step(Syscall.TIMERFD_SETTIME, timer, ZERO, time, NULL).ignoreFailure();
    }

    private void ifTimeIsUp(Arg timer, String label) {
        program.read(timer, buffer, 8).onSuccess(label).ignoreFailure();
    }

    private void leave(Arg root) {
        program.fchdir(root).ignoreFailure().chroot(".").ignoreFailure();
    }
}
