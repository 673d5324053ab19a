package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ConflictException;
import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.CopySource;
import dev.cais.Engine;
import dev.cais.FileChange;
import dev.cais.LogLine;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import java.util.ArrayList;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** One container is set up, many begin where it stood. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class SnapshotTest {
    private static final String SET_UP = "echo warm >/data; rm /etc/group; rm -r /home; mkdir /home; echo n >/home/new";
    private static final String SHOW = "cat /data; ls /home; ls /etc/group 2>/dev/null; echo $STAGE";

    private Engine engine;

    @BeforeEach
    void open(Engine opened) {
        engine = opened;
    }

    private Container setUp() {
        var container = engine.containers()
                .start(ContainerSpec.of("busybox").env("STAGE", "set up").command("sh", "-c", SET_UP));
        assertThat(container.await().exitCode()).isZero();
        return container;
    }

    @Test
    void manyContainersBeginWhereAStoppedOneEnded() {
        try (var container = setUp();
                var snapshot = container.snapshot()) {
            var clones = new ArrayList<Container>();
            for (var i = 0; i < 5; i++) {
                clones.add(engine.containers()
                        .start(ContainerSpec.of(snapshot)
                                .command("sh", "-c", SHOW + "; echo mine >>/data; sleep 1000")));
            }
            for (var clone : clones) {
                Eventually.isTrue(() -> !clone.exec("cat", "/data").stdout().equals("warm\n"));
                Eventually.passes(() ->
                        assertThat(clone.logs().lines().map(LogLine::text)).containsExactly("warm", "new", "set up"));
                assertThat(clone.exec("cat", "/data").stdout()).isEqualTo("warm\nmine\n");
                assertThat(clone.diff().stream().map(FileChange::toString)).containsExactly("C /data");
            }
            clones.forEach(Container::close);
            container.close();
        }
    }

    @Test
    void aSnapshotIsTheNewestLayerOfItsClones() {
        try (var container = setUp();
                var snapshot = container.snapshot();
                var clone = engine.containers().create(ContainerSpec.of(snapshot))) {
            var image = clone.image();

            assertThat(image.sharedLayers(snapshot.base()))
                    .isEqualTo(snapshot.base().layers());
            assertThat(image.changes(image.layers().get(image.layers().size() - 1)).stream()
                            .map(FileChange::toString))
                    .contains("A /data");
            clone.close();
            container.close();
        }
    }

    @Test
    void theOriginGoesOnUponWhatItGaveAway() {
        try (var container = engine.containers()
                .start(ContainerSpec.of("busybox").command("sh", "-c", "echo turn >>/data; cat /data"))) {
            container.await();
            var first = container.snapshot();
            container.start();
            container.await();
            var second = container.snapshot();
            assertThat(container.diff()).isEmpty();

            var show = new String[] {"cat", "/data"};
            assertThat(engine.containers()
                            .run(ContainerSpec.of(first).command(show))
                            .stdout())
                    .isEqualTo("turn\n");
            assertThat(engine.containers()
                            .run(ContainerSpec.of(second).command(show))
                            .stdout())
                    .isEqualTo("turn\nturn\n");
            container.close();
            assertThatThrownBy(first::close)
                    .isExactlyInstanceOf(ConflictException.class)
                    .hasMessage("cannot remove snapshot " + first.id().substring(7, 19) + ": snapshot "
                            + second.id().substring(7, 19) + " needs its files; close that first");
            second.close();
            first.close();
        }
    }

    @Test
    void aRunningContainerIsCopiedAndGoesOn() {
        try (var container = engine.containers()
                .start(ContainerSpec.of("busybox").command("sh", "-c", SET_UP + "; echo ready; sleep 1000"))) {
            Eventually.isTrue(() -> container.logs().lines().findAny().isPresent());
            try (var snapshot = container.snapshot()) {
                container.exec("sh", "-c", "echo later >/data");
                var spec = ContainerSpec.of(snapshot).command("sh", "-c", SHOW);
                assertThat(engine.containers().run(spec).stdout()).isEqualTo("warm\nnew\n\n");
                assertThat(container.exec("cat", "/data").stdout()).isEqualTo("later\n");
            }
        }
    }

    @Test
    void clonesOfClonesAndFilesCopiedInBeforeTheFirstStart() {
        try (var template = engine.containers().create(ContainerSpec.of("busybox"))) {
            template.copyIn(CopySource.text("one\n"), "/one");
            var first = template.snapshot();
            var clone = engine.containers().create(ContainerSpec.of(first));
            clone.copyIn(CopySource.text("two\n"), "/two");
            var second = clone.snapshot();
            clone.close();
            template.close();
            assertThat(engine.containers()
                            .run(ContainerSpec.of(second).command("cat", "/one", "/two"))
                            .stdout())
                    .isEqualTo("one\ntwo\n");
            second.close();
            first.close();
        }
    }

    @Test
    void aSnapshotInUseStays() {
        try (var container = setUp();
                var snapshot = container.snapshot();
                var clone =
                        engine.containers().create(ContainerSpec.of(snapshot).name("clone"))) {
            container.close();
            assertThatThrownBy(snapshot::close)
                    .isExactlyInstanceOf(ConflictException.class)
                    .hasMessage("cannot remove snapshot " + snapshot.id().substring(7, 19)
                            + ": container clone needs its files; close that first");
            assertThat(clone.image().layers()).hasSize(2);
            clone.close();
        }
    }

    @Test
    void theEngineTakesItsSnapshotsWithIt() {
        var snapshot = setUp().snapshot();
        engine.close();
        assertThat(snapshot.base().tags()).containsExactly("busybox:latest");
    }

    @Test
    void aVolumeOfACloneBeginsWithWhatTheOriginWrote() {
        try (var container = setUp();
                var snapshot = container.snapshot()) {
            var clone = ContainerSpec.of(snapshot).mount("", "/home").command("ls", "/home");
            assertThat(engine.containers().run(clone).stdout()).isEqualTo("new\n");
            container.close();
        }
    }
}
