package dev.cais.runtime;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildContext;
import dev.cais.BuildEntitlement;
import dev.cais.BuildException;
import dev.cais.BuildSpec;
import dev.cais.Engine;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TarWriter;
import dev.cais.fixtures.TestStore;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code SOURCE_DATE_EPOCH} as a Dockerfile says it, and as the time of something. */
@RequiresRoot
@RequiresProgram("git")
@LeakChecked
@Timeout(120)
class BuildEpochTest {
    private static final String EPOCH = "SOURCE_DATE_EPOCH";
    private static final String SHOWN =
            "FROM busybox\nARG SOURCE_DATE_EPOCH\nRUN echo \"[$SOURCE_DATE_EPOCH]\" >/epoch\n";
    private static final Map<String, String> LAST_MODIFIED = Map.of("Last-Modified", "Thu, 02 Jan 2020 03:04:05 GMT");

    private static TestStore store;

    private Engine engine;

    @TempDir
    private Path directory;

    private TestBuilds builds;

    @BeforeAll
    static void open(TestStore opened) {
        store = opened;
    }

    @BeforeEach
    void begin() {
        engine = store.openEngineWithBusybox();
        builds = TestBuilds.of(engine, directory);
    }

    @AfterEach
    void end() {
        engine.close();
    }

    /** What a program sees, which is the time of what the build makes, too, if it is one. */
    private String epoch(BuildSpec spec) {
        var image = builds.build(spec.allow(BuildEntitlement.NETWORK_HOST));
        var seen = builds.run(image, "cat", "/epoch").strip();
        var history = image.history();
        var created = history.get(history.size() - 1).created().orElseThrow();
        if (seen.equals("[]")) {
            assertThat(created).isAfter(Instant.parse("2026-01-01T00:00:00Z"));
        } else {
            assertThat(seen).isEqualTo("[" + created.getEpochSecond() + "]");
        }
        return seen;
    }

    private static byte[] archive(String dockerfile) {
        return new TarWriter()
                .time(1_600_000_000)
                .file("Dockerfile", 0644, dockerfile)
                .time(1_600_000_005)
                .file("newest", 0644, "")
                .time(1_600_000_003)
                .file("older", 0644, "")
                .time(1_600_000_009)
                .directory("directories/", 0755)
                .bytes();
    }

    @Test
    void aDockerfileSaysTheTime() {
        var spec = builds.spec("ARG SOURCE_DATE_EPOCH=1500000000\n" + SHOWN);
        assertThat(epoch(spec)).isEqualTo("[1500000000]");
        assertThat(epoch(spec.arg(EPOCH, "1500000001"))).isEqualTo("[1500000001]");
        assertThat(epoch(spec.arg(EPOCH, ""))).isEqualTo("[]");
        assertThat(epoch(builds.spec("ARG T=15\nARG SOURCE_DATE_EPOCH=${T}00000002\n" + SHOWN)))
                .isEqualTo("[1500000002]");
    }

    @Test
    void aContextOfGitHasTheTimeOfItsCommit() throws IOException {
        try (var server = new GitServer(directory)) {
            Files.writeString(server.create("repo").resolve("Dockerfile"), SHOWN);
            server.commit("repo");
            var spec = BuildSpec.of(BuildContext.git(server.url("repo") + "?mtime=checkout"));
            assertThat(epoch(spec.arg(EPOCH, "context"))).isEqualTo("[" + GitServer.TIME + "]");
            assertThat(epoch(builds.spec(SHOWN)
                            .context("source=" + server.url("repo"))
                            .arg(EPOCH, "source")))
                    .isEqualTo("[" + GitServer.TIME + "]");
        }
    }

