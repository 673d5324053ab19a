package dev.cais.runtime;

import dev.cais.ConflictException;
import dev.cais.EngineException;
import dev.cais.ExecSpec;
import dev.cais.Image;
import dev.cais.KernelException;
import dev.cais.LogStream;
import dev.cais.MountPoint;
import dev.cais.StorageException;
import dev.cais.linux.Abi;
import dev.cais.linux.DescriptorSocket;
import dev.cais.linux.EventLoop;
import dev.cais.linux.Fd;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Pidfd;
import dev.cais.linux.Pipe;
import dev.cais.linux.Scratch;
import dev.cais.linux.Signal;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import dev.cais.runtime.RootProgram.Extent;
import dev.cais.runtime.cgroup.CgroupBranch;
import dev.cais.runtime.launch.Arg;
import dev.cais.runtime.launch.Launch;
import dev.cais.runtime.launch.LaunchBuilder;
import dev.cais.runtime.launch.LaunchProgram;
import dev.cais.storage.ContainerFiles;
import dev.cais.storage.Store;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Turns launch programs into processes: starts them, follows their children, and tells what went wrong. */
final class Launcher implements AutoCloseable {
    private static final byte[] TERMINAL = ProcessSteps.TERMINAL.getBytes(StandardCharsets.US_ASCII);
    private static final byte[] SOCKETS = NetworkSteps.SOCKETS.getBytes(StandardCharsets.US_ASCII);
    private static final byte[] GO = {1};

    private final EventLoop loop;
    private final Store store;
    private final HostMounts mounts;
    private final Launch launch;
    private final EngineUser user;
    private final Guardian guardian;
    private final NativeMemory buffer = NativeMemory.allocate(OutputPump.BUFFER);

    /** @param launch starts programs as who is root in containers */
    Launcher(EventLoop loop, Store store, HostMounts mounts, Launch launch, EngineUser user) {
        this.loop = loop;
        this.store = store;
        this.mounts = mounts;
        this.launch = launch;
        this.user = user;
        this.guardian = new Guardian(loop, launch);
    }

    /**
     * Starts a container's first process; when this returns, its program has been executed.
     *
     * @param network gets the sockets of the container's network namespace, if it is networked, to configure it before the program
     *     is executed; they are its own
     */
    ContainedProcess startContainer(
            String name, ContainerPlan plan, ProcessStreams streams, Consumer<NetworkSteps.Sockets> network) {
        var program = ContainerProgram.of(
                plan, streams.stdio(), mounts, user, store.layers().directory());
        var failure = new StartFailure("cannot start " + name, program, plan.blueprint(), () -> tree(plan.image()));
        try (var entered = guardian.duplicate()) {
            return start(
                    failure,
                    entered,
                    plan.namespaces().descriptors(),
                    plan.cgroup().directory(),
                    Optional.empty(),
                    streams,
                    plan.networked() ? Optional.of(network) : Optional.empty());
        }
    }

    /** Starts a process beside it. */
    ExecProcess startExec(LocalContainer container, Run run, ExecSpec spec, ProcessStreams streams) {
        try (var undo = new Undo();
                var entered = run.process().duplicate().orElseThrow(() -> ended(container, spec))) {
            var identity =
                    user.require("cannot exec in " + container.name(), identity(container, run, spec), spec.groups());
            var blueprint = container.blueprint().exec(spec.command(), spec.env(), identity, spec.workdir());
            var confinement = Confinement.of(container.spec(), container.name(), identity);
            if (spec.privileged()) {
                confinement = confinement.privileged(identity);
            }
            var stdin = spec.stdin().length == 0
                    ? Optional.<Fd>empty()
                    : Optional.of(undo.add(MemoryFile.of(spec.stdin())));
            var branch = branch(container, run, spec);
            undo.addStep(branch::killAndRemove);
            var program = ExecProgram.of(
                    blueprint,
                    confinement,
                    branch,
                    SharedNamespaces.entered(
                            container.spec().namespaces(), run.process().hostPid(), user),
                    stdin.isPresent() ? new Stdio.Given(true) : streams.stdio());
            var failure = new StartFailure(
                    "cannot exec in " + container.name(), program, blueprint, () -> tree(container.image()));
            var process = start(failure, entered, Map.of(), branch.directory(), stdin, streams, Optional.empty());
            undo.keepAll();
            stdin.ifPresent(Fd::close);
            return new ExecProcess(process, branch);
        }
    }

