package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildOutput;
import dev.cais.BuildSpec;
import dev.cais.Engine;
import dev.cais.InvalidSpecException;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The same sources give the same bytes, whoever builds them where and when. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class ReproducibleBuildTest {
    private static final String DOCKERFILE = """
            FROM busybox AS made
            RUN mkdir -p /made/b /made/a && date +%s%N | head -c 0 >/made/b/f && ln -s f /made/b/link
            RUN rm /etc/passwd && rm -r /made/a && mkdir /made/a
            FROM made
            WORKDIR /w/x
            COPY . /c
            COPY --chown=1:2 --chmod=go= a /d/
            COPY --link b /l/
            COPY --from=made /made /copied
            ADD t.tar /t/
            COPY <<EOF /doc
            text
            EOF
            EXPOSE 80 443 22 8080/udp
            VOLUME /v /u /t
            LABEL z=1 a=2 m=3
            ENV B=1 A=2
            """;

    /** Builds a directory on a store, and prints what came of it. */
    static final class Building {
        public static void main(String[] arguments) {
            System.out.println(build(new TestStore(Path.of(arguments[0])), Path.of(arguments[1])));
        }
    }

    private static String build(TestStore store, Path context) {
        try (var engine = store.openEngineWithBusybox()) {
            var built = engine.images()
                    .build(BuildSpec.of(context)
                            .arg("SOURCE_DATE_EPOCH", "1700000000")
                            .withRewrittenTimestamps()
                            .annotation("org.opencontainers.image.title", "the same")
                            .annotation("a", "b")
                            .output(BuildOutput.tar(context.resolveSibling(context.getFileName() + ".tar"))));
            return built.id() + " " + built.digest().orElseThrow();
        }
    }

    private static void set(Path file, int mode, long seconds) throws IOException {
        Files.setAttribute(file, "unix:mode", mode);
        Files.setLastModifiedTime(file, FileTime.fromMillis(seconds * 1000));
    }

    /** @param order in which the files come to be */
    private static void write(Path context, List<Integer> order, int owner, long time) throws IOException {
        for (var i : order) {
            Files.createDirectories(context.resolve("a/" + i % 3));
            Files.writeString(context.resolve("a/" + i % 3 + "/f" + i), "content " + i);
        }
        Files.writeString(context.resolve("b"), "b");
        Files.writeString(context.resolve("Dockerfile"), DOCKERFILE);
        var tar = context.resolve("t.tar");
        Programs.output(
                "tar",
                "--sort=name",
                "--owner=5",
                "--group=6",
                "--mtime=@1600000000",
                "--numeric-owner",
                "-C",
                context.resolve("a").toString(),
                "-cf",
                tar.toString(),
                "0/f0",
                "0/f3");
        try (var files = Files.walk(context)) {
            for (var file : files.toList()) {
                Files.setAttribute(file, "unix:uid", owner);
                set(
                        file,
                        Files.isDirectory(file) ? 0755 : 0644,
                        time + file.toString().length());
            }
        }
    }

    @Test
    void anotherMachineDayUserAndLanguageGiveTheSameDigests(TestStore store, @TempDir Path host) throws IOException {
        var here = Files.createDirectory(host.resolve("here"));
        var there = Files.createDirectory(host.resolve("there"));
        write(here, IntStream.range(0, 9).boxed().toList(), 0, 1_650_000_000);
        write(there, List.of(8, 1, 7, 0, 2, 6, 4, 3, 5), 1234, 1_750_000_000);
        Files.createDirectories(store.path());
        var own = build(new TestStore(store.path().resolve("here")), here);

        try (var child = ChildJvm.start(
                List.of("sh", "-c", "umask 077; TZ=Asia/Tokyo LC_ALL=C exec \"$@\"", "sh"),
                List.of("-Duser.language=ar", "-Duser.country=EG", "-Duser.name=other"),
                Building.class,
                store.path().resolve("there").toString(),
                there.toString())) {
            assertThat(child.readLine()).isEqualTo(own);
        }
        assertThat(host.resolve("there.tar")).hasSameBinaryContentAs(host.resolve("here.tar"));
    }

    @Test
    void programsWriteAtTheTimeThatIsAskedFor(TestStore store, @TempDir Path context) throws IOException {
        Files.writeString(context.resolve("Dockerfile"), """
                FROM busybox
                RUN mkdir /new && echo x >/new/f && ln -s f /new/link && touch -d @1000 /new/old && echo y >/etc/more
                """);
        var spec = BuildSpec.of(context).arg("SOURCE_DATE_EPOCH", "1700000000");
        try (var engine = store.openEngineWithBusybox()) {
            assertThat(times(engine, spec.withRewrittenTimestamps(), context.resolve("a.tar")))
                    .containsExactly(
                            "2023-11-14 22:13:20 etc/",
                            "2023-11-14 22:13:20 etc/more",
                            "2023-11-14 22:13:20 new/",
                            "2023-11-14 22:13:20 new/f",
                            "2023-11-14 22:13:20 new/link",
                            "1970-01-01 00:16:40 new/old");
            assertThat(times(engine, spec, context.resolve("b.tar")))
                    .contains("1970-01-01 00:16:40 new/old")
                    .doesNotContain("2023-11-14 22:13:20 new/f");
        }
        assertThatThrownBy(() -> {
                    try (var engine = store.openEngine()) {
                        engine.images().build(BuildSpec.of(context).withRewrittenTimestamps());
                    }
                })
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot build " + context + ": timestamps are to be rewritten, and it is not said to what;"
                        + " give the argument SOURCE_DATE_EPOCH");
    }

    @Test
    void whatAnArchiveHoldsIsNotLaterThanIsAskedFor(TestStore store, @TempDir Path context) throws IOException {
        for (var time : List.of("1600000000", "1800000000")) {
            Files.writeString(context.resolve("of-" + time), time);
            Programs.output(
                    "tar",
                    "--mtime=@" + time,
                    "-C",
                    context.toString(),
                    "-cf",
                    context + "/" + time + ".tar",
                    "of-" + time);
        }
        Files.writeString(
                context.resolve("Dockerfile"), "FROM busybox\nADD *.tar /t/\nRUN stat -c '%n %Y' /t/of-* >/times\n");
        try (var engine = store.openEngineWithBusybox()) {
            var builds = TestBuilds.of(engine, context);
            var spec = BuildSpec.of(context);
            assertThat(builds.run(builds.build(spec), "cat", "/times"))
                    .isEqualTo("/t/of-1600000000 1600000000\n/t/of-1800000000 1800000000\n");
            assertThat(builds.run(builds.build(spec.arg("SOURCE_DATE_EPOCH", "1700000000")), "cat", "/times"))
                    .isEqualTo("/t/of-1600000000 1600000000\n/t/of-1800000000 1700000000\n");
        }
    }

    private static List<String> times(Engine engine, BuildSpec spec, Path tar) {
        engine.images().build(spec.output(BuildOutput.tar(tar)));
        return BuildOutputTest.tarListing(tar).stream()
                .filter(line -> line.matches(".* (etc/|etc/more|new/.*)"))
                .map(line -> String.join(" ", List.of(line.split(" ")).subList(3, 6)))
                .toList();
    }
}
