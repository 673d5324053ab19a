package dev.cais.image.dockerfile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildException;
import dev.cais.InvalidSpecException;
import dev.cais.image.dockerfile.PathPatterns.Verdict;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PathPatternsTest {
    private static final long SEED = Long.getLong("cais.fuzz.seed", 20_260_101L);

    private static PathPatterns read(String text) throws IOException {
        return IgnoreFile.read(".dockerignore", new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
    }

    /** Lines between semicolons, which are the pattern file; then paths that are left out, and paths that are not. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "foo            | foo foo/bar foo/a/b     | a/foo foobar",
                "/foo           | foo foo/bar             | a/foo",
                "foo/           | foo foo/bar             | a/foo",
                "./a//b/../c/   | a/c a/c/x               | a/b a",
                "*              | a a/b .hidden           | ``",
                "*.md           | README.md x.md/y        | a/README.md README",
                "*/temp*        | a/temp a/temporary.txt a/temp/x | temp a/b/temp",
                "*/*/temp*      | a/b/temporary.txt       | a/temp",
                "temp?          | tempa tempb             | temp temp/ tempab temp/a",
                "**             | a a/b .x                | ``",
                "**/*.go        | a.go a/b.go a/b/c.go    | a.gox go",
                "**/foo         | foo a/foo a/b/foo foo/x | foobar barfoo a/foobar",
                "**foo          | foo barfoo a/barfoo     | foobar",
                "foo/**         | foo/a foo/a/b           | foo foobar",
                "a/**/b         | a/b a/x/b a/x/y/b       | a/bb ab a/xb",
                "**/a/**        | a/b x/a/b               | a x/a b",
                "a**b           | ab ax/b ax/y/b a/b      | axb",
                "a/**           | a/.b                    | b",
                "[a-c]x         | ax bx cx/y              | dx",
                "[^a-c]x        | dx                      | ax",
                "[\\]]          | ]                       | a",
                "\\*            | *                       | a",
                "a\\?b          | a?b                     | axb",
                "a.b+(c)        | a.b+(c)                 | axb+(c)",
                "# comment;b    | b                       | ``",
                "..             | ..                      | a",
                "*.md;!README.md | a.md                   | README.md",
                "*.md;!README*.md;README-secret.md | README-secret.md a.md | README.md README-x.md",
                "*.md;README-secret.md;!README*.md | a.md | README.md README-secret.md",
                "*;!a/b         | a a/c b                 | a/b a/b/c",
                "a;!a/b;a/b/c   | a a/x a/b/c             | a/b a/b/d",
                "!a;a           | a                       | b",
                "! a ;b         | b                       | a",
                "*;!**/*.java   | a a/b.c                 | x.java a/b/x.java",
                "a/*;!a/b/      | a/c                     | a a/b a/b/c",
            })
    void theLastPatternThatFitsDecides(String lines, String out, String in) throws IOException {
        var patterns = read(lines.replace(';', '\n'));

        assertThat(paths(out)).allMatch(patterns::leaveOut);
        assertThat(paths(in)).noneMatch(patterns::leaveOut);
    }

    private static List<String> paths(String text) {
        return text.isEmpty() ? List.of() : List.of(text.split(" "));
    }

    @Test
    void aFileMayHaveAMarkAndLineEndsOfWindows() throws IOException {
        assertThat(read("\ufeff# comment\r\na\r\n\r\nb\r\n")).hasToString("[a, b]");
        assertThat(read(" # no comment")).hasToString("[# no comment]");
        assertThat(read("")).satisfies(none -> assertThat(none.isEmpty()).isTrue());
    }

    @Test
    void theFileOfADockerfileStandsInPlaceOfTheContexts() {
        assertThat(IgnoreFile.names("docker/app.Dockerfile"))
                .containsExactly("docker/app.Dockerfile.dockerignore", ".dockerignore");
    }

    @Test
    void aWalkerHandsVerdictsDown() {
        var patterns = PathPatterns.of(List.of("a", "!a/b"));

        var a = patterns.verdict("a", Verdict.TOP);
        assertThat(a.out()).isTrue();
        assertThat(patterns.verdict("a/x", a).out()).isTrue();
        assertThat(patterns.verdict("a/b", a).out()).isFalse();
        assertThat(patterns.verdict("a/b/x", patterns.verdict("a/b", a)).out()).isFalse();
        assertThat(patterns.hasExceptions()).isTrue();
        assertThat(PathPatterns.NONE.hasExceptions()).isFalse();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "a;!        | 2 | an exclamation mark has no pattern behind it | ",
                "[          | 1 | pattern [ ends within a bracket or an escape | ",
                "a;b;[]a];c | 3 | pattern []a] has a bracket with ] where a character must be | write a backslash before it",
                "[a-]       | 1 | pattern [a-] has a bracket with ] where a character must be | write a backslash before it",
                "[-a]       | 1 | pattern [-a] has a bracket with - where a character must be | write a backslash before it",
                "a\\        | 1 | pattern a\\ ends within a bracket or an escape | ",
            })
    void aPatternThatIsNoneIsShown(String lines, int line, String why, @Nullable String help) {
        assertThatThrownBy(() -> read(lines.replace(';', '\n')))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot read .dockerignore: " + why + " [line=" + line + "]"
                        + (help == null ? "" : "; " + help) + "\n")
                .hasMessageContaining("\n>     " + line + " | " + lines.split(";")[line - 1]);
    }

    @Test
    void theLinesAroundAPatternThatIsNoneAreShownToo() {
        assertThatThrownBy(() -> read("\ufeffa\nb\nc\n\t[\u001b\nd\ne\n"))
                .isInstanceOf(BuildException.class)
                .hasMessage("""
                        cannot read .dockerignore: pattern [? ends within a bracket or an escape [line=4]
                              2 | b
                              3 | c
                        >     4 |  [?
                              5 | d""");
    }

    @Test
    void whatIsTooLargeIsRefused() {
        assertThatThrownBy(() -> IgnoreFile.read("i", new ByteArrayInputStream(new byte[(1 << 20) + 1])))
                .isInstanceOf(BuildException.class)
                .hasMessage("cannot read i: it is larger than 1 MiB");
        assertThatThrownBy(() -> read("a\n".repeat(10_001)))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot read .dockerignore: there are more than 10000 patterns");
    }

    @Test
    void aPatternIsNoLongerThanAPath() {
        assertThat(Glob.parse("a".repeat(4096)).matches("a".repeat(4096))).isTrue();
        assertThatThrownBy(() -> Glob.parse("a".repeat(4097)))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("pattern " + "a".repeat(200) + "… is longer than a path can be");
    }

    @ParameterizedTest
    @ValueSource(strings = {"a*a*a*a*a*a*a*a*b", "**/a*/**/a*/**/*a*b", "?*?*?*?*?*b"})
    void aPatternThatAlmostFitsTakesNoLongerThanAnother(String pattern) {
        assertThat(PathPatterns.of(List.of(pattern)).leaveOut("a".repeat(3_000) + "c" + "/a".repeat(300)))
                .isFalse();
    }

    @Test
    void randomPatternsMatchAsRegularExpressionsDo() {
        var random = new Random(SEED);
        var pieces = List.of("a", "b", "/", "*", "?", "**/", "[ab]", "[^a]", "\\*", ".");
        for (var i = 0; i < 5_000; i++) {
            var pattern = text(pieces, random, 6);
            var path = text(List.of("a", "b", "/", "*", "."), random, 7);
            assertThat(Glob.parseDeep(pattern).matches(path))
                    .as("seed %d, pattern %s, path %s", SEED, pattern, path)
                    .isEqualTo(Pattern.matches(expression(pattern), path));
        }
    }

    private static String text(List<String> pieces, Random random, int most) {
        var text = new StringBuilder();
        for (var i = random.nextInt(most); i >= 0; i--) {
            text.append(pieces.get(random.nextInt(pieces.size())));
        }
        return text.toString();
    }

    private static String expression(String pattern) {
        var expression = new StringBuilder();
        for (var at = 0; at < pattern.length(); at++) {
            if (pattern.startsWith("**", at)) {
                at += pattern.startsWith("**/", at) ? 2 : 1;
                expression.append(at + 1 == pattern.length() ? ".*" : "(.*/)?");
            } else if (pattern.startsWith("\\", at)) {
                expression.append(pattern, at, ++at + 1);
            } else if (pattern.charAt(at) == '*') {
                expression.append("[^/]*");
            } else if (pattern.charAt(at) == '?') {
                expression.append("[^/]");
            } else {
                expression.append(pattern.charAt(at) == '.' ? "\\." : pattern.substring(at, at + 1));
            }
        }
        return expression.toString();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "abc     | abc   | true",
                "*       | abc   | true",
                "*c      | abc   | true",
                "a*      | a     | true",
                "a*      | ab/c  | false",
                "a*/b    | abc/b | true",
                "a**b    | axb   | true",
                "a**b    | a/b   | false",
                "a?b     | axb   | true",
                "a?b     | a/b   | false",
                "a[b-d]  | ac    | true",
                "a[^b-d] | ac    | false",
                "a\\*b   | a*b   | true",
                "[a-zé]? | éx    | true",
                "ab      | abab  | false",
                "a*a     | a     | false",
            })
    void sourcesOfACopyAreMatchedAsGoMatchesThem(String pattern, String path, boolean expected) {
        assertThat(Glob.parse(pattern).matches(path)).isEqualTo(expected);
    }

    @Test
    void aPathWithoutWildcardsIsNoPattern() {
        assertThat(Arrays.asList("a*", "a?", "[a]", "\\a*")).allMatch(Glob::isPattern);
        assertThat(Arrays.asList("a", "a]", "\\*", "\\[a\\]", "")).noneMatch(Glob::isPattern);
        assertThat(Glob.parse("a*")).hasToString("a*");
    }

    @Test
    void aMillionPathsAreWalkedOnce() {
        var patterns =
                new ArrayList<>(List.of("node_modules", "**/*.log", "build/**", "!build/keep", "*.tmp", "**/.git"));
        for (var i = 0; i < 20; i++) {
            patterns.add("other" + i + "/*.x");
        }
        var all = PathPatterns.of(patterns);
        var out = 0;
        for (var i = 0; i < 1_000; i++) {
            var directory = all.verdict("dir" + i, Verdict.TOP);
            for (var j = 0; j < 1_000; j++) {
                out += all.verdict("dir" + i + "/file" + j + (j % 10 == 0 ? ".log" : ".txt"), directory)
                                .out()
                        ? 1
                        : 0;
            }
        }
        assertThat(out).isEqualTo(100_000);
    }

    @Test
    void patternsOfAnOptionAreRefusedToo() {
        assertThatThrownBy(() -> PathPatterns.of(List.of("[")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("pattern [ ends within a bracket or an escape");
    }
}
