package dev.cais.image;

import dev.cais.Image;
import dev.cais.ImageLimits;
import dev.cais.fixtures.TestStore;
import dev.cais.storage.Store;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** Tests of the images in a store of their own. */
public abstract class CatalogTests {
    /** Empty, for archives. */
    @TempDir
    protected Path directory;

    protected Store store;
    protected ImageCatalog images;

    @BeforeEach
    void openCatalog(TestStore place) {
        store = Store.open(place.path(), "test");
        images = new ImageCatalog(store, ImageLimits.DEFAULT);
    }

    @AfterEach
    void closeCatalog() {
        images.close();
        store.close();
    }

    /** @return the first of its images */
    protected final Image load(TestArchive archive) {
        return images.load(archive.tar(directory.resolve("archive.tar"))).get(0);
    }
}
