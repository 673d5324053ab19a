package dev.cais.storage;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.linux.Abi;
import java.time.Instant;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class HashTableTest {
    private static final Instant WHEN = Instant.ofEpochSecond(1_700_000_000, 999_999_999);

    private static TreeScan.Entry file(long device, long inode, long size, Instant changed) {
        return new TreeScan.Entry(
                Names.NONE, Abi.S_IFREG, 0644, 0, 0, size, device, inode, Instant.EPOCH, changed, 1, Names.NONE);
    }

    private static byte[] hash(long number) {
        return FileHashes.sha256(Names.of("file " + number));
    }

    private static HashTable fill(int count) {
        var table = HashTable.of(new byte[0]);
        for (var i = 1L; i <= count; i++) {
            table.put(i % 3, i << 32 | i, i, WHEN.plusNanos(i), hash(i));
        }
        return table;
    }

    @Test
    void whatWasPutIsFoundAsLongAsTheFileIsTheSame() {
        var table = HashTable.of(fill(5000).toBytes());
        assertThat(table.count()).isEqualTo(5000);
        for (var i = 1L; i <= 5000; i++) {
            var inode = i << 32 | i;
            assertThat(table.find(file(i % 3, inode, i, WHEN.plusNanos(i)))).isEqualTo(hash(i));
            assertThat(table.has(file(i % 3 + 1, inode, i, WHEN.plusNanos(i)))).isFalse();
            assertThat(table.has(file(i % 3, inode + 5000, i, WHEN.plusNanos(i))))
                    .isFalse();
            assertThat(table.has(file(i % 3, inode, i + 1, WHEN.plusNanos(i)))).isFalse();
            assertThat(table.has(file(i % 3, inode, i, WHEN.plusNanos(i + 1)))).isFalse();
            assertThat(table.has(file(i % 3, inode, i, WHEN.plusNanos(i).minusSeconds(1))))
                    .isFalse();
        }
    }

    @Test
    void aFileThatChangedHasOnePlace() {
        var table = fill(10);
        table.put(1, 1L << 32 | 1, 77, WHEN, hash(77));
        assertThat(table.count()).isEqualTo(10);
        assertThat(table.find(file(1, 1L << 32 | 1, 77, WHEN))).isEqualTo(hash(77));
    }

    @Test
    void whatNobodyAsksForIsForgotten() {
        var table = fill(100);
        var used = file(1, 1L << 32 | 1, 1, WHEN.plusNanos(1));
        for (var i = 0; i < 8; i++) {
            assertThat(table.count()).isEqualTo(100);
            table = HashTable.of(table.toBytes());
            assertThat(table.find(used)).isEqualTo(hash(1));
        }
        assertThat(HashTable.of(table.toBytes()).count()).isEqualTo(1);
    }

    @Test
    void otherBytesAreAnEmptyTable() {
        var bytes = fill(100).toBytes();
        for (var wrong : new byte[][] {
            {},
            {1},
            new byte[72],
            new byte[bytes.length],
            Arrays.copyOf(bytes, bytes.length - 72),
            Arrays.copyOf(bytes, 9)
        }) {
            assertThat(HashTable.of(wrong).count()).isZero();
        }
        Arrays.fill(bytes, 16, bytes.length, (byte) -1); // a table without an end
        assertThat(HashTable.of(bytes).has(file(1, 1, 1, WHEN))).isFalse();
    }
}
