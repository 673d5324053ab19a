package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildContext;
import dev.cais.BuildException;
import dev.cais.BuildSpec;
import dev.cais.CorruptContentException;
import dev.cais.InvalidSpecException;
import dev.cais.NotFoundException;
import dev.cais.fixtures.TarWriter;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Builds of what is no directory of the host. */
class BuildContextsTest extends BuildsByOneEngine {
    private static BuildContext tar(TarWriter archive) {
        return BuildContext.tar(new ByteArrayInputStream(archive.bytes()));
    }

    /** What builds bring here, besides layers. */
    private static List<String> brought() throws IOException {
        var names = new ArrayList<String>();
        try (var engines = Files.newDirectoryStream(store.path().resolve("engines"))) {
            for (var each : engines) {
                try (var files = Files.newDirectoryStream(each.resolve("tmp"))) {
                    files.forEach(file -> names.add(file.getFileName().toString()));
                }
            }
        }
        return names;
    }

    @ParameterizedTest
    @ValueSource(strings = {"cat", "gzip", "bzip2", "xz", "zstd"})
    void aTarStreamIsAContext(String compressor) throws Exception {
        var archive = new TarWriter()
                .file("Dockerfile", 0644, "FROM busybox\nCOPY . /app/\n")
                .file(".dockerignore", 0644, "Dockerfile\n")
                .file("./dir/file", 0640, "of a tar\n")
                .symlink("dir/link", "file");
        var packed = Files.write(context.resolve("context"), archive.bytes());
        var program = new ProcessBuilder(compressor)
                .redirectInput(packed.toFile())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        try (var stream = program.getInputStream()) {
            var image = builds.build(BuildSpec.of(BuildContext.tar(stream)));
            assertThat(builds.run(image, "sh", "-c", "cd /app; cat dir/link; stat -c '%a %u' dir/file; ls -A"))
                    .isEqualTo("of a tar\n640 0\n.dockerignore\ndir\n");
        }
        assertThat(program.waitFor()).isZero();
        assertThat(brought()).isEmpty();
    }

    @Test
    void theSameTarIsCachedAlike() {
        var spec = BuildSpec.of(BuildContext.empty()).dockerfileInline("FROM busybox\nCOPY --from=more file /\n");
        var archive = new TarWriter().file("file", 0644, "x");
        var image = builds.build(spec.context("more", tar(archive)));
        builds.carriedOut();

        assertThat(builds.build(spec.context("more", tar(archive)))).isEqualTo(image);
        assertThat(builds.carriedOut()).isEmpty();
    }

    @Test
    void filesOfThisProgramAreAContext() {
        var spec = BuildSpec.of(BuildContext.files(files -> files.file(
                        "/Dockerfile",
                        "FROM busybox\nCOPY . /c/\nCMD [\"sh\", \"-c\", \"cd /c; find . | sort; cat in/a; stat -c %a in/run\"]")
                .file("/.dockerignore", "Dockerfile\n.dockerignore\n*.log")
                .file("/a.log", new byte[0])
                .file("/in/a", "tea\n")
                .file("/in/run", () -> new ByteArrayInputStream(new byte[1]), 0755)
                .link("/link", "in/a")));

        assertThat(builds.run(builds.build(spec))).isEqualTo(".\n./in\n./in/a\n./in/run\n./link\ntea\n755\n");
        builds.carriedOut();
        builds.build(spec);
        assertThat(builds.carriedOut()).isEmpty();
    }

    @Test
    void aResourceThatIsMissingIsNamed() {
        var spec = BuildSpec.of(BuildContext.files(files ->
                files.file("/in/app.jar", () -> BuildContextsTest.class.getResourceAsStream("/missing.jar"), 0644)));

        assertThatThrownBy(() -> builds.build(spec))
                .isInstanceOf(BuildException.class)
                .hasMessage(
                        "cannot build files of this program: what /in/app.jar is to hold cannot be read: it is not there");
    }

