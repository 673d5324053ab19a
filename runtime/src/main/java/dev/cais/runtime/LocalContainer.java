package dev.cais.runtime;

import dev.cais.AttachOptions;
import dev.cais.Attachment;
import dev.cais.CommitOptions;
import dev.cais.Connection;
import dev.cais.Container;
import dev.cais.ContainerInfo;
import dev.cais.ContainerProcess;
import dev.cais.ContainerSpec;
import dev.cais.ContainerState;
import dev.cais.CopySource;
import dev.cais.Endpoint;
import dev.cais.EventAction;
import dev.cais.EventType;
import dev.cais.Exec;
import dev.cais.ExecSpec;
import dev.cais.ExitStatus;
import dev.cais.FileChange;
import dev.cais.FileStat;
import dev.cais.Health;
import dev.cais.Image;
import dev.cais.ListeningPort;
import dev.cais.Logs;
import dev.cais.Mount;
import dev.cais.MountPoint;
import dev.cais.Network;
import dev.cais.PortBinding;
import dev.cais.ProcessResult;
import dev.cais.Protocol;
import dev.cais.Resources;
import dev.cais.Snapshot;
import dev.cais.Stats;
import dev.cais.WaitCondition;
import dev.cais.Warning;
import dev.cais.linux.Fd;
import dev.cais.runtime.cgroup.Cgroup;
import dev.cais.runtime.log.OutputLog;
import dev.cais.storage.ContainerFiles;
import java.io.OutputStream;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A container of this engine, as users see it: its files and what was decided about it at its creation, and a {@link Run} for each time
 * that it was started. Where it stands is its {@link Standing}, what changes that its {@link Lifecycle}'s; what begins with each run, its {@link ContainerRuns}'; what the host does
 * with its files, its {@link ContainerRoot}'s.
 */
final class LocalContainer implements Container, ProcessStreams.Users {
    private final LocalEngine engine;
    private final LocalContainers owner;
    private final CreatedContainer created;
    private final Instant createdAt = Instant.now();
    private final Map<String, String> labels;
    private final AtomicLong execs = new AtomicLong();
    private volatile ContainerSpec spec;
    private volatile String name;
    private final Standing standing = new Standing(this);
    private final Lifecycle lifecycle;
    private final ContainerRoot root;
    private final InsideView inside;
    private final ContainerNetworks networks;
    private final ContainerRuns runs;

    LocalContainer(LocalEngine engine, LocalContainers owner, CreatedContainer created) {
        this.engine = engine;
        this.owner = owner;
        this.created = created;
        this.labels = created.labels();
        this.spec = created.spec();
        this.name = created.name();
        this.lifecycle =
                new Lifecycle(this, standing, owner, created.stopSignal(), spec.restart(), created.autoRemove());
        this.root = new ContainerRoot(this, owner, lifecycle, created.files());
        this.inside = new InsideView(this, standing, engine.launcher());
        this.networks = new ContainerNetworks(engine.networks(), this);
        this.runs = new ContainerRuns(engine, owner, this, created, root, networks);
    }

