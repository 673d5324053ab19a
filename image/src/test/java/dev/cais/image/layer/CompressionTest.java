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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

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
