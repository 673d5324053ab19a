package dev.cais.storage;

import dev.cais.Digest;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Content by digest: manifests, configurations, compressed layers. Hold {@link Store#lockShared()} while relying on one. */
public final class Blobs {
    private final Store store;

    Blobs(Store store) {
        this.store = store;
    }

    /** The file, if the store has it. */
    public Optional<Path> find(Digest digest) {
        throw new UnsupportedOperationException(store.toString());
    }

    /** @throws dev.cais.NotFoundException if the store does not have it */
    public InputStream open(Digest digest) {
        throw new UnsupportedOperationException();
    }

    /**
     * The whole blob.
     *
     * @throws dev.cais.CorruptContentException if it is larger than {@code limit} bytes
     */
    public byte[] read(Digest digest, long limit) {
        throw new UnsupportedOperationException();
    }

    /** A blob of which nothing is known yet; its digest will be sha256. */
    public BlobWriter writer() {
        throw new UnsupportedOperationException();
    }

    /**
     * A blob that was promised.
     *
     * @param size its bytes, or -1 if they are not known; a longer stream is refused as soon as it shows
     */
    public BlobWriter writer(Digest expected, long size) {
        throw new UnsupportedOperationException();
    }

    /** Does nothing if the store does not have it. Hold {@link Store#lockExclusive()}. */
    public void delete(Digest digest) {
        throw new UnsupportedOperationException();
    }

    /** In order of their digests. */
    public List<Digest> list() {
        throw new UnsupportedOperationException();
    }
}
