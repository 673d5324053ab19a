package dev.cais.runtime;

import dev.cais.ConflictException;
import dev.cais.ExecSpec;
import dev.cais.Image;
import dev.cais.linux.Abi;
import dev.cais.linux.DescriptorSocket;
import dev.cais.linux.Fd;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Pidfd;
import dev.cais.linux.Pipe;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import dev.cais.runtime.cgroup.Cgroup;
import dev.cais.runtime.launch.Launch;
import dev.cais.storage.Store;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Turns launch programs into processes: starts them, follows their children, and tells what went wrong. */
final class Launcher implements AutoCloseable {
    private final EventLoop loop;
    private final Store store;
    private final HostMounts mounts;
    private final Launch launch;
    private final Guardian guardian;
    private final NativeMemory buffer = NativeMemory.allocate(OutputPump.BUFFER);

    Launcher(EventLoop loop, Store store, HostMounts mounts, Launch launch) {
        this.loop = loop;
        this.store = store;
        this.mounts = mounts;
        this.launch = launch;
        this.guardian = new Guardian(loop, launch);
    }

    /** Starts a container's first process; when this returns, its program has been executed. */
    ContainedProcess startContainer(String name, ContainerPlan plan, LogFile log) {
        var program = ContainerProgram.of(plan, mounts, store.layers().directory());
        var failure = new StartFailure("cannot start " + name, program, plan.blueprint(), () -> tree(plan.image()));
        try (var entered = guardian.duplicate()) {
            return start(failure, entered, plan.cgroup(), Optional.empty(), log);
        }
    }

    /** Starts a process beside it. */
    ContainedProcess startExec(LocalContainer container, Run run, ExecSpec spec, LogFile log) {
        try (var undo = new Undo()) {
            var entered = undo.add(run.process().duplicate().orElseThrow(() -> ended(container, spec)));
            var identity = container.blueprint().identity();
            if (!spec.user().isEmpty()) {
                identity = RunningRoot.accounts(run.process().hostPid()).identify(spec.user());
                if (!run.process().isRunning()) {
                    throw ended(container, spec);
                }
            }
            var blueprint = container.blueprint().exec(spec.command(), spec.env(), identity, spec.workdir());
            var confinement = Confinement.of(container.spec(), container.name(), identity);
            var stdin = spec.stdin().length == 0
                    ? Optional.<Fd>empty()
                    : Optional.of(undo.add(MemoryFile.of(spec.stdin())));
            var program = ExecProgram.of(blueprint, confinement, run.cgroup(), stdin.isPresent());
            var failure = new StartFailure(
                    "cannot exec in " + container.name(), program, blueprint, () -> tree(container.image()));
            return start(failure, entered, run.cgroup(), stdin, log);
        }
    }

    private LayerTree tree(Image image) {
        return LayerTree.of(image, store.layers());
    }

    private static ConflictException ended(LocalContainer container, ExecSpec spec) {
        return new ConflictException(
                "cannot exec " + spec.command().get(0) + " in container " + container.name() + ": it has ended");
    }

    private ContainedProcess start(StartFailure failure, Fd entered, Cgroup cgroup, Optional<Fd> stdin, LogFile log) {
        try (var socket = DescriptorSocket.pair();
                var undo = new Undo()) {
            var stdout = undo.add(Pipe.create()).nonBlockingReads();
            var stderr = undo.add(Pipe.create()).nonBlockingReads();
            Map<Integer, Fd> descriptors = new HashMap<>();
            stdin.ifPresent(file -> descriptors.put(0, file));
            descriptors.put(1, stdout.writeEnd());
            descriptors.put(2, stderr.writeEnd());
            descriptors.put(ContainerProgram.REPORT, socket.theirs());
            descriptors.put(ContainerProgram.ENTERED, entered);
            Pidfd first;
            if (cgroup.directory().isPresent()) {
                try (var directory = open(cgroup.directory().get())) {
                    descriptors.put(ContainerProgram.CGROUP, directory);
                    first = launch.start(failure.what(), failure.program(), descriptors);
                }
            } else {
                first = launch.start(failure.what(), failure.program(), descriptors);
            }
            // from here on only the children hold these, so that their closing is seen
            socket.theirs().close();
            stdout.writeEnd().close();
            stderr.writeEnd().close();
            var last = follow(failure, socket.ours(), first);
            var process = ContainedProcess.follow(loop, last, stdout.readEnd(), stderr.readEnd(), log, buffer);
            undo.keepAll();
            return process;
        }
    }

    private static Fd open(Path directory) {
        try (var scratch = Scratch.frame()) {
            return Fd.of(Syscalls.checked(
                    "cannot open " + directory,
                    Syscall.OPENAT,
                    Syscalls.call(
                            Syscall.OPENAT,
                            Abi.AT_FDCWD,
                            scratch.path(directory.toString()),
                            Abi.O_PATH | Abi.O_DIRECTORY | Abi.O_CLOEXEC)));
        }
    }

    /**
     * Follows the processes that carry out a program until the last of them has executed another program.
     *
     * @param first leads the group that all of them are in until the last has told of itself; collected here, as are all but the last
     * @return the last
     */
    static Pidfd follow(StartFailure failure, DescriptorSocket report, Pidfd first) {
        @Nullable Pidfd last = null;
        byte[] failed = {};
        try (first) {
            try {
                report.awaitHangUp();
                for (var message = report.receiveNow(failure.what());
                        message.isPresent();
                        message = report.receiveNow(failure.what())) {
                    if (message.get().descriptors().isEmpty()) {
                        failed = message.get().content();
                    } else {
                        last = Pidfd.of(message.get().descriptors().get(0));
                    }
                }
            } catch (RuntimeException e) {
                abandon(first, last);
                throw e;
            }
            if (failed.length > 0 || last == null) {
                abandon(first, last);
                throw failure.explain(failed);
            }
            first.collectGroup();
            return last;
        }
    }

    /** Kills and collects all processes of a start. */
    private static void abandon(Pidfd first, @Nullable Pidfd last) {
        if (last != null) {
            try (last) {
                last.signal(Signal.KILL.number());
                last.awaitExit();
            }
        }
        first.killAndCollectGroup();
    }

    /** Ends the guardian, and with it every process of every container. */
    @Override
    public void close() {
        guardian.close();
    }
}
