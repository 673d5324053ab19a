package dev.cais.image;

import dev.cais.ImageLimits;
import dev.cais.storage.Store;

/**
 * The images of a store, and all that keeps them.
 *
 * @param limits of what comes from outside
 * @param sweep of what no image needs any more
 */
record ImageStore(Store store, ImageLimits limits, ImageDatabase database, StoredDocuments documents, Sweep sweep) {
    static ImageStore of(Store store, ImageLimits limits) {
        var database = new ImageDatabase(store);
        var documents = new StoredDocuments(store.blobs());
        return new ImageStore(store, limits, database, documents, new Sweep(store, database, documents));
    }
}
