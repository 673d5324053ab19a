package dev.cais.runtime;

import dev.cais.AttachOptions;
import dev.cais.CancelledException;
import dev.cais.ConflictException;
import dev.cais.Container;
import dev.cais.ContainerFilter;
import dev.cais.ContainerSpec;
import dev.cais.ContainerSpec.Stdin;
import dev.cais.Containers;
import dev.cais.EventAction;
import dev.cais.ExecSpec;
import dev.cais.ExitStatus;
import dev.cais.Image;
import dev.cais.ImageLimits;
import dev.cais.InvalidSpecException;
import dev.cais.LogOrigin;
import dev.cais.LogStream;
import dev.cais.NamespaceMode;
import dev.cais.NotFoundException;
import dev.cais.Platform;
import dev.cais.ProcessResult;
import dev.cais.Stats;
import dev.cais.UnsupportedHostException;
import dev.cais.image.Commit;
import dev.cais.linux.EventLoop;
import dev.cais.linux.Signal;
import dev.cais.runtime.cdi.CdiDevices;
import dev.cais.runtime.cgroup.Cgroup;
import dev.cais.runtime.cgroup.DeviceRules;
import dev.cais.runtime.log.LogDrivers;
import dev.cais.runtime.log.OutputLog;
import dev.cais.storage.ContainerFiles;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Collection;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The containers of one engine: found by name and id, started, run and forgotten. */
final class LocalContainers implements Containers {
    private static final SecureRandom RANDOM = new SecureRandom();

    private final LocalEngine engine;
    private final Snapshots snapshots;
    private final Map<String, LocalContainer> byId = new ConcurrentHashMap<>();
    /** Ids by name, those of containers that are being created included. */
    private final Map<String, String> names = new ConcurrentHashMap<>();

    private final LogDrivers logDrivers;
    private final CdiDevices cdi;

    LocalContainers(LocalEngine engine) {
        this.engine = engine;
        this.logDrivers = new LogDrivers(engine.options().logDrivers());
        this.cdi = new CdiDevices(
                engine.options().cdiDirectories(), engine.options().strictLimits());
        this.snapshots = new Snapshots(engine.store(), this::all);
    }

    CdiDevices cdi() {
        return cdi;
    }

    @Override
    public LocalContainer create(ContainerSpec spec) {
        return create("create", spec, false, Optional.empty());
    }

    @Override
    public LocalContainer start(ContainerSpec spec) {
        return start(spec, false, Optional.empty());
    }

    /**
     * @param captures whether all output is kept, for a result; then the caller removes it
     * @param image in the place of the one that the spec names
     */
    private LocalContainer start(ContainerSpec spec, boolean captures, Optional<Image> image) {
        var container = create("start", spec, captures, image);
        try (var undo = new Undo()) {
            undo.add(container);
            container.start();
            undo.keepAll();
            return container;
        }
    }

    private LocalContainer create(String verb, ContainerSpec spec, boolean captures, Optional<Image> image) {
        requireUsable("cannot " + verb + " " + spec.image());
        var id = newId();
        var name = spec.name().isEmpty() ? id.substring(0, 12) : spec.name();
        if (names.putIfAbsent(name, id) != null) {
            throw new ConflictException(
                    "cannot " + verb + " container " + name + ": another one of this engine has that name",
                    "close it first, or choose another name");
        }
        try (var undo = new Undo()) {
            undo.addStep(() -> names.remove(name));
            var container = create(verb, spec, captures, image, id, name, undo);
            undo.addStep(container.networks()::leave);
            container.networks().join("cannot " + verb + " container " + name);
            undo.addStep(() -> byId.remove(id));
            byId.put(id, container);
            engine.requireOpen("cannot " + verb + " " + spec.image()); // or it closes this one
            undo.keepAll();
            container.tell(EventAction.CREATE);
            return container;
        }
    }

