package dev.cais.runtime.build;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.CancelledException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import dev.cais.image.layer.TarTree;
import dev.cais.image.oci.Hash;
import dev.cais.storage.Store;
import dev.cais.storage.TreeWalk;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
@LeakChecked
class LayerReadingTest {
    @TempDir
    private Path directory;

    private byte[] plainTar() {
        var tar = new ByteArrayOutputStream();
        TarTree.write(
                tar,
                "cannot test",
                false,
                visitor -> TreeWalk.walk(directory, new byte[0], TreeWalk.Scope.LAYER, visitor));
        return tar.toByteArray();
    }

    private void requireSame(TestStore opened) throws IOException {
        var expected = plainTar();
        try (var store = Store.open(opened.path(), "a");
                var tar = store.blobs().writer()) {
            LayerReading.read(directory, tar);
            assertThat(tar.size()).isEqualTo(expected.length);
            var digest = tar.commit();
            assertThat(digest).isEqualTo(Hash.sha256(expected));
            assertThat(store.blobs().find(digest).orElseThrow()).hasBinaryContent(expected);
        }
    }

    @Test
    void theTarIsThatOfOneThread(TestStore store) throws IOException {
        requireSame(store);
        Files.writeString(directory.resolve("small"), "small");
        requireSame(store);
        var random = new Random(1);
        for (var size : new int[] {511 * 1024, 512 * 1024, 5_000_001}) {
            var content = new byte[size];
            random.nextBytes(content);
            Files.write(directory.resolve("of" + size), content);
            requireSame(store);
        }
    }

    @Test
    void anInterruptEndsIt(TestStore opened) throws IOException {
        Files.write(directory.resolve("large"), new byte[5_000_000]);
        try (var store = Store.open(opened.path(), "a");
                var tar = store.blobs().writer()) {
            Thread.currentThread().interrupt();
            assertThatThrownBy(() -> LayerReading.read(directory, tar)).isInstanceOf(CancelledException.class);
            assertThat(Thread.interrupted()).isTrue();
        }
    }
}