    private static Accounts.Identity identity(LocalContainer container, Run run, ExecSpec spec) {
        if (spec.user().isEmpty() && spec.groups().isEmpty()) {
            return container.blueprint().identity();
        }
        var accounts = RunningRoot.accounts(run.process().hostPid());
        if (!run.process().isRunning()) {
            throw ended(container, spec);
        }
        var identity = spec.user().isEmpty()
                ? container.blueprint().identity()
                : accounts.join(accounts.identify(spec.user()), container.spec().groups());
        return accounts.join(identity, spec.groups());
    }

    private static CgroupBranch branch(LocalContainer container, Run run, ExecSpec spec) {
        try {
            return run.cgroup().branch("exec-" + container.nextExec());
        } catch (KernelException e) {
            if (!run.process().isRunning()) {
                throw ended(container, spec);
            }
            throw e;
        }
    }

    /**
     * A directory of a mount namespace that lasts only as long as its making.
     *
     * @param steps enter the directory, in a mount namespace of their own
     * @return open for reading
     */
    Fd openView(String what, Consumer<LaunchBuilder> steps) {
        var builder = LaunchProgram.builder().reportFailuresTo(ContainerProgram.REPORT);
        builder.resetInherited(ContainerProgram.REPORT);
        builder.unshare(Abi.CLONE_NEWNS);
        builder.mount("", "/", "", Abi.MS_REC | Abi.MS_PRIVATE, "");
        steps.accept(builder);
        var message = builder.message("view", 1);
        builder.open(".", Abi.O_DIRECTORY | Abi.O_CLOEXEC, 0).storeTo(message.slot(0));
        builder.sendmsg(Arg.of(ContainerProgram.REPORT), message);
        return openRoot(what, builder.build(), Map.of());
    }

    /**
     * The root of a running container.
     *
     * @param entered its first process
     * @return a detached copy of its mounts
     */
    Fd openRoot(String what, Fd entered, Extent extent) {
        return openRoot(what, RootProgram.ofRunning(extent), Map.of(ContainerProgram.ENTERED, entered));
    }

    /** The root of a container that does not run, and must not be started while this is open. */
    Fd openRoot(String what, ContainerFiles files, List<MountPoint> mountPoints, Extent extent) {
        return openRoot(
                what, RootProgram.ofStopped(files, mountPoints, store.layers().directory(), extent), Map.of());
    }

    private Fd openRoot(String what, LaunchProgram program, Map<Integer, Fd> descriptors) {
        try (var socket = DescriptorSocket.pair()) {
            var given = new HashMap<>(descriptors);
            given.put(ContainerProgram.REPORT, socket.theirs());
            try (var process = launch.start(what, program, given)) {
                try {
                    socket.theirs().close();
                    var message = socket.ours().receive(what);
                    if (message.isPresent() && !message.get().descriptors().isEmpty()) {
                        return message.get().descriptors().get(0);
                    }
                    throw message.map(failed -> (EngineException) program.failure(what, failed.content()))
                            .orElseGet(() ->
                                    new StorageException(what + ": something killed the process that opens its root"));
                } finally {
                    process.signal(Signal.KILL.number());
                    process.awaitExit();
                }
            }
        }
    }

    private LayerTree tree(Image image) {
        return LayerTree.of(image, store.layers());
    }

    private static ConflictException ended(LocalContainer container, ExecSpec spec) {
        return new ConflictException(
                "cannot exec " + spec.command().get(0) + " in container " + container.name() + ": it has ended");
    }

