package dev.cais.runtime;

import dev.cais.CancelledException;
import dev.cais.ConflictException;
import dev.cais.Container;
import dev.cais.ContainerFilter;
import dev.cais.ContainerSpec;
import dev.cais.Containers;
import dev.cais.EventAction;
import dev.cais.ExitStatus;
import dev.cais.Image;
import dev.cais.ImageLimits;
import dev.cais.LogStream;
import dev.cais.NamespaceMode;
import dev.cais.NotFoundException;
import dev.cais.ProcessResult;
import dev.cais.Stats;
import dev.cais.image.Commit;
import dev.cais.linux.EventLoop;
import dev.cais.runtime.cdi.CdiDevices;
import dev.cais.storage.ContainerFiles;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
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

/** The containers of one engine: found by name and id, started, run and forgotten. */
final class LocalContainers implements Containers {
    private static final SecureRandom RANDOM = new SecureRandom();

    private final LocalEngine engine;
    private final Snapshots snapshots;
    private final Map<String, LocalContainer> byId = new ConcurrentHashMap<>();
    /** Ids by name, those of containers that are being created included. */
    private final Map<String, String> names = new ConcurrentHashMap<>();

    private final ContainerMaking making;
    private final CapturedOutput captured;
    private final Execs execs;

    LocalContainers(LocalEngine engine) {
        this.engine = engine;
        this.snapshots = new Snapshots(engine.store(), this::all);
        this.making = new ContainerMaking(engine, this);
        this.captured = new CapturedOutput(engine);
        this.execs = new Execs(engine, captured);
    }

    CdiDevices cdi() {
        return making.cdi();
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
            var container = new LocalContainer(engine, this, making.make(verb, spec, captures, image, id, name, undo));
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

    /** @throws ConflictException if the engine is closed */
    void requireUsable(String cannot) {
        engine.requireOpen(cannot);
        requireNotInterrupted(cannot);
    }

    LocalContainer local(NamespaceMode shared) {
        return (LocalContainer) get(shared.target());
    }

    /** The one whose network namespace a container has: itself, or another; where that is gone, who shares it with those that are left. */
    LocalContainer networkOwner(LocalContainer container) {
        var owner = container;
        var shared = owner.spec().namespaces().network();
        while (shared.kind() == NamespaceMode.Kind.CONTAINER && byId.get(shared.target()) != null) {
            owner = byId.get(shared.target());
            shared = owner.spec().namespaces().network();
        }
        return owner;
    }

    Execs execs() {
        return execs;
    }

    Image commit(Image base, Commit commit) {
        return engine.commit(base, commit);
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

    @Override
    public ProcessResult run(ContainerSpec spec) {
        var started = System.nanoTime();
        try (var container = start(spec, true, Optional.empty())) {
            var status = await(container);
            return captured.result(container.id(), container.log(), status, started);
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

    static void requireNotInterrupted(String cannot) {
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
