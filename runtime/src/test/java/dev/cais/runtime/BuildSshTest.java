package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildException;
import dev.cais.Engine;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code RUN --mount=type=ssh}, with OpenSSH's agent and its {@code ssh-add} inside. */
@RequiresRoot
@RequiresProgram("ssh-agent")
@LeakChecked
@Timeout(120)
class BuildSshTest {
    private static final Pattern LIBRARY = Pattern.compile("(/\\S+) \\(0x");

    private static Engine engine;

    @TempDir
    private Path context;

    private TestBuilds builds;
    private Process agent;
    private Path socket = Path.of("/");
    private String fingerprint = "";

    @BeforeAll
    static void open(TestStore opened) {
        engine = opened.openEngineWithBusybox();
    }

    @AfterAll
    static void close() {
        engine.close();
    }

    @BeforeEach
    void begin() throws IOException {
        builds = TestBuilds.of(engine, context);
        bring("/usr/bin/ssh-add");
        socket = context.resolve("agent");
        agent = new ProcessBuilder("ssh-agent", "-D", "-a", socket.toString())
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        var key = context.resolve("key").toString();
        Programs.output("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "a key", "-f", key);
        fingerprint = Programs.output("ssh-keygen", "-l", "-f", key).strip();
        var end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (Programs.run("env", "SSH_AUTH_SOCK=" + socket, "ssh-add", "-q", key)
                        .exitCode()
                != 0) {
            assertThat(System.nanoTime()).as("the agent serves").isLessThan(end);
        }
    }

    @AfterEach
    void end() throws InterruptedException {
        agent.destroyForcibly();
        agent.waitFor();
    }

    /** A program of the host with its libraries, to {@code root}. */
    private void bring(String program) throws IOException {
        copy(Path.of(program));
        var libraries = LIBRARY.matcher(Programs.output("ldd", program));
        while (libraries.find()) {
            copy(Path.of(libraries.group(1)));
        }
        builds.write("root/etc/passwd", "root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n");
        builds.write(".dockerignore", "agent\nkey*\n");
    }

    private void copy(Path file) throws IOException {
        var target = Path.of(context + "/root" + file);
        Files.createDirectories(target.getParent());
        Files.copy(file, target);
    }

    private static final String TOOLS = "FROM busybox\nCOPY root/ /\n";

    @Test
    void aProgramAsksTheAgent() {
        var image = builds.build(builds.spec(TOOLS + """
                        RUN --mount=type=ssh ssh-add -l >/keys; echo $SSH_AUTH_SOCK >/where; stat -c '%a %u %g' $SSH_AUTH_SOCK >>/where
                        RUN --mount=type=ssh,id=default,target=/s/agent,mode=0620,uid=7,gid=8 echo $SSH_AUTH_SOCK >>/where; \\
                            stat -c '%a %u %g' /s/agent >>/where
                        USER user
                        RUN --mount=type=ssh,uid=1000 ssh-add -l >/tmp/keys
                        """).ssh("default", socket));

        assertThat(builds.run(image, "cat", "/keys", "/tmp/keys")).isEqualTo(fingerprint + "\n" + fingerprint + "\n");
        assertThat(builds.run(image, "cat", "/where"))
                .isEqualTo("/run/buildkit/ssh_agent.0\n600 0 0\n/s/agent\n620 7 8\n");
        assertThat(builds.run(image, "sh", "-c", "ls -d /run/buildkit /s 2>/dev/null; echo [$SSH_AUTH_SOCK]"))
                .isEqualTo("[]\n");
    }

    @Test
    void itMayNotChangeTheAgent() {
        var image = builds.build(builds.spec(TOOLS + """
                        RUN --mount=type=ssh ssh-add -D; ssh-add -x </dev/null; ssh-add -l >/keys; \\
                            i=0; while [ $i -lt 20 ]; do ssh-add -l; i=$((i+1)); done >/many
                        """).ssh("default", socket));

        assertThat(builds.run(image, "cat", "/keys")).isEqualTo(fingerprint + "\n");
        assertThat(builds.run(image, "cat", "/many")).isEqualTo((fingerprint + "\n").repeat(20));
        assertThat(Programs.output("env", "SSH_AUTH_SOCK=" + socket, "ssh-add", "-l")
                        .strip())
                .isEqualTo(fingerprint);
    }

    @Test
    void withoutAnAgentAProgramGoesOnUnlessItMustHaveOne() {
        var image = builds.build("FROM busybox\nRUN --mount=type=ssh,id=other echo [$SSH_AUTH_SOCK] >/where\n");
        assertThat(builds.run(image, "cat", "/where")).isEqualTo("[]\n");
        assertThatThrownBy(() -> builds.build("FROM busybox\nRUN --mount=type=ssh,required true\n"))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("the build was given no ssh agent default [line=2]; add it with BuildSpec.ssh");
        assertThatThrownBy(() -> builds.build(
                        builds.spec("FROM busybox\nRUN --mount=type=ssh ls\n").ssh("default", context.resolve("none"))))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("there is no ssh agent at " + context.resolve("none") + " [cause=");
    }
}
