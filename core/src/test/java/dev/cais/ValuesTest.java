package dev.cais;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** The small values of the API: how they are made, read and refused. */
class ValuesTest {
    @Test
    void sizesReadWell() {
        assertThat(ByteSize.bytes(1023)).hasToString("1023 B");
        assertThat(ByteSize.kib(1)).hasToString("1.0 KiB");
        assertThat(ByteSize.bytes(8_493_466)).hasToString("8.1 MiB");
        assertThat(ByteSize.gib(3).bytes()).isEqualTo(3L << 30);
        assertThat(ByteSize.UNLIMITED).hasToString("unlimited").isGreaterThan(ByteSize.gib(1 << 20));
    }

    @Test
    void impossibleSizesAreRefused() {
        refuses(() -> ByteSize.bytes(-1), "cannot use a size of -1 bytes: it is negative");
        refuses(() -> ByteSize.kib(-1), "cannot use a size of -1024 bytes: it is negative");
        refuses(
                () -> ByteSize.gib(Long.MAX_VALUE),
                "cannot use a size of 9223372036854775807 × 2^30 bytes: it is too large");
    }

    @Test
    void detachKeysAreWhatATerminalSends() {
        assertThat(AttachOptions.defaults().detachSequence()).isEmpty();
        assertThat(AttachOptions.defaults().detachKeys("ctrl-p,CTRL-Q").detachSequence())
                .containsExactly(16, 17);
        assertThat(AttachOptions.defaults().detachKeys("a,~,ctrl-@,ctrl-_").detachSequence())
                .containsExactly('a', '~', 0, 31);
    }

    @Test
    void unknownKeysAreRefused() {
        var help = "; write them as in ctrl-p,ctrl-q or a,ctrl-]";
        for (var name : List.of("", "ctrl-", "ctrl-1", "ctrl-pp", "é", " ", "alt-a")) {
            refuses(
                    () -> AttachOptions.defaults().detachKeys("a," + name),
                    "cannot detach by the keys a," + name + ": '" + name + "' is no key" + help);
        }
        refuses(
                () -> AttachOptions.defaults().detachKeys("a,".repeat(32) + "a"),
                "cannot detach by the keys " + "a,".repeat(32) + "a: there are more than 32" + help);
    }

    @Test
    void anExecsStandardInputIsOneOfThree() {
        var message = "cannot exec cat: its standard input is either given beforehand or open or a terminal; "
                + "say openStdin(), start it with startExec, and write to its stdin()";
        refuses(() -> ExecSpec.of("cat").stdin("x").tty(), message);
        refuses(() -> ExecSpec.of("cat").openStdin().stdin("x"), message);
        assertThat(ExecSpec.of("cat").tty().openStdin().env("A", "b").terminal())
                .isTrue();
    }

    @Test
    void digestsAreTheirText() {
        var text = "sha256:" + "0123456789abcdef".repeat(4);
        assertThat(Digest.parse(text)).hasToString(text);
        assertThat(Digest.parse(text).abbreviated()).isEqualTo("0123456789ab");
        assertThat(Digest.sha256(new byte[32]).hex()).isEqualTo("0".repeat(64));
    }

    @Test
    void brokenDigestsAreRefused() {
        refuses(() -> Digest.parse("0123"), "cannot use digest 0123: it has no algorithm; write sha256:…");
        refuses(() -> Digest.parse("md5:00"), "cannot use digest algorithm md5: it is unknown; use sha256 or sha512");
        refuses(
                () -> Digest.parse("sha256:ABC"),
                "cannot use digest sha256:ABC: sha256 has 64 lower-case hexadecimal digits");
    }

    @Test
    void platformsAreTheirText() {
        assertThat(Platform.parse("linux/arm64/v8")).hasToString("linux/arm64/v8");
        assertThat(Platform.parse("linux/amd64").variant()).isEmpty();
        refuses(
                () -> Platform.parse("linux"),
                "cannot use platform linux: it is not os/architecture[/variant]; write linux/amd64");
    }

    @Test
    void rlimitsTakeEveryFormOfTheirName() {
        assertThat(new Rlimit("RLIMIT_NOFILE", 10, Rlimit.INFINITY).name()).isEqualTo("nofile");
        refuses(
                () -> new Rlimit("nofile", 11, 10),
                "cannot set rlimit nofile: the soft limit is above the hard one [soft=11, hard=10]");
        assertThatThrownBy(() -> new Rlimit("files", 1, 1))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessageStartingWith(
                        "cannot set rlimit files: there is none of that name; choose one of [as, core, ");
    }

    @Test
    void exitStatusReadsAsAShellWouldSayIt() {
        assertThat(new ExitStatus(3, Optional.empty(), false)).hasToString("exit 3");
        assertThat(new ExitStatus(137, Optional.of("SIGKILL"), true)).hasToString("killed by SIGKILL (out of memory)");
        assertThat(new ExitStatus(0, Optional.empty(), false).success()).isTrue();
    }

    @Test
    void execSpecsCopyTheirInput() {
        var bytes = "typed".getBytes(StandardCharsets.UTF_8);
        var spec = ExecSpec.of("cat").stdin(bytes).env("A", "1").user("guest").workdir("/tmp");
        bytes[0] = 'T';
        assertThat(new String(spec.stdin(), StandardCharsets.UTF_8)).isEqualTo("typed");
        assertThat(spec.env()).containsEntry("A", "1");
        refuses(() -> ExecSpec.of(), "cannot exec nothing: the command is empty; name a program");
    }

    @Test
    void optionsNameAnAbsoluteStore() {
        var options = EngineOptions.defaults().store(Path.of("some/../store"));
        assertThat(options.store()).isEqualTo(Path.of("store").toAbsolutePath());
        refuses(
                () -> options.captureLimit(ByteSize.gib(2)),
                "cannot keep 2.0 GiB of a stream in memory: the limit is 1 GiB;"
                        + " read the rest from ProcessResult's Captured.rest(), or run with streams");
    }

    @Test
    void resultsTellWhatTheyKept() {
        var cut = new ProcessResult.Captured(new byte[] {'a', 'b'}, 5000, Optional.of(Path.of("/all")));
        var result = new ProcessResult(
                new ExitStatus(0, Optional.empty(), false), cut, ProcessResult.Captured.NOTHING, Duration.ofMillis(7));
        assertThat(result.stdout()).isEqualTo("ab");
        assertThat(result.out().isWhole()).isFalse();
        assertThat(result.err().isWhole()).isTrue();
        assertThat(result).hasToString("ProcessResult[exit 0, stdout 4.9 KiB, stderr 0 B, 7 ms]");
    }

    @Test
    void errorsAreOneSentenceWithFactsInTheirOrder() {
        var facts = new LinkedHashMap<String, Object>();
        facts.put("z", 1);
        facts.put("a", "two");
        facts.put("m", 3);
        var error = new StorageException("cannot do it: it is late", facts, "wait");
        assertThat(error)
                .hasMessage("cannot do it: it is late [z=1, a=two, m=3]; wait")
                .returns("wait", EngineException::help);
        assertThat(error.facts()).containsExactlyEntriesOf(facts);
    }

    private static void refuses(ThrowingCallable call, String message) {
        assertThatThrownBy(call).isInstanceOf(InvalidSpecException.class).hasMessage(message);
    }
}
