package dev.cais.storage;

import dev.cais.CorruptContentException;
import dev.cais.Digest;
import dev.cais.linux.Abi;
import dev.cais.linux.Fd;
import dev.cais.linux.NativeMemory;
import java.io.OutputStream;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A blob that is being written; hashed on the way, and visible only after {@link #commit()}. For one thread. */
public final class BlobWriter extends OutputStream {
    private static final int BUFFER = 128 * 1024;

    private final Blobs blobs;
    private final Path temporary;
    private final @Nullable Digest expected;
    private final long expectedSize;
    private final String algorithm;
    private final MessageDigest hash;
    private final Fd file;
    private final NativeMemory buffer = NativeMemory.allocate(BUFFER);
    private int pending;
    private long size;
    private boolean committed;

    BlobWriter(Blobs blobs, Path temporary, @Nullable Digest expected, long expectedSize) {
        this(blobs, temporary, expected, expectedSize, Abi.O_EXCL);
    }

    /** Goes on with a file that may be there: first its bytes have to be {@linkplain #count counted}. */
    static BlobWriter resumed(Blobs blobs, Path file, Digest expected, long expectedSize) {
        return new BlobWriter(blobs, file, expected, expectedSize, Abi.O_APPEND);
    }

    private BlobWriter(Blobs blobs, Path temporary, @Nullable Digest expected, long expectedSize, int flags) {
        this.blobs = blobs;
        this.temporary = temporary;
        this.expected = expected;
        this.expectedSize = expectedSize;
        algorithm = expected == null ? "sha256" : expected.algorithm();
        hash = hash(algorithm);
        file = Disk.open(temporary, Abi.O_WRONLY | Abi.O_CREAT | flags, 0600);
    }

    private static MessageDigest hash(String algorithm) {
        try {
            return MessageDigest.getInstance(algorithm.equals("sha512") ? "SHA-512" : "SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // both are in every JDK
        }
    }

    /** @throws CorruptContentException if this is more than was promised */
    @Override
    public void write(byte[] bytes, int offset, int length) {
        count(bytes, offset, length);
        append(bytes, offset, length);
    }

    /** Writes bytes that are counted apart. */
    public void append(byte[] bytes, int offset, int length) {
        Objects.checkFromIndexSize(offset, length, bytes.length);
        for (int at = offset, left = length; left > 0; ) {
            var part = Math.min(left, BUFFER - pending);
            buffer.bytes().put(pending, bytes, at, part);
            pending += part;
            at += part;
            left -= part;
            if (pending == BUFFER) {
                flush();
            }
        }
    }

    /**
     * Counts and hashes bytes that the file has already, or that {@linkplain #append another thread} writes in the same order. That thread
     * has ended its work before anything else is done with this.
     *
     * @throws CorruptContentException if this is more than was promised
     */
    public void count(byte[] bytes, int offset, int length) {
        Objects.checkFromIndexSize(offset, length, bytes.length);
        size += length;
        if (expectedSize >= 0 && size > expectedSize) {
            throw corrupt("it has more than the " + expectedSize + " bytes that were promised");
        }
        hash.update(bytes, offset, length);
    }

    @Override
    public void write(int value) {
        write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void flush() {
        Disk.write(file, buffer, pending, temporary);
        pending = 0;
    }

    /** Bytes so far. */
    public long size() {
        return size;
    }

    /**
     * Checks digest and size if they were promised, and makes the blob visible. If the store has it already, this copy goes.
     *
     * @return the blob's digest
     * @throws CorruptContentException if the content is not what was promised; nothing is kept
     */
    public Digest commit() {
        flush();
        var digest = new Digest(algorithm, HexFormat.of().formatHex(hash.digest()));
        if (expectedSize >= 0 && size != expectedSize) {
            throw corrupt("it has " + size + " bytes, and " + expectedSize + " were promised");
        }
        if (expected != null && !expected.equals(digest)) {
            throw corrupt("its digest is " + digest);
        }
        file.close();
        var target = blobs.file(digest);
        Disk.makeDirectory(target.resolveSibling(""), 0700);
        committed = Disk.renameIfFree(temporary, target);
        close();
        return digest;
    }

    private CorruptContentException corrupt(String why) {
        return new CorruptContentException(
                "cannot keep blob " + (expected == null ? "" : expected + " ") + "in the store: " + why,
                "fetch it again");
    }

    /** Leaves the file as it is, unless it was committed or removed. */
    void keep() {
        if (!committed) {
            flush();
            file.close();
            committed = true;
        }
    }

    /** Removes what was written, unless it was committed. */
    @Override
    public void close() {
        file.close();
        if (!committed) {
            Disk.removeFile(temporary);
            committed = true;
        }
    }
}