    /**
     * @param joined others whose namespaces are entered, by the numbers that the program knows
     * @param cgroup directory in v2's tree
     */
    private ContainedProcess start(
            StartFailure failure,
            Fd entered,
            Map<Integer, Fd> joined,
            Optional<Path> cgroup,
            Optional<Fd> stdin,
            ProcessStreams streams,
            Optional<Consumer<NetworkSteps.Sockets>> network) {
        try (var socket = DescriptorSocket.pair();
                var undo = new Undo()) {
            Map<Integer, Fd> descriptors = new HashMap<>(joined);
            Map<LogStream, Fd> outputs = new EnumMap<>(LogStream.class);
            var given = new ArrayList<Fd>();
            given.add(socket.theirs());
            stdin.or(streams::readEnd).ifPresent(file -> descriptors.put(0, file));
            if (!streams.terminal()) {
                var stdout = undo.add(Pipe.create()).nonBlockingReads();
                var stderr = undo.add(Pipe.create()).nonBlockingReads();
                given.add(stdout.writeEnd());
                given.add(stderr.writeEnd());
                descriptors.put(1, stdout.writeEnd());
                descriptors.put(2, stderr.writeEnd());
                outputs.put(LogStream.STDOUT, stdout.readEnd());
                outputs.put(LogStream.STDERR, stderr.readEnd());
            }
            descriptors.put(ContainerProgram.REPORT, socket.theirs());
            descriptors.put(ContainerProgram.ENTERED, entered);
            Pidfd first;
            if (cgroup.isPresent()) {
                try (var directory = open(cgroup.get())) {
                    descriptors.put(ContainerProgram.CGROUP, directory);
                    first = launch.start(failure.what(), failure.program(), descriptors);
                }
            } else {
                first = launch.start(failure.what(), failure.program(), descriptors);
            }
            // from here on only the children hold these, so that their closing is seen
            given.forEach(Fd::close);
            var started = undo.add(follow(failure, socket.ours(), first, network));
            started.terminal().ifPresent(master -> {
                streams.requireTerminal(master);
                streams.connect(master);
                outputs.put(LogStream.STDOUT, master);
            });
            streams.connected();
            var process = ContainedProcess.follow(loop, started.process(), outputs, streams, buffer);
            undo.keepAll();
            return process;
        }
    }

    /**
     * A process that has executed its program.
     *
     * @param terminal the JVM's end of its terminal, if it has one of its own
     */
    record Started(Pidfd process, Optional<Fd> terminal) implements AutoCloseable {
        /** Kills and collects it, and lets go of its terminal. */
        @Override
        public void close() {
            try (process) {
                process.signal(Signal.KILL.number());
                process.awaitExit();
            }
            terminal.ifPresent(Fd::close);
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
     * @param network gets the sockets that the program sends before it waits; empty if it sends none
     * @param first leads the group that all of them are in until the last has told of itself; collected here, as are all but the last
     * @return the last
     */
    static Started follow(
            StartFailure failure,
            DescriptorSocket report,
            Pidfd first,
            Optional<Consumer<NetworkSteps.Sockets>> network) {
        @Nullable Pidfd last = null;
        @Nullable Fd terminal = null;
        var answered = network.isEmpty();
        byte[] failed = {};
        try (first;
                var undo = new Undo()) {
            undo.addStep(first::killAndCollectGroup);
            if (answered) {
                report.awaitHangUp();
            }
            for (var message = next(report, failure, answered);
                    message.isPresent();
                    message = next(report, failure, answered)) {
                var content = message.get().content();
                var descriptors = message.get().descriptors();
                if (descriptors.isEmpty()) {
                    failed = content;
                } else if (Arrays.equals(content, TERMINAL)) {
                    terminal = undo.add(descriptors.get(0));
                } else if (Arrays.equals(content, SOCKETS)) {
                    network.orElseThrow().accept(NetworkSteps.Sockets.of(descriptors));
                    report.send(GO);
                    answered = true;
                    report.awaitHangUp();
                } else {
                    last = Pidfd.of(descriptors.get(0));
                    undo.add(new Started(last, Optional.empty()));
                }
            }
            if (failed.length > 0 || last == null) {
                throw failure.explain(failed);
            }
            first.collectGroup();
            undo.keepAll();
            return new Started(last, Optional.ofNullable(terminal));
        }
    }

    /** @param all whether all have come that will */
    private static Optional<DescriptorSocket.Message> next(DescriptorSocket report, StartFailure failure, boolean all) {
        return all ? report.receiveNow(failure.what()) : report.receive(failure.what());
    }

    /** Connects from inside a container's network namespace. */
    ContainerConnection connect(
            String name, ContainedProcess running, Fd process, InetSocketAddress address, Duration timeout) {
        var entered = SharedNamespaces.isHosts("net", running.hostPid()) ? Optional.<Fd>empty() : Optional.of(process);
        return ContainerConnection.open(launch, entered, name, address, timeout);
    }

    /** Ends the guardian, and with it every process of every container. */
    @Override
    public void close() {
        guardian.close();
    }
}
