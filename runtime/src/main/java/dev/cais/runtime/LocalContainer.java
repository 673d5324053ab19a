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
import dev.cais.linux.Signal;
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
 * A container of this engine: its files and what was decided about it at its creation, and a {@link Run} for each time that it was
 * started. Where it stands is its {@link Lifecycle}'s; what the host does with its files, its {@link ContainerRoot}'s.
 */
final class LocalContainer implements Container, ProcessStreams.Users {
    private final LocalContainers owner;
    private final String id;
    private final Instant created = Instant.now();
    private final Image image;
    private volatile ContainerSpec spec;
    private final Blueprint blueprint;
    private final String hostname;
    private final Confinement confinement;
    private final Signal stopSignal;
    /** The spec's over the image's. */
    private final Map<String, String> labels;

    private final ContainerFiles files;
    private final List<MountPoint> mounts;
    private final OutputLog log;
    private final List<Warning> unable;
    private final AtomicLong execs = new AtomicLong();
    private volatile String name;
    /** Of the run that is going on or was the last one; before the first, of that. */
    private volatile ProcessStreams streams;

    private final Lifecycle lifecycle;
    private final ContainerRoot root;
    private final InsideView inside;
    private final ContainerNetworks networks;
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
            List<Warning> unable,
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
        this.labels = LocalContainers.labels(spec, image);
        this.files = files;
        this.mounts = mounts;
        this.log = log;
        this.unable = unable;
        this.streams = owner.streams(this);
        this.lifecycle = new Lifecycle(this, owner, stopSignal, spec.restart(), autoRemove);
        this.root = new ContainerRoot(this, owner, lifecycle, files);
        this.inside = new InsideView(this, lifecycle, owner.launcher());
        this.networks = new ContainerNetworks(owner.networks(), this);
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
    public Instant created() {
        return created;
    }

    @Override
    public ContainerInfo inspect() {
        var identity = blueprint.identity();
        return new ContainerInfo(
                id,
                name,
                image,
                created,
                lifecycle.view(),
                health(),
                lifecycle.restartCount(),
                spec,
                blueprint.arguments(),
                blueprint.env(),
                identity.uid() + ":" + identity.gid(),
                blueprint.workdir(),
                stopSignal.toString(),
                hostname,
                labels,
                mounts,
                endpoints(),
                ports(),
                warnings(),
                logs().status(),
                files.upper());
    }

    // ---- where it stands

    @Override
    public ContainerState state() {
        return lifecycle.state();
    }

    @Override
    public int pid() {
        return lifecycle.requireAlive("cannot tell the process id of").process().hostPid();
    }

    @Override
    public Instant startedAt() {
        return lifecycle
                .latest()
                .orElseThrow(() -> lifecycle.notRunning("cannot tell the start time of"))
                .process()
                .startedAt();
    }

    @Override
    public void start() {
        lifecycle.start();
    }

    /**
     * For its lifecycle: makes a process, in a group of its own. After a failure, all is as before.
     *
     * @param before the last run, which has ended
     */
    Run launch(Optional<Run> before) {
        try (var namespaces = owner.namespaces(this);
                var undo = new Undo()) {
            root.awaitUnused("cannot start");
            before.ifPresent(ended -> {
                ended.close();
                streams = owner.streams(this);
            });
            var devices = DeviceNodes.of(spec.security(), name);
            var cgroup = owner.createCgroup(this, devices.rules());
            undo.addStep(cgroup::remove);
            var number = before.map(Run::number).orElse(0) + 1;
            networks.end(number - 1); // its addresses are wanted again
            undo.addStep(() -> networks.giveUp(number));
            networks.reservePorts("cannot start container " + name);
            var networkOwner = owner.networkOwner(this);
            var places = networkOwner.networks().places();
            var plan = new ContainerPlan(
                    spec,
                    image,
                    blueprint,
                    hostname,
                    confinement,
                    namespaces,
                    networks.isNetworked(),
                    devices,
                    EtcFiles.of(spec, hostname, networkOwner),
                    files,
                    mounts,
                    cgroup);
            var process =
                    owner.launcher().startContainer(name, plan, streams, sockets -> networks.begin(number, sockets));
            networkOwner.networks().follow(process, places);
            undo.keepAll();
            return new Run(number, cgroup, process, namespaces.ownPid());
        }
    }

    /** For its lifecycle, as another run begins; does not block. */
    void begun() {
        tellOfVolumes(EventAction.MOUNT);
        tell(EventAction.START);
        health = healthPlan.map(plan ->
                new HealthMonitor(this, plan, status -> tell(EventAction.HEALTH_STATUS, "health", status.word())));
        health.ifPresent(HealthMonitor::begin);
    }

    /** For its lifecycle, on the event loop's thread. */
    void ended(ExitStatus status) {
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
        tellOfVolumes(EventAction.UNMOUNT);
    }

    private void tellOfVolumes(EventAction action) {
        for (var point : mounts) {
            if (!point.volume().isEmpty()) {
                owner.volumes().tellUse(action, point.volume(), id, point.target());
            }
        }
    }

