package dev.cais.image.layer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.ImageLimits;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestImages;
import dev.cais.fixtures.TestStore;
import dev.cais.fixtures.TreeListing;
import dev.cais.storage.Store;
import dev.cais.storage.Xattr;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.SortedMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Trees that umoci unpacked beside those of Cais, entry by entry. */
@LeakChecked
@RequiresRoot
@RequiresProgram("umoci")
class LikeUmociTest {
    /** cap_net_raw=ep, as setcap(8) stores it. */
    private static final byte[] CAPABILITY = HexFormat.of().parseHex("0100000200200000000000000000000000000000");

    private static final String OPAQUE = " trusted.overlay.opaque=79";

    @Test
    void everyKindOfFileAndAttribute(TestStore at) throws IOException {
        var tar = new Tar()
                .directory("./", Tar.mode(0751))
                .directory("bin", Tar.mode(0755))
                .file("bin/su", "setuid", Tar.owned(04755, 0, 0))
                .file("bin/wall", "setgid", Tar.owned(02755, 0, 5))
                .file("bin/mine", "owned and setuid", Tar.owned(06711, 1000, 100))
                .file("bin/ping", "capable", Tar.with(0755, new Xattr("security.capability", CAPABILITY)))
                .file("bin/none", "", Tar.mode(0))
                .file("big-ids", "", Tar.owned(0600, 4_000_000_000L, 3_000_000_000L))
                .directory("tmp", Tar.mode(01777))
                .directory("shared", Tar.owned(02775, 0, 50))
                .file("shared/inside", "group stays its own", Tar.owned(0640, 0, 0))
                .directory("shared/below", Tar.owned(0755, 0, 0))
                .directory("closed", Tar.mode(0))
                .file("closed/inside", "x")
                .file("noted", "x", Tar.with(0644, new Xattr("user.note", Tar.raw("a\0b"))))
                .directory("noted.d", Tar.with(0755, new Xattr("user.note", Tar.raw("on a directory"))))
                .directory("dev", Tar.mode(0755))
                .node(TarType.CHARACTER_DEVICE, "dev/null", 1, 3, Tar.mode(0666))
                .node(TarType.CHARACTER_DEVICE, "dev/wide", 511, 70000, Tar.owned(0620, 0, 5))
                .node(TarType.BLOCK_DEVICE, "dev/loop", 7, 300, Tar.owned(0660, 0, 6))
                .node(TarType.FIFO, "dev/initctl", 0, 0, Tar.mode(0600))
                .file("old", "before 1970", Tar.at(0644, Instant.parse("1969-12-31T23:59:58.75Z")))
                .file("first", "1970", Tar.at(0644, Instant.EPOCH))
                .file("future", "2100", Tar.at(0644, Instant.parse("2100-01-01T00:00:00.000000001Z")))
                .file(new byte[] {'n', '-', (byte) 0xff, (byte) 0xfe, '\n'}, "no UTF-8", Tar.mode(0644))
                .file("ünïcödé", "UTF-8")
                .directory("implied")
                .file("implied/deep/" + "x".repeat(200) + "/" + "y".repeat(150), "long name")
                .symlink("absolute", "/bin/su")
                .symlink("dangling", "nowhere/to/be/found")
                .symlink("up", "../../../../etc/passwd")
                .symlink("long", "z".repeat(300))
                .bytes();

        assertSame(withoutTimes(cais(at, tar)), withoutTimes(umoci(at, tar)));
    }

    @Test
    void linksAndReplacements(TestStore at) throws IOException {
        var tar = new Tar()
                .directory("./")
                .directory("a")
                .file("a/one", "1")
                .hardLink("a/two", "a/one")
                .hardLink("three", "./a/two")
                .symlink("a/link", "one")
                .hardLink("a/link2", "a/link")
                .hardLink("a/one", "a/two")
                .directory("real")
                .symlink("alias", "real")
                .symlink("root-alias", "/real")
                .file("alias/through", "a link as parent")
                .file("root-alias/through-root", "an absolute link as parent")
                .symlink("loop-up", "../../..")
                .file("loop-up/stays", "inside")
                .directory("was-dir")
                .directory("was-dir/with")
                .file("was-dir/with/content", "x")
                .file("was-dir", "now a file")
                .file("was-file", "x")
                .directory("was-file", Tar.mode(0700))
                .file("was-file/content", "now a directory")
                .symlink("was-link", "real")
                .directory("was-link")
                .file("was-link/content", "not in real")
                .symlink("file-link", "a/one")
                .file("file-link", "not written through the link")
                .directory("twice", Tar.mode(0700))
                .file("twice/kept", "x")
                .directory("twice", Tar.owned(0711, 1, 2))
                .file("twice-file", "first, longer", Tar.mode(0600))
                .file("twice-file", "second")
                .directory("early", Tar.at(0755, Instant.ofEpochSecond(1_000_000_000, 5)))
                .directory("late")
                .file("early/after-late", "does not touch its directory's time")
                .hardLink("early/linked", "a/one")
                .directory("implied")
                .file("//implied/./deep/../here", "clean")
                .bytes();

        var cais = withoutTimes(cais(at, tar));
        // Overlayfs would else show what older layers have below these, which umoci has removed by now.
        assertThat(cais.get("was-file")).endsWith(OPAQUE);
        assertThat(cais.get("was-link")).endsWith(OPAQUE);
        cais.replaceAll((path, line) -> line.replace(OPAQUE, ""));
        assertSame(cais, withoutTimes(umoci(at, tar)));
    }

