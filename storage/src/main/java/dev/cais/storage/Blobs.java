package dev.cais.storage;

import dev.cais.CorruptContentException;
import dev.cais.Digest;
import dev.cais.NotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Content by digest: manifests, configurations, compressed layers. Hold {@link Store#lockShared()} while relying on one. */
public final class Blobs {
    private static final int LARGEST_ARRAY = Integer.MAX_VALUE - 8;
    private static final String LOCK = ".lock";
    private static final Duration KEPT = Duration.ofDays(7);

    private final Store store;
    private final Path directory;
    private final Path partials;

    Blobs(Store store) {
        this.store = store;
        this.directory = store.root().resolve("blobs");
        this.partials = store.root().resolve("partial");
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

    /**
     * A blob that is to be fetched. Whoever else fetches the same one, here or in another process, is waited for.
     *
     * @return empty if the store has it, perhaps since just now
     * @throws dev.cais.CancelledException if the thread is interrupted while it waits
     */
    public Optional<PartialBlob> fetch(Digest digest, long size) {
        var file = partials.resolve(digest.algorithm() + "-" + digest.hex());
        var lockFile = partials.resolve(file.getFileName() + LOCK);
        var lock = Disk.lock(lockFile, true);
        try {
            if (find(digest).isEmpty()) {
                return Optional.of(new PartialBlob(this, file, lockFile, lock, digest, size));
            }
        } catch (RuntimeException e) {
            Disk.unlock(lock);
            throw e;
        }
        Disk.removeFile(lockFile);
        Disk.unlock(lock);
        return Optional.empty();
    }

    /** Removes what was fetched in part and not gone on with for a week, and locks that nobody holds. */
    void sweep() {
        for (var name : Disk.list(partials)) {
            var file = partials.resolve(name.endsWith(LOCK) ? name.substring(0, name.length() - LOCK.length()) : name);
            var lockFile = partials.resolve(file.getFileName() + LOCK);
            Disk.tryLock(lockFile, true).ifPresent(lock -> {
                try {
                    if (isOlderThan(file, KEPT)) {
                        Disk.removeFile(file);
                    }
                    Disk.removeFile(lockFile);
                } finally {
                    Disk.unlock(lock);
                }
            });
        }
    }

    private static boolean isOlderThan(Path file, Duration age) {
        try {
            return Files.getLastModifiedTime(file)
                    .toInstant()
                    .isBefore(Instant.now().minus(age));
        } catch (NoSuchFileException e) {
            return false;
        } catch (IOException e) {
            throw Disk.unreadable(file, e);
        }
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
