package dev.cais.runtime.launch;

import dev.cais.ConflictException;
import dev.cais.KernelException;
import dev.cais.linux.Abi;
import dev.cais.linux.DescriptorSocket;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.FileDeputy;
import dev.cais.linux.Pidfd;
import dev.cais.linux.Pipe;
import dev.cais.linux.Signal;
import dev.cais.linux.Syscall;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A process that makes system calls for this one, with the rights and in the namespaces that it was started in: a plain user's
 * process may not give files away, and a thread of a JVM cannot enter a user namespace.
 *
 * <p>Methods are named after the calls and return what those return, a result or a negated error number. A descriptor that comes
 * out of a call is this process's, closed on exec, the caller's to close. Names are bytes, relative to a descriptor of this
 * process; absolute ones, and those relative to {@code AT_FDCWD}, are the deputy's, whose working directory is the root. Its umask
 * is 0. It keeps nothing from one call to the next.
 *
 * <p>For many threads: one call at a time, which should not be one that waits. Calls are not interruptible. The process ends when this
 * is closed, or this process ends; one that something kills is replaced at the next call.
 */
public final class Deputy implements FileDeputy, AutoCloseable {
    private static final DeputyProgram PROGRAM = new DeputyProgram();
    private static final int OPEN_HOW = 24;
    /** All that is asked for comes back, so most attributes are asked for as if they were short. */
    private static final int SHORT_VALUE = 256;

    private static final int LONGEST_VALUE = 65536; // XATTR_SIZE_MAX

    private final Launch launch;
    private final Optional<UserNamespace> namespace;
    private final DeputyRequest request = new DeputyRequest(PROGRAM.data);
    private @Nullable Running running;
    private boolean closed;

    private record Running(Fd socket, Pidfd process) implements AutoCloseable {
        /** Ends it, even in the midst of a call, and collects it. */
        @Override
        public void close() {
            socket.close();
            process.signal(Signal.KILL.number());
            process.awaitExit();
            process.close();
        }
    }

    /**
     * Starts one where this process is.
     *
     * @throws KernelException if it cannot be started
     */
    Deputy(Launch launch) {
        this(launch, Optional.empty());
    }

    /**
     * Starts one as root of a user namespace, and in its network namespace.
     *
     * @throws KernelException if it cannot be started
     */
    public Deputy(Launch launch, UserNamespace namespace) {
        this(launch.inside(namespace), Optional.of(namespace));
    }

    private Deputy(Launch launch, Optional<UserNamespace> namespace) {
        this.launch = launch;
        this.namespace = namespace;
        running = start();
    }

    private Running start() {
        var what = "cannot start the engine's deputy";
        try (var sockets = DescriptorSocket.pair();
                var report = Pipe.create()) {
            var started = new Running(
                    sockets.ours().fd().duplicate(),
                    launch.start(
                            what,
                            PROGRAM.program,
                            Map.of(DeputyProgram.SOCKET, sockets.theirs(), DeputyProgram.REPORT, report.writeEnd())));
            try {
                sockets.theirs().close();
                report.writeEnd().close();
                Launch.awaitReport(what, PROGRAM.program, report.readEnd());
                return started;
            } catch (RuntimeException e) {
                started.close();
                throw e;
            }
        }
    }

    // ---- files

    @Override
    public synchronized long openat2(int directory, byte[] path, long flags, int mode, long resolve) {
        return send(begin(Syscall.OPENAT2)
                .descriptor(directory)
                .text(path)
                .words(flags | Abi.O_CLOEXEC, mode, resolve)
                .number(OPEN_HOW)
                .descriptorComes());
    }

    @Override
    public synchronized long mkdirat(int directory, byte[] path, int mode) {
        return send(begin(Syscall.MKDIRAT).descriptor(directory).text(path).number(mode));
    }

    @Override
    public synchronized long mknodat(int directory, byte[] path, int mode, long device) {
        return send(begin(Syscall.MKNODAT)
                .descriptor(directory)
                .text(path)
                .number(mode)
                .number(device));
    }

    @Override
    public synchronized long symlinkat(byte[] target, int directory, byte[] path) {
        return send(begin(Syscall.SYMLINKAT).text(target).descriptor(directory).text(path));
    }

    @Override
    public synchronized long linkat(int from, byte[] existing, int directory, byte[] path, int flags) {
        return send(begin(Syscall.LINKAT)
                .descriptor(from)
                .text(existing)
                .descriptor(directory)
                .text(path)
                .number(flags));
    }

