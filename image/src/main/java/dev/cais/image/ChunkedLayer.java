package dev.cais.image;

import com.github.luben.zstd.ZstdOutputStreamNoFinalizer;
import dev.cais.CancelledException;
import dev.cais.CorruptContentException;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.image.layer.Compression;
import dev.cais.image.layer.TarEntry;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.JsonObject;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.commons.io.output.CloseShieldOutputStream;
import org.apache.commons.io.output.CountingOutputStream;

/**
 * A layer packed as zstd:chunked: a zstd stream as any other, in which each file's content is a frame of its own, with a table of
 * contents behind it in a frame that readers of zstd skip. Who knows the format fetches only the files that it does not have.
 *
 * <p>Behind the table comes what the tar stream has beside the files' contents, as tar-split writes it, so that the layer's diff ID can
 * be verified from parts; and a footer that says where both are. The manifest says so too, in annotations of the layer.
 *
 * @see <a href="https://github.com/containers/storage/blob/main/docs/containers-storage-zstd-chunked.md">containers/storage,
 *     zstd:chunked file format</a>
 */
final class ChunkedLayer {
    private static final String PREFIX = "io.github.containers.zstd-chunked.";
    /** Of the tools of 2022, Podman 4.3 for one. */
    private static final String OLD_PREFIX = "io.containers.zstd-chunked.";

    private static final byte[] SKIPPABLE = {0x50, 0x2a, 0x4d, 0x18};
    private static final byte[] MAGIC = {'G', 'N', 'U', 'l', 'I', 'n', 'U', 'x'};
    private static final int FRAME_HEADER = 8;
    private static final int FOOTER = 64;
    private static final int TABLE_AS_CRFS = 1;
    private static final int BUFFER = 64 * 1024;

    /** Kinds of entries of tar-split. */
    private static final int FILE = 1;

    private static final int SEGMENT = 2;

    private final int level;
    private final String cannot;
    private final CountingOutputStream target;
    private final ZstdOutputStreamNoFinalizer content;
    private final ByteArrayOutputStream splitBytes = new ByteArrayOutputStream();
    private final CountingOutputStream split;
    private final List<Map<String, Object>> table = new ArrayList<>();
    private final byte[] buffer = new byte[BUFFER];
    private int splitEntries;

    private ChunkedLayer(OutputStream target, int level, String cannot) throws IOException {
        this.level = level;
        this.cannot = cannot;
        this.target = new CountingOutputStream(target);
        this.content = frames(this.target, level);
        this.split = new CountingOutputStream(frames(splitBytes, level));
    }

    private static ZstdOutputStreamNoFinalizer frames(OutputStream target, int level) throws IOException {
        return new ZstdOutputStreamNoFinalizer(CloseShieldOutputStream.wrap(target))
                .setLevel(level)
                .setChecksum(true)
                .setCloseFrameOnFlush(true);
    }

    /**
     * Packs a layer; the same bytes each time.
     *
     * @param tar uncompressed; opened twice
     * @param level of zstd, 1 to 22; 0 for the usual one
     * @param cannot as in {@code cannot push app:1}
     * @return the layer's annotations; nothing if it holds what the table cannot, sparse files or names that are not UTF-8, and so is
     *     packed without one
     * @throws CancelledException if the thread is interrupted
     */
    static Map<String, String> pack(
            TableOfContents.Source tar, OutputStream target, int level, String cannot, ImageLimits limits)
            throws IOException {
        var entries = TableOfContents.entries(tar, limits);
        var layer = new ChunkedLayer(target, level == 0 ? Compression.USUAL_ZSTD : level, cannot);
        try (var stream = tar.open()) {
            return layer.write(stream, entries);
        } finally {
            layer.content.close();
            layer.split.close();
        }
    }

    private Map<String, String> write(InputStream tar, List<TableOfContents.Located> entries) throws IOException {
        var at = 0L;
        for (var each : entries) {
            if (each.entry().size() == 0) {
                table.add(TableOfContents.describe(each.entry()));
                continue;
            }
            copyBetween(tar, each.offset() - at);
            content.flush();
            table.add(writeFile(tar, each.entry()));
            at = each.offset() + each.entry().size();
        }
        copyBetween(tar, Long.MAX_VALUE);
        content.flush();
        content.close();
        split.close();
        return entries.isEmpty() ? Map.of() : writeTable();
    }

