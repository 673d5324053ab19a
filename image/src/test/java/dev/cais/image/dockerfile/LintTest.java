package dev.cais.image.dockerfile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildException;
import dev.cais.ImageConfig;
import dev.cais.Platform;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class LintTest {
    private static final Platform HOST = Platform.parse("linux/amd64");

    private static BuildPlan plan(String text) {
        var file = Dockerfile.parse("Dockerfile", text.getBytes(StandardCharsets.UTF_8), "");
        return BuildPlan.of(file, new PlanRequest("", Map.of("GIVEN", "1"), HOST, HOST, Set.of()));
    }

    private static List<LintWarning> check(String text, Map<Integer, Lint.Base> bases, String... ignored) {
        return Lint.check(plan(text), bases, PathPatterns.of(List.of(ignored)));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "FROM a AS Build | line 1: stage name Build is not in lower case (StageNameCasing)",
                "FROM a as b     | line 1: as is not in the case of FROM (FromAsCasing)",
                "from a AS b     | line 1: AS is not in the case of from (FromAsCasing)",
                "FROM a~RUN x \\~~ y | line 2: an empty line is between its continued lines (NoEmptyContinuation)",
                "FROM a~run x~RUN y | line 2: run is not in upper case as most instructions are"
                        + " (ConsistentInstructionCasing)",
                "from a~Run x    | line 2: Run is not in lower case as most instructions are"
                        + " (ConsistentInstructionCasing)",
                "FROM a AS b~FROM b AS b | line 2: an earlier stage is named b, too (DuplicateStageName)",
                "FROM a AS scratch | line 1: stage name scratch has a meaning of its own (ReservedStageName)",
                "FROM a~CMD x    | line 2: CMD is a line for a shell, which signals do not pass (JSONArgsRecommended)",
                "FROM a~ENTRYPOINT x | line 2: ENTRYPOINT is a line for a shell, which signals do not pass"
                        + " (JSONArgsRecommended)",
                "FROM a~MAINTAINER x | line 2: a label says better than MAINTAINER who made the image"
                        + " (MaintainerDeprecated)",
                "ARG VERSION=1~FROM a$VERSOIN | line 2: no ARG before the first FROM declares VERSOIN: did you mean"
                        + " VERSION? (UndefinedArgInFrom)",
                "FROM a~WORKDIR x~WORKDIR y | line 2: where x is depends on the image (WorkdirRelativePath)",
                "FROM scratch~COPY $SOMETHING y | line 2: nothing defines $SOMETHING (UndefinedVar)",
                "FROM scratch~ENV NAME=x~COPY $NAM y | line 3: nothing defines $NAM: did you mean NAME? (UndefinedVar)",
                "FROM scratch~COPY <<E /x~$X~E | line 2: nothing defines $X (UndefinedVar)",
                "FROM scratch~ARG A=$B | line 2: nothing defines $B (UndefinedVar)",
                "FROM a~CMD [\"x\"]~CMD [\"y\"] | line 2: only the last CMD of a stage counts"
                        + " (MultipleInstructionsDisallowed)",
                "FROM a~HEALTHCHECK NONE~HEALTHCHECK NONE | line 2: only the last HEALTHCHECK of a stage counts"
                        + " (MultipleInstructionsDisallowed)",
                "FROM a~ENV x y  | line 2: ENV is not written as name=value (LegacyKeyValueFormat)",
                "FROM a~LABEL x y | line 2: LABEL is not written as name=value (LegacyKeyValueFormat)",
                "FROM --platform=$TARGETPLATFORM a | line 1: the platform is that of the build anyhow"
                        + " (RedundantTargetPlatform)",
                "FROM --platform=linux/amd64 a | line 1: platform linux/amd64 is the same for each build"
                        + " (FromPlatformFlagConstDisallowed)",
                "FROM a~ARG API_TOKEN | line 2: ARG API_TOKEN stays in the image for all to read"
                        + " (SecretsUsedInArgOrEnv)",
                "FROM a~ENV password=x | line 2: ENV password stays in the image for all to read (SecretsUsedInArgOrEnv)",
                "FROM a~ENV DB_PSW=x | line 2: ENV DB_PSW stays in the image for all to read (SecretsUsedInArgOrEnv)",
                "ARG GIVEN~FROM a:$GIVEN | line 2: without a build's arguments a:$GIVEN is no image"
                        + " (InvalidDefaultArgInFrom)",
                "FROM a~EXPOSE 80/TCP | line 2: the protocol of 80/TCP is not in lower case (ExposeProtoCasing)",
                "FROM a~EXPOSE 127.0.0.1:80:80 5000:5001 | line 2: 127.0.0.1:80:80 has an address or a port of the host"
                        + " (ExposeInvalidFormat); line 2: 5000:5001 has an address or a port of the host"
                        + " (ExposeInvalidFormat)",
                "# check=experimental=all~# other~FROM a AS b | line 3: the comment above does not begin with b, which it"
                        + " may be taken to describe (InvalidDefinitionDescription)",
                "# check=experimental=CopyIgnoredFile~FROM a~COPY ./out/x y | line 3: ./out/x is left out of the context"
                        + " by its .dockerignore (CopyIgnoredFile)",
            })
    void whatIsMostLikelyAMistakeIsSaid(String text, String expected) {
        assertThat(String.join(
                        "; ",
                        check(text.replace('~', '\n'), Map.of(), "out").stream()
                                .map(LintWarning::toString)
                                .toList()))
                .isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "FROM a AS b~RUN x",
                "from a as b~run x",
                "FROM a~SHELL [\"/bin/bash\", \"-c\"]~CMD x",
                "FROM a~CMD [\"x\"]~FROM b~CMD [\"y\"]",
                "FROM a~ARG X~COPY $X y",
                "FROM a~COPY $X y",
                "FROM scratch~COPY $PATH y",
                "FROM a~ENV PUBLIC_KEY=x KEY_FILE=y TOKEN_VERSION=1 MONKEY=z",
                "FROM a~WORKDIR /x~WORKDIR y",
                "FROM a AS b~WORKDIR /x~FROM b~WORKDIR y",
                "FROM --platform=linux/arm64 a AS build-arm64",
                "FROM --platform=$BUILDPLATFORM a",
                "ARG x~ARG y=1~FROM a:1$x$y",
                "FROM a~# other~ARG x~COPY out y",
                "# check=skip=all~FROM a AS B",
                "# check=skip=JSONArgsRecommended,StageNameCasing~FROM a AS B~CMD x",
            })
    void theRestIsNot(String text) {
        assertThat(check(text.replace('~', '\n'), Map.of(), "out")).isEmpty();
    }

    static Stream<String> ordinary() throws IOException {
        try (var in = LintTest.class.getResourceAsStream("ordinary-dockerfiles.txt")) {
            return Stream.of(new String(in.readAllBytes(), StandardCharsets.UTF_8).split("\n---\n"));
        }
    }

    /** As people write them: who is warned without need reads no warning. */
    @ParameterizedTest
    @MethodSource("ordinary")
    void ordinaryFilesAreNotWarnedOf(String text) {
        var bases = new HashMap<Integer, Lint.Base>();
        for (var i = 0; i < 10; i++) {
            bases.put(i, new Lint.Base(ImageConfig.EMPTY.env("PATH", "/bin").env("HOME", "/root"), HOST));
        }
        assertThat(check(text, bases, "node_modules")).isEmpty();
    }

    @Test
    void variablesOfAnImageAreKnownIfItIs() {
        var text = "FROM a AS b\nARG X=1\nFROM b\nCOPY $X$HOMME y\n";
        var base = ImageConfig.EMPTY.env("HOME", "/root");

        assertThat(check(text, Map.of())).isEmpty();
        assertThat(check(text, Map.of(0, new Lint.Base(base, HOST))))
                .containsExactly(
                        new LintWarning(LintRule.UNDEFINED_VAR, 4, "nothing defines $HOMME: did you mean HOME?"));
    }

    @Test
    void anImageForAnotherPlatformIsSeenButForVariants() {
        var text = "FROM a AS b\nFROM --platform=linux/arm/v6 c\nCOPY --from=b / /\n";
        var other = new Lint.Base(ImageConfig.EMPTY, Platform.parse("linux/arm/v7"));

        assertThat(check(text, Map.of(0, other, 1, other)))
                .filteredOn(warning -> warning.rule() == LintRule.INVALID_BASE_IMAGE_PLATFORM)
                .containsExactly(new LintWarning(
                        LintRule.INVALID_BASE_IMAGE_PLATFORM,
                        1,
                        "a:latest is for linux/arm/v7, and the stage is for linux/amd64"));
    }

    @Test
    void ignoredSourcesAreOnlyKnownWithoutExceptions() {
        var text = "# check=experimental=all\nFROM a\nADD http://x/y /out/a z\nCOPY . /\nCOPY --from=b out z";

        assertThat(check(text, Map.of(), "out")).extracting(LintWarning::line).containsExactly(3);
        assertThat(check(text, Map.of(), "*")).extracting(LintWarning::line).containsExactly(3, 4);
        assertThat(check(text, Map.of(), "out", "!out/a")).isEmpty();
    }

    @Test
    void stagesThatNobodyNeedsAreLookedAtToo() {
        assertThat(check("FROM a AS X\nFROM b", Map.of()))
                .extracting(LintWarning::rule)
                .containsExactly(LintRule.STAGE_NAME_CASING);
    }

    @Test
    void aFileMayWantNone() {
        var text = "# check=error=true\nFROM a AS X\nCMD x";
        var found = check(text, Map.of());

        assertThat(found).hasSize(2);
        assertThatThrownBy(() -> Lint.requireAllowed(found, plan(text)))
                .isInstanceOf(BuildException.class)
                .hasMessage("""
                        cannot build Dockerfile: stage name X is not in lower case (StageNameCasing) [line=2]; its directive \
                        check allows no warnings
                              1 | # check=error=true
                        >     2 | FROM a AS X
                              3 | CMD x""");
    }

    @Test
    void rulesHaveTheirPublishedNames() {
        assertThat(LintRule.values()).hasSize(22).extracting(LintRule::toString).doesNotHaveDuplicates();
        assertThat(LintRule.JSON_ARGS_RECOMMENDED).hasToString("JSONArgsRecommended");
    }
}