    @Test
    void aDockerfileNeedsNoFile() {
        var spec = BuildSpec.of(BuildContext.empty()).dockerfileInline("FROM busybox\nRUN echo built >/file\n");

        assertThat(builds.run(builds.build(spec), "cat", "/file")).isEqualTo("built\n");
        assertThatThrownBy(() -> builds.build(spec.dockerfileInline("FROM busybox\nCOPPY a b\n")))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith(
                        "cannot build the Dockerfile: there is no instruction COPPY [line=2]; did you mean COPY?");
        assertThatThrownBy(() -> builds.build(spec.dockerfileInline("FROM busybox\nCOPY file /\n")))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot build the Dockerfile: the context has no file file [line=2]");
        assertThatThrownBy(() -> builds.build(spec.dockerfile("Dockerfile")))
                .isInstanceOf(NotFoundException.class)
                .hasMessage(
                        "cannot build an empty context: there is no file Dockerfile; it is empty: begin with BuildSpec.of and"
                                + " a directory");
    }

    @Test
    void theUsualNameMayBeInLowerCase() {
        builds.write("dockerfile", "FROM busybox\nRUN echo lower >/file\n");
        assertThat(builds.run(builds.build(BuildSpec.of(context)), "cat", "/file"))
                .isEqualTo("lower\n");
        assertThatThrownBy(() -> builds.build(BuildSpec.of(context).dockerfile("sub/Dockerfile")))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot build " + context + ": there is no file sub/Dockerfile");
        builds.write("Dockerfile", "FROM busybox\nRUN echo usual >/file\n");
        assertThat(builds.run(builds.build(BuildSpec.of(context)), "cat", "/file"))
                .isEqualTo("usual\n");
    }

    @Test
    void aTextStandsInPlaceOfTheContextsDockerfile() {
        builds.write("file", "x");
        builds.write("other", "x");
        builds.write(".dockerignore", "other\n");
        builds.write("Dockerfile.dockerignore", "file\n");
        var spec = builds.spec("FROM nothing:that-is\n").dockerfileInline("FROM busybox\nCOPY . /c/\n");

        assertThat(builds.run(builds.build(spec), "ls", "/c")).isEqualTo("Dockerfile\nDockerfile.dockerignore\nfile\n");
    }

    @Test
    void aTarThatLeadsOutIsRefused() throws IOException {
        var outside = Files.writeString(context.resolve("outside"), "secret");
        assertThatThrownBy(() -> builds.build(BuildSpec.of(tar(new TarWriter().file("../../up", 0644, "x")))))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot unpack the context: entry ../../up: its path climbs out of the root");
        assertThatThrownBy(() -> builds.build(BuildSpec.of(tar(new TarWriter().hardLink("in", outside.toString())))))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot unpack the context: entry in: linkat(2) failed with ENOENT (no such file or"
                        + " directory); fetch or save it again");
        var absolute = new TarWriter()
                .symlink("link", context.toString())
                .file(context + "/absolute", 0644, "in the context")
                .file("link/through", 0644, "through");
        var image = builds.build(BuildSpec.of(tar(absolute)).dockerfileInline("FROM busybox\nCOPY . /c/\n"));
        assertThat(builds.run(image, "cat", "/c/" + context + "/through", "/c/" + context + "/absolute"))
                .isEqualTo("throughin the context");
        try (var files = Files.list(context)) {
            assertThat(files).containsExactly(outside);
        }
        assertThat(brought()).isEmpty();
    }

    @Test
    void anImageStandsInPlaceOfAnother() {
        builds.build(builds.spec("""
                FROM busybox
                RUN echo of an image >/file
                ENV A=b
                ONBUILD RUN echo triggered >/triggered
                """).tag("other:1"));
        var image = builds.build(builds.spec("""
                FROM nothing.invalid/base AS stage
                RUN --mount=from=more,target=/more cat /more/file /triggered >/all
                COPY --from=more /file /copied
                """)
                .context("nothing.invalid/base", BuildContext.image("other:1"))
                .context("more", BuildContext.image("other:1")));

        assertThat(builds.run(image, "sh", "-c", "cat /all /copied; echo $A"))
                .isEqualTo("of an image\ntriggered\nof an image\nb\n");
    }