    /** Headers and padding. */
    private void copyBetween(InputStream tar, long length) throws IOException {
        for (var left = length; left > 0; ) {
            requireNotInterrupted();
            var read = tar.readNBytes(buffer, 0, (int) Math.min(left, BUFFER));
            if (read == 0) {
                if (length != Long.MAX_VALUE) {
                    throw shrunk();
                }
                break;
            }
            content.write(buffer, 0, read);
            var bytes = ByteBuffer.wrap(buffer, 0, read);
            var segment = new LinkedHashMap<String, Object>();
            segment.put("type", SEGMENT);
            writeSplit(segment, bytes);
            left -= read;
        }
    }

    private Map<String, Object> writeFile(InputStream tar, TarEntry entry) throws IOException {
        var begin = target.getByteCount();
        var hash = Hash.of("sha256");
        var crc = new Crc64();
        for (var left = entry.size(); left > 0; ) {
            requireNotInterrupted();
            var read = tar.read(buffer, 0, (int) Math.min(left, BUFFER));
            if (read < 0) {
                throw shrunk();
            }
            content.write(buffer, 0, read);
            hash.update(buffer, 0, read);
            crc.update(buffer, read);
            left -= read;
        }
        content.flush();
        var file = new LinkedHashMap<String, Object>();
        file.put("type", FILE);
        file.put("name", entry.path());
        file.put("size", entry.size());
        writeSplit(file, ByteBuffer.allocate(8).putLong(0, crc.value()));
        var described = TableOfContents.describe(entry);
        described.put("digest", Digest.sha256(hash.digest()).toString());
        described.put("offset", begin);
        described.put("endOffset", target.getByteCount());
        return described;
    }

    private void writeSplit(Map<String, Object> entry, ByteBuffer payload) throws IOException {
        entry.put(
                "payload", StandardCharsets.US_ASCII.decode(Base64.getEncoder().encode(payload)));
        entry.put("position", splitEntries++);
        split.write(JsonObject.write(entry));
        split.write('\n');
    }

    private Map<String, String> writeTable() throws IOException {
        var packedSplit = splitBytes.toByteArray();
        var document = new LinkedHashMap<String, Object>();
        document.put("version", 1);
        document.put("entries", table);
        document.put("tarSplitDigest", Hash.sha256(packedSplit));
        var plain = JsonObject.write(document);
        var packed = new ByteArrayOutputStream();
        try (var frame = frames(packed, level)) {
            frame.write(plain);
        }
        var at = target.getByteCount() + FRAME_HEADER;
        writeSkippable(packed.toByteArray());
        var splitAt = target.getByteCount() + FRAME_HEADER;
        writeSkippable(packedSplit);
        writeSkippable(ByteBuffer.allocate(FOOTER)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(at)
                .putLong(packed.size())
                .putLong(plain.length)
                .putLong(TABLE_AS_CRFS)
                .putLong(splitAt)
                .putLong(packedSplit.length)
                .putLong(split.getByteCount())
                .put(MAGIC)
                .array());
        var annotations = new LinkedHashMap<String, String>();
        for (var prefix : List.of(PREFIX, OLD_PREFIX)) {
            annotations.put(
                    prefix + "manifest-checksum",
                    Hash.sha256(packed.toByteArray()).toString());
            annotations.put(
                    prefix + "manifest-position", at + ":" + packed.size() + ":" + plain.length + ":" + TABLE_AS_CRFS);
        }
        annotations.put(PREFIX + "tarsplit-position", splitAt + ":" + packedSplit.length + ":" + split.getByteCount());
        return annotations;
    }

    private CorruptContentException shrunk() {
        return new CorruptContentException(cannot + ": a layer is shorter than it was a moment ago");
    }

    private void requireNotInterrupted() {
        if (Thread.currentThread().isInterrupted()) {
            throw new CancelledException(cannot + ": the thread was interrupted");
        }
    }

    /** The checksum that tar-split has of a file: CRC-64 of ISO 3309, reflected. */
    private static final class Crc64 {
        private static final long POLYNOMIAL = 0xd800_0000_0000_0000L;
        private static final long[] TABLE = table();

        private long inverted = -1;

        private static long[] table() {
            var table = new long[256];
            for (var i = 0; i < table.length; i++) {
                long crc = i;
                for (var bit = 0; bit < 8; bit++) {
                    crc = (crc & 1) == 0 ? crc >>> 1 : crc >>> 1 ^ POLYNOMIAL;
                }
                table[i] = crc;
            }
            return table;
        }

        void update(byte[] bytes, int length) {
            for (var i = 0; i < length; i++) {
                inverted = TABLE[((int) inverted ^ bytes[i]) & 0xff] ^ inverted >>> 8;
            }
        }

        long value() {
            return ~inverted;
        }
    }

    private void writeSkippable(byte[] bytes) throws IOException {
        target.write(SKIPPABLE);
        target.write(ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(bytes.length)
                .array());
        target.write(bytes);
    }
}
