package dev.cais.image.layer;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** How a layer's or an archive's bytes are packed, known by its first bytes. */
public enum Compression {
    NONE,
    GZIP,
    ZSTD;

    /** By magic number; what is neither gzip nor zstd is {@link #NONE}. */
    public static Compression of(byte[] firstBytes) {
        if (firstBytes.length >= 3 && firstBytes[0] == 0x1f && firstBytes[1] == (byte) 0x8b && firstBytes[2] == 8) {
            return GZIP;
        }
        if (firstBytes.length >= 4
                && firstBytes[0] == 0x28
                && firstBytes[1] == (byte) 0xb5
                && firstBytes[2] == 0x2f
                && firstBytes[3] == (byte) 0xfd) {
            return ZSTD;
        }
        return NONE;
    }

    /**
     * The uncompressed stream, whatever the compression: all members of a gzip file, all frames of zstd.
     *
     * <p>Reading throws {@link dev.cais.CorruptContentException} if the compressed data is broken or ends early, and the
     * source's own {@link IOException}s as they are.
     *
     * @param what for messages, as in {@code layer sha256:4f5a1c…}
     * @param source need not be buffered; closed with the result
     */
    public static InputStream decompress(InputStream source, String what) throws IOException {
        throw new UnsupportedOperationException();
    }

    /** Compresses into {@code target}, which is closed with the result; the same bytes each time. */
    public OutputStream compress(OutputStream target) throws IOException {
        throw new UnsupportedOperationException();
    }
}
