package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildException;
import dev.cais.BuildSpec;
import dev.cais.BuildStage;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.Image;
import dev.cais.Mount;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Images of as many layers as overlayfs takes, which are more than fit into one call of mount(2). */
@RequiresRoot
@LeakChecked
@Timeout(120)
class ManyLayersTest {
    private static Engine engine;

    @TempDir
    private Path context;

    private TestBuilds builds;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
    }

    @BeforeEach
    void begin() {
        builds = TestBuilds.of(engine, context);
    }

    /** The first layer is busybox's. */
    private Image build(int layers) {
        var stage = BuildStage.from("busybox");
        for (var i = 1; i < layers; i++) {
            var content = (i + "\n").getBytes(StandardCharsets.UTF_8);
            stage = stage.layer(layer -> layer.file("/same", content));
        }
        return builds.build(BuildSpec.of(stage).tag("many:" + layers));
    }

    @Test
    void threeHundredLayersAreMounted() {
        build(300);
        var image = builds.build("FROM many:300\nRUN cat /same >/seen\nCOPY --from=many:300 /same /copied\n");
        assertThat(image.layers()).hasSize(302);
        assertThat(builds.run(image, "cat", "/seen", "/copied", "/same")).isEqualTo("299\n299\n299\n");
        try (var container = engine.containers().create(ContainerSpec.of(image).command("true"))) {
            assertThat(container.diff()).isEmpty();
        }
        var beside = ContainerSpec.of("busybox")
                .mount(Mount.image("many:300", "/other"))
                .command("cat", "/other/same");
        assertThat(engine.containers().run(beside).stdout()).isEqualTo("299\n");
    }

    @Test
    void fiveHundredAreTheMost() {
        build(500);
        assertThat(builds.run(engine.images().get("many:500"), "cat", "/same")).isEqualTo("499\n");
        builds.build("FROM many:500\nLABEL a=b\n");
        assertThatThrownBy(() -> builds.build("FROM many:500\nRUN true\nRUN echo once more\n"))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("cannot mount 501 layers: overlayfs takes no more than 500")
                .hasMessageContaining("[line=3]");
    }
}
