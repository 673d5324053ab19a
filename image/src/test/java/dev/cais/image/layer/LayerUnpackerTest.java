package dev.cais.image.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ByteSize;
import dev.cais.CancelledException;
import dev.cais.CorruptContentException;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.StorageException;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.SmallDisk;
import dev.cais.fixtures.TestStore;
import dev.cais.fixtures.TreeListing;
import dev.cais.storage.Store;
import dev.cais.storage.Xattr;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@LeakChecked
@RequiresRoot
class LayerUnpackerTest {
    private static final ImageLimits SMALL = new ImageLimits(ByteSize.mib(1), 10, ByteSize.mib(1), 20, 400);
    private static final byte[] PLAIN =
            new Tar().directory("etc").file("etc/hostname", "here\n").bytes();

    private static LayerSource source(byte[] tar) {
        return new LayerSource(Tar.diffId(tar), () -> new ByteArrayInputStream(tar));
    }

    private static Path unpack(Store store, byte[] tar) {
        return new LayerUnpacker(store.layers(), ImageLimits.DEFAULT).unpack(source(tar));
    }

    private static void assertRefused(TestStore directory, byte[] tar, String message) {
        assertRefused(directory, tar, ImageLimits.DEFAULT, message);
    }

    /** Also that nothing is left, and nothing beside the store was touched. */
    private static void assertRefused(TestStore directory, byte[] tar, ImageLimits limits, String message) {
        try (var store = Store.open(directory.path(), "test")) {
            assertThatThrownBy(() -> new LayerUnpacker(store.layers(), limits).unpack(source(tar)))
                    .isInstanceOf(CorruptContentException.class)
                    .hasMessage(message.replace("LAYER", "layer " + Tar.diffId(tar)));
            assertNothingLeft(store);
        }
    }

    private static void assertNothingLeft(Store store) {
        assertThat(store.layers().directory()).isEmptyDirectory();
        assertThat(store.temporaryDirectory()).isEmptyDirectory();
    }

    // Streams

    @ParameterizedTest
    @EnumSource
    void anyCompressionIsTold(Compression compression, TestStore directory) throws IOException {
        var packed = new ByteArrayOutputStream();
        try (var out = compression.compress(packed)) {
            out.write(PLAIN);
        }
        try (var store = Store.open(directory.path(), "test")) {
            var path = new LayerUnpacker(store.layers(), ImageLimits.DEFAULT)
                    .unpack(new LayerSource(Tar.diffId(PLAIN), () -> new ByteArrayInputStream(packed.toByteArray())));
            assertThat(path.resolve("etc/hostname")).hasContent("here\n");
            assertThat(store.layers().size(Tar.diffId(PLAIN))).isEqualTo(5);
        }
    }

    @Test
    void whatStandsBehindTheArchiveBelongsToTheDiffId(TestStore directory) {
        var padded = Arrays.copyOf(PLAIN, PLAIN.length + 3_000_000);
        padded[padded.length - 1] = 1;
        try (var store = Store.open(directory.path(), "test")) {
            assertThat(unpack(store, padded).resolve("etc/hostname")).hasContent("here\n");
        }
    }

    @Test
    void emptyStreamIsAnEmptyLayer(TestStore directory) {
        try (var store = Store.open(directory.path(), "test")) {
            assertThat(unpack(store, new byte[0])).isEmptyDirectory();
        }
    }

    @Test
    void otherDiffIdIsRefused(TestStore directory) {
        var expected = Digest.parse("sha256:" + "0".repeat(64));
        try (var store = Store.open(directory.path(), "test")) {
            var source = new LayerSource(expected, () -> new ByteArrayInputStream(PLAIN));
            assertThatThrownBy(() -> new LayerUnpacker(store.layers(), ImageLimits.DEFAULT).unpack(source))
                    .isInstanceOf(CorruptContentException.class)
                    .hasMessage("cannot unpack layer " + expected + ": its content is another [digest="
                            + Tar.diffId(PLAIN) + "]; fetch or save it again");
            assertNothingLeft(store);
        }
    }

    @Test
    void truncatedGzipIsRefused(TestStore directory) throws IOException {
        var packed = new ByteArrayOutputStream();
        try (var out = Compression.GZIP.compress(packed)) {
            out.write(PLAIN);
        }
        var cut = Arrays.copyOf(packed.toByteArray(), packed.size() - 9);
        try (var store = Store.open(directory.path(), "test")) {
            var source = new LayerSource(Tar.diffId(PLAIN), () -> new ByteArrayInputStream(cut));
            assertThatThrownBy(() -> new LayerUnpacker(store.layers(), ImageLimits.DEFAULT).unpack(source))
                    .isInstanceOf(CorruptContentException.class)
                    .hasMessage("cannot read layer " + Tar.diffId(PLAIN)
                            + ": its gzip stream ends early; fetch or save it again");
            assertNothingLeft(store);
        }
    }

