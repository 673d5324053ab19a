package dev.cais.image;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.Zstd;
import dev.cais.CancelledException;
import dev.cais.ImageLimits;
import dev.cais.fixtures.TarWriter;
import dev.cais.image.layer.Compression;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.JsonObject;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Layers with a table of contents, taken apart again as the format's description has it. */
class ChunkedLayerTest {
    private static final byte[] TAR = new TarWriter()
            .directory("etc/", 0755)
            .file("etc/motd", 0644, "hello")
            .file("etc/empty", 0600, "")
            .owner(7, 8)
            .xattr("user.note", "x")
            .file("big", 04755, new byte[300_000])
            .symlink("link", "etc/motd")
            .hardLink("again", "etc/motd")
            .file("etc/.wh.gone", 0, "")
            .bytes();

    private final ByteArrayOutputStream packed = new ByteArrayOutputStream();

    private Map<String, String> pack(byte[] tar) throws IOException {
        packed.reset();
        return ChunkedLayer.pack(() -> new ByteArrayInputStream(tar), packed, 0, "cannot push it", ImageLimits.DEFAULT);
    }

    private static byte[] unpacked(byte[] zstd) throws IOException {
        return Compression.decompress(new ByteArrayInputStream(zstd), "it").readAllBytes();
    }

    /** @param position {@code offset:length:unpacked length}, and more */
    private byte[] part(String position, String digest) {
        var numbers =
                Arrays.stream(position.split(":")).mapToInt(Integer::parseInt).toArray();
        var bytes = Arrays.copyOfRange(packed.toByteArray(), numbers[0], numbers[0] + numbers[1]);
        assertThat(Hash.sha256(bytes)).hasToString(digest);
        var plain = Zstd.decompress(bytes, numbers[2]);
        assertThat(plain).hasSize(numbers[2]);
        return plain;
    }

    @Test
    void whoDoesNotKnowTheFormatSeesPlainZstd() throws IOException {
        pack(TAR);
        assertThat(unpacked(packed.toByteArray())).isEqualTo(TAR);
        var once = packed.toByteArray();
        pack(TAR);
        assertThat(packed.toByteArray()).isEqualTo(once);
    }

    @Test
    void theTableLeadsToEachFileAndTheRestMakesTheStream() throws IOException {
        var annotations = pack(TAR);
        assertThat(annotations)
                .containsOnlyKeys(
                        "io.github.containers.zstd-chunked.manifest-checksum",
                        "io.github.containers.zstd-chunked.manifest-position",
                        "io.containers.zstd-chunked.manifest-checksum",
                        "io.containers.zstd-chunked.manifest-position",
                        "io.github.containers.zstd-chunked.tarsplit-position");
        var position = annotations.getOrDefault("io.github.containers.zstd-chunked.manifest-position", "");
        assertThat(position).endsWith(":1");
        var table = JsonObject.parse(
                part(position, annotations.getOrDefault("io.github.containers.zstd-chunked.manifest-checksum", "")),
                "table");
        assertThat(table.number("version")).isEqualTo(1);
        assertThat(table.objects("entries"))
                .extracting(entry -> entry.text("type") + " " + entry.text("name"))
                .containsExactly(
                        "dir etc/",
                        "reg etc/motd",
                        "reg etc/empty",
                        "reg big",
                        "symlink link",
                        "hardlink again",
                        "reg etc/.wh.gone");
        var contents = new HashMap<String, byte[]>();
        for (var entry : table.objects("entries")) {
            if (entry.has("digest")) {
                var frame = Arrays.copyOfRange(
                        packed.toByteArray(), (int) entry.number("offset"), (int) entry.number("endOffset"));
                var content = Zstd.decompress(frame, (int) entry.number("size"));
                assertThat(Hash.sha256(content)).isEqualTo(entry.digest("digest"));
                contents.put(entry.text("name"), content);
            }
        }
        assertThat(contents).containsOnlyKeys("etc/motd", "big");
        assertThat(new String(contents.getOrDefault("etc/motd", new byte[0]), UTF_8))
                .isEqualTo("hello");
        var big = table.objects("entries").get(3);
        assertThat(big.number("mode")).isEqualTo(04755);
        assertThat(big.number("uid")).isEqualTo(7);
        assertThat(big.number("gid")).isEqualTo(8);
        assertThat(big.textMap("xattrs")).isEqualTo(Map.of("user.note", "eA=="));
        assertThat(big.has("accesstime")).isFalse();
        assertThat(table.objects("entries").get(4).text("linkName")).isEqualTo("etc/motd");
        assertThat(table.objects("entries").get(2).toMap()).doesNotContainKeys("size", "digest", "offset");

        var stream = new ByteArrayOutputStream();
        var split = part(
                annotations.getOrDefault("io.github.containers.zstd-chunked.tarsplit-position", ""),
                table.text("tarSplitDigest"));
        var number = 0;
        for (var line : new String(split, UTF_8).lines().toList()) {
            var entry = JsonObject.parse(line.getBytes(UTF_8), "split");
            assertThat(entry.number("position")).isEqualTo(number++);
            var payload = Base64.getDecoder().decode(entry.text("payload"));
            stream.writeBytes(
                    entry.number("type") == 2 ? payload : contents.getOrDefault(entry.text("name"), new byte[0]));
            if (entry.findText("name").equals(Optional.of("etc/motd"))) {
                // of hash/crc64 with its ISO table, over "hello"
                assertThat(payload)
                        .isEqualTo(new byte[] {0x3c, 0x3e, (byte) 0xee, (byte) 0xe2, (byte) 0xd8, 0x10, 0, 0});
            }
        }
        assertThat(stream.toByteArray()).isEqualTo(TAR);
    }

    @Test
    void theFooterSaysWhereTheyAre() throws IOException {
        var annotations = pack(TAR);
        var bytes = packed.toByteArray();
        var footer = ByteBuffer.wrap(bytes, bytes.length - 72, 72).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(footer.getInt()).isEqualTo(0x184d2a50);
        assertThat(footer.getInt()).isEqualTo(64);
        assertThat(footer.getLong() + ":" + footer.getLong() + ":" + footer.getLong() + ":" + footer.getLong())
                .isEqualTo(annotations.get("io.github.containers.zstd-chunked.manifest-position"));
        assertThat(footer.getLong() + ":" + footer.getLong() + ":" + footer.getLong())
                .isEqualTo(annotations.get("io.github.containers.zstd-chunked.tarsplit-position"));
        assertThat(new String(bytes, bytes.length - 8, 8, UTF_8)).isEqualTo("GNUlInUx");
    }

    @Test
    void whatTheTableCannotHoldIsPackedWithoutOne() throws IOException {
        var tar = TestArchive.tarOfANameThatIsNoText();
        assertThat(pack(tar)).isEmpty();
        assertThat(unpacked(packed.toByteArray())).isEqualTo(tar);
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
