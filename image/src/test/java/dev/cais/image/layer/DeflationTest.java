package dev.cais.image.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.CancelledException;
import dev.cais.fixtures.LeakChecked;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** gzip by several threads. */
@LeakChecked
@Timeout(300)
class DeflationTest {
    private static final int BLOCK = 256 * 1024;

    /** Some of it repeats within a block, some across blocks, some never. */
    private static byte[] content(int size) {
        var random = new Random(size);
        var words = new byte[64][100];
        for (var word : words) {
            random.nextBytes(word);
        }
        var content = new byte[size];
        for (var at = 0; at < size; at += 100) {
            System.arraycopy(words[random.nextInt(words.length)], 0, content, at, Math.min(100, size - at));
        }
        return content;
    }

    private static byte[] gzip(Deflation deflation, byte[] content, int piece) throws IOException {
        var packed = new ByteArrayOutputStream();
        try (var gzip = deflation.gzip(packed, 0)) {
            for (var at = 0; at < content.length; at += piece) {
                gzip.write(content, at, Math.min(piece, content.length - at));
            }
        }
        return packed.toByteArray();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 20 * BLOCK + 12345})
    void whatWasPackedIsTheSameWithAnyNumberOfThreads(int size) throws IOException {
        var content = content(size);
        try (var one = new Deflation(1);
                var many = new Deflation(7)) {
            var packed = gzip(one, content, 8191);

            assertThat(gzip(many, content, 1 << 20)).isEqualTo(packed);
            assertThat(new GZIPInputStream(new ByteArrayInputStream(packed)).readAllBytes())
                    .isEqualTo(content);
            assertThat(Compression.decompress(new ByteArrayInputStream(packed), "it")
                            .readAllBytes())
                    .isEqualTo(content);
        }
    }

    @Test
    void blocksKnowWhatIsBeforeThem() throws IOException {
        var content = content(20 * BLOCK);
        var alone = new ByteArrayOutputStream();
        try (var gzip = Compression.GZIP.compress(alone)) {
            gzip.write(content);
        }
        try (var deflation = new Deflation(2)) {
            assertThat(gzip(deflation, content, content.length).length).isLessThan(alone.size() * 102 / 100);
        }
    }

    @Test
    void manyStreamsShareFewThreads() throws Exception {
        var content = content(9 * BLOCK + 7);
        var threads = Executors.newFixedThreadPool(16);
        try (var deflation = new Deflation(1)) {
            var expected = gzip(deflation, content, content.length);
            var tasks = new ArrayList<Callable<byte[]>>();
            for (var i = 0; i < 16; i++) {
                var piece = 1000 + 37 * i;
                tasks.add(() -> gzip(deflation, content, piece));
            }
            for (var packed : threads.invokeAll(tasks)) {
                assertThat(packed.get()).isEqualTo(expected);
            }
        } finally {
            threads.shutdown();
        }
    }

    @Test
    void aTargetThatBreaksLeavesNothingHeld() throws IOException {
        var broken = new OutputStream() {
            @Override
            public void write(int one) throws IOException {
                throw new IOException("full");
            }
        };
        try (var deflation = new Deflation(2)) {
            for (var i = 0; i < 20; i++) { // each would keep blocks
                assertThatThrownBy(() -> {
                            try (var gzip = deflation.gzip(broken, 0)) {
                                gzip.write(content(5 * BLOCK));
                            }
                        })
                        .isInstanceOf(IOException.class)
                        .hasMessage("full");
            }
            assertThat(gzip(deflation, content(9 * BLOCK), BLOCK)).isNotEmpty();
        }
    }

    @Test
    void anInterruptEndsIt() {
        try (var deflation = new Deflation(1)) {
            Thread.currentThread().interrupt();
            assertThatThrownBy(() -> {
                        var gzip = deflation.gzip(OutputStream.nullOutputStream(), 0);
                        gzip.write(content(40 * BLOCK));
                    })
                    .isInstanceOf(CancelledException.class)
                    .hasMessage("cannot compress: the thread was interrupted");
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }
}
