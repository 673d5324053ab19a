package dev.cais.runtime.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ConflictException;
import dev.cais.KernelException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.Pidfd;
import dev.cais.linux.Poll;
import dev.cais.linux.Statx;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@LeakChecked
class DeputyTest {
    @TempDir
    private Path directory;

    private final Started launch = new Started();
    private Deputy deputy;
    private Fd opened;

    /** Remembers the last process that it started. */
    private static final class Started extends Launch {
        private int last;

        Started() {
            super(Path.of("/var/tmp"));
        }

        @Override
        public Pidfd start(String what, LaunchProgram program, Map<Integer, Fd> descriptors) {
            var process = super.start(what, program, descriptors);
            last = process.pid();
            return process;
        }
    }

    @BeforeEach
    void start() {
        deputy = new Deputy(launch);
        opened = Run.open(directory.toString(), Abi.O_PATH | Abi.O_DIRECTORY);
    }

    @AfterEach
    void close() {
        opened.close();
        deputy.close();
    }

    @Test
    void filesAreMadeBelowADescriptorOfThisProcess() throws IOException {
        var at = opened.number();

        assertThat(deputy.mkdirat(at, bytes("made"), 0750)).isZero();
        assertThat(deputy.symlinkat(bytes("made"), at, bytes("link"))).isZero();
        assertThat(deputy.mknodat(at, bytes("fifo"), 0010640, 0)).isZero();
        assertThat(deputy.renameat2(at, bytes("fifo"), at, bytes("made/pipe"), 1))
                .isZero();

        assertThat(Files.readSymbolicLink(directory.resolve("link"))).hasToString("made");
        assertThat(mode("made")).isEqualTo(0040750);
        assertThat(mode("made/pipe")).isEqualTo(0010640);
    }

    @Test
    void anErrorIsANegativeNumberAsInTheKernel() {
        assertThat(deputy.mkdirat(opened.number(), bytes("no/such"), 0755)).isEqualTo(-Errno.ENOENT.number());
        assertThat(deputy.unlinkat(opened.number(), bytes("no"), 0)).isEqualTo(-Errno.ENOENT.number());
        assertThat(deputy.openat2(opened.number(), bytes("no"), Abi.O_RDONLY, 0, 0))
                .isEqualTo(-Errno.ENOENT.number());
        assertThat(deputy.openat2(opened.number(), bytes("../.."), Abi.O_PATH, 0, Abi.RESOLVE_BENEATH))
                .isEqualTo(-Errno.EXDEV.number());
    }

    @Test
    void aDescriptorComesOutAndIsUsedHere() throws IOException {
        var flags = Abi.O_WRONLY | Abi.O_CREAT | Abi.O_EXCL;
        try (var file = Fd.of(deputy.openat2(opened.number(), bytes("file"), flags, 0600, Abi.RESOLVE_BENEATH))) {
            assertThat(Files.readSymbolicLink(Path.of("/proc/self/fd/" + file.number())))
                    .isEqualTo(directory.resolve("file").toRealPath());
            assertThat(Files.readString(Path.of("/proc/self/fdinfo/" + file.number())))
                    .as("closed on exec")
                    .containsPattern("flags:\\s+02[0-7]+1\n");
        }
        assertThat(mode("file")).isEqualTo(0100600);
    }

    @Test
    void attributesAreSetThroughAPathDescriptorAndRead() throws IOException {
        Files.createFile(directory.resolve("file"));
        try (var file = Run.open(directory.resolve("file").toString(), Abi.O_PATH)) {
            var name = bytes("user.cais");
            var value = bytes("v".repeat(3000));
            var read = new byte[3000];

            assertThat(deputy.getxattr(file.number(), name, read)).isEqualTo(-Errno.ENODATA.number());
            assertThat(deputy.setxattr(file.number(), name, value)).isZero();
            assertThat(deputy.getxattr(file.number(), name, read)).isEqualTo(3000);
            assertThat(read).isEqualTo(value);
            assertThat(deputy.utimensat(opened.number(), bytes("file"), new long[] {1, 2, 3, 4}, 0))
                    .isZero();
            assertThat(deputy.chmod(file.number(), 04711)).isZero();
        }
        assertThat(mode("file")).isEqualTo(0104711);
        assertThat(Files.getLastModifiedTime(directory.resolve("file")).toInstant())
                .hasToString("1970-01-01T00:00:03.000000004Z");
    }

