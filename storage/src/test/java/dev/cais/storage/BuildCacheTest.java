package dev.cais.storage;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.ByteSize;
import dev.cais.Digest;
import dev.cais.Layer;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import dev.cais.linux.Abi;
import dev.cais.linux.Fd;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@LeakChecked
@RequiresRoot
class BuildCacheTest {
    private static final Digest KEY = Digest.parse("sha256:" + "b2".repeat(32));

    @TempDir
    private Path tree;

    private static Fd open(Path directory) {
        return Disk.open(directory, Abi.O_PATH | Abi.O_DIRECTORY, 0);
    }

    /** Makes a layer of a directory, and says that a step made it. */
    private static Digest keep(Store store, Path upper) {
        try (var blob = store.blobs().writer();
                var hold = store.lockShared()) {
            blob.write("a tar".getBytes(StandardCharsets.UTF_8));
            var digest = blob.commit();
            store.layers().adopt(digest, upper, 5);
            store.builds().put(KEY, step(digest));
            return digest;
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static BuildCache.Step step(Digest layer) {
        return new BuildCache.Step(
                new Layer(layer, layer, ByteSize.bytes(5), "application/x-tar"), Instant.EPOCH, "RUN a\n b");
    }

    @Test
    void whatAStepMadeIsFoundWhileItIsWhole(TestStore directory) throws IOException {
        try (var store = Store.open(directory.path(), "a")) {
            var upper = store.temporary();
            Files.createDirectory(upper);
            Files.writeString(upper.resolve("file"), "content");
            var layer = keep(store, upper);

            assertThat(upper).doesNotExist();
            assertThat(store.layers().find(layer).orElseThrow().resolve("file")).hasContent("content");
            try (var other = Store.open(directory.path(), "b")) {
                assertThat(other.builds().find(KEY)).contains(step(layer));
            }
            store.blobs().delete(layer);
            assertThat(store.builds().find(KEY)).isEmpty();
        }
    }

    @Test
    void whatWasMadeIsOfUseSinceThen(TestStore directory) throws IOException {
        try (var store = Store.open(directory.path(), "a")) {
            var upper = store.temporary();
            Files.createDirectory(upper);
            var layer = keep(store, upper);
            for (var i = 0; i < 20; i++) {
                var before = Instant.now().truncatedTo(ChronoUnit.MICROS);
                store.builds().put(KEY, step(layer));

                assertThat(store.builds().entries().get(0).lastUsed()).isBetween(before, Instant.now());
            }
        }
    }

    @Test
    void whatIsKeptIsListedAndRemoved(TestStore directory) throws IOException {
        try (var store = Store.open(directory.path(), "a")) {
            var upper = store.temporary();
            Files.createDirectory(upper);
            var layer = keep(store, upper);
            try (var held = store.builds().use("a place", BuildCache.Sharing.SHARED, fresh -> {})) {
                Files.writeString(held.data().resolve("file"), "content");
                var entries = store.builds().entries();
                assertThat(entries).extracting(BuildCache.Entry::description).containsExactly("RUN a b", "a place");
                assertThat(entries).extracting(BuildCache.Entry::inUse).containsExactly(false, true);
                assertThat(entries.get(0).layer()).contains(step(layer).layer());
                assertThat(store.builds().directorySize(entries.get(1))).isEqualTo(7);
                try (var hold = store.lockExclusive()) {
                    assertThat(store.builds().remove(entries.get(0))).isEmpty();
                    assertThat(store.builds().remove(entries.get(1))).isEmpty();
                }
                assertThat(store.builds().layers()).isEmpty();
                assertThat(held.data().resolve("file")).exists();
            }
            var left = store.builds().entries();
            try (var hold = store.lockExclusive()) {
                assertThat(store.builds().remove(left.get(0)).orElseThrow().resolve("data/file"))
                        .hasContent("content");
            }
            assertThat(store.builds().entries()).isEmpty();
        }
    }

    @Test
    void aPrivateDirectoryIsNobodyElses(TestStore directory) throws IOException {
        try (var store = Store.open(directory.path(), "a");
                var one = store.builds().use("id", BuildCache.Sharing.SHARED, fresh -> {});
                var two = store.builds().use("id", BuildCache.Sharing.SHARED, fresh -> {});
                var three = store.builds().use("id", BuildCache.Sharing.PRIVATE, fresh -> {})) {
            assertThat(two.data()).isEqualTo(one.data());
            assertThat(three.data()).isNotEqualTo(one.data());
            Files.writeString(one.data().resolve("kept"), "kept");
            one.close();
            two.close();
            try (var again = store.builds().use("id", BuildCache.Sharing.LOCKED, fresh -> {})) {
                assertThat(again.data().resolve("kept")).hasContent("kept");
            }
        }
    }

    @Test
    void whatFilesHoldCountsAndTheirTimesDoNot() throws IOException {
        Files.writeString(tree.resolve("a"), "a");
        Files.createDirectory(tree.resolve("d"));
        Files.createSymbolicLink(tree.resolve("d/link"), Path.of("/etc/passwd"));
        var first = digest(FileHashes.of(new byte[0]));

        Files.setLastModifiedTime(tree.resolve("a"), FileTime.fromMillis(0));
        assertThat(digest(FileHashes.of(new byte[0]))).isEqualTo(first);

        Files.writeString(tree.resolve("a"), "b");
        assertThat(digest(FileHashes.of(new byte[0]))).isNotEqualTo(first);
    }

    @Test
    void aProgramsCapabilitiesCount() throws IOException {
        Files.writeString(tree.resolve("a"), "a");
        var first = digest(FileHashes.of(new byte[0]));

        // CAP_NET_RAW, permitted and effective: struct vfs_cap_data of revision 2
        var raw = ByteBuffer.allocate(20).order(ByteOrder.LITTLE_ENDIAN);
        raw.putInt(0x02000001).putInt(1 << 13);
        try (var root = open(tree);
                var files = FileOperations.in(root, "a tree", new byte[0])) {
            var attributes = new Attributes(
                    0, 0, 0644, Instant.EPOCH, Instant.EPOCH, List.of(new Xattr("security.capability", raw.array())));
            try (var file = files.file(Names.of("a"), attributes)) {
                file.write('a');
                file.finish();
            }
        }
        assertThat(tree.resolve("a")).hasContent("a");
        assertThat(digest(FileHashes.of(new byte[0]))).isNotEqualTo(first);
    }

    private Digest digest(FileHashes hashes) {
        try (var root = open(tree)) {
            var scan = new TreeScan(root, "a tree");
            return scan.digest(scan.below(new byte[0], TreeScan.ALL), 0, true, hashes);
        }
    }

    @Test
    void aFileIsReadAgainWhenItChangesThoughItsTimeIsPutBack() throws IOException {
        var file = tree.resolve("a");
        Files.writeString(file, "a");
        var time = Files.getLastModifiedTime(file);
        var hashes = FileHashes.of(new byte[0]);
        Digest before;
        do {
            before = digest(hashes); // until the change is long enough ago to be remembered
        } while (!hashes.isChanged());
        var remembered = FileHashes.of(hashes.toBytes());
        assertThat(digest(remembered)).isEqualTo(before);
        assertThat(remembered.isChanged()).isFalse();

        Files.writeString(file, "b");
        Files.setLastModifiedTime(file, time);
        assertThat(digest(remembered)).isNotEqualTo(before);
    }

    @Test
    void emptyPlacesOfMountsGo() throws IOException {
        var lower = Files.createDirectory(tree.resolve("lower"));
        var upper = Files.createDirectory(tree.resolve("upper"));
        Files.createDirectories(lower.resolve("etc"));
        Files.createDirectories(upper.resolve("etc"));
        Files.createFile(upper.resolve("etc/hosts"));
        Files.createDirectories(upper.resolve("a/b"));
        Files.createDirectories(upper.resolve("full"));
        Files.writeString(upper.resolve("full/file"), "");
        Files.createSymbolicLink(upper.resolve("link"), lower);
        MountStubs.remove(upper, List.of(lower), List.of("/etc/hosts", "/a/b", "/full", "/link/etc", "/none"));

        assertThat(upper.resolve("etc")).doesNotExist();
        assertThat(upper.resolve("a")).doesNotExist();
        assertThat(upper.resolve("full/file")).exists();
        assertThat(lower.resolve("etc")).exists();
    }
}
