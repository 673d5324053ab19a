package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.CancelledException;
import dev.cais.ConflictException;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.InvalidSpecException;
import dev.cais.Stats;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What containers use, as their kernel counts it; {@code CgroupContract} has the figures of control groups. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class StatsTest {
    private static Engine engine;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
    }

    private static ContainerSpec sh(String script) {
        return ContainerSpec.of("busybox").command("sh", "-c", script);
    }

    @Test
    void trafficIsToldByInterface() {
        try (var container = engine.containers().start(sh("sleep 600"))) {
            var before = container.stats().networks();
            assertThat(before).extracting(Stats.Network::name).contains("lo");

            assertThat(container
                            .exec("ping", "-c", "3", "-i", "0.1", "127.0.0.1")
                            .exitCode())
                    .isZero();

            var loopback = container.stats().networks().stream()
                    .filter(network -> network.name().equals("lo"))
                    .findFirst()
                    .orElseThrow();
            assertThat(loopback.sent().packets()).isGreaterThanOrEqualTo(6); // three there, three back
            assertThat(loopback.sent().bytes()).isGreaterThanOrEqualTo(6 * 84);
            assertThat(loopback.received()).isEqualTo(loopback.sent());
            assertThat(loopback.sent().errors()).isZero();
        }
    }

    @Test
    void trafficOfTheHostIsNotTheContainers() {
        try (var container = engine.containers().start(sh("sleep 600").hostNetwork())) {
            assertThat(container.stats().networks()).isEmpty();
        }
    }

    @Test
    void processorTimeBetweenTwoMeasurementsIsAPercentage() {
        try (var busy = engine.containers().start(sh("while :; do :; done").cpus(0.2));
                var idle = engine.containers().start(sh("sleep 600"))) {
            var busyPercent =
                    percent(busy.stats(Duration.ofMillis(500)).limit(3).toList());
            var idlePercent =
                    percent(idle.stats(Duration.ofMillis(200)).limit(3).toList());

            assertThat(busyPercent).isBetween(0.5, 45.0); // a loaded machine gives less than the limit
            assertThat(idlePercent).isBetween(0.0, 5.0);
        }
    }

    private static double percent(List<Stats> measured) {
        assertThat(measured).hasSize(3);
        return measured.get(2).cpuPercentSince(measured.get(0));
    }

    @Test
    void allRunningContainersAreMeasuredAtOnce() {
        try (var one = engine.containers().start(sh("sleep 600"));
                var two = engine.containers().start(sh("sleep 600"));
                var ended = engine.containers().start(sh("true"))) {
            ended.await();

            var measured = engine.containers().stats();

            assertThat(measured).containsOnlyKeys(one, two);
            assertThat(measured.values())
                    .allSatisfy(stats -> assertThat(stats.pids().current()).isEqualTo(1));
        }
    }

    @Test
    void aStreamEndsWithItsContainer() {
        try (var container = engine.containers().start(sh("sleep 600"))) {
            var measured = container.stats(Duration.ofMillis(20)).iterator();
            measured.next();
            var second = measured.next();
            container.kill("KILL");

            var left = 0;
            while (measured.hasNext()) {
                assertThat(measured.next().time()).isAfter(second.time());
                left++;
            }
            assertThat(left).isLessThan(1000);
        }
    }

    @Test
    void anInterruptionEndsTheWaitForAMeasurement() {
        try (var container = engine.containers().start(sh("sleep 600"))) {
            var measured = container.stats(Duration.ofDays(1)).iterator();
            measured.next();
            Thread.currentThread().interrupt();

            assertThatThrownBy(measured::next)
                    .isInstanceOf(CancelledException.class)
                    .hasMessage(
                            "cannot go on measuring container " + container.name() + ": the thread was interrupted");
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void oneThatDoesNotRunIsNotMeasured() {
        try (var container = engine.containers().start(sh("true").name("done"))) {
            container.await();

            assertThatThrownBy(container::stats)
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot measure container done: it is exited; start it first");
            assertThatThrownBy(() -> container.stats(Duration.ofSeconds(1)))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot measure container done: it is exited; start it first");
        }
    }

    @Test
    void anIntervalIsPositive() {
        try (var container = engine.containers().start(sh("sleep 600").name("timed"))) {
            assertThatThrownBy(() -> container.stats(Duration.ZERO))
                    .isInstanceOf(InvalidSpecException.class)
                    .hasMessage("cannot measure container timed every PT0S: the interval is not positive");
        }
    }

    @Test
    void noTimeBetweenMeasurementsIsNoPercentage() {
        var time = java.time.Instant.EPOCH;
        var stats = new Stats(
                time,
                new Stats.Cpu(Duration.ofSeconds(1), Duration.ZERO, Duration.ZERO, Stats.Throttling.NONE),
                new Stats.Memory(0, 0, dev.cais.ByteSize.UNLIMITED, OptionalLong.empty(), OptionalLong.empty(), 0, 0),
                new Stats.Pids(1, OptionalLong.empty()),
                Optional.empty(),
                List.of(),
                Optional.empty());

        assertThat(stats.cpuPercentSince(stats)).isZero();
    }
}
