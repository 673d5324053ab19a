package dev.cais.runtime.micrometer;

import dev.cais.ByteSize;
import dev.cais.Container;
import dev.cais.ContainerState;
import dev.cais.Engine;
import dev.cais.Event;
import dev.cais.EventAction;
import dev.cais.EventFilter;
import dev.cais.EventType;
import dev.cais.Events;
import dev.cais.Health;
import dev.cais.Stats;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import java.util.function.ToLongFunction;

/**
 * Meters of an engine's containers, for a registry of Micrometer's.
 *
 * <pre>{@code
 * var metrics = new ContainerMetrics(engine);
 * metrics.bindTo(registry);
 * }</pre>
 *
 * <p>A running container has meters with the tags {@code name} and {@code image}; they come with its start and go with its end. Nothing is
 * measured until the registry asks: then all containers at once, and again no earlier than a quarter of a second later. What
 * this host does not count is not a number.
 *
 * <p>Closing it, before the engine, takes its meters out of the registries.
 */
public final class ContainerMetrics implements MeterBinder, AutoCloseable {
    private static final long FRESH_NANOS = 250_000_000;

    private final Engine engine;
    private final List<Bound> bound = new ArrayList<>();
    private Map<String, Stats> measured = Map.of();
    private long measuredAt = System.nanoTime() - FRESH_NANOS;

    /** @param engine which must stay open as long as its meters are asked */
    public ContainerMetrics(Engine engine) {
        this.engine = engine;
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        var binding = new Bound(registry);
        synchronized (bound) {
            bound.add(binding);
        }
        binding.begin();
    }

    @Override
    public void close() {
        List<Bound> all;
        synchronized (bound) {
            all = List.copyOf(bound);
            bound.clear();
        }
        all.forEach(Bound::end);
    }

    /** The meters in one registry. */
    private final class Bound {
        private final MeterRegistry registry;
        private final Map<String, List<Meter>> meters = new HashMap<>();
        private Optional<Events.Listening> listening = Optional.empty();
        private Optional<Gauge> running = Optional.empty();

        Bound(MeterRegistry registry) {
            this.registry = registry;
        }

        void begin() {
            var filter = EventFilter.ALL
                    .type(EventType.CONTAINER)
                    .action(EventAction.START)
                    .action(EventAction.DIE);
            listening = Optional.of(engine.events().listen(filter, this::follow));
            running = Optional.of(Gauge.builder("cais.containers.running", engine, ContainerMetrics::running)
                    .description("Containers that run")
                    .register(registry));
            engine.containers().list().forEach(this::add);
        }

        synchronized void end() {
            listening.ifPresent(Events.Listening::close);
            running.ifPresent(registry::remove);
            List.copyOf(meters.keySet()).forEach(this::remove);
        }

        private void follow(Event event) {
            if (event.action() == EventAction.DIE) {
                remove(event.id());
            } else {
                engine.containers().find(event.id()).ifPresent(this::add);
            }
        }

        private synchronized void remove(String id) {
            var removed = meters.remove(id);
            if (removed != null) {
                removed.forEach(registry::remove);
            }
        }

        private synchronized void add(Container container) {
            var alive = container.state() == ContainerState.RUNNING || container.state() == ContainerState.PAUSED;
            if (!alive || meters.containsKey(container.id())) {
                return;
            }
            var of = new Of(
                    container.id(),
                    Tags.of("name", container.name(), "image", container.spec().image()),
                    new ArrayList<>());
            meters.put(container.id(), of.meters());
            outdate();
            addCounters(of);
            addGauges(of, container);
        }