    private LocalContainer create(
            String verb,
            ContainerSpec asked,
            boolean captures,
            Optional<Image> given,
            String id,
            String name,
            Undo undo) {
        var cannot = "cannot " + verb + " container " + name;
        var added = cdi.addTo(asked, cannot);
        var spec = added.spec();
        var image = given.orElseGet(() -> image(cannot, spec));
        if (!image.platform().os().equals("linux")
                || !image.platform().architecture().equals(Platform.host().architecture())) {
            throw new UnsupportedHostException(
                    cannot + ": image " + spec.image() + " is for " + image.platform() + ", this host is "
                            + Platform.host(),
                    "load the image for this platform");
        }
        var hostname = hostname(spec, id);
        engine.user().require(cannot, spec);
        var blueprint = Blueprint.of(spec, image.config(), engine.accounts(image), hostname)
                .as(identity -> engine.user().require(cannot, identity, spec.groups()));
        var stopSignal = stopSignal(spec, image);
        var confinement = Confinement.of(spec, name, blueprint.identity());
        var mounts = ContainerMounts.of(cannot, spec, image, engine.images());
        ContainerFiles files;
        try (var hold = engine.store().lockShared()) {
            files = mounts.createFiles(engine.store(), id, undo);
        }
        var points = mounts.prepare(engine.store(), files, engine.launcher());
        var origin = new LogOrigin(id, name, spec.image(), image.id(), labels(spec, image), blueprint.env());
        var log = undo.add(OutputLog.of(files.directory(), origin, spec.logging(), logDrivers, captures));
        mounts.made().forEach(volume -> volumes().tellCreated(volume, Map.of()));
        return new LocalContainer(
                this,
                id,
                name,
                image,
                spec,
                blueprint,
                hostname,
                confinement,
                stopSignal,
                files,
                points,
                log,
                added.unable(),
                spec.autoRemove() && !captures);
    }

    /** What its files begin with. */
    private Image image(String cannot, ContainerSpec spec) {
        var rootfs = spec.rootfs();
        return rootfs.isPresent()
                ? Rootfs.open(cannot, rootfs.get(), engine.store())
                : snapshots.find(spec.image()).orElseGet(() -> engine.images().get(spec.image()));
    }

    /** @throws ConflictException if the engine is closed */
    void requireUsable(String cannot) {
        engine.requireOpen(cannot);
        requireNotInterrupted(cannot);
    }

    /** A group for another run of a container. */
    Cgroup createCgroup(LocalContainer container, DeviceRules devices) {
        return engine.cgroups()
                .create(
                        container.id(),
                        container.spec().resources(),
                        devices,
                        engine.options().strictLimits());
    }

    /** As Docker names it: the host's name, and another container's, goes with its network. */
    private String hostname(ContainerSpec spec, String id) {
        var namespaces = spec.namespaces();
        if (!spec.hostname().isEmpty()) {
            return spec.hostname();
        }
        return switch (namespaces.uts().kind()) {
            case HOST -> engine.hostname();
            case CONTAINER -> local(namespaces.uts()).hostname();
            case PRIVATE, PATH ->
                switch (namespaces.network().kind()) {
                    case HOST -> engine.hostname();
                    case CONTAINER -> local(namespaces.network()).hostname();
                    case PRIVATE, PATH -> id.substring(0, 12);
                };
        };
    }

    private LocalContainer local(NamespaceMode shared) {
        return (LocalContainer) get(shared.target());
    }

    /** The one whose network namespace a container has: itself, or another. */
    LocalContainer networkOwner(LocalContainer container) {
        var owner = container;
        while (owner.spec().namespaces().network().kind() == NamespaceMode.Kind.CONTAINER) {
            owner = local(owner.spec().namespaces().network());
        }
        return owner;
    }

    /** Takes hold of the processes whose namespaces a container shares; the caller's to close. */
    SharedNamespaces namespaces(LocalContainer container) {
        var cannot = "cannot start container " + container.name();
        return SharedNamespaces.open(
                container.spec().namespaces(),
                shared -> shared.kind() == NamespaceMode.Kind.PATH
                        ? SharedNamespaces.openNetwork(cannot, shared.target())
                        : local(shared)
                                .firstProcess()
                                .orElseThrow(() -> new ConflictException(
                                        cannot + ": container " + shared.target()
                                                + ", a namespace of which it is to share, does not run",
                                        "start that one first")));
    }

    /** For another run of a container. */
    ProcessStreams streams(LocalContainer container) {
        var spec = container.spec();
        return new ProcessStreams(
                engine.loop(),
                "container " + container.name(),
                spec.terminal(),
                spec.stdin(),
                container.files().directory(),
                container.log(),
                container);
    }

