package dev.cais.runtime.build;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildException;
import dev.cais.CancelledException;
import dev.cais.Digest;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import dev.cais.image.dockerfile.PathPatterns;
import dev.cais.image.layer.TarTree;
import dev.cais.image.oci.Hash;
import dev.cais.storage.FileHashes;
import dev.cais.storage.InRoot;
import dev.cais.storage.Store;
import dev.cais.storage.TreeScan;
import dev.cais.storage.TreeWalk;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
@LeakChecked
class LayerWritingTest {
    @TempDir
    private Path context;

    /** What comes between planning and writing. */
    private interface Meanwhile {
        void happens() throws IOException;
    }

    /** Digests of the tar that was written, and of the one that a walk of the directory gives; where files are in it. */
    private record Written(Digest tar, Digest walked, LayerPlan plan, long[] places) {
        List<Digest> digests() {
            return List.of(tar, walked);
        }
    }

    /** Plans a copy of the context, writes it, walks what was written, and makes it a layer. */
    private Written write(Store store, FileHashes hashes, Optional<Digest> earlier, Meanwhile meanwhile)
            throws IOException {
        var directory = Files.createDirectory(store.temporary());
        var root = Workplace.open("cannot test", context);
        try (var source = new FileSource(root, "the context", PathPatterns.NONE, false, hashes);
                var below = Workplace.open("cannot test", directory);
                var tar = store.blobs().writer()) {
            var stamp = new Stamp(Optional.of(BuildHost.Owner.ROOT), Optional.empty(), time -> time, Instant.EPOCH);
            var plan = new LayerPlan(below, stamp);
            plan.copy(source, source.choose("", PathPatterns.NONE).get(0), InRoot.path("/a/b"));
            plan.file(InRoot.path("/a/small"), new byte[] {1, 2, 3}, 0640);
            assertThat(plan.isWhole()).isTrue();
            meanwhile.happens();
            long[] places;
            try (var before = EarlierLayer.find(store, earlier)) {
                places = LayerWriting.write(plan, directory, store, tar, before);
            }
            var walked = new ByteArrayOutputStream();
            TarTree.write(
                    walked,
                    "cannot test",
                    false,
                    visitor -> TreeWalk.walk(directory, new byte[0], TreeWalk.Scope.LAYER, visitor));
            try (var hold = store.lockShared()) {
                var size = tar.size();
                var layer = tar.commit();
                store.layers().adopt(layer, directory, size);
                return new Written(layer, Hash.sha256(walked.toByteArray()), plan, places);
            }
        }
    }

    private List<Digest> write(TestStore opened, Meanwhile meanwhile) throws IOException {
        try (var store = Store.open(opened.path(), "a")) {
            return write(store, FileHashes.of(new byte[0]), Optional.empty(), meanwhile)
                    .digests();
        }
    }

    /** Reads all files, until they were written long enough ago to be remembered. */
    private FileHashes hashes() {
        var hashes = FileHashes.of(new byte[0]);
        try (var source = new FileSource(
                Workplace.open("cannot test", context), "the context", PathPatterns.NONE, false, hashes)) {
            var all = source.choose("", PathPatterns.NONE).get(0);
            var files = all.entries().stream().filter(TreeScan.Entry::isFile).toList();
            do {
                source.digest(all);
            } while (!files.stream().allMatch(hashes::knows));
        }
        return hashes;
    }

    @BeforeEach
    void fill() throws IOException {
        for (var i = 0; i < 600; i++) {
            var file = context.resolve("d" + i % 7 + "/" + "n".repeat(i % 120) + i);
            Files.createDirectories(file.getParent());
            Files.writeString(file, "content ".repeat(i * 7));
        }
        Files.write(context.resolve("large"), new byte[2_000_001]);
        Files.createSymbolicLink(context.resolve("link"), Path.of("large"));
    }

    @Test
    void theTarIsWhatTheDirectoryWouldGive(TestStore store) throws IOException {
        var digests = write(store, () -> {});
        assertThat(digests.get(0)).isEqualTo(digests.get(1));
    }

    @Test
    void whatTheEarlierLayerHasIsTakenOutOfItsTar(TestStore opened) throws IOException {
        try (var store = Store.open(opened.path(), "a")) {
            var first = write(store, hashes(), Optional.empty(), () -> {});
            EarlierLayer.remember(store, first.tar(), first.plan(), first.places());
            Files.writeString(context.resolve("d3/" + "n".repeat(10) + "10"), "longer than before ".repeat(100));
            Files.delete(context.resolve("d1/" + "n".repeat(1) + "1"));
            var hashes = hashes();
            var unread = context.resolve("d5/" + "n".repeat(5) + "5");
            var content = Files.readString(unread);
            var second = write(
                    store,
                    hashes,
                    Optional.of(first.tar()),
                    () -> Files.writeString(unread, "x".repeat(content.length())));
            assertThat(second.tar()).isEqualTo(second.walked()).isNotEqualTo(first.tar());
            assertThat(store.layers().find(second.tar()).orElseThrow().resolve("a/b/d5/nnnnn5"))
                    .hasContent(content);
        }
    }

    @Test
    void aNoteThatHasPlacesWrongDoesNoHarm(TestStore opened) throws IOException {
        try (var store = Store.open(opened.path(), "a")) {
            var hashes = hashes();
            var first = write(store, hashes, Optional.empty(), () -> {});
            for (var shift : new long[] {1, 512, -512, Long.MAX_VALUE / 2, Long.MIN_VALUE}) {
                var wrong = LongStream.of(first.places())
                        .map(place -> place + shift)
                        .toArray();
                EarlierLayer.remember(store, first.tar(), first.plan(), wrong);
                assertThat(write(store, hashes, Optional.of(first.tar()), () -> {})
                                .digests())
                        .containsExactly(first.tar(), first.tar());
            }
        }
    }

    @Test
    void aFileThatChangedMeanwhileIsNoticed(TestStore store) {
        for (var name : List.of("d3/" + "n".repeat(10) + "10", "large")) {
            assertThatThrownBy(() -> write(store, () -> Files.write(context.resolve(name), new byte[560])))
                    .isInstanceOf(BuildException.class)
                    .hasMessage("files of the context changed while they were copied; build it again");
            assertThatThrownBy(() -> write(store, () -> Files.delete(context.resolve(name))))
                    .isInstanceOf(BuildException.class)
                    .hasMessage("files of the context changed while they were copied; build it again");
        }
    }

    @Test
    void anInterruptEndsAllThreads(TestStore store) {
        assertThatThrownBy(() -> write(store, () -> Thread.currentThread().interrupt()))
                .isInstanceOf(CancelledException.class);
        assertThat(Thread.interrupted()).isTrue();
    }
}
