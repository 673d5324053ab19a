package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.ContainerSpec;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What callers hang on a container's exit may use the engine as any other code. */
@RequiresRoot
@LeakChecked
class ExitCallbackTest {
    private static final ContainerSpec SPEC = ContainerSpec.of("busybox");

    @Test
    void callbackMayRunAnotherContainer(TestStore store) throws Exception {
        try (var engine = store.openEngineWithBusybox();
                var first = engine.containers().start(SPEC.command("sleep", "0.1"))) {
            var next = first.onExit()
                    .thenApply(status -> engine.containers()
                            .run(SPEC.command("echo", "next"))
                            .stdout());
            assertThat(next.get(60, TimeUnit.SECONDS)).isEqualTo("next\n");
        }
    }

    @Test
    void callbackMayCloseTheEngine(TestStore store) throws Exception {
        var engine = store.openEngineWithBusybox();
        var container = engine.containers().start(SPEC.command("sleep", "0.1"));
        container.onExit().thenRun(engine::close).get(60, TimeUnit.SECONDS);
        assertThat(engine)
                .hasToString("Engine[" + store.path() + ", overlay, cgroup "
                        + engine.info().cgroupVersion() + ", closed]");
    }
}