    @Override
    public synchronized long renameat2(int from, byte[] existing, int directory, byte[] path, int flags) {
        return send(begin(Syscall.RENAMEAT2)
                .descriptor(from)
                .text(existing)
                .descriptor(directory)
                .text(path)
                .number(flags));
    }

    @Override
    public synchronized long unlinkat(int directory, byte[] path, int flags) {
        return send(begin(Syscall.UNLINKAT).descriptor(directory).text(path).number(flags));
    }

    @Override
    public synchronized long fchownat(int directory, byte[] path, long uid, long gid, int flags) {
        return send(begin(Syscall.FCHOWNAT)
                .descriptor(directory)
                .text(path)
                .number(uid)
                .number(gid)
                .number(flags));
    }

    @Override
    public synchronized long reopen(int file, long flags) {
        return send(begin(Syscall.OPENAT)
                .number(Abi.AT_FDCWD)
                .nameOf(file)
                .number(flags | Abi.O_CLOEXEC)
                .descriptorComes());
    }

    @Override
    public synchronized long chmod(int file, int mode) {
        return send(begin(Syscall.FCHMODAT).number(Abi.AT_FDCWD).nameOf(file).number(mode));
    }

    @Override
    public synchronized long utimensat(int directory, byte[] path, long[] times, int flags) {
        return send(begin(Syscall.UTIMENSAT)
                .descriptor(directory)
                .text(path)
                .words(times)
                .number(flags));
    }

    @Override
    public synchronized long setxattr(int file, byte[] name, byte[] value) {
        return send(begin(Syscall.SETXATTR)
                .nameOf(file)
                .text(name)
                .bytes(value)
                .number(value.length)
                .number(0));
    }

    @Override
    public synchronized long getxattr(int file, byte[] name, byte[] value) {
        var result = getxattr(file, name, value, Math.min(value.length, SHORT_VALUE));
        return Errno.ERANGE.is(result) && value.length > SHORT_VALUE
                ? getxattr(file, name, value, Math.min(value.length, LONGEST_VALUE))
                : result;
    }

    private long getxattr(int file, byte[] name, byte[] value, int length) {
        var result = send(
                begin(Syscall.GETXATTR).nameOf(file).text(name).answer(length).number(length));
        if (result > 0) {
            request.copyAnswer(value, (int) result);
        }
        return result;
    }

    @Override
    public synchronized long removexattr(int file, byte[] name) {
        return send(begin(Syscall.REMOVEXATTR).nameOf(file).text(name));
    }

    // ---- ids

    @Override
    public String ids() {
        return namespace
                .map(each -> (each.uids() + " and " + each.gids()).replace("\n", ", "))
                .orElse("");
    }

    @Override
    public boolean hasUser(long uid) {
        return namespace.isEmpty() || namespace.get().uids().has(uid);
    }

    @Override
    public boolean hasGroup(long gid) {
        return namespace.isEmpty() || namespace.get().gids().has(gid);
    }

    @Override
    public long userInside(long uid) {
        return namespace.isEmpty() ? uid : namespace.get().uids().inside(uid);
    }

    @Override
    public long groupInside(long gid) {
        return namespace.isEmpty() ? gid : namespace.get().gids().inside(gid);
    }

    // ---- networks

    /** @return a socket of the deputy's network namespace as a descriptor of this process, closed on exec, or an error */
    public synchronized long socket(int family, int type, int protocol) {
        return send(begin(Syscall.SOCKET)
                .number(family)
                .number(type)
                .number(protocol)
                .descriptorComes());
    }

    // ----

    private DeputyRequest begin(Syscall call) {
        return request.begin(Machine.host().number(call));
    }

    private long send(DeputyRequest asked) {
        if (closed) {
            throw new ConflictException("cannot ask the engine's deputy: the engine is closed", "open another one");
        }
        if (running == null) {
            running = start();
        }
        var result = asked.exchange(running.socket());
        if (result == DeputyRequest.NOT_SENT) {
            running.close();
            running = start();
            result = asked.exchange(running.socket());
        }
        if (result == DeputyRequest.NOT_SENT || result == DeputyRequest.GONE) {
            running.close();
            running = null;
            throw Errno.EPIPE.exception(
                    "cannot ask the engine's deputy",
                    Syscall.RECVMSG,
                    Map.of(),
                    "something killed it meanwhile: try again");
        }
        return result;
    }

    @Override
    public synchronized void close() {
        closed = true;
        if (running != null) {
            running.close();
            running = null;
        }
    }
}
