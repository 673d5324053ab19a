package dev.cais.storage;

import dev.cais.CorruptContentException;
import dev.cais.Digest;
import dev.cais.NotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Content by digest: manifests, configurations, compressed layers. Hold {@link Store#lockShared()} while relying on one. */
public final class Blobs {
    private static final int LARGEST_ARRAY = Integer.MAX_VALUE - 8;

    private final Store store;
    private final Path directory;

    Blobs(Store store) {
        this.store = store;
        this.directory = store.root().resolve("blobs");
    }

    /** The file, if the store has it. */
    public Optional<Path> find(Digest digest) {
        return Optional.of(file(digest)).filter(Disk::exists);
    }

    /** @throws NotFoundException if the store does not have it */
    public InputStream open(Digest digest) {
        try {
            return Files.newInputStream(file(digest));
        } catch (NoSuchFileException e) {
            throw missing(digest);
        } catch (IOException e) {
            throw Disk.unreadable(file(digest), e);
        }
    }

    /**
     * The whole blob.
     *
     * @throws NotFoundException if the store does not have it
     * @throws CorruptContentException if it is larger than {@code limit} bytes
     */
    public byte[] read(Digest digest, long limit) {
        try (var in = open(digest)) {
            var content = in.readNBytes((int) Math.min(limit, LARGEST_ARRAY));
            if (in.read() >= 0) {
                throw new CorruptContentException(
                        "cannot read blob " + digest + ": it is larger than the limit of " + limit + " bytes");
            }
            return content;
        } catch (IOException e) {
            throw Disk.unreadable(file(digest), e);
        }
    }

    /**
     * Bytes of a blob.
     *
     * @throws NotFoundException if the store does not have it
     */
    public long size(Digest digest) {
        try {
            return Files.size(file(digest));
        } catch (NoSuchFileException e) {
            throw missing(digest);
        } catch (IOException e) {
            throw Disk.unreadable(file(digest), e);
        }
    }

    /** A blob of which nothing is known yet; its digest will be sha256. */
    public BlobWriter writer() {
        return new BlobWriter(this, store.temporary(), null, -1);
    }

    /**
     * A blob that was promised.
     *
     * @param size its bytes, or -1 if they are not known; a longer stream is refused as soon as it shows
     */
    public BlobWriter writer(Digest expected, long size) {
        return new BlobWriter(this, store.temporary(), expected, size);
    }

    /** Does nothing if the store does not have it. Hold {@link Store#lockExclusive()}. */
    public void delete(Digest digest) {
        Disk.removeFile(file(digest));
    }

    /** In order of algorithm and digits. */
    public List<Digest> list() {
        var digests = new ArrayList<Digest>();
        for (var algorithm : Disk.list(directory)) {
            for (var hex : Disk.list(directory.resolve(algorithm))) {
                digests.add(new Digest(algorithm, hex));
            }
        }
        return digests;
    }

    Path file(Digest digest) {
        return directory.resolve(digest.algorithm()).resolve(digest.hex());
    }

    private static NotFoundException missing(Digest digest) {
        return new NotFoundException("cannot read blob " + digest + ": the store does not have it");
    }
}