    @Test
    void unreadableSourceIsNotCorrupt(TestStore directory) {
        try (var store = Store.open(directory.path(), "test")) {
            var source = new LayerSource(Tar.diffId(PLAIN), () -> {
                throw new IOException("no such disk");
            });
            assertThatThrownBy(() -> new LayerUnpacker(store.layers(), ImageLimits.DEFAULT).unpack(source))
                    .isInstanceOf(StorageException.class)
                    .hasMessage("cannot read layer " + Tar.diffId(PLAIN) + ": no such disk");
            assertNothingLeft(store);
        }
    }

    @Test
    void layerThatIsThereIsNotAskedFor(TestStore directory) {
        try (var store = Store.open(directory.path(), "test")) {
            unpack(store, PLAIN);
            new LayerUnpacker(store.layers(), ImageLimits.DEFAULT).unpack(new LayerSource(Tar.diffId(PLAIN), () -> {
                throw new IOException("asked for");
            }));
        }
    }

    @Test
    void layersComeInTheOrderAskedForThoughSomeAreTheSame(TestStore directory) {
        var tars = new ArrayList<byte[]>();
        for (var i = 0; i < 9; i++) {
            tars.add(new Tar().file("f", "x".repeat(1000 * (10 - i % 5))).bytes());
        }
        var opened = new AtomicInteger();
        try (var store = Store.open(directory.path(), "test")) {
            var paths = new LayerUnpacker(store.layers(), ImageLimits.DEFAULT)
                    .unpack(tars.stream()
                            .map(tar -> new LayerSource(Tar.diffId(tar), () -> {
                                opened.incrementAndGet();
                                return new ByteArrayInputStream(tar);
                            }))
                            .toList());
            for (var i = 0; i < 9; i++) {
                assertThat(paths.get(i).resolve("f")).hasSize(1000L * (10 - i % 5));
            }
            assertThat(opened).hasValue(5);
        }
    }

    @Test
    void oneBadLayerEndsTheOthers(TestStore directory) {
        var bad = new Tar().file("../out", "x").bytes();
        var endless = new LayerSource(Tar.diffId(PLAIN), EndlessTar::new);
        try (var store = Store.open(directory.path(), "test")) {
            assertThatThrownBy(() -> new LayerUnpacker(store.layers(), ImageLimits.DEFAULT)
                            .unpack(List.of(endless, source(bad))))
                    .isInstanceOf(CorruptContentException.class)
                    .hasMessage("cannot unpack layer " + Tar.diffId(bad)
                            + ": entry ../out: its path climbs out of the root");
            assertNothingLeft(store);
        }
    }

    /** The same file, over and over. */
    static final class EndlessTar extends InputStream {
        private final byte[] entry =
                Arrays.copyOf(new Tar().file("f", "content").bytes(), 2048);
        private int at;

        @Override
        public int read() {
            var next = entry[at] & 0xff;
            at = (at + 1) % entry.length;
            return next;
        }

        @Override
        public int read(byte[] bytes, int offset, int length) {
            var count = Math.min(length, entry.length - at);
            System.arraycopy(entry, at, bytes, offset, count);
            at = (at + count) % entry.length;
            return count;
        }
    }

    @Test
    void interruptEndsAnUnpackingAlsoWhileItWaitsForItsSource(TestStore directory) throws Exception {
        var threads = Executors.newSingleThreadExecutor();
        try (var store = Store.open(directory.path(), "test");
                var writer = new PipedOutputStream()) {
            var unpacker = new LayerUnpacker(store.layers(), ImageLimits.DEFAULT);
            for (var content : List.<LayerSource.Opener>of(EndlessTar::new, () -> new PipedInputStream(writer))) {
                var begun = new CountDownLatch(1);
                var thread = new Thread[1];
                var result = threads.submit(() -> {
                    thread[0] = Thread.currentThread();
                    try {
                        unpacker.unpack(new LayerSource(Tar.diffId(PLAIN), () -> {
                            begun.countDown();
                            return content.open();
                        }));
                        return "unpacked";
                    } catch (CancelledException e) {
                        return e.getMessage() + " " + Thread.interrupted();
                    }
                });
                begun.await();
                thread[0].interrupt();
                assertThat(result.get())
                        .isEqualTo("cannot unpack layer " + Tar.diffId(PLAIN) + ": the thread was interrupted true");
                assertNothingLeft(store);
            }
        } finally {
            threads.shutdownNow();
        }
    }