    @Test
    void whiteoutsOfSeveralLayers(TestStore at) throws IOException {
        var base = new Tar()
                .directory("./")
                .directory("etc")
                .file("etc/gone", "x")
                .file("etc/kept", "x")
                .directory("opaque")
                .file("opaque/gone", "x")
                .directory("opaque/deep")
                .file("opaque/deep/gone", "x")
                .directory("tree")
                .file("tree/gone", "x")
                .directory("again")
                .file("again/gone", "x")
                .directory("becomes-file")
                .file("becomes-file/gone", "x")
                .file("becomes-dir", "x")
                .directory("flips")
                .file("flips/gone", "x")
                .bytes();
        var middle = new Tar()
                .directory("./")
                .directory("etc")
                .file("etc/.wh.gone", "")
                .directory("opaque")
                .file("opaque/new", "stays, though the mark comes later")
                .file("opaque/.wh..wh..opq", "")
                .file(".wh.tree", "")
                .file(".wh.again", "")
                .directory("again")
                .file("again/new", "x")
                .file(".wh..wh.aufs", "a note of aufs")
                .file("becomes-file", "x")
                .directory("becomes-dir")
                .file("becomes-dir/new", "x")
                .file("flips", "for a moment")
                .directory("flips")
                .bytes();
        var top = new Tar()
                .directory("./")
                .file("etc/.wh.never-was", "")
                .directory("etc")
                .directory("tree")
                .file("tree/new", "x")
                .bytes();

        var layers = List.of(base, middle, top);
        var directory = at.path().resolve("umoci");
        OciLayout.write(directory.resolve("oci"), layers);
        Programs.output("umoci", "raw", "unpack", "--image", directory + "/oci:it", directory + "/tree");
        try (var store = Store.open(at.path(), "test")) {
            var unpacker = new LayerUnpacker(store.layers(), ImageLimits.DEFAULT);
            var paths =
                    unpacker.unpack(layers.stream().map(LikeUmociTest::source).toList());
            assertSame(merged(directory, paths), TreeListing.of(directory.resolve("tree")));
        }
    }

    private SortedMap<String, String> merged(Path directory, List<Path> oldestFirst) throws IOException {
        var newestFirst = new ArrayList<>(oldestFirst);
        Collections.reverse(newestFirst);
        var lower = newestFirst.stream().map(Path::toString).collect(Collectors.joining(":"));
        var target = Files.createDirectories(directory.resolve("merged"));
        Programs.output("mount", "-t", "overlay", "overlay", "-o", "lowerdir=" + lower, target.toString());
        try {
            return TreeListing.of(target);
        } finally {
            Programs.output("umount", target.toString());
        }
    }

    /** Archives that GNU tar made of this host's own files, in all its formats. */
    @ParameterizedTest
    @ValueSource(strings = {"v7", "oldgnu", "gnu", "ustar", "pax"})
    void realFiles(String format, TestStore at) throws IOException {
        Files.createDirectories(at.path());
        var archive = at.path().resolve("archive.tar");
        Programs.runIn(
                Path.of("/usr/share"),
                "sh",
                "-c",
                "tar --format=" + format + " -cf " + archive + " --no-recursion . $(find zoneinfo perl perl5)");
        var tar = Files.readAllBytes(archive);
        assertSame(cais(at, tar), umoci(at, tar));
    }

    @Test
    void realRootFileSystem(TestStore at) throws IOException {
        var tar = Files.readAllBytes(TestImages.debianRootfs());
        assertSame(cais(at, tar), umoci(at, tar));
    }

    private static void assertSame(SortedMap<String, String> cais, SortedMap<String, String> umoci) {
        assertThat(cais.entrySet()).hasSizeGreaterThan(5).containsExactlyElementsOf(umoci.entrySet());
    }

    private SortedMap<String, String> umoci(TestStore at, byte[] tar) throws IOException {
        var directory = at.path().resolve("umoci");
        OciLayout.write(directory.resolve("oci"), List.of(tar));
        Programs.output("umoci", "raw", "unpack", "--image", directory + "/oci:it", directory + "/tree");
        return TreeListing.of(directory.resolve("tree"));
    }

    private static SortedMap<String, String> cais(TestStore at, byte[] tar) {
        try (var store = Store.open(at.path(), "test")) {
            var path = new LayerUnpacker(store.layers(), ImageLimits.DEFAULT).unpack(source(tar));
            return TreeListing.of(path);
        }
    }

    private static LayerSource source(byte[] tar) {
        return new LayerSource(Tar.diffId(tar), () -> new ByteArrayInputStream(tar));
    }

    /**
     * Parents that no entry speaks of have the time of day in umoci, and where they are made as well; in Cais they have 1970, and
     * change nothing.
     */
    private static SortedMap<String, String> withoutTimes(SortedMap<String, String> listing) {
        listing.replaceAll(
                (path, line) -> path.startsWith("implied") && line.startsWith("040755 0:0 ") ? "a directory" : line);
        assertThat(listing).containsEntry("implied", "a directory");
        return listing;
    }
}
