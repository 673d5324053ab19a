package dev.cais.storage;

import dev.cais.Digest;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Unpacked layers by diff ID. Hold {@link Store#lockShared()} while relying on one. */
public final class Layers {
    private final Store store;

    Layers(Store store) {
        this.store = store;
    }

    /** Writes a layer's files. */
    @FunctionalInterface
    public interface Filler {
        /**
         * Writes all of the layer, having checked that it is the one that was asked for.
         *
         * @param files rooted at the layer's directory; closed by the caller
         * @return bytes of all files' contents
         */
        long fill(FileOperations files);
    }

    /** The directory that all layers' directories stand in, named by {@link #name}. */
    public Path directory() {
        return store.root().resolve("layers");
    }

    /** The name of a layer's directory: the first 24 hexadecimal digits of its diff ID. */
    public static String name(Digest diffId) {
        return diffId.hex().substring(0, 24);
    }

    /** The layer's root directory, if it is there and whole. */
    public Optional<Path> find(Digest diffId) {
        throw new UnsupportedOperationException();
    }

    /**
     * Bytes of all its files' contents.
     *
     * @throws dev.cais.NotFoundException if the store does not have it
     */
    public long size(Digest diffId) {
        throw new UnsupportedOperationException();
    }

    /**
     * The layer's root directory, made by {@code filler} if it is not there. Whoever else asks for the same layer meanwhile,
     * here or in another process, waits for this one, and begins anew only if it failed.
     *
     * @throws dev.cais.CancelledException if the thread is interrupted while it waits
     */
    public Path add(Digest diffId, Filler filler) {
        throw new UnsupportedOperationException();
    }

    /** Does nothing if the store does not have it. Hold {@link Store#lockExclusive()}. */
    public void delete(Digest diffId) {
        throw new UnsupportedOperationException();
    }

    /** Diff IDs, in order. */
    public List<Digest> list() {
        throw new UnsupportedOperationException();
    }
}