    // Names that lead out

    @Test
    void pathThatClimbsIsRefused(TestStore directory) {
        for (var name : List.of("../out", "a/../../out", "/../out", "..", "./..")) {
            assertRefused(
                    directory,
                    new Tar().directory("a").file(name, "x").bytes(),
                    "cannot unpack LAYER: entry " + name + ": its path climbs out of the root");
        }
    }

    @Test
    void hardLinkThatClimbsIsRefused(TestStore directory) {
        assertRefused(
                directory,
                new Tar().hardLink("passwd", "../../../../../../../etc/passwd").bytes(),
                "cannot unpack LAYER: entry passwd: its path climbs out of the root");
    }

    @Test
    void hardLinkToAFileOfTheHostFindsNothing(TestStore directory) {
        assertRefused(
                directory,
                new Tar().hardLink("passwd", "/etc/passwd").bytes(),
                "cannot unpack LAYER: entry passwd: linkat(2) failed with ENOENT (no such file or directory);"
                        + " fetch or save it again");
        assertRefused(
                directory,
                new Tar().symlink("e", "/etc").hardLink("passwd", "e/passwd").bytes(),
                "cannot unpack LAYER: entry passwd: linkat(2) failed with ENOENT (no such file or directory);"
                        + " fetch or save it again");
    }

    @Test
    void hardLinkToADirectoryIsRefused(TestStore directory) {
        assertRefused(
                directory,
                new Tar().directory("d").hardLink("l", "d").bytes(),
                "cannot unpack LAYER: entry l: linkat(2) failed with EISDIR (is a directory); fetch or save it again");
    }

    @Test
    void linksLeadNowhereButInside(TestStore directory) throws IOException {
        var outside = Files.createDirectories(directory.path().resolve("outside"));
        var tar = new Tar()
                .symlink("absolute", outside.toString())
                .file("absolute/a", "inside")
                .symlink("climbing", "../../../../../../../../../.." + outside)
                .file("climbing/b", "inside")
                .directory("swapped")
                .file("swapped/c", "inside")
                .symlink("swapped", outside.toString())
                .file("swapped/d", "inside")
                .symlink("magic", "/proc/self/root")
                .file("magic/" + outside.toString().substring(1) + "/e", "inside")
                .symlink("chain1", "chain2")
                .symlink("chain2", outside + "/deeper")
                .file("chain1/f", "inside")
                .bytes();
        try (var store = Store.open(directory.path(), "test")) {
            var path = unpack(store, tar);
            assertThat(outside).isEmptyDirectory();
            var inside = path.resolve(outside.toString().substring(1));
            assertThat(inside.toFile().list()).containsExactlyInAnyOrder("a", "b", "d", "deeper");
            assertThat(inside.resolve("deeper/f")).hasContent("inside");
            assertThat(path.resolve("proc/self/root" + outside + "/e")).hasContent("inside");
        }
    }

    @Test
    void whiteoutsOfNoNameOrOfParentsAreRefused(TestStore directory) {
        for (var name : List.of(".wh.", "a/.wh..", "a/.wh...")) {
            assertRefused(
                    directory,
                    new Tar().directory("a").file(name, "").bytes(),
                    "cannot unpack LAYER: entry " + name + ": it is a whiteout of no name");
        }
    }

    @Test
    void rootIsADirectory(TestStore directory) {
        assertRefused(
                directory,
                new Tar().symlink("./", "/etc").bytes(),
                "cannot unpack LAYER: entry ./: its name is that of the root, and it is no directory");
    }

    @Test
    void fileIsNoParent(TestStore directory) {
        assertRefused(
                directory,
                new Tar().file("a", "x").file("a/b", "x").bytes(),
                "cannot unpack LAYER: entry a/b: openat2(2) failed with ENOTDIR (not a directory); fetch or save it again");
    }

    @Test
    void forgedMarksOfOverlayfsAreDropped(TestStore directory) {
        var tar = new Tar()
                .directory("d", Tar.with(0755, new Xattr("trusted.overlay.opaque", new byte[] {'y'})))
                .file("f", "", Tar.with(0644, new Xattr("trusted.overlay.redirect", Tar.raw("/etc/shadow"))))
                .bytes();
        try (var store = Store.open(directory.path(), "test")) {
            assertThat(TreeListing.of(unpack(store, tar)).toString()).doesNotContain("overlay");
        }
    }

    // Bombs

