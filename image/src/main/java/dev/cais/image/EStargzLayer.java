package dev.cais.image;

import dev.cais.CancelledException;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.image.layer.TarEntry;
import dev.cais.image.layer.TarReader;
import dev.cais.image.layer.TarType;
import dev.cais.image.layer.TarWriter;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.JsonObject;
import dev.cais.storage.Attributes;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A layer packed as eStargz: a gzip stream as any other, in which the content of each file begins a member of its own, and so does
 * each further 4 MiB of a large one. The tar has two more entries: as the last one a table of contents with each part's place and digest, and as the
 * first one a mark that nothing is worth fetching ahead. Behind the tar comes a footer that says where the table is. Who knows the
 * format starts a container at once, and fetches what it reads.
 *
 * @see <a href="https://github.com/containerd/stargz-snapshotter/blob/main/docs/estargz.md">stargz-snapshotter, eStargz</a>
 */
final class EStargzLayer {
    private static final String TABLE = "stargz.index.json";
    private static final String NOTHING_AHEAD = ".no.prefetch.landmark";
    /** Files of the format itself. A layer that was packed so before has them already, and gets new ones. */
    private static final Set<String> OWN = Set.of(TABLE, NOTHING_AHEAD, ".prefetch.landmark");

    private static final byte[] LANDMARK = {0xf};
    private static final int PART = 4 << 20;
    private static final int FOOTER = 51;

    private final GzipMembers members;
    private final TarWriter tar;
    private final List<Map<String, Object>> table = new ArrayList<>();
    private final byte[] buffer = new byte[64 * 1024];

    private EStargzLayer(GzipMembers members) {
        this.members = members;
        this.tar = new TarWriter(members);
    }

    /**
     * What became of a layer.
     *
     * @param diffId of the tar with the two entries
     */
    record Packed(Map<String, String> annotations, Digest diffId) {}

    /**
     * Packs a layer; the same bytes each time.
     *
     * @param source uncompressed; opened twice
     * @param target is not closed
     * @param level of gzip, 1 to 9; 0 for the usual one
     * @return empty, and nothing is written, if the layer has no entries or one that the table cannot hold: a sparse file, or a name
     *     that is not UTF-8
     * @throws CancelledException if the thread is interrupted
     */
    static Optional<Packed> pack(TableOfContents.Source source, OutputStream target, int level, ImageLimits limits)
            throws IOException {
        if (TableOfContents.entries(source, limits).isEmpty()) {
            return Optional.empty();
        }
        try (var members = new GzipMembers(target, level);
                var reader = new TarReader(source.open(), "the layer", limits)) {
            var at = new EStargzLayer(members).write(reader);
            target.write(footer(at.offset));
            return Optional.of(new Packed(
                    Map.of(
                            "containerd.io/snapshot/stargz/toc.digest",
                            at.digest.toString(),
                            "io.containers.estargz.uncompressed-size",
                            Long.toString(members.plainSize())),
                    members.plainDigest()));
        }
    }

    /** The table: where its member begins, and the digest of its text. */
    private record Table(long offset, Digest digest) {}

    private Table write(TarReader reader) throws IOException {
        try (tar) {
            write(
                    TarEntry.file(NOTHING_AHEAD, LANDMARK.length, Attributes.ofMode(0644)),
                    new ByteArrayInputStream(LANDMARK));
            for (var entry = reader.next(); entry != null; entry = reader.next()) {
                if (!OWN.contains(entry.path().replaceFirst("^(\\.?/)+", ""))) {
                    write(entry, reader.content());
                }
            }
            members.end();
            var at = members.offset();
            var document = new LinkedHashMap<String, Object>();
            document.put("version", 1);
            document.put("entries", table);
            var text = JsonObject.write(document);
            tar.write(TarEntry.file(TABLE, text.length, Attributes.ofMode(0444)), new ByteArrayInputStream(text));
            return new Table(at, Hash.sha256(text));
        }
    }

    private void write(TarEntry entry, InputStream content) throws IOException {
        var file = describe(entry);
        table.add(file);
        tar.writeHeader(entry);
        var whole = Hash.of("sha256");
        var part = file;
        for (var at = 0L; at < entry.size(); at += PART) {
            if (at > 0) {
                part = new LinkedHashMap<>();
                part.put("name", file.getOrDefault("name", ""));
                part.put("type", "chunk");
                part.put("chunkOffset", at);
                table.add(part);
            }
            members.end();
            part.put("offset", members.offset());
            var length = Math.min(PART, entry.size() - at);
            if (length < entry.size() - at) {
                part.put("chunkSize", length); // the last one has none: it goes to the end of the file
            }
            var hash = Hash.of("sha256");
            for (var left = length; left > 0; ) {
                var read = content.read(buffer, 0, (int) Math.min(left, buffer.length));
                if (read < 0) {
                    throw new EOFException("the layer is shorter than it was a moment ago");
                }
                members.write(buffer, 0, read);
                hash.update(buffer, 0, read);
                whole.update(buffer, 0, read);
                left -= read;
            }
            part.put("chunkDigest", Digest.sha256(hash.digest()));
        }
        if (entry.size() > 0) {
            file.put("digest", Digest.sha256(whole.digest()));
        }
        tar.writePadding(entry);
    }

    /** What eStargz requires is there also if it is zero, and times of access are not in the tar. */
    private static Map<String, Object> describe(TarEntry entry) {
        var fields = TableOfContents.describe(entry);
        fields.remove("accesstime");
        for (var required : List.of("mode", "uid", "gid")) {
            fields.putIfAbsent(required, 0);
        }
        if (entry.type() == TarType.CHARACTER_DEVICE || entry.type() == TarType.BLOCK_DEVICE) {
            fields.putIfAbsent("devMajor", 0);
            fields.putIfAbsent("devMinor", 0);
        }
        if (entry.type() == TarType.DIRECTORY && !entry.path().endsWith("/")) {
            fields.put("name", entry.path() + "/"); // as the tar has it
        }
        return fields;
    }

    /** A member without content; the extra field of RFC 1952 in its header says where the table is. */
    private static byte[] footer(long table) {
        return ByteBuffer.allocate(FOOTER)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put(new byte[] {0x1f, (byte) 0x8b, 8, 4, 0, 0, 0, 0, 0, (byte) 0xff})
                .putShort((short) 26)
                .put(new byte[] {'S', 'G'})
                .putShort((short) 22)
                .put(String.format("%016xSTARGZ", table).getBytes(StandardCharsets.US_ASCII))
                .put(new byte[] {1, 0, 0, (byte) 0xff, (byte) 0xff}) // the last block, stored, of no bytes
                .putLong(0)
                .array();
    }
}
