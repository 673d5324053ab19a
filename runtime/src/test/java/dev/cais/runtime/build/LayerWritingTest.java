package dev.cais.runtime.build;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildException;
import dev.cais.CancelledException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import dev.cais.image.dockerfile.PathPatterns;
import dev.cais.image.layer.TarTree;
import dev.cais.image.oci.Hash;
import dev.cais.storage.FileHashes;
import dev.cais.storage.InRoot;
import dev.cais.storage.Store;
import dev.cais.storage.TreeWalk;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
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

    /**
     * Plans a copy of the context, writes it, and walks what was written.
     *
     * @return digests of the tar that was written, and of the walk's
     */
    private List<String> write(TestStore opened, Meanwhile meanwhile) throws IOException {
        try (var store = Store.open(opened.path(), "a")) {
            var directory = Files.createDirectory(store.temporary());
            var nothing = FileHashes.of(new byte[0]);
            var root = Workplace.open("cannot test", context);
            try (var source = new FileSource(root, "the context", PathPatterns.NONE, false, nothing);
                    var below = Workplace.open("cannot test", directory);
                    var tar = store.blobs().writer()) {
                var stamp = new Stamp(Optional.of(BuildHost.Owner.ROOT), Optional.empty(), time -> time, Instant.EPOCH);
                var plan = new LayerPlan(below, stamp);
                plan.copy(source, source.choose("", PathPatterns.NONE).get(0), InRoot.path("/a/b"));
                plan.file(InRoot.path("/a/small"), new byte[] {1, 2, 3}, 0640);
                assertThat(plan.isWhole()).isTrue();
                meanwhile.happens();
                try (var none = EarlierLayer.find(store, Optional.empty())) {
                    LayerWriting.write(plan, directory, store, tar, none);
                }
                var walked = new ByteArrayOutputStream();
                TarTree.write(
                        walked,
                        "cannot test",
                        false,
                        visitor -> TreeWalk.walk(directory, new byte[0], TreeWalk.Scope.LAYER, visitor));
                return List.of(
                        tar.commit().toString(),
                        Hash.sha256(walked.toByteArray()).toString());
            }
        }
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
