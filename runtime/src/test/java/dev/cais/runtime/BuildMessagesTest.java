package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildContext;
import dev.cais.BuildEvent;
import dev.cais.BuildException;
import dev.cais.BuildOutput;
import dev.cais.BuildSecret;
import dev.cais.BuildSpec;
import dev.cais.CancelledException;
import dev.cais.ConflictException;
import dev.cais.Engine;
import dev.cais.EngineException;
import dev.cais.InvalidSpecException;
import dev.cais.NotFoundException;
import dev.cais.PullPolicy;
import dev.cais.StorageException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Whole messages of builds that cannot be: what, which thing, why, what helps, and the line, marked. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class BuildMessagesTest {
    @TempDir
    private static Path context;

    private static Engine engine;

    @BeforeAll
    static void open(TestStore store) throws Exception {
        engine = store.openEngineWithBusybox();
        Files.writeString(context.resolve("app.jar"), "x");
        Files.createDirectories(context.resolve("src"));
        Files.writeString(context.resolve("src/Main.java"), "x");
        Files.writeString(context.resolve("ignored"), "x");
        Files.writeString(context.resolve(".dockerignore"), "ignored\nexcept\nDockerfile\n");
        Files.createSymbolicLink(context.resolve("out"), Path.of("/etc/passwd"));
        Files.createSymbolicLink(context.resolve("Containerfile"), Path.of("/etc/passwd"));
        Files.createDirectories(context.resolve("odd"));
        var pipe = new ProcessBuilder("mkfifo", context.resolve("odd/red\u001b[31m\nfile") + "").start();
        assertThat(pipe.waitFor()).isZero();
    }

    @AfterAll
    static void close() {
        engine.close();
    }

    /** The lines of a Dockerfile around one that is to blame. */
    private static String excerpt(String dockerfile, int line) {
        var lines = dockerfile.split("\n");
        var shown = new StringBuilder();
        for (var i = Math.max(1, line - 2); i <= Math.min(lines.length, line + 1); i++) {
            shown.append(i == line ? "\n> " : "\n  ")
                    .append(String.format("%5d | ", i))
                    .append(lines[i - 1]);
        }
        return shown.toString();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "2 | FROM busybox~COPY ap.jar / | the context has no file ap.jar [line=2]; did you mean app.jar?",
                "2 | FROM busybox~COPY src/Mian.java / | the context has no file src/Mian.java [line=2]; did you mean"
                        + " src/Main.java?",
                "2 | FROM busybox~COPY nothing/like/it / | the context has no file nothing/like/it [line=2]",
                "2 | FROM busybox~COPY ignored / | the context has no file ignored [line=2]; its .dockerignore leaves it out",
                "2 | FROM busybox~COPY ../lib / | the context has no file lib [line=2]; nothing above a context is copied:"
                        + " add that directory with BuildSpec.context",
                "2 | FROM busybox~ADD ftp://x.invalid/y / | the context has no file ftp:/x.invalid/y [line=2]; ADD fetches by"
                        + " http, https, git or ssh alone",
                "2 | FROM busybox~COPY out / | the context has no file out: by links it is etc/passwd, which is not there,"
                        + " either [line=2]",
                "2 | FROM busybox~COPY odd / | odd/red?[31m?file of the context is a pipe, which a build does not copy"
                        + " [line=2]; leave it out with .dockerignore",
                "2 | FROM busybox~COPY --from=busybox /bin/sch / | image busybox:latest has no file bin/sch [line=2]; did"
                        + " you mean bin/sh?",
                "2 | FROM busybox~COPY --chown=nobdoy app.jar / | cannot give files to nobdoy: the image has no user nobdoy"
                        + " [file=/etc/passwd, line=2]; did you mean nobody?",
                "2 | FROM busybox~COPY --chown=0:none app.jar / | cannot give files to 0:none: the image has no group none"
                        + " [file=/etc/group, line=2]; name one that it has, or a number",
                "3 | FROM busybox~USER nobdoy~RUN true | cannot run as nobdoy: the image has no user nobdoy"
                        + " [file=/etc/passwd, line=3]; did you mean nobody?",
                "1 | FROM bysubox | cannot pull bysubox:latest: the store does not have it, and the policy is never to ask"
                        + " a registry [line=1]; did you mean busybox?",
                "2 | FROM busybox AS build~FROM biuld | cannot pull biuld:latest: the store does not have it, and the policy"
                        + " is never to ask a registry [line=2]; did you mean build?",
                "2 | FROM busybox AS build~COPY --from=biuld /a /b | cannot pull biuld:latest: the store does not have it,"
                        + " and the policy is never to ask a registry [line=2]; did you mean build?",
                "2 | FROM busybox~RUN --mount=from=bysubox,target=/b true | cannot pull bysubox:latest: the store does not"
                        + " have it, and the policy is never to ask a registry [line=2]; did you mean busybox?",
                "1 | FROM --platform=linux/s390x busybox | cannot pull busybox:latest: the store does not have it, and the"
                        + " policy is never to ask a registry [line=1]; the store has it for linux/amd64, not for linux/s390x",
                "2 | FROM busybox~RUN [\"nothing\"] | nothing is not in the PATH of the container"
                        + " [PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin, line=2]; check the command's"
                        + " spelling, or name the whole path",
                "2 | FROM busybox~RUN ['echo'] | the program ended with exit 127 [line=2]; its last words: /bin/sh: [echo]:"
                        + " not found; what is to be a JSON array is none: strings in double quotes, commas between",
                "2 | FROM scratch~RUN true | there is no /bin/sh in the container [line=2]; check the command's spelling",
                "3 | FROM busybox AS a~ONBUILD RUN exit 4~FROM a | the program ended with exit 4 [trigger=RUN exit 4,"
                        + " line=3]",
                "2 | FROM busybox~RUN --mount=type=secret,id=tokne,required true | the build was given no secret tokne"
                        + " [line=2]; did you mean token?",
                "2 | FROM busybox~RUN --mount=type=ssh,required true | the build was given no ssh agent default [line=2];"
                        + " add it with BuildSpec.ssh",
            })
    void aDockerfileThatCannotBeBuiltIsShown(int line, String lines, String why) {
        var dockerfile = lines.replace('~', '\n');
        var spec = BuildSpec.of(context)
                .dockerfileInline(dockerfile)
                .pull(PullPolicy.NEVER)
                .secret("token", BuildSecret.of("x"));

        assertThatThrownBy(() -> engine.images().build(spec))
                .isInstanceOf(BuildException.class)
                .hasMessage("cannot build the Dockerfile: " + why + excerpt(dockerfile, line));
        assertThat(engine.containers().list()).isEmpty();
    }

    static Stream<Arguments> specs() {
        return Stream.of(
                spec(NotFoundException.class, spec -> spec.dockerfile("dockerfile"), """
                        cannot build %s: there is no file dockerfile"""),
                spec(NotFoundException.class, spec -> spec.dockerfile("src/Mian.java"), """
                        cannot build %s: there is no file src/Mian.java; did you mean src/Main.java?"""),
                spec(NotFoundException.class, spec -> spec.dockerfile("Containerfile"), """
                        cannot build %s: there is no file Containerfile; it is a link, and where it leads there is nothing"""),
                spec(NotFoundException.class, spec -> spec.dockerfile("../Dockerfile"), """
                        cannot build %s: there is no file ../Dockerfile; write an absolute path to a file that is not in the \
                        context"""),
                spec(NotFoundException.class, spec -> BuildSpec.of(context.resolve("app.jar")), """
                        cannot build %s/app.jar: it is no directory"""),
                spec(NotFoundException.class, spec -> spec.noCacheFilter("biuld"), """
                        cannot build %s without the cache of stage biuld: there is no such stage; did you mean build?"""),
                spec(BuildException.class, spec -> spec.target("biuld"), """
                        cannot build the Dockerfile: there is no stage biuld; did you mean build?"""),
                spec(
                        InvalidSpecException.class,
                        spec -> BuildSpec.of(BuildContext.tar(InputStream.nullInputStream())),
                        """
                        cannot build a tar stream: it has nothing, or nothing more; give each build a stream of its own, since it \
                        is read once"""),
                spec(InvalidSpecException.class, spec -> spec.arg("A=B", "c"), """
                        cannot build %s: an argument's name is empty or has an equals sign: A=B"""),
                spec(InvalidSpecException.class, spec -> spec.secret("", BuildSecret.of("x")), """
                        cannot build with a secret or an ssh agent: its id is empty"""),
                spec(InvalidSpecException.class, spec -> spec.allowDevice("nvidia"), """
                        cannot allow device nvidia: it is no name of one; write vendor.com/class=name, or vendor.com/class"""),
                spec(
                        InvalidSpecException.class,
                        spec -> spec.output(
                                BuildOutput.oci(context.resolve("two.tar")),
                                BuildOutput.docker(context.resolve("two.tar"))),
                        """
                        cannot build %s: two outputs go to %s/two.tar; give each a place of its own"""),
                spec(ConflictException.class, spec -> spec.output(BuildOutput.local(context.resolve("app.jar"))), """
                        cannot write files to %s/app.jar: it is no directory"""),
                spec(StorageException.class, spec -> spec.output(BuildOutput.local(Path.of("/proc/none"))), """
                        cannot write files to /proc/none: there is no such file or directory"""),
                spec(StorageException.class, spec -> spec.output(BuildOutput.tar(context.resolve("none/x.tar"))), """
                        cannot save to %s/none/x.tar: there is no such file or directory"""));
    }

    private static Arguments spec(
            Class<? extends EngineException> kind, UnaryOperator<BuildSpec> change, String message) {
        return Arguments.of(kind, change, message);
    }

    @ParameterizedTest
    @MethodSource("specs")
    void aSpecThatCannotBeBuiltIsNamed(
            Class<? extends EngineException> kind, UnaryOperator<BuildSpec> change, String message) throws IOException {
        var before = files();

        assertThatThrownBy(() -> engine.images()
                        .build(change.apply(BuildSpec.of(context).dockerfileInline("FROM busybox AS build\n"))))
                .isInstanceOf(kind)
                .hasMessage(message.replace("%s", context.toString()));
        assertThat(files()).isEqualTo(before);
    }

    private static String files() throws IOException {
        try (var files = Files.walk(context)) {
            return Arrays.toString(files.sorted().toArray());
        }
    }

    @Test
    void aSpecSaysInOneLineWhatItIs() {
        var spec = BuildSpec.of(context).dockerfileInline("FROM scratch").tag("a", "b");

        assertThat(spec).hasToString("BuildSpec[" + context + ", the Dockerfile, a, b]");
    }

    @Test
    void aStepShowsNothingThatATerminalObeys() {
        var told = new ArrayList<String>();
        var spec = BuildSpec.of(context).dockerfileInline("FROM busybox\nRUN true \u001b[31m\n");

        engine.images().build(spec, event -> told.add(event.toString()));
        assertThat(told).contains("[0 1] RUN true ?[31m");
    }

    @Test
    void aFileThatGoesBeforeItIsCopiedIsTold(@TempDir Path moving) throws IOException {
        Files.writeString(moving.resolve("goes"), "goes");
        Files.writeString(moving.resolve("stays"), "stays");
        var dockerfile = "FROM busybox\nCOPY . /moving/";

        assertThatThrownBy(() -> engine.images().build(BuildSpec.of(moving).dockerfileInline(dockerfile), event -> {
                    if (event instanceof BuildEvent.Started) {
                        assertThat(moving.resolve("goes").toFile().delete()).isTrue();
                    }
                }))
                .isInstanceOf(BuildException.class)
                .hasMessage("cannot build the Dockerfile: files of the context changed while they were copied [line=2];"
                        + " build it again" + excerpt(dockerfile, 2));
    }

    @Test
    void aSecretThatCannotBeReadIsNamed() {
        var dockerfile = "FROM busybox\nRUN --mount=type=secret,id=s true";
        var spec = BuildSpec.of(context).dockerfileInline(dockerfile);

        assertThatThrownBy(() -> engine.images().build(spec.secret("s", BuildSecret.ofFile(context.resolve("none")))))
                .isInstanceOf(BuildException.class)
                .hasMessage("cannot build the Dockerfile: cannot read a build's secret from " + context
                        + "/none: there is no such file [line=2]" + excerpt(dockerfile, 2));
        assertThatThrownBy(() -> engine.images().build(spec.secret("s", BuildSecret.ofFile(context))))
                .isInstanceOf(BuildException.class)
                .hasMessage("cannot build the Dockerfile: cannot read a build's secret from " + context
                        + ": it is a directory [line=2]" + excerpt(dockerfile, 2));
    }

    @Test
    void anInterruptedBuildSaysWhatItWas() {
        Thread.currentThread().interrupt();
        try {
            assertThatThrownBy(() -> engine.images()
                            .build(BuildSpec.of(context).dockerfileInline("FROM busybox\nRUN sleep 100\n")))
                    .isInstanceOf(CancelledException.class)
                    .hasMessage("cannot build " + context + ": the thread was interrupted");
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }
}