    /** For its lifecycle, on the event loop's thread. */
    void endNetworks(Run ended) {
        owner.networks().departures().later(() -> networks.end(ended.number()));
    }

    /** Completed by another thread than the event loop's: what a caller hangs on it may block, even until the engine is closed. */
    @Override
    public CompletableFuture<ExitStatus> onExit() {
        return lifecycle.onExit();
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
        return lifecycle.await(condition, Optional.empty());
    }

    @Override
    public ExitStatus await(WaitCondition condition, Duration timeout) {
        return lifecycle.await(condition, Optional.of(timeout));
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
        lifecycle.stop(timeout);
        lifecycle.start();
        tell(EventAction.RESTART);
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
            undo.add(files);
            undo.addStep(log::close); // while its files are there still
            undo.addStep(streams::ended);
            undo.addStep(networks::leave);
            lifecycle.latest().ifPresent(undo::add);
        }
        for (var point : mounts) {
            if (point.mount() instanceof Mount.OfVolume asked && asked.name().isEmpty()) {
                owner.volumes().tellDestroyed(point.volume());
            }
        }
    }

    // ---- processes and streams

    @Override
    public void update(Resources resources) {
        try (var turn = lifecycle.begin("cannot update")) {
            lifecycle.requireNotRemoved("cannot update");
            if (lifecycle.isAlive()) {
                cgroup().update(resources);
            }
            spec = spec.resources(resources);
            tell(EventAction.UPDATE);
        }
    }

    @Override
    public List<Warning> warnings() {
        var all = new ArrayList<>(unable);
        all.addAll(networks.warnings());
        lifecycle.latest().ifPresent(run -> all.addAll(run.cgroup().warnings()));
        return List.copyOf(all);
    }

    @Override
    public ProcessResult exec(ExecSpec execSpec) {
        return owner.exec(this, requireExec(execSpec), execSpec);
    }

    @Override
    public Exec startExec(ExecSpec execSpec) {
        return owner.startExec(this, requireExec(execSpec), execSpec);
    }

    /** For a health check: nobody is told. */
    Exec startCheck(ExecSpec check) {
        return owner.startCheck(this, requireExec(check), check);
    }

    private Run requireExec(ExecSpec execSpec) {
        var cannot = "cannot exec " + execSpec.command().get(0) + " in";
        var running = lifecycle.requireAlive(cannot);
        var now = state();
        if (now == ContainerState.PAUSED) {
            throw lifecycle.refusal(cannot, now, "unpause it first");
        }
        return running;
    }

    @Override
    public Attachment attach(AttachOptions options) {
        var now = state();
        if (now != ContainerState.CREATED && !lifecycle.isAlive()) {
            throw lifecycle.refusal(
                    "cannot attach to",
                    now,
                    now == ContainerState.EXITED ? "read its logs, or attach once it is started again" : "");
        }
        var attachment = streams.attach(options);
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
        return log.logs();
    }

    @Override
    public Stats stats() {
        var cannot = "cannot measure";
        var measured = lifecycle.requireAlive(cannot).measure(new Measuring(), spec);
        return measured.orElseThrow(() -> lifecycle.notRunning(cannot));
    }

    /** Empty if it does not run. */
    Optional<Stats> measure(Measuring measuring) {
        return lifecycle.latest().flatMap(run -> run.measure(measuring, spec));
    }

    @Override
    public Health health() {
        return healthPlan.isEmpty()
                ? Health.NONE
                : health.map(HealthMonitor::health).orElse(new Health(Health.Status.STARTING, 0, List.of()));
    }

    @Override
    public List<ContainerProcess> top() {
        var processes = inside.processes();
        tell(EventAction.TOP);
        return processes;
    }

    // ---- networks

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
        return lifecycle.isAlive() ? networks.ports() : List.of();
    }

    @Override
    public int hostPort(int containerPort, Protocol protocol) {
        lifecycle.requireAlive("cannot tell the published port of");
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
        owner.events().tell(EventType.CONTAINER, action, id, attributes);
    }

    /** For setns(2), the caller's to close; empty if it does not run. */
    Optional<Fd> firstProcess() {
        return lifecycle.firstProcess();
    }

    String hostname() {
        return hostname;
    }

    Map<String, String> labels() {
        return labels;
    }

    /** Of the last run, if none goes on. */
    OptionalInt exitCode() {
        return lifecycle.exitCode();
    }

    Blueprint blueprint() {
        return blueprint;
    }

    /** Of the latest run. */
    Cgroup cgroup() {
        return lifecycle.requireAlive("cannot find the control group of").cgroup();
    }

    /** Of the latest run, which may have ended. */
    Cgroup lastCgroup() {
        return lifecycle.latest().orElseThrow().cgroup();
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
        var now = state();
        var more = lifecycle
                .latest()
                .map(run -> lifecycle.isAlive()
                        ? ", pid " + run.process().hostPid()
                        : now == ContainerState.EXITED ? ", " + lifecycle.lastExit() : "")
                .orElse("");
        return "Container[" + name + ", " + now.word() + more + "]";
    }
}