    @Test
    void theLongestNamesAndValuesFit() {
        var name = "d".repeat(255);
        var path = (name + "/").repeat(15) + "d".repeat(255);
        var from = bytes(path.substring(0, 4095));

        assertThat(deputy.renameat2(opened.number(), from, opened.number(), from, 0))
                .isEqualTo(-Errno.ENOENT.number());
        assertThat(deputy.setxattr(opened.number(), bytes("user.cais"), new byte[65536]))
                .isIn((long) -Errno.ENOSPC.number(), (long) -Errno.E2BIG.number(), 0L);
        assertThat(deputy.mkdirat(opened.number(), bytes("next"), 0755)).isZero();
    }

    @Test
    void moreDescriptorsGoThroughItThanItMayHave() {
        var limit = 1024;
        for (var i = 0; i < 2 * limit; i++) {
            Fd.of(deputy.openat2(opened.number(), bytes("."), Abi.O_RDONLY, 0, 0))
                    .close();
        }
    }

    @Test
    void twoDirectoriesGoWithACall() throws IOException {
        Files.createDirectory(directory.resolve("a"));
        Files.createDirectory(directory.resolve("b"));
        Files.writeString(directory.resolve("a/file"), "content");
        try (var a = Run.open(directory.resolve("a").toString(), Abi.O_PATH);
                var b = Run.open(directory.resolve("b").toString(), Abi.O_PATH)) {
            assertThat(deputy.linkat(a.number(), bytes("file"), b.number(), bytes("link"), 0))
                    .isZero();
        }
        assertThat(directory.resolve("b/link")).hasContent("content");
    }

    @Test
    void threadsGetTheirOwnAnswers() throws Exception {
        var threads = Executors.newFixedThreadPool(4);
        try {
            var tasks = new ArrayList<Callable<Boolean>>();
            for (var i = 0; i < 8; i++) {
                var name = "thread" + i;
                tasks.add(() -> {
                    for (var j = 0; j < 100; j++) {
                        var made = bytes(name + "-" + j);
                        assertThat(deputy.mkdirat(opened.number(), made, 0700)).isZero();
                        var descriptor = deputy.openat2(opened.number(), made, Abi.O_PATH, 0, 0);
                        try (var each = Fd.of(descriptor)) {
                            assertThat(Files.readSymbolicLink(Path.of("/proc/self/fd/" + each.number())))
                                    .isEqualTo(directory.toRealPath().resolve(name + "-" + j));
                        }
                        assertThat(deputy.mkdirat(opened.number(), made, 0700)).isEqualTo(-Errno.EEXIST.number());
                    }
                    return true;
                });
            }
            for (var task : threads.invokeAll(tasks)) {
                assertThat(task.get()).isTrue();
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void aSocketComesOut() {
        try (var socket = Fd.of(deputy.socket(Abi.AF_INET, Abi.SOCK_STREAM, 0))) {
            assertThat(socket.isOpen()).isTrue();
        }
        assertThat(deputy.socket(9999, Abi.SOCK_STREAM, 0)).isEqualTo(-Errno.EAFNOSUPPORT.number());
    }

    @Test
    void oneThatWasKilledIsReplaced() {
        var first = launch.last;
        kill(first);

        assertThat(deputy.mkdirat(opened.number(), bytes("made"), 0755)).isZero();

        assertThat(launch.last).isNotEqualTo(first);
    }

    @Test
    void aClosedOneRefuses() {
        deputy.close();

        assertThatThrownBy(() -> deputy.mkdirat(opened.number(), bytes("made"), 0755))
                .isExactlyInstanceOf(ConflictException.class)
                .hasMessage("cannot ask the engine's deputy: the engine is closed; open another one");
        assertThat(Path.of("/proc/" + launch.last)).doesNotExist();
    }

    @Test
    void aStepThatFailsAtTheBeginningIsTold() {
        var forbidden = new Launch(Path.of("/var/tmp")) {
            @Override
            public Pidfd start(String what, LaunchProgram program, Map<Integer, Fd> descriptors) {
                return super.start(what, program.failingAt(0), descriptors);
            }
        };

        assertThatThrownBy(() -> new Deputy(forbidden))
                .isExactlyInstanceOf(KernelException.class)
                .hasMessage("cannot start the engine's deputy: close_range(2) failed with EBADF (bad file descriptor)"
                        + " [step=0]");
    }

    private static void kill(int pid) {
        try (var process = Pidfd.open(pid)) {
            process.signal(Abi.SIGKILL);
            // a zombie is readable: its socket is closed by then
            Poll.readable(process.fd(), "cannot wait for the deputy");
        }
    }

    private int mode(String name) {
        var stat = new Statx();
        try (var file = Run.open(directory.resolve(name).toString(), Abi.O_PATH | Abi.O_NOFOLLOW)) {
            assertThat(stat.of(file.number())).isZero();
        }
        return stat.type() | stat.mode();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
