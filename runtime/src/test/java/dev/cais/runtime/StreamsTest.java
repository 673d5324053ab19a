package dev.cais.runtime;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.AttachOptions;
import dev.cais.Attachment;
import dev.cais.CancelledException;
import dev.cais.ConflictException;
import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.ExecSpec;
import dev.cais.InvalidSpecException;
import dev.cais.LogConfig;
import dev.cais.NotFoundException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Attachments, stdin and exec with streams, without a terminal. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class StreamsTest {
    private static Engine engine;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
    }

    private static ContainerSpec sh(String script) {
        return ContainerSpec.of("busybox").command("sh", "-c", script);
    }

    private static Container cat() {
        return engine.containers()
                .start(ContainerSpec.of("busybox").command("cat").openStdin());
    }

    private static void write(Attachment attachment, String text) throws IOException {
        attachment.stdin().write(text.getBytes(UTF_8));
    }

    private static String read(InputStream stream, int bytes) throws IOException {
        return new String(stream.readNBytes(bytes), UTF_8);
    }

    private static <T> FutureTask<T> inThread(Callable<T> work) {
        var task = new FutureTask<>(work);
        var thread = new Thread(task, "streams-test");
        thread.setDaemon(true);
        thread.start();
        return task;
    }

    /** Whether some thread of this JVM waits in a method of that name. */
    private static void awaitWaiting(String className, String method) throws InterruptedException {
        var waits = false;
        while (!waits) {
            Thread.sleep(1);
            waits = Thread.getAllStackTraces().entrySet().stream()
                    .anyMatch(entry -> entry.getKey().getState() == Thread.State.WAITING
                            && Arrays.stream(entry.getValue())
                                    .anyMatch(frame -> frame.getClassName().endsWith(className)
                                            && frame.getMethodName().equals(method)));
        }
    }

    @Test
    void whatIsWrittenComesBack() throws Exception {
        try (var box = cat();
                var attached = box.attach()) {
            write(attached, "one\n");
            assertThat(read(attached.stdout(), 4)).isEqualTo("one\n");
            write(attached, "two\n");
            assertThat(read(attached.stdout(), 4)).isEqualTo("two\n");
            assertThat(attached).hasToString("Attachment[container " + box.name() + "]");
        }
    }

    @Test
    void closingStdinIsTheEndOfFile() throws Exception {
        try (var box = engine.containers()
                        .start(sh("cat; echo done; echo problem >&2; exit 4").openStdin());
                var attached = box.attach()) {
            write(attached, "typed\n");
            attached.stdin().close();

            assertThat(new String(attached.stdout().readAllBytes(), UTF_8)).isEqualTo("typed\ndone\n");
            assertThat(new String(attached.stderr().readAllBytes(), UTF_8)).isEqualTo("problem\n");
            assertThat(box.await().exitCode()).isEqualTo(4);
            assertThatThrownBy(() -> write(attached, "more"))
                    .isExactlyInstanceOf(IOException.class)
                    .hasMessage("cannot write to the stdin of container " + box.name() + ": it is closed here");
        }
    }

    @Test
    void aHundredMegabytesComeBackUnchanged() throws Exception {
        var size = 100_000_000;
        try (var box = cat();
                var attached = box.attach()) {
            var sent = inThread(() -> {
                var digest = MessageDigest.getInstance("SHA-256");
                try (var target = new DigestOutputStream(attached.stdin(), digest)) {
                    var random = new Random(1);
                    var block = new byte[1_000_000];
                    for (var i = 0; i < size / block.length; i++) {
                        random.nextBytes(block);
                        target.write(block);
                    }
                }
                return HexFormat.of().formatHex(digest.digest());
            });
            var digest = MessageDigest.getInstance("SHA-256");
            long count;
            try (var target = new DigestOutputStream(OutputStream.nullOutputStream(), digest)) {
                count = attached.stdout().transferTo(target);
            }
            assertThat(count).isEqualTo(size);
            assertThat(HexFormat.of().formatHex(digest.digest())).isEqualTo(sent.get(60, TimeUnit.SECONDS));
            assertThat(box.await().success()).isTrue();
        }
    }

    @Test
    void oneThatNeverReadsStopsNobody() throws Exception {
        var size = 20_000_000;
        try (var box = engine.containers()
                .start(sh("read go; yes 123456789 | head -c " + size).openStdin())) {
            var attachments = new ArrayList<Attachment>();
            for (var i = 0; i < 8; i++) {
                attachments.add(box.attach());
            }
            var readers = attachments.subList(1, 8).stream()
                    .map(attached -> inThread(() -> attached.stdout().transferTo(OutputStream.nullOutputStream())))
                    .toList();
            write(attachments.get(0), "go\n");

            for (var reader : readers) {
                assertThat(reader.get(60, TimeUnit.SECONDS)).isEqualTo(size);
            }
            assertThat(box.await().success()).isTrue();
            assertThat(attachments.get(0).stdout().available()).isEqualTo(size);
            assertThat(attachments.get(0).stdout().transferTo(OutputStream.nullOutputStream()))
                    .isEqualTo(size);
        }
    }

    @Test
    void anAttachmentHasWhatIsWrittenFromItsBeginningOn() throws Exception {
        try (var box = cat();
                var first = box.attach()) {
            write(first, "one\n");
            assertThat(read(first.stdout(), 4)).isEqualTo("one\n");
            try (var second = box.attach()) {
                write(second, "two\n");
                assertThat(read(second.stdout(), 4)).isEqualTo("two\n");
                assertThat(read(first.stdout(), 4)).isEqualTo("two\n");
            }
            write(first, "still open\n");
            assertThat(read(first.stdout(), 11)).isEqualTo("still open\n");
        }
    }

    @Test
    void nothingIsMissedByWhoAttachesBeforeTheStart() throws Exception {
        try (var box = engine.containers().create(sh("echo first; cat; exit 2").stdinOnce())) {
            var one = box.attach();
            var other = box.attach(AttachOptions.defaults().withoutStdin().withLogs());
            write(one, "typed ahead\n");
            box.start();
            one.detach();

            assertThat(new String(other.stdout().readAllBytes(), UTF_8)).isEqualTo("first\ntyped ahead\n");
            assertThat(box.await().exitCode()).isEqualTo(2);

            box.start();
            try (var again = box.attach(AttachOptions.defaults().withLogs())) {
                write(again, "once more\n");
                again.stdin().close();
                assertThat(new String(again.stdout().readAllBytes(), UTF_8))
                        .isEqualTo("first\ntyped ahead\nfirst\nonce more\n");
            }
        }
    }

    @Test
    void anAttachmentToWhatNeverStartsEndsWithItsContainer() throws Exception {
        var box = engine.containers().create(sh("true").openStdin());
        var attached = box.attach();
        var reading = inThread(() -> attached.stdout().read());
        awaitWaiting("UnreadOutput", "read");
        box.close();

        assertThat(reading.get(60, TimeUnit.SECONDS)).isEqualTo(-1);
        assertThatThrownBy(() -> write(attached, "x"))
                .isExactlyInstanceOf(IOException.class)
                .hasMessage("cannot write to the stdin of container " + box.name() + ": it is closed");
        assertThatThrownBy(box::attach)
                .isExactlyInstanceOf(ConflictException.class)
                .hasMessage("cannot attach to container " + box.name() + ": it is removed");
    }

    @Test
    void theLogComesFirstWithoutAGap() throws Exception {
        var lines = 200_000;
        try (var box = engine.containers()
                .start(sh("seq " + lines + "; echo problem >&2; read end").openStdin())) {
            var expected = new StringBuilder();
            for (var i = 1; i <= lines; i++) {
                expected.append(i).append('\n');
            }
            while (box.logs().stdout().read() < 0) {
                Thread.onSpinWait();
            }
            try (var attached = box.attach(AttachOptions.defaults().withLogs())) {
                write(attached, "end\n");
                assertThat(new String(attached.stdout().readAllBytes(), UTF_8)).isEqualTo(expected.toString());
                assertThat(new String(attached.stderr().readAllBytes(), UTF_8)).isEqualTo("problem\n");
            }
        }
    }

    @Test
    void attachmentsNeedNoLog() throws Exception {
        try (var box = engine.containers()
                        .start(ContainerSpec.of("busybox")
                                .command("cat")
                                .name("unlogged")
                                .openStdin()
                                .logging(LogConfig.of("none")));
                var attached = box.attach()) {
            write(attached, "typed");
            assertThat(read(attached.stdout(), 5)).isEqualTo("typed");
            assertThatThrownBy(() -> box.attach(AttachOptions.defaults().withLogs()))
                    .isExactlyInstanceOf(ConflictException.class)
                    .hasMessage("cannot read the log of unlogged: its log driver none keeps nothing; "
                            + "choose another one in its spec");
        }
    }

    @Test
    void aBlockedReadEndsWhenTheAttachmentDoes() throws Exception {
        try (var box = cat();
                var attached = box.attach()) {
            var reading = inThread(() -> attached.stdout().read());
            awaitWaiting("UnreadOutput", "read");
            attached.detach();

            assertThat(reading.get(60, TimeUnit.SECONDS)).isEqualTo(-1);
            assertThat(attached.stderr().read()).isEqualTo(-1);
            assertThat(attached).hasToString("Attachment[container " + box.name() + ", detached]");
            assertThat(box.exec("true").exitCode()).isZero();
        }
    }

    @Test
    void anInterruptedReadCanBeRepeated() throws Exception {
        try (var box = cat();
                var attached = box.attach()) {
            Thread.currentThread().interrupt();
            assertThatThrownBy(() -> attached.stdout().read())
                    .isExactlyInstanceOf(CancelledException.class)
                    .hasMessage(
                            "cannot go on reading stdout of container " + box.name() + ": the thread was interrupted");
            assertThat(Thread.interrupted()).isTrue();
            write(attached, "x");
            assertThat(attached.stdout().read()).isEqualTo('x');
        }
    }

    @Test
    void aWriteThatNobodyReadsBlocksOnlyItsThread() throws Exception {
        try (var box = engine.containers().start(sh("sleep 60").openStdin());
                var attached = box.attach()) {
            var writing = inThread(() -> {
                attached.stdin().write(new byte[1_000_000]);
                return true;
            });
            awaitWaiting("ProcessInput", "writeSome");
            assertThat(box.exec("true").exitCode()).isZero();
            attached.detach();

            assertThatThrownBy(() -> writing.get(60, TimeUnit.SECONDS))
                    .rootCause()
                    .isExactlyInstanceOf(IOException.class)
                    .hasMessage("cannot write to the stdin of container " + box.name() + ": it is closed here");

            var next = box.attach();
            var other = inThread(() -> {
                next.stdin().write(1);
                return true;
            });
            awaitWaiting("ProcessInput", "writeSome");
            box.close();
            assertThatThrownBy(() -> other.get(60, TimeUnit.SECONDS))
                    .rootCause()
                    .isExactlyInstanceOf(IOException.class)
                    .hasMessageMatching("cannot write to the stdin of container " + box.name()
                            + ": (it is closed|nobody reads it any more)");
        }
    }

    @Test
    void aWriteToAClosedPipeIsRefused() throws Exception {
        try (var box = engine.containers()
                        .start(sh("exec <&-; echo closed; sleep 60").openStdin());
                var attached = box.attach(AttachOptions.defaults().withLogs())) {
            assertThat(read(attached.stdout(), 7)).isEqualTo("closed\n");
            assertThatThrownBy(() -> write(attached, "x"))
                    .isExactlyInstanceOf(IOException.class)
                    .hasMessage("cannot write to the stdin of container " + box.name() + ": nobody reads it any more");
        }
    }

    @Test
    void withoutOpenStdinThereIsNothingToWriteTo() {
        try (var box = engine.containers().start(sh("sleep 60"));
                var attached = box.attach()) {
            assertThatThrownBy(attached::stdin)
                    .isExactlyInstanceOf(ConflictException.class)
                    .hasMessage("cannot write to the stdin of container " + box.name()
                            + ": it has none; say openStdin() in its spec");
            assertThatThrownBy(() -> attached.resize(80, 24))
                    .isExactlyInstanceOf(ConflictException.class)
                    .hasMessage("cannot resize the terminal of container " + box.name()
                            + ": it has none; say tty() in its spec");
        }
    }

    @Test
    void anAttachmentMayBeWithoutStdin() {
        try (var box = cat();
                var attached = box.attach(AttachOptions.defaults().withoutStdin())) {
            assertThatThrownBy(attached::stdin)
                    .isExactlyInstanceOf(ConflictException.class)
                    .hasMessage(
                            "cannot write to the stdin of container " + box.name() + ": this is attached without it");
        }
    }

    @Test
    void openStdinOutlivesAttachments() throws Exception {
        try (var box = cat()) {
            box.attach().detach();
            try (var attached = box.attach()) {
                write(attached, "later");
                assertThat(read(attached.stdout(), 5)).isEqualTo("later");
            }
        }
    }

    @Test
    void stdinOnceEndsWithTheFirstAttachmentThatHasIt() throws Exception {
        try (var box = engine.containers()
                        .start(ContainerSpec.of("busybox").command("cat").stdinOnce());
                var reader = box.attach(AttachOptions.defaults().withoutStdin())) {
            box.attach(AttachOptions.defaults().withoutStdin()).detach();
            var attached = box.attach();
            write(attached, "all");
            attached.detach();

            assertThat(new String(reader.stdout().readAllBytes(), UTF_8)).isEqualTo("all");
            assertThat(box.await().success()).isTrue();
        }
    }

    @Test
    void keysDetachAndAreNotPassedOn() throws Exception {
        try (var box = cat();
                var other = box.attach()) {
            var attached = box.attach(AttachOptions.defaults().detachKeys("ctrl-p,ctrl-p,ctrl-q"));
            write(attached, "a\u0010b\u0010\u0010c\u0010\u0010\u0010\u0011d");

            assertThat(read(other.stdout(), 7)).isEqualTo("a\u0010b\u0010\u0010c\u0010");
            assertThatThrownBy(() -> write(attached, "x"))
                    .isExactlyInstanceOf(IOException.class)
                    .hasMessage("cannot write to the stdin of container " + box.name() + ": it is closed here");
            assertThat(box.exec("true").exitCode()).isZero();
        }
    }

    @Test
    void aUserMayOpenItsStandardStreams() {
        var result = engine.containers()
                .run(sh("echo out >/dev/stdout; echo err >/dev/stderr").user("1000"));
        assertThat(result.stdout()).isEqualTo("out\n");
        assertThat(result.stderr()).isEqualTo("err\n");
    }

    @Test
    void anEndedContainerIsNotAttachedTo() {
        try (var box = engine.containers().start(sh("exit 0").name("short"))) {
            box.await();
            assertThatThrownBy(box::attach)
                    .isExactlyInstanceOf(ConflictException.class)
                    .hasMessage(
                            "cannot attach to container short: it is exited; read its logs, or attach once it is started again");
        }
    }

    @Test
    void anExecHasStreamsOfItsOwn() throws Exception {
        try (var box = engine.containers().start(sh("sleep 60"))) {
            try (var exec = box.startExec(ExecSpec.of("sh", "-c", "echo first; echo problem >&2; cat; exit 3")
                    .openStdin()
                    .env("A", "b"))) {
                assertThat(exec)
                        .hasToString("Exec[sh in container " + box.name() + ", running, pid " + exec.pid() + "]");
                write(exec, "typed");
                exec.stdin().close();
                assertThat(new String(exec.stdout().readAllBytes(), UTF_8)).isEqualTo("first\ntyped");
                assertThat(new String(exec.stderr().readAllBytes(), UTF_8)).isEqualTo("problem\n");
                assertThat(exec.await(Duration.ofSeconds(60)).exitCode()).isEqualTo(3);
                assertThat(exec.onExit().get(60, TimeUnit.SECONDS).exitCode()).isEqualTo(3);
                assertThat(exec).hasToString("Exec[sh in container " + box.name() + ", exit 3]");
                assertThatThrownBy(() -> exec.kill("TERM"))
                        .isExactlyInstanceOf(ConflictException.class)
                        .hasMessage("cannot send SIGTERM to sh in container " + box.name() + ": it has ended");
            }
            assertThat(box.logs().stdout()).isEmpty();
        }
    }

    @Test
    void closingAnExecEndsIt() throws Exception {
        try (var box = engine.containers().start(sh("sleep 60"))) {
            var exec = box.startExec(ExecSpec.of("sleep", "60"));
            var pid = exec.pid();
            exec.close();
            assertThat(Path.of("/proc/" + pid)).doesNotExist();
            assertThat(exec.await().exitCode()).isEqualTo(137);
        }
    }

    @Test
    void detachingFromAnExecLeavesItRunning() throws Exception {
        try (var box = engine.containers().start(sh("sleep 60"));
                var exec = box.startExec(ExecSpec.of("sleep", "60"))) {
            exec.detach();
            assertThat(exec.stdout().read()).isEqualTo(-1);
            exec.kill("TERM");
            assertThat(exec.await().signal()).contains("SIGTERM");
        }
    }

    @Test
    void anExecEndsWithItsContainer() throws Exception {
        var box = engine.containers().start(sh("sleep 60"));
        var exec = box.startExec(ExecSpec.of("cat").openStdin());
        box.close();
        assertThat(exec.await(Duration.ofSeconds(60)).exitCode()).isEqualTo(137);
        assertThat(exec.stdout().read()).isEqualTo(-1);
    }

    @Test
    void anExecThatCannotStartLeavesNothing() {
        try (var box = engine.containers().start(sh("sleep 60"))) {
            assertThatThrownBy(() -> box.startExec(ExecSpec.of("/missing").openStdin()))
                    .isExactlyInstanceOf(NotFoundException.class)
                    .hasMessage("cannot exec in " + box.name()
                            + ": there is no /missing in the container; check the command's spelling");
        }
    }

    @Test
    void waitingForAnExecWithOpenStdinIsRefused() {
        try (var box = engine.containers().start(sh("sleep 60"))) {
            assertThatThrownBy(() -> box.exec(ExecSpec.of("cat").openStdin()))
                    .isExactlyInstanceOf(InvalidSpecException.class)
                    .hasMessage("cannot exec cat in container " + box.name()
                            + " and wait for its end: nobody could write to its open stdin; "
                            + "use startExec, or give the bytes beforehand by stdin(...)");
        }
    }
}