    @Override
    public String id() {
        return created.id();
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Image image() {
        return created.image();
    }

    @Override
    public ContainerSpec spec() {
        return spec;
    }

    @Override
    public List<MountPoint> mounts() {
        return created.mounts();
    }

    @Override
    public Instant created() {
        return createdAt;
    }

    @Override
    public ContainerInfo inspect() {
        var blueprint = created.blueprint();
        var identity = blueprint.identity();
        return new ContainerInfo(
                created.id(),
                name,
                created.image(),
                createdAt,
                standing.view(),
                health(),
                lifecycle.restartCount(),
                spec,
                blueprint.arguments(),
                blueprint.env(),
                identity.uid() + ":" + identity.gid(),
                blueprint.workdir(),
                created.stopSignal().toString(),
                created.hostname(),
                labels,
                created.mounts(),
                endpoints(),
                ports(),
                warnings(),
                logs().status(),
                created.files().upper());
    }

    // ---- where it stands

    @Override
    public ContainerState state() {
        return standing.state();
    }

    @Override
    public int pid() {
        return standing.requireAlive("cannot tell the process id of").process().hostPid();
    }

    @Override
    public Instant startedAt() {
        return standing.latest()
                .orElseThrow(() -> standing.notRunning("cannot tell the start time of"))
                .process()
                .startedAt();
    }

    @Override
    public void start() {
        lifecycle.start();
    }

    /** Completed by another thread than the event loop's: what a caller hangs on it may block, even until the engine is closed. */
    @Override
    public CompletableFuture<ExitStatus> onExit() {
        return standing.onExit();
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
        return standing.await(condition, Optional.empty());
    }

    @Override
    public ExitStatus await(WaitCondition condition, Duration timeout) {
        return standing.await(condition, Optional.of(timeout));
    }

    @Override
    public void kill(String signal) {
        lifecycle.kill(signal);
    }

    @Override
    public void pause() {
        lifecycle.pause();
    }

    @Override
    public void unpause() {
        lifecycle.unpause();
    }

    @Override
    public ExitStatus stop() {
        return stop(spec.stopTimeout());
    }

    @Override
    public ExitStatus stop(Duration timeout) {
        return lifecycle.stop(timeout);
    }

    @Override
    public void restart() {
        restart(spec.stopTimeout());
    }

    @Override
    public void restart(Duration timeout) {
        lifecycle.restart(timeout);
    }

    @Override
    public void rename(String newName) {
        lifecycle.rename(newName);
    }

    /** For its lifecycle. */
    void renameTo(String newName) {
        var oldName = name;
        owner.rename(this, newName);
        name = newName;
        networks.renamed();
        tell(EventAction.RENAME, "oldName", oldName);
    }

    @Override
    public void remove() {
        lifecycle.remove();
    }

    @Override
    public void close() {
        lifecycle.close();
    }

    /** Sends SIGKILL to whatever runs, and starts nothing more. */
    void killNow() {
        lifecycle.killNow();
    }

    /** For its lifecycle: kills what runs, and removes all that it has on the host. */
    void giveBack() {
        try (var undo = new Undo()) {
            undo.add(created.files());
            undo.addStep(created.log()::close); // while its files are there still
            undo.addStep(runs.streams()::ended);
            undo.addStep(networks::leave);
            standing.latest().ifPresent(undo::add);
        }
        for (var point : created.mounts()) {
            if (point.mount() instanceof Mount.OfVolume asked && asked.name().isEmpty()) {
                engine.volumes().tellDestroyed(point.volume());
            }
        }
    }

    // ---- processes and streams

    @Override
    public void update(Resources resources) {
        try (var turn = lifecycle.begin("cannot update")) {
            standing.requireNotRemoved("cannot update");
            if (standing.isAlive()) {
                lastCgroup().update(resources); // which stays, if the process ends just now
            }
            spec = spec.resources(resources);
            tell(EventAction.UPDATE);
        }
    }

    @Override
    public List<Warning> warnings() {
        var all = new ArrayList<>(created.unable());
        all.addAll(networks.warnings());
        standing.latest().ifPresent(run -> all.addAll(run.cgroup().warnings()));
        return List.copyOf(all);
    }

    @Override
    public ProcessResult exec(ExecSpec execSpec) {
        return owner.execs().run(this, requireExec(execSpec), execSpec);
    }

    @Override
    public Exec startExec(ExecSpec execSpec) {
        return owner.execs().start(this, requireExec(execSpec), execSpec);
    }

    /** For a health check: nobody is told. */
    Exec startCheck(ExecSpec check) {
        return owner.execs().startCheck(this, requireExec(check), check);
    }

    private Run requireExec(ExecSpec execSpec) {
        var cannot = "cannot exec " + execSpec.command().get(0) + " in";
        var running = standing.requireAlive(cannot);
        var now = state();
        if (now == ContainerState.PAUSED) {
            throw standing.refusal(cannot, now, "unpause it first");
        }
        return running;
    }

    @Override
    public Attachment attach(AttachOptions options) {
        var now = state();
        if (now != ContainerState.CREATED && !standing.isAlive()) {
            throw standing.refusal(
                    "cannot attach to",
                    now,
                    now == ContainerState.EXITED ? "read its logs, or attach once it is started again" : "");
        }
        var attachment = runs.streams().attach(options);
        tell(EventAction.ATTACH);
        return attachment;
    }

    @Override
    public void detached() {
        tell(EventAction.DETACH);
    }

    @Override
    public void resized(int columns, int rows) {
        tell(EventAction.RESIZE, "width", String.valueOf(columns), "height", String.valueOf(rows));
    }

    @Override
    public Logs logs() {
        return created.log().logs();
    }

    @Override
    public Stats stats() {
        var cannot = "cannot measure";
        var measured = standing.requireAlive(cannot).measure(new Measuring(), spec);
        return measured.orElseThrow(() -> standing.notRunning(cannot));
    }

    /** Empty if it does not run. */
    Optional<Stats> measure(Measuring measuring) {
        return standing.latest().flatMap(run -> run.measure(measuring, spec));
    }

    @Override
    public Health health() {
        return runs.health();
    }

    @Override
    public List<ContainerProcess> top() {
        var processes = inside.processes();
        tell(EventAction.TOP);
        return processes;
    }

    // ---- networks

    /** For its lifecycle. */
    ContainerRuns runs() {
        return runs;
    }

    ContainerNetworks networks() {
        return networks;
    }

    @Override
    public List<Endpoint> endpoints() {
        return networks.endpoints();
    }

    @Override
    public InetAddress address(Network network) {
        return networks.address(network);
    }

    @Override
    public List<PortBinding> ports() {
        return standing.isAlive() ? networks.ports() : List.of();
    }

    @Override
    public int hostPort(int containerPort, Protocol protocol) {
        standing.requireAlive("cannot tell the published port of");
        return networks.hostPort(containerPort, protocol);
    }

    @Override
    public List<ListeningPort> listeningPorts() {
        return inside.listeningPorts();
    }

    @Override
    public boolean hasFile(String path) {
        return inside.hasFile(path);
    }

    @Override
    public Connection connect(int port, Duration timeout) {
        return inside.connect(port, timeout);
    }

    // ---- files

    @Override
    public void copyIn(CopySource source, String destination) {
        root.copyIn(source, destination);
    }

    @Override
    public void copyOut(String source, Path destination) {
        root.copyOut(source, destination);
    }

    @Override
    public void copyOut(String source, OutputStream tar) {
        root.copyOut(source, tar);
    }

    @Override
    public void export(OutputStream tar) {
        root.export(tar);
    }

    @Override
    public void export(Path tar) {
        root.export(tar);
    }

    @Override
    public Optional<FileStat> stat(String path) {
        return root.stat(path);
    }

    @Override
    public List<FileChange> diff() {
        return root.diff();
    }

    @Override
    public Snapshot snapshot() {
        return root.snapshot();
    }

    @Override
    public Image commit(String newName, CommitOptions options) {
        return root.commit(newName, options);
    }

    // ---- for its neighbours

    /** @param more names and values of further attributes */
    void tell(EventAction action, String... more) {
        var attributes = new LinkedHashMap<>(labels);
        attributes.put("image", spec.image());
        attributes.put("name", name);
        for (var i = 0; i < more.length; i += 2) {
            if (!more[i + 1].isEmpty()) {
                attributes.put(more[i], more[i + 1]);
            }
        }
        engine.events().tell(EventType.CONTAINER, action, created.id(), attributes);
    }

    /** For setns(2), the caller's to close; empty if it does not run. */
    Optional<Fd> firstProcess() {
        return standing.firstProcess();
    }

    String hostname() {
        return created.hostname();
    }

    Map<String, String> labels() {
        return labels;
    }

    /** Of the last run, if none goes on. */
    OptionalInt exitCode() {
        return standing.exitCode();
    }

    Blueprint blueprint() {
        return created.blueprint();
    }

    /** Of the latest run, which may have ended. */
    Cgroup lastCgroup() {
        return standing.latest().orElseThrow().cgroup();
    }

    ContainerFiles files() {
        return created.files();
    }

    OutputLog log() {
        return created.log();
    }

    /** A number for the next process beside the first one. */
    long nextExec() {
        return execs.incrementAndGet();
    }

    /** {@code Container[web, running, pid 4182]}. */
    @Override
    public String toString() {
        var now = state();
        var more = standing.latest()
                .map(run -> standing.isAlive()
                        ? ", pid " + run.process().hostPid()
                        : now == ContainerState.EXITED ? ", " + standing.lastExit() : "")
                .orElse("");
        return "Container[" + name + ", " + now.word() + more + "]";
    }
}
