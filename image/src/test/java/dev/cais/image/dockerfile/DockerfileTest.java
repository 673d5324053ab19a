package dev.cais.image.dockerfile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildException;
import dev.cais.image.dockerfile.Instruction.Copy;
import dev.cais.image.dockerfile.Instruction.Env;
import dev.cais.image.dockerfile.Instruction.Run;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DockerfileTest {
    private static final long SEED = Long.getLong("cais.fuzz.seed", 20_260_101L);

    private static Dockerfile parse(String text) {
        return parse(text, "");
    }

    private static Dockerfile parse(String text, String syntax) {
        return Dockerfile.parse("app/Dockerfile", text.getBytes(StandardCharsets.UTF_8), syntax);
    }

    private static List<String> texts(Dockerfile file) {
        return file.stages().get(0).instructions().stream()
                .map(instruction -> instruction.source().text())
                .toList();
    }

    private static String line(String text) {
        return ((Run) parse("FROM a\n" + text).stages().get(0).instructions().get(0))
                .program()
                .words()
                .get(0);
    }

    @Test
    void instructionsBelongToTheStageAboveThem() {
        var file = parse("""
                # a comment
                ARG V=1
                ARG W

                FROM base:$V AS Build
                RUN one
                  RUN two
                from --platform=$BUILDPLATFORM other
                CMD ["x"]
                """);

        assertThat(file.arguments()).extracting(arg -> arg.source().line()).containsExactly(2, 3);
        assertThat(file.stages()).extracting(Stage::name).containsExactly("build", "");
        assertThat(file.stages()).extracting(Stage::toString).containsExactly("build", "1");
        assertThat(file.stages().get(0).from().image().text()).isEqualTo("base:$V");
        assertThat(texts(file)).containsExactly("RUN one", "RUN two");
        assertThat(file.stages().get(1).from().platform()).hasValue(new Word("$BUILDPLATFORM", '\\'));
        assertThat(file.stages().get(1).from().source().line()).isEqualTo(8);
        assertThat(file).hasToString("Dockerfile[app/Dockerfile, 2 stages]");
    }

    @Test
    void anEscapeAtTheEndOfALineGoesOnWithTheNext() {
        assertThat(line("RUN echo a \\\n    b")).isEqualTo("echo a     b");
        assertThat(line("RUN echo a\\  \t\n  b")).isEqualTo("echo a  b");
        assertThat(line("RUN echo c\\\n# comment\n   # another\nd")).isEqualTo("echo cd");
        assertThat(line("RUN echo c\\\n\n \t\nd")).isEqualTo("echo cd");
        assertThat(line("RUN echo c\\\r\nd\r\n")).isEqualTo("echo cd");
        assertThat(line("RUN echo c\\\\\nCMD x")).isEqualTo("echo c\\\\");
        assertThat(line("RUN echo a # b")).isEqualTo("echo a # b");
        assertThat(line("RUN \\\n  echo x")).isEqualTo("echo x");
        assertThat(line("RUN echo x\\")).isEqualTo("echo x");
    }

    @Test
    void anInstructionKnowsItsLinesAndTheCommentsAboveIt() {
        var source = parse("FROM a\n#  one\n# two\nRUN a \\\n\n# inside\n  b <<E\nx\nE\nRUN c")
                .stages()
                .get(0)
                .instructions()
                .get(0)
                .source();

        assertThat(source).isEqualTo(new Source(4, 9, "RUN a   b <<E", List.of("one", "two"), true));
        assertThat(source.keyword()).isEqualTo("RUN");
    }

    @Test
    void commentsAboveAnEmptyLineAreOfNobody() {
        assertThat(parse("# one\n\n# two\nFROM a")
                        .stages()
                        .get(0)
                        .from()
                        .source()
                        .comments())
                .containsExactly("two");
    }

    @Test
    void commentsMayBeInAnyEncoding() {
        var file = Dockerfile.parse("d", "# \u00e9\nFROM a".getBytes(StandardCharsets.ISO_8859_1), "");

        assertThat(file.stages()).hasSize(1);
    }

    @Test
    void directivesStandAboveEverythingElse() {
        var all = parse(
                        "# syntax = docker/dockerfile:1.7-labs\n#ESCAPE=`\n  # check=skip=A, B;error=true;experimental=C\n"
                                + "FROM a\nRUN a `\nb")
                .directives();
        assertThat(all)
                .isEqualTo(new Directives(
                        "docker/dockerfile:1.7-labs", '`', new Directives.Checks(Set.of("A", "B"), Set.of("C"), true)));
        assertThat(parse("\ufeff# escape=`\nFROM a").directives().escape()).isEqualTo('`');
        for (var above : List.of("\n", "# comment\n", "# other=x\n", "#!shebang\n", "FROM b\n")) {
            assertThat(parse(above + "# escape=`\nFROM a").directives().escape())
                    .isEqualTo('\\');
        }
        assertThat(parse("FROM a").directives()).isEqualTo(new Directives("", '\\', Directives.Checks.USUAL));
    }

    @Test
    void behindTheNameOfAProgramAllDirectivesButTheEscapeCount() {
        var directives = parse(
                        "#!/usr/bin/env build\n# escape=`\n# check=error=true\n# syntax=docker/dockerfile:1 x\nFROM a")
                .directives();
        assertThat(directives.escape()).isEqualTo('\\');
        assertThat(directives.checks().error()).isTrue();
        assertThat(directives.syntax()).isEqualTo("docker/dockerfile:1");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "# syntax=other/language:1 command\nFROM a",
                "#!/usr/bin/env x\n#syntax = other/language:1\n",
                "// syntax=other/language:1\nnothing of a Dockerfile",
                "{\"a\": [1], \"syntax\": \"other/language:1\"}",
            })
    void anotherLanguageIsNamedHoweverItSaysSo(String text) {
        var why = " names other/language:1, which is another language";
        var help = "; write docker/dockerfile:1, or nothing; the argument BUILDKIT_SYNTAX=dockerfile.v0 has a directive"
                + " ignored";
        var line = text.startsWith("#!") ? 2 : 1;
        assertThatThrownBy(() -> parse(text))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith(
                        "cannot build app/Dockerfile: directive syntax" + why + " [line=" + line + "]" + help + "\n")
                .hasMessageContaining("\n>     " + line + " | " + text.split("\n")[line - 1]);
        assertThatThrownBy(() -> parse("# syntax=docker/dockerfile\nFROM a", "other/language:1"))
                .isInstanceOf(BuildException.class)
                .hasMessage("cannot build app/Dockerfile: argument BUILDKIT_SYNTAX" + why + help);
    }

    @Test
    void anArgumentSaysTheLanguageInPlaceOfTheFile() {
        var text = "# syntax=other/language:1\nFROM a";
        assertThat(parse(text, "dockerfile.v0").directives().syntax()).isEmpty();
        assertThat(parse(text, "docker/dockerfile:1.4").directives().syntax()).isEqualTo("docker/dockerfile:1.4");
        assertThatThrownBy(() -> parse("{\"a\": 1}", ""))
                .hasMessageStartingWith("cannot build app/Dockerfile: there is no instruction {");
    }

    @Test
    void theEscapeOfADirectiveIsThatOfItsWords() {
        var file = parse("# escape=`\nFROM a\nCOPY x c:\\\nRUN dir `\n c:\\");

        assertThat(texts(file)).containsExactly("COPY x c:\\", "RUN dir  c:\\");
        assertThat(((Copy) file.stages().get(0).instructions().get(0)).files().destination())
                .isEqualTo(new Word("c:\\", '`'));
    }

    @Test
    void aHereDocumentThatIsAllThereIsIsTheLine() {
        assertThat(line("RUN <<EOF\necho 1\n# no comment\n\n  echo \\\nEOF\nRUN x"))
                .isEqualTo("echo 1\n# no comment\n\n  echo \\\n");
        assertThat(line("RUN <<-EOF\n\t\techo 1\n\tEOF\n")).isEqualTo("echo 1\n");
        assertThat(line("RUN --mount=type=tmpfs,target=/t <<'E O'\n$x\nE O\n")).isEqualTo("$x\n");
        assertThat(line("RUN <<  EOF\necho 1\nEOF\n")).isEqualTo("echo 1\n");
        assertThat(line("RUN << -EOF\necho 1\n-EOF\n")).isEqualTo("echo 1\n");
        assertThat(line("RUN <<- \"EOF\"\n\techo 1\n\tEOF\n")).isEqualTo("echo 1\n");
        assertThat(line("RUN <<E\r\na\r\nE\r\n")).isEqualTo("a\r\n");
    }

    @Test
    void aHereDocumentWithAnInterpreterIsAScript() {
        var run = (Run) parse("FROM a\nRUN <<PY\n#!/usr/bin/env python3\nprint(1)\nPY\n")
                .stages()
                .get(0)
                .instructions()
                .get(0);

        assertThat(run.program()).isEqualTo(Program.shell("/dev/pipes/PY"));
        assertThat(run.script()).hasValue(new Heredoc("PY", true, false, "#!/usr/bin/env python3\nprint(1)\n"));
    }

    @Test
    void otherHereDocumentsAreTheShellsToRead() {
        assertThat(line("RUN cat <<A >x && cat 3<<-\"B\" >y\n1\nA\n\t2\n\tB\n"))
                .isEqualTo("cat <<A >x && cat 3<<-\"B\" >y\n1\nA\n\t2\nB");
        assertThat(line("RUN python3 <<E\nprint(1)\nE")).isEqualTo("python3 <<E\nprint(1)\nE");
        assertThat(line("RUN cat <<  'A B'  >x && cat <<- C\n1\nA B\n\t2\n\tC\n"))
                .isEqualTo("cat <<  'A B'  >x && cat <<- C\n1\nA B\n\t2\nC");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "RUN echo a<<E",
                "RUN echo \"<<E\"",
                "RUN [\"cat\", \"<<E\"]",
                "RUN echo <<",
                "RUN echo <<<E",
                "RUN echo $((1<<2))",
                "RUN echo $((1 << 2))",
                "RUN echo $(( 1 << $x ))",
                "ENV A=<<E",
                "CMD cat <<E"
            })
    void notAllThatLooksLikeAHereDocumentIsOne(String text) {
        assertThat(texts(parse("FROM a\n" + text + "\nRUN x"))).containsExactly(text, "RUN x");
    }

    @Test
    void copiedHereDocumentsAreFiles() {
        var copy = (Copy) parse("FROM a\nCOPY --chmod=0700 x <<one <<\"two\" y /d/\n$A\none\n$B\ntwo\n")
                .stages()
                .get(0)
                .instructions()
                .get(0);

        assertThat(copy.files().sources()).extracting(Word::text).containsExactly("x", "y");
        assertThat(copy.files().documents())
                .containsExactly(new Heredoc("one", true, false, "$A\n"), new Heredoc("two", false, false, "$B\n"));
    }

    @Test
    void onlyQuotesKeepVariablesOfACopiedHereDocument() {
        var copy = (Copy) parse("FROM a\nCOPY << one <<eo\\'f <<e\"\"nd /d/\n1\none\n2\neo'f\n3\nend\n")
                .stages()
                .get(0)
                .instructions()
                .get(0);
        assertThat(copy.files().documents())
                .containsExactly(
                        new Heredoc("one", true, false, "1\n"),
                        new Heredoc("eo'f", true, false, "2\n"),
                        new Heredoc("end", false, false, "3\n"));
    }

    @Test
    void aTriggerKeepsItsHereDocuments() {
        var trigger = ((Instruction.OnBuild) parse("FROM a\nONBUILD RUN cat <<A\n1\nA\n")
                        .stages()
                        .get(0)
                        .instructions()
                        .get(0))
                .trigger();

        assertThat(trigger).isEqualTo("RUN cat <<A\n1\nA");
        assertThat(((Run) Instruction.parse(trigger)).program().words()).containsExactly("cat <<A\n1\nA");
    }

    @Test
    void anOldVariableIsTheRestOfTheLine() {
        var env = (Env)
                parse("FROM a\nENV A  b  c=d").stages().get(0).instructions().get(0);

        assertThat(env.legacy()).isTrue();
        assertThat(env.pairs().get(0).value().text()).isEqualTo("b  c=d");
    }

    @Test
    void anErrorShowsTheLineAndMarksIt() {
        assertThatThrownBy(() -> parse("FROM busybox\n\nRUN true\nCOPPY a \\\n  b\nRUN x\nRUN y"))
                .isInstanceOf(BuildException.class)
                .hasMessage("""
                        cannot build app/Dockerfile: there is no instruction COPPY [line=4]; did you mean COPY?
                              2 |
                              3 | RUN true
                        >     4 | COPPY a \\
                        >     5 |   b
                              6 | RUN x""".replace("2 |\n", "2 | \n"))
                .extracting("facts", "help")
                .containsExactly(Map.of("line", 4), "did you mean COPY?");
    }

    @Test
    void aLongInstructionIsShownInPart() {
        assertThatThrownBy(() -> parse("FROM a\nRUM \\\n" + "  x \\\n".repeat(20) + "  y\n"))
                .extracting("excerpt")
                .asString()
                .hasLineCount(11)
                .contains("\n        | …\n>    23 |   y");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "1 | RUN x            | RUN stands before the first FROM, where only ARG may [line=1]",
                "2 | FROM a~FROM      | FROM has nothing behind it [line=2]",
                "1 | FROM a b         | FROM has one image, or an image AS name [line=1]",
                "1 | FROM a is b      | FROM has one image, or an image AS name [line=1]",
                "1 | FROM a AS 1b     | 1b is no name of a stage [line=1]; write a letter, then letters, digits, _, . and -",
                "1 | FROM --platfrm=x a | FROM has no option --platfrm [line=1]; did you mean --platform?",
                "2 | FROM a~run <<E~x | the here-document E has no end: no line has only its name [line=2]",
                "2 | FROM a~COPY a    | COPY has a source and no destination [line=2]",
                "2 | FROM a~COPY a <<E~E | COPY has a here-document where its destination must be [line=2]",
                "2 | FROM a~CMD [1]   | a JSON array of arguments has something that is no string [line=2]",
                "2 | FROM a~SHELL sh  | SHELL is no JSON array of a program and its arguments [line=2]; write SHELL"
                        + " [\"/bin/sh\", \"-c\"]",
                "2 | FROM a~ONBUILD ONBUILD RUN x | ONBUILD cannot come later, in another build [line=2]",
                "2 | FROM a~ARG =x    | ARG has a value without a name [line=2]",
                "2 | FROM a~CMD --x a | CMD has no option --x [line=2]",
                "2 | FROM a~\\        | there is no instruction  [line=2]",
                "1 | # escape=x~FROM a | directive escape is neither \\ nor `: x [line=1]",
                "2 | # escape=\\~# escape=\\~FROM a | directive escape is there twice [line=2]",
                "1 | # check=skp=a~FROM a | directive check has no option skp [line=1]; write skip=RULE,RULE;error=true or"
                        + " experimental=RULE",
                "2 | # escape=\\~# check=error=yes~FROM a | check's error is true or false, not yes [line=2]",
                "1 | # syntax=other/language~FROM a | directive syntax names other/language, which is another language"
                        + " [line=1]; write docker/dockerfile:1, or nothing; the argument BUILDKIT_SYNTAX=dockerfile.v0 has"
                        + " a directive ignored",
                "2 | FROM a~ONBUILD RUNN x | there is no instruction RUNN [line=2]; did you mean RUN?",
                "2 | FROM a~ONBUILD COPY x | COPY has a source and no destination [line=2]",
                "2 | FROM a~COPY --chwon=x a b | COPY has no option --chwon [line=2]; did you mean --chown?",
                "2 | FROM a~RUN --mount=\"type=tmpfs x | option --mount=type=tmpfs x has a quote without an end [line=2]",
                "2 | FROM a~RUN []    | RUN has an empty JSON array, which names no program [line=2]",
                "2 | FROM a~SHELL [\"\"] | SHELL is no JSON array of a program and its arguments [line=2]; write SHELL"
                        + " [\"/bin/sh\", \"-c\"]",
                "2 | FROM a~RUN --mount=type=secret,requird x | --mount has requird, which is not written as name=value"
                        + " [line=2]; did you mean required?",
                "2 | FROM a~RUN --mount= x | --mount has an empty option [line=2]",
            })
    void anErrorHasItsLine(int line, String text, String why) {
        assertThatThrownBy(() -> parse(text.replace('~', '\n')))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot build app/Dockerfile: " + why + "\n")
                .extracting("facts")
                .isEqualTo(Map.of("line", line));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "``               | it has no FROM; begin with FROM and an image, or scratch",
                "ARG x            | it has no FROM; begin with FROM and an image, or scratch",
            })
    void anErrorOfTheWholeFileHasNone(String text, String why) {
        assertThatThrownBy(() -> parse(text.replace('~', '\n')))
                .isInstanceOf(BuildException.class)
                .hasMessage("cannot build app/Dockerfile: " + why);
    }

    @Test
    void whatIsTooLargeIsRefused() {
        assertThatThrownBy(() -> Dockerfile.read("d", InputStream.nullInputStream(), ""))
                .hasMessage("cannot build d: it has no FROM; begin with FROM and an image, or scratch");
        assertThatThrownBy(() -> Dockerfile.read("d", new Endless(), ""))
                .isInstanceOf(BuildException.class)
                .hasMessage("cannot build d: it is larger than 16 MiB");
        assertThatThrownBy(() -> parse("FROM a\nRUN " + "x".repeat(1 << 20)))
                .hasMessageStartingWith(
                        "cannot build app/Dockerfile: the line is longer than 1048576 bytes [line=2]\n");
        assertThatThrownBy(() -> parse("FROM a\n" + "\n".repeat(500_000)))
                .hasMessage("cannot build app/Dockerfile: it has more than 500000 lines");
        assertThatThrownBy(() -> parse("FROM a\n" + "RUN x\n".repeat(100_000)))
                .hasMessageStartingWith(
                        "cannot build app/Dockerfile: it has more than 100000 instructions [line=100001]\n");
        assertThatThrownBy(() -> parse("FROM a\n".repeat(10_001)))
                .hasMessageStartingWith("cannot build app/Dockerfile: it has more than 10000 stages [line=10001]\n");
        assertThatThrownBy(() -> parse("FROM a\nRUN \0\n"))
                .hasMessageStartingWith("cannot build app/Dockerfile: the line has a NUL [line=2]\n");
        assertThat(parse("FROM a\n".repeat(10_000)).stages()).hasSize(10_000);
    }

    @Test
    void aLineThatAlmostEndsADocumentTakesNoLongerThanAnother() {
        assertThat(line("RUN <<E\n" + "\r".repeat(1_000_000) + "x\nE\n")).hasSize(1_000_002);
    }

    /** A line without an end. */
    private static final class Endless extends InputStream {
        @Override
        public int read() {
            return 'x';
        }
    }

    @Test
    void anInstructionInAnotherEncodingIsRefused() throws IOException {
        var bytes = "FROM a\nRUN echo \u00e9".getBytes(StandardCharsets.ISO_8859_1);

        assertThatThrownBy(() -> Dockerfile.read("d", new ByteArrayInputStream(bytes), ""))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot build d: the line is not UTF-8 [line=2]; write it in UTF-8\n");
    }

    @Test
    void randomFilesAreReadOrRefused() {
        var random = new Random(SEED);
        var pieces = List.of(
                "FROM a\n",
                "FROM a AS b\n",
                "RUN ",
                "COPY ",
                "ADD ",
                "ARG ",
                "ENV ",
                "ONBUILD ",
                "# escape=`\n",
                "# check=",
                "--mount=",
                "type=cache,",
                "target=/x",
                "--from=b ",
                "<<E",
                "<<-'E' ",
                "\nE\n",
                "\\\n",
                "`\n",
                "\n",
                "#",
                "[",
                "]",
                "\"",
                "'",
                "$",
                "{",
                "}",
                "/",
                "%",
                ":-",
                " ",
                "=",
                "a",
                ",",
                "é",
                "\uD800",
                "\0",
                "\t",
                "\r\n",
                "\ufeff");
        for (var i = 0; i < 20_000; i++) {
            var text = new StringBuilder(i % 2 == 0 ? "FROM x\n" : "");
            for (var j = random.nextInt(20); j >= 0; j--) {
                text.append(pieces.get(random.nextInt(pieces.size())));
            }
            try {
                assertThat(parse(text.toString()).stages()).isNotEmpty();
            } catch (BuildException e) {
                assertThat(e).as("seed " + SEED + ", file " + text).hasMessageStartingWith("cannot build ");
            }
        }
    }
}
