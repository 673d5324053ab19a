package dev.cais.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ImageLimits;
import dev.cais.StorageException;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.SmallDisk;
import dev.cais.fixtures.TestImages;
import dev.cais.storage.Store;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@RequiresRoot
@RequiresFeature(Feature.TMPFS)
class FullDiskTest {
    @TempDir
    private Path directory;

    private SmallDisk disk;

    @BeforeEach
    void mount() {
        disk = SmallDisk.mount(directory, "size=50%");
    }

    @AfterEach
    void unmount() {
        disk.close();
    }

    /** Too little for the blob, or for the blob but not for its files. */
    @ParameterizedTest
    @ValueSource(strings = {"1m", "3m"})
    void imageThatDoesNotFitLeavesNothing(String size) {
        try (var store = Store.open(directory.resolve("store"), "test")) {
            var images = new ImageCatalog(store, ImageLimits.DEFAULT);
            disk.resize(size);

            assertThatThrownBy(() -> images.load(TestImages.busyboxArchive()))
                    .isInstanceOf(StorageException.class)
                    .hasMessageContaining("no space is left on the file system of " + directory)
                    .hasMessageEndingWith("; free some, or choose another store");
            assertThat(images.list()).isEmpty();
            assertThat(store.blobs().list()).isEmpty();
            assertThat(store.layers().list()).isEmpty();
            assertThat(store.temporaryDirectory()).isEmptyDirectory();

            disk.resize("20m");
            assertThat(images.load(TestImages.busyboxArchive())).hasSize(1);
        }
    }

    @Test
    void archiveThatDoesNotFitLeavesNothing(@TempDir Path place) {
        try (var store = Store.open(place.resolve("store"), "test")) {
            var images = new ImageCatalog(store, ImageLimits.DEFAULT);
            images.load(TestImages.busyboxArchive());
            disk.resize("1m");

            for (var name : new String[] {"saved.tar", "saved"}) {
                assertThatThrownBy(() -> images.save(directory.resolve(name), "busybox"))
                        .isInstanceOf(StorageException.class)
                        .hasMessage("cannot save to " + directory.resolve(name) + ": no space left on device");
            }
            assertThat(directory).isEmptyDirectory();
        }
    }
}
