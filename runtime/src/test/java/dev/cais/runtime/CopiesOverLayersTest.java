package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildException;
import dev.cais.Image;
import dev.cais.image.oci.Hash;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What is copied is written beside the layers, and seen over them as if it had been written into what they show. */
class CopiesOverLayersTest extends BuildsByOneEngine {
    /** What it builds, of which directory and tar are the same. */
    private Image build(String dockerfile) {
        var image = builds.build(dockerfile);
        assertThat(engine.images().verify()).isEmpty();
        return image;
    }

    private String run(Image image, String script) {
        return builds.run(image, "sh", "-c", script);
    }

    private static String changes(Image image) {
        return image.changes(image.layers().get(image.layers().size() - 1)).toString();
    }

    @Test
    void aFileReplacesOneOfTheLayers() {
        builds.write("f", "new\n");
        var image = build("""
                FROM busybox
                RUN mkdir /d && echo old >/d/f && ln -s /d/f /d/l && echo kept >/d/g
                COPY f /d/
                """);
        assertThat(run(image, "cat /d/f /d/l /d/g")).isEqualTo("new\nnew\nkept\n");
        assertThat(changes(image)).isEqualTo("[C /d, C /d/f]");
    }

    @Test
    void aDirectoryThatIsThereStaysAsItIs() {
        builds.write("src/f", "x");
        var image = build("""
                FROM busybox
                RUN mkdir -m 751 /d && echo old >/d/old && chown 5:6 /d && touch -d @1000 /d
                COPY src/f /d/
                """);
        assertThat(run(image, "stat -c '%a %u %g %Y' /d; ls /d")).isEqualTo("751 5 6 1000\nf\nold\n");
    }

    @Test
    void aDirectoryOfTheContextGivesItsModeToItsLike() throws IOException {
        builds.write("src/sub/f", "x");
        Files.setLastModifiedTime(context.resolve("src/sub"), FileTime.fromMillis(5_000_000));
        var image = build("""
                FROM busybox
                RUN mkdir -p /d/sub && chmod 700 /d/sub && echo old >/d/sub/old
                COPY src /d
                """);
        assertThat(run(image, "stat -c '%a %Y' /d/sub; ls /d/sub")).isEqualTo("755 5000\nf\nold\n");
    }

    @Test
    void linksOnTheWayAreFollowedInTheImage() {
        builds.write("f", "x");
        var image = build("""
                FROM busybox
                RUN mkdir -p /d/e && ln -s /d /abs && ln -s ../d/e /d/rel && ln -s abs/rel/g /to && ln -s /up/../../d/new /n
                COPY f /abs/rel/
                COPY f /to
                COPY f /n/
                COPY f /abs/made/deep/
                """);
        assertThat(run(image, "find /d ! -type d | sort; readlink /to; readlink /abs"))
                .isEqualTo("/d/e/f\n/d/e/g\n/d/made/deep/f\n/d/new/f\n/d/rel\nabs/rel/g\n/d\n");
    }

    @Test
    void aLinkAtTheNameItselfGivesWay() {
        builds.write("f", "x");
        var image = build("""
                FROM busybox
                RUN mkdir /d && echo safe >/safe && ln -s /safe /d/f
                COPY f /d/
                """);
        assertThat(run(image, "cat /safe /d/f; test -L /d/f || echo file")).isEqualTo("safe\nxfile\n");
    }

    @Test
    void whatWasRemovedDoesNotComeBack() {
        builds.write("f", "x");
        var image = build("""
                FROM busybox
                RUN mkdir -p /w/a /o/a && touch /w/a/x /o/x
                RUN rm -r /w && rm -r /o && mkdir /o && touch /o/y
                COPY f /w/a/
                COPY f /o/
                """);
        assertThat(run(image, "find /w /o | sort")).isEqualTo("/o\n/o/f\n/o/y\n/w\n/w/a\n/w/a/f\n");
    }

    @Test
    void filesAndDirectoriesDoNotReplaceEachOther() {
        builds.write("f", "x");
        builds.write("src/e/f", "x");
        var base = "FROM busybox\nRUN mkdir -p /d/f /d/src && touch /d/e\n";
        assertThatThrownBy(() -> build(base + "COPY f /d/\n"))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("cannot write d/f in the stage: a directory stands there");
        assertThatThrownBy(() -> build(base + "COPY src /d\n"))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("/d/e of the stage is no directory, and one is to be copied there");
        assertThatThrownBy(() -> build(base + "COPY src /d/e\n"))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("/d/e is a file, and a directory is to be copied there");
    }

    /** The plan cannot know where that leads; what a mount shows does. */
    @Test
    void aLinkThatIsCopiedIsNotFollowedByWhatIsCopiedNext() throws IOException {
        Files.createDirectories(context.resolve("a"));
        Files.createSymbolicLink(context.resolve("a/l"), Path.of("/etc"));
        builds.write("b/l/f", "x");
        assertThatThrownBy(() -> build("FROM busybox\nCOPY a b /x/\n"))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("/x/l of the stage is no directory, and one is to be copied there");
    }

    @Test
    void laterSourcesReplaceEarlierOnes() {
        builds.write("a/f", "first");
        builds.write("a/sub/one", "1");
        builds.write("b/f", "second");
        builds.write("b/sub/two", "2");
        var image = build("FROM busybox\nCOPY a b /x/\n");
        assertThat(run(image, "cat /x/f; ls /x/sub")).isEqualTo("secondone\ntwo\n");
    }

    @Test
    void filesOfAllSizesAndKindsComeAsTheyAre() throws IOException {
        var random = new Random(1);
        for (var size : new int[] {0, 1, 511, 512, 513, 70_000, 524_288, 524_289, 3_000_000}) {
            var content = new byte[size];
            random.nextBytes(content);
            Files.createDirectories(context.resolve("src/d" + size % 3));
            Files.write(context.resolve("src/d" + size % 3 + "/" + size), content);
        }
        Files.createSymbolicLink(context.resolve("src/link"), Path.of("nowhere"));
        Files.createDirectory(context.resolve("src/empty"));
        Files.setLastModifiedTime(context.resolve("src/empty"), FileTime.fromMillis(7_000_000));
        var image = build("FROM busybox\nCOPY --chmod=4755 src /src\nRUN cd /src && sha256sum d*/* >/sums\n");
        var sums = run(image, "cat /sums; readlink /src/link; stat -c '%a %Y' /src/empty /src/d0/0")
                .split("\n");
        for (var i = 0; i < 9; i++) {
            var fields = sums[i].split(" +");
            assertThat(Hash.sha256(Files.readAllBytes(context.resolve("src").resolve(fields[1])))
                            .hex())
                    .isEqualTo(fields[0]);
        }
        assertThat(sums[9]).isEqualTo("nowhere");
        assertThat(sums[10]).isEqualTo("4755 7000");
        assertThat(sums[11]).startsWith("4755 ");
    }

    @Test
    void aWorkingDirectoryIsMadeWhereLinksLead() {
        var image = build("FROM busybox\nRUN mkdir /d && ln -s d /l\nWORKDIR /l/w\nRUN touch here\n");
        assertThat(run(image, "find /d")).isEqualTo("/d\n/d/w\n/d/w/here\n");
    }
}
