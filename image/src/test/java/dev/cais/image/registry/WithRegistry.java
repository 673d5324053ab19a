package dev.cais.image.registry;

import dev.cais.ImageLimits;
import dev.cais.RegistryOptions;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestRegistry;
import dev.cais.fixtures.TestStore;
import dev.cais.image.ImageCatalog;
import dev.cais.storage.Store;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** What tests of a real registry begin with: Debian's docker-registry, and a catalog that may speak plain HTTP with it. */
@LeakChecked
@RequiresRoot
@RequiresProgram("docker-registry")
abstract class WithRegistry {
    @TempDir
    Path directory;

    TestRegistry registry;
    Store store;
    ImageCatalog images;

    @BeforeEach
    final void open(TestStore place) {
        registry = TestRegistry.plain(directory);
        store = Store.open(place.path(), "test");
        images = catalog(RegistryOptions.defaults().insecure(registry.address()));
    }

    @AfterEach
    final void close() {
        images.close();
        store.close();
        registry.close();
    }

    final ImageCatalog catalog(RegistryOptions options) {
        return new ImageCatalog(store, ImageLimits.DEFAULT, options);
    }

    /** A name in the registry. */
    final String at(String name) {
        return registry.address() + "/" + name;
    }
}
