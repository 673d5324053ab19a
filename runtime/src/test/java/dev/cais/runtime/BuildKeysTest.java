package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.BuildContext;
import dev.cais.BuildSpec;
import dev.cais.fixtures.Programs;
import org.junit.jupiter.api.Test;

/** Steps that look alike and are not the same are not taken one for the other. */
class BuildKeysTest extends BuildsByOneEngine {
    /** What the second of two builds of one place has in a directory. */
    private String second(BuildSpec first, BuildSpec second, String directory) {
        builds.build(first);
        return builds.run(builds.build(second), "sh", "-c", "find " + directory + " -type f | sort");
    }

    private static BuildSpec inline(String dockerfile) {
        return BuildSpec.of(BuildContext.empty()).dockerfileInline(dockerfile);
    }

    @Test
    void argumentsWithCommas() {
        assertThat(second(
                        inline("FROM busybox\nWORKDIR /w\nRUN [\"touch\", \"a, b\"]\n"),
                        inline("FROM busybox\nWORKDIR /w\nRUN [\"touch\", \"a\", \"b\"]\n"),
                        "/w"))
                .isEqualTo("/w/a\n/w/b\n");
    }

    @Test
    void sourcesWithCommas() {
        var stage = "FROM busybox AS s\nRUN mkdir -p '/d/a, /d' && touch '/d/a, /d/b' /d/a /d/b\nFROM busybox\n";
        assertThat(second(
                        inline(stage + "COPY --from=s [\"/d/a, /d/b\", \"/out/\"]\n"),
                        inline(stage + "COPY --from=s [\"/d/a\", \"/d/b\", \"/out/\"]\n"),
                        "/out"))
                .isEqualTo("/out/a\n/out/b\n");
    }

    @Test
    void whatALongListLeavesOut() {
        var stage = "FROM busybox AS s\nRUN mkdir /d && touch /d/a /d/b\nFROM busybox\nCOPY --from=s --exclude="
                + "x".repeat(250);
        assertThat(second(inline(stage + " --exclude=a /d /out/\n"), inline(stage + " --exclude=b /d /out/\n"), "/out"))
                .isEqualTo("/out/a\n");
    }

    @Test
    void patternsOfManyDirectoriesAndOfOne() {
        var dockerfile = """
                FROM busybox AS s
                ARG V
                RUN mkdir -p /d/e/g && echo same >/d/e/f && echo $V >/d/e/g/f
                FROM busybox
                COPY --from=s /d/**/f /one/
                COPY --from=s --parents /d/**/f /two/
                """;
        builds.build(inline(dockerfile).arg("V", "first"));
        var image = builds.build(inline(dockerfile).arg("V", "second"));
        assertThat(builds.run(image, "cat", "/one/f", "/two/d/e/f", "/two/d/e/g/f"))
                .isEqualTo("same\nsame\nsecond\n");
    }

    @Test
    void namesThatAreNoText() {
        var dockerfile = "FROM busybox\nCOPY *.txt /out/\nRUN echo /out/*.txt | od -An -tx1 >/name\n";
        Programs.output("sh", "-c", "echo x >\"$0/$(printf '\\377').txt\"", context.toString());
        builds.build(dockerfile);
        Programs.output("sh", "-c", "cd \"$0\" && mv *.txt \"$(printf '\\376').txt\"", context.toString());
        assertThat(builds.run(builds.build(dockerfile), "cat", "/name"))
                .contains(" fe ")
                .doesNotContain(" ff ");
    }

    @Test
    void aFileThatIsLeftOutIsNotLookedInto() {
        builds.write("a.txt", "text");
        var image = builds.build("FROM busybox\nADD --exclude=a.txt a.txt /out/\nADD a.txt /all/\n");
        assertThat(builds.run(image, "find", "/out", "/all", "-type", "f")).isEqualTo("/all/a.txt\n");
    }
}
