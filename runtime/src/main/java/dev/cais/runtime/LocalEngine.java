package dev.cais.runtime;

import dev.cais.BuildEvent;
import dev.cais.BuildSpec;
import dev.cais.ConflictException;
import dev.cais.Containers;
import dev.cais.Engine;
import dev.cais.EngineInfo;
import dev.cais.EngineOptions;
import dev.cais.EventType;
import dev.cais.Image;
import dev.cais.Images;
import dev.cais.LogStream;
import dev.cais.SeccompProfile;
import dev.cais.StorageException;
import dev.cais.UnsupportedHostException;
import dev.cais.image.Commit;
import dev.cais.image.ImageCatalog;
import dev.cais.linux.EventLoop;
import dev.cais.runtime.build.Builder;
import dev.cais.runtime.cgroup.Cgroups;
import dev.cais.runtime.cgroup.Controller;
import dev.cais.runtime.cgroup.EngineCgroups;
import dev.cais.runtime.launch.Deputy;
import dev.cais.runtime.launch.Launch;
import dev.cais.runtime.security.Capability;
import dev.cais.runtime.security.SeccompFilter;
import dev.cais.storage.Store;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;

/** The engine of this JVM: owns the store's handle, the control groups, the loop, the guardian and the will. */
final class LocalEngine implements Engine {
    /** The first release with all that is used without asking: close_range, openat2, clone3, pidfds, time and cgroup v2 features. */
    private static final int[] OLDEST_KERNEL = {5, 14};

    private static final int MOST_CACHED_ACCOUNTS = 64;

    private static final int MOST_WORKERS = 4;

    private final String id;
    private final EngineOptions options;
    private final Store store;
    private final ImageCatalog images;
    private final Cgroups host;
    private final EngineCgroups cgroups;
    private final EventLoop loop;
    private final Will will;
    private final Launcher launcher;
    private final EngineUser user;
    private final LocalContainers containers;
    private final ThreadPoolExecutor workers;
    private final ThreadPoolExecutor listeners;
    private final LocalEvents events;
    private final LocalVolumes volumes;
    private final LocalNetworks networks;
    private final AtomicBoolean closed = new AtomicBoolean();
    private final CompletableFuture<Void> closeDone = new CompletableFuture<>();
    private final Map<String, Accounts> accounts;

    private LocalEngine(
            String id,
            EngineOptions options,
            Store store,
            Cgroups host,
            EngineCgroups cgroups,
            EventLoop loop,
            Will will,
            Launcher launcher,
            EngineUser user) {
        this.id = id;
        this.options = options;
        this.store = store;
        this.host = host;
        this.cgroups = cgroups;
        this.loop = loop;
        this.will = will;
        this.launcher = launcher;
        this.user = user;
        this.containers = new LocalContainers(this);
        this.workers = threads("cais-" + id + "-worker", MOST_WORKERS, new LinkedBlockingQueue<>());
        this.listeners = threads("cais-" + id + "-listener", Integer.MAX_VALUE, new SynchronousQueue<>());
        this.events = new LocalEvents(listeners);
        this.images = new ImageCatalog(
                store,
                options.limits(),
                options.registries(),
                (action, image, attributes) -> events.tell(EventType.IMAGE, action, image, attributes),
                new ImageCatalog.Builds() {
                    @Override
                    public Image build(BuildSpec spec, Consumer<BuildEvent> progress) {
                        return builder("cannot build " + spec.context()).build(spec, progress);
                    }

                    @Override
                    public List<BuildEvent.Warned> check(BuildSpec spec) {
                        return builder("cannot check " + spec.context()).check(spec);
                    }
                });
        this.volumes = new LocalVolumes(this);
        this.networks = new LocalNetworks(this);
        this.accounts = new LinkedHashMap<>(16, 0.75f, true) {
            private static final long serialVersionUID = 1L;

            @Override
            protected boolean removeEldestEntry(Map.Entry<String, Accounts> eldest) {
                return size() > MOST_CACHED_ACCOUNTS;
            }
        };
    }

    /** Threads that end when there is nothing to do, so that an idle engine has none. What comes after the end is dropped. */
    private static ThreadPoolExecutor threads(String name, int most, BlockingQueue<Runnable> queue) {
        var threads = new ThreadPoolExecutor(
                most == Integer.MAX_VALUE ? 0 : most,
                most,
                1,
                TimeUnit.SECONDS,
                queue,
                task -> {
                    var thread = new Thread(task, name);
                    thread.setDaemon(true);
                    return thread;
                },
                new ThreadPoolExecutor.DiscardPolicy());
        threads.allowCoreThreadTimeOut(true);
        return threads;
    }

    static LocalEngine open(EngineOptions options) {
        return open(options, Launch::new);
    }

    /** @param launches makes what starts programs, given a directory for executable files */
    static LocalEngine open(EngineOptions options, Function<Path, Launch> launches) {
        requireHost();
        var random = new byte[6];
        new SecureRandom().nextBytes(random);
        var id = HexFormat.of().formatHex(random);
        try (var undo = new Undo()) {
            var user = undo.add(EngineUser.current());
            var store = undo.add(Store.open(options.store(), id));
            var host = Cgroups.detect();
            // whoever lives holds a lock on its groups, whatever store it uses
            host.sweep(engine -> false);

            var loop = undo.add(new EventLoop("cais-" + id));
            var cgroups = undo.add(host.open(id));
            var direct = launches.apply(store.engineDirectory());
            var launch = user.launch(direct);
            var will = undo.add(Will.leave(
                    loop,
                    launch,
                    NetworkStack.group(id),
                    cgroups.roots(),
                    store.engineDirectory(),
                    store.engineLock()));
            var launcher = undo.add(new Launcher(loop, store, HostMounts.read(host.version()), launch, user));
            var engine = new LocalEngine(id, options, store, host, cgroups, loop, will, launcher, user);
            // takes 80 ms in a cold JVM, which the first start need not wait for
            ForkJoinPool.commonPool().execute(() -> SeccompFilter.of(SeccompProfile.standard(), Capability.DEFAULT));
            undo.keepAll();
            return engine;
        }
    }

