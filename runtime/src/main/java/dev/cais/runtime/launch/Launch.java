package dev.cais.runtime.launch;

import dev.cais.EngineException;
import dev.cais.KernelException;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.Pidfd;
import dev.cais.linux.Poll;
import dev.cais.linux.Scratch;
import dev.cais.linux.Spawn;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.io.ByteArrayOutputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;

/**
 * Starts launch programs as children of this process.
 *
 * <p>The executable lives in a sealed memory file. Where those must not be executed ({@code vm.memfd_noexec} is 2, or a
 * security module says so) it is an unlinked file in a directory of the caller's.
 */
public class Launch {
    private static final String NAME = "cais-init";
    private static final int CHUNK = 1 << 15;
    private static final long BUSY_NANOS = 2_000_000_000;
    private static final long BUSY_PAUSE_NANOS = 100_000;

    /** Found out once: a memory file was refused, and a file on disk was not. */
    private static volatile boolean memoryFilesRefused;

    private final Path directory;
    private final Optional<Entry> entry;

    /** @param network whether the network namespace is entered, too */
    private record Entry(UserNamespace namespace, boolean network) {}

    /** @param directory where executable files may stand, on no file system mounted {@code noexec} */
    public Launch(Path directory) {
        this(directory, Optional.empty());
    }

    private Launch(Path directory, Optional<Entry> entry) {
        this.directory = directory;
        this.entry = entry;
    }

    /**
     * One that starts its programs as root of a user namespace, in the network namespace that belongs to it. A small program enters
     * them and then executes the wanted one, which has all it wants of itself in {@code /proc} only if it was executed there.
     */
    public Launch inside(UserNamespace namespace) {
        return new Launch(directory, Optional.of(new Entry(namespace, true)));
    }

    /** The same, but in this process's own network namespace: who has left that cannot come back. */
    public Launch asRootOf(UserNamespace namespace) {
        return new Launch(directory, Optional.of(new Entry(namespace, false)));
    }

    /**
     * Starts a program.
     *
     * @param what for messages, as in {@code cannot start web}
     * @param descriptors the numbers that the program knows, and what they stand for; 0, 1 and 2 are the JVM's own unless
     *     they are named
     * @return the child, which the caller collects
     * @throws KernelException if the process cannot be started; later failures are the program's to report
     */
    public Pidfd start(String what, LaunchProgram program, Map<Integer, Fd> descriptors) {
        var elf = program.elf(Machine.host());
        if (entry.isEmpty()) {
            return start(what, elf, descriptors);
        }
        var entered = entry.get().namespace();
        try (var wanted = executable(what, elf)) {
            return hold(
                    entry.get().network()
                            ? Spawn.start(what, entered.entering(), NAME, entered.andToEnter(descriptors, wanted))
                            : Spawn.start(
                                    what, entered.enteringUser(), NAME, entered.andToEnterUser(descriptors, wanted)));
        }
    }

    private Pidfd start(String what, byte[] elf, Map<Integer, Fd> descriptors) {
        if (memoryFilesRefused) {
            return startFromDisk(what, elf, descriptors);
        }
        try (var file = memoryFile(what, elf)) {
            return hold(Spawn.start(what, file, NAME, descriptors));
        } catch (KernelException e) {
            if (e.errno() != Errno.EACCES.number() && e.errno() != Errno.EPERM.number()) {
                throw e;
            }
            var child = startFromDisk(what, elf, descriptors);
            memoryFilesRefused = true;
            return child;
        }
    }

    /** A file to execute, open for that; the caller's to close. Where memory files are refused, a start has found that out before. */
    Fd executable(String what, byte[] elf) {
        return memoryFilesRefused ? createFile(what, elf) : memoryFile(what, elf);
    }

