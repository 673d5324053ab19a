package dev.cais.image.dockerfile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildAdd;
import dev.cais.BuildCopy;
import dev.cais.BuildException;
import dev.cais.BuildMount;
import dev.cais.BuildOrigin;
import dev.cais.BuildRun;
import dev.cais.BuildStage;
import dev.cais.HealthCheck;
import dev.cais.Platform;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class RecipeTest {
    private static final Platform HOST = Platform.parse("linux/amd64");

    private static BuildPlan plan(BuildStage stage) {
        return BuildPlan.of(Dockerfile.of(stage), PlanRequest.of(HOST));
    }

    /** What instructions make of a configuration. */
    private static StageState state(BuildPlan plan) {
        var state = StageState.ofScratch();
        for (var instruction : plan.target().instructions()) {
            state = state.after(instruction, plan.arguments());
        }
        return state;
    }

    @Test
    void aProgramSaysWhatADockerfileSays() {
        var stage = BuildStage.scratch()
                .arg("ARG", "a")
                .env("A", "b c")
                .label("l", "m")
                .workdir("/w")
                .workdir("x")
                .user("me:us")
                .expose("80", "90-91/udp")
                .volume("/v")
                .shell("/bin/ash", "-c")
                .cmdShell("echo $A")
                .entrypoint("/e", "f")
                .cmd("g")
                .stopSignal("SIGINT")
                .healthCheck(HealthCheck.shell("true").retries(2))
                .onBuild("RUN make")
                .maintainer("me");
        var written = Dockerfile.parse("Dockerfile", """
                FROM scratch
                ARG ARG=a
                ENV A="b c"
                LABEL l=m
                WORKDIR /w
                WORKDIR x
                USER me:us
                EXPOSE 80 90-91/udp
                VOLUME /v
                SHELL ["/bin/ash", "-c"]
                CMD echo $A
                ENTRYPOINT ["/e", "f"]
                CMD ["g"]
                STOPSIGNAL SIGINT
                HEALTHCHECK --retries=2 CMD true
                ONBUILD RUN make
                MAINTAINER me
                """.getBytes(StandardCharsets.UTF_8), "");

        var said = state(plan(stage));
        var read = state(BuildPlan.of(written, PlanRequest.of(HOST)));
        assertThat(said.config()).isEqualTo(read.config());
        assertThat(said.arguments()).isEqualTo(read.arguments());
        assertThat(said.environment()).isEqualTo(read.environment());
    }

    @Test
    void nothingIsReplacedInTexts() {
        var text = "$HOME \\n \"quoted\" 'too' ${X:?}";
        var state =
                state(plan(BuildStage.scratch().env("A", text).env("B", "$A").label("$l", text)));

        assertThat(state.environment()).containsEntry("A", text).containsEntry("B", "$A");
        assertThat(state.config().labels()).isEqualTo(Map.of("$l", text));
    }

    @Test
    void stagesAreValues() {
        var base = BuildStage.from("debian").run("one");
        var left = base.run("left").as("left");
        var right = BuildStage.from(base).run("right");
        var target = BuildStage.scratch()
                .copyFrom(left, "/l", "/l")
                .copyFrom(right, "/r", "/r")
                .copyFrom(BuildOrigin.named("busybox"), "/b", "/b")
                .run(BuildRun.shell("x").mount(BuildMount.bind(base, "/o", "/o")));
        var plan = plan(target);

        assertThat(plan.stages()).hasSize(4);
        assertThat(plan.target().base()).isEqualTo(new Origin.Scratch());
        assertThat(plan.target().needs()).hasSize(3);
        assertThat(plan.target().origins()).containsKeys("left", "busybox");
        assertThat(plan.file().name()).isEqualTo("stage stage-3");
    }

    @Test
    void eachInstructionIsOneLine() {
        var tools = BuildStage.from("debian").as("tools").platform(Platform.parse("linux/arm64"));
        var stage = BuildStage.scratch()
                .run(BuildRun.exec("a", "b \"c\"")
                        .noNetwork()
                        .mount(BuildMount.cache("/c").owner(1, 2).sharing(BuildMount.Sharing.LOCKED))
                        .mount(BuildMount.bind(tools, "/x", "/x"))
                        .mount(BuildMount.secretVariable("s", "S"))
                        .mount(BuildMount.tmpfs("/t"))
                        .mount(BuildMount.ssh().owner(3, 4)))
                .run("one\ntwo")
                .copy(BuildCopy.of(List.of("a", "b"), "/d/")
                        .owner("me")
                        .mode("u+x")
                        .link(true)
                        .parents(true)
                        .exclude("*.md"))
                .add(BuildAdd.of("https://example.org/x", "/x").checksum("sha256:0"))
                .layer(l -> l.directory("/a").link("/b", "a"))
                .copyFrom(tools, "/x", "/x");

        assertThat(plan(stage).target().instructions())
                .extracting(instruction -> instruction.source().text())
                .containsExactly(
                        "RUN --mount=type=cache,id=/c,sharing=locked,uid=1,gid=2,target=/c"
                                + " --mount=type=bind,from=tools,source=/x,readonly=true,target=/x"
                                + " --mount=type=secret,id=s,required=true,env=S --mount=type=tmpfs,target=/t"
                                + " --mount=type=ssh,id=default,required=true,uid=3,gid=4"
                                + " --network=none [\"a\", \"b \\\"c\\\"\"]",
                        "RUN one\\ntwo",
                        "COPY --chown=me --chmod=u+x --link --parents --exclude=*.md a b /d/",
                        "ADD --checksum=sha256:0 https://example.org/x /x",
                        "LAYER /a and 1 more",
                        "COPY --from=tools /x /x");
        assertThat(((Instruction.Run) plan(stage).target().instructions().get(0))
                        .mounts().stream()
                                .map(mount -> mount.resolve(name -> Optional.empty()))
                                .toList())
                .contains(
                        new RunMount.Ssh("default", "", true, owner(3, 4)),
                        new RunMount.Cache("/c", "", "", "/c", false, RunMount.Sharing.LOCKED, owner(1, 2)),
                        new RunMount.Bind("tools", "/x", "/x", true),
                        new RunMount.Tmpfs("/t", Optional.empty(), false));
        assertThat(plan(stage).stages().get(0).platform()).isEqualTo(Platform.parse("linux/arm64"));
    }

    private static RunMount.Ownership owner(int uid, int gid) {
        return new RunMount.Ownership(OptionalInt.empty(), OptionalInt.of(uid), OptionalInt.of(gid));
    }

    @Test
    void anImageIsNotTakenForAStage() {
        var tools = BuildStage.from("debian").as("tools");
        var stage = BuildStage.scratch()
                .copyFrom(tools, "/a", "/a")
                .copyFrom(BuildOrigin.named("tools"), "/b", "/b")
                .as("app");

        assertThatThrownBy(() -> Dockerfile.of(stage))
                .isInstanceOf(BuildException.class)
                .hasMessage("cannot build stage app: tools is an image and a stage of this build [call=4]; give the"
                        + " stage as a value, or another name\n"
                        + "      2 | FROM scratch AS app\n"
                        + "      3 | COPY --from=tools /a /a\n"
                        + ">     4 | COPY --from=tools /b /b");
    }

    @Test
    void twoStagesDoNotHaveOneName() {
        var stage = BuildStage.from(BuildStage.from("debian").as("one")).as("one");

        assertThatThrownBy(() -> Dockerfile.of(stage))
                .isInstanceOf(BuildException.class)
                .hasMessage("cannot build stage one: two stages are named one; give one another name");
    }

    @Test
    void aTriggerIsReadAtOnce() {
        assertThatThrownBy(() -> Dockerfile.of(BuildStage.scratch().onBuild("FROM debian")))
                .isInstanceOf(BuildException.class)
                .hasMessage("""
                        cannot build stage stage-0: FROM cannot come later, in another build [call=2]
                              1 | FROM scratch AS stage-0
                        >     2 | ONBUILD FROM debian""");
    }

    @Test
    void aChainOfTenThousandStagesIsReadWithoutRecursion() {
        var stage = BuildStage.scratch();
        for (var i = 1; i < Dockerfile.MOST_STAGES; i++) {
            stage = BuildStage.from(stage);
        }
        var last = stage;

        assertThat(plan(last).stages()).hasSize(Dockerfile.MOST_STAGES);
        assertThatThrownBy(() -> Dockerfile.of(BuildStage.from(last)))
                .isInstanceOf(BuildException.class)
                .hasMessage("cannot build stage stage-10000: it has more than 10000 stages, or more than 100000 steps");
    }

    @Test
    void aTextThatBeginsWithAnInterpreterIsAScript() {
        var run = (Instruction.Run) plan(BuildStage.scratch().run("#!/bin/sh\necho"))
                .target()
                .instructions()
                .get(0);

        assertThat(run.program()).isEqualTo(new Program(true, List.of("/dev/pipes/EOF")));
        assertThat(run.script())
                .hasValueSatisfying(script -> assertThat(script.text()).isEqualTo("#!/bin/sh\necho"));
    }
}