    private static void requireHost() {
        if (!System.getProperty("os.name").equals("Linux")) {
            throw new UnsupportedHostException(
                    "cannot open an engine on " + System.getProperty("os.name") + ": containers need Linux");
        }
        var release = release();
        var numbers = release.split("[^0-9]+");
        var major = numbers.length > 0 ? Integer.parseInt(numbers[0]) : 0;
        var minor = numbers.length > 1 ? Integer.parseInt(numbers[1]) : 0;
        if (major < OLDEST_KERNEL[0] || major == OLDEST_KERNEL[0] && minor < OLDEST_KERNEL[1]) {
            throw new UnsupportedHostException(
                    "cannot open an engine on Linux " + release + ": it is older than 5.14", "use a newer kernel");
        }
    }

    private static String release() {
        return System.getProperty("os.version");
    }

    Store store() {
        return store;
    }

    EngineUser user() {
        return user;
    }

    EngineCgroups cgroups() {
        return cgroups;
    }

    EngineOptions options() {
        return options;
    }

    EventLoop loop() {
        return loop;
    }

    Launcher launcher() {
        return launcher;
    }

    /**
     * Where bridges stand; the caller's to close.
     *
     * @param isGateway whether an address is that of a bridge of this engine
     */
    NetworkGround newNetworkGround(Predicate<InetAddress> isGateway) {
        return user.namespace()
                .<NetworkGround>map(namespace -> new OwnGround(
                        new Deputy(new Launch(store.engineDirectory()), namespace), loop, workers, isGateway))
                .orElseGet(HostGround::new);
    }

    @Override
    public Images images() {
        return images;
    }

    private Builder builder(String cannot) {
        requireOpen(cannot);
        return new Builder(new EngineBuilds(this));
    }

    ImageCatalog catalog() {
        return images;
    }

    LocalContainers localContainers() {
        return containers;
    }

    @Override
    public Containers containers() {
        return containers;
    }

    @Override
    public LocalEvents events() {
        return events;
    }

    /** For what may block for moments, as starts and removals do. */
    Executor workers() {
        return workers;
    }

    @Override
    public LocalVolumes volumes() {
        return volumes;
    }

    @Override
    public LocalNetworks networks() {
        return networks;
    }

    String id() {
        return id;
    }

    @Override
    public EngineInfo info() {
        var notes = new ArrayList<>(user.notes());
        cgroups.missing().forEach((controller, why) -> notes.add("no limits of " + controller + ": " + why));
        notes.addAll(networks.stack().notes());
        return new EngineInfo(
                id,
                store.root(),
                "overlay",
                host.version().toString(),
                cgroups.controllers().stream()
                        .map(Controller::toString)
                        .sorted()
                        .toList(),
                release(),
                notes);
    }

    Image commit(Image base, Commit commit) {
        return images.commit(base, commit);
    }

    /** The users and groups in an image's own files; read once per image while it is in use. A directory of the host may change. */
    Accounts accounts(Image image) {
        if (image instanceof Rootfs) {
            return readAccounts(image);
        }
        var key = image.id().hex();
        synchronized (accounts) {
            var known = accounts.get(key);
            if (known != null) {
                return known;
            }
        }
        var parsed = readAccounts(image);
        synchronized (accounts) {
            accounts.put(key, parsed);
        }
        return parsed;
    }

    private Accounts readAccounts(Image image) {
        var tree = LayerTree.of(image, store.layers());
        return Accounts.parse(
                tree.read("/etc/passwd", Accounts.LARGEST_FILE).orElse(new byte[0]),
                tree.read("/etc/group", Accounts.LARGEST_FILE).orElse(new byte[0]));
    }

    /** Where a process's output goes that does not fit into memory. */
    Path outputFile(String process, LogStream stream) {
        var directory = store.engineDirectory().resolve("output");
        try {
            Files.createDirectories(directory);
        } catch (IOException e) {
            throw new StorageException("cannot make " + directory + ": " + e.getMessage(), Map.of(), "make room", e);
        }
        return directory.resolve(process + "." + stream.name().toLowerCase(java.util.Locale.ROOT));
    }

    String hostname() {
        return Host.name();
    }

    boolean isClosed() {
        return closed.get();
    }

    void requireOpen(String cannot) {
        if (closed.get()) {
            throw new ConflictException(cannot + ": the engine is closed", "open another one");
        }
    }

    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            try (var undo = new Undo()) {
                undo.add(user);
                undo.add(store);
                undo.add(images);
                undo.add(loop);
                undo.add(will);
                undo.add(cgroups);
                undo.add(launcher);
                undo.addStep(listeners::shutdown); // once they have heard of the rest
                undo.addStep(workers::shutdown);
                undo.add(events);
                undo.add(networks);
                undo.addStep(containers::closeAll);
            } finally {
                closeDone.complete(null);
            }
        }
        closeDone.join();
    }

    /** {@code Engine[/var/lib/cais, overlay, cgroup v2, 0 containers]}. */
    @Override
    public String toString() {
        return "Engine[" + store.root() + ", overlay, cgroup " + host.version() + ", "
                + (closed.get() ? "closed" : containers.count() + " containers") + "]";
    }
}