    @Test
    void moreBytesThanTheLimit(TestStore directory) {
        assertRefused(
                directory,
                new Tar()
                        .file("a", "x".repeat(600_000))
                        .file("b", "x".repeat(600_000))
                        .bytes(),
                SMALL,
                "cannot unpack LAYER: entry b: its files have more than 1.0 MiB, the limit");
        assertRefused(
                directory,
                Arrays.copyOf(PLAIN, (1 << 20) + 1),
                SMALL,
                "cannot read LAYER: it has more than 1.0 MiB uncompressed, the limit");
    }

    @Test
    void moreBytesInHolesThanTheLimit(TestStore directory) {
        var tar = new Tar()
                .block(Tar.pax('x', "GNU.sparse.size=9000000000000000000", "GNU.sparse.map=8999999999999999999,1"))
                .block(Tar.header("sparse", '0', "00000000001\0"))
                .block(new byte[512])
                .bytes();
        assertRefused(
                directory, tar, "cannot unpack LAYER: entry sparse: its files have more than 64.0 GiB, the limit");
    }

    @Test
    void moreFilesThanTheLimitBySilentParents(TestStore directory) {
        assertRefused(
                directory,
                new Tar().file("d/".repeat(30) + "f", "x").bytes(),
                SMALL,
                "cannot unpack LAYER: entry " + "d/".repeat(30) + "f: it makes more than 20 files, the limit");
    }

    @Test
    void deepPathIsUnpackedUpToTheLimit(TestStore directory) {
        var deep = "d/".repeat(1900) + "f";
        try (var store = Store.open(directory.path(), "test")) {
            var path = unpack(store, new Tar().file(deep, "x").bytes());
            assertThat(Programs.output("find", path.toString(), "-name", "f").strip())
                    .endsWith("/d/d/d/f");
            store.layers().list().forEach(store.layers()::delete);
        }
        assertRefused(
                directory,
                new Tar().file("d/".repeat(3000) + "f", "x").bytes(),
                "cannot read LAYER: entry " + "d/".repeat(100)
                        + "…: its name is longer than 4095 bytes, the limit [offset=7168]; fetch or save it again");
    }

    @Test
    void longNameIsRefused(TestStore directory) {
        assertRefused(
                directory,
                new Tar().file("n".repeat(256), "x").bytes(),
                "cannot unpack LAYER: entry " + "n".repeat(200)
                        + "…: openat(2) failed with ENAMETOOLONG (file name too long); fetch or save it again");
    }

    // The store

    @Test
    void fullDiskIsOneSentenceAndLeavesNothing(TestStore directory) throws IOException {
        var disk = SmallDisk.mount(directory.path(), "size=1m");
        try (disk) {
            var big = new Tar()
                    .file("etc/small", "x")
                    .file("usr/big", "x".repeat(2_000_000))
                    .bytes();
            try (var store = Store.open(directory.path(), "test")) {
                assertThatThrownBy(() -> unpack(store, big))
                        .isInstanceOf(StorageException.class)
                        .hasMessage("cannot write usr/big: no space is left on the file system of "
                                + store.temporaryDirectory()
                                + "/1 [call=write, errno=ENOSPC]; free some, or choose another store");
                assertNothingLeft(store);
                assertThat(unpack(store, PLAIN)).isDirectory();
            }
        }
    }

    /** Unpacks an endless layer into the store of its argument, saying so first. */
    static final class Endless {
        private Endless() {}

        public static void main(String[] arguments) {
            var store = Store.open(Path.of(arguments[0]), "dead");
            new LayerUnpacker(store.layers(), ImageLimits.DEFAULT).unpack(new LayerSource(Tar.diffId(PLAIN), () -> {
                System.out.println("unpacking");
                return new EndlessTar();
            }));
        }
    }

    @Test
    void killedUnpackingLeavesNothingVisibleAndTheNextOpenSweepsTheRest(TestStore directory) throws Exception {
        for (var delay : new int[] {0, 5, 50, 200}) {
            try (var child = ChildJvm.start(Endless.class, directory.path().toString())) {
                assertThat(child.readLine()).isEqualTo("unpacking");
                Thread.sleep(delay);
                child.kill();
            }
            try (var store = Store.open(directory.path(), "next")) {
                assertThat(store.layers().find(Tar.diffId(PLAIN))).isEmpty();
                assertNothingLeft(store);
                assertThat(directory.path().resolve("engines")).isDirectoryNotContaining("glob:**/dead");
                assertThat(new String(PLAIN, StandardCharsets.ISO_8859_1)).contains("hostname");
                assertThat(unpack(store, PLAIN).resolve("etc/hostname")).hasContent("here\n");
                store.layers().delete(Tar.diffId(PLAIN));
            }
        }
    }
}