    Image commit(Image base, Commit commit) {
        return engine.commit(base, commit);
    }

    LocalNetworks networks() {
        return engine.networks();
    }

    Snapshots snapshots() {
        return snapshots;
    }

    private Collection<LocalContainer> all() {
        return byId.values();
    }

    ImageLimits limits() {
        return engine.options().limits();
    }

    Launcher launcher() {
        return engine.launcher();
    }

    LocalEvents events() {
        return engine.events();
    }

    LocalVolumes volumes() {
        return engine.volumes();
    }

    boolean isClosed() {
        return engine.isClosed();
    }

    /** Has something that may block done on a worker of the engine's. */
    void doSoon(Runnable task) {
        engine.workers().execute(task);
    }

    /** The same, after a while. */
    EventLoop.Timer schedule(Duration delay, Runnable task) {
        return engine.loop().schedule(delay, () -> doSoon(task));
    }

    /** Gives a container's old name away for a new one. */
    void rename(LocalContainer container, String newName) {
        var cannot = "cannot rename container " + container.name() + " to " + newName;
        ContainerSpec.requireName(cannot, newName);
        if (container.name().equals(newName)) {
            throw new ConflictException(cannot + ": that is its name");
        }
        if (names.putIfAbsent(newName, container.id()) != null) {
            throw new ConflictException(
                    cannot + ": another one of this engine has that name",
                    "close that one first, or choose another name");
        }
        names.remove(container.name());
    }

    static Map<String, String> labels(ContainerSpec spec, Image image) {
        var labels = new LinkedHashMap<>(image.config().labels());
        labels.putAll(spec.labels());
        return labels;
    }

    private static Signal stopSignal(ContainerSpec spec, Image image) {
        if (!spec.stopSignal().isEmpty()) {
            return Signal.parse(spec.stopSignal());
        }
        var named = image.config().stopSignal();
        return named.isEmpty() ? Signal.TERM : Signal.parse(named);
    }

    @Override
    public ProcessResult run(ContainerSpec spec) {
        var started = System.nanoTime();
        try (var container = start(spec, true, Optional.empty())) {
            var status = await(container);
            return captured(container.id(), container.log(), status, started);
        }
    }

    @Override
    public ProcessResult run(ContainerSpec spec, OutputStream stdout, OutputStream stderr) {
        var started = System.nanoTime();
        try (var container = start(spec, true, Optional.empty())) {
            var reader = container.log().read(true);
            try {
                for (var chunk = reader.next(); chunk.isPresent(); chunk = reader.next()) {
                    var target = chunk.get().stream() == LogStream.STDOUT ? stdout : stderr;
                    target.write(chunk.get().content());
                }
                stdout.flush();
                stderr.flush();
                container.log().requireWhole();
            } catch (IOException e) {
                throw new UncheckedIOException(
                        "cannot pass on the output of container " + container.name() + ": " + e.getMessage(), e);
            }
            return new ProcessResult(
                    await(container),
                    new ProcessResult.Captured(new byte[0], container.log().total(LogStream.STDOUT), Optional.empty()),
                    new ProcessResult.Captured(new byte[0], container.log().total(LogStream.STDERR), Optional.empty()),
                    Duration.ofNanos(System.nanoTime() - started));
        }
    }

    /**
     * Runs a program in a container of an image that is in no catalog, and hands out what it has written before the container goes.
     *
     * @param output is told of what the program writes, as it comes
     * @param ended is given the container's files, of which it may take the upper directory
     */
    ExitStatus run(
            Image image,
            ContainerSpec spec,
            BiConsumer<LogStream, byte[]> output,
            BiConsumer<ExitStatus, ContainerFiles> ended) {
        try (var container = start(spec, true, Optional.of(image))) {
            var reader = container.log().read(true);
            for (var chunk = reader.next(); chunk.isPresent(); chunk = reader.next()) {
                output.accept(chunk.get().stream(), chunk.get().content());
            }
            var status = await(container);
            ended.accept(status, container.files());
            return status;
        }
    }

