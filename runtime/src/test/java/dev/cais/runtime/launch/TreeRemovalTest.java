package dev.cais.runtime.launch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.linux.Abi;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
@LeakChecked
class TreeRemovalTest {
    private static final Duration PATIENCE = Duration.ofMillis(200);

    @TempDir
    private Path directory;

    private void remove(Path tree) {
        var run = Run.of(LaunchProgram.builder()
                .reportFailuresTo(3)
                .removeTree(tree.toString(), PATIENCE)
                .write(Arg.of(1), "done")
                .build());
        assertThat(run.output()).isEqualTo("done");
        assertThat(run.report()).isEmpty();
    }

    @Test
    void aTreeOfAllKindsOfFilesIsRemovedAndWhatLinksLeadToIsNot() throws IOException {
        var tree = Files.createDirectory(directory.resolve("tree"));
        var other = Files.createDirectory(directory.resolve("other"));
        Files.writeString(other.resolve("kept"), "kept");
        fill(tree, 3);
        Files.createSymbolicLink(tree.resolve("link"), other);
        Files.createSymbolicLink(tree.resolve("broken"), Path.of("/no/such/place"));
        Files.createLink(tree.resolve("hard"), other.resolve("kept"));
        sh("mkfifo " + tree + "/fifo; mknod " + tree + "/null c 1 3; mkdir -m 0 " + tree + "/closed; touch " + tree
                + "/closed/file '" + tree + "/ name'" + "; cd " + tree
                + "; touch $(printf '%0255d' 0) $(printf '\\377\\376')");

        remove(tree);

        assertThat(directory).isDirectoryContaining(path -> path.equals(other));
        assertThat(tree).doesNotExist();
        assertThat(other.resolve("kept")).hasContent("kept");
    }

    @Test
    void aDirectoryOfManyFilesIsRemoved() throws IOException {
        var tree = Files.createDirectory(directory.resolve("tree"));
        for (var i = 0; i < 5000; i++) {
            Files.createFile(tree.resolve("file" + i));
        }

        remove(tree);

        assertThat(tree).doesNotExist();
    }

    @Test
    void aTreeDeeperThanAnyPathIsRemoved() throws IOException, InterruptedException {
        var tree = Files.createDirectory(directory.resolve("tree"));
        var name = "d".repeat(200);
        sh("cd " + tree + "; for i in $(seq 100); do mkdir " + name + " && cd -P ./" + name
                + " || exit 1; done; echo end >file");

        remove(tree);

        assertThat(tree).doesNotExist();
    }

    @Test
    void whatIsNotThereNeedsNoRemoval() {
        remove(directory.resolve("none"));
    }

    @Test
    void aLinkInTheTreesPlaceIsNotFollowed() throws IOException {
        var other = Files.createDirectory(directory.resolve("other"));
        Files.createFile(other.resolve("kept"));
        var link = Files.createSymbolicLink(directory.resolve("link"), other);

        remove(link);

        assertThat(other.resolve("kept")).exists();
    }

    @Test
    void aFileThatCannotBeRemovedEndsTheRemoval() throws IOException {
        var tree = Files.createDirectory(directory.resolve("tree"));
        var fixed = Files.createDirectories(tree.resolve("a/b")).resolve("fixed");
        Files.createFile(fixed);
        sh("chattr +i " + fixed);
        try {
            remove(tree);

            assertThat(fixed).exists();
        } finally {
            sh("chattr -i " + fixed);
        }
    }

    @Test
    void whatIsMountedInTheTreeIsLeftAlone() throws IOException {
        var tree = directory.resolve("tree");
        Files.createDirectories(tree.resolve("mounted"));
        var other = Files.createDirectory(directory.resolve("other"));
        Files.createFile(other.resolve("kept"));
        sh("mount --bind " + other + " " + tree + "/mounted");
        try {
            remove(tree);

            assertThat(other.resolve("kept")).exists();
            assertThat(tree.resolve("mounted/kept")).exists();
        } finally {
            sh("umount " + tree + "/mounted");
        }
    }

