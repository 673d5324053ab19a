package dev.cais.image;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.CancelledException;
import dev.cais.ImageLimits;
import dev.cais.fixtures.TarWriter;
import dev.cais.image.layer.Compression;
import dev.cais.image.layer.TarReader;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.JsonObject;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.junit.jupiter.api.Test;

/** Layers as eStargz, read by a reader of the test's own that follows the format's description from the footer on. */
class EStargzLayerTest {
    private static final int MEBI = 1 << 20;
    private static final byte[] LARGE = new byte[9 * MEBI + 7];

    static {
        new Random(1).nextBytes(LARGE);
    }

    private static final byte[] TAR = new TarWriter()
            .directory("etc", 0755)
            .file("etc/motd", 0644, "hello")
            .file("etc/empty", 0600, "")
            .owner(7, 8)
            .xattr("user.note", "x")
            .file("etc/large", 04755, LARGE)
            .symlink("link", "etc/motd")
            .hardLink("again", "etc/motd")
            .file("etc/.wh.gone", 0, "")
            .bytes();

    private final ByteArrayOutputStream packed = new ByteArrayOutputStream();

    private Optional<EStargzLayer.Packed> pack(byte[] tar) throws IOException {
        packed.reset();
        return EStargzLayer.pack(() -> new ByteArrayInputStream(tar), packed, 0, ImageLimits.DEFAULT);
    }

    private static byte[] unpacked(byte[] gzip) throws IOException {
        return Compression.decompress(new ByteArrayInputStream(gzip), "it").readAllBytes();
    }

    /** The content of the one gzip member that begins there, of those whose header has no extra fields. */
    private static byte[] member(byte[] gzip, int offset) {
        assertThat(Arrays.copyOfRange(gzip, offset, offset + 4)).isEqualTo(new byte[] {0x1f, (byte) 0x8b, 8, 0});
        var inflater = new Inflater(true);
        try {
            inflater.setInput(gzip, offset + 10, gzip.length - offset - 10);
            var content = new ByteArrayOutputStream();
            var buffer = new byte[64 * 1024];
            while (!inflater.finished()) {
                content.write(buffer, 0, inflater.inflate(buffer));
            }
            var crc = new CRC32();
            crc.update(content.toByteArray());
            var trailer = ByteBuffer.wrap(gzip, gzip.length - inflater.getRemaining(), 8)
                    .order(ByteOrder.LITTLE_ENDIAN);
            assertThat(trailer.getInt()).isEqualTo((int) crc.getValue());
            assertThat(trailer.getInt()).isEqualTo(content.size());
            return content.toByteArray();
        } catch (DataFormatException e) {
            throw new AssertionError(e);
        } finally {
            inflater.end();
        }
    }

    private static int tableOffset(byte[] layer) {
        var footer = new String(layer, layer.length - 51, 51, java.nio.charset.StandardCharsets.ISO_8859_1);
        assertThat(footer).startsWith("\u001f\u008b\b\u0004").endsWith("STARGZ\1\0\0\u00ff\u00ff\0\0\0\0\0\0\0\0");
        assertThat(footer.substring(10, 16)).isEqualTo("\u001a\0SG\u0016\0");
        return Integer.parseInt(footer.substring(16, 32), 16);
    }

    /** The text of the table, the only file of its member. */
    private static byte[] table(byte[] layer) {
        var tar = member(layer, tableOffset(layer));
        assertThat(new String(tar, 0, 18, US_ASCII)).isEqualTo("stargz.index.json\0");
        var size = Integer.parseInt(new String(tar, 124, 11, US_ASCII), 8);
        assertThat(tar).hasSize(512 + (size + 511) / 512 * 512 + 1024);
        return Arrays.copyOfRange(tar, 512, 512 + size);
    }

    private static List<String> names(byte[] tar) {
        var names = new ArrayList<String>();
        try (var reader = new TarReader(new ByteArrayInputStream(tar), "it", ImageLimits.DEFAULT)) {
            for (var entry = reader.next(); entry != null; entry = reader.next()) {
                names.add(entry.path());
            }
        }
        return names;
    }

    @Test
    void whoDoesNotKnowTheFormatSeesTwoMoreFiles() throws IOException {
        var result = pack(TAR).orElseThrow();
        var tar = unpacked(packed.toByteArray());

        assertThat(names(tar))
                .containsExactly(
                        ".no.prefetch.landmark",
                        "etc/",
                        "etc/motd",
                        "etc/empty",
                        "etc/large",
                        "link",
                        "again",
                        "etc/.wh.gone",
                        "stargz.index.json");
        assertThat(result.diffId()).isEqualTo(Hash.sha256(tar));
        assertThat(result.annotations())
                .containsEntry("io.containers.estargz.uncompressed-size", Integer.toString(tar.length));
    }

