package dev.cais.image.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.CorruptContentException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.CRC32;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.MemoryLimitException;
import org.tukaani.xz.XZOutputStream;

class CompressionTest {
    private static final byte[] CONTENT = content();

    private static byte[] content() {
        var content = new byte[300_000];
        new Random(1).nextBytes(content);
        Arrays.fill(content, 1000, 200_000, (byte) 'x');
        return content;
    }

    private static byte[] packed(Compression compression, byte[] content) throws IOException {
        var packed = new ByteArrayOutputStream();
        try (var out = compression.compress(packed)) {
            out.write(content);
        }
        return packed.toByteArray();
    }

    private static byte[] unpacked(InputStream packed) throws IOException {
        try (var in = Compression.decompress(packed, "layer x")) {
            return in.readAllBytes();
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatIsPackedIsUnpacked(Compression compression) throws IOException {
        var packed = packed(compression, CONTENT);
        assertThat(Compression.of(packed)).isEqualTo(compression);
        assertThat(unpacked(new ByteArrayInputStream(packed))).isEqualTo(CONTENT);
        assertThat(packed(compression, CONTENT)).isEqualTo(packed);
    }

    /** One byte at a time and nothing known of the next: as the network gives them. */
    @ParameterizedTest
    @EnumSource(names = {"GZIP", "ZSTD"})
    void allMembersAreUnpackedThoughTheNextHasNotArrived(Compression compression) throws IOException {
        var packed = new ByteArrayOutputStream();
        packed.writeBytes(packed(compression, Tar.raw("one ")));
        packed.writeBytes(packed(compression, new byte[0]));
        packed.writeBytes(packed(compression, Tar.raw("two")));
        var slow = new FilterInputStream(new ByteArrayInputStream(packed.toByteArray())) {
            @Override
            public int read(byte[] bytes, int offset, int length) throws IOException {
                return super.read(bytes, offset, Math.min(1, length));
            }

            @Override
            public int available() {
                return 0;
            }
        };
        assertThat(unpacked(slow)).isEqualTo(Tar.raw("one two"));
    }

    @ParameterizedTest
    @EnumSource(names = {"GZIP", "ZSTD"})
    void truncatedStreamIsCorrupt(Compression compression) throws IOException {
        var packed = packed(compression, CONTENT);
        for (var length : new int[] {5, 30, packed.length / 2, packed.length - 1}) {
            assertThatThrownBy(() -> unpacked(new ByteArrayInputStream(packed, 0, length)))
                    .as("the first %d bytes", length)
                    .isInstanceOf(CorruptContentException.class)
                    .hasMessage("cannot read layer x: its " + compression.name().toLowerCase(java.util.Locale.ROOT)
                            + " stream ends early; fetch or save it again");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"GZIP", "ZSTD"})
    void changedStreamIsCorrupt(Compression compression) throws IOException {
        var packed = packed(compression, CONTENT);
        packed[packed.length / 2] ^= 1;
        packed[packed.length - 6] ^= 1;
        assertThatThrownBy(() -> unpacked(new ByteArrayInputStream(packed)))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot read layer x: its " + compression.name().toLowerCase(java.util.Locale.ROOT)
                        + " stream is broken; fetch or save it again");
    }

    private static byte[] packedByOthers(String format, byte[] content) throws IOException {
        var packed = new ByteArrayOutputStream();
        try (var out = format.equals("xz")
                ? new XZOutputStream(packed, new LZMA2Options(1))
                : new BZip2CompressorOutputStream(packed)) {
            out.write(content);
        }
        return packed.toByteArray();
    }

    @ParameterizedTest
    @ValueSource(strings = {"bzip2", "xz"})
    void archivesMayBePackedByOthers(String format) throws IOException {
        var packed = packedByOthers(format, CONTENT);
        var twice = new ByteArrayOutputStream();
        twice.writeBytes(packed);
        twice.writeBytes(packed);
        try (var in = Compression.decompressArchive(new ByteArrayInputStream(twice.toByteArray()), "archive x")) {
            assertThat(in.readNBytes(CONTENT.length)).isEqualTo(CONTENT);
            assertThat(in.readAllBytes()).isEqualTo(CONTENT);
        }
        assertThat(unpacked(new ByteArrayInputStream(packed))).isEqualTo(packed);
        assertCorrupt(Arrays.copyOf(packed, packed.length / 2), format + " stream ends early");
        packed[packed.length / 2] ^= 1;
        assertCorrupt(packed, format + " stream is broken");
    }

    private static void assertCorrupt(byte[] packed, String why) {
        assertThatThrownBy(() -> {
                    try (var in = Compression.decompressArchive(new ByteArrayInputStream(packed), "archive x")) {
                        in.readAllBytes();
                    }
                })
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot read archive x: its " + why + "; fetch or save it again");
    }

    /** What a stream asks for is its own word. */
    @Test
    void anXzStreamGetsNoMoreMemoryThanIsUsual() throws IOException {
        var packed = packedByOthers("xz", CONTENT);
        packed[12 + 4] = 36; // the dictionary's size of the first block: 1 GiB
        var crc = new CRC32();
        crc.update(packed, 12, 8);
        for (var i = 0; i < 4; i++) {
            packed[20 + i] = (byte) (crc.getValue() >>> 8 * i);
        }
        try (var in = Compression.decompressArchive(new ByteArrayInputStream(packed), "archive x")) {
            assertThatThrownBy(in::readAllBytes)
                    .isInstanceOf(CorruptContentException.class)
                    .hasMessage("cannot read archive x: its xz stream is broken; fetch or save it again")
                    .hasRootCauseInstanceOf(MemoryLimitException.class);
        }
    }

    @Test
    void failingSourceKeepsItsOwnError() throws IOException {
        var packed = packed(Compression.GZIP, CONTENT);
        var failing = new FilterInputStream(new ByteArrayInputStream(packed)) {
            private int left = 10_000;

            @Override
            public int read(byte[] bytes, int offset, int length) throws IOException {
                if (left <= 0) {
                    throw new IOException("cable pulled");
                }
                left -= length;
                return super.read(bytes, offset, length);
            }
        };
        assertThatThrownBy(() -> unpacked(failing))
                .isExactlyInstanceOf(IOException.class)
                .hasMessage("cable pulled");
    }

    @Test
    void shortStreamIsPlain() throws IOException {
        assertThat(unpacked(new ByteArrayInputStream(new byte[] {0x1f}))).isEqualTo(new byte[] {0x1f});
        assertThat(unpacked(new ByteArrayInputStream(new byte[0]))).isEmpty();
    }
}
