package dev.cais.runtime;

import dev.cais.AttachOptions;
import dev.cais.Attachment;
import dev.cais.CancelledException;
import dev.cais.CommitOptions;
import dev.cais.ConflictException;
import dev.cais.Connection;
import dev.cais.Container;
import dev.cais.ContainerProcess;
import dev.cais.ContainerSpec;
import dev.cais.ContainerState;
import dev.cais.CopySource;
import dev.cais.EngineException;
import dev.cais.EventAction;
import dev.cais.EventType;
import dev.cais.Exec;
import dev.cais.ExecSpec;
import dev.cais.ExitStatus;
import dev.cais.FileChange;
import dev.cais.Health;
import dev.cais.Image;
import dev.cais.KernelException;
import dev.cais.ListeningPort;
import dev.cais.Logs;
import dev.cais.MountPoint;
import dev.cais.ProcessResult;
import dev.cais.Protocol;
import dev.cais.Resources;
import dev.cais.Snapshot;
import dev.cais.Stats;
import dev.cais.StorageException;
import dev.cais.TimedOutException;
import dev.cais.WaitCondition;
import dev.cais.Warning;
import dev.cais.linux.EventLoop;
import dev.cais.linux.Fd;
import dev.cais.runtime.RootProgram.Extent;
import dev.cais.runtime.cgroup.Cgroup;
import dev.cais.runtime.log.OutputLog;
import dev.cais.storage.ContainerFiles;
import dev.cais.storage.UpperChanges;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A container of this engine: its files and what was decided about it at its creation, and a {@link Run} for each time that it was
 * started.
 *
 * <p>Two locks. {@link #transition} is held by whoever leads the container from one state to another, however long that takes; the
 * event loop never takes it. {@link #moment} guards the fields, is held for moments, and whoever waits for a state waits on it.
 */
final class LocalContainer implements Container {
    private static final Logger LOG = LoggerFactory.getLogger(LocalContainer.class);
    private static final ExitStatus NEVER_RAN = new ExitStatus(0, Optional.empty(), false);
    /** It does not run, and may be started. */
    private static final Set<ContainerState> AT_REST = EnumSet.of(ContainerState.CREATED, ContainerState.EXITED);

    /** States in which there is a process. */
    private static final Set<ContainerState> ALIVE = EnumSet.of(ContainerState.RUNNING, ContainerState.PAUSED);

    private final LocalContainers owner;
    private final String id;
    private final Instant created = Instant.now();
    private final Image image;
    private volatile ContainerSpec spec;
    private final Blueprint blueprint;
    private final String hostname;
    private final Confinement confinement;
    private final Signal stopSignal;
    private final ContainerFiles files;
    private final List<MountPoint> mounts;
    private final OutputLog log;
    private final boolean autoRemove;
    private final AtomicLong execs = new AtomicLong();

    private final ReentrantLock transition = new ReentrantLock();
    /** Held for reading while a root of a running container is in use: it must be given back before the next run mounts it. */
    private final ReentrantReadWriteLock roots = new ReentrantReadWriteLock();

    /** Held while its root is mounted though it does not run; taken before {@link #transition}. */
    private final ReentrantLock atRest = new ReentrantLock();

    private final Object moment = new Object();
    private volatile String name;
    private volatile ContainerState state = ContainerState.CREATED;
    private volatile @Nullable Run run;
    /** Of the run that is going on or was the last one; before the first, of that. */
    private volatile ProcessStreams streams;

    /** The same's end. */
    private volatile CompletableFuture<ExitStatus> end = new CompletableFuture<>();

    private final Restarts restarts;
    private EventLoop.@Nullable Timer nextStart;
    private int ends;
    private final Optional<HealthPlan> healthPlan;
    /** Of the run that is going on or was the last one. */
    private volatile Optional<HealthMonitor> health = Optional.empty();

    LocalContainer(
            LocalContainers owner,
            String id,
            String name,
            Image image,
            ContainerSpec spec,
            Blueprint blueprint,
            String hostname,
            Confinement confinement,
            Signal stopSignal,
            ContainerFiles files,
            List<MountPoint> mounts,
            OutputLog log,
            boolean autoRemove) {
        this.owner = owner;
        this.id = id;
        this.name = name;
        this.image = image;
        this.spec = spec;
        this.blueprint = blueprint;
        this.hostname = hostname;
        this.confinement = confinement;
        this.stopSignal = stopSignal;
        this.files = files;
        this.mounts = mounts;
        this.log = log;
        this.autoRemove = autoRemove;
        this.streams = owner.streams(this);
        this.restarts = new Restarts(spec.restart());
        this.healthPlan = HealthPlan.of(spec, image.config());
    }

    @Override
    public String id() {
        return id;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Image image() {
        return image;
    }

    @Override
    public ContainerSpec spec() {
        return spec;
    }

    @Override
    public List<MountPoint> mounts() {
        return mounts;
    }

    @Override
    public ContainerState state() {
        return state;
    }

    @Override
    public int pid() {
        return requireAlive("cannot tell the process id of").process().hostPid();
    }

    @Override
    public Instant created() {
        return created;
    }

    @Override
    public Instant startedAt() {
        var latest = run;
        if (latest == null) {
            throw refusal("cannot tell the start time of", "start it first");
        }
        return latest.process().startedAt();
    }

    @Override
    public void start() {
        begin("cannot start");
        try {
            switch (state) {
                case CREATED, EXITED -> {
                    synchronized (moment) {
                        restarts.reset();
                    }
                    startRun();
                }
                default -> throw refusal("cannot start", "");
            }
        } finally {
            transition.unlock();
        }
    }

    /** Holding the transition: makes a process, in a group of its own. After a failure, the container is as it was before. */
    private void startRun() {
        owner.requireUsable("cannot start container " + name);
        try (var namespaces = owner.namespaces(this);
                var undo = new Undo()) {
            beforeStart();
            var devices = DeviceNodes.of(spec.security(), name);
            var cgroup = owner.createCgroup(this, devices.rules());
            undo.addStep(cgroup::remove);
            var plan = new ContainerPlan(
                    spec,
                    image,
                    blueprint,
                    hostname,
                    confinement,
                    namespaces,
                    devices,
                    EtcFiles.of(spec, hostname, owner.hasHostNetwork(spec)),
                    files,
                    mounts,
                    cgroup);
            var process = owner.launcher().startContainer(name, plan, streams);
            undo.addStep(process::close);
            var before = run;
            var started = new Run(before == null ? 1 : before.number() + 1, cgroup, process, namespaces.ownPid());
            undo.keepAll();
            afterStart(started);
        }
    }

    /** Makes room for another run. What throws here keeps the container from starting. */
    private void beforeStart() {
        awaitRoots("cannot start");
        var before = run;
        if (before != null) {
            before.close();
            streams = owner.streams(this);
        }
    }

    /** The program has been executed, and may have ended meanwhile. What begins with each run begins here; it must not throw. */
    private void afterStart(Run started) {
        synchronized (moment) {
            if (end.isDone()) {
                end = new CompletableFuture<>();
            }
            run = started;
            state = ContainerState.RUNNING;
            tell(EventAction.START);
            health = healthPlan.map(plan ->
                    new HealthMonitor(this, plan, status -> tell(EventAction.HEALTH_STATUS, "health", status.word())));
            health.ifPresent(HealthMonitor::begin);
        }
        started.follow(status -> afterExit(started, status));
    }

    /** On the event loop's thread, so it must not block. What ends with each run ends here. */
    private void afterExit(Run ended, ExitStatus status) {
        synchronized (moment) {
            health.ifPresent(HealthMonitor::end);
            if (status.oomKilled()) {
                tell(EventAction.OOM);
            }
            tell(
                    EventAction.DIE,
                    "exitCode",
                    String.valueOf(status.exitCode()),
                    "signal",
                    status.signal().orElse(""));
            if (ALIVE.contains(state)) {
                var delay =
                        restarts.next(status, Duration.between(ended.process().startedAt(), Instant.now()));
                state = delay.isPresent() ? ContainerState.RESTARTING : ContainerState.EXITED;
                delay.ifPresent(time -> nextStart = owner.schedule(time, this::startByPolicy));
                if (autoRemove) {
                    owner.doSoon(this::removeAtEnd);
                }
            }
            ends++;
            end.complete(status);
            moment.notifyAll();
        }
    }

    /** On a worker. */
    private void startByPolicy() {
        transition.lock();
        try {
            if (state == ContainerState.RESTARTING && !owner.isClosed()) {
                startRun();
            }
        } catch (EngineException e) {
            LOG.warn("the restart policy of container {} gives up: {}", name, e.getMessage());
            changeTo(ContainerState.EXITED);
        } finally {
            transition.unlock();
        }
    }

    /** On a worker. A caller may have started or closed it meanwhile. */
    private void removeAtEnd() {
        transition.lock();
        try {
            if (state == ContainerState.EXITED) {
                removeNow();
            }
        } catch (EngineException e) {
            LOG.warn("container {} has ended and cannot be removed: {}", name, e.getMessage());
        } finally {
            transition.unlock();
        }
    }

    /** What must be done while the container's files are there still; its process is killed here. */
    private void beforeRemoval(Undo undo) {
        undo.addStep(log::close);
        var last = run;
        undo.addStep(streams::ended);
        if (last != null) {
            undo.add(last);
        }
    }

    private void changeTo(ContainerState changed) {
        synchronized (moment) {
            state = changed;
            moment.notifyAll();
        }
    }

    /** Takes the turn to change the state. */
    private void begin(String cannot) {
        lock(transition, cannot);
    }

    private void lock(Lock lock, String cannot) {
        try {
            lock.lockInterruptibly();
        } catch (InterruptedException e) {
            throw interrupted(cannot, e);
        }
    }

    /** Completed by another thread than the event loop's: what a caller hangs on it may block, even until the engine is closed. */
    @Override
    public CompletableFuture<ExitStatus> onExit() {
        return end.thenApplyAsync(status -> status);
    }

    @Override
    public ExitStatus await() {
        return await(WaitCondition.NOT_RUNNING);
    }

    @Override
    public ExitStatus await(Duration timeout) {
        return await(WaitCondition.NOT_RUNNING, timeout);
    }

    @Override
    public ExitStatus await(WaitCondition condition) {
        return await(condition, Optional.empty());
    }

    @Override
    public ExitStatus await(WaitCondition condition, Duration timeout) {
        return await(condition, Optional.of(timeout));
    }

    private ExitStatus await(WaitCondition condition, Optional<Duration> timeout) {
        var deadline = System.nanoTime() + timeout.orElse(Duration.ZERO).toNanos();
        synchronized (moment) {
            var before = ends;
            while (!isMet(condition, before)) {
                try {
                    if (timeout.isEmpty()) {
                        moment.wait();
                    } else {
                        var left = deadline - System.nanoTime();
                        if (left <= 0) {
                            throw new TimedOutException("cannot wait longer for container " + name + ": "
                                    + (isRunning() ? "it still runs" : "it is " + state.word()) + " after "
                                    + timeout.get());
                        }
                        moment.wait(left / 1_000_000, (int) (left % 1_000_000));
                    }
                } catch (InterruptedException e) {
                    throw interrupted("cannot go on waiting for", e);
                }
            }
            return lastExit();
        }
    }

    private boolean isMet(WaitCondition condition, int endsBefore) {
        return switch (condition) {
            case NOT_RUNNING -> !isRunning() && state != ContainerState.RESTARTING;
            case NEXT_EXIT -> {
                if (ends == endsBefore && state == ContainerState.REMOVED) {
                    throw refusal("cannot wait for the next exit of", "");
                }
                yield ends != endsBefore;
            }
            case REMOVED -> state == ContainerState.REMOVED;
        };
    }

    /** Whether there is a run whose end is not known yet. */
    private boolean isRunning() {
        return run != null && !end.isDone();
    }

    /** Of the last run that has ended. */
    private ExitStatus lastExit() {
        return end.isCompletedExceptionally() ? NEVER_RAN : end.getNow(NEVER_RAN);
    }

    private CancelledException interrupted(String cannot, InterruptedException cause) {
        Thread.currentThread().interrupt();
        return new CancelledException(
                cannot + " container " + name + ": the thread was interrupted", Map.of(), "", cause);
    }

    @Override
    public void update(Resources resources) {
        begin("cannot update");
        try {
            if (ALIVE.contains(state)) {
                requireAlive("cannot update").cgroup().update(resources);
            } else if (state != ContainerState.CREATED) {
                throw refusal("cannot update", "start it first");
            }
            spec = spec.resources(resources);
        } finally {
            transition.unlock();
        }
    }

    @Override
    public List<Warning> warnings() {
        var latest = run;
        return latest == null ? List.of() : latest.cgroup().warnings();
    }

    @Override
    public List<ContainerProcess> top() {
        var running = requireAlive("cannot list the processes of");
        return ProcessTable.read(running.cgroup().processes(), running.process().hostPid());
    }

    @Override
    public ProcessResult exec(ExecSpec execSpec) {
        return owner.exec(this, requireExec(execSpec), execSpec);
    }

    @Override
    public Exec startExec(ExecSpec execSpec) {
        return owner.startExec(this, requireExec(execSpec), execSpec);
    }

    private Run requireExec(ExecSpec execSpec) {
        var cannot = "cannot exec " + execSpec.command().get(0) + " in";
        var running = requireAlive(cannot);
        if (state == ContainerState.PAUSED) {
            throw refusal(cannot, "unpause it first");
        }
        return running;
    }

    @Override
    public Attachment attach(AttachOptions options) {
        var now = state;
        if (now != ContainerState.CREATED && !ALIVE.contains(now)) {
            throw refusal("cannot attach to", "read its logs, or attach once it is started again");
        }
        return streams.attach(options);
    }

    @Override
    public Logs logs() {
        return log.logs();
    }

    @Override
    public Stats stats() {
        var measured = requireAlive("cannot measure").measure(new Measuring(), spec);
        return measured.orElseThrow(() -> refusal("cannot measure", "start it first"));
    }

    /** Empty if it does not run. */
    Optional<Stats> measure(Measuring measuring) {
        var latest = run;
        return latest == null ? Optional.empty() : latest.measure(measuring, spec);
    }

    @Override
    public Health health() {
        return healthPlan.isEmpty()
                ? Health.NONE
                : health.map(HealthMonitor::health).orElse(new Health(Health.Status.STARTING, 0, List.of()));
    }

    @Override
    public List<ListeningPort> listeningPorts() {
        return inside("cannot see the ports of", process -> new NetworkTables().listening(process.hostPid()));
    }

    @Override
    public boolean hasFile(String path) {
        return inside("cannot look for " + path + " in", process -> RunningRoot.has(process.hostPid(), path));
    }

    /** Looks at something by the first process's number, which must be its own all the while. */
    private <T> T inside(String cannot, Function<ContainedProcess, T> look) {
        var process = requireAlive(cannot).process();
        try {
            var seen = look.apply(process);
            if (process.isRunning()) {
                return seen;
            }
        } catch (KernelException e) {
            if (process.isRunning()) {
                throw e;
            }
        }
        throw refusal(cannot, "start it first");
    }

    @Override
    public Connection connect(int port, Duration timeout) {
        var cannot = "cannot connect to port " + port + " of";
        var process = requireAlive(cannot).process();
        var listening = listeningPorts().stream()
                .filter(each -> each.protocol() == Protocol.TCP)
                .toList();
        var address = NetworkTables.reachable(listening, port)
                .orElseThrow(() -> new ConflictException(
                        cannot + " container " + name + ": nobody listens there", Map.of("listening", listening), ""));
        try (var entered = process.duplicate().orElseThrow(() -> refusal(cannot, "start it first"))) {
            return owner.launcher().connect(name, entered, address, timeout);
        }
    }

    @Override
    public void kill(String signal) {
        var parsed = Signal.parse(signal);
        begin("cannot send " + parsed + " to");
        try {
            var running = requireAlive("cannot send " + parsed + " to");
            var isToEnd = parsed.equals(Signal.KILL) || parsed.equals(stopSignal);
            synchronized (moment) {
                if (isToEnd) {
                    restarts.stop();
                }
                tell(EventAction.KILL, "signal", String.valueOf(parsed.number()));
            }
            running.process().signal(parsed);
            if (isToEnd) {
                resume(running);
            }
        } finally {
            transition.unlock();
        }
    }

    @Override
    public void pause() {
        begin("cannot pause");
        try {
            if (state != ContainerState.RUNNING) {
                throw refusal("cannot pause", "");
            }
            var running = requireAlive("cannot pause");
            try (var undo = new Undo()) {
                undo.addStep(running::thaw);
                running.freeze();
                synchronized (moment) {
                    requireAlive("cannot pause"); // it may have ended before it was frozen
                    state = ContainerState.PAUSED;
                    tell(EventAction.PAUSE);
                }
                undo.keepAll();
            }
        } finally {
            transition.unlock();
        }
    }

    @Override
    public void unpause() {
        begin("cannot unpause");
        try {
            if (state != ContainerState.PAUSED) {
                throw refusal("cannot unpause", "");
            }
            resume(requireAlive("cannot unpause"));
        } finally {
            transition.unlock();
        }
    }

    /** Lets a paused container go on. */
    private void resume(Run running) {
        synchronized (moment) {
            if (state == ContainerState.PAUSED) {
                state = ContainerState.RUNNING;
                tell(EventAction.UNPAUSE);
            }
        }
        running.thaw();
    }

    @Override
    public void rename(String newName) {
        begin("cannot rename");
        try {
            switch (state) {
                case REMOVING, REMOVED, DEAD -> throw refusal("cannot rename", "");
                default -> {
                    var oldName = name;
                    owner.rename(this, newName);
                    name = newName;
                    tell(EventAction.RENAME, "oldName", oldName);
                }
            }
        } finally {
            transition.unlock();
        }
    }

    @Override
    public ExitStatus stop() {
        return stop(spec.stopTimeout());
    }

    @Override
    public ExitStatus stop(Duration timeout) {
        Run running;
        begin("cannot stop");
        try {
            synchronized (moment) {
                restarts.stop();
                if (state == ContainerState.RESTARTING) {
                    giveUpRestart();
                    changeTo(ContainerState.EXITED);
                }
                if (!ALIVE.contains(state)) {
                    return lastExit();
                }
                running = requireAlive("cannot stop");
            }
            running.process().signal(stopSignal);
            resume(running);
        } finally {
            transition.unlock();
        }
        var status = end(running, timeout);
        synchronized (moment) {
            if (state == ContainerState.EXITED) {
                tell(EventAction.STOP);
            }
        }
        return status;
    }

    /** Under the moment's lock. */
    private void giveUpRestart() {
        if (nextStart != null) {
            nextStart.cancel();
            nextStart = null;
        }
    }

    /** Waits for the end of a run that was asked to end, and kills what does not. */
    private ExitStatus end(Run running, Duration timeout) {
        if (!running.process().ignores(stopSignal)
                || running.cgroup().processes().size() > 1) {
            try {
                return running.exit().get(timeout.toNanos(), TimeUnit.NANOSECONDS);
            } catch (TimeoutException e) {
                // killed below
            } catch (InterruptedException e) {
                running.kill();
                throw interrupted("cannot go on waiting for", e);
            } catch (ExecutionException e) {
                throw new IllegalStateException(e);
            }
        }
        running.kill();
        return running.exit().join();
    }

    @Override
    public void restart() {
        restart(spec.stopTimeout());
    }

    @Override
    public void restart(Duration timeout) {
        stop(timeout);
        start();
        tell(EventAction.RESTART);
    }

    /** The run that is going on. */
    private Run requireAlive(String cannot) {
        var latest = run;
        if (!ALIVE.contains(state) || latest == null) {
            throw refusal(cannot, "start it first");
        }
        return latest;
    }

    /** {@code cannot pause container web: it is exited}. */
    private ConflictException refusal(String cannot, String help) {
        var now = state;
        var canBeStarted = now == ContainerState.CREATED || now == ContainerState.EXITED;
        return new ConflictException(
                cannot + " container " + name + ": it is " + now.word(),
                canBeStarted || !help.contains("start") ? help : "");
    }

    @Override
    public void remove() {
        begin("cannot remove");
        try {
            switch (state) {
                case CREATED, EXITED, DEAD -> removeNow();
                case REMOVED -> throw refusal("cannot remove", "");
                default -> throw refusal("cannot remove", "stop it first, or close it");
            }
        } finally {
            transition.unlock();
        }
    }

    @Override
    public void close() {
        transition.lock();
        try {
            if (state != ContainerState.REMOVED) {
                removeNow();
            }
        } finally {
            transition.unlock();
        }
    }

    /** Holding the transition. */
    private void removeNow() {
        synchronized (moment) {
            giveUpRestart();
            changeTo(ContainerState.REMOVING);
        }
        try (var undo = new Undo()) {
            undo.add(files);
            beforeRemoval(undo);
        } catch (RuntimeException e) {
            changeTo(ContainerState.DEAD);
            throw e;
        }
        owner.forget(this);
        synchronized (moment) {
            tell(EventAction.DESTROY);
            changeTo(ContainerState.REMOVED);
        }
        end.completeExceptionally(refusal("cannot wait for the end of", ""));
    }

    /** Sends SIGKILL to whatever runs, and starts nothing more. */
    void killNow() {
        synchronized (moment) {
            restarts.stop();
            giveUpRestart();
        }
        var latest = run;
        if (latest != null) {
            latest.kill();
        }
    }

    /** For setns(2), the caller's to close; empty if it does not run. */
    Optional<Fd> firstProcess() {
        var latest = run;
        return ALIVE.contains(state) && latest != null ? latest.process().duplicate() : Optional.empty();
    }

    String hostname() {
        return hostname;
    }

    @Override
    public void copyIn(CopySource source, String destination) {
        withRoot(
                "cannot copy to",
                Extent.ALL_MOUNTS,
                root -> transfer(root).copyIn(source, destination, owner.limits()));
    }

    @Override
    public void copyOut(String source, Path destination) {
        withRoot("cannot copy from", Extent.ALL_MOUNTS, root -> transfer(root).copyOut(source, destination));
    }

    @Override
    public void copyOut(String source, OutputStream tar) {
        withRoot("cannot copy from", Extent.ALL_MOUNTS, root -> transfer(root).copyOut(source, tar));
    }

    @Override
    public void export(OutputStream tar) {
        withRoot("cannot export", Extent.ROOT_ALONE, root -> transfer(root).export(tar));
    }

    @Override
    public void export(Path tar) {
        try (var undo = new Undo();
                var target = Files.newOutputStream(tar)) {
            undo.add(() -> Files.deleteIfExists(tar));
            export(target);
            undo.keepAll();
        } catch (IOException e) {
            throw new StorageException(
                    "cannot export container " + name + " to " + tar + ": " + e.getMessage(), Map.of(), "", e);
        }
    }

    private FileTransfer transfer(Fd root) {
        return new FileTransfer(root, "container " + name);
    }

    @Override
    public List<FileChange> diff() {
        return withUpper("cannot compare", () -> UpperChanges.of(files.upper(), files.layers()));
    }

    @Override
    public Snapshot snapshot() {
        var cannot = "cannot make a snapshot of";
        return withStillUpper(cannot, true, () -> {
            if (ALIVE.contains(state)) {
                return owner.snapshots().copy(this);
            }
            awaitRoots(cannot);
            return owner.snapshots().move(this);
        });
    }

    @Override
    public Image commit(String newName, CommitOptions options) {
        return withStillUpper(
                "cannot commit", options.pause(), () -> new ContainerCommit(this, options).make(owner, newName));
    }

    /** Nobody starts, stops or removes it meanwhile, and its processes stand still if that is wanted. */
    private <T> T withStillUpper(String cannot, boolean still, Supplier<T> work) {
        owner.requireUsable(cannot + " container " + name);
        lock(atRest, cannot);
        try {
            begin(cannot);
            try (var undo = new Undo()) {
                if (!ALIVE.contains(state) && !AT_REST.contains(state)) {
                    throw refusal(cannot, "");
                }
                if (still && state == ContainerState.RUNNING) {
                    var cgroup = requireAlive(cannot).cgroup();
                    undo.addStep(cgroup::thaw);
                    cgroup.freeze();
                }
                return work.get();
            } finally {
                transition.unlock();
            }
        } finally {
            atRest.unlock();
        }
    }

    /** Reads what it has written, running or not; its files stay meanwhile. */
    private <T> T withUpper(String cannot, Supplier<T> work) {
        roots.readLock().lock();
        try {
            if (!ALIVE.contains(state) && !AT_REST.contains(state)) {
                throw refusal(cannot, "");
            }
            return work.get();
        } finally {
            roots.readLock().unlock();
        }
    }

    /** Opens its root for some work: that of the run, or, while no run can begin, one of its own. */
    private void withRoot(String cannot, Extent extent, Consumer<Fd> work) {
        owner.requireUsable(cannot + " container " + name);
        roots.readLock().lock();
        try {
            var latest = run;
            if (ALIVE.contains(state) && latest != null) {
                var entered = latest.process().duplicate();
                if (entered.isPresent()) {
                    try (var process = entered.get();
                            var root = owner.launcher().openRoot(cannot + " container " + name, process, extent)) {
                        work.accept(root);
                        return;
                    }
                }
            }
        } finally {
            roots.readLock().unlock();
        }
        withRootAtRest(cannot, extent, work);
    }

    /** One at a time, since two mounts of one upper directory would not know of each other. Removal does not wait for it. */
    private void withRootAtRest(String cannot, Extent extent, Consumer<Fd> work) {
        lock(atRest, cannot);
        try {
            holdAtRest(cannot);
            try (var root = owner.launcher().openRoot(cannot + " container " + name, files, extent)) {
                work.accept(root);
            } finally {
                roots.readLock().unlock();
            }
        } finally {
            atRest.unlock();
        }
    }

    /** Keeps it from being started until the read lock is given back. */
    private void holdAtRest(String cannot) {
        begin(cannot);
        try {
            if (!AT_REST.contains(state)) {
                throw refusal(cannot, "");
            }
            roots.readLock().lock();
        } finally {
            transition.unlock();
        }
    }

    /** Holding the transition, and no run being alive: waits until nobody uses a root of the last run. */
    private void awaitRoots(String cannot) {
        lock(roots.writeLock(), cannot);
        roots.writeLock().unlock();
    }

    /** @param more names and values of further attributes */
    void tell(EventAction action, String... more) {
        var attributes = new LinkedHashMap<>(spec.labels());
        attributes.put("image", spec.image());
        attributes.put("name", name);
        for (var i = 0; i < more.length; i += 2) {
            if (!more[i + 1].isEmpty()) {
                attributes.put(more[i], more[i + 1]);
            }
        }
        owner.events().tell(EventType.CONTAINER, action, id, attributes);
    }

    Blueprint blueprint() {
        return blueprint;
    }

    /** Of the latest run. */
    Cgroup cgroup() {
        return requireAlive("cannot find the control group of").cgroup();
    }

    /** Of the latest run, which may have ended. */
    Cgroup lastCgroup() {
        return Objects.requireNonNull(run).cgroup();
    }

    ContainerFiles files() {
        return files;
    }

    OutputLog log() {
        return log;
    }

    /** A number for the next process beside the first one. */
    long nextExec() {
        return execs.incrementAndGet();
    }

    /** {@code Container[web, running, pid 4182]}. */
    @Override
    public String toString() {
        var now = state;
        var latest = run;
        var more = latest == null
                ? ""
                : ALIVE.contains(now)
                        ? ", pid " + latest.process().hostPid()
                        : now == ContainerState.EXITED ? ", " + lastExit() : "";
        return "Container[" + name + ", " + now.word() + more + "]";
    }
}
