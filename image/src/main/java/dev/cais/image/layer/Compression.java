package dev.cais.image.layer;

import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import com.github.luben.zstd.ZstdOutputStreamNoFinalizer;
import dev.cais.CorruptContentException;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Map;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorInputStream;
import org.apache.commons.compress.compressors.gzip.GzipCompressorInputStream;
import org.jspecify.annotations.Nullable;
import org.tukaani.xz.XZInputStream;

/** How a layer's or an archive's bytes are packed, known by its first bytes. */
public enum Compression {
    NONE,
    GZIP,
    ZSTD;

    private static final int BUFFER = 64 * 1024;
    private static final int MAGIC = 4;
    private static final int[] BZIP2 = {'B', 'Z', 'h'};
    private static final int[] XZ = {0xfd, '7', 'z', 'X', 'Z', 0};
    private static final int XZ_MEMORY_KIB = 128 * 1024;
    /** Level of zstd where none is chosen. */
    public static final int USUAL_ZSTD = 3;

    /** By magic number; what is neither gzip nor zstd is {@link #NONE}. */
    public static Compression of(byte[] firstBytes) {
        if (startsWith(firstBytes, 0x1f, 0x8b, 8)) {
            return GZIP;
        }
        return startsWith(firstBytes, 0x28, 0xb5, 0x2f, 0xfd) ? ZSTD : NONE;
    }

    /** Whether it is an archive's compression, by magic number: see {@link #decompressArchive}. */
    public static boolean isPacked(byte[] firstBytes) {
        return of(firstBytes) != NONE || startsWith(firstBytes, XZ) || startsWith(firstBytes, BZIP2);
    }

    private static boolean startsWith(byte[] bytes, int... magic) {
        if (bytes.length < magic.length) {
            return false;
        }
        for (var i = 0; i < magic.length; i++) {
            if ((bytes[i] & 0xff) != magic[i]) {
                return false;
            }
        }
        return true;
    }

    /**
     * The uncompressed stream, whatever the compression: all members of a gzip file, all frames of zstd.
     *
     * <p>Reading throws {@link CorruptContentException} if the compressed data is broken or ends early, and the source's own
     * {@link IOException}s as they are.
     *
     * @param what for messages, as in {@code layer sha256:4f5a1c…}
     * @param source need not be buffered; closed with the result
     */
    public static InputStream decompress(InputStream source, String what) throws IOException {
        var watched = new Watched(source);
        var buffered = new BufferedInputStream(watched, BUFFER);
        return decompress(buffered, peek(buffered, MAGIC), watched, what);
    }

    /**
     * The same for an archive that is no layer: bzip2, all its streams, and xz are understood, too.
     *
     * <p>What an xz stream says it needs of memory is granted up to that of {@code xz -9}.
     */
    public static InputStream decompressArchive(InputStream source, String what) throws IOException {
        var watched = new Watched(source);
        var buffered = new BufferedInputStream(watched, BUFFER);
        var first = peek(buffered, XZ.length);
        var isXz = startsWith(first, XZ);
        if (!isXz && !startsWith(first, BZIP2)) {
            return decompress(buffered, first, watched, what);
        }
        var format = isXz ? "xz" : "bzip2";
        try {
            var plain =
                    isXz ? new XZInputStream(buffered, XZ_MEMORY_KIB) : new BZip2CompressorInputStream(buffered, true);
            return new Checked(plain, watched, format, what);
        } catch (IOException e) {
            throw Checked.translated(e, watched, format, what);
        }
    }

    private static byte[] peek(BufferedInputStream source, int count) throws IOException {
        source.mark(count);
        var first = source.readNBytes(count);
        source.reset();
        return first;
    }

    private static InputStream decompress(BufferedInputStream buffered, byte[] first, Watched watched, String what)
            throws IOException {
        var compression = of(first);
        try {
            return switch (compression) {
                case NONE -> buffered;
                // the JDK's own stream ends after the first member if the next has not arrived yet
                case GZIP ->
                    new Checked(
                            GzipCompressorInputStream.builder()
                                    .setInputStream(buffered)
                                    .setDecompressConcatenated(true)
                                    .setBufferSize(BUFFER)
                                    .get(),
                            watched,
                            "gzip",
                            what);
                case ZSTD -> new Checked(new ZstdInputStreamNoFinalizer(buffered), watched, "zstd", what);
            };
        } catch (IOException e) {
            throw Checked.translated(e, watched, "gzip", what);
        }
    }

    /** Compresses into {@code target}, which is closed with the result; the same bytes each time. */
    public OutputStream compress(OutputStream target) throws IOException {
        return compress(target, 0);
    }

    /** @param level 1 to 9 for gzip, 1 to 22 for zstd; 0 for the usual one (6, 3) */
    public OutputStream compress(OutputStream target, int level) throws IOException {
        return switch (this) {
            case NONE -> target;
            case GZIP -> new Gzip(target, level);
            case ZSTD -> zstd(target, level);
        };
    }

    private static ZstdOutputStreamNoFinalizer zstd(OutputStream target, int level) throws IOException {
        return new ZstdOutputStreamNoFinalizer(target)
                .setLevel(level == 0 ? USUAL_ZSTD : level)
                .setChecksum(true);
    }

    /**
     * Compresses as zstd by several threads. The bytes do not depend on their number, but are others than those of one thread alone.
     *
     * @param threads at least one
     */
    public static OutputStream zstd(OutputStream target, int level, int threads) throws IOException {
        return zstd(target, level).setWorkers(threads);
    }

    private static final class Gzip extends GZIPOutputStream {
        Gzip(OutputStream target, int level) throws IOException {
            super(target, BUFFER);
            def.setLevel(level == 0 ? Deflater.DEFAULT_COMPRESSION : level);
        }
    }

    /** Remembers whether reading itself failed, which is not the content's fault. */
    private static final class Watched extends FilterInputStream {
        @Nullable
        IOException failure;

        Watched(InputStream source) {
            super(source);
        }

        @Override
        public int read() throws IOException {
            var one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
            try {
                return in.read(bytes, offset, length);
            } catch (IOException e) {
                failure = e;
                throw e;
            }
        }
    }

    /** Tells broken content from a broken source. */
    private static final class Checked extends FilterInputStream {
        private final Watched source;
        private final String format;
        private final String what;

        Checked(InputStream decompressed, Watched source, String format, String what) {
            super(decompressed);
            this.source = source;
            this.format = format;
            this.what = what;
        }

        @Override
        public int read() throws IOException {
            var one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
            try {
                return in.read(bytes, offset, length);
            } catch (IOException e) {
                throw translated(e, source, format, what);
            }
        }

        @Override
        public long skip(long count) throws IOException {
            var left = count;
            var scratch = new byte[(int) Math.min(BUFFER, Math.max(0, count))];
            while (left > 0) {
                var read = read(scratch, 0, (int) Math.min(scratch.length, left));
                if (read < 0) {
                    break;
                }
                left -= read;
            }
            return count - left;
        }

        static IOException translated(IOException failure, Watched source, String format, String what) {
            if (source.failure != null) {
                return source.failure;
            }
            var why = String.valueOf(failure.getMessage());
            var ends = failure instanceof EOFException || why.contains("Truncated") || why.contains("nexpected end");
            throw new CorruptContentException(
                    "cannot read " + what + ": its " + format + " stream " + (ends ? "ends early" : "is broken"),
                    Map.of(),
                    "fetch or save it again",
                    failure);
        }
    }
}
