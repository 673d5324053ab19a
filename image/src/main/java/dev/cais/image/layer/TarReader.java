package dev.cais.image.layer;

import dev.cais.ImageLimits;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/**
 * Reads a tar stream front to back: v7, ustar, PAX with global headers, GNU long names, sparse files of GNU's four forms,
 * base-256 numbers; checksums are verified.
 *
 * <p>Methods throw {@link dev.cais.CorruptContentException} if the stream is broken or exceeds the limits, and {@link
 * dev.cais.StorageException} if its source cannot be read.
 */
public final class TarReader implements AutoCloseable {
    /**
     * @param what for messages, as in {@code archive busybox.tar}
     * @param source uncompressed; need not be buffered; closed with this
     */
    public TarReader(InputStream source, String what, ImageLimits limits) {}

    /** The next entry, past what is unread of the last one's content; null behind the last. */
    public @Nullable TarEntry next() {
        throw new UnsupportedOperationException();
    }

    /** The content of the current entry, holes as zeros; valid until {@link #next()}. Its reads throw as said above. */
    public InputStream content() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
}
