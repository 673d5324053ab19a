package dev.cais.image.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.cais.ByteSize;
import dev.cais.CorruptContentException;
import dev.cais.ImageLimits;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import dev.cais.storage.Store;
import dev.cais.storage.Xattr;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Valid tars, changed at random: each is read to its end or refused as corrupt, and nothing else ever happens. */
@LeakChecked
class TarFuzzTest {
    private static final int RUNS = Integer.getInteger("cais.fuzz.runs", 20_000);
    private static final long SEED = Long.getLong("cais.fuzz.seed", 20_260_101L);
    private static final ImageLimits LIMITS = new ImageLimits(ByteSize.mib(1), 10, ByteSize.mib(4), 200, 300);

    private static byte[] seedTar() {
        return new Tar()
                .directory("./")
                .file("a", "content")
                .file("long/".repeat(30) + "name", "x")
                .symlink("s", "../../target")
                .hardLink("h", "a")
                .node(TarType.CHARACTER_DEVICE, "c", 1, 3, Tar.mode(0666))
                .file("x", "", Tar.with(0644, new Xattr("user.a", new byte[] {1, 2, 3})))
                .file(".wh.gone", "")
                .block(Tar.pax('g', "comment=global"))
                .block(Tar.pax('x', "GNU.sparse.size=100", "GNU.sparse.map=0,5,50,5"))
                .block(Tar.header("sparse", '0', "00000000012\0"))
                .block(new byte[512])
                .block(Tar.pax(
                        'x', "GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=9", "GNU.sparse.name=v1"))
                .block(Tar.header("sparse1", '0', "00000001001\0"))
                .block(Arrays.copyOf(Tar.raw("1\n8\n1\n"), 1024))
                .block(gnuSparse())
                .block(new byte[512])
                .block(Tar.header("././@LongLink", 'L', "00000000013\0"))
                .block(Arrays.copyOf(Tar.raw("a/long/name"), 512))
                .file("short", "end")
                .bytes();
    }

    private static byte[] gnuSparse() {
        var header = Tar.header("gnu-sparse", 'S', "00000000005\0");
        Tar.put(header, 257, "ustar  \0");
        Tar.put(header, 386, "00000000010\000000000005\0");
        Tar.put(header, 483, "00000000100\0");
        return Tar.summed(header);
    }

    /** A few changes; mostly the checksum is made right again, since else all ends at once. */
    private static byte[] changed(byte[] tar, Random random) {
        var changed = tar.clone();
        for (var i = random.nextInt(4); i >= 0; i--) {
            var block = random.nextInt(changed.length / 512) * 512;
            var at = block + random.nextInt(512);
            switch (random.nextInt(6)) {
                case 0 -> changed[at] = (byte) random.nextInt();
                case 1 -> changed[at] ^= (byte) (1 << random.nextInt(8));
                case 2 -> changed[at] = "0123456789-.,=/ \n\0x".getBytes(StandardCharsets.US_ASCII)[random.nextInt(19)];
                case 3 -> {
                    var from = random.nextInt(changed.length / 512) * 512;
                    System.arraycopy(changed, from, changed, block, 512);
                }
                case 4 -> changed = Arrays.copyOf(changed, Math.max(512, random.nextInt(changed.length)));
                default -> changed[block + 156] = (byte) "0123456789xgLKSVDXA\0".charAt(random.nextInt(20));
            }
            if (block + 512 <= changed.length && random.nextInt(8) > 0 && isHeader(changed, block)) {
                var header = Arrays.copyOfRange(changed, block, block + 512);
                System.arraycopy(Tar.summed(header), 0, changed, block, 512);
            }
        }
        return changed;
    }

    private static boolean isHeader(byte[] tar, int block) {
        return tar[block + 257] == 'u' && tar[block + 258] == 's';
    }

    @Test
    void readerEndsOrRefuses() {
        var seedTar = seedTar();
        assertThat(read(seedTar)).isTrue();
        var random = new Random(SEED);
        var whole = 0;
        for (var run = 0; run < RUNS; run++) {
            var tar = changed(seedTar, random);
            whole += check(tar, run) ? 1 : 0;
        }
        assertThat(whole).as("tars that were read to their end").isBetween(RUNS / 50, RUNS - RUNS / 50);
    }

    private static boolean check(byte[] tar, int run) {
        try {
            return read(tar);
        } catch (RuntimeException | Error e) {
            return fail(
                    "run " + run + " of seed " + SEED + " threw " + e + ": "
                            + HexFormat.of().formatHex(tar),
                    e);
        }
    }

    private static boolean read(byte[] tar) {
        try (var reader = new TarReader(new ByteArrayInputStream(tar), "tar", LIMITS)) {
            var buffer = new byte[1000];
            for (var entry = reader.next(); entry != null; entry = reader.next()) {
                for (var left = 100; left > 0 && reader.content().read(buffer) >= 0; left--) {
                    // holes may be long; a part of them is enough
                }
            }
            return true;
        } catch (CorruptContentException e) {
            return false;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    @RequiresRoot
    void unpackingEndsOrRefusesAndLeavesNothing(TestStore directory) throws IOException {
        var seedTar = seedTar();
        var random = new Random(SEED + 1);
        var runs = RUNS / 40;
        var whole = 0;
        try (var store = Store.open(directory.path(), "fuzz")) {
            var unpacker = new LayerUnpacker(store.layers(), LIMITS);
            for (var run = 0; run < runs; run++) {
                var tar = changed(seedTar, random);
                var diffId = Tar.diffId(tar);
                try {
                    unpacker.unpack(new LayerSource(diffId, () -> new ByteArrayInputStream(tar)));
                    whole++;
                    store.layers().delete(diffId);
                } catch (CorruptContentException e) {
                    assertThat(e).hasMessageMatching("(?s)cannot (read|unpack) layer sha256:.*");
                } catch (RuntimeException | Error e) {
                    fail(
                            "run " + run + " of seed " + (SEED + 1) + " threw " + e + ": "
                                    + HexFormat.of().formatHex(tar),
                            e);
                }
            }
            assertThat(store.layers().directory()).isEmptyDirectory();
            assertThat(store.temporaryDirectory()).isEmptyDirectory();
        }
        assertThat(whole).as("layers that were unpacked").isBetween(runs / 50, runs - runs / 50);
    }

    @Test
    void changedCompressedStreamsEndOrAreRefused() throws IOException {
        for (var compression : new Compression[] {Compression.GZIP, Compression.ZSTD}) {
            var packed = new ByteArrayOutputStream();
            try (var out = compression.compress(packed)) {
                out.write(seedTar());
            }
            var random = new Random(SEED + 2);
            for (var run = 0; run < RUNS / 10; run++) {
                var bytes = packed.toByteArray();
                for (var i = random.nextInt(3); i >= 0; i--) {
                    bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
                }
                try (var in = Compression.decompress(new ByteArrayInputStream(bytes), "stream")) {
                    assertThat(in.readNBytes(1 << 22).length).isLessThan(1 << 22);
                } catch (CorruptContentException e) {
                    assertThat(e.getMessage())
                            .matches(
                                    "cannot read stream: its (gzip|zstd) stream (ends early|is broken); fetch or save it again");
                } catch (RuntimeException | IOException e) {
                    fail(
                            "run " + run + " of seed " + (SEED + 2) + " threw " + e + ": "
                                    + HexFormat.of().formatHex(bytes),
                            e);
                }
            }
        }
    }
}