    private static Fd memoryFile(String what, byte[] elf) {
        var file = createMemoryFile(what);
        try {
            write(what, file, elf);
            Syscalls.checked(
                    what,
                    Syscall.FCNTL,
                    Syscalls.call(
                            Syscall.FCNTL,
                            file.number(),
                            Abi.F_ADD_SEALS,
                            Abi.F_SEAL_SEAL | Abi.F_SEAL_SHRINK | Abi.F_SEAL_GROW | Abi.F_SEAL_WRITE));
            return file;
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private static Fd createMemoryFile(String what) {
        try (var scratch = Scratch.frame()) {
            var name = scratch.path(NAME);
            var flags = Abi.MFD_CLOEXEC | Abi.MFD_ALLOW_SEALING;
            var file = Syscalls.call(Syscall.MEMFD_CREATE, name, flags | Abi.MFD_EXEC);
            if (Errno.EINVAL.is(file)) {
                // before Linux 6.3 there was no such flag, and every memory file could be executed
                file = Syscalls.call(Syscall.MEMFD_CREATE, name, flags);
            }
            return Fd.of(Syscalls.checked(what, Syscall.MEMFD_CREATE, file));
        }
    }

    private Pidfd startFromDisk(String what, byte[] elf, Map<Integer, Fd> descriptors) {
        try (var file = createFile(what, elf)) {
            var deadline = System.nanoTime() + BUSY_NANOS;
            while (true) {
                try {
                    return hold(Spawn.start(what, file, NAME, descriptors));
                } catch (KernelException e) {
                    // another thread's new process holds our writable descriptor until its own exec
                    if (e.errno() != Errno.ETXTBSY.number() || System.nanoTime() - deadline > 0) {
                        throw e;
                    }
                    LockSupport.parkNanos(BUSY_PAUSE_NANOS);
                }
            }
        }
    }

    /** A file whose name is gone again, open for reading only. Not O_TMPFILE: some file systems lack it, and this is rare. */
    private Fd createFile(String what, byte[] elf) {
        var name =
                "." + NAME + "-" + Long.toHexString(ThreadLocalRandom.current().nextLong());
        try (var scratch = Scratch.frame()) {
            var path = scratch.path(directory.resolve(name).toString());
            var flags = Abi.O_CREAT | Abi.O_EXCL | Abi.O_WRONLY | Abi.O_CLOEXEC;
            var created = Syscalls.call(Syscall.OPENAT, Abi.AT_FDCWD, path, flags, 0500);
            try (var writable = Fd.of(Syscalls.checked(what, Syscall.OPENAT, created))) {
                Syscalls.call(Syscall.UNLINKAT, Abi.AT_FDCWD, path, 0);
                write(what, writable, elf);
                var again = scratch.path("/proc/self/fd/" + writable.number());
                var opened = Syscalls.call(Syscall.OPENAT, Abi.AT_FDCWD, again, Abi.O_RDONLY | Abi.O_CLOEXEC);
                return Fd.of(Syscalls.checked(what, Syscall.OPENAT, opened));
            }
        }
    }

    private static void write(String what, Fd file, byte[] bytes) {
        for (var done = 0; done < bytes.length; ) {
            try (var scratch = Scratch.frame()) {
                var chunk = scratch.take(Math.min(CHUNK, bytes.length - done));
                chunk.put(bytes, done, chunk.capacity());
                done += (int) Syscalls.checked(
                        what,
                        Syscall.WRITE,
                        Syscalls.call(Syscall.WRITE, file.number(), Scratch.address(chunk), chunk.capacity()));
            }
        }
    }

    private static Pidfd hold(int pid) {
        try {
            return Pidfd.open(pid);
        } catch (EngineException e) {
            // nobody else will collect it
            Syscalls.call(Syscall.KILL, pid, Abi.SIGKILL);
            Syscalls.call(Syscall.WAIT4, pid, 0, Abi.WALL, 0);
            throw e;
        }
    }

    /**
     * Waits until a program's report is complete: all its holders have executed another program, or ended.
     *
     * @param report the reading end of the pipe whose other end {@link LaunchBuilder#reportFailuresTo} names
     * @throws KernelException for the first step that failed
     * @throws dev.cais.CancelledException if the thread is interrupted
     */
    public static void awaitReport(String what, LaunchProgram program, Fd report) {
        var received = new ByteArrayOutputStream();
        while (true) {
            Poll.readable(report, what);
            try (var scratch = Scratch.frame()) {
                var buffer = scratch.take(LaunchProgram.FAILURE_SIZE);
                var size = (int) Syscalls.checked(
                        what,
                        Syscall.READ,
                        Syscalls.call(
                                Syscall.READ, report.number(), Scratch.address(buffer), LaunchProgram.FAILURE_SIZE));
                if (size == 0) {
                    break;
                }
                var bytes = new byte[size];
                buffer.get(0, bytes);
                received.writeBytes(bytes);
            }
        }
        if (received.size() > 0) {
            throw program.failure(what, Arrays.copyOf(received.toByteArray(), LaunchProgram.FAILURE_SIZE));
        }
    }
}