    @Test
    void aStageIsReplacedByAContext() {
        builds.write("d/file", "of a directory");
        var spec = builds.spec("""
                FROM nothing.invalid/base AS one
                RUN exit 1
                FROM busybox
                COPY --from=one . /one/
                """);

        assertThat(builds.run(builds.build(spec.context("one", context.resolve("d"))), "cat", "/one/file"))
                .isEqualTo("of a directory");
        assertThat(builds.run(
                        builds.build(spec.context("one", BuildContext.image("busybox"))), "ls", "/one/bin/busybox"))
                .isEqualTo("/one/bin/busybox\n");
    }

    @Test
    void aStageBeginsWithADirectory() {
        builds.build("FROM busybox\n");
        builds.write("root/bin/.keep", "");
        builds.write("root/etc/hello", "of a directory\n");
        builds.write("root/.dockerignore", ".dockerignore\nbin/.keep\n");
        var spec = builds.spec("FROM base\nCOPY --from=busybox /bin/ /bin/\nCMD [\"cat\", \"/etc/hello\"]\n")
                .context("base", context.resolve("root"));
        var image = builds.build(spec);

        assertThat(image.layers()).hasSize(2);
        assertThat(builds.run(image)).isEqualTo("of a directory\n");
        assertThat(TestBuilds.history(image)).first().isEqualTo("COPY . / # buildkit");
        builds.carriedOut();
        assertThat(builds.build(spec)).isEqualTo(image);
        assertThat(builds.carriedOut()).isEmpty();
    }

    @Test
    void anImageOfALayoutIsAContext() {
        builds.build(builds.spec("FROM busybox\nRUN echo one >/file\n").tag("layout:one"));
        builds.build(builds.spec("FROM busybox\nRUN echo two >/file\n").tag("layout:two"));
        var layout = context.resolve("layout");
        engine.images().save(layout, "layout:one", "layout:two");
        var two = engine.images().get("layout:two").id();
        engine.images().remove("layout:one");
        engine.images().remove("layout:two");
        var spec = builds.spec("FROM base\n");

        var image = builds.build(spec.context("base", BuildContext.layout(layout, "docker.io/library/layout:two")));
        assertThat(builds.run(image, "cat", "/file")).isEqualTo("two\n");
        assertThat(engine.images().find("layout:two")).isEmpty();
        assertThat(engine.images().get(two.toString()).tags()).isEmpty();
        assertThatThrownBy(() -> builds.build(spec.context("base", BuildContext.layout(layout, "three"))))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot build " + context + "/Dockerfile: cannot load " + layout
                        + ": it has no image three [line=1]; it has docker.io/library/layout:one,"
                        + " docker.io/library/layout:two");
        assertThatThrownBy(() -> builds.build(spec.context("base", BuildContext.layout(layout, ""))))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot build " + context + "/Dockerfile: cannot load " + layout
                        + ": it has 2 images, and none was named [line=1]");
        assertThatThrownBy(() -> builds.build(spec.context("base", BuildContext.layout(context, ""))))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot build " + context + "/Dockerfile: cannot load " + context
                        + ": it is no OCI layout [line=1]");
    }

    @Test
    void anImageIsNoContextOfItsOwn() {
        assertThatThrownBy(() -> builds.build(BuildSpec.of(BuildContext.image("busybox"))))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(
                        "cannot build docker-image://busybox: an image is no context of its own; add it under a name"
                                + " with BuildSpec.context, and begin FROM that");
        assertThatThrownBy(() -> BuildSpec.of(context).context("", context))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot build " + context + ": a further context has no name");
    }
}
