package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.FileChange;
import dev.cais.StorageException;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresRoot;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a container has changed, and all that it has. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class ExportTest {
    private static final String CHANGES =
            "echo x >/etc/new; rm /etc/group; chmod 600 /etc/passwd; mkdir -p /srv/a; echo ready; ";

    private static Engine engine;

    @TempDir
    Path host;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
    }

    @Test
    void changesAreToldWhetherItRunsOrNot() {
        try (var container =
                engine.containers().start(ContainerSpec.of("busybox").command("sh", "-c", CHANGES + "sleep 1000"))) {
            Eventually.isTrue(() -> container.logs().lines().findAny().isPresent());
            var expected = new String[] {"C /etc", "D /etc/group", "A /etc/new", "C /etc/passwd", "A /srv", "A /srv/a"};
            assertThat(container.diff().stream().map(FileChange::toString)).containsExactly(expected);
            container.kill("KILL");
            container.await();
            assertThat(container.diff().stream().map(FileChange::toString)).containsExactly(expected);
        }
    }

    @Test
    void aContainerThatHasNotRunHasChangedNothing() {
        try (var container = engine.containers().create(ContainerSpec.of("busybox"))) {
            assertThat(container.diff()).isEmpty();
        }
    }

    @Test
    void exportIsTheRootWithoutItsMountsWhetherItRunsOrNot() {
        try (var container =
                engine.containers().start(ContainerSpec.of("busybox").command("sh", "-c", CHANGES + "sleep 1000"))) {
            Eventually.isTrue(() -> container.logs().lines().findAny().isPresent());
            container.export(host.resolve("running.tar"));
            container.kill("KILL");
            container.await();
            container.export(host.resolve("stopped.tar"));
        }
        var running = Programs.output("tar", "-tf", host.resolve("running.tar").toString());
        assertThat(running.lines())
                .contains("bin/busybox", "dev/", "etc/new", "proc/", "srv/a/", "sys/")
                .doesNotContain("etc/group", "proc/1/", "dev/null", "./");
        assertThat(host.resolve("stopped.tar")).hasSameBinaryContentAs(host.resolve("running.tar"));

        var image = engine.images().importRootfs(host.resolve("running.tar"), "exported");
        try {
            assertThat(engine.containers()
                            .run(ContainerSpec.of(image)
                                    .command("/bin/sh", "-c", "cat /etc/new; stat -c %a /etc/passwd"))
                            .stdout())
                    .isEqualTo("x\n600\n");
        } finally {
            image.remove();
        }
    }

    @Test
    void aTargetThatFailsEndsTheExport() {
        var full = new OutputStream() {
            @Override
            public void write(int value) throws IOException {
                throw new IOException("no room");
            }
        };
        try (var container = engine.containers().create(ContainerSpec.of("busybox"))) {
            assertThatThrownBy(() -> container.export(full))
                    .isExactlyInstanceOf(StorageException.class)
                    .hasMessage("cannot export container " + container.name() + ": no room");
        }
    }
}
