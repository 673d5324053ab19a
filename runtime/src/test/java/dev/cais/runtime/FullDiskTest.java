package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ByteSize;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.StorageException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestImages;
import dev.cais.fixtures.TestStore;
import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;

/** A store that is full: one sentence, nothing half done, and the engine goes on. */
@RequiresRoot
@LeakChecked
class FullDiskTest {
    @Test
    void outputThatDoesNotFitIsNamedAndWhatWasWrittenOfItIsGone(TestStore store) throws IOException {
        Files.createDirectories(store.path());
        Programs.output(
                "mount", "-t", "tmpfs", "-o", "size=12m", "none", store.path().toString());
        try (var engine = Engine.open(store.options().captureLimit(ByteSize.kib(1)))) {
            engine.images().load(TestImages.busyboxArchive());
            var chatty = ContainerSpec.of("busybox").name("chatty");

            assertThatThrownBy(() -> engine.containers().run(chatty.command("head", "-c", "20000000", "/dev/zero")))
                    .isInstanceOf(StorageException.class)
                    .hasMessageStartingWith("cannot keep the output of ")
                    .hasMessageContaining("pace left on device");
            var output =
                    store.path().resolve("engines").resolve(engine.info().id()).resolve("output");
            if (Files.exists(output)) {
                assertThat(output).isEmptyDirectory();
            }
            assertThat(engine.containers()
                            .run(chatty.command("sh", "-c", "head -c 20000000 /dev/zero >/big 2>/dev/null"))
                            .exitCode())
                    .isNotZero();
            assertThat(engine.containers().run(chatty.command("echo", "fine")).stdout())
                    .isEqualTo("fine\n");
        } finally {
            Programs.output("umount", store.path().toString());
        }
    }
}