        private void addCounters(Of of) {
            var cpu = "cais.container.cpu";
            counter(
                    of.and("mode", "user"),
                    cpu,
                    "seconds",
                    stats -> seconds(stats.cpu().user()));
            counter(
                    of.and("mode", "system"),
                    cpu,
                    "seconds",
                    stats -> seconds(stats.cpu().system()));
            counter(
                    of,
                    cpu + ".throttled",
                    "seconds",
                    stats -> seconds(stats.cpu().throttling().throttledTime()));
            counter(
                    of,
                    "cais.container.memory.oom.kills",
                    "",
                    stats -> stats.memory().oomKills());
            var network = "cais.container.network";
            counter(
                    of.and("direction", "received"),
                    network,
                    "bytes",
                    stats -> beyondLoopback(stats, each -> each.received().bytes()));
            counter(
                    of.and("direction", "sent"),
                    network,
                    "bytes",
                    stats -> beyondLoopback(stats, each -> each.sent().bytes()));
            var io = "cais.container.io";
            if (!Double.isNaN(value(of.id(), stats -> io(stats, Stats.Io::readBytes)))) {
                counter(of.and("direction", "read"), io, "bytes", stats -> io(stats, Stats.Io::readBytes));
                counter(of.and("direction", "written"), io, "bytes", stats -> io(stats, Stats.Io::writtenBytes));
            }
        }

        private void addGauges(Of of, Container container) {
            var memory = "cais.container.memory";
            gauge(of, memory + ".used", "bytes", stats -> stats.memory().bytes());
            gauge(of, memory + ".cache", "bytes", stats -> stats.memory().cache());
            gauge(of, memory + ".limit", "bytes", stats -> limit(stats.memory().limit())); // it may be set later
            gauge(of, "cais.container.pids", "", stats -> stats.pids().current());
            if (container.health().status() != Health.Status.NONE) {
                of.meters()
                        .add(Gauge.builder("cais.container.healthy", container, ContainerMetrics::healthy)
                                .tags(of.tags())
                                .register(registry));
            }
        }

        private void counter(Of of, String name, String unit, ToDoubleFunction<Stats> value) {
            of.meters()
                    .add(FunctionCounter.builder(name, ContainerMetrics.this, all -> all.value(of.id(), value))
                            .tags(of.tags())
                            .baseUnit(unit)
                            .register(registry));
        }

        private void gauge(Of of, String name, String unit, ToDoubleFunction<Stats> value) {
            of.meters()
                    .add(Gauge.builder(name, ContainerMetrics.this, all -> all.value(of.id(), value))
                            .tags(of.tags())
                            .baseUnit(unit)
                            .register(registry));
        }
    }

    /** A container's meters in one registry. */
    private record Of(String id, Tags tags, List<Meter> meters) {
        Of and(String key, String value) {
            return new Of(id, tags.and(key, value), meters);
        }
    }

    /** A container has been started that the last measurement does not know. */
    private synchronized void outdate() {
        measuredAt = System.nanoTime() - FRESH_NANOS;
    }

    /** Not a number for what this host does not count, which registries take for no value. */
    private synchronized double value(String id, ToDoubleFunction<Stats> value) {
        var now = System.nanoTime();
        if (now - measuredAt >= FRESH_NANOS) {
            var fresh = new HashMap<String, Stats>();
            engine.containers().stats().forEach((container, stats) -> fresh.put(container.id(), stats));
            measured = fresh;
            measuredAt = now;
        }
        var stats = measured.get(id);
        return stats == null ? Double.NaN : value.applyAsDouble(stats);
    }

    private static double running(Engine engine) {
        return engine.containers().list().stream()
                .filter(container -> container.state() == ContainerState.RUNNING)
                .count();
    }

    private static double healthy(Container container) {
        return container.health().status() == Health.Status.HEALTHY ? 1 : 0;
    }

    private static double seconds(Duration time) {
        return time.toNanos() / 1e9;
    }

    private static double limit(ByteSize limit) {
        return limit.isUnlimited() ? Double.NaN : limit.bytes();
    }

    private static double io(Stats stats, ToDoubleFunction<Stats.Io> value) {
        return stats.io().map(io -> value.applyAsDouble(io)).orElse(Double.NaN);
    }

    private static double beyondLoopback(Stats stats, ToLongFunction<Stats.Network> value) {
        return stats.networks().stream()
                .filter(network -> !network.name().equals("lo"))
                .mapToLong(value)
                .sum();
    }
}
