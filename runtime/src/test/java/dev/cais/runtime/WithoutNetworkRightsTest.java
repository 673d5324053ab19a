package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.EngineOptions;
import dev.cais.UnsupportedHostException;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A process that may do much, but not configure networks. */
@RequiresRoot
@RequiresProgram("setpriv")
@LeakChecked
@Timeout(120)
class WithoutNetworkRightsTest {
    /** ARG is the store. */
    static final class Powerless {
        public static void main(String[] args) {
            var options = EngineOptions.defaults().store(Path.of(args[0]));
            var spec = ContainerSpec.of("busybox").name("box").command("ls", "/sys/class/net");
            try (var engine = Engine.open(options)) {
                try (var box = engine.containers().start(spec)) {
                    System.out.println(box.await() + " "
                            + box.logs().lines().map(line -> line.text()).toList());
                    System.out.println(box.warnings());
                }
                engine.info().notes().forEach(System.out::println);
                tell(() -> engine.containers().create(spec.network("bridge")));
                tell(() -> engine.networks().create("mine"));
            }
            try (var engine = Engine.open(options.strictLimits(true))) {
                tell(() -> engine.containers().create(spec));
            }
        }

        private static void tell(Runnable refused) {
            try {
                refused.run();
                System.out.println("not refused");
            } catch (UnsupportedHostException e) {
                System.out.println(e.getMessage());
            }
        }
    }

    @Test
    void itsContainersHaveLoopbackUnlessTheyAskForMore(TestStore store) {
        store.openEngineWithBusybox().close();
        try (var jvm = ChildJvm.start(
                List.of("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"),
                List.of("-XX:TieredStopAtLevel=1", "-Xmx128m"),
                Powerless.class,
                store.path().toString())) {
            var why = "cannot make network bridge: this process may not configure the host's network; give it"
                    + " CAP_NET_ADMIN, or use noNetwork() or hostNetwork()";
            assertThat(jvm.readLines())
                    .containsExactly(
                            "exit 0 [lo]",
                            "[cannot set the default network: " + why + "]",
                            "containers that ask for nothing else have an empty network namespace: " + why,
                            why,
                            why.replace("bridge", "mine"),
                            why);
            assertThat(jvm.await(Duration.ofSeconds(30))).isZero();
        }
    }
}
