package dev.cais.image;

import dev.cais.Descriptor;
import dev.cais.Layer;
import dev.cais.image.registry.Repository;

/** Where documents and blobs of a build cache lie that is a manifest. */
interface CacheDocuments {
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

    void put(Descriptor blob, CachePlace.Content content);

    /** Makes a manifest what the cache is, when all its blobs are there. */
    void publish(Repository.Document manifest);
}
