package dev.cais.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.cais.KernelException;
import dev.cais.StorageException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import dev.cais.fixtures.TreeListing;
import dev.cais.linux.Abi;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@LeakChecked
@RequiresRoot
class FileOperationsTest {
    private static final Instant WHEN = Instant.ofEpochSecond(1_700_000_000, 1);

    private Path root = Path.of("/");

    @BeforeEach
    void makeRoot(TestStore store) throws IOException {
        root = Files.createDirectories(store.path().resolve("root"));
    }

    private FileOperations files() {
        return new DirectFileOperations(root, Whiteouts.TRUSTED);
    }

    private static byte[] name(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static Attributes mode(int mode) {
        return new Attributes(0, 0, mode, WHEN, WHEN, List.of());
    }

    private static void write(FileOperations files, String path, String content) {
        try (var sink = files.file(name(path), mode(0644))) {
            sink.write(name(content), 0, content.length());
            sink.finish();
        }
    }

    @Test
    void linkOnTheWayIsFollowedInsideTheRoot() throws IOException {
        try (var files = files()) {
            files.symlink(name("out"), name("/etc"), mode(0777));
            files.symlink(name("up"), name("../../../../../../etc"), mode(0777));
            write(files, "out/passwd", "mine");
            write(files, "up/group", "mine");
        }
        assertThat(root.resolve("etc/passwd")).hasContent("mine");
        assertThat(root.resolve("etc/group")).hasContent("mine");
    }

    @Test
    void lastLinkIsReplaced() throws IOException {
        try (var files = files()) {
            files.symlink(name("file"), name("/etc/passwd"), mode(0777));
            write(files, "file", "mine");
        }
        assertThat(root.resolve("file")).isRegularFile().hasContent("mine");
        assertThat(Path.of("/etc/passwd")).content().isNotEqualTo("mine");
    }

    @Test
    void linkThatReplacesAnOpenDirectoryIsSeenAtOnce() throws IOException {
        var outside = Files.createDirectory(root.resolveSibling("outside"));
        try (var files = files()) {
            files.directory(name("d"), mode(0755));
            write(files, "d/first", "inside");
            files.symlink(name("d"), name(outside.toString()), mode(0777));
            write(files, "d/second", "inside");
        }
        assertThat(outside).isEmptyDirectory();
        assertThat(root.resolve(outside.toString().substring(1)).resolve("second"))
                .hasContent("inside");
    }

    @Test
    void timesOfDirectoriesHoldThoughAllArePassedManyTimes() {
        var count = 60; // more than are kept open
        try (var files = files()) {
            for (var i = 0; i < count; i++) {
                files.directory(name("d" + i), new Attributes(0, 0, 0755, WHEN.plusNanos(i), WHEN, List.of()));
            }
            files.symlink(name("alias"), name("d7"), mode(0777));
            for (var round = 0; round < 3; round++) {
                for (var i = 0; i < count; i++) {
                    write(files, "d" + i + "/f" + round, "x");
                    write(files, "alias/g" + i, "x");
                }
            }
            files.directory(name("d8"), new Attributes(0, 0, 0755, WHEN.plusSeconds(5), WHEN, List.of()));
            files.remove(name("d9/f1"));
        }
        var listing = TreeListing.of(root);
        for (var i = 0; i < count; i++) {
            assertThat(listing.get("d" + i))
                    .isEqualTo("040755 0:0 "
                            + (i == 8 ? "1700000005.000000001" : "1700000000.0000000%02d".formatted(i + 1)));
        }
    }

    @Test
    void missingParentsAreMadeThroughLinksToNothing() {
        try (var files = files()) {
            files.symlink(name("a"), name("b/c"), mode(0777));
            files.symlink(name("b"), name("/x/./y"), mode(0777));
            write(files, "a/file", "x");
        }
        var listing = TreeListing.of(root);
        assertThat(listing.get("x/y/c")).isEqualTo("040755 0:0 0.000000000");
        assertThat(listing.get("x/y/c/file")).startsWith("100644 0:0 1700000000.000000001 size 1 ");
    }

    @Test
    void linksInACircleAreRefused() {
        try (var files = files()) {
            files.symlink(name("a"), name("b"), mode(0777));
            files.symlink(name("b"), name("a"), mode(0777));
            assertThatThrownBy(() -> write(files, "a/file", "x"))
                    .isInstanceOf(KernelException.class)
                    .hasMessage("cannot write a: openat2(2) failed with ELOOP (too many levels of symbolic links)");
        }
    }

    @Test
    void fileIsNoParent() {
        try (var files = files()) {
            write(files, "a", "x");
            assertThatThrownBy(() -> write(files, "a/b/c", "x"))
                    .isInstanceOf(KernelException.class)
                    .hasMessage("cannot write below a: openat2(2) failed with ENOTDIR (not a directory)");
        }
    }

    @Test
    void nameOf256BytesIsRefused() {
        try (var files = files()) {
            var name = "n".repeat(256);
            assertThatThrownBy(() -> write(files, name, "x"))
                    .isInstanceOf(KernelException.class)
                    .hasMessage("cannot write " + name + ": openat(2) failed with ENAMETOOLONG (file name too long)");
        }
    }

    @Test
    void mountPointIsNotCrossed() throws IOException {
        var mounted = Files.createDirectory(root.resolve("mounted"));
        Programs.output("mount", "-t", "tmpfs", "none", mounted.toString());
        try (var files = files()) {
            assertThatThrownBy(() -> write(files, "mounted/file", "x"))
                    .isInstanceOf(KernelException.class)
                    .hasMessage("cannot write mounted: openat2(2) failed with EXDEV (invalid cross-device link)");
            assertThatThrownBy(() -> Disk.removeTree(mounted))
                    .isInstanceOf(StorageException.class)
                    .hasMessage("cannot remove " + mounted + ": unlinkat(2) failed with EBUSY (device or resource busy)"
                            + " [call=unlinkat, errno=EBUSY]");
        } finally {
            Programs.output("umount", mounted.toString());
        }
    }

    @Test
    void marksOfOverlayfsAreNotTakenFromOutside() {
        var forged = List.of(
                new Xattr("trusted.overlay.opaque", name("y")),
                new Xattr("trusted.overlay.redirect", name("/etc")),
                new Xattr("user.overlay.opaque", name("y")),
                new Xattr("user.kept", name("y")));
        var attributes = new Attributes(0, 0, 0755, WHEN, WHEN, forged);
        try (var files = files()) {
            files.directory(name("d"), attributes);
            files.file(name("f"), attributes).finish();
            files.node(name("p"), NodeType.FIFO, 0, 0, new Attributes(0, 0, 0600, WHEN, WHEN, forged.subList(0, 2)));
        }
        var listing = TreeListing.of(root);
        assertThat(listing.get("d")).isEqualTo("040755 0:0 1700000000.000000001 user.kept=79");
        assertThat(listing.get("f")).endsWith(" user.kept=79").doesNotContain("overlay");
        assertThat(listing.get("p")).isEqualTo("010600 0:0 1700000000.000000001");
    }

    @Test
    void defaultAclIsNotHandedDown() {
        // version 2; user::rwx group::r-x other::---, as setfacl(1) stores it
        var acl = HexFormat.of().parseHex("02000000" + "01000700ffffffff" + "04000500ffffffff" + "20000000ffffffff");
        var withAcl = new Attributes(0, 0, 0755, WHEN, WHEN, List.of(new Xattr("system.posix_acl_default", acl)));
        try (var files = files()) {
            try {
                files.directory(name("d"), withAcl);
                files.file(name("d/f"), mode(0666)).finish();
            } catch (StorageException e) {
                assumeThat(e).as("a file system with ACLs").isNull();
            }
        }
        var listing = TreeListing.of(root);
        assertThat(listing.get("d")).contains("system.posix_acl_default=02000000");
        assertThat(listing.get("d/f")).startsWith("100666 ").doesNotContain("acl");
    }

    @Test
    void groupOfASetgidDirectoryIsNotHandedDown() {
        try (var files = files()) {
            files.directory(name("d"), new Attributes(0, 50, 02755, WHEN, WHEN, List.of()));
            write(files, "d/f", "x");
            files.directory(name("d/e"), mode(0755));
            files.symlink(name("d/l"), name("f"), mode(0777));
        }
        var listing = TreeListing.of(root);
        assertThat(listing.get("d")).startsWith("042755 0:50 ");
        assertThat(listing.get("d/f")).startsWith("100644 0:0 ");
        assertThat(listing.get("d/e")).startsWith("040755 0:0 ");
        assertThat(listing.get("d/l")).startsWith("120777 0:0 ");
    }

    @Test
    void holesTakeNoSpace() throws IOException {
        try (var files = files()) {
            try (var sink = files.file(name("f"), mode(0644))) {
                sink.skip(1 << 20);
                sink.write(name("data"), 0, 4);
                sink.skip(1 << 20);
                sink.finish();
            }
        }
        assertThat(root.resolve("f")).hasSize((2 << 20) + 4);
        var blocks = Long.parseLong(
                Programs.output("stat", "-c", "%b", root.resolve("f").toString())
                        .strip());
        assertThat(blocks * 512).isLessThan(64 * 1024);
    }

    @Test
    void whiteoutHidesOnlyWhatOlderLayersHave() {
        try (var files = files()) {
            files.directory(name("own"), mode(0755));
            write(files, "file", "x");
            files.whiteout(name("own"));
            files.whiteout(name("file"));
            files.whiteout(name("other"));
            files.whiteout(name("later"));
            write(files, "later/below", "x");
        }
        var listing = TreeListing.of(root);
        assertThat(listing.get("own")).endsWith(" trusted.overlay.opaque=79");
        assertThat(listing.get("file")).startsWith("100644 ");
        assertThat(listing.get("other")).isEqualTo("020000 0:0 0.000000000 device 0:0");
        assertThat(listing.get("later")).endsWith(" trusted.overlay.opaque=79");
    }

    @Test
    void whiteoutsOfAUsersStoreAreTheUsersOwn() {
        try (var files = new DirectFileOperations(root, Whiteouts.USER)) {
            files.opaque(name("d"));
        }
        assertThat(TreeListing.of(root).get("d")).endsWith(" user.overlay.opaque=79");
    }

    @Test
    void aFileOfAnotherLayerIsSharedIfItIsTheSame(TestStore store) throws IOException {
        var other = Files.createDirectory(store.path().resolve("other"));
        try (var files = new DirectFileOperations(other, Whiteouts.TRUSTED)) {
            write(files, "d/f", "content");
            files.symlink(name("link"), name("d"), mode(0777));
            files.symlink(name("out"), name("/etc"), mode(0777));
            files.symlink(name("last"), name("d/f"), mode(0777));
            files.node(name("fifo"), NodeType.FIFO, 0, 0, mode(0644));
        }
        try (var files = files();
                var layer = Disk.open(other, Abi.O_PATH | Abi.O_DIRECTORY, 0)) {
            var owned = new Attributes(1, 0, 0644, WHEN, WHEN, List.of());
            var later = new Attributes(0, 0, 0644, WHEN.plusNanos(1), WHEN, List.of());
            for (var each : List.of(mode(0640), owned, later)) {
                assertThat(files.share(name("d/f"), layer, each, 7)).isFalse();
            }
            assertThat(files.share(name("d/f"), layer, mode(0644), 8)).isFalse();
            for (var path : List.of("d/g", "link/f", "out/passwd", "last", "fifo", "d")) {
                assertThat(files.share(name(path), layer, mode(0644), 7)).isFalse();
            }
            assertThat(files.share(name("d/f"), layer, mode(0644), 7)).isTrue();
            assertThat(files.share(name("d/f"), layer, mode(0644), 7)).isFalse(); // one stands there
        }
        assertThat(Files.isSameFile(root.resolve("d/f"), other.resolve("d/f"))).isTrue();
        assertThat(root.resolve("d/f")).hasContent("content");
    }

    @Test
    void copyIsTheSameEntryByEntry(TestStore store) throws IOException {
        try (var files = files()) {
            files.directory(
                    name("d"), new Attributes(1, 2, 03711, WHEN, WHEN, List.of(new Xattr("user.a", name("b")))));
            write(files, "d/f", "content");
            files.hardLink(name("g"), name("d/f"));
            files.symlink(name("l"), name("/nowhere"), mode(0777));
            files.hardLink(name("m"), name("l"));
            files.node(name("n"), NodeType.CHARACTER_DEVICE, 1, 3, mode(0666));
            files.node(name("p"), NodeType.FIFO, 0, 0, mode(0600));
            files.file(new byte[] {'x', (byte) 0x80}, mode(04755)).finish();
            files.directory(name("e/mpty"), mode(0));
            var sink = files.file(name("sparse"), mode(0600));
            sink.skip(1 << 20);
            sink.write(name("x"), 0, 1);
            sink.skip(1 << 20);
            sink.finish();
        }
        var copied = Files.createDirectory(store.path().resolve("copy"));
        try (var target = new DirectFileOperations(copied, Whiteouts.TRUSTED)) {
            TreeCopy.copy(root, target, new byte[0]);
        }
        assertThat(TreeListing.of(copied)).isEqualTo(TreeListing.of(root));
    }

    @Test
    void treeDeeperThanAnyPathIsRemoved() {
        // 1,500 levels of 200 bytes: each level made inside the one before, by the shell's own working directory
        Programs.output(
                "sh",
                "-c",
                "cd '" + root
                        + "'; n=$(printf %0200d 0); i=0; while [ $i -lt 1500 ]; do mkdir $n; : >f; cd $n; i=$((i+1)); done");
        Disk.removeTree(root);
        assertThat(root).doesNotExist();
    }

    @Test
    void treeOfManyFilesIsRemovedWithoutFollowingLinks() throws IOException {
        var outside = Files.createDirectory(root.resolveSibling("outside"));
        Files.writeString(outside.resolve("kept"), "x");
        try (var files = files()) {
            for (var i = 0; i < 3000; i++) {
                write(files, "d/f" + i, "");
                write(files, "e" + i % 300 + "/f" + i, "");
            }
            files.symlink(name("link"), name(outside.toString()), mode(0777));
        }
        Disk.removeTree(root);
        assertThat(root).doesNotExist();
        assertThat(outside.resolve("kept")).exists();
    }
}
