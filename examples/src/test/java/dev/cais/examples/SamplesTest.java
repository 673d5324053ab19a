package dev.cais.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.CommitOptions;
import dev.cais.ContainerSpec;
import dev.cais.Mount;
import dev.cais.Platform;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestImages;
import dev.cais.fixtures.TestRegistry;
import dev.cais.fixtures.TestStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs every example in a JVM of its own, as a user would, on a store that has busybox. */
@LeakChecked
@RequiresRoot
@RequiresFeature(Feature.OVERLAYFS)
class SamplesTest {
    @Test
    void helloShowsAllThatComesBack(TestStore store) {
        loadBusybox(store);
        assertThat(run(store, Hello.class))
                .containsExactly("stdout: good morning from pid 1 in /tmp", "stderr: nobody", "status: exit 3");
    }

    @Test
    void archivesAreLoadedSavedAndImported(TestStore store, @TempDir Path directory) {
        var lines = run(
                store,
                Archives.class,
                TestImages.busyboxLayout().toString(),
                directory.toString(),
                TestImages.busyboxRootfs().toString());
        assertThat(lines)
                .first()
                .asString()
                .startsWith("[busybox:latest] sha256:")
                .endsWith(" for linux/amd64");
        assertThat(lines)
                .contains("  made by busybox-static")
                .anyMatch(line -> line.matches("the container is called [0-9a-f]{12}"));
        assertThat(lines).anyMatch(line -> line.startsWith("Image[imported:latest, "));
        assertThat(directory.resolve("busybox_latest").resolve("index.json")).isRegularFile();
        assertThat(directory.resolve("busybox_latest.tar")).isRegularFile();
    }

    @Test
    @RequiresProgram("mmdebstrap")
    @RequiresFeature({Feature.OWN_NETWORK, Feature.NF_TABLES})
    void serviceIsReachedFromTheHostAndStops(TestStore store) {
        try (var engine = store.openEngine()) {

            var image = CommitOptions.DEFAULT.command("redis-server", "--protected-mode", "no", "--save", "");
            engine.images().importRootfs(TestImages.debianWith("redis-server"), "redis", Platform.host(), image);
        }
        var lines = run(store, Service.class);
        assertThat(lines).first().asString().startsWith("Container[cache, running, pid ");
        assertThat(lines.subList(1, 7))
                .containsExactly(
                        "+PONG",
                        "OK",
                        "memory in use: true",
                        "memory limit: 256.0 MiB",
                        "few processes: true",
                        "stopped with exit 0");
        assertThat(lines.subList(7, lines.size())).hasSize(5).anyMatch(line -> line.contains("Redis is starting"));
    }

    @Test
    @RequiresProgram("mmdebstrap")
    void warmClonesOfADatabaseAnswerEachUntouched(TestStore store) {
        var rootfs = TestImages.debianWith("postgresql");
        try (var engine = store.openEngine()) {
            engine.images().importRootfs(rootfs, "postgres");
        }
        var lines = run(store, WarmClones.class, "postgres");
        assertThat(lines).first().isEqualTo("set up: exit 0");
        assertThat(lines)
                .filteredOn(line -> line.startsWith("rows: "))
                .hasSize(6)
                .containsOnly("rows: 100000");
        assertThat(lines).filteredOn(line -> line.matches("clone: \\d+ ms")).hasSize(5);
    }

    @Test
    void volumesCarryAFileFromOneContainerToAnother(TestStore store) {
        loadBusybox(store);
        assertThat(run(store, Volumes.class)).containsExactly("copied: exit 0", "hello", "6 bytes in data");
    }

    @Test
    @RequiresFeature({Feature.OWN_NETWORK, Feature.NF_TABLES})
    void networksLeadFromContainerToContainer(TestStore store) {
        loadBusybox(store);
        assertThat(run(store, Networks.class))
                .containsExactly(
                        "inside: good morning", "outside: good morning", "1 port, 1 endpoint, private address: true");
    }

    @Test
    @RequiresProgram("docker-registry")
    void registryHasOneNameForTwoPlatformsAndItsCopy(TestStore store, @TempDir Path directory) {
        try (var engine = store.openEngineWithBusybox()) {
            var arm = Platform.parse("linux/arm64");
            engine.images().importRootfs(TestImages.busyboxRootfs(), "arm", arm, CommitOptions.DEFAULT);
        }
        try (var registry = TestRegistry.plain(directory)) {
            assertThat(run(store, Registry.class, registry.address(), "busybox", "arm"))
                    .containsExactly(
                            "same digest: true",
                            "/first [1]",
                            "/second/copy [1]",
                            "for linux/amd64",
                            "for linux/arm64",
                            "application/vnd.example.note: checked by hand",
                            "left: []");
        }
    }

