package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildContext;
import dev.cais.BuildException;
import dev.cais.BuildPruneOptions;
import dev.cais.BuildSpec;
import dev.cais.ByteSize;
import dev.cais.CorruptContentException;
import dev.cais.Engine;
import dev.cais.EngineException;
import dev.cais.EngineOptions;
import dev.cais.ImageLimits;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.TarWriter;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Dockerfiles and contexts that mean harm. */
@Timeout(240)
class HostileBuildTest extends BuildsByOneEngine {
    /** Builds of directories in a JVM with little memory: each argument is one; each gives a line. */
    static final class LittleMemory {
        public static void main(String[] args) {
            try (var engine = Engine.open(EngineOptions.defaults().store(Path.of(args[0])))) {
                for (var i = 1; i < args.length; i++) {
                    System.out.println(outcome(engine, BuildSpec.of(Path.of(args[i]))));
                }
            }
        }

        private static String outcome(Engine engine, BuildSpec spec) {
            try {
                return engine.images().build(spec).layers().size() + " layers";
            } catch (EngineException e) {
                return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
            }
        }
    }

    private List<String> withLittleMemory(String heap, String... names) {
        var arguments = new ArrayList<String>();
        arguments.add(store.path().toString());
        for (var name : names) {
            arguments.add(context.resolve(name).toString());
        }
        try (var jvm = ChildJvm.start(
                List.of(),
                List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx" + heap),
                LittleMemory.class,
                arguments.toArray(String[]::new))) {
            var lines = jvm.readLines();
            assertThat(jvm.await(Duration.ofSeconds(60))).isZero();
            return lines;
        }
    }

    @Test
    void filesOfAnySizeAreReadWithLittleMemory() throws IOException {
        builds.write("line/Dockerfile", "FROM scratch\nLABEL a=");
        try (var file = new RandomAccessFile(context.resolve("line/Dockerfile").toFile(), "rw")) {
            file.setLength(1L << 30);
        }
        builds.write("ignore/Dockerfile", "FROM scratch\n");
        Files.createFile(context.resolve("ignore/.dockerignore"));
        try (var file =
                new RandomAccessFile(context.resolve("ignore/.dockerignore").toFile(), "rw")) {
            file.setLength(1L << 30);
        }
        builds.write("long/Dockerfile", "FROM scratch\nLABEL a=" + "x".repeat(2 << 20) + "\n");
        builds.write("nul/Dockerfile", "FROM scratch\nLABEL a=\0\n");
        var stages = new StringBuilder("FROM scratch AS s0\n");
        for (var i = 1; i < 10_000; i++) {
            stages.append("FROM s")
                    .append(i - 1)
                    .append(" AS s")
                    .append(i)
                    .append("\nLABEL l=")
                    .append(i)
                    .append('\n');
        }
        builds.write("stages/Dockerfile", stages.toString());
        builds.write("more/Dockerfile", stages + "FROM scratch\n");

        assertThat(withLittleMemory("96m", "line", "ignore", "long", "nul", "stages", "more"))
                .containsExactly(
                        "cannot build " + context + "/line/Dockerfile: it is larger than 16 MiB",
                        "cannot read " + context + "/ignore/.dockerignore: it is larger than 1 MiB",
                        "cannot build " + context + "/long/Dockerfile: the line is longer than 1048576 bytes [line=2]",
                        "cannot build " + context + "/nul/Dockerfile: the line has a NUL [line=2]",
                        "0 layers",
                        "cannot build " + context + "/more/Dockerfile: it has more than 10000 stages [line=20000]");
    }

    @Test
    void manyFilesAreCopiedWithLittleMemoryOrRefusedWithLess() {
        builds.write("Dockerfile", "FROM scratch\nCOPY files /files/\n");
        var made = Programs.runIn(
                context,
                "sh",
                "-c",
                "mkdir files; cd files; for d in $(seq 20); do mkdir $d; (cd $d; seq 1000 | xargs touch); done");
        assertThat(made.exitCode()).isZero();

        assertThat(withLittleMemory("64m", ".")).containsExactly("1 layers");
        assertThat(withLittleMemory("32m", "."))
                .containsExactly(
                        "cannot build " + context + "/Dockerfile: cannot read the context: it has more files than"
                                + " the heap of this JVM is for [line=2]; leave some out with .dockerignore, or give it more"
                                + " memory with -Xmx");
    }

