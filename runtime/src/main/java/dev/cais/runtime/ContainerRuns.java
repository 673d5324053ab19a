package dev.cais.runtime;

import dev.cais.ConflictException;
import dev.cais.EventAction;
import dev.cais.ExitStatus;
import dev.cais.Health;
import dev.cais.NamespaceMode;
import dev.cais.runtime.cgroup.Cgroup;
import dev.cais.runtime.cgroup.DeviceRules;
import java.util.List;
import java.util.Optional;

/** Makes a container's runs, one after the other, and does what begins and ends with each. */
final class ContainerRuns {
    private final LocalEngine engine;
    private final LocalContainers containers;
    private final LocalContainer container;
    private final CreatedContainer created;
    private final ContainerRoot root;
    private final ContainerNetworks networks;
    private final Optional<HealthPlan> healthPlan;
    /** Of the run that is going on or was the last one; before the first, of that. */
    private volatile ProcessStreams streams;
    /** Of the run that is going on or was the last one. */
    private volatile Optional<HealthMonitor> health = Optional.empty();

    ContainerRuns(
            LocalEngine engine,
            LocalContainers containers,
            LocalContainer container,
            CreatedContainer created,
            ContainerRoot root,
            ContainerNetworks networks) {
        this.engine = engine;
        this.containers = containers;
        this.container = container;
        this.created = created;
        this.root = root;
        this.networks = networks;
        this.healthPlan = HealthPlan.of(created.spec(), created.image().config());
        this.streams = newStreams();
    }

    ProcessStreams streams() {
        return streams;
    }

    Health health() {
        return healthPlan.isEmpty()
                ? Health.NONE
                : health.map(HealthMonitor::health).orElse(new Health(Health.Status.STARTING, 0, List.of()));
    }

    /**
     * Makes a process, in a group of its own. After a failure, all is as before.
     *
     * @param before the last run, which has ended
     */
    Run launch(Optional<Run> before) {
        try (var namespaces = namespaces();
                var undo = new Undo()) {
            root.awaitUnused("cannot start");
            before.ifPresent(Run::close);
            if (streams.areUsed()) { // and not those of a start that failed early, with what was written ahead
                streams.ended();
                streams = newStreams();
            }
            var spec = container.spec();
            var devices = DeviceNodes.of(spec.security(), container.name());
            var cgroup = createCgroup(devices.rules());
            undo.addStep(cgroup::remove);
            var number = before.map(Run::number).orElse(0) + 1;
            networks.end(number - 1); // its addresses are wanted again
            undo.addStep(() -> networks.giveUp(number));
            networks.reservePorts("cannot start container " + container.name());
            var networkOwner = containers.networkOwner(container);
            var places = networkOwner.networks().places();
            var plan = new ContainerPlan(
                    spec,
                    created.image(),
                    created.blueprint(),
                    created.hostname(),
                    created.confinement(),
                    namespaces,
                    networks.isNetworked(),
                    devices,
                    EtcFiles.of(spec, created.hostname(), networkOwner),
                    created.files(),
                    created.mounts(),
                    cgroup);
            var process = undo.add(engine.launcher()
                    .startContainer(container.name(), plan, streams, sockets -> networks.begin(number, sockets)));
            networkOwner.networks().follow(process, places);
            undo.keepAll();
            return new Run(number, cgroup, process, namespaces.ownPid());
        }
    }

    /** As another run begins; does not block. */
    void begun() {
        tellOfVolumes(EventAction.MOUNT);
        container.tell(EventAction.START);
        health = healthPlan.map(plan -> new HealthMonitor(
                container, plan, status -> container.tell(EventAction.HEALTH_STATUS, "health", status.word())));
        health.ifPresent(HealthMonitor::begin);
    }

    /** On the event loop's thread. */
    void ended(ExitStatus status) {
        health.ifPresent(HealthMonitor::end);
        if (status.oomKilled()) {
            container.tell(EventAction.OOM);
        }
        container.tell(
                EventAction.DIE,
                "exitCode",
                String.valueOf(status.exitCode()),
                "signal",
                status.signal().orElse(""));
        tellOfVolumes(EventAction.UNMOUNT);
    }

    private void tellOfVolumes(EventAction action) {
        for (var point : created.mounts()) {
            if (!point.volume().isEmpty()) {
                engine.volumes().tellUse(action, point.volume(), created.id(), point.target());
            }
        }
    }

    /** On the event loop's thread. */
    void endNetworks(Run ended) {
        engine.networks().departures().later(() -> networks.end(ended.number()));
    }

    /** A group for another run of a container. */
    private Cgroup createCgroup(DeviceRules devices) {
        return engine.cgroups()
                .create(
                        container.id(),
                        container.spec().resources(),
                        devices,
                        engine.options().strictLimits());
    }

    /** Takes hold of the processes whose namespaces a container shares; the caller's to close. */
    private SharedNamespaces namespaces() {
        var cannot = "cannot start container " + container.name();
        return SharedNamespaces.open(
                container.spec().namespaces(),
                shared -> shared.kind() == NamespaceMode.Kind.PATH
                        ? SharedNamespaces.openNetwork(cannot, shared.target())
                        : containers
                                .local(shared)
                                .firstProcess()
                                .orElseThrow(() -> new ConflictException(
                                        cannot + ": container "
                                                + containers.local(shared).name()
                                                + ", a namespace of which it is to share, does not run",
                                        "start that one first")));
    }

    /** For another run of a container. */
    private ProcessStreams newStreams() {
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
}
