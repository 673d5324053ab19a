package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildException;
import dev.cais.ByteSize;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.StorageException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.SmallDisk;
import dev.cais.fixtures.TestImages;
import dev.cais.fixtures.TestStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A store that is full: one sentence, nothing half done, and the engine goes on. */
@RequiresRoot
@LeakChecked
class FullDiskTest {
    @Test
    void outputThatDoesNotFitIsNamedAndWhatWasWrittenOfItIsGone(TestStore store) throws IOException {
        try (var disk = SmallDisk.mount(store.path(), "size=12m");
                var engine = Engine.open(store.options().captureLimit(ByteSize.kib(1)))) {
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
        }
    }

    @Test
    void aStepThatFillsItSaysSoThoughItsProgramDoesNot(TestStore store, @TempDir Path context) {
        try (var disk = SmallDisk.mount(store.path(), "size=12m");
                var engine = store.openEngineWithBusybox()) {
            var builds = TestBuilds.of(engine, context);

            assertThatThrownBy(() -> builds.build("FROM busybox\nRUN head -c 20000000 /dev/zero >/big 2>/dev/null\n"))
                    .isInstanceOf(BuildException.class)
                    .hasMessage("cannot build " + context + "/Dockerfile: the program ended with exit 1 [line=2];"
                            + " no space is left on the file system of " + store.path()
                            + "\n      1 | FROM busybox\n"
                            + ">     2 | RUN head -c 20000000 /dev/zero >/big 2>/dev/null");
            assertThatThrownBy(() -> builds.build("FROM busybox\nRUN exit 1\n"))
                    .isInstanceOf(BuildException.class)
                    .hasMessageContaining("the program ended with exit 1 [line=2]\n");
        }
    }
}
