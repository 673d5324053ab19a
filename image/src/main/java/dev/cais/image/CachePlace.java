package dev.cais.image;

import dev.cais.Descriptor;
import dev.cais.Layer;
import java.io.IOException;
import java.io.InputStream;

/** Where a build cache lies. */
interface CachePlace {
    /**
     * What it knows.
     *
     * @throws dev.cais.NotFoundException if there is none
     */
    KnownSteps read();

    /** Takes a layer into the store, checked. Hold the store's shared lock. */
    void fetch(Layer layer);

    boolean has(Layer layer);

    /** Opens content that is to be sent. */
    interface Content {
        InputStream open() throws IOException;
    }

    void put(Descriptor blob, Content content);

    /** Makes this what the cache knows, when all its blobs are there. */
    void publish(KnownSteps.Written written);
}
