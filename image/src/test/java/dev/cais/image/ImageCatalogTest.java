package dev.cais.image;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.Image;
import dev.cais.ImageLimits;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.TestImages;
import dev.cais.fixtures.TestStore;
import dev.cais.storage.Store;
import org.junit.jupiter.api.Test;

@LeakChecked
class ImageCatalogTest {
    @Test
    void smoke(TestStore place) {
        try (var store = Store.open(place.path(), "test")) {
            var images = new ImageCatalog(store, ImageLimits.DEFAULT);
            System.out.println(images.load(TestImages.busyboxArchive()));
            System.out.println(images.load(TestImages.busyboxLayout()));
            System.out.println(images.list());
            for (var i = 0; i < 4; i++) {
                var start = System.nanoTime();
                var host = images.get("cais/host");
                System.out.println(host + " " + (System.nanoTime() - start) / 1e6 + " ms " + host.config());
                if (i == 1) images.remove("cais/host");
            }
            var start = System.nanoTime();
            for (var i = 0; i < 1000; i++) images.get("busybox");
            System.out.println((System.nanoTime() - start) / 1e6 + " us");
            System.out.println(images.importRootfs(TestImages.busyboxRootfs(), "imported") + " " + images);
            images.list().forEach(Image::remove);
            assertThat(store.blobs().list()).isEmpty();
            assertThat(store.layers().list()).isEmpty();
        }
    }
}