    @Test
    void aContextOfTheWebHasTheTimeThatTheServerSaysElseThatOfItsNewestFile() {
        try (var server = new WebServer()) {
            var archive = archive("ARG SOURCE_DATE_EPOCH=context\n" + SHOWN);
            server.put("/a.tar", 200, LAST_MODIFIED, archive);
            server.put("/b.tar", archive);
            server.put("/Dockerfile", 200, LAST_MODIFIED, ("ARG SOURCE_DATE_EPOCH=context\n" + SHOWN).getBytes(UTF_8));
            server.put("/other", ("ARG SOURCE_DATE_EPOCH=context\n" + SHOWN).getBytes(UTF_8));
            assertThat(epoch(BuildSpec.of(server.url("/a.tar")))).isEqualTo("[1577934245]");
            assertThat(epoch(BuildSpec.of(server.url("/b.tar")))).isEqualTo("[1600000005]");
            assertThat(epoch(BuildSpec.of(server.url("/Dockerfile")))).isEqualTo("[1577934245]");
            assertThat(epoch(BuildSpec.of(server.url("/other")))).isEqualTo("[]");
            assertThat(epoch(BuildSpec.of(BuildContext.tar(new ByteArrayInputStream(archive)))))
                    .isEqualTo("[1600000005]");
        }
    }

    @Test
    void filesOfThisHostAndImagesHaveNoTime() {
        var spec = builds.spec("ARG SOURCE_DATE_EPOCH=context\n" + SHOWN);
        assertThat(epoch(spec)).isEqualTo("[]");
        assertThat(epoch(spec.context("other", directory).arg(EPOCH, "other"))).isEqualTo("[]");
        assertThat(epoch(spec.context("image=docker-image://busybox").arg(EPOCH, "image")))
                .isEqualTo("[]");
    }

    @Test
    void aStageOfOneAddressHasItsTime() throws IOException {
        try (var server = new WebServer();
                var git = new GitServer(directory)) {
            git.create("repo");
            git.commit("repo");
            server.put("/dated", 200, LAST_MODIFIED, "dated".getBytes(UTF_8));
            server.put("/a.tar", archive(""));
            for (var source : Map.of(
                            server.url("/dated"), "[1577934245]",
                            server.url("/a.tar"), "[1600000005]",
                            git.url("repo"), "[" + GitServer.TIME + "]")
                    .entrySet()) {
                var file = """
                        ARG SOURCE_DATE_EPOCH=Source
                        ARG AT=%s
                        FROM scratch AS source
                        ARG AT
                        ADD $AT /
                        """.formatted(source.getKey());
                assertThat(epoch(builds.spec(file + SHOWN))).isEqualTo(source.getValue());
            }
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "FROM busybox AS s;ADD http://h/a / | it does not begin FROM scratch",
                "FROM scratch AS s | it has no ADD",
                "FROM scratch AS s;ADD http://h/a http://h/b / | its ADD has not one source",
                "FROM scratch AS s;ADD http://h/a /;RUN true | it has RUN beside that",
                "FROM scratch AS s;ADD http://h/a /;ADD http://h/b / | it has ADD beside that",
            })
    void aStageOfAnotherKindHasNoTime(String lines, String why) {
        var file = lines.replace(';', '\n') + "\n" + SHOWN;
        assertThatThrownBy(() -> builds.build(builds.spec("ARG SOURCE_DATE_EPOCH=s\n" + file)))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot build " + directory + "/Dockerfile: stage s has no time: " + why
                        + " [line=1]; begin it FROM scratch, with one ADD of one address of http, https or git,"
                        + " and ARG before it\n>     1 | ARG SOURCE_DATE_EPOCH=s\n");
    }

    @Test
    void whatHasNoTimeIsTold() {
        var spec = builds.spec(SHOWN).arg(EPOCH, "yesterday");
        assertThatThrownBy(() -> builds.build(spec))
                .isInstanceOf(BuildException.class)
                .hasMessage("cannot build " + directory + "/Dockerfile: SOURCE_DATE_EPOCH is no number of seconds since"
                        + " 1970, no context and no stage: yesterday");
        assertThatThrownBy(() -> builds.build(
                        builds.spec("FROM scratch AS s\nADD a /\n" + SHOWN).arg(EPOCH, "s")))
                .isInstanceOf(BuildException.class)
                .hasMessage(
                        "cannot build " + directory + "/Dockerfile: stage s has no time: a is a file of the context");
    }
}