    @Test
    void stagesThatNeedThemselvesAreRefused() {
        assertThatThrownBy(() -> builds.build("FROM busybox AS a\nCOPY --from=a /x /\n"))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("stage a needs itself [line=2]");
        assertThatThrownBy(() -> builds.build("FROM busybox\nCOPY --from=0 /x /\n"))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("stage 0 needs itself [line=2]");
        assertThatThrownBy(() -> builds.build("""
                        FROM busybox AS a
                        RUN --mount=from=b,target=/b true
                        FROM busybox AS b
                        RUN --mount=from=a,target=/a true
                        """))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("stage a needs stage b, which needs it itself [line=1]");
    }

    @Test
    void socketsOfAContextAreLeftOut() throws IOException {
        Files.createDirectories(context.resolve("d"));
        try (var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(context.resolve("d/socket")));
            builds.write("d/file", "");
            assertThat(builds.run(builds.build("FROM busybox\nCOPY d /d/\n"), "ls", "/d"))
                    .isEqualTo("file\n");
        }
    }

    @Test
    void aTarThatSwellsIsRefused() throws IOException {
        var packed = new ByteArrayOutputStream();
        try (var gzip = new GZIPOutputStream(packed)) {
            var zeros = new byte[1 << 20];
            gzip.write(new TarWriter()
                    .entry('0', "zeros", 0644, "", 256L << 20, new byte[0])
                    .bytesWithoutEnd());
            for (var i = 0; i < 256; i++) {
                gzip.write(zeros);
            }
        }
        var usual = ImageLimits.DEFAULT;
        var limits = new ImageLimits(usual.manifestSize(), usual.layers(), ByteSize.mib(16), 1000, usual.pathLength());
        try (var strict = Engine.open(store.options().limits(limits))) {
            var swelling = BuildContext.tar(new ByteArrayInputStream(packed.toByteArray()));
            assertThatThrownBy(() -> strict.images().build(BuildSpec.of(swelling)))
                    .isInstanceOf(CorruptContentException.class)
                    .hasMessage("cannot unpack the context: entry zeros: its files have more than 16.0 MiB, the limit");
            var files = new TarWriter();
            for (var i = 0; i < 1001; i++) {
                files.file("f" + i, 0644, "");
            }
            var many = BuildContext.tar(new ByteArrayInputStream(files.bytes()));
            assertThatThrownBy(() -> strict.images().build(BuildSpec.of(many)))
                    .isInstanceOf(CorruptContentException.class)
                    .hasMessage(
                            "cannot read the context: it has more than 1000 entries, the limit [offset=512512]; fetch or"
                                    + " save it again");
            Files.write(context.resolve("bomb"), packed.toByteArray());
            assertThatThrownBy(() -> strict.images().build(builds.spec("FROM busybox\nADD bomb /\n")))
                    .isInstanceOf(BuildException.class)
                    .hasMessageContaining(": entry zeros: its files have more than 16.0 MiB, the limit [line=2]");
        }
    }

    @Test
    void aSignalThatIsNoneIsRefused() {
        assertThat(builds.build("FROM busybox\nARG S=QUIT\nSTOPSIGNAL SIG$S\n")
                        .config()
                        .stopSignal())
                .isEqualTo("SIGQUIT");
        assertThatThrownBy(() -> builds.build("FROM busybox\nSTOPSIGNAL SIGNONE\n"))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("cannot use signal SIGNONE: there is none of that name [line=2]; write SIGTERM,"
                        + " TERM or 15");
    }

    @Test
    void pathsAsDeepAsTheKernelTakesAreCopiedTo() throws IOException {
        builds.write("a", "a");
        var deepest = "/d".repeat(2045);
        var image = builds.build("FROM scratch\nCOPY a " + deepest + "/\n");
        assertThat(image.layers()).hasSize(1);
        image.remove(); // a store removes what JUnit cannot name
        engine.images().pruneBuildCache(BuildPruneOptions.all());

        assertThatThrownBy(() -> builds.build("FROM scratch\nCOPY a " + "/d".repeat(30_000) + "/\n"))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining(
                        "cannot use a path in a container: it is longer than 4095 bytes, and begins with d/d/");
    }
}
