package dev.cais.image;

import dev.cais.Descriptor;
import dev.cais.Layer;
import dev.cais.image.registry.Repository;
import java.io.IOException;
import java.io.InputStream;

/** Where a build cache lies. */
interface CachePlace {
    /**
     * The manifest or the index that the cache is.
     *
     * @throws dev.cais.NotFoundException if there is none
     */
    Repository.Document root();

    /** A small blob or a manifest, checked against its digest. */
    byte[] document(Descriptor descriptor);

    /** Takes a layer into the store, checked. Hold the store's shared lock. */
    void fetch(Layer layer);

    boolean has(Layer layer);

    /** Opens content that is to be sent. */
    interface Content {
        InputStream open() throws IOException;
    }

    void put(Descriptor blob, Content content);

    /** Makes a manifest what the cache is, when all its blobs are there. */
    void publish(Repository.Document manifest);
}
