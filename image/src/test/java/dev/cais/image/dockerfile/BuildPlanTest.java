package dev.cais.image.dockerfile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildException;
import dev.cais.Platform;
import dev.cais.image.dockerfile.Origin.OfContext;
import dev.cais.image.dockerfile.Origin.OfImage;
import dev.cais.image.dockerfile.Origin.OfStage;
import dev.cais.image.dockerfile.Origin.Scratch;
import dev.cais.image.oci.ImageReference;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BuildPlanTest {
    private static final Platform HOST = Platform.parse("linux/amd64");
    private static final Platform ARM = Platform.parse("linux/arm64");

    private static Dockerfile file(String text) {
        return Dockerfile.parse("Dockerfile", text.getBytes(StandardCharsets.UTF_8), "");
    }

    private static BuildPlan plan(String text) {
        return BuildPlan.of(file(text), PlanRequest.of(HOST));
    }

    private static BuildPlan plan(String text, String target) {
        return BuildPlan.of(file(text), new PlanRequest(target, Map.of(), HOST, HOST, Set.of()));
    }

    private static Origin image(String name, Platform platform) {
        return new OfImage(ImageReference.parse(name), platform);
    }

    @Test
    void stagesThatNobodyNeedsAreLeftOut() {
        var plan = plan("""
                FROM debian AS base
                FROM base AS unused
                FROM base AS build
                FROM alpine
                FROM scratch
                COPY --from=build /a /a
                COPY --from=3 /b /b
                RUN --mount=from=busybox,target=/c true
                """);

        assertThat(plan.stages()).extracting(PlannedStage::number).containsExactlyInAnyOrder(0, 2, 3, 4);
        assertThat(plan.stages()).extracting(PlannedStage::number).containsSubsequence(0, 2, 4);
        assertThat(plan.target().number()).isEqualTo(4);
        assertThat(plan.target().base()).isEqualTo(new Scratch());
        assertThat(plan.target().needs()).containsExactly(2, 3);
        assertThat(plan.target().origins())
                .isEqualTo(Map.of("build", new OfStage(2), "3", new OfStage(3), "busybox", image("busybox", HOST)));
        assertThat(plan.stage(2).base()).isEqualTo(new OfStage(0));
        assertThat(plan.stage(0).base()).isEqualTo(image("debian", HOST));
        assertThatThrownBy(() -> plan.stage(1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void theTargetIsAStageByNameOrNumber() {
        var text = "FROM a AS One\nFROM b AS two\nFROM c AS one\n";

        assertThat(plan(text, "two").target().number()).isEqualTo(1);
        assertThat(plan(text, "ONE").target().number()).isEqualTo(2);
        assertThat(plan(text, "0").target().number()).isZero();
        assertThat(plan(text, "").target().number()).isEqualTo(2);
        assertThatThrownBy(() -> plan(text, "twoo"))
                .isInstanceOf(BuildException.class)
                .hasMessage("cannot build Dockerfile: there is no stage twoo; did you mean two?");
        assertThatThrownBy(() -> plan(text, "3"))
                .isInstanceOf(BuildException.class)
                .hasMessage("cannot build Dockerfile: there is no stage 3");
    }

    @Test
    void imagesAndPlatformsAreThoseOfTheGlobalArguments() {
        var file = file("""
                ARG VERSION=12
                ARG IMAGE=debian:$VERSION
                FROM --platform=$BUILDPLATFORM $IMAGE AS build
                FROM --platform=arm64 x:$TARGETARCH
                COPY --from=build a b
                COPY --from=other a b
                FROM build AS child
                FROM $IMAGE
                COPY --from=1 a b
                COPY --from=child a b
                """);
        var plan = BuildPlan.of(file, new PlanRequest("", Map.of("VERSION", "13", "NONE", "x"), HOST, ARM, Set.of()));

        assertThat(plan.stage(0).base()).isEqualTo(image("debian:13", HOST));
        assertThat(plan.stage(1).base()).isEqualTo(image("x:arm64", ARM));
        assertThat(plan.stage(1).origins()).containsEntry("other", image("other", ARM));
        assertThat(plan.stage(2).platform()).isEqualTo(HOST);
        assertThat(plan.target().base()).isEqualTo(image("debian:13", ARM));
        assertThat(plan.arguments().global())
                .containsEntry("IMAGE", "debian:13")
                .containsEntry("TARGETSTAGE", "default");
    }

    @Test
    void namedContextsStandInPlaceOfStagesAndImages() {
        var file = file("""
                FROM debian AS build
                RUN make
                FROM docker.io/library/base
                COPY --from=build a b
                COPY --from=files a b
                """);
        var plan = BuildPlan.of(
                file, new PlanRequest("", Map.of(), HOST, HOST, Set.of("build", "base:latest", "files", "other")));

        assertThat(plan.stage(0).base()).isEqualTo(new OfContext("build"));
        assertThat(plan.stage(0).instructions()).isEmpty();
        assertThat(plan.target().base()).isEqualTo(new OfContext("base:latest"));
        assertThat(plan.target().origins()).isEqualTo(Map.of("build", new OfStage(0), "files", new OfContext("files")));
    }

    @Test
    void aNameIsThatOfTheLatestStageBeforeIt() {
        var plan = plan(
                "FROM a AS x\nFROM x AS x\nFROM x\nCOPY --from=x a b\nFROM b AS x\nFROM scratch\nCOPY --from=2 a b");

        assertThat(plan.stage(2).base()).isEqualTo(new OfStage(1));
        assertThat(plan.stage(2).origins()).isEqualTo(Map.of("x", new OfStage(1)));
        assertThat(plan.stage(1).base()).isEqualTo(new OfStage(0));
        assertThat(plan("FROM later\nFROM a AS later\nFROM scratch\nCOPY --from=0 a b")
                        .stage(0)
                        .base())
                .isEqualTo(image("later", HOST));
    }

    @Test
    void triggersOfAStageRunInTheNext() {
        var plan = plan("""
                FROM scratch AS files
                FROM a AS base
                ONBUILD COPY --from=files x y
                FROM base
                RUN z
                FROM 2
                """.replace("FROM 2\n", ""));

        assertThat(plan.target().instructions())
                .extracting(Instruction::keyword)
                .containsExactly("COPY", "RUN");
        assertThat(plan.target().instructions().get(0).source().line()).isEqualTo(4);
        assertThat(plan.target().needs()).containsExactly(1, 0);
    }

    @Test
    void triggersOfImagesMayNeedFurtherStages() {
        var plan = plan("FROM a AS files\nFROM base\nRUN z\n");
        assertThat(plan.stages()).extracting(PlannedStage::number).containsExactly(1);

        var more = plan.withTriggers(Map.of(1, List.of("COPY --from=files <<E x y\nE")));
        assertThat(more.stages()).extracting(PlannedStage::number).containsExactly(0, 1);
        assertThat(more.target().instructions())
                .extracting(Instruction::keyword)
                .containsExactly("COPY", "RUN");

        assertThatThrownBy(() -> plan.withTriggers(Map.of(1, List.of("NONSENSE"))))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot build Dockerfile: cannot read instruction 'NONSENSE': there is no"
                        + " instruction NONSENSE [line=2]");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "2 | FROM a AS x~COPY --from=x a b | stage x needs itself",
                "2 | FROM a~COPY --from=0 a b | stage 0 needs itself",
                "2 | FROM a~COPY --from=1 a b~FROM 0~FROM 1~COPY --from=0 x y | stage 1 is not before this one",
                "2 | FROM a~COPY --from=7 a b | there is no stage 7 [line=2]; they are counted from 0",
                "2 | FROM a~RUN --mount=from=A:B,target=/x y | cannot use image name A:B: its repository has the part A [position=1, line=2]",
                "1 | FROM a AS x~RUN --mount=from=y,target=/m x~FROM x AS y~FROM y |"
                        + " stage x needs stage y, which needs it itself",
                "1 | FROM $NONE | FROM's image is empty: $NONE [line=1]; give its variable a value, by ARG before the first"
                        + " FROM or by the build's argument",
                "2 | ARG VERSION=1~FROM $VERSOIN | FROM's image is empty: $VERSOIN [line=2]; did you mean $VERSION?",
                "1 | FROM --platform=$BULIDPLATFORM a | FROM's platform is empty: $BULIDPLATFORM [line=1]; did you mean"
                        + " $BUILDPLATFORM?",
                "1 | FROM Debian | cannot use image name Debian: its repository has the part Debian",
                "1 | FROM ${x?give} | variable x is not set: give",
                "1 | ARG x=\"${y?give one}\"~FROM a | variable y is not set: give one",
                "1 | FROM --platform=$TARGETPLATFORMM a | FROM's platform is empty: $TARGETPLATFORMM"
                        + " [line=1]; did you mean $TARGETPLATFORM?",
                "1 | FROM --platform=a/b/c/d a | cannot use platform a/b/c/d: it is not os/architecture[/variant]",
            })
    void stagesThatDoNotFitTogetherAreNamed(int line, String text, String why) {
        assertThatThrownBy(() -> plan(text.replace('~', '\n')))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot build Dockerfile: " + why)
                .extracting(failure -> ((BuildException) failure).facts().get("line"))
                .isEqualTo(line);
    }

    @Test
    void stagesInThousandsAreNoDepth() {
        var text = new StringBuilder("FROM scratch AS s0\n");
        for (var i = 1; i < 10_000; i++) {
            text.append("FROM s").append(i - 1).append(" AS s").append(i).append('\n');
        }
        assertThat(plan(text.toString()).stages()).hasSize(10_000);

        text.setLength(0);
        text.append("FROM scratch AS s0\n");
        for (var i = 1; i < 5_000; i++) {
            text.append("FROM scratch AS s")
                    .append(i)
                    .append("\nCOPY --from=s")
                    .append(i - 1)
                    .append(" a b\n");
        }
        assertThat(plan(text.toString()).stages()).hasSize(5_000);
    }
}