    /** The end of a container that nobody else stops; a closed engine is an error here. */
    private ExitStatus await(LocalContainer container) {
        var status = container.await();
        if (engine.isClosed()) {
            throw new CancelledException(
                    "cannot finish running container " + container.name() + ": its engine was closed");
        }
        return status;
    }

    private ProcessStreams streams(
            LocalContainer container, ExecSpec spec, Stdin stdin, @Nullable OutputLog log, ProcessStreams.Users users) {
        return new ProcessStreams(
                engine.loop(),
                spec.command().get(0) + " in container " + container.name(),
                spec.terminal(),
                stdin,
                container.files().directory(),
                log,
                users);
    }

    LocalExec startExec(LocalContainer container, Run run, ExecSpec spec) {
        var told = ToldExec.of(container, spec);
        return startExec(container, spec, told, streams -> startTold(told, run, spec, streams));
    }

    /** The same for a health check, of which nobody is told. */
    LocalExec startCheck(LocalContainer container, Run run, ExecSpec spec) {
        return startExec(
                container,
                spec,
                ProcessStreams.Users.UNTOLD,
                streams -> engine.launcher().startExec(container, run, spec, streams));
    }

    private LocalExec startExec(
            LocalContainer container,
            ExecSpec spec,
            ProcessStreams.Users users,
            Function<ProcessStreams, ExecProcess> start) {
        requireNotInterrupted("cannot exec in container " + container.name());
        // who detaches from a pipe can never write to it again; a terminal outlives its users
        var open = spec.terminal() ? Stdin.OPEN : Stdin.ONCE;
        var streams = streams(container, spec, spec.stdinOpen() ? open : Stdin.NONE, null, users);
        try (var undo = new Undo()) {
            undo.addStep(streams::ended);
            var attachment = streams.attach(AttachOptions.defaults());
            var process = start.apply(streams);
            undo.keepAll();
            return new LocalExec(streams.what(), spec, process, attachment);
        }
    }

    /** A process beside a container's first, of which events tell. */
    private record ToldExec(LocalContainer container, String id, String command) implements ProcessStreams.Users {
        static ToldExec of(LocalContainer container, ExecSpec spec) {
            var id = container.id().substring(0, 12) + "-" + container.nextExec();
            return new ToldExec(container, id, String.join(" ", spec.command()));
        }

        void tell(EventAction action) {
            container.tell(action, "execID", id, "command", command);
        }

        void tellEnd(ExitStatus status) {
            container.tell(
                    EventAction.EXEC_DIE,
                    "execID",
                    id,
                    "exitCode",
                    String.valueOf(status.exitCode()),
                    "signal",
                    status.signal().orElse(""));
        }

        @Override
        public void detached() {
            tell(EventAction.EXEC_DETACH);
        }
    }

    private ExecProcess startTold(ToldExec told, Run run, ExecSpec spec, ProcessStreams streams) {
        told.tell(EventAction.EXEC_CREATE);
        var process = engine.launcher().startExec(told.container(), run, spec, streams);
        told.tell(EventAction.EXEC_START);
        process.follow(told::tellEnd);
        return process;
    }

    ProcessResult exec(LocalContainer container, Run run, ExecSpec spec) {
        requireNotInterrupted("cannot exec in container " + container.name());
        if (spec.stdinOpen()) {
            throw new InvalidSpecException(
                    "cannot exec " + spec.command().get(0) + " in container " + container.name()
                            + " and wait for its end: nobody could write to its open stdin",
                    "use startExec, or give the bytes beforehand by stdin(...)");
        }
        var started = System.nanoTime();
        var told = ToldExec.of(container, spec);
        var id = told.id();
        var log = OutputLog.captured(id, container.files().directory().resolve("exec-" + id));
        var streams = streams(container, spec, Stdin.NONE, log, ProcessStreams.Users.UNTOLD);
        try (var process = startTold(told, run, spec, streams)) {
            var status = process.await(
                    "exec of " + spec.command().get(0) + " in container " + container.name(), spec.timeout());
            return captured(id, log, status, started);
        } finally {
            log.delete();
        }
    }

    /** A result with as much output as the engine's options allow; where there is more, the whole stream goes to a file. */
    private ProcessResult captured(String id, OutputLog log, ExitStatus status, long started) {
        return new ProcessResult(
                status,
                capture(id, log, LogStream.STDOUT),
                capture(id, log, LogStream.STDERR),
                Duration.ofNanos(System.nanoTime() - started));
    }

