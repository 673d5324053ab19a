package dev.cais.runtime;

import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.EventLoop;
import dev.cais.linux.Fd;
import dev.cais.linux.Pidfd;
import dev.cais.linux.Pipe;
import dev.cais.linux.Syscall;
import dev.cais.network.netlink.LinkRequest;
import dev.cais.runtime.launch.Arg;
import dev.cais.runtime.launch.Launch;
import dev.cais.runtime.launch.LaunchBuilder;
import dev.cais.runtime.launch.LaunchProgram;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A process that outlives the JVM, to remove what the kernel does not take back: the engine's network links, what is encrypted between
 * hosts for them, its control groups and its directory in the store.
 *
 * <p>It waits for the end of a pipe that only the JVM holds. A byte on it says that there is nothing to do. It finds what is
 * there when it gets to work, so nothing has to be told to it as the engine goes along. It holds the engine's store lock until it
 * is done. If something else ends it, another one takes its place.
 */
final class Will implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Will.class);
    private static final int LIFE = 3;
    private static final int LOCK = 4;
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private final EventLoop loop;
    private final Launch launch;
    private final LaunchProgram program;
    private final Fd lock;
    private final CompletableFuture<Void> ended = new CompletableFuture<>();
    private Pipe life;
    private boolean closed;

    private Will(EventLoop loop, Launch launch, LaunchProgram program, Fd lock) {
        this.loop = loop;
        this.launch = launch;
        this.program = program;
        this.lock = lock;
        this.life = start();
    }

    /**
     * @param links the group that the engine's network links are in
     * @param cgroups directories to remove with all below them, in order
     * @param directory of the engine in its store
     * @param lock which keeps others from sweeping that directory
     */
    static Will leave(EventLoop loop, Launch launch, int links, List<Path> cgroups, Path directory, Fd lock) {
        var program = LaunchProgram.builder();
        program.resetInherited(LIFE, LOCK);
        program.name("cais-will");
        program.setsid();
        ProcessSteps.outliveTrouble(program);
        program.label("wait");
        program.read(Arg.of(LIFE), program.reserve(8), 8)
                .on(Errno.EINTR, "wait")
                .onSuccess("end")
                .onZero("act")
                .onFailure("act");
        program.label("act");
        deleteLinks(program, links);
        EncryptedHosts.takeBack(program, directory);
        for (var cgroup : cgroups) {
            program.removeCgroupTree(cgroup.toString(), PATIENCE);
        }
        program.removeTree(directory.toString(), PATIENCE);
        program.label("end");
        program.exit(0);
        return new Will(loop, launch, program.build(), lock);
    }

    /** What is not there, or cannot be deleted, stays so: nobody is left to tell. */
    private static void deleteLinks(LaunchBuilder program, int group) {
        var message = LinkRequest.deleteGroup(group).request().message();
        program.socket(Abi.AF_NETLINK, Abi.SOCK_RAW | Abi.SOCK_CLOEXEC, NetworkSteps.NETLINK_ROUTE)
                .onFailure("deleted");
        var socket = program.result();
        program.step(
                        Syscall.SENDTO,
                        socket,
                        program.bytes(message),
                        Arg.of(message.length),
                        Arg.of(0),
                        Arg.of(0),
                        Arg.of(0))
                .ignoreFailure();
        program.close(socket);
        program.label("deleted");
    }

    private Pipe start() {
        var pipe = Pipe.create();
        try (var undo = new Undo()) {
            undo.add(pipe);
            var pidfd = launch.start(
                    "cannot start the will of the engine", program, Map.of(LIFE, pipe.readEnd(), LOCK, lock));
            pipe.readEnd().close();
            loop.watch(pidfd.fd(), watch -> ended(pidfd, watch));
            undo.keepAll();
            return pipe;
        }
    }

    private void ended(Pidfd pidfd, EventLoop.Watch watch) {
        var exit = pidfd.reap();
        if (exit.isEmpty()) {
            return;
        }
        watch.close();
        synchronized (this) {
            life.close();
            if (closed) {
                ended.complete(null);
                return;
            }
            LOG.warn(
                    "something ended the process that cleans up after a killed JVM ({}); starting another", exit.get());
            try {
                life = start();
            } catch (RuntimeException e) {
                LOG.error("nothing will clean up if this JVM is killed now", e);
                ended.complete(null);
            }
        }
    }

    /** Sends it away: the engine has cleaned up itself. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            if (life.writeEnd().isOpen()) {
                life.writeByte();
            }
        }
        ended.join();
    }
}
