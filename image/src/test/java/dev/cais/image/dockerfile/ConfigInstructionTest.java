package dev.cais.image.dockerfile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.EngineException;
import dev.cais.HealthCheck;
import dev.cais.ImageConfig;
import dev.cais.InvalidSpecException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigInstructionTest {
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

    private static ImageConfig changed(String... lines) {
        return ConfigInstruction.applyAll(
                Stream.of(lines).map(ConfigInstruction::parse).toList(), BASE);
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

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "plain                  | plain",
                "\"a $A\"               | a 1",
                "'a $A'                 | a $A",
                "\\$A\\ b               | $A b",
                "\"\\$A \\\" \\n\"      | $A \" \\n",
                "$                      | $",
                "$-$A.                  | $-1.",
                "${A}b                  | 1b",
                "${NONE:-x}             | x",
                "${EMPTY:-x}            | x",
                "[${EMPTY-x}]           | []",
                "${NONE-x}              | x",
                "${A:-x}                | 1",
                "[${NONE:+x}]           | []",
                "${A:+x}                | x",
                "${A:?no}               | 1",
                "${NONE:-${EMPTY:-$A}}  | 1",
                "${NONE:-\"a } b\"}     | a } b",
            })
    void wordsAreFreedOfQuotesAndVariables(String word, String expected) {
        assertThat(Words.expand(word, BASE::variable)).isEqualTo(expected);
    }

    @Test
    void labelsHaveQuotedKeysAndValues() {
        assertThat(changed("LABEL \"com.x y\"=\"a b\" l=$A empty=").labels())
                .containsEntry("com.x y", "a b")
                .containsEntry("l", "1")
                .containsEntry("empty", "");
    }

    @Test
    void portsVolumesUsersDirectoriesSignalsAndTriggersAreSet() {
        var config = changed(
                "ENV PORTS=\"1 2\"",
                "EXPOSE 443 53/UDP 8000-8010 $PORTS",
                "VOLUME [\"/a b\", \"/c\"]",
                "VOLUME /d $PATH",
                "USER $A:staff",
                "WORKDIR sub/../other",
                "STOPSIGNAL SIGQUIT",
                "ONBUILD RUN make \\\n  all");

        assertThat(config.exposedPorts())
                .containsExactly("80/tcp", "443/tcp", "53/udp", "8000-8010/tcp", "1/tcp", "2/tcp");
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
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "COPY a b              | it does not change an image's configuration; write CMD, ENTRYPOINT, ENV, EXPOSE,"
                        + " HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME or WORKDIR",
                "CMD                   | CMD has nothing behind it",
                "ENV A                 | ENV has a name and no value",
                "ENV A=1 B             | B is not written as name=value",
                "LABEL =x              | =x is not written as name=value",
                "ONBUILD FROM x        | FROM cannot come later, in another build",
                "HEALTHCHECK CMD       | a health check is NONE, or CMD and a command",
                "HEALTHCHECK --a=1 CMD x | there is no option --a; write --interval, --timeout, --start-period,"
                        + " --start-interval or --retries",
                "HEALTHCHECK --timeout=1d CMD x | 1d is no time as 30s or 1m30s",
                "HEALTHCHECK --timeout=1ns CMD x | cannot check health with a time of PT0.000000001S: the least is 1 ms",
                "HEALTHCHECK --retries=-1 CMD x | -1 is no number of retries",
            })
    void whatIsWrongWithALineIsNamed(String line, String why) {
        assertThatThrownBy(() -> ConfigInstruction.parse(line))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot read instruction '" + line + "': " + why);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "USER \"a      | User[user=\"a]          | a double quote has no end",
                "USER 'a       | User[user='a]           | a single quote has no end",
                "USER ${A      | User[user=${A]          | a variable's brace has no end",
                "USER ${A%x}   | User[user=${A%x}]       | variable A has a modifier that is not known: %x; there are"
                        + " :-, :+, :?, -, + and ?",
                "USER ${}      | User[user=${}]          | a variable has no name: ${}",
                "USER ${B:?so} | User[user=${B:?so}]     | variable B is not set: so",
                "USER $B       | User[user=$B]           | a value is empty, or has a NUL",
                "EXPOSE x      | Expose[ports=[x]]       | x is no port as 80, 80/udp or 8000-8010",
            })
    void whatIsWrongWithItsWordsIsNamed(String line, String shown, String why) {
        assertThatThrownBy(() -> changed(line))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot carry out " + shown + ": " + why);
    }

    @Test
    void randomLinesAreReadOrRefused() {
        var seed = new Random().nextLong();
        var random = new Random(seed);
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
                assertThat(e).as("seed " + seed + ", line " + line).isInstanceOf(InvalidSpecException.class);
            }
        }
    }
}