    private ProcessResult.Captured capture(String id, OutputLog log, LogStream stream) {
        var total = log.total(stream);
        if (total == 0) {
            return ProcessResult.Captured.NOTHING;
        }
        var kept =
                new byte[(int) Math.min(total, engine.options().captureLimit().bytes())];
        var count = 0;
        Path rest = total > kept.length ? engine.outputFile(id, stream) : null;
        var reader = log.read(false);
        try (var undo = new Undo();
                var file = rest == null ? null : Files.newOutputStream(rest, StandardOpenOption.CREATE_NEW)) {
            if (rest != null) {
                // half a stream helps nobody, and takes the room that is missing
                undo.add(() -> Files.deleteIfExists(rest));
            }
            for (var chunk = reader.next(); chunk.isPresent(); chunk = reader.next()) {
                if (chunk.get().stream() == stream) {
                    var content = chunk.get().content();
                    var fits = Math.min(content.length, kept.length - count);
                    System.arraycopy(content, 0, kept, count, fits);
                    count += fits;
                    write(file, content);
                }
            }
            log.requireWhole();
            undo.keepAll();
        } catch (IOException e) {
            throw new dev.cais.StorageException(
                    "cannot keep the output of " + id + " in " + rest + ": " + e.getMessage(),
                    Map.of(),
                    "make room",
                    e);
        }
        return new ProcessResult.Captured(kept, total, Optional.ofNullable(rest));
    }

    private static void write(@Nullable OutputStream file, byte[] content) throws IOException {
        if (file != null) {
            file.write(content);
        }
    }

    @Override
    public Map<Container, Stats> stats() {
        var measuring = new Measuring();
        var measured = new LinkedHashMap<Container, Stats>();
        for (var container : byId.values()) {
            container.measure(measuring).ifPresent(stats -> measured.put(container, stats));
        }
        return measured;
    }

    @Override
    public List<Container> list(ContainerFilter filter) {
        var matching = new ContainerMatch(filter, this, engine.images(), engine.networks());
        return byId.values().stream()
                .filter(matching)
                .sorted(Comparator.comparing(LocalContainer::created).thenComparing(LocalContainer::id))
                .<Container>map(container -> container)
                .toList();
    }

    @Override
    public Container get(String name) {
        return find(name)
                .orElseThrow(() -> new NotFoundException(
                        "cannot find container " + name + ": this engine has none of that name or id",
                        Map.of(
                                "containers",
                                byId.values().stream()
                                        .map(LocalContainer::name)
                                        .sorted()
                                        .toList()),
                        ""));
    }

    @Override
    public Optional<Container> find(String name) {
        var exact = byId.get(name);
        if (exact == null) {
            exact = byId.get(names.getOrDefault(name, ""));
        }
        if (exact != null) {
            return Optional.of(exact);
        }
        var matching = name.isEmpty()
                ? List.<LocalContainer>of()
                : byId.values().stream()
                        .filter(one -> one.id().startsWith(name))
                        .toList();
        if (matching.size() > 1) {
            throw new NotFoundException(
                    "cannot find container " + name + ": several ids begin with it",
                    Map.of(
                            "containers",
                            matching.stream().map(LocalContainer::id).sorted().toList()),
                    "write more of the id");
        }
        return matching.stream().<Container>map(one -> one).findFirst();
    }

    /** A container was removed: its name is free again. */
    void forget(LocalContainer container) {
        byId.remove(container.id());
        names.remove(container.name());
    }

    /** Closes all that there are: first all are killed, then each is waited for. */
    void closeAll() {
        byId.values().forEach(LocalContainer::killNow);
        try (var undo = new Undo()) {
            byId.values().forEach(undo::add);
        }
    }

    int count() {
        return byId.size();
    }

    private static void requireNotInterrupted(String cannot) {
        if (Thread.currentThread().isInterrupted()) {
            throw new CancelledException(cannot + ": the thread was interrupted");
        }
    }

    static String newId() {
        var bytes = new byte[32];
        RANDOM.nextBytes(bytes);
        return HexFormat.of().formatHex(bytes);
    }
}