    @Test
    void demoRunsOnTheHostsOwnPrograms(TestStore store) {
        assertThat(run(store, Demo.class))
                .contains(
                        "  namespaces of its own     mnt, pid, net, uts, ipc, cgroup",
                        "  capabilities              at most 14 of root's",
                        "  system call filter        on",
                        "  itself                    pid 1, user root (0)",
                        "  network                   lo",
                        "  its cgroup                /")
                .anyMatch(line -> line.matches("  for one more +\\d+\\.\\d ms, start to exit, median of 50"));
    }

    @Test
    void benchmarkPrintsATable(TestStore store, @TempDir Path directory) throws Exception {
        loadBusybox(store);
        var archive = directory.resolve("rootfs.tar");
        Files.copy(TestImages.busyboxArchive(), archive);
        var lines = run(
                List.of("-Drounds=3", "-Dmany=4", "-Dwatched=4", "-Drow=5", "-Dlogs=1", "-Dcopy=1", "-Dclone=1"),
                store,
                Benchmark.class,
                "busybox",
                archive.toString());
        assertThat(lines).hasSize(21);
        assertThat(lines.subList(2, lines.size()))
                .allMatch(line -> line.matches(".{44} +\\d+ +\\d+\\.\\d\\d ms +\\d+\\.\\d\\d ms +\\d+\\.\\d\\d ms.*"));
    }

    @Test
    void buildBenchmarkPrintsATable(TestStore store) {
        loadBusybox(store);
        var sizes = List.of("-Drounds=1", "-Dfiles=20", "-Drun=2", "-Dpeer.cold=true", "-Dpeer.cached=true");
        var lines = run(sizes, store, BuildBenchmark.class, "busybox");
        assertThat(lines).hasSize(11);
        assertThat(lines.subList(2, lines.size()))
                .allMatch(line -> line.matches(".{44} +\\d+ +\\d+\\.\\d\\d ms +\\d+\\.\\d\\d ms +\\d+\\.\\d\\d ms.*"));
    }

    @Test
    void interactiveTalksToAShell(TestStore store) throws Exception {
        loadBusybox(store);
        var lines = run(store, Interactive.class);
        Files.deleteIfExists(Path.of("/tmp/hostname"));
        assertThat(lines).contains("40 120");
        assertThat(lines.subList(lines.size() - 5, lines.size()))
                .containsExactly("5", "typed", "65534", "/tmp", "PAUSED");
    }

    @Test
    void terminalShowsAContainerOnTheUsersOwn(TestStore store) {
        loadBusybox(store);
        var command =
                java(store, Terminal.class) + " busybox sh -c 'tty; read word; stty size; echo got \\$word; exit 7'";
        var output = onTerminal("stty cols 101 rows 31; " + command + "; echo left \\$?");
        assertThat(output)
                .contains("/dev/pts/0")
                .contains("31 101\r\ngot typed\r\n")
                .endsWith("left 7\r\n");
    }

    @Test
    void aBuildShowsHowItGoes(TestStore store, @TempDir Path context) throws Exception {
        loadBusybox(store);
        Files.writeString(context.resolve("Dockerfile"), """
                FROM busybox AS base
                RUN echo one; echo two >/two
                FROM base
                COPY Dockerfile /
                """);
        assertThat(run(store, Build.class, context.toString(), "shown:1"))
                .contains("#1 [base 1/1] RUN echo one; echo two >/two", "#2 [1 1/1] COPY Dockerfile /")
                .anyMatch(line -> line.matches("#1 \\d+\\.\\d{3} one"))
                .last()
                .asString()
                .startsWith("Image[shown:1, ");
        Files.writeString(context.resolve("Dockerfile"), """
                FROM busybox AS base
                RUN echo one; echo two >/two
                RUN echo no luck; exit 3
                """);
        assertThat(Screen.of(
                        onTerminal("stty cols 60 rows 20; " + java(store, Build.class) + " " + context + "; true")))
                .matches("""
                        (?s)typed
                         => CACHED \\[base 1/2\\] RUN echo one; echo two >/two +0.0s
                         => ERROR \\[base 2/2\\] RUN echo no luck; exit 3 +\\d+\\.\\ds
                         => => no luck
                        \\[\\+\\] Failed, 1 done +\\d+\\.\\ds
                        cannot build .*Dockerfile: the program ended with exit 3 \\[line=3\\]; its last words: no luck
                        .*""");
    }

