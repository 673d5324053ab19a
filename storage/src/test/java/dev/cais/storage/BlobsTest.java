package dev.cais.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.CorruptContentException;
import dev.cais.Digest;
import dev.cais.NotFoundException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.TestStore;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

@LeakChecked
class BlobsTest {
    private static final byte[] HELLO = "hello\n".getBytes(StandardCharsets.UTF_8);
    /** As sha256sum(1) and sha512sum(1) say. */
    private static final Digest SHA256 =
            Digest.parse("sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");

    private static final Digest SHA512 =
            Digest.parse("sha512:e7c22b994c59d9cf2b48e549b1e24666636045930d3da7c1acb299d1c3b7f931"
                    + "f94aae41edda2c2b207a36e10f8bcb8d45223e54878f5b316e7ce3b6bc019629");

    @Test
    void blobIsFoundByItsDigest(TestStore directory) throws IOException {
        try (var store = Store.open(directory.path(), "a")) {
            try (var writer = store.blobs().writer()) {
                writer.write(HELLO);
                assertThat(store.blobs().find(SHA256)).isEmpty();
                assertThat(writer.commit()).isEqualTo(SHA256);
            }
            assertThat(store.blobs().read(SHA256, 6)).isEqualTo(HELLO);
            assertThat(store.blobs().size(SHA256)).isEqualTo(6);
            assertThat(store.blobs().list()).containsExactly(SHA256);
            store.blobs().delete(SHA256);
            assertThat(store.blobs().list()).isEmpty();
            assertThatThrownBy(() -> store.blobs().open(SHA256))
                    .isInstanceOf(NotFoundException.class)
                    .hasMessage("cannot read blob " + SHA256 + ": the store does not have it");
        }
    }

    @Test
    void promisedBlobMayBeOfAnotherAlgorithm(TestStore directory) throws IOException {
        try (var store = Store.open(directory.path(), "a");
                var writer = store.blobs().writer(SHA512, 6)) {
            writer.write(HELLO);
            assertThat(writer.commit()).isEqualTo(SHA512);
            assertThat(store.blobs().find(SHA512)).isPresent();
        }
    }

    @Test
    void sameBlobTwiceIsKeptOnce(TestStore directory) throws IOException {
        try (var store = Store.open(directory.path(), "a")) {
            for (var i = 0; i < 2; i++) {
                try (var writer = store.blobs().writer(SHA256, -1)) {
                    writer.write(HELLO);
                    writer.commit();
                }
            }
            assertThat(store.blobs().list()).containsExactly(SHA256);
            assertThat(store.temporaryDirectory()).isEmptyDirectory();
        }
    }

    @Test
    void otherContentThanPromisedLeavesNothing(TestStore directory) throws IOException {
        try (var store = Store.open(directory.path(), "a")) {
            try (var writer = store.blobs().writer(SHA256, 5)) {
                writer.write("jello".getBytes(StandardCharsets.UTF_8));
                assertThatThrownBy(writer::commit)
                        .isInstanceOf(CorruptContentException.class)
                        .hasMessage("cannot keep blob " + SHA256 + " in the store: its digest is "
                                + "sha256:187c9bceeb919e1b3e6d20fa50ecabf7d9d50b5343e8f9a3d912abb13929102e"
                                + "; fetch it again");
            }
            try (var writer = store.blobs().writer(SHA256, 6)) {
                writer.write(HELLO, 0, 3);
                assertThatThrownBy(writer::commit)
                        .isInstanceOf(CorruptContentException.class)
                        .hasMessage("cannot keep blob " + SHA256
                                + " in the store: it has 3 bytes, and 6 were promised; fetch it again");
            }
            assertThat(store.blobs().list()).isEmpty();
            assertThat(store.temporaryDirectory()).isEmptyDirectory();
        }
    }

    @Test
    void moreThanPromisedIsRefusedAsSoonAsItShows(TestStore directory) {
        try (var store = Store.open(directory.path(), "a");
                var writer = store.blobs().writer(SHA256, 5)) {
            assertThatThrownBy(() -> writer.write(HELLO))
                    .isInstanceOf(CorruptContentException.class)
                    .hasMessage("cannot keep blob " + SHA256
                            + " in the store: it has more than the 5 bytes that were promised; fetch it again");
        }
    }

    @Test
    void readingStopsAtTheLimit(TestStore directory) throws IOException {
        try (var store = Store.open(directory.path(), "a");
                var writer = store.blobs().writer()) {
            writer.write(HELLO);
            writer.commit();
            assertThatThrownBy(() -> store.blobs().read(SHA256, 5))
                    .isInstanceOf(CorruptContentException.class)
                    .hasMessage("cannot read blob " + SHA256 + ": it is larger than the limit of 5 bytes");
        }
    }
}
