package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildCopy;
import dev.cais.BuildEvent;
import dev.cais.BuildException;
import dev.cais.BuildLayer;
import dev.cais.BuildMount;
import dev.cais.BuildOrigin;
import dev.cais.BuildRun;
import dev.cais.BuildSecret;
import dev.cais.BuildSpec;
import dev.cais.BuildStage;
import dev.cais.BuildStep;
import dev.cais.Image;
import dev.cais.InvalidSpecException;
import dev.cais.Layer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Builds without a Dockerfile, on a real kernel with a real image. */
class BuildStageTest extends BuildsByOneEngine {
    private BuildSpec spec(BuildStage stage) {
        return BuildSpec.of(context).stage(stage);
    }

    private Image build(BuildStage stage) {
        return builds.build(BuildSpec.of(stage));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void stagesGoOnFromEachOther() throws IOException {
        Files.writeString(context.resolve("in.txt"), "in");
        var base = BuildStage.from("busybox").run("echo base >/base");
        var left = BuildStage.from(base).as("left").copy("in.txt", "/left");
        var right = base.as("right").run(BuildRun.exec("cp", "/base", "/right"));
        var target = BuildStage.from("busybox")
                .as("app")
                .workdir("/work")
                .copyFrom(left, "/left", "./")
                .copy(BuildCopy.of("/right", "/work/").from(right).owner("1:2").mode("600"))
                .copyFrom(BuildOrigin.named("busybox"), "/bin/busybox", "bb")
                .env("WHO", "$nobody")
                .run("echo $WHO >who; ls >list")
                .cmd("sh", "-c", "cat list left right who; stat -c '%u:%g %a' right");
        var image = builds.build(spec(target));

        assertThat(builds.run(image)).isEqualTo("bb\nleft\nlist\nright\nwho\ninbase\n$nobody\n1:2 600\n");
        assertThat(builds.carriedOut())
                .contains("[app 4] COPY --from=busybox /bin/busybox bb")
                .hasSize(8);
        assertThat(builds.build(spec(target))).isEqualTo(image);
        assertThat(builds.carriedOut()).isEmpty();
    }

    @Test
    void programsSeeMountsSecretsAndArguments() throws IOException {
        Files.writeString(context.resolve("f"), "of the context ");
        var other = BuildStage.from("busybox").run("echo of a stage >/g");
        var stage = BuildStage.from("busybox")
                .arg("GIVEN")
                .arg("USUAL", "usual")
                .run(BuildRun.shell("cat /c/f /o/g /s >/all; echo $GIVEN $USUAL $TOKEN >>/all; touch /k/x /t/x")
                        .mount(BuildMount.bind("/", "/c"))
                        .mount(BuildMount.bind(other, "/", "/o"))
                        .mount(BuildMount.cache("/k"))
                        .mount(BuildMount.tmpfs("/t"))
                        .mount(BuildMount.secret("token", "/s"))
                        .mount(BuildMount.secretVariable("token", "TOKEN"))
                        .noNetwork())
                .run("#!/bin/busybox ash\necho $0 >/script");
        var image = builds.build(spec(stage).arg("GIVEN", "given").secret("token", BuildSecret.of("geheim ")));

        assertThat(builds.run(image, "cat", "/all", "/script"))
                .isEqualTo("of the context of a stage\ngeheim given usual geheim\n/dev/pipes/EOF\n");
        assertThat(builds.run(image, "sh", "-c", "ls -d /c /o /k /t 2>/dev/null; true"))
                .isEmpty();
    }

    @Test
    void aLayerHoldsWhatTheProgramGives() throws IOException {
        var dir = Files.createDirectories(context.resolve("dir/sub"));
        Files.writeString(dir.resolve("run.sh"), "#!/bin/sh\n");
        Files.setPosixFilePermissions(dir.resolve("run.sh"), PosixFilePermissions.fromString("rwxr-x---"));
        Files.createSymbolicLink(context.resolve("dir/link"), Path.of("sub/run.sh"));
        var image = build(BuildStage.from("busybox")
                .layer(l -> l.file("/app/etc/config.yml", bytes("a: 1\n"), 0640)
                        .link("/app/current", "etc")
                        .directory("/app/logs", 01777)
                        .owner(7, 8)
                        .time(Instant.ofEpochSecond(1_000_000_000))
                        .file("/app/stream", () -> new ByteArrayInputStream(bytes("stream")), 0400)
                        .tree("/tree", context.resolve("dir"))));

        assertThat(builds.run(
                        image,
                        "sh",
                        "-c",
                        "cd /; stat -c '%n %F %u:%g %a %Y' app app/etc app/etc/config.yml app/current app/logs"
                                + " app/stream tree tree/link tree/sub/run.sh; cat app/current/config.yml app/stream"))
                .isEqualTo("""
                        app directory 0:0 755 1
                        app/etc directory 0:0 755 1
                        app/etc/config.yml regular file 0:0 640 1
                        app/current symbolic link 0:0 777 1
                        app/logs directory 0:0 1777 1
                        app/stream regular file 7:8 400 1000000000
                        tree directory 7:8 755 1000000000
                        tree/link symbolic link 7:8 777 1000000000
                        tree/sub/run.sh regular file 7:8 755 1000000000
                        a: 1
                        stream""");
    }

    @Test
    void aLayerDependsOnNothingButItsFiles() {
        var one = build(BuildStage.from("busybox").layer(l -> l.file("/f", bytes("f"))));
        assertThat(builds.carriedOut()).hasSize(1);
        var other = build(BuildStage.scratch().env("A", "b").layer(l -> l.file("/f", bytes("f"))));

        assertThat(builds.carriedOut()).isEmpty();
        assertThat(other.layers())
                .extracting(Layer::diffId)
                .containsExactly(one.layers().get(one.layers().size() - 1).diffId());
        assertThatThrownBy(() -> BuildLayer.EMPTY.file("/a/../b", bytes("x")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot add /a/../b to a layer: a path is absolute, without '..' and without a NUL");
    }

    @Test
    void whatALayerHoldsIsReadOnceIfItIsKnown() {
        var opened = new AtomicInteger();
        BuildLayer.Content content = () -> {
            opened.incrementAndGet();
            return new ByteArrayInputStream(bytes("counted"));
        };
        var stage = BuildStage.from("busybox").layer(l -> l.file("/counted", content, 0644));
        build(stage);
        assertThat(opened).hasValue(2);
        build(stage);

        assertThat(opened).hasValue(3);
    }

    @Test
    void anErrorShowsTheCall() {
        var stage = BuildStage.from("busybox")
                .as("app")
                .workdir("/app")
                .copy("none", "/app/")
                .run("true");

        assertThatThrownBy(() -> build(stage))
                .isInstanceOf(BuildException.class)
                .hasMessage("""
                        cannot build stage app: the context has no file none [call=3]; it is empty: begin with BuildSpec.of and a directory
                              1 | FROM busybox AS app
                              2 | WORKDIR /app
                        >     3 | COPY none /app/
                              4 | RUN true""");
    }

    @Test
    void eventsTellHowFarAStageIs() {
        var stage = BuildStage.from("busybox")
                .as("far")
                .workdir("/")
                .env("A", "b")
                .run("echo far >/far")
                .run("printf '\\033[1;31mno\\033[m luck\\n\\033[0m\\033[0m\\n'; exit 3");

        assertThatThrownBy(() -> build(stage)).isInstanceOf(BuildException.class);
        assertThat(builds.events().get(0)).isInstanceOf(BuildEvent.Started.class);
        assertThat(builds.events().get(1))
                .isInstanceOfSatisfying(
                        BuildEvent.Done.class,
                        done -> assertThat(done.step()).isEqualTo(new BuildStep("far", 2, 3, 4, "RUN echo far >/far")));
        assertThat(builds.events().get(builds.events().size() - 1))
                .isInstanceOfSatisfying(
                        BuildEvent.Failed.class,
                        failed -> assertThat(failed.why())
                                .isEqualTo("the program ended with exit 3; its last words: no luck"));
    }

    @Test
    void whatChangesWhileItIsCopiedIsRefused() {
        var opened = new AtomicInteger();
        var stage = BuildStage.scratch()
                .layer(l -> l.file("/f", () -> new ByteArrayInputStream(bytes("f" + opened.incrementAndGet())), 0644));

        assertThatThrownBy(() -> build(stage))
                .isInstanceOf(BuildException.class)
                .hasMessage("cannot build stage stage-0: what /f is to hold changed while it was copied [call=2];"
                        + " build it again\n"
                        + "      1 | FROM scratch AS stage-0\n"
                        + ">     2 | LAYER /f");
    }

    @Test
    void nothingIsBelowWhatIsNoDirectory() {
        var stage = BuildStage.scratch().layer(l -> l.file("/f", bytes("f")).file("/f/g", bytes("g")));

        assertThatThrownBy(() -> build(stage))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("/f is no directory, and the layer has /f/g [call=2]");
    }
}
