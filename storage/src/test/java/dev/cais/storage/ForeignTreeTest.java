package dev.cais.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.CancelledException;
import dev.cais.ConflictException;
import dev.cais.EngineException;
import dev.cais.FileChange;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import dev.cais.fixtures.TreeListing;
import dev.cais.linux.Abi;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Trees that are not the store's: written, walked and compared while somebody else is at work in them. */
@RequiresRoot
@LeakChecked
@Timeout(300)
class ForeignTreeTest {
    private Path root;

    @BeforeEach
    void makeRoot(TestStore store) throws IOException {
        root = Files.createDirectories(store.path().resolve("tree"));
    }

    private FileOperations files(String base) {
        try (var fd = Disk.open(root, Abi.O_PATH | Abi.O_DIRECTORY, 0)) {
            return FileOperations.in(fd, "container web", name(base));
        }
    }

    private static byte[] name(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void write(FileOperations files, String path, String content) {
        try (var sink = files.file(name(path), Attributes.ofMode(0640))) {
            sink.write(name(content), 0, content.length());
            sink.finish();
        }
    }

    @Test
    void directoryNeverGivesWayToAFileNorTheOtherWayRound() throws IOException {
        Files.createDirectories(root.resolve("d/e"));
        Files.writeString(root.resolve("f"), "x");
        try (var files = files("")) {
            assertThatThrownBy(() -> write(files, "d", "y"))
                    .isExactlyInstanceOf(ConflictException.class)
                    .hasMessage("cannot write d in container web: a directory stands there; remove it first, or choose "
                            + "another name");
            assertThatThrownBy(() -> files.directory(name("f"), Attributes.ofMode(0755)))
                    .isExactlyInstanceOf(ConflictException.class)
                    .hasMessage("cannot make directory f in container web: something else than a directory stands "
                            + "there; remove it first, or choose another name");
        }
        assertThat(root.resolve("d/e")).isDirectory();
        assertThat(root.resolve("f")).hasContent("x");
    }

    @Test
    void onlyDirectoriesBelowTheBaseKeepTheirTimes() throws IOException {
        Files.createDirectories(root.resolve("to/sub"));
        Programs.output(
                "touch",
                "-d",
                "2001-01-01",
                root.resolve("to").toString(),
                root.resolve("to/sub").toString());
        try (var files = files("to")) {
            write(files, "to/a", "");
            write(files, "to/sub/b", "");
        }
        assertThat(Files.getLastModifiedTime(root.resolve("to/sub")).toString()).startsWith("2001-01-01");
        assertThat(Files.getLastModifiedTime(root.resolve("to")).toString()).doesNotStartWith("2001");
    }

    @Test
    void halfAFileIsRemoved() {
        try (var files = files("")) {
            try (var sink = files.file(name("half"), Attributes.ofMode(0644))) {
                sink.write(name("x"), 0, 1);
            }
            write(files, "whole", "x");
        }
        assertThat(TreeListing.of(root).keySet()).contains("whole").doesNotContain("half");
    }

    @Test
    void interruptedCopyEndsAndLeavesNoHalfFile(TestStore store) throws IOException {
        var source = Files.createDirectory(store.path().resolve("source"));
        Files.write(source.resolve("f"), new byte[1 << 20]);
        Thread.currentThread().interrupt();
        try (var files = files("")) {
            assertThatThrownBy(() -> TreeCopy.copy(source, files, name("copy")))
                    .isExactlyInstanceOf(CancelledException.class)
                    .hasMessage("cannot read copy: the thread was interrupted");
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
        assertThat(root.resolve("copy/f")).doesNotExist();
    }

    @Test
    void contentIsCopiedInsideTheKernelWithItsHoles(TestStore store) throws IOException {
        var source = Files.createDirectory(store.path().resolve("source"));
        var content = new byte[3 << 20];
        new Random(1).nextBytes(content);
        Files.write(source.resolve("f"), content);
        Programs.output("truncate", "-s", "1G", source.resolve("sparse").toString());
        Programs.output("sh", "-c", "printf end >>" + source.resolve("sparse"));
        try (var files = files("")) {
            TreeCopy.copy(source, files, name("copy"));
        }
        assertThat(root.resolve("copy/f")).hasBinaryContent(content);
        assertThat(Files.size(root.resolve("copy/sparse"))).isEqualTo((1L << 30) + 3);
        var blocks =
                Programs.output("stat", "-c", "%b", root.resolve("copy/sparse").toString());
        assertThat(Long.parseLong(blocks.strip())).isLessThan(1000);
    }

    @Test
    void walkNeitherOpensNorFollowsWhatIsSwappedMeanwhile() throws Exception {
        Files.createDirectories(root.resolve("d"));
        for (var i = 0; i < 50; i++) {
            Files.writeString(root.resolve("d/f" + i), "inside");
        }
        Programs.output("mkfifo", root.resolve("fifo").toString());
        Files.createSymbolicLink(root.resolve("link"), Path.of("/etc"));
        var stop = new AtomicBoolean();
        var swapper = new Thread(() -> {
            while (!stop.get()) {
                for (var each : List.of("fifo", "link")) {
                    for (var name : List.of("d", "d/f25", "d/f49")) {
                        exchange(root.resolve(each), root.resolve(name));
                        exchange(root.resolve(each), root.resolve(name));
                    }
                }
            }
        });
        swapper.start();
        try {
            for (var i = 0; i < 200; i++) {
                var contents = new ArrayList<String>();
                TreeWalk.walk(root, new byte[0], TreeWalk.Scope.ONE_MOUNT, new Contents(contents));
                assertThat(contents).isSubsetOf("inside");
            }
        } finally {
            stop.set(true);
            swapper.join();
        }
    }

    private static void exchange(Path one, Path other) {
        try (var scratch = Scratch.frame()) {
            Syscalls.call(
                    Syscall.RENAMEAT2,
                    Abi.AT_FDCWD,
                    scratch.path(one.toString()),
                    Abi.AT_FDCWD,
                    scratch.path(other.toString()),
                    2);
        }
    }

    /** Remembers what is in files. */
    private record Contents(List<String> found) implements TreeVisitor {
        @Override
        public void directory(byte[] path, Attributes attributes, boolean opaque) {}

        @Override
        public void file(byte[] path, Attributes attributes, FileContent content) {
            try {
                found.add(new String(content.stream().readAllBytes(), StandardCharsets.UTF_8));
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }

        @Override
        public void symlink(byte[] path, byte[] target, Attributes attributes) {}

        @Override
        public void hardLink(byte[] path, byte[] existing, Attributes attributes) {}

        @Override
        public void node(byte[] path, NodeType type, long major, long minor, Attributes attributes) {}
    }

    @Test
    void nothingIsWrittenOutsideWhileDirectoriesAreSwappedWithLinks(TestStore store) throws Exception {
        var outside = Files.createDirectory(store.path().resolve("outside"));
        Files.createDirectories(root.resolve("d"));
        Files.createSymbolicLink(root.resolve("link"), outside);
        var stop = new AtomicBoolean();
        var swapper = new Thread(() -> {
            while (!stop.get()) {
                exchange(root.resolve("d"), root.resolve("link"));
            }
        });
        swapper.start();
        try {
            for (var i = 0; i < 300; i++) {
                try (var files = files("d")) {
                    write(files, "d/f" + i, "x");
                    files.node(name("d/n" + i), NodeType.FIFO, 0, 0, Attributes.ofMode(0666));
                    files.directory(name("d/e"), Attributes.ofMode(0777));
                } catch (EngineException e) {
                    // a link to nothing inside: refused
                }
            }
        } finally {
            stop.set(true);
            swapper.join();
        }
        assertThat(TreeListing.of(outside).keySet())
                .isEqualTo(TreeListing.of(outside).keySet());
        try (var left = Files.list(outside)) {
            assertThat(left).isEmpty();
        }
    }

    @Test
    void changesAreToldAsDockerTellsThem(TestStore store) throws IOException {
        var base = Files.createDirectory(store.path().resolve("base"));
        var app = Files.createDirectory(store.path().resolve("app"));
        var merged = Files.createDirectory(store.path().resolve("merged"));
        var work = Files.createDirectory(store.path().resolve("work"));
        Programs.output("sh", "-c", """
                cd %s && mkdir -p etc keep gone/deep old replaced && echo a >etc/a && echo b >etc/b && echo k >keep/k
                echo g >gone/deep/g; echo o >old/o; echo p >old/p; echo r >replaced/r; ln -s a etc/link; echo n >none
                cd %s && mkdir etc && echo c >etc/c && mknod none c 0 0""".formatted(base, app));
        Programs.output("sh", "-c", """
                unshare -m sh -c 'mount -t overlay overlay -o lowerdir=%s:%s,upperdir=%s,workdir=%s %s && cd %s && exec sh' <<'.'
                echo more >>etc/a; rm etc/b; touch -c -r keep/k keep/k; : >>keep/k; rm -r gone
                rm -r old; mkdir old; echo o >old/o; rm -r replaced; echo f >replaced; mkdir -p new/dir; echo x >new/dir/x
                echo n >none; mkdir proc; mkfifo pipe; chmod 700 etc
                .""".formatted(app, base, root, work, merged, merged));

        assertThat(UpperChanges.of(root, List.of(base, app)).stream().map(FileChange::toString))
                .containsExactly(
                        "C /etc",
                        "C /etc/a",
                        "D /etc/b",
                        "D /gone",
                        "A /new",
                        "A /new/dir",
                        "A /new/dir/x",
                        "A /none",
                        "C /old",
                        "C /old/o",
                        "D /old/p",
                        "A /pipe",
                        "C /replaced");
    }
}
