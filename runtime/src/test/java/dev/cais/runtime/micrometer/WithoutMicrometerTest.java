package dev.cais.runtime.micrometer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.EngineOptions;
import dev.cais.Ready;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import java.io.File;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The optional dependency is one: containers run, are measured and logged in a JVM that has no Micrometer. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class WithoutMicrometerTest {
    /** ARGS are the store. */
    static final class Host {
        public static void main(String[] args) {
            try {
                Class.forName("io.micrometer.core.instrument.MeterRegistry");
                System.out.println("Micrometer is here");
            } catch (ClassNotFoundException e) {
                System.out.println("no Micrometer");
            }
            try (var engine = Engine.open(EngineOptions.defaults().store(Path.of(args[0])));
                    var container = engine.containers()
                            .start(ContainerSpec.of("busybox").command("sh", "-c", "echo hello; sleep 600"))) {
                container.awaitReady(Ready.logLine("hello"), Duration.ofMinutes(1));
                System.out.println(container.stats().pids().current() > 0);
                System.out.println(engine.containers().stats().size());
                System.out.print(container.exec("echo", "from exec").stdout());
                System.out.println(container.stop(Duration.ZERO).exitCode());
                System.out.println(container.logs().lines().toList().get(0).text());
            }
        }
    }

    @Test
    void anEngineNeedsNoMicrometer(TestStore store) {
        try (var engine = store.openEngineWithBusybox()) {
            engine.info();
        }
        var classPath = System.getProperty("java.class.path").split(File.pathSeparator);
        var rest = Arrays.stream(classPath)
                .filter(entry -> !entry.contains("micrometer"))
                .collect(Collectors.joining(File.pathSeparator));
        assertThat(classPath).anyMatch(entry -> entry.contains("micrometer"));

        try (var host = ChildJvm.start(
                List.of(), List.of("-cp", rest), Host.class, store.path().toString())) {
            assertThat(host.readLines()).containsExactly("no Micrometer", "true", "1", "from exec", "137", "hello");
            assertThat(host.await(Duration.ofSeconds(60))).isZero();
        }
    }
}
