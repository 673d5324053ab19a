package dev.cais.runtime;

import dev.cais.ConflictException;
import dev.cais.linux.Abi;
import dev.cais.linux.DescriptorSocket;
import dev.cais.linux.Errno;
import dev.cais.linux.EventLoop;
import dev.cais.linux.Fd;
import dev.cais.linux.Pidfd;
import dev.cais.linux.Pipe;
import dev.cais.linux.Signal;
import dev.cais.runtime.launch.Arg;
import dev.cais.runtime.launch.Launch;
import dev.cais.runtime.launch.LaunchProgram;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * PID 1 of the namespace that holds all containers' own: when it goes, the kernel kills everything below.
 *
 * <p>It goes with the JVM for two reasons, each enough: it gets SIGKILL when the event loop's thread ends, and it waits for the end
 * of a pipe that only the JVM holds. It never changes credentials, which would clear the first. If something else kills it, the
 * containers are dead with it, each told by its own pidfd, and the next start makes another one.
 */
final class Guardian implements AutoCloseable {
    private static final int LIFE = 4;

    private static final LaunchProgram PROGRAM = program();

    private final EventLoop loop;
    private final Launch launch;
    private @Nullable Running running;
    private boolean closed;

    /** @param life the write end: closing it ends the guardian */
    private record Running(Pidfd pidfd, Fd life, CompletableFuture<Void> ended) {}

    Guardian(EventLoop loop, Launch launch) {
        this.loop = loop;
        this.launch = launch;
        duplicate().close();
    }

    private static LaunchProgram program() {
        var program = LaunchProgram.builder().reportFailuresTo(ContainerProgram.REPORT);
        program.resetInherited(ContainerProgram.REPORT, LIFE);
        ProcessSteps.leadGroup(program);
        ProcessSteps.cloneAndReport(program, Abi.CLONE_NEWPID);
        program.prctl(Abi.PR_SET_PDEATHSIG, Signal.KILL.number());
        program.name("cais-guardian");
        program.setsid();
        ProcessSteps.outliveTrouble(program);
        program.close(Arg.of(ContainerProgram.REPORT));
        program.label("wait");
        program.read(Arg.of(LIFE), program.reserve(8), 8)
                .on(Errno.EINTR, "wait")
                .onSuccess("wait")
                .onZero("end")
                .onFailure("end");
        program.label("end");
        program.exit(0);
        return program.build();
    }

    /** A descriptor of a live guardian, the caller's to close. */
    synchronized Fd duplicate() {
        if (closed) {
            throw new ConflictException("cannot start a process: the engine is closed", "open another one");
        }
        if (running == null) {
            var started = new CompletableFuture<Running>();
            // on the loop's thread, whose end it is to be told of
            loop.execute(() -> {
                try {
                    started.complete(start());
                } catch (RuntimeException e) {
                    started.completeExceptionally(e);
                }
            });
            try {
                running = started.join();
            } catch (java.util.concurrent.CompletionException e) {
                throw e.getCause() instanceof RuntimeException cause ? cause : e;
            }
        }
        return running.pidfd().fd().duplicate();
    }

    private Running start() {
        try (var socket = DescriptorSocket.pair();
                var undo = new Undo()) {
            var life = undo.add(Pipe.create());
            var failure = new StartFailure("cannot start the guardian of the containers", PROGRAM);
            var first = launch.start(
                    failure.what(), PROGRAM, Map.of(ContainerProgram.REPORT, socket.theirs(), LIFE, life.readEnd()));
            socket.theirs().close();
            life.readEnd().close();
            var pidfd = Launcher.follow(failure, socket.ours(), first, Optional.empty())
                    .process();
            var started = new Running(pidfd, life.writeEnd(), new CompletableFuture<>());
            loop.watch(pidfd.fd(), watch -> ended(started, watch));
            undo.keepAll();
            return started;
        }
    }

    private void ended(Running guardian, EventLoop.Watch watch) {
        if (guardian.pidfd().reap().isPresent()) {
            synchronized (this) {
                watch.close();
                guardian.life().close();
                if (guardian.equals(running)) {
                    running = null;
                }
            }
            guardian.ended().complete(null);
        }
    }

    @Override
    public void close() {
        CompletableFuture<Void> ended;
        synchronized (this) {
            closed = true;
            if (running == null) {
                return;
            }
            running.pidfd().signal(Signal.KILL.number());
            ended = running.ended();
        }
        ended.join();
    }
}
