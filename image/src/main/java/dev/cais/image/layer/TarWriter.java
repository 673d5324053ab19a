package dev.cais.image.layer;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** Writes a tar stream: ustar, with PAX headers for what ustar cannot hold. The same entries give the same bytes. */
public final class TarWriter implements AutoCloseable {
    /** @param target best buffered; closed with this */
    public TarWriter(OutputStream target) {}

    /** An entry without content. */
    public void write(TarEntry entry) throws IOException {
        throw new UnsupportedOperationException();
    }

    /** @param content gives exactly {@code entry.size()} bytes, or fewer is an error and more is not read; not closed */
    public void write(TarEntry entry, InputStream content) throws IOException {
        throw new UnsupportedOperationException();
    }

    /** Writes the end of the archive: two blocks of zeros. */
    @Override
    public void close() throws IOException {
        throw new UnsupportedOperationException();
    }
}
