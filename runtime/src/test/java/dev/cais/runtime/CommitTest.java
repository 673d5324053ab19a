package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.CommitOptions;
import dev.cais.ContainerSpec;
import dev.cais.ContainerState;
import dev.cais.Engine;
import dev.cais.HealthCheck;
import dev.cais.InvalidSpecException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A container becomes an image that other tools read, too. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class CommitTest {
    private static final String CHANGES = "echo x >/etc/new; ln /etc/new /etc/hard; rm /etc/group; "
            + "rm -r /var; mkdir -p /var/fresh; chmod 4711 /etc/new; mkfifo /srv";

    private Engine engine;

    @TempDir
    Path host;

    @BeforeEach
    void open(Engine opened) {
        engine = opened;
    }

    @Test
    @RequiresProgram("umoci")
    void whatWasWrittenIsALayerThatOtherToolsRead() throws Exception {
        try (var container =
                engine.containers().start(ContainerSpec.of("busybox").command("sh", "-c", CHANGES))) {
            assertThat(container.await().exitCode()).isZero();
            var image = container.commit("made:1");

            assertThat(image.tags()).containsExactly("made:1");
            assertThat(image.layers()).hasSize(2);
            assertThat(image.history()).last().satisfies(step -> {
                assertThat(step.emptyLayer()).isFalse();
                assertThat(step.createdBy()).isEqualTo("sh -c " + CHANGES);
            });
        }
        engine.images().save(host.resolve("layout"), "made:1");
        Programs.skopeo("copy", "oci:" + host.resolve("layout"), "oci:" + host.resolve("copy") + ":made");
        Programs.output(
                "umoci",
                "unpack",
                "--image",
                host.resolve("copy") + ":made",
                host.resolve("bundle").toString());
        var root = host.resolve("bundle/rootfs");
        assertThat(root.resolve("etc/new")).hasContent("x");
        assertThat(Files.getAttribute(root.resolve("etc/new"), "unix:ino"))
                .isEqualTo(Files.getAttribute(root.resolve("etc/hard"), "unix:ino"));
        assertThat(Files.getAttribute(root.resolve("etc/new"), "unix:mode")).isEqualTo(0104711);
        assertThat(root.resolve("etc/group")).doesNotExist();
        assertThat(root.resolve("var/tmp")).doesNotExist();
        assertThat(root.resolve("var/fresh")).isDirectory();

        var show = ContainerSpec.of("made:1").command("sh", "-c", "cat /etc/hard; ls /var; ls /etc/group 2>&1");
        assertThat(engine.containers().run(show).stdout())
                .isEqualTo("x\nfresh\nls: /etc/group: No such file or directory\n");
    }

    @Test
    void theConfigurationIsTheContainersWithWhatWasChanged() {
        var spec = ContainerSpec.of("busybox")
                .command("sh", "-c", "sleep 1000")
                .env("A", "1")
                .env("B", "2")
                .label("l", "m");
        try (var container = engine.containers().start(spec)) {
            var image = container.commit(
                    "",
                    CommitOptions.DEFAULT
                            .author("somebody")
                            .message("as it runs")
                            .command("echo", "committed")
                            .env("B", "3")
                            .label("k", "v")
                            .expose("80/tcp")
                            .volume("/data")
                            .user("1000")
                            .workdir("/tmp"));
            assertThat(container.state()).isEqualTo(ContainerState.RUNNING);
            assertThat(container.exec("true").exitCode()).isZero();

            var config = image.config();
            assertThat(config.author()).isEqualTo("somebody");
            assertThat(config.env()).contains("A=1", "B=3").doesNotContain("B=2");
            assertThat(config.labels()).containsEntry("l", "m").containsEntry("k", "v");
            assertThat(config.exposedPorts()).containsExactly("80/tcp");
            assertThat(config.volumes()).containsExactly("/data");
            assertThat(image.history()).last().satisfies(step -> {
                assertThat(step.comment()).isEqualTo("as it runs");
                assertThat(step.emptyLayer()).isTrue();
            });
            assertThat(image.layers()).hasSize(1);
            assertThat(image.tags()).isEmpty();
            assertThat(engine.containers().run(ContainerSpec.of(image)).stdout())
                    .isEqualTo("committed\n");
        }
    }

    @Test
    @RequiresProgram("skopeo")
    void changesAreMadeAsADockerfileWouldMakeThem() throws Exception {
        try (var container = engine.containers()
                .create(ContainerSpec.of("busybox").env("BASE", "/opt").command("old"))) {
            var image = container.commit(
                    "changed",
                    CommitOptions.DEFAULT
                            .label("k", "typed")
                            .change("ENTRYPOINT [\"echo\", \"entry\"]")
                            .change("ENV WHERE=$BASE/x")
                            .change("LABEL k=\"as text\"")
                            .change("EXPOSE 80")
                            .change("USER 1000")
                            .change("VOLUME /data")
                            .change("WORKDIR /tmp/w")
                            .change("STOPSIGNAL SIGQUIT")
                            .change("ONBUILD RUN true")
                            .change("HEALTHCHECK --retries=7 CMD true"));

            var config = image.config();
            assertThat(config.entrypoint()).containsExactly("echo", "entry");
            assertThat(config.command()).isEmpty();
            assertThat(config.env()).contains("BASE=/opt", "WHERE=/opt/x");
            assertThat(config.labels()).containsEntry("k", "as text");
            assertThat(config.exposedPorts()).containsExactly("80/tcp");
            assertThat(config.user()).isEqualTo("1000");
            assertThat(config.volumes()).containsExactly("/data");
            assertThat(config.workdir()).isEqualTo("/tmp/w");
            assertThat(config.stopSignal()).isEqualTo("SIGQUIT");
            assertThat(config.onBuild()).containsExactly("RUN true");
            assertThat(config.health()).contains(HealthCheck.shell("true").retries(7));
            assertThat(engine.containers().run(ContainerSpec.of("changed")).stdout())
                    .isEqualTo("entry\n");
        }
        engine.images().save(host.resolve("layout"), "changed");
        assertThat(Programs.output("skopeo", "inspect", "--config", "--raw", "oci:" + host.resolve("layout")))
                .contains("\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"true\"],")
                .contains("\"Retries\":7}")
                .contains("\"OnBuild\":[\"RUN true\"]");
    }

    @Test
    void aChangeThatIsNoneMakesNoImage() {
        try (var container = engine.containers().create(ContainerSpec.of("busybox"))) {
            assertThatThrownBy(() -> container.commit("made", CommitOptions.DEFAULT.change("RUN true")))
                    .isInstanceOf(InvalidSpecException.class)
                    .hasMessage(
                            "cannot carry out instruction 'RUN true': a commit changes an image's configuration alone;"
                                    + " write CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME or"
                                    + " WORKDIR");
            assertThatThrownBy(() -> container.commit("made", CommitOptions.DEFAULT.change("STOPSIGNAL NOISE")))
                    .isInstanceOf(InvalidSpecException.class)
                    .hasMessage(
                            "cannot carry out instruction 'STOPSIGNAL NOISE': cannot use signal NOISE: there is none of"
                                    + " that name; write SIGTERM, TERM or 15");
            assertThat(engine.images().find("made")).isEmpty();
        }
    }

    @Test
    void aCloneOfASnapshotBecomesAnImageOfAllItsLayers() {
        try (var container =
                engine.containers().start(ContainerSpec.of("busybox").command("sh", "-c", "echo one >/one"))) {
            container.await();
            try (var snapshot = container.snapshot();
                    var clone = engine.containers()
                            .start(ContainerSpec.of(snapshot).command("sh", "-c", "echo two >/two; rm /one"))) {
                clone.await();
                assertThat(clone.commit("both").layers()).hasSize(3);
                assertThat(container.commit("first").layers()).hasSize(2);
                clone.close();
                container.close();
            }
        }
        var show = new String[] {"sh", "-c", "cat /one /two 2>/dev/null; true"};
        assertThat(engine.containers()
                        .run(ContainerSpec.of("both").command(show))
                        .stdout())
                .isEqualTo("two\n");
        assertThat(engine.containers()
                        .run(ContainerSpec.of("first").command(show))
                        .stdout())
                .isEqualTo("one\n");
    }
}
