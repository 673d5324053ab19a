package dev.cais.runtime.cgroup;

import dev.cais.KernelException;
import dev.cais.linux.ControlFile;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** A cgroup's directory and all that was made below it, whatever hierarchy it is in. */
final class CgroupTree {
    /** Killed processes are gone within milliseconds, unless they are stuck in the kernel, as in a dead network file system. */
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private static final Duration FIRST_PAUSE = Duration.ofNanos(100_000);
    private static final Duration LONGEST_PAUSE = Duration.ofMillis(5);
    private static final int SIGKILL = 9;

    private CgroupTree() {}

    /** Directories right below; none if it is gone. */
    static List<Path> children(Path directory) {
        try (DirectoryStream<Path> entries =
                Files.newDirectoryStream(directory, entry -> Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS))) {
            var children = new ArrayList<Path>();
            entries.forEach(children::add);
            return children;
        } catch (NoSuchFileException | NotDirectoryException e) {
            return List.of();
        } catch (DirectoryIteratorException e) {
            return List.of(); // removed while it was read
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The directory and all below it, each before those below it. */
    static List<Path> all(Path directory) {
        var all = new ArrayList<>(List.of(directory));
        for (var at = 0; at < all.size(); at++) {
            all.addAll(children(all.get(at)));
        }
        return all;
    }

    /** Processes in the directory and below; none if it is gone. */
    static Set<Integer> processes(Path directory) {
        var processes = new TreeSet<Integer>();
        for (var each : all(directory)) {
            try {
                ControlFile.read(each.resolve("cgroup.procs"))
                        .lines()
                        .forEach(line -> processes.add(Integer.parseInt(line)));
            } catch (KernelException e) {
                if (Errno.of(e.errno()) != Errno.ENOENT && Errno.of(e.errno()) != Errno.ENODEV) {
                    throw e;
                }
            }
        }
        processes.remove(0); // one of a PID namespace that we do not see into
        return processes;
    }

    /** Threads in the directory and below; 0 if it is gone. */
    static long threads(Path directory) {
        var threads = 0L;
        for (var each : all(directory)) {
            var file = each.resolve("cgroup.threads");
            try {
                threads += ControlFile.read(Files.exists(file) ? file : each.resolve("tasks"))
                        .lines()
                        .count();
            } catch (KernelException e) {
                if (Errno.of(e.errno()) != Errno.ENOENT && Errno.of(e.errno()) != Errno.ENODEV) {
                    throw e;
                }
            }
        }
        return threads;
    }

    /**
     * Removes the directory. Usually one call does it: a process has left its cgroup when its end can be waited for. If it is
     * busy, there are cgroups below, or processes that nobody has waited for yet.
     *
     * @throws KernelException if it is still busy after ten seconds, or cannot be removed
     */
    static void remove(Path directory) {
        remove(directory, PATIENCE);
    }

    static void remove(Path directory, Duration patience) {
        var pause = new Pause(patience);
        while (true) {
            var result = ControlFile.tryRemoveDirectory(directory);
            if (result == 0 || Errno.ENOENT.is(result)) {
                return;
            }
            if (!Errno.EBUSY.is(result)) {
                throw Errno.of(result).exception("cannot remove cgroup " + directory, Syscall.UNLINKAT);
            }
            var all = all(directory);
            for (var below = all.size() - 1; below > 0; below--) {
                ControlFile.tryRemoveDirectory(all.get(below));
            }
            if (all.size() == 1 && !pause.sleep()) {
                throw Errno.EBUSY.exception(
                        "cannot remove cgroup " + directory,
                        Syscall.UNLINKAT,
                        Map.of("processes", processes(directory)),
                        "");
            }
            if (all.size() > 1 && pause.isOver()) {
                throw Errno.EBUSY.exception(
                        "cannot remove cgroup " + directory, Syscall.UNLINKAT, Map.of("below", all.size() - 1), "");
            }
        }
    }

    /** Kills all processes inside, as often as new ones appear, and removes the directory. */
    static void killAndRemove(Path directory) {
        kill(directory);
        remove(directory);
    }

    /** Sends SIGKILL to all inside; on v1 until nobody is left, since what forks meanwhile is missed. */
    static void kill(Path directory) {
        var result = ControlFile.tryWrite(directory.resolve("cgroup.kill"), "1");
        if (result == 0) {
            return;
        }
        var pause = new Pause();
        while (killListed(directory) && pause.sleep()) {
            // Whoever was listed is dying or has just forked.
        }
    }

    /**
     * Kills who is in the directory now; false if nobody was. A number read may be another process's a moment later, so a process
     * is held on to first, and killed only if it is still listed then.
     */
    static boolean killListed(Path directory) {
        var held = new LinkedHashMap<Integer, Fd>();
        try {
            for (var process : processes(directory)) {
                var fd = Syscalls.call(Syscall.PIDFD_OPEN, process, 0);
                if (fd >= 0) {
                    held.put(process, Fd.of(fd));
                }
            }
            var still = processes(directory);
            held.forEach((process, fd) -> {
                if (still.contains(process)) {
                    Syscalls.call(Syscall.PIDFD_SEND_SIGNAL, fd.number(), SIGKILL, 0, 0);
                }
            });
            return !still.isEmpty();
        } finally {
            held.values().forEach(Fd::close);
        }
    }

    /** Sleeps of growing length, up to a total. Interruption does not cut them short: they belong to cleaning up. */
    static final class Pause {
        private final long deadline;
        private long next = FIRST_PAUSE.toNanos();

        Pause() {
            this(PATIENCE);
        }

        private Pause(Duration patience) {
            deadline = System.nanoTime() + patience.toNanos();
        }

        /** False if the time is up. */
        boolean sleep() {
            if (isOver()) {
                return false;
            }
            try (var scratch = Scratch.frame()) {
                Syscalls.call(Syscall.NANOSLEEP, scratch.words(0, next), 0);
            }
            next = Math.min(next * 2, LONGEST_PAUSE.toNanos());
            return true;
        }

        boolean isOver() {
            return System.nanoTime() - deadline >= 0;
        }
    }
}
