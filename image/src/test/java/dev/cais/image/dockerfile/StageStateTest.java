package dev.cais.image.dockerfile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.EngineException;
import dev.cais.HealthCheck;
import dev.cais.ImageConfig;
import dev.cais.InvalidSpecException;
import dev.cais.Platform;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StageStateTest {
    private static final long SEED = Long.getLong("cais.fuzz.seed", 20_260_101L);

    private static final ImageConfig BASE = new ImageConfig(
            Optional.empty(),
            "",
            List.of("/entry"),
            List.of("old"),
            List.of("PATH=/bin", "EMPTY=", "A=1"),
            "",
            "/srv",
            "",
            List.of("80/tcp"),
            List.of(),
            Map.of("l", "m"),
            List.of(),
            Optional.empty(),
            List.of());

    private static StageState after(BuildArguments given, String... lines) {
        var state = StageState.of(BASE);
        for (var line : lines) {
            state = state.after(Instruction.parse(line), given);
        }
        return state;
    }

    private static ImageConfig changed(String... lines) {
        return after(BuildArguments.NONE, lines).config();
    }

    @Test
    void whatThousandsOfLinesAddIsKeptInOrder() {
        var state = StageState.of(BASE);
        var half = state;
        for (var i = 0; i < 10_000; i++) {
            state = state.after(Instruction.parse("ENV V" + i % 5000 + "=" + i + " A=$V" + i % 7), BuildArguments.NONE)
                    .after(Instruction.parse("ARG G" + i + "=" + i), BuildArguments.NONE)
                    .after(Instruction.parse("LABEL l" + i % 5000 + "=" + i), BuildArguments.NONE)
                    .after(Instruction.parse("EXPOSE " + (i % 5000 + 1)), BuildArguments.NONE)
                    .after(Instruction.parse("VOLUME /v" + i % 5000), BuildArguments.NONE);
            half = i == 2500 ? state : half;
        }
        var config = state.config();
        assertThat(config.env())
                .hasSize(5003)
                .startsWith("PATH=/bin", "EMPTY=", "A=5003", "V0=5000", "V1=5001")
                .endsWith("V4999=9999");
        assertThat(config.labels()).hasSize(5001).containsEntry("l", "m").containsEntry("l17", "5017");
        assertThat(config.exposedPorts())
                .hasSize(5000)
                .startsWith("80/tcp", "1/tcp", "2/tcp")
                .endsWith("5000/tcp");
        assertThat(config.volumes()).hasSize(5000).startsWith("/v0", "/v1").endsWith("/v4999");
        assertThat(state.arguments()).hasSize(10_000).containsEntry("G9999", Optional.of("9999"));
        assertThat(state.environment().keySet()).hasSize(15_003).startsWith("PATH", "EMPTY", "A", "V0", "G0", "V1");
        assertThat(half.config().env()).hasSize(2504).endsWith("V2500=2500");
        assertThat(half.variable("V17")).contains("17");
        assertThat(half.variable("V2501")).isEmpty();
    }

    @Test
    void aCommandIsALineForTheShellOrAnArrayOfWords() {
        assertThat(changed("CMD echo $A \"b\"").command()).containsExactly("/bin/sh", "-c", "echo $A \"b\"");
        assertThat(changed("cmd [\"echo\", \"$A\", \"\\u00e9\"]").command()).containsExactly("echo", "$A", "é");
        assertThat(changed("CMD [ 'not', 'json' ]").command()).containsExactly("/bin/sh", "-c", "[ 'not', 'json' ]");
        assertThat(changed("CMD [\"a\"] b").command()).containsExactly("/bin/sh", "-c", "[\"a\"] b");
        assertThat(changed("CMD []").command()).isEmpty();
    }

    @Test
    void anEntrypointDropsTheCommandThatWasNotGivenBeforeIt() {
        assertThat(changed("ENTRYPOINT [\"/new\"]"))
                .satisfies(config -> assertThat(config.entrypoint()).containsExactly("/new"))
                .satisfies(config -> assertThat(config.command()).isEmpty());
        assertThat(changed("CMD [\"x\"]", "ENTRYPOINT /new").command()).containsExactly("x");
        assertThat(changed("ENTRYPOINT /new", "CMD [\"x\"]").command()).containsExactly("x");
        assertThat(changed("CMD [\"x\"]").entrypoint()).containsExactly("/entry");
    }

    @Test
    void variablesAreThoseBeforeTheInstruction() {
        assertThat(changed("ENV A=2 B=$A PATH=/opt:$PATH", "ENV C=${A}${B}").env())
                .containsExactly("PATH=/opt:/bin", "EMPTY=", "A=2", "B=1", "C=21");
        assertThat(changed("ENV A  several words 'and quotes' $A").env()).contains("A=several words and quotes 1");
    }

    @Test
    void labelsHaveQuotedKeysAndValues() {
        assertThat(changed("LABEL \"com.x y\"=\"a b\" l=$A empty=").labels())
                .containsEntry("com.x y", "a b")
                .containsEntry("l", "1")
                .containsEntry("empty", "");
    }

    @Test
    void variablesWithoutAValueAreRootAndTheSameDirectory() {
        var config = changed("USER some", "WORKDIR /some", "USER $NONE", "WORKDIR $NONE");

        assertThat(config.user()).isEmpty();
        assertThat(config.workdir()).isEqualTo("/some");
    }

    @Test
    void portsVolumesUsersDirectoriesSignalsAndTriggersAreSet() {
        var config = changed(
                "ENV PORTS=\"1 2\"",
                "EXPOSE 443 53/UDP 8000-8001 $PORTS",
                "VOLUME [\"/a b\", \"/c\"]",
                "VOLUME /d $PATH",
                "EXPOSE 9000-9002/sctp 127.0.0.1:81:82 [::1]:83:84/ :85",
                "SHELL [\"/bin/bash\", \"-ec\"]",
                "CMD true",
                "MAINTAINER Some One",
                "USER $A:staff",
                "WORKDIR sub/../other",
                "STOPSIGNAL SIGQUIT",
                "ONBUILD RUN make \\\n  all");

        assertThat(config.exposedPorts())
                .containsExactly(
                        "80/tcp",
                        "443/tcp",
                        "53/udp",
                        "8000/tcp",
                        "8001/tcp",
                        "1/tcp",
                        "2/tcp",
                        "9000/sctp",
                        "9001/sctp",
                        "9002/sctp",
                        "82/tcp",
                        "84/tcp",
                        "85/tcp");
        assertThat(config.command()).containsExactly("/bin/bash", "-ec", "true");
        assertThat(config.author()).isEqualTo("Some One");
        assertThat(config.volumes()).containsExactly("/a b", "/c", "/d", "/bin");
        assertThat(config.user()).isEqualTo("1:staff");
        assertThat(config.workdir()).isEqualTo("/srv/other");
        assertThat(config.stopSignal()).isEqualTo("SIGQUIT");
        assertThat(config.onBuild()).containsExactly("RUN make   all");
        assertThat(changed("WORKDIR /x/").workdir()).isEqualTo("/x");
    }

    @Test
    void healthChecksHaveBothFormsAndTheirTimes() {
        assertThat(changed("HEALTHCHECK NONE").health()).contains(HealthCheck.NONE);
        assertThat(changed("HEALTHCHECK --interval=1m30s --timeout=500ms --retries=5 CMD curl -f localhost || exit 1")
                        .health())
                .contains(HealthCheck.shell("curl -f localhost || exit 1")
                        .interval(Duration.ofSeconds(90))
                        .timeout(Duration.ofMillis(500))
                        .retries(5));
        assertThat(changed("HEALTHCHECK --start-period=1.5h --start-interval=0 CMD [\"/probe\", \"-q\"]")
                        .health())
                .contains(HealthCheck.exec("/probe", "-q").startPeriod(Duration.ofMinutes(90)));
        assertThat(changed("HEALTHCHECK --interval=+.5s --timeout=1.m1500μs CMD x")
                        .health())
                .contains(HealthCheck.shell("x")
                        .interval(Duration.ofMillis(500))
                        .timeout(Duration.ofSeconds(60).plusNanos(1_500_000)));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "CMD                   | CMD has nothing behind it",
                "ENV A                 | ENV has a name and no value",
                "ENV A=1 B             | B is not written as name=value; put a value with blanks in double quotes",
                "LABEL =x              | LABEL has a value without a name: =x",
                "ONBUILD FROM x        | FROM cannot come later, in another build",
                "HEALTHCHECK CMD       | a health check is NONE, or CMD and a command",
                "HEALTHCHECK --a=1 CMD x | HEALTHCHECK has no option --a",
                "HEALTHCHECK --timeout=1d CMD x | --timeout is no time: 1d; write as 30s or 1m30s",
                "HEALTHCHECK --timeout=1ns CMD x | --timeout is less than 1 ms: 1ns",
                "HEALTHCHECK --retries=-1 CMD x | --retries is no number: -1",
            })
    void whatIsWrongWithALineIsNamed(String line, String why) {
        assertThatThrownBy(() -> Instruction.parse(line))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot read instruction '" + line + "': " + why);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "USER \"a      | a double quote has no end",
                "USER 'a       | a single quote has no end",
                "USER ${A      | the brace of variable A has no end",
                "USER ${A^x}   | variable A has a modifier that is not known: ^x; there are :-, :+, :?, -, +, ?, #, ##,"
                        + " %, %%, / and //",
                "USER ${}      | a variable has no name: ${}",
                "USER ${B:?so} | variable B is not set: so",
                "USER ${EMPTY:?so} | variable EMPTY is empty: so",
                "STOPSIGNAL $B | what stands behind STOPSIGNAL is empty: $B; give its variable a value",
                "EXPOSE x      | x is no port as 80, 80/udp or 8000-8010",
                "EXPOSE 2-1    | 2-1 is no port as 80, 80/udp or 8000-8010",
                "EXPOSE 65536  | 65536 is no port as 80, 80/udp or 8000-8010",
                "EXPOSE a:80   | a:80 is no port as 80, 80/udp or 8000-8010",
                "EXPOSE 80/abc | 80/abc is no port as 80, 80/udp or 8000-8010",
            })
    void whatIsWrongWithItsWordsIsNamed(String line, String why) {
        assertThatThrownBy(() -> changed(line))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(why);
    }

    @Test
    void anArgumentIsWhatWasGivenOrItsDefaultOrTheGlobalOne() {
        var given = new BuildArguments(Map.of("GIVEN", "g"), Map.of("GLOBAL", "all", "OTHER", "o"));

        var state = after(
                given,
                "ARG GIVEN=${NONE:?not evaluated} DEFAULT=$A GLOBAL OTHER=own UNSET",
                "ENV B=$GIVEN$DEFAULT$GLOBAL");

        assertThat(state.arguments())
                .containsEntry("GIVEN", Optional.of("g"))
                .containsEntry("DEFAULT", Optional.of("1"))
                .containsEntry("GLOBAL", Optional.of("all"))
                .containsEntry("OTHER", Optional.of("own"))
                .containsEntry("UNSET", Optional.empty());
        assertThat(state.config().env()).containsExactly("PATH=/bin", "EMPTY=", "A=1", "B=g1all");
        assertThat(state.environment().keySet())
                .containsExactly("PATH", "EMPTY", "A", "GIVEN", "DEFAULT", "GLOBAL", "OTHER", "B");
        assertThat(after(given, "ENV B=$GIVEN$GLOBAL").config().env()).contains("B=");
    }

    @Test
    void theLaterOfAnArgumentAndAVariableCounts() {
        assertThat(after(BuildArguments.NONE, "ARG A=2", "ENV X=$A", "ENV A=3", "ENV Y=$A")
                        .environment())
                .containsEntry("X", "2")
                .containsEntry("Y", "3");
        assertThat(after(BuildArguments.NONE, "ENV A=3", "ARG A=2", "ENV X=$A"))
                .satisfies(state -> assertThat(state.environment()).containsEntry("X", "2"))
                .satisfies(state -> assertThat(state.config().env()).contains("A=3"));
    }

    @Test
    void aStageBeginsWithAPathAndWithoutTriggers() {
        var base = ImageConfig.EMPTY.onBuild("RUN x");

        assertThat(StageState.begin(base).config().onBuild()).isEmpty();
        assertThat(StageState.begin(base).environment())
                .containsEntry("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        assertThat(StageState.begin(BASE).environment()).containsEntry("PATH", "/bin");
        assertThat(StageState.ofScratch().config().workdir()).isEqualTo("/");
    }

    @Test
    void aStageThatGoesOnInheritsArgumentsButNotThatACommandWasGiven() {
        var state = after(BuildArguments.NONE, "ARG X=1", "CMD [\"a\"]", "ONBUILD RUN x")
                .next();

        assertThat(state.environment()).containsEntry("X", "1");
        assertThat(state.config().command()).containsExactly("a");
        assertThat(state.config().onBuild()).isEmpty();
        assertThat(state.after(Instruction.parse("ENTRYPOINT [\"e\"]"), BuildArguments.NONE)
                        .config()
                        .command())
                .isEmpty();
    }

    @Test
    void platformsAndTheStageAreArgumentsOfEachBuild() {
        var arguments = BuildArguments.of(
                Map.of("TARGETARCH", "mine"), Platform.parse("linux/amd64"), Platform.parse("linux/arm/v7"), "");

        assertThat(arguments.global())
                .containsEntry("BUILDPLATFORM", "linux/amd64")
                .containsEntry("BUILDVARIANT", "")
                .containsEntry("TARGETPLATFORM", "linux/arm/v7")
                .containsEntry("TARGETOS", "linux")
                .containsEntry("TARGETARCH", "mine")
                .containsEntry("TARGETVARIANT", "v7")
                .containsEntry("TARGETSTAGE", "default");
    }

    @Test
    void globalArgumentsSeeThoseBeforeThem() {
        var declared = BuildArguments.of(
                        Map.of("B", "given"), Platform.parse("linux/amd64"), Platform.parse("linux/amd64"), "s")
                .declare((Instruction.Arg) Instruction.parse("ARG A=$TARGETSTAGE B=x C=$A-$B"));

        assertThat(declared.global()).containsEntry("C", "s-given");
        assertThat(declared.variable("B")).contains("given");
        assertThat(declared.variable("NONE")).isEmpty();
    }

    @Test
    void proxiesAreSeenInBothCases() {
        var given = new BuildArguments(Map.of("http_proxy", "p:1", "NO_PROXY", "x", "OTHER", "y"), Map.of());

        assertThat(given.proxies())
                .containsExactlyInAnyOrderEntriesOf(
                        Map.of("http_proxy", "p:1", "HTTP_PROXY", "p:1", "NO_PROXY", "x", "no_proxy", "x"));
    }

    @Test
    void variablesThatGrowEndlesslyAreRefused() {
        var lines = new ArrayList<>(List.of("ENV A=0123456789"));
        lines.addAll(Collections.nCopies(30, "ENV A=$A$A"));

        assertThatThrownBy(() -> changed(lines.toArray(String[]::new)))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("with its variables' values it is longer than 1048576 characters");
    }

    @Test
    void randomLinesAreReadOrRefused() {
        var random = new Random(SEED);
        var pieces = List.of(
                "CMD ",
                "ENV ",
                "LABEL ",
                "HEALTHCHECK ",
                "USER ",
                "EXPOSE ",
                "VOLUME ",
                "[",
                "]",
                "\"",
                "'",
                "\\",
                "$",
                "{",
                "}",
                ":-",
                ":?",
                "--interval=",
                "1s",
                " ",
                "=",
                "a",
                "A",
                ",",
                "\n",
                "é",
                "\uD800");
        for (var i = 0; i < 20_000; i++) {
            var line = new StringBuilder();
            for (var j = random.nextInt(12); j >= 0; j--) {
                line.append(pieces.get(random.nextInt(pieces.size())));
            }
            try {
                changed(line.toString());
            } catch (EngineException e) {
                assertThat(e).as("seed " + SEED + ", line " + line).isInstanceOf(InvalidSpecException.class);
            }
        }
    }
}