    @Test
    void theTableLeadsToEachPartOfEachFile() throws IOException {
        var annotations = pack(TAR).orElseThrow().annotations();
        var layer = packed.toByteArray();
        var text = table(layer);
        assertThat(annotations)
                .containsEntry(
                        "containerd.io/snapshot/stargz/toc.digest",
                        Hash.sha256(text).toString());
        var table = JsonObject.parse(text, "table");
        assertThat(table.number("version")).isEqualTo(1);
        var entries = table.objects("entries");
        assertThat(entries)
                .extracting(entry -> entry.text("type") + " " + entry.text("name"))
                .containsExactly(
                        "reg .no.prefetch.landmark",
                        "dir etc/",
                        "reg etc/motd",
                        "reg etc/empty",
                        "reg etc/large",
                        "chunk etc/large",
                        "chunk etc/large",
                        "symlink link",
                        "hardlink again",
                        "reg etc/.wh.gone");
        assertThat(content(layer, entries, ".no.prefetch.landmark")).isEqualTo(new byte[] {0xf});
        assertThat(content(layer, entries, "etc/motd")).isEqualTo("hello".getBytes(UTF_8));
        assertThat(content(layer, entries, "etc/large")).isEqualTo(LARGE);
        assertThat(entries.subList(4, 7))
                .extracting(entry -> entry.numberOrZero("chunkOffset") + " " + entry.numberOrZero("chunkSize"))
                .containsExactly("0 " + 4 * MEBI, 4 * MEBI + " " + 4 * MEBI, 8 * MEBI + " 0");
        assertThat(entries.get(3).toMap()).doesNotContainKeys("size", "digest", "offset", "chunkDigest");
    }

    /** What the parts of a file are together, each taken from its own member and checked. */
    private static byte[] content(byte[] layer, List<JsonObject> entries, String name) {
        var parts = entries.stream()
                .filter(entry -> entry.text("name").equals(name))
                .toList();
        var first = parts.get(0);
        var size = first.number("size");
        var content = new ByteArrayOutputStream();
        for (var part : parts) {
            assertThat(part.numberOrZero("chunkOffset")).isEqualTo(content.size());
            var chunk = part.numberOrZero("chunkSize");
            var member = member(layer, (int) part.number("offset"));
            var bytes = Arrays.copyOf(member, (int) (chunk == 0 ? size - content.size() : chunk));
            assertThat(Hash.sha256(bytes)).isEqualTo(part.digest("chunkDigest"));
            content.writeBytes(bytes);
        }
        assertThat(content.size()).isEqualTo(size);
        assertThat(Hash.sha256(content.toByteArray())).isEqualTo(first.digest("digest"));
        return content.toByteArray();
    }

    @Test
    void theTableHasWhatTheTarHas() throws IOException {
        pack(TAR);
        var entries = JsonObject.parse(table(packed.toByteArray()), "table").objects("entries");
        var large = entries.get(4);
        assertThat(large.number("mode")).isEqualTo(04755);
        assertThat(large.number("uid")).isEqualTo(7);
        assertThat(large.number("gid")).isEqualTo(8);
        assertThat(large.text("modtime")).isEqualTo("2023-11-14T22:13:20Z");
        assertThat(large.textMap("xattrs")).containsOnlyKeys("user.note").containsEntry("user.note", "eA==");
        assertThat(entries.get(7).text("linkName")).isEqualTo("etc/motd");
        assertThat(entries.get(1).number("uid")).isZero();
    }

    @Test
    void aLayerOfTheFormatIsPackedToTheSameBytes() throws IOException {
        var first = pack(TAR);
        var once = packed.toByteArray();

        assertThat(pack(unpacked(once))).isEqualTo(first);
        assertThat(packed.toByteArray()).isEqualTo(once);
    }

    @Test
    void whatTheTableCannotHoldIsNotPacked() throws IOException {
        var tar = TestArchive.tarOfANameThatIsNoText();

        assertThat(pack(tar)).isEmpty();
        assertThat(packed.size()).isZero();
    }

    @Test
    void anInterruptEndsIt() {
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> pack(TAR))
                .isExactlyInstanceOf(CancelledException.class)
                .hasMessage("cannot read the layer: the thread was interrupted");
        assertThat(Thread.interrupted()).isTrue();
    }
}