    @Test
    void aJavaProgramBecomesAnImageThatRunsIt(TestStore store, @TempDir Path directory) throws Exception {
        loadBusybox(store);
        var classes = Files.createDirectories(directory.resolve("classes/META-INF"));
        Files.writeString(classes.resolve("note"), "a resource");
        var source = directory.resolve("Main.java");
        Files.writeString(source, """
                public class Main {
                    public static void main(String[] arguments) throws Exception {
                        try (var note = Main.class.getResourceAsStream("/META-INF/note")) {
                            System.out.println(new String(note.readAllBytes()) + Lib.TEXT);
                        }
                    }
                }
                class Lib {
                    static final String TEXT = new String(" and a class of a jar");
                }
                """);
        var home = Path.of(System.getProperty("java.home"));
        Programs.output(home + "/bin/javac", "-d", directory.resolve("classes").toString(), source.toString());
        Files.createDirectories(directory.resolve("lib"));
        Files.move(directory.resolve("classes/Lib.class"), directory.resolve("lib/Lib.class"));
        Programs.output(
                home + "/bin/jar",
                "cf",
                directory.resolve("lib.jar").toString(),
                "-C",
                directory.resolve("lib").toString(),
                ".");
        var classpath = directory.resolve("lib.jar") + ":" + directory.resolve("classes");
        assertThat(run(store, JavaImage.class, "busybox", "Main", classpath, "program:1"))
                .hasSize(4)
                .contains(
                        "LAYER /app/libs/lib.jar",
                        "LAYER /app/resources/META-INF/note",
                        "LAYER /app/classes/Main.class");
        try (var engine = store.openEngine()) {
            // the host's Java in place of one of an image
            var spec = ContainerSpec.of("program:1").env("PATH", home + "/bin");
            for (var path : List.of("/usr", "/lib", "/lib64", "/etc")) {
                if (Files.exists(Path.of(path))) {
                    spec = spec.mount(Mount.bind(Path.of(path), path).readOnly(true));
                }
            }
            assertThat(engine.containers().run(spec).stdout()).isEqualTo("a resource and a class of a jar\n");
        }
    }

    @Test
    void sessionWorksLineByLineInJshell(TestStore store) {
        loadBusybox(store);
        var jshell = Path.of(System.getProperty("java.home"), "bin", "jshell");
        var options = "-R-Dcais.store=" + store.path() + nativeAccess("-R");
        var output = Programs.output(
                "sh",
                "-c",
                jshell + " --class-path " + System.getProperty("java.class.path") + " " + options
                        // by itself it gives its second JVM five seconds
                        + " --execution 'jdi:timeout(120000)' <src/main/jshell/session.jsh");
        assertThat(output)
                .contains("engine ==> Engine[")
                .contains("box ==> Container[box, running, pid ")
                .contains("==> \"TYPED\\n\"")
                .contains("limit=64.0 MiB")
                .doesNotContain("Exception")
                .doesNotContain("Error");
    }

    private static String java(TestStore store, Class<?> sample) {
        var java = Path.of(System.getProperty("java.home"), "bin", "java");
        return java + nativeAccess("") + " -cp " + System.getProperty("java.class.path") + " -Dcais.store="
                + store.path() + " " + sample.getName();
    }

    /** What newer JDKs want to be told, or they warn. */
    private static String nativeAccess(String prefix) {
        return Runtime.version().feature() >= 22 ? " " + prefix + "--enable-native-access=ALL-UNNAMED" : "";
    }

    /** What a command writes to a terminal on which somebody types a word. */
    private static String onTerminal(String command) {
        return Programs.output("sh", "-c", "echo typed | script -qec \"" + command + "\" /dev/null");
    }

    private static void loadBusybox(TestStore store) {
        store.openEngineWithBusybox().close();
    }

    private static List<String> run(TestStore store, Class<?> sample, String... arguments) {
        return run(List.of(), store, sample, arguments);
    }

    private static List<String> run(List<String> options, TestStore store, Class<?> sample, String... arguments) {
        var all = new ArrayList<>(options);
        all.add("-Dcais.store=" + store.path());
        try (var jvm = ChildJvm.start(List.of(), all, sample, arguments)) {
            var lines = jvm.readLines();
            assertThat(jvm.await(Duration.ofMinutes(1))).isZero();
            return lines;
        }
    }
}
