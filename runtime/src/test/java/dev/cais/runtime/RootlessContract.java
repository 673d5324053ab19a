package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.ContainerSpec;
import dev.cais.fixtures.TestStore;
import org.junit.jupiter.api.Test;

/** What a plain user's containers can do, with and without subordinate ids. */
abstract class RootlessContract {
    static final ContainerSpec BUSYBOX = ContainerSpec.of("busybox");

    @Test
    void containerRunsAsRootOfItsOwn(TestStore store) {
        try (var engine = store.openEngineWithBusybox()) {
            var result = engine.containers().run(BUSYBOX.command("sh", "-c", "id -u; echo $$; ls -ln / | head -5"));

            assertThat(result.stderr()).isEmpty();
            assertThat(result.stdout()).startsWith("0\n1\n");
        }
    }
}
