package dev.cais.runtime;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.AttachOptions;
import dev.cais.Attachment;
import dev.cais.ConflictException;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.ExecSpec;
import dev.cais.InvalidSpecException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Conversations with programs on a terminal of the container's own. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class TerminalTest {
    private static final ContainerSpec SHELL = ContainerSpec.of("busybox")
            .command("sh")
            .env("PS1", "ready> ")
            .tty()
            .openStdin();

    private static Engine engine;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
    }

    private static void type(Attachment terminal, String text) throws IOException {
        terminal.stdin().write(text.getBytes(UTF_8));
    }

    /** What it shows up to and with that text, which must come. */
    private static String until(Attachment terminal, String end) throws IOException {
        var shown = new StringBuilder();
        while (shown.indexOf(end) < 0) {
            var one = terminal.stdout().read();
            assertThat(one).as("end of the terminal after: %s", shown).isNotEqualTo(-1);
            shown.append((char) one);
        }
        return shown.toString();
    }

    private static String rest(Attachment terminal) throws IOException {
        return new String(terminal.stdout().readAllBytes(), UTF_8);
    }

    @Test
    void aShellTellsOfItsTerminal() throws Exception {
        try (var box = engine.containers()
                        .start(SHELL.command("sh", "-c", "tty; stty size; ls -l /dev/console; exec sh"));
                var terminal = box.attach(AttachOptions.defaults().withLogs())) {
            assertThat(until(terminal, "ready> "))
                    .startsWith("/dev/pts/0\r\n24 80\r\n")
                    .contains("crw--w----    1 root     5         136,   0 ")
                    .doesNotContain("can't access tty");
            terminal.resize(120, 40);
            type(terminal, "stty size; echo new >/dev/console; echo old >/dev/tty; exit 5\n");

            assertThat(rest(terminal)).endsWith("exit 5\r\n40 120\r\nnew\r\nold\r\n");
            assertThat(terminal.stderr().read()).isEqualTo(-1);
            assertThat(box.await().exitCode()).isEqualTo(5);
            assertThatThrownBy(() -> terminal.resize(80, 24))
                    .isExactlyInstanceOf(ConflictException.class)
                    .hasMessage("cannot resize the terminal of container " + box.name() + ": it has ended");
        }
    }

    @Test
    void theSizeSetBeforeTheStartIsTheFirst() throws Exception {
        try (var box = engine.containers().create(SHELL.command("sh", "-c", "stty size; read word; echo $word"));
                var terminal = box.attach()) {
            terminal.resize(132, 43);
            var typing = new Thread(() -> {
                try {
                    type(terminal, "typed\n"); // waits for the start
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            typing.start();
            box.start();
            assertThat(rest(terminal)).contains("43 132\r\n").endsWith("\r\ntyped\r\n");
            typing.join();
        }
    }

    @Test
    void aTerminalBelongsToTheProgramBelowAnInit() throws Exception {
        try (var box = engine.containers().start(SHELL.withInit());
                var terminal = box.attach(AttachOptions.defaults().withLogs())) {
            assertThat(until(terminal, "ready> ")).doesNotContain("can't access tty");
            type(terminal, "tty; echo pid $$; cat\n");
            until(terminal, "\r\n/dev/pts/0\r\npid 2\r\n");
            type(terminal, "typed\n");
            until(terminal, "typed\r\ntyped\r\n"); // cat is in front
            type(terminal, "\u0003");
            until(terminal, "ready> ");
            type(terminal, "seq 20000; exit 9\n");
            assertThat(rest(terminal)).endsWith("\r\n20000\r\n");
            assertThat(box.await().exitCode()).isEqualTo(9);
        }
    }

    /** The program in front answers before a key is pressed: a shell loses keys just before it hands over its terminal. */
    @Test
    void controlCInterruptsTheProgramInFront() throws Exception {
        try (var box = engine.containers().start(SHELL);
                var terminal = box.attach(AttachOptions.defaults().withLogs())) {
            until(terminal, "ready> ");
            type(terminal, "echo go; cat\n");
            until(terminal, "\r\ngo\r\n");
            type(terminal, "one\n");
            until(terminal, "one\r\none\r\n");
            type(terminal, "\u0003");
            until(terminal, "^C");
            until(terminal, "ready> ");
            type(terminal, "echo status $?\n");
            until(terminal, "\r\nstatus 130\r\n");
            type(terminal, "echo go; cat\n");
            until(terminal, "\r\ngo\r\n");
            type(terminal, "two\n");
            until(terminal, "two\r\ntwo\r\n");
            type(terminal, "\u001a");
            until(terminal, "Stopped");
            until(terminal, "ready> ");
            type(terminal, "fg\n");
            until(terminal, "fg\r\ncat\r\n");
            type(terminal, "three\n");
            until(terminal, "three\r\nthree\r\n");
            type(terminal, "\u001a");
            until(terminal, "Stopped");
            until(terminal, "ready> ");
            type(terminal, "exit; exit\n");
            rest(terminal);
            assertThat(box.await().signal()).isEmpty();
        }
    }

    @Test
    void anEditorDrawsItsScreen() throws Exception {
        try (var box = engine.containers().start(SHELL);
                var terminal = box.attach(AttachOptions.defaults().withLogs())) {
            until(terminal, "ready> ");
            terminal.resize(60, 10);
            type(terminal, "TERM=xterm vi /tmp/note\n");
            assertThat(until(terminal, "- /tmp/note")).contains("\u001b[9;1H~").contains("\u001b[10;1H");
            type(terminal, "ihello");
            until(terminal, "hello");
            type(terminal, "\u001b");
            until(terminal, "[Modified]");
            type(terminal, ":wq\r");
            until(terminal, "ready> ");
            type(terminal, "cat /tmp/note; exit\n");
            assertThat(rest(terminal)).endsWith("\r\nhello\r\n");
        }
    }

    @Test
    void allIsReadThatWasWrittenBeforeTheEnd() throws Exception {
        for (var round = 0; round < 20; round++) {
            // a process that still has the terminal open makes the end of the first one a hang-up
            var script = round % 2 == 0 ? "seq 20000" : "sleep 60 & seq 20000";
            var result = engine.containers().run(SHELL.command("sh", "-c", script));
            assertThat(result.out().total()).isEqualTo(128_894);
            assertThat(result.stdout()).endsWith("\r\n20000\r\n");
        }
    }

    @Test
    void closingStdinTypesTheEndOfFile() throws Exception {
        try (var box = engine.containers().start(SHELL.command("sh", "-c", "stty -echo; cat; echo done"));
                var terminal = box.attach(AttachOptions.defaults().withLogs())) {
            type(terminal, "typed\n");
            until(terminal, "typed\r\n");
            terminal.stdin().close();
            assertThat(rest(terminal)).endsWith("done\r\n");
            assertThat(box.await().success()).isTrue();
        }
    }

    @Test
    void aTerminalWithoutOpenStdinOnlyShows() throws Exception {
        try (var box = engine.containers()
                        .start(ContainerSpec.of("busybox")
                                .command("sh", "-c", "tty; sleep 60")
                                .tty());
                var terminal = box.attach(AttachOptions.defaults().withLogs())) {
            until(terminal, "/dev/pts/0\r\n");
            terminal.resize(10, 10);
            assertThatThrownBy(terminal::stdin)
                    .isExactlyInstanceOf(ConflictException.class)
                    .hasMessage("cannot write to the stdin of container " + box.name()
                            + ": it has none; say openStdin() in its spec");
        }
    }

    @Test
    void anExecHasATerminalOfItsOwn() throws Exception {
        try (var box = engine.containers().start(SHELL);
                var exec = box.startExec(ExecSpec.of("sh", "-c", "tty; stty size; read a; stty size; id -u; exit 6")
                        .user("1000")
                        .tty()
                        .openStdin())) {
            assertThat(until(exec, "24 80\r\n")).isEqualTo("/dev/pts/1\r\n24 80\r\n");
            exec.resize(100, 30);
            type(exec, "\n");
            assertThat(rest(exec)).isEqualTo("\r\n30 100\r\n1000\r\n");
            assertThat(exec.await().exitCode()).isEqualTo(6);
        }
    }

    @Test
    void anExecThatIsWaitedForMayHaveATerminal() {
        try (var box = engine.containers().start(SHELL)) {
            assertThat(box.exec(ExecSpec.of("sh", "-c", "tty; echo problem >&2").tty())
                            .stdout())
                    .isEqualTo("/dev/pts/1\r\nproblem\r\n");
        }
    }

    @Test
    void aUserOwnsTheTerminal() {
        var result = engine.containers()
                .run(ContainerSpec.of("busybox")
                        .command("sh", "-c", "echo out >/dev/stdout; echo direct >$(tty); ls -ln $(tty) | cut -c 1-30")
                        .user("1000")
                        .tty());
        assertThat(result.stdout()).startsWith("out\r\ndirect\r\ncrw--w----    1 1000     5 ");
    }

    @Test
    void aDaemonMayLetGoOfTheConsoleAndComeBack() throws Exception {
        try (var box = engine.containers()
                        .start(SHELL.command(
                                "sh",
                                "-c",
                                "echo one; exec </dev/null >/dev/null 2>&1; sleep 0.2; echo two >/dev/console; sleep 0.2; "
                                        + "echo three >/dev/console; sleep 60"));
                var terminal = box.attach(AttachOptions.defaults().withLogs())) {
            assertThat(until(terminal, "three\r\n")).isEqualTo("one\r\ntwo\r\nthree\r\n");
        }
    }

    @Test
    void aTerminalThatNobodyReadsBlocksOnlyItsWriter() throws Exception {
        try (var box = engine.containers().start(SHELL.command("sh", "-c", "stty raw -echo; echo ready; sleep 60"));
                var terminal = box.attach(AttachOptions.defaults().withLogs())) {
            until(terminal, "ready");
            var writer = new Thread(() -> {
                try {
                    terminal.stdin().write(new byte[1_000_000]);
                } catch (IOException e) {
                    // the end of the attachment
                }
            });
            writer.start();
            while (writer.getState() != Thread.State.WAITING) {
                Thread.sleep(1);
            }
            assertThat(box.exec("true").exitCode()).isZero();
            terminal.detach();
            writer.join(60_000);
            assertThat(writer.isAlive()).isFalse();
        }
    }

    @Test
    void aSizeOutOfRangeIsRefused() {
        try (var box = engine.containers().start(SHELL);
                var terminal = box.attach()) {
            assertThatThrownBy(() -> terminal.resize(0, 24))
                    .isExactlyInstanceOf(InvalidSpecException.class)
                    .hasMessage("cannot make a terminal of 0 columns and 24 rows: each is a number from 1 to 65535");
            assertThatThrownBy(() -> terminal.resize(80, 65536))
                    .isExactlyInstanceOf(InvalidSpecException.class)
                    .hasMessage(
                            "cannot make a terminal of 80 columns and 65536 rows: each is a number from 1 to 65535");
        }
    }
}
