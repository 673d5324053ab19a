package dev.cais.image.dockerfile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.InvalidSpecException;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WordTest {
    private static final Map<String, String> VALUES = Map.of(
            "A", "1",
            "EMPTY", "",
            "PATH", "/usr/local/bin:/usr/bin:/bin",
            "S", "foobarbaz",
            "STARS", "a*b?c\\d",
            "É", "é",
            "U", "x😀y😀");

    private static String expand(String text, char escape) {
        return new Word(text, escape).expand(name -> Optional.ofNullable(VALUES.get(name)));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "plain                  | plain",
                "\"a $A\"               | a 1",
                "'a $A'                 | a $A",
                "a'b'\"c\"              | abc",
                "\"it's\"               | it's",
                "'say \"x\"'            | say \"x\"",
                "\\$A\\ b               | $A b",
                "\\${A}                 | ${A}",
                "a\\nb                  | anb",
                "a\\\\b                 | a\\b",
                "\"\\$A \\\" \\n \\\\\" | $A \" \\n \\",
                "$                      | $",
                "a$.b                   | a$.b",
                "[$1x][$@][$$A][$-A]    | [x][][A][A]",
                "${A}b                  | 1b",
                "$Ab                    | ``",
                "$A_                    | ``",
                "$É                     | é",
                "[${NONE}]              | []",
                "${NONE:-x}             | x",
                "${EMPTY:-x}            | x",
                "[${EMPTY-x}]           | []",
                "${NONE-x}              | x",
                "${A:-x}                | 1",
                "[${NONE:+x}]           | []",
                "[${EMPTY:+x}]          | []",
                "${EMPTY+x}             | x",
                "${A:+x}                | x",
                "${A:?no}               | 1",
                "[${EMPTY?no}]          | []",
                "${NONE:-${EMPTY:-$A}}  | 1",
                "${NONE:-\"a } b\"}     | a } b",
                "${NONE:-'$A'}          | $A",
                "${NONE:-a\\}b}         | a}b",
                "\"${NONE:-a b}\"       | a b",
                "${S#f*b}               | arbaz",
                "${S##f*b}              | az",
                "${S%b*}                | foobar",
                "${S%%b*}               | foo",
                "${S/ba/fo}             | fooforbaz",
                "${S//ba/fo}            | fooforfoz",
                "${S/b*a/X}             | fooXz",
                "${S//o/}               | fbarbaz",
                "${S//?a/-}             | foo-r-z",
                "${S#x}                 | foobarbaz",
                "${S#??}                | obarbaz",
                "[${S##*}]              | []",
                "${S#*}                 | foobarbaz",
                "${S%%*a}               | foobarbaz",
                "${S//*/X}              | X",
                "${S///x}               | foobarbaz",
                "${NONE#x}z             | z",
                "${PATH%%:*}            | /usr/local/bin",
                "${PATH##*:}            | /bin",
                "${PATH//:/ }           | /usr/local/bin /usr/bin /bin",
                "${PATH//\\/bin/}       | /usr/local:/usr:",
                "${PATH/#/x}            | /usr/local/bin:/usr/bin:/bin",
                "${STARS/\\*/-}         | a-b?c\\d",
                "${STARS/\\?/-}         | a*b-c\\d",
                "${STARS/\\\\/-}        | a*b?c-d",
                "${STARS#a\\*b}         | ?c\\d",
                "${U/?y/-}              | x-😀",
                "${S/$NONE/x}           | foobarbaz",
                "${S%$A}                | foobarbaz",
            })
    void quotesEscapesAndVariablesAreResolved(String word, String expected) {
        assertThat(expand(word, '\\')).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "`$A        | $A",
                "\\$A       | \\1",
                "c:\\x      | c:\\x",
                "\"`\"$A\"  | \"1",
                "${NONE:-`}}| }",
            })
    void theEscapeIsWhatTheFileSays(String word, String expected) {
        assertThat(expand(word, '`')).isEqualTo(expected);
    }

    @Test
    void anEscapeAtTheEndIsDropped() {
        assertThat(expand("a\\", '\\')).isEqualTo("a");
    }

    @Test
    void aHereDocumentKnowsNoQuotes() {
        assertThat(new Heredoc("E", true, false, "it's \"$A\" \\$A \\\\ \\n ${NONE:-'x'}\n")
                        .text(name -> Optional.ofNullable(VALUES.get(name))))
                .isEqualTo("it's \"1\" $A \\ n 'x'\n");
        assertThat(new Heredoc("E", false, true, "\t\tit's $A\n \t\\n\n").text(name -> Optional.of("?")))
                .isEqualTo("it's $A\n \t\\n\n");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "${S#a\\b}   | pattern a\\b has a backslash before what needs none: only *, ?, }, / and \\ do",
                "${S/a       | variable S has a pattern and nothing in its place; write ${S/pattern/replacement}",
                "${S/a/b     | the brace of variable S has no end",
                "${S:#a}     | variable S has a modifier that is not known: :#a; there are :-, :+, :?, -, +, ?, #, ##, %,"
                        + " %%, / and //",
                "${S=a}      | variable S has a modifier that is not known: =a; there are :-, :+, :?, -, +, ?, #, ##, %,"
                        + " %%, / and //",
                "${{S}       | a variable has no name: ${{S}",
                "${          | a variable's brace has no end",
                "${A:-${B:?} | variable B is not set",
            })
    void whatIsWrongIsNamed(String word, String why) {
        assertThatThrownBy(() -> expand(word, '\\'))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(why);
    }

    @Test
    void nestingHasAnEnd() {
        assertThat(expand("${N:-".repeat(31) + "x" + "}".repeat(31), '\\')).isEqualTo("x");
        assertThatThrownBy(() -> expand("${N:-".repeat(100_000), '\\'))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("variables are nested deeper than 32");
    }

    @Test
    void wordsAreSplitAtBlanksThatAreNeitherQuotedNorEscaped() {
        assertThat(Word.split("a=b  'c d'=\"e \\\" f\" g\\ h \t i\\", '\\'))
                .extracting(Word::text)
                .containsExactly("a=b", "'c d'=\"e \\\" f\"", "g\\ h", "i\\");
    }
}
