package dev.cais.runtime.micrometer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.ByteSize;
import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.HealthCheck;
import dev.cais.Ready;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Duration;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@RequiresRoot
@LeakChecked
@Timeout(120)
class ContainerMetricsTest {
    private static final ContainerSpec WEB = ContainerSpec.of("busybox")
            .name("web")
            .command("sh", "-c", "while :; do :; done")
            .memory(ByteSize.mib(64))
            .health(HealthCheck.exec("true").interval(Duration.ofMillis(50)));

    /** Events come by another thread. */
    private static void await(Container looked, BooleanSupplier met) {
        looked.awaitReady(
                container -> met.getAsBoolean() ? Optional.empty() : Optional.of("not yet"), Duration.ofSeconds(60));
    }

    private static double value(MeterRegistry registry, String name) {
        return registry.get(name).tag("name", "web").gauge().value();
    }

    @Test
    void metersComeAndGoWithTheirContainers(TestStore store) {
        var registry = new SimpleMeterRegistry();
        try (var engine = store.openEngineWithBusybox();
                var metrics = new ContainerMetrics(engine);
                var other = engine.containers()
                        .start(ContainerSpec.of("busybox").name("other").command("sleep", "600"))) {
            metrics.bindTo(registry);
            assertThat(registry.find("cais.container.pids").tag("name", "other").gauge())
                    .isNotNull();

            try (var web = engine.containers().start(WEB)) {
                await(web, () -> registry.find("cais.container.healthy").gauge() != null);
                web.awaitReady(Ready.healthy(), Duration.ofSeconds(60));

                assertThat(value(registry, "cais.container.memory.used")).isPositive();
                assertThat(value(registry, "cais.container.memory.limit")).isEqualTo(64 << 20);
                assertThat(value(registry, "cais.container.pids")).isPositive();
                assertThat(value(registry, "cais.container.healthy")).isEqualTo(1);
                assertThat(registry.get("cais.containers.running").gauge().value())
                        .isEqualTo(2);
                var cpu = registry.get("cais.container.cpu")
                        .tags("name", "web", "mode", "user")
                        .functionCounter();
                await(web, () -> cpu.count() > 0.1);
                assertThat(registry.get("cais.container.memory.limit")
                                .tag("name", "other")
                                .gauge()
                                .value())
                        .isNaN();
            }
            await(
                    other,
                    () -> registry.find("cais.container.pids")
                                    .tag("name", "web")
                                    .gauge()
                            == null);
            assertThat(registry.find("cais.container.pids").tag("name", "other").gauge())
                    .isNotNull();

            metrics.close();
            assertThat(registry.getMeters()).isEmpty();
        }
    }

    @Test
    void prometheusSeesThem(TestStore store) {
        var registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        try (var engine = store.openEngineWithBusybox();
                var metrics = new ContainerMetrics(engine);
                var web = engine.containers().start(WEB)) {
            metrics.bindTo(registry);
            await(web, () -> value(registry, "cais.container.memory.used") > 0);

            assertThat(registry.scrape())
                    .containsPattern("(?m)^cais_containers_running 1\\.0$")
                    .containsPattern(
                            "(?m)^cais_container_cpu_seconds_total\\{image=\"busybox\",mode=\"user\",name=\"web\"} \\d")
                    .containsPattern("(?m)^cais_container_memory_used_bytes\\{image=\"busybox\",name=\"web\"} [1-9]")
                    .containsPattern("(?m)^cais_container_healthy\\{image=\"busybox\",name=\"web\"} [01]\\.0$");
        }
    }
}