    @Test
    void onAMemoryFileSystemAndOnAnOverlayTreesAreRemovedToo() throws IOException {
        var mount = Files.createDirectory(directory.resolve("mount"));
        sh("mount -t tmpfs tmpfs " + mount);
        try {
            var lower = mount.resolve("lower");
            Files.createDirectories(lower.resolve("tree"));
            fill(lower.resolve("tree"), 3);
            for (var name : new String[] {"upper", "work", "merged"}) {
                Files.createDirectory(mount.resolve(name));
            }
            sh("cd " + mount + " && mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay merged");
            try {
                fill(mount.resolve("merged/tree/more"), 2);
                remove(mount.resolve("merged/tree"));
                assertThat(mount.resolve("merged/tree")).doesNotExist();
            } finally {
                sh("umount " + mount + "/merged");
            }
            remove(lower.resolve("tree"));
            assertThat(lower.resolve("tree")).doesNotExist();
        } finally {
            sh("umount " + mount);
        }
    }

    @Test
    void aCgroupAndThoseBelowItAreRemovedOnceTheirProcessesAreGone() throws IOException {
        var controller = Path.of("/sys/fs/cgroup/pids");
        var root = Files.isDirectory(controller) ? controller : Path.of("/sys/fs/cgroup");
        var cgroup = root.resolve("cais-launch-test-" + ProcessHandle.current().pid());
        Files.createDirectories(cgroup.resolve("a/b"));
        Files.createDirectories(cgroup.resolve("a/c"));
        var process =
                new ProcessBuilder("sh", "-c", "echo $$ > " + cgroup + "/a/b/cgroup.procs; exec sleep 0.3").start();
        try {
            while (process.isAlive()
                    && !Files.readString(cgroup.resolve("a/b/cgroup.procs")).contains("" + process.pid())) {
                Thread.onSpinWait();
            }

            var run = Run.of(LaunchProgram.builder()
                    .reportFailuresTo(3)
                    .removeCgroupTree(cgroup.toString(), Duration.ofSeconds(25))
                    .write(Arg.of(1), "done")
                    .build());

            assertThat(run.output()).isEqualTo("done");
            assertThat(cgroup).doesNotExist();
        } finally {
            process.destroyForcibly();
            sh("rmdir " + cgroup + "/a/* " + cgroup + "/a " + cgroup + " 2>/dev/null || :");
        }
    }

    @Test
    void aCgroupThatStaysInUseIsGivenUp() throws IOException {
        var controller = Path.of("/sys/fs/cgroup/pids");
        var root = Files.isDirectory(controller) ? controller : Path.of("/sys/fs/cgroup");
        var cgroup = Files.createDirectory(
                root.resolve("cais-launch-test-" + ProcessHandle.current().pid()));
        var process =
                new ProcessBuilder("sh", "-c", "echo $$ > " + cgroup + "/cgroup.procs; echo; exec sleep 100").start();
        try {
            assertThat(process.getInputStream().read()).isEqualTo('\n');

            var run = Run.of(LaunchProgram.builder()
                    .removeCgroupTree(cgroup.toString(), PATIENCE)
                    .write(Arg.of(1), "done")
                    .build());

            assertThat(run.output()).isEqualTo("done");
            assertThat(cgroup).exists();
        } finally {
            process.destroyForcibly().onExit().join();
            sh("for i in $(seq 200); do rmdir " + cgroup + " 2>/dev/null && exit; sleep 0.05; done; exit 1");
        }
    }

    private static void fill(Path tree, int depth) throws IOException {
        Files.createDirectories(tree);
        for (var i = 0; i < 5; i++) {
            Files.writeString(tree.resolve("file" + i), "content");
            if (depth > 0) {
                fill(tree.resolve("directory" + i), depth - 1);
            }
        }
    }

    private static void sh(String script) {
        try {
            var process = new ProcessBuilder("sh", "-c", script).inheritIO().start();
            assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).as(script).isZero();
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(script, e);
        }
    }

    @Test
    void theProgramGoesOnOutsideTheTree() throws IOException {
        var tree = directory.resolve("tree");
        Files.createDirectories(tree.resolve("below"));

        var run = Run.of(LaunchProgram.builder()
                .reportFailuresTo(3)
                .removeTree(tree.toString(), PATIENCE)
                .mkdir(directory.resolve("after").toString(), 0700)
                .open("/proc/self/root", Abi.O_PATH, 0)
                .build());

        assertThat(run.report()).isEmpty();
        assertThat(directory.resolve("after")).isDirectory();
    }
}
